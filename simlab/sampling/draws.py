"""Clusters, and then their rows or the moments of these, from a random stream."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from simlab.config import DrawnSizes
from simlab.errors import ArgumentError
from simlab.moments import Floats, Moments, Rows
from simlab.population import Clusters, Parameters, Plan, needs_rows

from .kernels import fill, moments_of_block, rows_of_block


def draw_clusters(rng: Generator, plan: Plan, replicates: int) -> Clusters:
    """Draw sizes, latent means and random effects of the clusters of B replicates, (B, J)."""
    p, shape = plan.parameters, (replicates, plan.J)
    # Streams of their own: replicates that follow then change none of those before.
    for_sizes, for_means, for_effects = rng.spawn(3)
    law = plan.population.cluster_sizes
    n = np.tile(p.sizes, (replicates, 1))
    if isinstance(law, DrawnSizes):
        n = law.draw(for_sizes, shape)
    m = np.tile(p.fixed_x.mean, (replicates, 1))
    if not p.x_fixed:
        m = p.random_x.mean + p.random_x.between_sd * for_means.standard_normal(shape)
    z = np.empty((*shape, 2))
    fill(for_effects, p.effects, z.reshape(-1))
    return Clusters(n, m, *random_effects(p, z[..., 0], z[..., 1]))


def random_effects(p: Parameters, z0: Floats, z1: Floats) -> tuple[Floats, Floats]:
    """Return (u_0j, u_1j)' = root (z_0j, z_1j)'."""
    return p.root[0, 0] * z0, p.root[1, 0] * z0 + p.root[1, 1] * z1


def draw_moments(rng: Generator, plan: Plan, clusters: Clusters, replicates: int) -> Moments:
    """Draw the moments of the rows of given clusters, in time that no cluster size enters.

    The clusters are those of each replicate, or (B = 1) of all.
    """
    require_moments(plan)
    moments = begin(plan, clusters, replicates)
    moments_of_block(rng, plan.parameters, clusters, moments)
    respond(plan, clusters, moments)
    return moments


def require_moments(plan: Plan) -> None:
    """Refuse a population whose moments have no law to be drawn from."""
    if needs_rows(plan):
        raise ArgumentError("moments of x or errors that are not normal can only be drawn as rows")


def draw_rows(
    rng: Generator, plan: Plan, clusters: Clusters, replicates: int, keep: bool
) -> tuple[Moments, Rows | None]:
    """Draw the rows of given clusters, (B, J) or (1, J), and return their moments.

    `keep` returns the rows too; otherwise those of one cluster at a time are kept in memory.
    """
    p, moments = plan.parameters, begin(plan, clusters, replicates)
    buffer = np.empty((2, int(clusters.n.max(initial=0.0))))
    rows = room(moments.n) if keep else room(np.empty((0, plan.J)))
    rows_of_block(rng, p, clusters, moments, rows, buffer)
    respond(plan, clusters, moments)
    if not keep:
        return moments, None
    respond_rows(plan, clusters, moments, rows)
    return moments, rows


def room(n: Floats) -> Rows:
    """Return rows to be filled, n of each replicate and cluster, (B, J)."""
    last = np.cumsum(n, dtype=np.int64).reshape(n.shape)
    first = np.column_stack([last[:, 0] - n[:, 0].astype(np.int64), last])
    return Rows(np.empty(int(n.sum())), np.empty(int(n.sum())), first)


def begin(plan: Plan, clusters: Clusters, replicates: int) -> Moments:
    """Return moments of which n, and the moments of x where it is fixed, are filled in."""
    shape = (replicates, plan.J)
    n, x_mean, y_mean, ss_x, s_xy, rss = (np.empty(shape) for _ in range(6))
    n[:] = clusters.n
    if plan.parameters.x_fixed:
        x_mean[:], ss_x[:] = plan.parameters.fixed_x.mean, plan.parameters.fixed_x.ss
    return Moments(n, x_mean, y_mean, ss_x, s_xy, rss, plan.starts)


def _coefficients(p: Parameters, clusters: Clusters, x_mean: Floats) -> tuple[Floats, Floats]:
    """Return β_0j = γ_0 + (β_B − β_W) c_j + u_0j and β_1j = β_W + u_1j."""
    c = clusters.m if p.latent else x_mean
    return p.gamma0 + p.contextual * c + clusters.u0, p.beta_within + clusters.u1


def respond(plan: Plan, clusters: Clusters, moments: Moments) -> None:
    """Turn the moments of (x, ε) into those of (x, y), y_ij = β_0j + β_1j x_ij + ε_ij, in place."""
    beta0, beta1 = _coefficients(plan.parameters, clusters, moments.x_mean)
    moments.y_mean[:] += beta0 + beta1 * moments.x_mean
    moments.s_xy[:] += beta1 * moments.ss_x


def respond_rows(plan: Plan, clusters: Clusters, moments: Moments, rows: Rows) -> None:
    """Turn the rows of (x, ε) that have these moments into those of (x, y), in place."""
    p = plan.parameters
    if p.x_fixed:
        rows.x[:] = np.tile(p.fixed_x.values, len(moments.n))
    beta0, beta1 = _coefficients(p, clusters, moments.x_mean)
    n = moments.n.astype(np.int64).ravel()
    beta0, beta1 = (np.repeat(np.broadcast_to(v, moments.n.shape), n) for v in (beta0, beta1))
    rows.y[:] += beta0 + beta1 * rows.x
