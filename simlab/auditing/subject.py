"""The data that are audited: checked, fitted by every method, with what is taken for true."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from simlab.comparison import APPLICABLE, cluster_moments, estimates_of
from simlab.data import DataError
from simlab.data.checks import complete, require
from simlab.errors import check_level
from simlab.estimators import REGISTRY, Sample
from simlab.estimators.base import Estimates
from simlab.methods import label
from simlab.moments import Floats, Moments
from simlab.words import FAILED, FITTED

TRUTH = "hlm_contextual"
"""The method whose estimates are taken for true: the only one with β_W, β_B, G and σ²."""

EXACT = 1e-20  # share of the variation within clusters that is rounding, not residual
FAR = 1e6  # standard deviations of x from 0, beyond which G at x = 0 has lost its digits


class Roles(NamedTuple):
    """Columns of the data: response, covariate, cluster, and group of clusters."""

    y: str
    x: str
    cluster: str
    group: str | None


class Parameters(NamedTuple):
    """Parameters of a contextual model with S groups."""

    gamma0: Floats  # γ_0, β_W and β_B of each group, (S,)
    within: Floats
    between: Floats
    G: Floats  # covariance of (u_0j, u_1j), (2, 2)
    sigma2: float  # variance of ε_ij


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A data set, as it is audited."""

    source: str  # what messages call the data, and what studies call them
    name: str
    roles: Roles
    rows: pd.DataFrame  # the complete rows, columns of the roles only
    missing: Mapping[str, int]  # missing values by column; their rows were left out
    dropped: int  # rows left out
    groups: tuple[str, ...]  # names of the S groups; one empty name without groups
    sample: Sample  # moments of the J clusters, group after group
    comparison: pd.DataFrame  # as of `simlab.compare`, without the terms that ignore the groups
    parameters: Parameters  # those of the contextual model, as estimated

    @property
    def moments(self) -> Moments:
        """Moments of the clusters."""
        return self.sample.moments

    @property
    def clusters(self) -> int:
        """Number of clusters J."""
        return int(self.moments.n.shape[-1])


def subject(df: pd.DataFrame, roles: Roles, level: float, source: str) -> Subject:
    """Check a data set, and fit every method to it.

    Raises
    ------
    DataError
        In one line: what `simlab.compare` refuses; too few clusters, in all or in a group; x
        constant within or between clusters; a contextual model that cannot be fitted.
    """
    level = check_level(level)
    columns = {role: column for role, column in roles._asdict().items() if column}
    require(df, columns, source)
    rows, missing = complete(df, columns.values(), source)
    rows = rows[list(dict.fromkeys(columns.values()))].copy()
    if roles.group is not None and not isinstance(rows[roles.group].dtype, pd.CategoricalDtype):
        # In the order in which they appear, as a study finds them in a file.
        order = pd.unique(rows[roles.group])
        rows[roles.group] = pd.Categorical(rows[roles.group], categories=order)
    clustered = cluster_moments(rows, *roles, source)
    sample, groups = clustered.sample, clustered.sectors
    comparison = pd.concat(
        [estimates_of(method, sample, groups, level) for method in APPLICABLE], ignore_index=True
    )
    _check_design(sample.moments, groups, roles, comparison, source)
    fitted = REGISTRY[TRUTH].fit(Sample(sample.moments))  # as a study fits each of its replicates
    _check_fit(fitted, comparison, source)
    assert fitted.G is not None
    assert fitted.sigma2 is not None
    known = parameters(
        fitted.estimate[0], fitted.G[0], float(fitted.sigma2[0]), len(groups),
        digits_of(sample.moments),
    )  # fmt: skip
    dropped = len(df) - len(rows)
    name = f"{Path(source).stem}-complete.csv" if dropped else source
    return Subject(
        source, name, roles, rows, missing, dropped,
        groups, sample, comparison, known,
    )  # fmt: skip


def parameters(estimate: Floats, G: Floats, sigma2: float, groups: int, digits: int) -> Parameters:
    """Parameters of S groups from a fit of the contextual model: its terms, its variances.

    `estimate` has intercepts, slopes, between and contextual effects, 2S − 1 of each. Digits beyond
    `digits_of` the data are rounding errors of the search, on which a random stream would depend:
    left out, so that an audit has the same numbers wherever it is made.
    """

    def short(values: Floats) -> Floats:
        """Numbers with so many digits, as the study's file has them."""
        return np.array([float(f"{v:.{digits}g}") for v in values.ravel()]).reshape(values.shape)

    intercept, within, between, _ = short(estimate).reshape(4, -1)[:, :groups]
    variances = short(np.maximum(np.diag(G), 0.0))
    most = np.sqrt(variances).prod()
    covariance = np.clip(short(G)[0, 1], -most, most)  # rounding may carry a singular G beyond
    made = np.array([[variances[0], covariance], [covariance, variances[1]]])
    return Parameters(intercept, within, between, made, float(short(np.array(sigma2))))


def digits_of(m: Moments) -> int:
    """Count the digits by which parameters are known to ten of them where the data are.

    G is that of intercepts at x = 0: its digits are lost by the square of the distance from there.
    """
    return min(17, 10 + math.ceil(2 * math.log10(max(1.0, _distance(m)))))


def _distance(m: Moments) -> float:
    """Distance of x from 0, in its standard deviations within clusters."""
    return float(np.abs(m.x_mean).max() / np.sqrt(m.ss_x.sum() / m.n.sum()))


def _check_design(
    m: Moments, groups: tuple[str, ...], roles: Roles, comparison: pd.DataFrame, source: str
) -> None:
    """Refuse a design in which contextual models cannot be distinguished."""
    x, cluster, left = roles.x, roles.cluster, _left(comparison)
    for s, group in enumerate(groups):
        part = slice(m.starts[s], m.starts[s + 1])
        where = f" where '{roles.group}' is '{group}'" if roles.group else ""
        means = m.x_mean[0, part]
        if len(means) < 2:
            raise DataError(
                f"{source}: only one cluster of '{cluster}'{where}; a group needs two or more: "
                "leave its rows out, join it to another group, or audit without the group"
            )
        if not (m.ss_x[0, part] > 0).any():
            raise DataError(
                f"{source}: '{x}' is constant within every '{cluster}'{where}, so there is no β_W "
                "to audit; only the ecological regression of cluster means is left"
            )
        if np.ptp(means) <= 1e-10 * (np.abs(means).max() + np.sqrt(m.ss_x[0, part].max())):
            raise DataError(
                f"{source}: '{x}' has the same mean in every '{cluster}'{where}, so there is no "
                f"β_B to audit; for β_W there remain {left}: see simlab compare"
            )
    J, S = m.n.shape[-1], len(groups)
    if J <= 2 * S:
        among = f" in {S} groups" if S > 1 else ""
        raise DataError(
            f"{source}: {J} clusters{among} are too few to tell how clusters vary about the line "
            f"of their means: the contextual HLM, which is taken for true, needs {2 * S + 1} or "
            f"more; there remain {left}, for questions about these very clusters: "
            "see simlab compare"
        )
    if m.rss.sum() <= EXACT * (m.rss + m.s_xy_root**2).sum():
        raise DataError(
            f"{source}: '{roles.y}' lies on a line in '{x}' in every '{cluster}', so there is no "
            "residual variance, and nothing to audit"
        )
    if _distance(m) > FAR:
        raise DataError(
            f"{source}: '{x}' is {_distance(m):.2g} of its standard deviations "
            "away from 0, too far for random intercepts at 0; subtract its mean from it"
        )


def _check_fit(fitted: Estimates, comparison: pd.DataFrame, source: str) -> None:
    """Refuse a model that has not converged."""
    if fitted.status[0] in FAILED:
        raise DataError(
            f"{source}: the contextual HLM, which is taken for true, does not converge on these "
            f"data; there remain {_left(comparison)}, unaudited: see simlab compare"
        )


def _left(comparison: pd.DataFrame) -> str:
    """Name the methods that give an answer, but for the contextual model."""
    usable = comparison[comparison["status"].isin([status.word for status in FITTED])]
    names = [label(str(m)) for m in usable["method"].unique() if m != TRUTH]
    return ", ".join(names)
