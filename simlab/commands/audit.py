"""What `simlab audit` does: read, audit, print, write."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, TextIO, cast

from rich.console import Console

from simlab import data
from simlab.auditing import Audit, run
from simlab.auditing.studies import base_study
from simlab.auditing.subject import Roles, Subject, subject
from simlab.auditing.text import Part, answer, coloured, report
from simlab.commands import reading
from simlab.commands.console import Bar, write
from simlab.commands.written import check_data, check_inputs
from simlab.errors import UsageError
from simlab.text.plain import Plain, exact

Format = Literal["text", "csv"]


class Options(NamedTuple):
    """How to audit and what to write.

    Attributes
    ----------
    replicates, draws, seed, level, jobs
        As of `simlab.audit`.
    page, config : Path or None
        Files to write: a report as HTML, the configuration as YAML.
    format : {"text", "csv"}
        What to print.
    quiet : bool
        No first answer and no progress bar on stderr.
    """

    replicates: int
    draws: int
    seed: int
    level: float
    jobs: int
    page: Path | None
    config: Path | None
    format: Format
    quiet: bool


def audit(source: str, roles: Roles, options: Options) -> None:
    """Audit a data set: a first answer on stderr, then the report on stdout, and files."""
    run.check_draws(options.draws, options.replicates)
    df = reading.by_roles(source, roles.cluster, roles.group)
    s = subject(df, roles, options.level, source)
    study = base_study(s, options.replicates, options.seed, options.level)
    _check_config(s, options.config)
    check_inputs(options.page, source, options.config)
    check_inputs(options.config, source)
    with Bar(options.quiet) as bar:
        first = run.begin(s, study, options.jobs, bar)
    if options.draws and not options.quiet:
        _show(answer(first), sys.stderr)
        print(f"\nnow with {options.draws} other parameter sets …\n", file=sys.stderr)
    with Bar(options.quiet) as bar:
        found = run.complete(first, options.draws, options.jobs, bar)
    if options.format == "csv":
        found.verdicts.to_csv(exact(sys.stdout), index=False)
    else:
        _show(report(found), sys.stdout)
    if options.page is not None:
        write(options.page, found.html())
    if options.config is not None:
        _write_config(found, options.config)


def _show(parts: Sequence[Part], stream: TextIO) -> None:
    """Print parts of the report, in colours on a terminal; their lines are broken already."""
    file = cast("TextIO", Plain(exact(stream, always=True), colours=True))
    Console(file=file).print(coloured(parts), highlight=False, soft_wrap=True)


def _check_config(s: Subject, config: Path | None) -> None:
    """Refuse a folder from which the study would not find its data, or has others."""
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


def _write_config(found: Audit, config: Path) -> None:
    """Write the study, and beside it the complete rows where some were left out."""
    write(config, found.config)
    if found.subject.dropped:
        write(config.parent / found.subject.name, found.subject.rows.to_csv(index=False))
