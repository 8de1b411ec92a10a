"""Do slopes differ between clusters? y ~ x + (1 | cluster) against (1 + x | cluster), by REML.

    H_0: g_11 = 0 (and with it g_01);   naive χ²(2);   mixture ½χ²(1) + ½χ²(2).

Draws are from the fitted random-intercept model. Its ĝ_00/σ̂² is an estimate, so the p-value is
nominal but for that; and the mixture, besides, asks that g_00 be above 0.
"""

from __future__ import annotations

from simlab.population import Plan
from simlab.testing.studied.hypothesis import Effects, Hypothesis


def holds(plan: Plan) -> bool:
    """Whether g_11 = 0."""
    return bool(plan.population.G[1][1] == 0)


HYPOTHESIS = Hypothesis(
    name="random_slope",
    null=Effects(fixed=2, random=1),
    alternative=Effects(fixed=2, random=2),
    reml=True,
    holds=holds,
)
