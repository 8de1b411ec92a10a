"""Contents of pictures: lines of clusters, panels, one simulated school, ellipses.

Functions of `simlab.plots` draw what these return. Nothing here knows matplotlib, or a model.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special

from simlab import data
from simlab.data import DataError
from simlab.data.checks import complete, numeric
from simlab.errors import ArgumentError, check_level

Floats = NDArray[np.float64]
Key = tuple[Hashable, ...]


def cluster_lines(df: pd.DataFrame, y: str, x: str, cluster: str) -> pd.DataFrame:
    """Least-squares line of each cluster by itself, of rows without a missing value.

        β̂_1j = Σ(x − x̄_j)y / Σ(x − x̄_j)²,   β̂_0j = ȳ_j − β̂_1j x̄_j

    One row per cluster in order of first appearance: cluster, intercept, slope (NaN where x does
    not vary), low, high (least and largest x), x_mean, y_mean, as `simlab.plots.ClusterLines`.
    """
    rows = _rows(df, {"y": y, "x": x, "cluster": cluster})
    return _lines(rows, ["cluster"])


@dataclass(frozen=True, slots=True, eq=False)
class Panels:
    """Clusters to be drawn side by side, each with its rows and its lines."""

    # x, y, cluster and by, the factor that has a line of its own ("" without one)
    rows: pd.DataFrame
    lines: pd.DataFrame  # cluster, by, intercept, slope, low, high: the least-squares lines
    # clusters of each group by rising mean x; one group "" without groups
    order: dict[str, list[Hashable]]
    y: str
    x: str
    cluster: str


def panels(
    df: pd.DataFrame, y: str, x: str, cluster: str, group: str | None = None, by: str | None = None
) -> Panels:
    """Sort clusters into groups and by their mean x, and fit their lines.

    Rows with a missing value are left out. `group` is a column that is constant in every cluster,
    such as the sector of a school; `by` one that may vary within clusters, such as sex: each of its
    levels has its own line. DataError if there is no such column, y or x is not a number, or the
    group varies within clusters.
    """
    roles = {"y": y, "x": x, "cluster": cluster, "group": group, "by": by}
    rows = _rows(df, {role: name for role, name in roles.items() if name is not None})
    for name in ("group", "by"):
        rows[name] = (
            rows[name].astype("category") if name in rows else pd.Categorical([""] * len(rows))
        )
    if varying := data.varying(rows[["cluster", "group"]], "cluster"):
        some = ", ".join(str(label) for label in varying["group"][:5])
        raise DataError(
            f"{group!r} varies within clusters of {cluster!r} ({some}), so it is no group"
        )
    firsts = rows.groupby("cluster", sort=False).agg(group=("group", "first"), x=("x", "mean"))
    ordered = firsts.sort_values("x", kind="stable")
    order = {
        str(level): ordered.index[(ordered["group"] == level).to_numpy()].tolist()
        for level in rows["group"].cat.categories
    }
    return Panels(
        rows, _lines(rows, ["cluster", "by"]), {g: c for g, c in order.items() if c}, y, x, cluster
    )


@dataclass(frozen=True, slots=True, eq=False)
class School:
    """One school of a known population: its true line, its students, its least-squares line.

    β_j = γ + u_j,  u_j ~ N(0, G),    y_ij = β_0j + β_1j x_ij + ε_ij,  ε_ij ~ N(0, σ²)
    """

    gamma: Floats  # (2,), γ, intercept and slope of the population
    G: Floats  # (2, 2), covariance of the true β_j
    sigma2: float
    beta: Floats  # (2,), β_j, true in this school
    x: Floats  # (n,), of its students
    y: Floats  # (n,)
    beta_hat: Floats  # (2,), β̂_j, by least squares
    sampling: Floats  # (2, 2), σ²(X_j'X_j)⁻¹, the covariance of β̂_j about β_j

    @property
    def V(self) -> Floats:
        """G + σ²(X_j'X_j)⁻¹, the covariance of β̂_j about γ; (2, 2)."""
        return self.G + self.sampling


def school(gamma: ArrayLike, G: ArrayLike, sigma2: float, x: ArrayLike, seed: int = 0) -> School:
    """Draw a school with given x, (n,), from a population, and fit its line.

    DataError unless γ is (2,), G (2, 2), symmetric and non-negative definite, σ² above 0, and x, of
    its students, not all equal.
    """
    centre, spread, xs = (np.asarray(given, dtype=np.float64) for given in (gamma, G, x))
    if not all(np.isfinite(given).all() for given in (centre, spread, xs, sigma2)):
        raise DataError("gamma, G, sigma2 and x must be finite numbers")
    if centre.shape != (2,) or spread.shape != (2, 2):
        raise DataError(
            f"gamma and G need 2 and 2 × 2 numbers, not {centre.shape} and {spread.shape}"
        )
    values, vectors = np.linalg.eigh(spread)
    if not np.allclose(spread, spread.T) or values[0] < -1e-8 * abs(values[1]):
        raise DataError("G must be symmetric with no negative eigenvalue")
    if sigma2 <= 0:
        raise DataError(f"sigma2 is {sigma2}; it must be above 0")
    if xs.ndim != 1 or len(xs) < 2 or np.ptp(xs) == 0:
        raise DataError("x needs two different values or more, or the school has no line")
    rng = np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(seed)))
    beta = centre + vectors @ (np.sqrt(np.maximum(values, 0.0)) * rng.standard_normal(2))
    y = beta[0] + beta[1] * xs + np.sqrt(sigma2) * rng.standard_normal(len(xs))
    X = np.column_stack([np.ones_like(xs), xs])
    beta_hat = np.linalg.lstsq(X, y)[0]
    sampling = np.asarray(sigma2 * np.linalg.inv(X.T @ X), dtype=np.float64)
    return School(centre, spread, sigma2, beta, xs, y, beta_hat, sampling)


def ellipse(
    center: ArrayLike, covariance: ArrayLike, radius: float = 1.0, points: int = 181
) -> NDArray[np.float64]:
    """Return points on the ellipse (b − c)'S⁻¹(b − c) = radius².

    Its shadow on an axis is c ± radius·√S_kk: with radius 1 that is one standard deviation. The
    points are c + radius·A(cos φ, sin φ)' with A the symmetric root of S, so that a singular S
    gives a segment, walked to and fro, and S = 0 a point.

    Parameters
    ----------
    center : (2,)
        c.
    covariance : (2, 2)
        S.
    radius : float
        In standard deviations; see `radius_of`.
    points : int
        How many.

    Returns
    -------
    (points, 2)
        The last is the first.

    Raises
    ------
    ArgumentError
        If S is not a symmetric, non-negative definite, finite 2 × 2 matrix.
    """
    S = np.asarray(covariance, dtype=float)
    c = np.asarray(center, dtype=float)
    if S.shape != (2, 2) or c.shape != (2,):
        raise ArgumentError(f"an ellipse needs 2 and 2 × 2 numbers, not {c.shape} and {S.shape}")
    if not np.isfinite(S).all() or not np.allclose(S, S.T, rtol=1e-8, atol=0.0):
        raise ArgumentError("the covariance of an ellipse must be finite and symmetric")
    # In units of the standard deviations, so that their ratio costs no digits.
    sd = np.sqrt(np.maximum(np.diag(S), 0.0))
    unit = np.where(sd > 0, sd, 1.0)
    values, vectors = np.linalg.eigh(S / np.outer(unit, unit))
    if values[0] < -1e-8:
        raise ArgumentError("the covariance of an ellipse must not have a negative eigenvalue")
    root = vectors * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
    angle = np.linspace(0.0, 2 * np.pi, points)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    circle[-1] = circle[0]
    return np.asarray(c + radius * circle @ root * unit)


def radius_of(level: float = 0.95, joint: bool = True) -> float:
    """Return the radius √χ²_{df, level} of a confidence ellipse, for normal estimates.

    Parameters
    ----------
    level : float
        Of confidence.
    joint : bool
        With True (df = 2) the ellipse covers both parameters together; with False (df = 1) each
        of its shadows covers one parameter.

    Raises
    ------
    LevelError
        If the level is not between 0 and 1.
    """
    return float(np.sqrt(special.chdtri(2 if joint else 1, 1 - check_level(level))))


def _rows(df: pd.DataFrame, roles: dict[str, str]) -> pd.DataFrame:
    """Complete rows, with columns named by their roles."""
    kept, _ = complete(df, roles.values(), "the data")
    numbers = {role: numeric(kept, roles[role], "the data") for role in ("y", "x")}
    rest = {role: kept[name] for role, name in roles.items() if role not in numbers}
    return pd.DataFrame(rest | numbers).reset_index(drop=True)


def _lines(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Least-squares line of y on x for each combination of keys, in order of first appearance."""
    code = rows.groupby(keys, sort=False, observed=True).ngroup()
    parts = pd.DataFrame({"x": rows["x"], "y": rows["y"], "dx": data.dvar(rows["x"], code)})
    parts["xx"], parts["xy"] = parts["dx"] ** 2, parts["dx"] * data.dvar(rows["y"], code)
    keyed = rows.loc[~code.duplicated(), keys].reset_index(drop=True)
    of = parts.groupby(code.to_numpy(), sort=False)
    total, mean = of[["xx", "xy"]].sum(), of[["x", "y"]].mean()
    slope = (total["xy"] / total["xx"].where(total["xx"] > 0)).to_numpy()
    return keyed.assign(
        intercept=mean["y"].to_numpy() - slope * mean["x"].to_numpy(),
        slope=slope,
        low=of["x"].min().to_numpy(),
        high=of["x"].max().to_numpy(),
        x_mean=mean["x"].to_numpy(),
        y_mean=mean["y"].to_numpy(),
    )
