"""`simlab bootstrap`: standard errors and intervals of one mixed model from its bootstrap."""

from __future__ import annotations

from typing import Literal

from simlab.cli.choices import ML, Data, Jobs, Level, Tidy, Words


def bootstrap(
    data: Data,
    formula: str,
    *,
    statistic: Words = ("all",),
    draws: int = 1999,
    kind: Literal["parametric", "clusters"] = "parametric",
    level: Level = 0.95,
    seed: int = 0,
    ml: ML = False,
    jobs: Jobs = -1,
    format: Tidy = "text",
    quiet: bool = False,
) -> None:
    """Fit a mixed model, and print bootstrap standard errors and confidence intervals.

    Parameters
    ----------
    formula
        In quotes: "mathach ~ ses * sector + (1 + ses | school)".
    statistic
        all, fixef, varcorr, G, sigma, sigma2, icc, r2, or single names, such as ses or "sd(ses)".
    draws
        How many.
    kind
        New responses from the fitted model, or whole clusters drawn with replacement.
    seed
        The same seed gives the same draws.
    quiet
        No progress bar.
    """
    from simlab.cli.console import Bar, show, warnings_on_stderr
    from simlab.cli.reading import by_formulas
    from simlab.fitting.model import fit
    from simlab.testing.bootstrapping.bootstrap import bootstrap as bootstrapped

    rows = by_formulas(data, formula)
    with warnings_on_stderr():
        fitted = fit(formula, rows, "ML" if ml else "REML", source=data)
    with Bar(quiet, "refits", passing=True) as bar:
        result = bootstrapped(
            fitted, list(statistic), draws=draws, kind=kind, level=level, seed=seed, jobs=jobs,
            progress=bar,
        )  # fmt: skip
    show(result, format, f"Bootstrap of {formula}")
