"""Probability limits of the estimators as clusters are added: β_W + λ(β_B − β_W).

Every method is linear in y once its variances are fixed, and y carries β_B − β_W on the context
c_j. So λ is the method applied to c_j instead of y: exact where x is fixed at data, in closed
form (`Estimator.lambda_`) where there is one, else from 10⁵ clusters drawn as moments, without y's
noise, which a mixed model fits in a few data sets.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from simlab.estimators import hlm, hlm_contextual
from simlab.estimators.base import Estimator, Known, Sample, SizeMoments
from simlab.estimators.hlm import mixed_estimates
from simlab.moments import Floats, Moments
from simlab.population import Clusters, Plan, needs_rows, size_moments, truth
from simlab.sampling import draw_clusters, draw_moments, draw_rows, stream

CLUSTERS_DRAWN = 100_000
LARGE_SETS = 8  # as many large data sets are fitted abreast by a mixed model, and averaged
LIMITS = 3  # purpose of the stream


def merge(moments: Moments, values: Floats, sets: int = 1) -> tuple[Moments, Floats]:
    """Make a few data sets of a block, and of (B, J) values that belong to its clusters."""
    B, starts = moments.n.shape[0] // sets, moments.starts

    def side_by_side(v: Floats) -> Floats:
        """Clusters of the replicates of each data set, sector after sector, (sets, B/sets · J)."""
        own = v[: B * sets].reshape(sets, B, -1)
        sectors = [own[:, :, a:b].reshape(sets, -1) for a, b in pairwise(starts)]
        return np.concatenate(sectors, axis=1)

    merged = Moments._make([*(side_by_side(field) for field in moments[:-1]), B * starts])
    return merged, side_by_side(np.broadcast_to(values, moments.n.shape))


def new_cluster_limits(
    plan: Plan, methods: tuple[Estimator, ...], known: Known
) -> dict[str, Floats]:
    """Probability limits when every replicate draws new clusters, (kinds, S) by the method's name.

    They are those of the terms of each sector; NaN for a method that needs rows or is not linear,
    but for a slope whose λ has a closed form. `known` has the true G and σ².
    """
    enough, fixed = -(-CLUSTERS_DRAWN // plan.J), plan.parameters.x_fixed
    clusters, drawn = _draw(plan, 1 if fixed else enough, 0)
    of_clusters = clusters.m if plan.parameters.latent else drawn.x_mean
    _, of_context = _with_context(drawn, of_clusters, 1)
    sets = max(1, min(LARGE_SETS, len(drawn.n)))
    several, several_of_context = _with_context(drawn, of_clusters, sets)
    targets = truth(plan)
    within, between = targets["slope"][:, 0], targets["slope"][:, 1]
    gamma0 = targets["intercept"][:, 1]
    base = {"intercept": gamma0, "slope": within, "between": within, "contextual": 0 * within}
    S, x, sizes = len(plan.sectors), plan.parameters.random_x, size_moments(plan)
    closed = [
        SizeMoments(
            n=float(sizes.n[s]), inverse_n=float(sizes.inverse[s]),
            between=x.between_sd * x.between_sd, within=x.within_sd * x.within_sd,
            latent=bool(plan.parameters.latent),
        )
        for s in range(S)
    ]  # fmt: skip
    limits = {}
    for method in methods:
        if method.needs == "rows" or not method.linear:
            lambda_ = np.full(len(method.kinds) * (2 * S - 1), np.nan)
        elif method.mixed and method.lambda_ is None:
            # Its variances converge as clusters are added; where x is fixed, those of the data.
            again = _draw(plan, enough, 1)[1] if fixed else None
            if again is not None:
                several = merge(again, again.x_mean, min(LARGE_SETS, len(again.n)))[0]
            fitted = method.fit(Sample(several))
            assert fitted.G is not None
            assert fitted.sigma2 is not None
            own = Known(fitted.G.mean(axis=0), float(fitted.sigma2.mean()))
            each = mixed_estimates(Sample(several_of_context), hlm.WEIGHTS, known=own)
            lambda_ = each.estimate.mean(axis=0)
        elif method.mixed or method.oracle:
            oracle = Sample(several_of_context, known)
            each = mixed_estimates(oracle, hlm_contextual.WEIGHTS, known=known)
            lambda_ = each.estimate.mean(axis=0)
        else:
            lambda_ = method.fit(Sample(of_context, known)).estimate[0]
        K = len(method.kinds)
        lambdas = lambda_[: K * (2 * S - 1)].reshape(K, 2 * S - 1)[:, :S].copy()
        if method.lambda_ is not None and not plan.parameters.x_fixed:
            lambdas[method.kinds.index("slope")] = [method.lambda_(one) for one in closed]
        limits[method.name] = np.array(
            [base[kind] + lambdas[i] * (between - within) for i, kind in enumerate(method.kinds)]
        )
    return limits


def _with_context(drawn: Moments, context: Floats, sets: int) -> tuple[Moments, Moments]:
    """A few large data sets; and with their context c_j, (B, J), in the place of y."""
    moments, c = merge(drawn, context, sets)
    zero = np.zeros_like(c)
    return moments, moments._replace(y_mean=c, s_xy=zero, rss=zero)


def _draw(plan: Plan, replicates: int, number: int) -> tuple[Clusters, Moments]:
    """Draw replicates of the plan's clusters, and their moments."""
    rng = stream(0, "0" * 32, LIMITS, number)
    clusters = draw_clusters(rng, plan, replicates)
    if needs_rows(plan):
        return clusters, draw_rows(rng, plan, clusters, replicates, keep=False)[0]
    return clusters, draw_moments(rng, plan, clusters, replicates)


def same_cluster_limits(
    plan: Plan, methods: tuple[Estimator, ...], clusters: Clusters
) -> dict[str, Floats]:
    """Expectations over new rows in given clusters, where they have a closed form; else NaN.

    Averages of the clusters' own lines aim at the mean of these lines; one
    common slope at their mean weighted by E ss_x ∝ n_j − 1 (x drawn normal) or
    by ss_x (x fixed).
    """
    p, S = plan.parameters, len(plan.sectors)
    targets = truth(plan, clusters)
    beta1 = p.beta_within + clusters.u1[0]
    weight = p.fixed_x.ss if p.x_fixed else clusters.n[0] - 1
    weighted = [
        np.average(beta1[s], weights=weight[s]) if weight[s].sum() > 0 else np.nan
        for s in plan.slices()
    ]
    limits = {}
    for method in methods:
        limit = np.full((len(method.kinds), S), np.nan)
        if method.averages == "equally":
            limit[:] = [targets[kind][:, 0] for kind in method.kinds]
        elif method.averages == "by information":
            limit[method.kinds.index("slope")] = weighted
        limits[method.name] = limit
    return limits
