"""Does x have an effect? H_0: β = 0 in y ~ x + (1 | cluster).

Against y ~ 1 + (1 | cluster) by maximum likelihood, since REML deviances of different fixed parts
do not compare: T to χ²(1), or to draws from the fitted null. And by REML the t tests of the slope.
"""

from __future__ import annotations

from simlab.population import Plan
from simlab.testing.studied.hypothesis import Effects, Hypothesis


def holds(plan: Plan) -> bool:
    """Whether β_W = β_B = 0."""
    return not (plan.parameters.beta_within.any() or plan.parameters.contextual.any())


HYPOTHESIS = Hypothesis(
    name="fixed_slope",
    null=Effects(fixed=1, random=1),
    alternative=Effects(fixed=2, random=1),
    reml=False,
    holds=holds,
)
