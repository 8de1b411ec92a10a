"""Does x have an effect? H_0: β = 0 in y ~ x + (1 | cluster).

Against y ~ 1 + (1 | cluster) by maximum likelihood, since REML deviances of different fixed parts
do not compare: T to χ²(1), or to draws from the fitted null. And of the model by REML,
t = γ̂_1/SE to the normal law (Wald), to Student's t with Satterthwaite's degrees of freedom, and
with the standard error and the degrees of freedom of Kenward & Roger.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import special

from simlab.mixed.kenward_roger import kenward_roger, kr_df
from simlab.mixed.many import Responses
from simlab.mixed.optimum import optimise
from simlab.mixed.reduced import Model, Reduced, model
from simlab.mixed.rotated import Rotated
from simlab.mixed.satterthwaite import variances
from simlab.population import Plan
from simlab.testing.studied.base import Hypothesis, Kind, Sampling, Tested
from simlab.testing.studied.likelihood_ratio import INTERCEPT, LINE, Pair, chi2, compare, simulate

SLOPE = np.array([[0.0, 1.0]])


def test(reduced: Reduced, observed: Responses, sampling: Sampling) -> Tested:
    """Test one replicate."""
    alternative = model(reduced, LINE, INTERCEPT, reml=False)
    pair = Pair(reduced, model(reduced, INTERCEPT, INTERCEPT, reml=False), alternative)
    statistic, null = compare(pair, observed)
    T = float(statistic[0])
    loading = reduced.R @ INTERCEPT * np.sqrt(null.G[0] / null.sigma2[0])
    by_t = t_tests(respond(alternative, observed))
    return Tested(
        T, {"chi2": chi2(T, 1), **by_t, "simulated": simulate(pair, loading, T, sampling)}
    )


class Reference(NamedTuple):
    """Variance of γ̂_1, and the degrees of freedom of t."""

    variance: float
    df: float


def t_tests(rotated: Rotated) -> dict[Kind, float]:
    """Two-sided p-values of γ_1 = 0 by REML; NaN where the search did not end."""
    optimum = optimise(rotated, reml=True)
    if optimum.evaluations < 0:
        return dict.fromkeys(("wald", "satterthwaite", "kenward_roger"), np.nan)
    estimate, variance, df = np.empty(1), np.empty(1), np.empty(1)
    variances(SLOPE[None], optimum.work, optimum.nu, estimate, variance, df)
    adjustment = kenward_roger(optimum)
    references: dict[Kind, Reference] = {
        "wald": Reference(float(variance[0]), np.inf),
        "satterthwaite": Reference(float(variance[0]), float(df[0])),
        "kenward_roger": Reference(
            float(adjustment.adjusted[1, 1]), float(kr_df(adjustment, SLOPE)[0])
        ),
    }
    return {kind: _p_value(float(estimate[0]), given) for kind, given in references.items()}


def _p_value(estimate: float, given: Reference) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):  # no row is left over: no p-value
        t = -abs(estimate) / np.sqrt(given.variance)
    tail = special.ndtr(t) if np.isinf(given.df) else special.stdtr(given.df, t)
    return float(2 * tail)


def respond(model: Model, observed: Responses) -> Rotated:
    """Put one response into the clusters of a model."""
    rotated, r = model.rotated, len(model.rotated.random)
    k = rotated.xy.shape[2] - 1
    turned = np.einsum("jab,jb->ja", model.view.turn, observed.e[0])
    xy, rest = rotated.xy.copy(), rotated.rest.copy()
    xy[:, :, k] = turned[:, :r]
    turned[:, :r] = 0.0
    rest[0, :k, k] = rest[0, k, :k] = np.einsum("jac,ja->c", model.view.x_left, turned)
    rest[0, k, k] = observed.rss[0] + (turned**2).sum()
    return rotated._replace(xy=xy, rest=rest)


def holds(plan: Plan) -> bool:
    """Whether β_W = β_B = 0."""
    return not (plan.parameters.beta_within.any() or plan.parameters.contextual.any())


HYPOTHESIS = Hypothesis(
    name="fixed_slope",
    label="fixed slope, β = 0?",
    kinds=("chi2", "wald", "satterthwaite", "kenward_roger", "simulated"),
    holds=holds,
    test=test,
)
