"""`simlab pvalue`: a test of one model against larger ones, by simulation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from simlab.cli.choices import Data, Jobs, Missing, Tidy, Words
from simlab.errors import FitError

PICTURES = (".png", ".svg", ".pdf")


def pvalue(
    data: Data,
    *,
    null: str,
    alternative: Words,
    draws: int = 9999,
    method: Literal["auto", "REML", "ML"] = "auto",
    stop: int | None = None,
    seed: int = 0,
    jobs: Jobs = -1,
    level: float = 0.95,
    missing: Missing = "drop",
    format: Tidy = "text",
    figure: Path | None = None,
    quiet: bool = False,
) -> None:
    """Test a model against larger ones by the likelihood ratio, with p-values by simulation.

    Parameters
    ----------
    null
        Formula of the null model, in quotes; without a bar it is a linear model.
    alternative
        Formula of the larger model, in quotes; with several the p-values are adjusted too.
    draws
        From the null model.
    method
        auto: REML if the fixed parts are the same, otherwise ML.
    stop
        Stop when so many draws are as extreme as the data; for one alternative.
    seed
        Of the draws.
    level
        Confidence level of the interval of p.
    figure
        Draw the null distribution into this file: .png, .svg or .pdf.
    quiet
        No progress bar.
    """
    from simlab.cli.console import Bar, show, warnings_on_stderr
    from simlab.cli.reading import by_formulas
    from simlab.cli.written import check_inputs
    from simlab.testing.pvalue import pvalue as test
    from simlab.testing.result import PValue

    if figure is not None:
        _check_figure(figure)
        check_inputs(figure, data)
    rows = by_formulas(data, null, *alternative)
    with warnings_on_stderr(), Bar(quiet, "draws", passing=True) as bar:
        result = test(
            rows, null, alternative[0] if len(alternative) == 1 else alternative,
            draws=draws, method=method, seed=seed, jobs=jobs, stop=stop, level=level,
            missing=missing, source=data, progress=bar,
        )  # fmt: skip
    show(result, format, "Tests by simulation")
    if figure is not None:
        from simlab.plots.null import null_figure

        tests = [result] if isinstance(result, PValue) else list(result.tests.values())
        null_figure(tests).savefig(figure, dpi=150)
        print(f"{figure}: written", file=sys.stderr)


def _check_figure(path: Path) -> None:
    """Refuse, before anything is drawn, a file that cannot be written."""
    from simlab.cli.written import check_folder

    if path.suffix not in PICTURES:
        raise FitError(f"--figure is {path}; its name must end in {', '.join(PICTURES)}")
    check_folder("--figure", path)
