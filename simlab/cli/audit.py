"""`simlab audit`: which methods to trust on one data set."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from simlab.cli.choices import Cluster, Data, Group, Jobs, Level, Tidy, X, Y
from simlab.errors import UsageError
from simlab.text import Part
from simlab.text.plain import Plain, exact

if TYPE_CHECKING:
    from simlab.auditing import Audit
    from simlab.auditing.subject import Subject


def audit(
    data: Data,
    *,
    y: Y,
    x: X,
    cluster: Cluster,
    group: Group = None,
    replicates: int = 2000,
    draws: int = 50,
    seed: int = 0,
    level: Level = 0.95,
    jobs: Jobs = -1,
    report: Path | None = None,
    config: Path | None = None,
    format: Tidy = "text",
    quiet: bool = False,
) -> None:
    """Say which methods can be trusted on one data set, for which question.

    Parameters
    ----------
    replicates
        Samples for each question and parameter set, 100 or more.
    draws
        Parameter sets drawn from the sampling distribution of the fit; 0 for a first answer only.
    seed
        Root of the random streams.
    report
        HTML file to write, with pictures.
    config
        YAML file to write, from which simlab run gives the very same estimates.
    quiet
        No first answer and no progress bar.
    """
    from simlab.auditing import run
    from simlab.auditing.studies import base_study
    from simlab.auditing.subject import Roles, subject
    from simlab.auditing.text import answer
    from simlab.auditing.text import report as as_text
    from simlab.cli.console import Bar, show
    from simlab.cli.reading import by_roles
    from simlab.cli.written import check_folder, check_inputs, write

    run.check_sizes(replicates, draws)
    for option, file in (("--report", report), ("--config", config)):
        if file is not None:
            check_folder(option, file)
    rows = by_roles(data, cluster, group)
    s = subject(rows, Roles(y, x, cluster, group), level, data)
    study = base_study(s, replicates, seed, level)
    _check_config(s, config)
    check_inputs(report, data, config)
    check_inputs(config, data)
    with Bar(quiet) as bar:
        first = run.begin(s, study, jobs, bar)
    if draws and not quiet:
        _show(answer(first), sys.stderr)
        print(f"\nnow with {draws} other parameter sets …\n", file=sys.stderr)
    with Bar(quiet) as bar:
        result = run.complete(first, draws, jobs, bar)
    if format == "text":
        _show(as_text(result), sys.stdout)
    else:
        show(result, format, f"Audit of {data}")
    if report is not None:
        write(report, result.html())
    if config is not None:
        _write_config(result, config)


def _show(parts: Sequence[Part | list[Part]], stream: TextIO) -> None:
    """Print parts of the report, in colours on a terminal; their lines are broken already."""
    from rich.console import Console

    from simlab.auditing.text import coloured

    file = cast("TextIO", Plain(exact(stream, always=True), colours=True))
    Console(file=file).print(coloured(parts), highlight=False, soft_wrap=True)


def _check_config(s: Subject, config: Path | None) -> None:
    """Refuse a folder from which the study would not find its data, or has others."""
    from simlab import data
    from simlab.cli.written import check_data

    if config is not None and s.dropped:
        check_data(config.parent / s.name, s.rows.to_csv(index=False))
    if config is None or s.dropped or s.source in data.DATASETS:
        return
    reached = config.parent / s.source
    if not (reached.exists() and reached.samefile(s.source)):
        raise UsageError(
            f"{config}: a study finds its data from its own folder, and there is no {s.source} "
            f"in {config.parent}; write it where that name leads to the data, or name the data "
            "by their full path"
        )


def _write_config(result: Audit, config: Path) -> None:
    """Write the study, and next to it the complete rows where some were left out."""
    from simlab.cli.written import write

    write(config, result.config)
    if result.subject.dropped:
        write(config.parent / result.subject.name, result.subject.rows.to_csv(index=False))
