"""Common random numbers: draws that all conditions of a study share as far as they are alike.

Cluster k of a sector has in replicate b the same uniform for its size, the same normals for its
mean, and so on, whatever the population around it; what a condition makes of them differs. A block
is drawn whole, each quantity from a stream of its own that goes from cluster to cluster and within
it over the replicates: clusters that follow change none of those before. Rows have two streams for
each cluster that go from row to row, so that the first rows of larger clusters are those of smaller
ones. Every single condition has the very law that it has with streams of its own.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from simlab.config import DrawnSizes, Open, chi_square
from simlab.moments import Floats, Ints, Moments, Rows, divide
from simlab.population import Clusters, Plan

from .draws import begin, random_effects, require_moments, respond, respond_rows, room
from .laws import standardised

SIZES, MEANS, EFFECTS = range(3)
NORMALS, SS_X, RSS, X, ERRORS = range(5)
"""Quantities of a block's clusters, and of what is drawn in them: the first word that
opens a stream. The second is the sector, for rows the third is the cluster's number in it."""


def common_clusters(open_stream: Open, plan: Plan, replicates: int) -> Clusters:
    """Draw the clusters of a whole block, (B, J), as `draw_clusters` does."""
    p = plan.parameters
    n, m, z0, z1 = (np.empty((replicates, plan.J)) for _ in range(4))
    law = plan.population.cluster_sizes
    if not isinstance(law, DrawnSizes):
        n[:] = p.sizes
    if p.x_fixed:
        m[:] = p.fixed_x.mean
    for sector, own in enumerate(plan.slices()):
        shape = (own.stop - own.start, replicates)
        if isinstance(law, DrawnSizes):
            n[:, own] = law.at(open_stream(SIZES, sector).random(shape)).T
        if not p.x_fixed:
            z = open_stream(MEANS, sector).standard_normal(shape)
            m[:, own] = (p.random_x.mean + p.random_x.between_sd * z).T
        at_effects = partial(open_stream, EFFECTS, sector)
        both = standardised(at_effects, p.effects, (shape[0], 2, replicates))
        z0[:, own], z1[:, own] = both[:, 0].T, both[:, 1].T
    return Clusters(n, m, *random_effects(p, z0, z1))


def common_moments(open_stream: Open, plan: Plan, clusters: Clusters, replicates: int) -> Moments:
    """Draw the moments of the rows of a whole block's clusters, as `draw_moments` does."""
    require_moments(plan)
    p, moments = plan.parameters, begin(plan, clusters, replicates)
    sd, sigma = p.random_x.within_sd, p.sigma
    for sector, own in enumerate(plan.slices()):
        n, m = moments.n[:, own].T, clusters.m[:, own].T
        z = open_stream(NORMALS, sector).standard_normal((len(n), 3, replicates))
        if not p.x_fixed:
            moments.x_mean[:, own] = (m + sd * z[:, 0] / np.sqrt(n)).T
            moments.ss_x[:, own] = (sd**2 * chi_square(partial(open_stream, SS_X, sector), n - 1)).T
        ss_x = moments.ss_x[:, own].T
        df = np.maximum(n - 1 - (ss_x > 0), 0)
        moments.y_mean[:, own] = (sigma * z[:, 1] / np.sqrt(n)).T
        moments.s_xy[:, own] = (sigma * z[:, 2] * np.sqrt(ss_x)).T
        moments.rss[:, own] = (sigma**2 * chi_square(partial(open_stream, RSS, sector), df)).T
    respond(plan, clusters, moments)
    return moments


def common_rows(
    open_stream: Open, plan: Plan, clusters: Clusters, replicates: int, keep: slice
) -> tuple[Moments, Rows]:
    """Draw the rows of a whole block's clusters and return their moments, as `draw_rows` does.

    The rows of one cluster are in memory for all replicates; those of the replicates `keep` are
    returned.
    """
    p, moments = plan.parameters, begin(plan, clusters, replicates)
    rows = room(moments.n[keep])
    numbered = [(s, k) for s, own in enumerate(plan.slices()) for k in range(own.stop - own.start)]
    for j, (sector, number) in enumerate(numbered):
        n, m = moments.n[:, j], np.broadcast_to(clusters.m[:, j], replicates)
        shape = (int(n.max()), replicates)
        there = np.arange(shape[0])[:, None] < n
        e = p.sigma * standardised(partial(open_stream, ERRORS, sector, number), p.errors, shape)
        if p.x_fixed:
            dx = p.fixed_x.values[p.fixed_x.first[j] :][: shape[0], None] - m
        else:
            at_x = partial(open_stream, X, sector, number)
            dx = p.random_x.within_sd * standardised(at_x, p.random_x.law, shape)
        _put(rows.x, rows.first[:, j], m[keep] + dx[:, keep], there[:, keep])
        _put(rows.y, rows.first[:, j], e[:, keep], there[:, keep])
        x_mean = m + _centre(dx, there, n)
        moments.y_mean[:, j] = _centre(e, there, n)
        if not p.x_fixed:
            moments.x_mean[:, j], moments.ss_x[:, j] = x_mean, (dx * dx).sum(axis=0)
        ss_x = moments.ss_x[:, j]
        slope = divide((dx * e).sum(axis=0), ss_x)
        rss = ((e - slope * dx) ** 2).sum(axis=0)
        moments.s_xy[:, j] = slope * ss_x
        moments.rss[:, j] = np.where(n > 1 + (ss_x > 0), rss, 0.0)
    respond(plan, clusters, moments)
    own = clusters if len(clusters.n) == 1 else clusters.take(keep)
    respond_rows(plan, own, moments.take(keep), rows)
    return moments, rows


def _centre(values: Floats, there: NDArray[np.bool_], n: Floats) -> Floats:
    """Subtract from every column (rows, B) its mean over the rows there are; 0 elsewhere."""
    values *= there
    mean: Floats = values.sum(axis=0) / n
    values -= mean
    values *= there
    return mean


def _put(out: Floats, first: Ints, values: Floats, there: NDArray[np.bool_]) -> None:
    """Put the rows of one cluster, (rows, b), in their places."""
    indices = first + np.arange(len(values))[:, None]
    out[indices[there]] = values[there]
