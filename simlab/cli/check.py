"""`simlab check`: what a study would do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from simlab.cli.choices import Config
from simlab.text import wrapped

if TYPE_CHECKING:
    from simlab.config import Study


def check(config: Config) -> None:
    """Validate a study without running it, and say what it would do."""
    from simlab.study import load

    for line in summary_lines(load(config)):
        print(line)


def summary_lines(study: Study) -> Iterator[str]:
    """Lines on what a study would do; a ConfigError if it cannot be done."""
    from simlab import runner
    from simlab.cli.console import warnings_on_stderr
    from simlab.estimators import REGISTRY
    from simlab.text.numbers import counted

    with warnings_on_stderr():
        work = runner.prepare(study, room=runner.Room(study.parallel))
    blocks = -(-study.replicates // study.block) * len(work.jobs)
    most = "at most " * bool(study.until) + counted(study.replicates, "replicate")
    lines = [f"{counted(len(work.jobs), 'condition')} × {most} in {counted(blocks, 'block')}"]
    if until := study.until:
        lines.append(f"until MCSE({until.measure}) ≤ {until.mcse:g}, at least {study.least:,}")
    applied = [method.name for method in work.methods]
    lines.append(f"estimators: {', '.join(applied)}")
    for name in REGISTRY if study.estimators is None else ():
        if name not in applied:
            lines.append(f"without {name}: the generator does not tell G and sigma2")
    lines.append(f"terms: {', '.join(work.terms)}")
    others = dict.fromkeys(term for method in work.methods for term in method.others)
    for term in others:
        if not all(term in true for true in work.truth):
            lines.append(f"without bias and coverage of {term}: what is true is not told")
    for hypothesis in work.hypotheses:
        lines.append(f"test {hypothesis.name}: {', '.join(hypothesis.kinds)}")
    for job in work.jobs:
        levels = ", ".join(f"{k} = {v}" for k, v in job.condition.levels.items() if str(v) != "nan")
        how = "rows" if job.rows else "moments"
        lines.append(f"{job.condition.index:>3}  {levels or 'base'}  (drawn as {how})")
    yield wrapped(f"{study.file or study.name}: valid")
    for line in lines:
        yield wrapped(line, "      ", "  ")
