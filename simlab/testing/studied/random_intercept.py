"""Do clusters differ at all? y ~ x against y ~ x + (1 | cluster), by REML.

    H_0: G = 0;   naive χ²(1);   mixture ½χ²(0) + ½χ²(1).

Under H_0 the model is linear, and the statistic depends neither on its coefficients nor on σ²: with
draws from it the p-value has its size whatever J and n_j are. So it has with draws from the law of
the statistic itself (Crainiceanu & Ruppert 2004), which need no fit.
"""

from __future__ import annotations

import numpy as np

from simlab.mixed import exact
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
    free = model(reduced, LINE, INTERCEPT, reml=True)
    pair = Pair(reduced, free._replace(null=True), free)
    T = float(compare(pair, observed)[0][0])
    no_effects = reduced.R[:, :, :0]
    return Tested(
        T,
        {
            "chi2": chi2(T, 1),
            "mixture": mixture(T, 0),
            "exact": exact_p_value(reduced, T, sampling),
            "simulated": simulate(pair, no_effects, T, sampling),
        },
    )


def exact_p_value(reduced: Reduced, T: float, sampling: Sampling) -> float:
    """Monte Carlo p-value of T from its exact law; NaN if T is, or where nothing is left over."""
    R = reduced.R
    ZX = R[:, 0, :1] * R[:, 0]
    known = exact.from_gram(R[:, 0, 0] ** 2, ZX, np.einsum("jac,jad->cd", R, R), reduced.n.sum())
    if np.isnan(T) or known.df <= 0 or not len(known.mu):
        return np.nan
    rng = sampling.rng.spawn(1)[0]  # a stream of its own: `simulate` draws from the parent
    drawn = exact.draw(rng, exact.null_law(known, reml=True), sampling.draws)
    return float((1 + (drawn >= T).sum()) / (1 + sampling.draws))


def holds(plan: Plan) -> bool:
    """Whether G = 0."""
    return not plan.parameters.root.any()


HYPOTHESIS = Hypothesis(
    name="random_intercept",
    label="random intercept, G = 0?",
    kinds=("chi2", "mixture", "exact", "simulated"),
    holds=holds,
    test=test,
)
