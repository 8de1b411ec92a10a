"""What `simlab audit` does: read, audit, print, write."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal, NamedTuple

from rich.console import Console
from rich.rule import Rule

from simlab import data
from simlab.auditing import Audit, run
from simlab.auditing.studies import base_study
from simlab.auditing.subject import Roles, Subject, subject
from simlab.auditing.text import WIDTH, answer, report
from simlab.commands import reading
from simlab.commands.console import Bar, UsageError, write

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
    with Bar(options.quiet) as bar:
        first = run.begin(s, study, options.jobs, bar)
    if options.draws and not options.quiet:
        console = _console(sys.stderr)
        console.print(answer(first), Rule(f"now with {options.draws} other parameter sets"))
    with Bar(options.quiet) as bar:
        found = run.complete(first, options.draws, options.jobs, bar)
    if options.format == "csv":
        found.verdicts.to_csv(sys.stdout, index=False)
    else:
        console = _console(sys.stdout)
        console.print(report(found) if console.is_terminal else str(found), highlight=False)
    if options.page is not None:
        write(options.page, found.html())
    if options.config is not None:
        _write_config(found, options.config)


def _console(stream: object) -> Console:
    """A console as wide as a report is made for, at most."""
    console = Console(file=stream)  # type: ignore[arg-type]
    console.width = min(console.width, WIDTH) if console.is_terminal else WIDTH
    return console


def _check_config(s: Subject, config: Path | None) -> None:
    """Refuse a folder from which the study would not find its data."""
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
