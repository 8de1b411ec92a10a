"""Every method on one data set.

A data set is a block of one replicate: the estimators are those of the studies.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import special

from simlab.data import DataError
from simlab.data.checks import check_apart, check_sizes, complete, numbered, numeric, require
from simlab.data.frames import Data, as_pandas
from simlab.errors import check_level
from simlab.estimators import METHODS
from simlab.estimators.base import Centred, Estimator, Sample, contrasts
from simlab.estimators.lines import fit_clusters
from simlab.estimators.pooled import line
from simlab.inference import infer
from simlab.moments import Floats, Ints, Moments, from_rows
from simlab.words import OVERALL, Status, Term, ambiguous_place, term_names

APPLICABLE = tuple(m for m in METHODS if not m.oracle and m.needs == "moments")
"""The methods that data are enough for."""

EPS = 2e-15  # of the largest y: a standard error below it is rounding


class Clustered(NamedTuple):
    """A data frame reduced to moments."""

    # with the groups as sectors, and with all clusters as one
    sample: Sample
    overall: Sample
    sectors: tuple[str, ...]  # names of the groups; one empty name without groups
    dropped_rows: dict[str, int]  # missing values by column; their rows were left out

    @property
    def moments(self) -> Moments:
        """Moments, with the groups as sectors."""
        return self.sample.moments


def cluster_moments(
    data: Data, y: str, x: str, cluster: str, group: str | None, source: str = "the data"
) -> Clustered:
    """Check a data frame and reduce it to the moments of its clusters.

    DataError in one line: a column that is missing, not numeric, infinite, or too large or small to
    be squared, fewer than two clusters, x constant in every cluster, a constant y, or a group that
    varies within clusters (which are named).
    """
    roles = {"y": y, "x": x, "cluster": cluster} | ({"group": group} if group else {})
    table = as_pandas(data, source)
    require(table, roles, source)
    if repeated := {name for name in roles.values() if list(roles.values()).count(name) > 1}:
        names = ", ".join(f"'{name}'" for name in sorted(repeated))
        raise DataError(f"{source}: {names} has two roles; y, x, cluster and group must differ")
    kept, missing = complete(table, list(roles.values()), source)
    y_values, x_values = numeric(kept, y, source), numeric(kept, x, source)
    check_sizes(np.column_stack([y_values, x_values]), (y, x), source)
    if np.ptp(y_values) == 0:
        raise DataError(f"{source}: '{y}' has the same value in every row, so nothing explains it")
    codes, clusters = numbered(kept[cluster], cluster, source)
    if len(clusters) < 2:
        raise DataError(f"{source}: '{cluster}' names one cluster; two or more are needed")
    sector, sectors = _sectors(kept, cluster, codes, clusters, group, source)
    order = np.argsort(sector, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    grouped = _sample(x_values, y_values, rank[codes], sector[order])
    if not (grouped.moments.ss_x > 0).any():
        raise DataError(
            f"{source}: '{x}' is constant within every '{cluster}'; only the ecological "
            "regression of cluster means is left, and that is not a comparison"
        )
    overall = _sample(x_values, y_values, codes, np.zeros_like(order))
    return Clustered(grouped, overall, sectors, missing)


def _sample(x: Floats, y: Floats, codes: Ints, sector: Ints) -> Sample:
    """One data set as the methods get it, also about its grand means."""
    x0, y0 = float(x.mean()), float(y.mean())
    near = from_rows(x, y, codes, sector, (x0, y0))
    return Sample(near.moved(x0, y0), about_mean=Centred(near, x0, y0))


def _sectors(
    df: pd.DataFrame, cluster: str, codes: Ints, clusters: pd.Index[str], group: str | None,
    source: str,
) -> tuple[Ints, tuple[str, ...]]:  # fmt: skip
    """Sector of each cluster, and the names of the sectors."""
    if group is None:
        return np.zeros(len(clusters), dtype=np.int64), ("",)
    values = df[group]
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.cat.remove_unused_categories()
        levels, of_row = list(values.cat.categories), values.cat.codes.to_numpy()
    else:
        try:
            of_row, unique = pd.factorize(values, sort=True)
        except TypeError:
            raise DataError(
                f"{source}: the values of '{group}' cannot be put in order; make them text: "
                f"df[{group!r}] = df[{group!r}].astype(str)"
            ) from None
        levels = list(unique)
        check_apart(levels, group, source)
    first = np.full(len(clusters), -1, dtype=np.int64)
    first[codes[::-1]] = of_row[::-1]
    varying = clusters[np.unique(codes[of_row != first[codes]])]
    if len(varying):
        some = ", ".join(f"'{name}'" for name in varying[:5]) + (", …" if len(varying) > 5 else "")
        raise DataError(
            f"{source}: '{group}' varies within {len(varying)} of the clusters of '{cluster}' "
            f"({some}); a group must be the same for all rows of a cluster"
        )
    if len(levels) > len(clusters) // 2:
        raise DataError(
            f"{source}: '{group}' has {len(levels)} levels for {len(clusters)} clusters; "
            "each needs at least two clusters on the average"
        )
    sectors = tuple(str(level) for level in levels)
    if (place := ambiguous_place(sectors, OVERALL)) is not None:
        raise DataError(
            f"{source}: '{group}' has the level {place!r}, which results could not tell from "
            f"all groups together, or from a difference of two groups; rename it"
        )
    return first, sectors


def compare(
    data: Data, y: str, x: str, cluster: str, group: str | None = None, *,
    level: float = 0.95, source: str = "the data",
) -> pd.DataFrame:  # fmt: skip
    """Apply every method to a data set.

    Parameters
    ----------
    data : pandas.DataFrame
        One row per unit.
    y, x, cluster, group : str
        Columns: response, covariate, cluster, and optionally a group of clusters
        (a sector). Groups are ordered as their categories, or sorted.
    level : float
        Of the intervals.
    source : str
        What error messages call the data.

    Returns
    -------
    pandas.DataFrame
        Tidy: method, term, estimate, std_error, df, lower, upper, p_value,
        status, dropped. Terms are `slope` without a group; with one, `slope[A]`,
        `slope[B]`, the difference `slope[B - A]` from one model with all groups,
        and `slope[all]` from the model that ignores the groups.
        ``attrs["missing"]`` counts missing values by column: their rows are left out.

    Raises
    ------
    DataError
        In one line, when the data do not allow a comparison.
    LevelError
        If the level is not between 0 and 1.
    """
    level = check_level(level)
    clustered = cluster_moments(data, y, x, cluster, group, source)
    parts = []
    for method in APPLICABLE:
        parts.append(estimates_of(method, clustered.sample, clustered.sectors, level))
        if group is not None:
            whole = estimates_of(method, clustered.overall, ("",), level)
            parts.append(whole.assign(term=[str(Term(term, OVERALL)) for term in whole["term"]]))
    result = pd.concat(parts, ignore_index=True)
    result.attrs["missing"] = clustered.dropped_rows
    return result


def estimates_of(
    method: Estimator, sample: Sample, sectors: tuple[str, ...], level: float
) -> pd.DataFrame:
    """Apply one method to a data set, as a block of one replicate; tidy, as in `compare`.

    A standard error that is the rounding of y, for y is a function of x, is NaN.
    """
    fitted = method.fit(sample)
    std_error, df = fitted.std_error.copy(), fitted.df.copy()
    status = np.full(std_error.shape[1], fitted.status[0])
    terms = list(term_names(method.kinds, sectors))
    if (exact := std_error[0] < _rounding(sample, terms)).any():
        std_error[0, exact] = df[0, exact] = np.nan
        status[exact] = Status.NOT_ESTIMABLE
    inference = infer(fitted.estimate, std_error, df, level)
    return pd.DataFrame(
        {
            "method": method.name,
            "term": terms,
            "estimate": fitted.estimate[0],
            "std_error": std_error[0],
            "df": df[0],
            "lower": inference.lower[0],
            "upper": inference.upper[0],
            "p_value": inference.p_value[0],
            "status": [Status(one).word for one in status],
            "dropped": fitted.dropped[0],
        }
    )


def _rounding(sample: Sample, terms: list[str]) -> Floats:
    """Standard errors that the rounding of y makes, where x leaves nothing of y."""
    m = sample.moments
    y = float((np.abs(m.y_mean) + np.sqrt((m.s_xy_root**2 + m.rss) / m.n)).max())
    x = float(np.sqrt(m.ss_x.sum() / m.n.sum()))
    intercept = 1.0 + float(np.abs(m.x_mean).max()) / x
    kinds = (Term.parse(term).kind for term in terms)
    return EPS * y * np.array([intercept if kind == "intercept" else 1.0 / x for kind in kinds])


def fit_statistics(
    data: Data, y: str, x: str, cluster: str, group: str | None = None
) -> pd.DataFrame:
    """Statistics of each method's fit as a whole.

    Parameters
    ----------
    data, y, x, cluster, group
        As in `compare`.

    Returns
    -------
    pandas.DataFrame
        Tidy: method, statistic, value, num_df, den_df, p_value (NaN where a
        statistic has none). Pooled: residual standard error `sigma`, `r2`,
        and `F` against the mean. Fixed effects with separate slopes: `sigma`, and
        with two or more groups `joint F`, that neither intercept nor slope differs
        between the groups. Mixed models: `sigma`, `sd intercept`, `sd slope` and
        `correlation` of the random effects.

    Raises
    ------
    DataError
        As `compare`.
    """
    sample = cluster_moments(data, y, x, cluster, group).sample
    m = sample.centred.moments  # what is asked of the lines does not depend on the origin
    rows = [*_pooled_statistics(m), *_separate_statistics(m)]
    for method in METHODS:
        if method.mixed:
            fitted = method.fit(sample)
            assert fitted.G is not None
            assert fitted.sigma2 is not None
            G = fitted.G[0]
            sd = np.sqrt(np.diag(G))
            with np.errstate(invalid="ignore", divide="ignore"):
                values = (np.sqrt(fitted.sigma2[0]), sd[0], sd[1], G[0, 1] / (sd[0] * sd[1]))
            names = ("sigma", "sd intercept", "sd slope", "correlation")
            rows += [
                (method.name, n, v, np.nan, np.nan) for n, v in zip(names, values, strict=True)
            ]
    table = pd.DataFrame(rows, columns=["method", "statistic", "value", "num_df", "den_df"])
    table["p_value"] = special.fdtrc(table["num_df"], table["den_df"], table["value"])
    return table


Statistic = tuple[str, str, float, float, float]


def _pooled_statistics(m: Moments) -> list[Statistic]:
    """Residual standard deviation, R² and F of the pooled lines."""
    fitted = line(m)
    n, S = float(m.n.sum()), m.n_sectors
    rss = float(fitted.rss.sum())
    grand = (m.n * m.y_mean).sum() / n
    ss_y = m.rss + m.s_xy_root**2 + m.n * (m.y_mean - grand) ** 2
    total, model, residual = float(ss_y.sum()), 2.0 * S - 1, n - 2.0 * S
    F = (total - rss) / model / (rss / residual)
    return [
        ("pooled", "sigma", float(np.sqrt(rss / residual)), np.nan, residual),
        ("pooled", "r2", 1 - rss / total, np.nan, np.nan),
        ("pooled", "F", F, model, residual),
    ]


def _separate_statistics(m: Moments) -> list[Statistic]:
    """Wald F that neither mean intercept nor mean slope differs between the groups."""
    name = "fixed_effects_separate"
    lines = fit_clusters(m)
    df = float((m.n - 1 - lines.usable).sum())
    sigma2 = float(m.rss.sum()) / df if df > 0 else np.nan
    rows: list[Statistic] = [(name, "sigma", float(np.sqrt(sigma2)), np.nan, df)]
    S = m.n_sectors
    if S < 2 or (lines.available < 1).any():
        return rows
    precision = np.divide(lines.usable, m.ss_x, out=np.zeros_like(m.ss_x), where=m.ss_x > 0)
    V = np.zeros((2 * S, 2 * S))
    beta = np.zeros(2 * S)
    for s in range(S):
        a, b = m.starts[s], m.starts[s + 1]
        i, x, p = slice(2 * s, 2 * s + 2), m.x_mean[0, a:b], precision[0, a:b]
        n, usable = m.n[0, a:b], lines.usable[0, a:b]
        cross = -(x * p).sum()
        V[i, i] = [[(usable / n + x * x * p).sum(), cross], [cross, p.sum()]]
        V[i, i] *= sigma2 / lines.available[0, s] ** 2
        beta[i] = lines.intercept_mean[0, s], lines.slope_mean[0, s]
    L = contrasts(np.eye(2), S).reshape(2, -1, 2 * S)[:, S:].reshape(-1, 2 * S)
    d = L @ beta
    F = float(d @ np.linalg.solve(L @ V @ L.T, d)) / len(L)
    return [*rows, (name, "joint F", F, float(len(L)), df)]
