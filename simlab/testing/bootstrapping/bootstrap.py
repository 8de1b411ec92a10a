"""Bootstrap standard errors and confidence intervals of any function of a fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from simlab.errors import check_level
from simlab.fitting.errors import FitError, one_of
from simlab.fitting.result import MixedFit
from simlab.moments import Floats
from simlab.testing.bootstrapping import row_samples, samples
from simlab.testing.bootstrapping.result import (
    COLUMNS,
    INTERVALS,
    Bootstrap,
    Interval,
    Kind,
    interval_table,
)
from simlab.testing.bootstrapping.statistics import (
    Estimates,
    Function,
    Named,
    Statistic,
    once,
    read,
)
from simlab.testing.checks import check_memory, check_threads, check_whole
from simlab.testing.draws import Progress
from simlab.testing.monte_carlo import Bools

FEWEST_CLUSTERS = 3
SAMPLES = {
    "parametric": (samples.parametric, row_samples.parametric),
    "clusters": (samples.clusters, row_samples.clusters),
}
"""Samples of both kinds: refitted in the compiled loop, and as rows."""


def bootstrap(
    fit: MixedFit,
    statistic: Statistic | list[Statistic] = "all",
    *,
    draws: int = 1999,
    kind: Kind = "parametric",
    interval: Interval | tuple[Interval, ...] = INTERVALS,
    level: float = 0.95,
    seed: int = 0,
    jobs: int = -1,
    progress: Progress | None = None,
) -> Bootstrap:
    """Bootstrap a fit.

    Parameters
    ----------
    fit
        A fitted model that converged, of at least 3 clusters.
    statistic
        One of these, or a list of them.

        * ``"fixef"``: the fixed effects. ``"varcorr"``: standard deviations and correlations of
          the random effects. ``"G"``: variances and covariances. ``"sigma"``, ``"sigma2"``.
          ``"icc"``: s_u²/(s_u² + σ²) with s_u² the mean of z'Gz over the rows, which is
          g_00/(g_00 + σ²) for a random intercept. ``"r2"``: marginal and conditional, as
          `MixedFit.r2`. ``"all"``: all these but G and sigma2.
        * A single name: a coefficient, ``"sd(ses)"``, ``"cor((Intercept),ses)"``,
          ``"var(ses)"``, ``"r2_marginal"``.
        * Weights of the coefficients, as in `MixedFit.wald`: ``{"ses": 1, "ses:sex": 1}``.
        * A function of a `MixedFit` that gives a number, a sequence of numbers, a Series or a
          dict. Models are then refitted from rows, one by one, at about a millisecond row_samples.
    draws
        B. With 1999 the ends of a 95 % interval are the 50th and the 1950th draw.
    kind
        ``"parametric"``: new u ~ N(0, Ĝ) and ε ~ N(0, σ̂²I) for the same X and Z.
        ``"clusters"``: J whole clusters drawn with replacement, one drawn twice counting as two;
        this assumes neither normality nor that G and σ² are the same everywhere, but needs many
        clusters.
    interval
        Kinds of interval; none for an empty tuple. BCa has its acceleration from refits with one
        cluster left out, the clusters being what is independent; for parametric draws too.
    level
        Confidence level of the intervals.
    seed
        The same seed gives the same draws, whatever the statistics, and for any number of
        threads; fewer draws are the first of more.
    jobs
        Threads; −1 for one per core. Functions are called one after the other.
    progress
        Receiver of how far the draws are, as in `simlab.pvalue`.

    Returns
    -------
    Bootstrap

    Raises
    ------
    FitError
        If the fit is none that can be drawn from, or an option does not exist.

    Notes
    -----
    Efron & Tibshirani 1993, *An Introduction to the Bootstrap*; Davison & Hinkley 1997, *Bootstrap
    Methods and their Application*. Whole clusters: Field & Welsh 2007, Journal of the Royal
    Statistical Society B 69:369.

    Examples
    --------
    >>> import simlab
    >>> fit = simlab.fit("mathach ~ ses + (1 | school)", simlab.data.hs())
    >>> result = simlab.bootstrap(fit, ["ses", "icc"], draws=999)
    >>> list(result.estimate.index)
    ['ses', 'icc']
    """
    wanted = _check(fit, draws, kind, interval, seed, jobs)
    level = check_level(level)
    parts = read(statistic, fit)
    named = [part for part in parts if isinstance(part, Named)]
    functions = [part for part in parts if not isinstance(part, Named)]
    estimate = _estimate(fit, named, functions)
    check_memory("draws", draws * len(estimate))
    if progress is not None:
        progress.start(draws, 0)
    sample, rows = SAMPLES[kind]
    chunks = sample(fit, draws, seed, jobs)
    of_names = _values(named, chunks if functions else _counted(chunks, draws, progress))
    values = of_names.values[:draws]
    if functions:
        designs = rows(fit, draws, seed)
        of_functions = row_samples.values(functions, fit, designs, draws, progress)
        values = np.column_stack([values, of_functions])
    replicates = pd.DataFrame(values, columns=estimate.index).rename_axis("draw")
    failed = pd.Series(of_names.failed[:draws], name="failed")

    without = _jackknife(fit, named, functions, jobs) if "bca" in wanted else None
    jackknife = None if without is None else pd.DataFrame(
        without, index=fit.design.clusters, columns=estimate.index
    )  # fmt: skip
    tables = {k: interval_table(replicates, estimate, jackknife, k, level) for k in wanted}
    why = (note for table in tables.values() for note in table.attrs["notes"])
    return Bootstrap(
        formula=fit.design.formula,
        method=fit.method,
        kind=kind,
        estimate=estimate,
        replicates=replicates,
        singular=pd.Series(of_names.singular[:draws], name="singular"),
        failed=failed,
        jackknife=jackknife,
        intervals=_stacked(tables, estimate.index),
        level=level,
        seed=seed,
        notes=(*_lacking(replicates, failed), *why),
    )


class _Values(NamedTuple):
    """Named statistics of B fits, (B, q), and which of them failed or are singular, (B,) bool."""

    values: Floats
    failed: Bools
    singular: Bools


def _counted(
    chunks: Iterable[Estimates], draws: int, progress: Progress | None
) -> Iterator[Estimates]:
    """Pass chunks on and count them; the last one may hold more than is left to be drawn."""
    left = draws
    for e in chunks:
        if progress is not None:
            progress.advance(min(left, len(e.sigma2)), int(e.failed[:left].sum()))
        left -= len(e.sigma2)
        yield e


def _values(named: list[Named], chunks: Iterable[Estimates]) -> _Values:
    parts = []
    for e in chunks:
        columns = [np.empty((len(e.sigma2), 0)), *(part.values(e) for part in named)]
        parts.append(_Values(np.concatenate(columns, axis=1), e.failed, e.singular))
    return _Values(*map(np.concatenate, zip(*parts, strict=True)))


def _estimate(fit: MixedFit, named: list[Named], functions: list[Function]) -> pd.Series[float]:
    """Statistics of the fit itself."""
    own = _values(named, [samples.of_fit(fit)]).values[0]
    others = [row_samples.value(function, fit) for function in functions]
    labels = [*(x for part in named for x in part.labels), *(x for v in others for x in v.index)]
    once(labels)
    numbers = np.concatenate([own, *others])
    return pd.Series(numbers, index=pd.Index(labels, name="statistic"), name="estimate")


def _jackknife(fit: MixedFit, named: list[Named], functions: list[Function], jobs: int) -> Floats:
    """Statistics with one cluster left out, (J, q)."""
    values = _values(named, samples.jackknife(fit, jobs)).values
    if functions:
        J = fit.nclusters
        designs = row_samples.of_clusters(fit, samples.all_but(np.arange(J), J))
        values = np.column_stack([values, row_samples.values(functions, fit, designs, J)])
    return values


def _stacked(tables: dict[Interval, pd.DataFrame], labels: pd.Index) -> pd.DataFrame:
    """Tables of all kinds of interval, one statistic after the other."""
    index = pd.MultiIndex.from_product([labels, list(tables)], names=["statistic", "interval"])
    ends = [table.to_numpy() for table in tables.values()]
    rows = np.stack(ends, axis=1).reshape(-1, len(COLUMNS)) if ends else None
    return pd.DataFrame(rows, index=index, columns=COLUMNS, dtype=float)


def _lacking(replicates: pd.DataFrame, failed: pd.Series[bool]) -> list[str]:
    """How many draws failed, and how often a statistic does not exist where they did not."""
    notes = []
    if failed.any():
        notes.append(
            f"{int(failed.sum())} of {len(failed)} draws could not be fitted; they are left out"
        )
    absent = replicates.isna().sum() - int(failed.sum())
    notes += [
        f"{name} does not exist in {n} of {len(failed)} draws; these are left out of its numbers"
        for name, n in absent.items()
        if n > 0
    ]
    return notes


def _check(
    fit: object, draws: object, kind: object, interval: object, seed: object, jobs: object
) -> tuple[Interval, ...]:
    """Refuse what cannot be; return the kinds of interval."""
    if not isinstance(fit, MixedFit):
        raise FitError(
            f"bootstrap needs a fitted model, not {type(fit).__name__}; give it simlab.fit(…)"
        )
    one_of(kind, tuple(SAMPLES), "kind")
    wanted = (interval,) if isinstance(interval, str) else interval
    if not isinstance(wanted, tuple | list):
        raise FitError(f"interval is {interval!r}; give one of {', '.join(INTERVALS)}, or several")
    for one in wanted:
        one_of(one, INTERVALS, "interval")
    check_whole("draws", draws, 2)
    check_whole("seed", seed, 0)
    check_threads(jobs)
    if not fit.converged:
        raise FitError(
            "the fit did not converge: there is nothing to draw from; simplify the model"
        )
    if fit.nclusters < FEWEST_CLUSTERS:
        raise FitError(
            f"{fit.design.cluster_name} has {fit.nclusters} clusters; a bootstrap of what varies "
            f"between them needs {FEWEST_CLUSTERS} or more"
        )
    return tuple(dict.fromkeys(wanted))
