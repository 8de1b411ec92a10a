"""Every method's line of one data set as a point of beta space, with its covariance.

And the arc on which the pooled line lies, between that of the cluster means and that within.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.comparison import cluster_moments
from simlab.data.frames import Data
from simlab.estimators import METHODS, REGISTRY
from simlab.estimators.base import Sample, sector_contrasts
from simlab.estimators.covariance import line_covariance
from simlab.moments import Floats
from simlab.words import Kind, places_of

LINES = tuple(
    method.name for method in METHODS
    if {"intercept", "slope"} <= set(method.kinds) and not method.oracle
    and method.needs == "moments" and "between" not in method.kinds
)  # fmt: skip
"""Methods with an intercept and one slope."""


class Point(NamedTuple):
    """A line in beta space."""

    center: Floats  # (2,), intercept and slope, at x = 0
    covariance: Floats  # (2, 2), as the method reports it; NaN where it cannot be estimated


class Beta(NamedTuple):
    """The lines of one group of clusters, or the difference of two."""

    lines: dict[str, Point]  # By the method's name
    # (K, 2), from the line of the cluster means, weighted by their sizes, over the pooled line to
    # the line within clusters through the mean of all rows
    arc: Floats


def beta_space(
    data: Data, y: str, x: str, cluster: str, group: str | None = None
) -> dict[str, Beta]:
    """Put every method's line into beta space.

    Parameters
    ----------
    data : pandas.DataFrame
        One row per unit.
    y, x, cluster, group : str
        Columns, as for `simlab.compare`.

    Returns
    -------
    dict of str to Beta
        By group, and ``"B - A"`` for the difference of each later group B from the first; one
        entry, ``""``, without groups.

    Raises
    ------
    DataError
        As `simlab.compare`.

    Notes
    -----
    Pooled least squares minimise a sum of two parts, with the residuals of the cluster means and
    with those of the rows about them. With the weight λ for the second part the solution is

        b(λ) = (S_B b_B + λ S_W b_W) / (S_B + λ S_W),   a(λ) = ȳ − b(λ) x̄,

    S_B = Σ n_j (x̄_j − x̄)², S_W = Σ ss_x of a group, b_B and b_W its slopes between and within.
    λ = 0, 1, ∞ are the between line, the pooled line and the line within. In one group that is a
    piece of a straight line. Of a difference of groups it is an arc, since they differ in S_B/S_W.
    """
    clustered = cluster_moments(data, y, x, cluster, group)
    sample, groups = clustered.sample, clustered.sectors
    lines = {name: points(sample, name) for name in LINES}
    arcs = np.einsum("ps,ksc->kpc", sector_contrasts(len(groups)), _arcs(sample))
    return {
        place: Beta({name: lines[name][i] for name in LINES}, arcs[:, i])
        for i, place in enumerate(places_of(groups))
    }


def points(sample: Sample, method: str, slope: Kind = "slope") -> list[Point]:
    """Return a method's line in each group, and of each later group less the first.

    `slope` is the term that is its slope: "slope", or "between" of a contextual model.
    """
    one = REGISTRY[method]
    fit = one.fit(sample)
    terms = fit.estimate[0].reshape(len(one.kinds), -1)
    centers = terms[[one.kinds.index("intercept"), one.kinds.index(slope)]].T
    return list(map(Point, centers, line_covariance(one, sample, fit, slope)))


def _arcs(sample: Sample) -> Floats:
    """Points (a, b) of every group at many weights λ, from 0 to ∞; (K, S, 2)."""
    m, x_origin, y_origin = sample.centred
    t = np.linspace(0.0, 1.0, 101)[:, None]  # λ = t/(1 − t): 1 in the middle
    arcs = np.empty((len(t), m.n_sectors, 2))
    for s in range(m.n_sectors):
        part = slice(m.starts[s], m.starts[s + 1])
        n, x, y = m.n[0, part], m.x_mean[0, part], m.y_mean[0, part]
        x0, y0 = np.average(x, weights=n), np.average(y, weights=n)
        S_B, S_W = float(n @ (x - x0) ** 2), float(m.ss_x[0, part].sum())
        P_B, P_W = float(n @ ((x - x0) * (y - y0))), float(m.s_xy[0, part].sum())
        with np.errstate(invalid="ignore", divide="ignore"):
            b = ((1 - t) * P_B + t * P_W) / ((1 - t) * S_B + t * S_W)
        arcs[:, s, 1] = b[:, 0]
        arcs[:, s, 0] = y_origin + y0 - b[:, 0] * (x_origin + x0)
    return arcs
