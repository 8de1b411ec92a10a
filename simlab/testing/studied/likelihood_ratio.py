"""The likelihood-ratio test of two models, and where to look its statistic up.

    T = D_0 − D_1 ≥ 0,   D the deviance at its minimum under null and alternative.

A variance of 0 lies on the boundary of the parameter space, where T is not χ²: with one random
effect added to r_0 correlated ones it tends to ½χ²(r_0) + ½χ²(r_0 + 1) as clusters get more
numerous (Self & Liang 1987, JASA 82:605; Stram & Lee 1994, Biometrics 50:1171). χ²(0) is the
number 0.

Without tables: draw responses from the fitted null, compute T* of each, and

    p = (1 + #{T* ≥ T})/(B + 1).

Statistics of 0 are draws like any other. Where draws stop at the h-th exceedance, after l of them,
p = h/l (Besag & Clifford 1991, Biometrika 78:301). T is free of the fixed part of the null and of
σ²; where G is 0 under the null nothing unknown is left, and p is exact for any B.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import special

from simlab.mixed.many import Refits, Responses
from simlab.mixed.reduced import Model, Reduced, draw, refit
from simlab.moments import Floats
from simlab.testing.studied.base import Sampling

INTERCEPT, LINE = np.eye(2)[:, :1], np.eye(2)
"""[1] and [1, x] as combinations of the columns of D_j = [1, x]."""

ROUNDING = 1e-8  # a statistic below is 0: the two models have one and the same minimum


class Pair(NamedTuple):
    """A null model and an alternative that contains it, over the clusters of one replicate."""

    reduced: Reduced
    null: Model
    alternative: Model


def compare(pair: Pair, responses: Responses) -> tuple[Floats, Refits]:
    """Return T of B responses, (B,), NaN where a fit failed, and the fits of the null model."""
    null = refit(pair.null, responses)
    T = null.deviance - refit(pair.alternative, responses).deviance
    return np.where(T < ROUNDING, 0.0, T), null


def chi2(T: float, df: int) -> float:
    """P(χ²(df) ≥ T)."""
    return float(special.chdtrc(df, T))


def mixture(T: float, df: int) -> float:
    """P(½χ²(df) + ½χ²(df + 1) ≥ T)."""
    below = chi2(T, df) if df else float(T <= 0)
    return (below + chi2(T, df + 1)) / 2


def simulate(pair: Pair, loading: Floats, T: float, sampling: Sampling) -> float:
    """Monte Carlo p-value of T, NaN if T is.

    Parameters
    ----------
    pair : Pair
        The models, both fitted to every draw.
    loading : (J, 2, r)
        Random effects of the fitted null, as `draw` takes them; r = 0 without.
    T : float
        The observed statistic.
    sampling : Sampling
        How to draw. A draw in which a fit fails counts as ≥ T: it can only raise p.
    """
    if np.isnan(T):
        return np.nan
    draws, stop = sampling.draws, sampling.stop or sampling.draws + 1
    exceedances = 0
    step = min(stop, draws)
    for drawn in range(0, draws, step):
        responses = draw(sampling.rng, pair.reduced, loading, min(step, draws - drawn))
        larger = ~(compare(pair, responses)[0] < T)
        if exceedances + larger.sum() >= stop:
            last = drawn + int(np.flatnonzero(larger)[stop - exceedances - 1]) + 1
            return stop / last
        exceedances += int(larger.sum())
    return (1 + exceedances) / (1 + draws)
