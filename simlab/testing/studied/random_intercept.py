"""Do clusters differ at all? y ~ x against y ~ x + (1 | cluster), by REML.

    H_0: G = 0;   naive χ²(1);   mixture ½χ²(0) + ½χ²(1).

Under H_0 the model is linear, and the statistic depends neither on its coefficients nor on σ²: with
draws from it the p-value has its size whatever J and n_j are. So it has with draws from the law of
the statistic itself (Crainiceanu & Ruppert 2004), which need no fit.
"""

from __future__ import annotations

from simlab.population import Plan
from simlab.testing.studied.hypothesis import Effects, Hypothesis


def holds(plan: Plan) -> bool:
    """Whether G = 0."""
    return not plan.parameters.root.any()


HYPOTHESIS = Hypothesis(
    name="random_intercept",
    null=Effects(fixed=2, random=0),
    alternative=Effects(fixed=2, random=1),
    reml=True,
    holds=holds,
)
