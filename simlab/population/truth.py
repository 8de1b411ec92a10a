"""True values of a population, apart from any estimate."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from simlab.config import DrawnSizes
from simlab.moments import Floats

from .plan import Clusters, Plan


def truth(plan: Plan, clusters: Clusters | None = None) -> dict[str, Floats]:
    """True values of each kind of term: by sector and target (β_W, β_B), (S, 2).

    New clusters in every replicate: "slope" and "between" aim at (β_W, β_B), "contextual" at
    β_B − β_W, "intercept" at (E β_0j, γ_0) with E β_0j = γ_0 + (β_B − β_W) E c_j.

    Given clusters (B = 1), in which every replicate draws new rows: expectations are over these
    alone, E β_0j = γ_0 + (β_B − β_W) m_j + u_0j and E ȳ_j = E β_0j + β_1j m_j. The target β_W is
    the mean of the β_1j, and β_B the least-squares slope of E ȳ_j on m_j, NaN where all m_j are
    equal. The intercepts are the mean of the E β_0j and the intercept of that line.
    """
    targets = [
        _new(plan, s) if clusters is None else _given(plan, clusters, s) for s in plan.slices()
    ]
    intercept, slope = np.moveaxis(np.array(targets), 2, 0)
    contextual = np.repeat(slope[:, 1:] - slope[:, :1], 2, axis=1)
    return {"intercept": intercept, "slope": slope, "between": slope, "contextual": contextual}


Lines = tuple[tuple[float, float], tuple[float, float]]
"""(intercept, slope) for the target β_W and for the target β_B."""


def _new(plan: Plan, s: slice) -> Lines:
    """Lines that new clusters of a sector vary about: (γ_0 + γ_c E c, β_W) and (γ_0, β_B)."""
    p = plan.parameters
    gamma0, beta_within, contextual = p.gamma0[s][0], p.beta_within[s][0], p.contextual[s][0]
    c = p.fixed_x.mean[s].mean() if p.x_fixed else p.random_x.mean
    return (gamma0 + contextual * c, beta_within), (gamma0, beta_within + contextual)


def _given(plan: Plan, clusters: Clusters, s: slice) -> Lines:
    """Lines of given clusters: the mean of their own lines, and the line through their means."""
    p, m = plan.parameters, clusters.m[0, s]
    beta0 = p.gamma0[s] + p.contextual[s] * m + clusters.u0[0, s]
    beta1 = p.beta_within[s] + clusters.u1[0, s]
    return (beta0.mean(), beta1.mean()), _line(m, beta0 + beta1 * m)


def _line(x: Floats, y: Floats) -> tuple[float, float]:
    """Intercept and slope of the least-squares line."""
    if np.ptp(x) == 0:
        return np.nan, np.nan
    dx = x - x.mean()
    slope = float(dx @ (y - y.mean()) / (dx @ dx))
    return float(y.mean() - slope * x.mean()), slope


class SizeMoments(NamedTuple):
    """E n_j, E 1/n_j and E n_j² over the clusters of each sector, each (S,)."""

    n: Floats
    inverse: Floats
    square: Floats


def size_moments(plan: Plan) -> SizeMoments:
    """Return the expectations of n_j, 1/n_j and n_j² in each sector; see `expect_size`."""
    return SizeMoments(
        expect_size(plan, lambda n: n),
        expect_size(plan, lambda n: 1 / n),
        expect_size(plan, lambda n: n * n),
    )


def expect_size(plan: Plan, function: Callable[[Floats], Floats]) -> Floats:
    """Return E f(n_j) in each sector, (S,); f maps an array of sizes to one of the same shape.

    Fixed sizes are averaged over the clusters of the sector, drawn ones over their probabilities.
    """
    law = plan.population.cluster_sizes
    if not isinstance(law, DrawnSizes):
        return np.array([function(plan.parameters.sizes[s]).mean() for s in plan.slices()])
    n, probability = law.probabilities()
    return np.full(len(plan.sectors), probability @ function(n))
