"""Monte Carlo p-values of likelihood-ratio tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from simlab.data.frames import Data
from simlab.errors import check_level
from simlab.fitting.errors import FitError, one_of
from simlab.memory import lacking
from simlab.moments import Floats
from simlab.parallel.errors import check_jobs
from simlab.testing.draws import COPIES, Progress
from simlab.testing.models import Missing, fit_models, named, notes_of
from simlab.testing.monte_carlo import Bools, interval, p_value, reaches
from simlab.testing.multiplicity import adjust
from simlab.testing.nested import NestedFits, null_draws
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
        Of the random streams, 0 or more.
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
        What error messages call the data.
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
    _check(draws, method, seed, jobs, stop, exact_draws, level)
    one_of(missing, ("drop", "raise"), "missing")
    if stop is not None and len(alternatives) > 1:
        raise FitError(
            "stop is for one alternative; p-values adjusted for several need the same draws for "
            "all of them"
        )
    _check_memory(draws if stop is None else 0, exact_draws, len(alternatives))
    tested = fit_models(data, null, alternatives, method, missing, source)
    hypotheses = list(tested.values())
    observed = np.array([one.statistic for one in hypotheses])
    T = null_draws(hypotheses, draws, seed, jobs, stop, progress)
    reached = reaches(T, observed)
    tests = {
        name: _result(
            hypothesis, T[:, m], reached[:, m], stop, level,
            references(hypothesis, None if stop else T[:, m], exact_draws, seed, jobs),
        )
        for m, (name, hypothesis) in enumerate(tested.items())
    }  # fmt: skip
    if isinstance(alternative, str):
        return next(iter(tests.values()))
    return _together(tests, hypotheses, T)


def _check(
    draws: int, method: str, seed: int, jobs: int, stop: int | None, exact_draws: int, level: float
) -> None:
    one_of(method, ("auto", "REML", "ML"), "method")
    whole = {"draws": (draws, 1), "seed": (seed, 0), "exact_draws": (exact_draws, 0)}
    if stop is not None:
        whole["stop"] = (stop, 1)
    for name, (value, least) in whole.items():
        if not _is_whole(value) or value < least:
            raise FitError(f"{name} is {value!r}; it must be a whole number, {least} or more")
    if not _is_whole(jobs) or jobs == 0:
        raise FitError(f"jobs is {jobs!r}; it must be a number of threads, or -1 for one per core")
    check_jobs(jobs)
    if stop is not None and stop > draws:
        raise FitError(f"stop is {stop} and there are at most {draws} draws; make stop smaller")
    check_level(level)


def _check_memory(draws: int, exact_draws: int, alternatives: int) -> None:
    """Refuse draws that will not fit into memory."""
    each = 8 * COPIES
    for name, number in (("draws", draws * alternatives), ("exact_draws", exact_draws)):
        if told := lacking(each * number):
            raise FitError(f"{name} is too large: {number:,} statistics need {told}")


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _result(
    hypothesis: NestedFits, T: Floats, reached: Bools, stop: int | None, level: float,
    others: pd.DataFrame,
) -> PValue:  # fmt: skip
    null, _, alternative = hypothesis
    exceedances = int(reached.sum())
    return PValue(
        statistic=hypothesis.statistic,
        p_value=p_value(reached, stop),
        interval=interval(reached, stop, level),
        level=level,
        exceedances=exceedances,
        draws=len(T),
        failures=int(np.isnan(T).sum()),
        zeros=float((T == 0).mean()),
        simulated=T,
        stopped=stop is not None and exceedances >= stop,
        references=others,
        method=alternative.method,
        formulas=(null.design.formula, alternative.design.formula),
        hypothesis=hypothesis.says,
        naive_df=hypothesis.restriction.df,
        mixture=hypothesis.restriction.mixture,
        notes=notes_of(hypothesis),
        fits=(null, alternative),
    )


def _together(tests: dict[str, PValue], hypotheses: list[NestedFits], T: Floats) -> PValues:
    """Adjust the p-values for their number; statistics are alike if their large-sample laws are."""
    observed = np.array([test.statistic for test in tests.values()])
    raw = np.array([test.p_value for test in tests.values()])
    laws = {(one.restriction.df, one.restriction.random) for one in hypotheses}
    procedure, *adjusted = adjust(observed, T, raw, len(laws) == 1)
    columns = ["single_step", "step_down", "holm", "bonferroni"]
    frame = pd.DataFrame(
        {"statistic": observed, "p_value": raw} | dict(zip(columns, adjusted, strict=True)),
        index=pd.Index(tests, name="alternative"),
    )
    return PValues(tests, procedure, frame)
