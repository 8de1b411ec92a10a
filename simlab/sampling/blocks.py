"""One block of replicates, and the rows of any one of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.random import Generator

from simlab.moments import Floats, Moments, Rows, divide
from simlab.population import Clusters, Plan

from .draws import draw_clusters, draw_moments, draw_rows
from .streams import BLOCK, CLUSTERS, ROWS, stream

__all__ = ["block_clusters", "draw_block", "replicate_rows", "rows_frame"]


def block_clusters(
    plan: Plan, scheme: str, seed: int, key: str, number: int, replicates: int
) -> Clusters:
    """Return the clusters of a block; of one replicate for all where the scheme keeps them.

    Parameters
    ----------
    plan : Plan
        The population.
    scheme : {"new-clusters", "same-clusters"}
        Whether each replicate draws new clusters, or all blocks share those drawn once.
    seed, key, number
        As in `stream`; `number` is that of the block.
    replicates : int
        Number of replicates of the block.
    """
    if scheme == "same-clusters":
        number, replicates = 0, 1
    return draw_clusters(stream(seed, key, CLUSTERS, number), plan, replicates)


def draw_block(
    plan: Plan,
    scheme: str,
    rows: bool,
    seed: int,
    key: str,
    number: int,
    replicates: int,
    keep_rows: bool = False,
) -> tuple[Moments, Rows | None]:
    """Draw one block of replicates.

    Parameters
    ----------
    plan, scheme, seed, key, number, replicates
        As in `block_clusters`.
    rows : bool
        Whether to draw rows rather than moments; needed where `population.needs_rows`.
    keep_rows : bool
        Whether to return the rows, if any are drawn.
    """
    clusters = block_clusters(plan, scheme, seed, key, number, replicates)
    rng = stream(seed, key, BLOCK, number)
    if rows:
        return draw_rows(rng, plan, clusters, replicates, keep_rows)
    return draw_moments(rng, plan, clusters, replicates), None


def replicate_rows(
    plan: Plan, scheme: str, rows: bool, seed: int, key: str, block_size: int, replicate: int
) -> pd.DataFrame:
    """Return the rows of one replicate: those that were drawn, or ones with the moments drawn.

    A replicate drawn as moments gets rows from their law given these moments, from a stream of
    its own, so that asking twice gives the same rows.

    Parameters
    ----------
    plan, scheme, rows, seed, key
        As in `draw_block`.
    block_size : int
        Replicates in a block of the study.
    replicate : int
        Number of the replicate in its condition, from 0.

    Returns
    -------
    pd.DataFrame
        Columns ``cluster``, ``sector`` (categorical, in the order of the plan), ``x``, ``y``.
    """
    number, before = divmod(replicate, block_size)
    clusters = block_clusters(plan, scheme, seed, key, number, before + 1)
    rng = stream(seed, key, BLOCK, number)
    if rows:
        own = clusters.take(slice(-1, None))
        draw_rows(rng, plan, clusters.take(slice(before)), before, keep=False)
        _, drawn = draw_rows(rng, plan, own, 1, keep=True)
        assert drawn is not None
        n, x, y = own.n[0], drawn.x, drawn.y
    else:
        moments = draw_moments(rng, plan, clusters, before + 1).take(slice(before, None))
        n = moments.n[0]
        x, y = _rows_given(stream(seed, key, ROWS, replicate), plan, moments)
    return rows_frame(plan, n, x, y)


def rows_frame(plan: Plan, n: Floats, x: Floats, y: Floats) -> pd.DataFrame:
    """Return the rows of one replicate as a data frame.

    Parameters
    ----------
    plan : Plan
        Names the clusters and sectors.
    n : (J,)
        Number of rows of each cluster.
    x, y : (N,)
        Cluster after cluster.

    Returns
    -------
    pd.DataFrame
        As `replicate_rows`.
    """
    cluster = np.repeat(np.arange(plan.J), n.astype(np.int64))
    sector = np.repeat(np.arange(len(plan.sectors)), np.diff(plan.starts))[cluster]
    names = pd.Categorical.from_codes(sector, categories=pd.Index(plan.sectors))
    return pd.DataFrame({"cluster": plan.labels[cluster], "sector": names, "x": x, "y": y})


def _rows_given(rng: Generator, plan: Plan, moments: Moments) -> tuple[Floats, Floats]:
    """Draw normal rows given their moments: directions are uniform, lengths are set.

    x = x̄ + √ss_x d/|d| and y = ȳ + (s_xy/ss_x)(x − x̄) + √rss e/|e|, with d standard normal less
    its mean, and e standard normal less its regression on 1 and x.
    """
    x_mean, y_mean = moments.x_mean[0], moments.y_mean[0]
    ss_x, s_xy, rss = moments.ss_x[0], moments.s_xy[0], moments.rss[0]
    n = moments.n[0].astype(np.int64)
    first, total = np.cumsum(n) - n, int(n.sum())

    def sums(values: Floats) -> Floats:
        return np.asarray(np.add.reduceat(values, first))

    def spread(values: Floats) -> Floats:
        return np.repeat(values, n)

    def centred(values: Floats) -> Floats:
        return values - spread(sums(values) / n)

    def scaled(direction: Floats, ss: Floats) -> Floats:
        return direction * spread(np.sqrt(divide(ss, sums(direction**2))))

    p = plan.parameters
    if p.held:
        x = p.held_x.values.copy()
        dx = np.where(spread(ss_x) > 0, x - spread(x_mean), 0.0)
    else:
        dx = scaled(centred(rng.standard_normal(total)), ss_x)
        x = spread(x_mean) + dx
    e = rng.standard_normal(total)
    for _ in range(2):  # once more, to remove what rounding leaves where little is left
        e = centred(e)
        e -= spread(divide(sums(dx * e), ss_x)) * dx
    return x, spread(y_mean) + spread(divide(s_xy, ss_x)) * dx + scaled(e, rss)
