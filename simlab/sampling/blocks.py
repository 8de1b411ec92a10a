"""One block of replicates, and the rows of any one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.random import Generator

from simlab.moments import Floats, Ints, Moments, Rows, divide
from simlab.population import Clusters, Plan

from .common import common_clusters, common_moments, common_rows
from .draws import draw_clusters, draw_moments, draw_rows, room
from .laws import keeps_clusters
from .streams import BLOCK, CLUSTERS, ROWS, Common, Key, stream, stream_at


class Part(NamedTuple):
    """Replicates of a block that have the same number of clusters in each sector."""

    where: Ints  # their indices in the block, (b,)
    moments: Moments  # (b, J)
    rows: Rows | None  # where they were asked for
    # rows of a replicate as a data frame of its own, by its index in this part
    frame: Callable[[int], pd.DataFrame]

    def at(self, i: int) -> Part:
        """Return the one replicate at i of this part, as that of a block of its own."""
        one = slice(i, i + 1)
        rows = self.rows and self.rows._replace(first=self.rows.first[one])
        return Part(np.zeros(1, np.int64), self.moments.take(one), rows, lambda _: self.frame(i))


class Drawn(NamedTuple):
    """A block of replicates."""

    parts: tuple[Part, ...]  # those that could be drawn
    errors: Mapping[int, str]  # what went wrong in the others, by index
    # what a generator warned of, by index
    warnings: Mapping[int, tuple[str, ...]] = MappingProxyType({})

    def at(self, b: int) -> Drawn:
        """Return the one replicate at b, as a block of its own."""
        parts = [
            part.at(i) for part in self.parts for i in np.flatnonzero(part.where == b).tolist()
        ]
        texts_by: tuple[Mapping[int, Any], ...] = self.errors, self.warnings
        return Drawn(tuple(parts), *({0: texts[b]} if b in texts else {} for texts in texts_by))


def block_clusters(
    plan: Plan, scheme: str, seed: int, key: Key, number: int, replicates: int
) -> Clusters:
    """Return the clusters of a block; of one replicate for all where the scheme keeps them.

    `seed`, `key` and the block's `number` open the streams.
    """
    once = keeps_clusters(scheme)
    if once:
        number, replicates = 0, 1
    if isinstance(key, Common):
        open_stream = partial(stream_at, seed, key, CLUSTERS, number)
        whole = common_clusters(open_stream, plan, 1 if once else key.block)
        return whole.take(slice(replicates))
    return draw_clusters(stream(seed, key, CLUSTERS, number), plan, replicates)


def draw_block(
    plan: Plan,
    scheme: str,
    rows: bool,
    seed: int,
    key: Key,
    number: int,
    replicates: int,
    keep_rows: bool = False,
) -> tuple[Moments, Rows | None]:
    """Draw one block of replicates; arguments as for `block_clusters`.

    `rows` says to draw rows rather than moments, needed where `population.needs_rows`; `keep_rows`
    to return them.
    """
    if isinstance(key, Common):
        keep = slice(replicates if keep_rows else 0)
        moments, kept = _whole_block(plan, scheme, rows, seed, key, number, keep)
        return moments.take(slice(replicates)), kept if keep_rows else None
    clusters = block_clusters(plan, scheme, seed, key, number, replicates)
    rng = stream(seed, key, BLOCK, number)
    if rows:
        return draw_rows(rng, plan, clusters, replicates, keep_rows)
    return draw_moments(rng, plan, clusters, replicates), None


def _whole_block(
    plan: Plan, scheme: str, rows: bool, seed: int, key: Common, number: int, keep: slice
) -> tuple[Moments, Rows | None]:
    """Draw a block from common random numbers, and return the rows, if any, of some replicates."""
    clusters = block_clusters(plan, scheme, seed, key, number, key.block)
    open_stream = partial(stream_at, seed, key, BLOCK, number)
    if rows:
        return common_rows(open_stream, plan, clusters, key.block, keep)
    return common_moments(open_stream, plan, clusters, key.block), None


def replicate_rows(
    plan: Plan, scheme: str, rows: bool, seed: int, key: Key, block_size: int, replicate: int
) -> pd.DataFrame:
    """Return the rows of one replicate: those that were drawn, or ones with the moments drawn.

    A replicate drawn as moments gets rows from their law given these moments, from a stream of
    its own, so that asking twice gives the same rows. `replicate` counts from 0 in its condition.
    Columns ``cluster``, ``sector`` (categorical, in the order of the plan), ``x``, ``y``.
    """
    number, before = divmod(replicate, block_size)
    own = slice(before, before + 1)
    if isinstance(key, Common):
        moments, drawn = _whole_block(plan, scheme, rows, seed, key, number, own)
        moments = moments.take(own)
    else:
        clusters = block_clusters(plan, scheme, seed, key, number, before + 1)
        rng = stream(seed, key, BLOCK, number)
        if rows:
            draw_rows(rng, plan, clusters.take(slice(before)), before, keep=False)
            last = clusters.take(slice(-1, None))
            moments, drawn = draw_rows(rng, plan, last, 1, keep=True)
        else:
            moments, drawn = draw_moments(rng, plan, clusters, before + 1).take(own), None
    n = moments.n[0]
    if drawn is not None:
        x, y = drawn.x, drawn.y
    else:
        x, y = _rows_given(stream(seed, key, ROWS, replicate), plan, moments)
    return rows_frame(plan, n, x, y)


def rows_given(plan: Plan, moments: Moments, open_stream: Callable[[int], Generator]) -> Rows:
    """Draw rows that have the given moments of B replicates, from the law of rows given these.

    `open_stream` gives the stream of each replicate, by its index.
    """
    rows = room(moments.n)
    for b in range(len(moments.n)):
        own = slice(rows.first[b, 0], rows.first[b, -1])
        one = moments.take(slice(b, b + 1))
        rows.x[own], rows.y[own] = _rows_given(open_stream(b), plan, one)
    return rows


def rows_frame(plan: Plan, n: Floats, x: Floats, y: Floats) -> pd.DataFrame:
    """Return the rows of one replicate, cluster after cluster, as `replicate_rows` does.

    n is (J,), the number of rows of each cluster; x and y are (N,).
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
        """Sum over the rows of each cluster."""
        return np.asarray(np.add.reduceat(values, first))

    def spread(values: Floats) -> Floats:
        """One value for each row, from one for each cluster."""
        return np.repeat(values, n)

    def centred(values: Floats) -> Floats:
        """Deviations from the clusters' means."""
        return values - spread(sums(values) / n)

    def scaled(direction: Floats, ss: Floats) -> Floats:
        """Direction, with the sum of squares `ss` in each cluster."""
        return direction * spread(np.sqrt(divide(ss, sums(direction**2))))

    p = plan.parameters
    if p.x_fixed:
        x = p.fixed_x.values.copy()
        dx = np.where(spread(ss_x) > 0, x - spread(x_mean), 0.0)
    else:
        dx = scaled(centred(rng.standard_normal(total)), ss_x)
        x = spread(x_mean) + dx
    e = rng.standard_normal(total)
    for _ in range(2):  # once more, to remove what rounding leaves where little is left
        e = centred(e)
        e -= spread(divide(sums(dx * e), ss_x)) * dx
    return x, spread(y_mean) + spread(divide(s_xy, ss_x)) * dx + scaled(e, rss)
