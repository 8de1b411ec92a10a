"""The sums of one condition by name, estimator and term; and measures of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simlab.performance.layout import DIMS, Aims, Layout
from simlab.performance.measure import Measure, Measured
from simlab.performance.moments import Moments
from simlab.performance.node import Node
from simlab.performance.stream import Counted, Stream
from simlab.words import AIMS

Named = Mapping[str, NDArray[Any]]


KNOWN: Mapping[str, tuple[str, ...]] = {
    "centre": DIMS["term"],
    "theta": DIMS["target"],
    "best_share": DIMS["best"],
}
"""Dimensions of what is stored besides the sums: centres about which estimates were summed; targets
and the own limit; the λ of the oracle's slope + λ contextual in the stream `best`."""


def dims_of(stream: Stream) -> dict[str, tuple[str, ...]]:
    """Names of the sums of a stream, with their dimensions.

    ``X_n`` are the replicates that entered a stream X. ``X_hits`` are those that had each of its
    outcomes; or ``X_mean`` are the means of its variables and ``X_moments`` the centred moments of
    its powers.
    """
    dims = DIMS[stream.per]
    if isinstance(stream, Counted):
        return {f"{stream.name}_n": dims, f"{stream.name}_hits": (*dims, f"{stream.name}_outcome")}
    return {
        f"{stream.name}_n": dims,
        f"{stream.name}_mean": (*dims, f"{stream.name}_variable"),
        f"{stream.name}_moments": (*dims, f"{stream.name}_power"),
    }


def named(node: Node, layout: Layout, aims: Aims) -> dict[str, NDArray[Any]]:
    """Name the sums of one condition, as `dims_of` says of each stream, and what is `KNOWN`.

    Where an estimator has no such term, counts are 0 and the rest is NaN.
    """
    result: dict[str, NDArray[Any]] = {}
    for stream, sums in zip(layout.streams, node.sums, strict=True):
        parts = [_dense(stream, part, layout) for part in _both_ways(stream, stream.moments(sums))]
        result |= zip(dims_of(stream), parts, strict=False)
    E, T = len(layout.estimators), len(layout.terms)
    e, t = layout.cells
    own, _, _, candidate = layout.best
    for name, more in (("centre", ()), ("theta", (len(AIMS),)), ("best_share", (2,))):
        result[name] = np.full((E, T, *more), np.nan)
    result["centre"][e, t], result["theta"][e, t] = aims.centre, aims.theta
    result["best_share"][e[own], t[own], candidate] = aims.weight
    return result


def _both_ways(stream: Stream, sums: Moments) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Every part of the sums of a stream, and the same with the two estimators exchanged."""
    if isinstance(stream, Counted):
        return [(sums.n, sums.n), (sums.mean, sums.mean[..., ::-1])]
    if not stream.odd:
        return [(part, part) for part in sums]
    sign = np.where(stream.odd, -1.0, 1.0)
    signs = (1, sign, (sign ** np.array(stream.powers)).prod(axis=1))
    return [(part, part * one) for part, one in zip(sums, signs, strict=True)]


def _dense(
    stream: Stream, parts: tuple[NDArray[Any], NDArray[Any]], layout: Layout
) -> NDArray[Any]:
    """One part of the sums of a stream, along `DIMS`."""
    one, turned = parts
    kind = stream.per.partition(" ")[0]
    if kind in ("fit", "test"):
        return one
    E, T = len(layout.estimators), len(layout.terms)
    shape = {"best": (E, T, 2), "pair": (E, E, T)}.get(kind, (E, T))
    dense = np.full(
        (*shape, *one.shape[1:]), 0 if one.dtype.kind == "i" else np.nan, dtype=one.dtype
    )
    e, t = layout.cells
    if kind == "pair":
        own, reference = layout.pairs
        dense[e[reference], e[own], t[own]] = turned
        dense[e[own], e[reference], t[own]] = one
    elif kind == "best":
        own, _, _, candidate = layout.best
        dense[e[own], t[own], candidate] = one
    else:
        dense[e, t] = one
    return dense


def sums_of(stream: Stream, here: Named) -> Moments:
    """Find the sums of a stream among those that are named, with any axes before."""
    n, mean, *M = (here[name] for name in dims_of(stream))
    return Moments(n, mean, M[0] if M else np.zeros((*n.shape, 0)))


def measured(measure: Measure, here: Named, mcse: str = "jackknife") -> Measured:
    """Take one measure of each estimator from sums.

    `here` is from `named`, with any axes before; of pairs, for one reference, with its theta and
    centre as ``theta_reference`` and ``centre_reference``. The result has the `dims` of the
    measure, where target is aim.
    """
    sums = sums_of(measure.stream, here)
    if not measure.against_target:
        return measure.measured(sums, mcse=mcse)
    each = Moments(sums.n[..., None], sums.mean[..., None, :], sums.M[..., None, :])
    theta, centre = here["theta"], here["centre"]
    if measure.stream.per == "pair":
        theta, centre = (
            np.stack(np.broadcast_arrays(here[name], here[f"{name}_reference"]))
            for name in ("theta", "centre")
        )
    return measure.measured(each, theta, centre[..., None], mcse)
