"""Do slopes differ between clusters? y ~ x + (1 | cluster) against (1 + x | cluster), by REML.

    H_0: g_11 = 0 (and with it g_01);   naive χ²(2);   mixture ½χ²(1) + ½χ²(2).

Draws are from the fitted random-intercept model. Its ĝ_00/σ̂² is an estimate, so the p-value is
nominal but for that; and the mixture, besides, asks that g_00 be above 0.
"""

from __future__ import annotations

import numpy as np

from simlab.mixed.many import Responses
from simlab.mixed.reduced import Reduced, model
from simlab.population import Plan
from simlab.testing.studied.base import Hypothesis, Sampling, Tested
from simlab.testing.studied.likelihood_ratio import (
    INTERCEPT,
    LINE,
    Pair,
    chi2,
    compare,
    mixture,
    simulate,
)


def test(reduced: Reduced, observed: Responses, sampling: Sampling) -> Tested:
    """Test one replicate."""
    pair = Pair(
        reduced,
        model(reduced, LINE, INTERCEPT, reml=True),
        model(reduced, LINE, LINE, reml=True),
    )
    statistic, null = compare(pair, observed)
    T = float(statistic[0])
    loading = reduced.R @ INTERCEPT * np.sqrt(null.G[0] / null.sigma2[0])
    return Tested(
        T,
        {
            "chi2": chi2(T, 2),
            "mixture": mixture(T, 1),
            "simulated": simulate(pair, loading, T, sampling),
        },
    )


def holds(plan: Plan) -> bool:
    """Whether g_11 = 0."""
    return bool(plan.population.G[1][1] == 0)


HYPOTHESIS = Hypothesis(
    name="random_slope",
    label="random slope, g₁₁ = 0?",
    kinds=("chi2", "mixture", "simulated"),
    holds=holds,
    test=test,
)
