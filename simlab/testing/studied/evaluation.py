"""The test of a hypothesis in every replicate of a block."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from simlab.mixed import exact
from simlab.mixed.many import Responses
from simlab.mixed.reduced import Reduced, line_responses, reduce_line, refit
from simlab.mixed.rotated import Rotated
from simlab.moments import Floats, Moments
from simlab.testing.draws import Joint
from simlab.testing.likelihood_ratio import chi2, mixture, statistics
from simlab.testing.monte_carlo import p_value, reaches, until_reached
from simlab.testing.studied.hypothesis import Hypothesis
from simlab.testing.studied.t_tests import respond, t_tests
from simlab.words import PValue


class Sampling(NamedTuple):
    """Random stream and number of draws of a Monte Carlo p-value."""

    rng: Generator  # the stream of this test in this replicate
    draws: int  # at most
    stop: int | None = None  # number of exceedances at which to draw no more


def test(
    hypothesis: Hypothesis, reduced: Reduced, observed: Responses, sampling: Sampling
) -> tuple[float, dict[PValue, float]]:
    """Return T and the p-values of one replicate, functions of these arguments alone.

    NaN where a fit failed.
    """
    models, restriction = hypothesis.models(reduced), hypothesis.restriction
    null, large = (refit(model, observed) for model in models)
    T = float(statistics(null.deviance, large.deviance)[0, 0])
    p: dict[PValue, float] = {"chi2": chi2(T, restriction.df)}
    if restriction.fixed_only:
        p |= t_tests(respond(models[1], observed))
    else:
        p["mixture"] = mixture(T, restriction.mixture)
    loading = reduced.R[:, :, :0]
    if hypothesis.null.random:
        loading = reduced.R @ np.eye(2)[:, :1] * np.sqrt(null.G[0] / null.sigma2[0])
    else:
        p["exact"] = exact_p_value(models[1].rotated, T, sampling)
    p["simulated"] = simulated_p_value(Joint(reduced, models, loading), T, sampling)
    return T, p


def exact_p_value(rotated: Rotated, T: float, sampling: Sampling) -> float:
    """Monte Carlo p-value of T from its exact law; NaN if T is, or where nothing is left over."""
    known = exact.eigenvalues(rotated, 0)
    if np.isnan(T) or known.df <= 0 or not len(known.mu):
        return np.nan
    rng = sampling.rng.spawn(1)[0]  # a stream of its own: the simulated one draws from the parent
    drawn = exact.draw(rng, exact.null_law(known, reml=True), sampling.draws)
    return p_value(reaches(drawn, T))


def simulated_p_value(joint: Joint, T: float, sampling: Sampling) -> float:
    """Monte Carlo p-value of T from draws of the fitted null model; NaN if T is."""
    if np.isnan(T):
        return np.nan
    rng, draws, stop = sampling
    step = min(stop or draws, draws)
    chunks = (joint.null_statistics(rng, min(step, draws - b)) for b in range(0, draws, step))
    drawn = np.concatenate([*until_reached(chunks, draws, T, stop)])
    return p_value(reaches(drawn[:, 0], T), stop)


def evaluate(
    hypothesis: Hypothesis,
    kinds: tuple[PValue, ...],
    moments: Moments,
    sampling: Callable[[int], Sampling],
) -> tuple[Floats, Floats]:
    """Test a hypothesis in every replicate of a block of one sector; `sampling` is by replicate.

    Returns statistics, (B,), and p-values, (B, K); NaN where a fit failed or there is no such
    p-value.
    """
    B = len(moments.n)
    statistic, p_values = np.full(B, np.nan), np.full((B, len(kinds)), np.nan)
    for b in range(B):
        statistic[b], values = test(hypothesis, *standardised(moments, b), sampling(b))
        for kind, value in values.items():
            p_values[b, kinds.index(kind)] = value
    return statistic, p_values


def standardised(moments: Moments, b: int) -> tuple[Reduced, Responses]:
    """Reduce one replicate about its grand means, in units of the spread of x and of y.

    All models here have an intercept, and a random slope comes with a random intercept that may
    covary with it: no test depends on origin or unit, and the arithmetic keeps its digits.
    """
    n, x, y, ss_x, s_xy, rss = (field[b] for field in moments[:-1])
    N = n.sum()
    x, y = x - n @ x / N, y - n @ y / N
    sx = np.sqrt((ss_x.sum() + n @ x**2) / N) or 1.0
    sy = np.sqrt((rss.sum() + n @ y**2) / N) or 1.0
    x, y, ss_x, s_xy, rss = x / sx, y / sy, ss_x / sx**2, s_xy / (sx * sy), rss / sy**2
    own = line_responses(n, y[None], s_xy[None], ss_x, rss[None])
    return reduce_line(n, x, ss_x), own
