"""What the command `pvalue` does: read, test with a progress bar, print and draw."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal, NamedTuple

from simlab.commands import reading
from simlab.commands.console import Bar, warnings_on_stderr
from simlab.commands.written import check_inputs
from simlab.fitting.errors import FitError
from simlab.testing.models import Missing
from simlab.testing.pvalue import pvalue as test
from simlab.testing.result import PValue
from simlab.text.plain import exact

PICTURES = (".png", ".svg", ".pdf")

Format = Literal["text", "csv"]


class Options(NamedTuple):
    """How to test, and how to tell.

    Attributes
    ----------
    draws, stop, seed, jobs, level, method, missing
        As for `simlab.pvalue`.
    format : {"text", "csv"}
        What to print.
    figure : Path or None
        Where to draw the null distributions.
    quiet : bool
        No progress bar.
    """

    draws: int
    method: Literal["auto", "REML", "ML"]
    stop: int | None
    seed: int
    jobs: int
    level: float
    missing: Missing
    format: Format
    figure: Path | None
    quiet: bool


def pvalue(source: str, null: str, alternatives: tuple[str, ...], options: Options) -> None:
    """Print the p-value of one alternative, or of several with their adjusted ones."""
    if options.figure is not None:
        _check_figure(options.figure)
        check_inputs(options.figure, source)
    df = reading.by_formulas(source, null, *alternatives)
    with warnings_on_stderr(), Bar(options.quiet, "draws", passing=True) as bar:
        found = test(
            df, null, alternatives[0] if len(alternatives) == 1 else alternatives,
            draws=options.draws, method=options.method, seed=options.seed, jobs=options.jobs,
            stop=options.stop, level=options.level, missing=options.missing, source=source,
            progress=bar,
        )  # fmt: skip
    if options.format == "csv":
        found.to_frame().reset_index().to_csv(exact(sys.stdout), index=False)
    else:
        print(found)
    if options.figure is not None:
        from simlab.plots.null_figure import null_figure

        tests = [found] if isinstance(found, PValue) else list(found.tests.values())
        null_figure(tests).savefig(options.figure, dpi=150)
        print(f"{options.figure}: written", file=sys.stderr)


def _check_figure(path: Path) -> None:
    """Refuse, before anything is drawn, a file that cannot be written."""
    if path.suffix not in PICTURES:
        raise FitError(f"--figure is {path}; its name must end in {', '.join(PICTURES)}")
    if not path.parent.is_dir():
        raise FitError(f"--figure is {path}; there is no folder {path.parent}")
