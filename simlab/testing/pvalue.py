"""Monte Carlo p-values of likelihood-ratio tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from simlab.data.frames import Data
from simlab.errors import FitError, check_level
from simlab.fitting.errors import one_of
from simlab.moments import Floats
from simlab.testing.checks import check_memory, check_threads, check_whole
from simlab.testing.draws import Progress
from simlab.testing.models import Missing, fit_models, named
from simlab.testing.multiplicity import adjust
from simlab.testing.nested import null_draws
from simlab.testing.references import references
from simlab.testing.result import PValue, PValues


def pvalue(
    data: Data,
    null: str,
    alternative: str | Sequence[str] | Mapping[str, str],
    *,
    draws: int = 9999,
    method: Literal["auto", "REML", "ML"] = "auto",
    seed: int = 0,
    jobs: int = -1,
    stop: int | None = None,
    exact_draws: int = 100_000,
    level: float = 0.95,
    missing: Missing = "drop",
    source: str = "the data",
    progress: Progress | None = None,
) -> PValue | PValues:
    """Test a null model against a larger one by simulation from the null.

    T = D₀ − D₁ is the likelihood-ratio statistic. The fitted null model is drawn from, both models
    are refitted to every draw, and

        p = (1 + #{T* ≥ T}) / (B + 1).

    Draws with T* = 0 count as all others do: for a variance they are half of them or more, and
    without them p would be about twice too large.

    Parameters
    ----------
    data : pandas.DataFrame or dict
        One row per unit.
    null : str
        Formula of the null model, in lme4's notation; without a bar it is a linear model.
    alternative : str, sequence of str, or dict
        Formula of the larger model. With several (in a dict, by name) all are refitted to the
        same draws, and the p-values adjusted for their number.
    draws : int
        B; with `stop`, the most that there may be.
    method : {"auto", "REML", "ML"}
        auto: REML if all fixed parts are the same, otherwise ML.
    seed : int
        Seed of the random streams, 0 or more.
    jobs : int
        Threads; −1 for one per core. No number depends on it.
    stop : int, optional
        Stop at the draw in which T* ≥ T for the `stop`-th time; then p = stop/draws (Besag &
        Clifford 1991, Biometrika 78:301). Large p-values need few draws.
    exact_draws : int
        Draws from the exact null distribution, where there is one; 0 to leave it out.
    level : float
        Coverage of the interval of the p-value.
    missing : {"drop", "raise"}
        Rows where a variable of any of the formulas is missing are left out, with a warning that
        counts them; or they are an error.
    source : str
        Name of the data in error messages.
    progress : object, optional
        Receiver of how far the draws are; see `draws.Progress`.

    Returns
    -------
    PValue
        Or PValues, if the alternative is a sequence or a dict.

    Raises
    ------
    FormulaError, DataError
        As `simlab.fit`.
    FitError
        If the models are not nested or not comparable, or an option makes no sense; one line says
        what to do.

    Warns
    -----
    FitWarning
        If rows were left out, or all but a few values of a text column are numbers.

    Examples
    --------
    >>> import simlab
    >>> test = simlab.pvalue(
    ...     simlab.data.hs(),
    ...     null="mathach ~ ses + (1 | school)",
    ...     alternative="mathach ~ ses + (1 + ses | school)",
    ... )
    >>> round(test.p_value, 4)
    0.2703
    """
    alternatives = named(alternative)
    one_of(method, ("auto", "REML", "ML"), "method")
    check_whole("draws", draws, 1)
    check_whole("seed", seed, 0)
    check_whole("exact_draws", exact_draws, 0)
    check_threads(jobs)
    _check_stop(stop, draws, len(alternatives))
    check_level(level)
    one_of(missing, ("drop", "raise"), "missing")
    check_memory("draws", draws * len(alternatives) if stop is None else 0)
    check_memory("exact_draws", exact_draws)
    nested = fit_models(data, null, alternatives, method, missing, source)
    T = null_draws([*nested.values()], draws, seed, jobs, stop, progress)
    tests = {
        name: PValue(
            one, T[:, m], stop, level,
            references(one, None if stop else T[:, m], exact_draws, seed, jobs),
        )
        for m, (name, one) in enumerate(nested.items())
    }  # fmt: skip
    return next(iter(tests.values())) if isinstance(alternative, str) else _together(tests, T)


def _check_stop(stop: int | None, draws: int, alternatives: int) -> None:
    """Refuse a stop beyond the draws, or with several alternatives."""
    if stop is None:
        return
    check_whole("stop", stop, 1)
    if stop > draws:
        raise FitError(f"stop is {stop} and there are at most {draws} draws; make stop smaller")
    if alternatives > 1:
        raise FitError(
            "stop is for one alternative; p-values adjusted for several need the same draws for "
            "all of them"
        )


def _together(tests: dict[str, PValue], T: Floats) -> PValues:
    """Adjust the p-values for their number; statistics are alike if their large-sample laws are."""
    observed = np.array([test.statistic for test in tests.values()])
    raw = np.array([test.p_value for test in tests.values()])
    laws = {(r.df, r.random) for r in (test.nested.restriction for test in tests.values())}
    procedure, *adjusted = adjust(observed, T, raw, len(laws) == 1)
    columns = ["single_step", "step_down", "holm", "bonferroni"]
    frame = pd.DataFrame(
        {"statistic": observed, "p_value": raw} | dict(zip(columns, adjusted, strict=True)),
        index=pd.Index(tests, name="alternative"),
    )
    return PValues(tests, procedure, frame)
