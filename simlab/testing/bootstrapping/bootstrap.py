"""Bootstrap standard errors and confidence intervals of any function of a fit."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

import numpy as np
import pandas as pd

from simlab.errors import check_level
from simlab.fitting.errors import FitError, one_of
from simlab.fitting.result import MixedFit
from simlab.formula.values import label
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
from simlab.testing.checks import NO_RESIDUAL, check_memory, check_threads, check_whole
from simlab.testing.draws import Progress
from simlab.testing.monte_carlo import Bools

FEWEST_CLUSTERS = 3
SAMPLES = {"parametric": samples.parametric, "clusters": samples.clusters}


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
          dict. Models are then refitted from rows, one by one, at about a millisecond each.
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
        Receiver of how far the refits are, as in `simlab.pvalue`; for BCa, those with one cluster
        left out count too.

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
    if kind == "clusters":
        _check_clusters(fit)
    level = check_level(level)
    parts = read(statistic, fit)
    named = [part for part in parts if isinstance(part, Named)]
    functions = [part for part in parts if not isinstance(part, Named)]
    estimate = _estimate(fit, named, functions)
    check_memory("draws", draws * len(estimate))
    if progress is not None:
        progress.start(draws + (fit.nclusters if "bca" in wanted else 0), 0)
    sample = SAMPLES[kind](fit, draws, seed, jobs)
    drawn = _statistics(fit, named, functions, sample, draws, progress)
    replicates = pd.DataFrame(drawn.values, columns=estimate.index).rename_axis("draw")
    failed = pd.Series(drawn.failed, name="failed")
    jackknife = None
    if "bca" in wanted:
        out = samples.jackknife(fit, jobs)
        without = _statistics(fit, named, functions, out, fit.nclusters, progress).values
        jackknife = pd.DataFrame(without, index=fit.design.clusters, columns=estimate.index)
    tables = {k: interval_table(replicates, estimate, jackknife, k, level) for k in wanted}
    why = (note for table in tables.values() for note in table.attrs["notes"])
    return Bootstrap(
        formula=fit.design.formula,
        method=fit.method,
        kind=kind,
        estimate=estimate,
        replicates=replicates,
        singular=pd.Series(drawn.singular, name="singular"),
        failed=failed,
        jackknife=jackknife,
        intervals=_stacked(tables, estimate.index),
        level=level,
        seed=seed,
        notes=(*_lacking(replicates, failed), *why),
    )


class _Values(NamedTuple):
    """Statistics of B fits, (B, q), and which of these failed or are singular, (B,) bool."""

    values: Floats
    failed: Bools
    singular: Bools


def _statistics(
    fit: MixedFit, named: list[Named], functions: list[Function],
    chunks: Iterable[samples.Sample], draws: int, progress: Progress | None = None,
) -> _Values:  # fmt: skip
    """Statistics of the first `draws`; the last chunk may hold more."""
    labels = [list(row_samples.value(function, fit).index) for function in functions]
    parts, left = [], draws
    for estimates, designs in chunks:
        n = min(left, len(estimates.sigma2))
        left -= n
        failed = estimates.failed[:n]
        values = _of_names(named, estimates)[:n]
        if functions:
            some = islice(designs, n)
            own = row_samples.values(functions, labels, fit, some, progress)
            values = np.column_stack([values, own])
        elif progress is not None:
            progress.advance(n, int(failed.sum()))
        parts.append(_Values(values, failed, estimates.singular[:n]))
    return _Values(*map(np.concatenate, zip(*parts, strict=True)))


def _of_names(named: list[Named], estimates: Estimates) -> Floats:
    """Statistics that have names, (B, q)."""
    columns = [np.empty((len(estimates.sigma2), 0)), *(part.values(estimates) for part in named)]
    return np.concatenate(columns, axis=1)


def _estimate(fit: MixedFit, named: list[Named], functions: list[Function]) -> pd.Series[float]:
    """Statistics of the fit itself."""
    own = _of_names(named, samples.of_fit(fit))[0]
    others = [row_samples.value(function, fit) for function in functions]
    labels = [*(x for part in named for x in part.labels), *(x for v in others for x in v.index)]
    once(labels)
    numbers = np.concatenate([own, *others])
    return pd.Series(numbers, index=pd.Index(labels, name="statistic"), name="estimate")


def _stacked(tables: dict[Interval, pd.DataFrame], labels: pd.Index) -> pd.DataFrame:
    """Tables of all kinds of interval, one statistic after the other."""
    index = pd.MultiIndex.from_product([labels, list(tables)], names=["statistic", "interval"])
    ends = [table.to_numpy() for table in tables.values()]
    rows = np.stack(ends, axis=1).reshape(-1, len(COLUMNS)) if ends else None
    return pd.DataFrame(rows, index=index, columns=COLUMNS, dtype=float)


def _lacking(replicates: pd.DataFrame, failed: pd.Series[bool]) -> list[str]:
    """Lines on draws that failed, and on statistics that do not exist in others."""
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


def _check_clusters(fit: MixedFit) -> None:
    """Refuse a model that cannot be fitted without some cluster: all its draws would hold it."""
    if (alone := np.flatnonzero(~samples.dispensable(fit))).size:
        which = f"{fit.design.cluster_name} {label(fit.design.clusters[alone[0]])}"
        raise FitError(
            f"without {which} the coefficients cannot all be estimated, so that draws of clusters "
            "do not show how they vary; take parametric draws, or a formula that does without "
            f"{which}"
        )


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
    if fit.no_residual:
        raise FitError(NO_RESIDUAL.format(fit.design.cluster_name))
    if fit.nclusters < FEWEST_CLUSTERS:
        raise FitError(
            f"{fit.design.cluster_name} has {fit.nclusters} clusters; a bootstrap of what varies "
            f"between them needs {FEWEST_CLUSTERS} or more"
        )
    return tuple(dict.fromkeys(wanted))
