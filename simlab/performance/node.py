"""The sums of a run of blocks of one condition: made of a block, merged, written as bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from simlab.performance.aims import Aims
from simlab.performance.moments import Floats
from simlab.performance.outline import Outline
from simlab.performance.stream import Per, Replicates


class Node(NamedTuple):
    """Everything that the replicates of some blocks add to the measures.

    Attributes
    ----------
    replicates : int
    seconds : float
        Core time that they took.
    sums : tuple
        Of each stream of the outline.
    """

    replicates: int
    seconds: float
    sums: tuple[Any, ...]


class Arrays(Protocol):
    """What is read of a block; see `simlab.results.Block`."""

    @property
    def estimate(self) -> Floats:
        """(b, estimator, term), as are the next four."""

    @property
    def std_error(self) -> Floats:
        """Model standard errors."""

    @property
    def lower(self) -> Floats:
        """Lower ends of the intervals."""

    @property
    def upper(self) -> Floats:
        """Upper ends of the intervals."""

    @property
    def p_value(self) -> Floats:
        """P-values of the terms' null values."""

    @property
    def status(self) -> NDArray[np.int8]:
        """(b, estimator) How the fits ended; −1 is not run."""

    @property
    def dropped(self) -> NDArray[np.int32]:
        """(b, estimator) Clusters left out."""

    @property
    def seconds(self) -> float:
        """Core time."""

    @property
    def test_p_value(self) -> Floats | None:
        """(b, test, kind) P-values of the study's tests."""


PER_TERM = ("estimate", "std_error", "lower", "upper", "p_value")


@np.errstate(invalid="ignore", over="ignore")
def leaf(block: Arrays, outline: Outline, aims: Aims) -> Node:
    """Sum one block.

    A replicate whose fit failed has no estimate, and enters a sum only where all that the sum
    needs is available.
    """
    seen = views(block, outline, aims)
    sums = tuple(stream.of(*seen[stream.per]()) for stream in outline.streams)
    run = int((block.status >= 0).any(axis=1).sum())
    return Node(run, block.seconds, sums)


def views(
    block: Arrays, outline: Outline, aims: Aims
) -> dict[Per, Callable[[], tuple[Replicates, ...]]]:
    """What a stream is given of a block, by what it has one value for."""
    e, t = outline.cells
    own, reference = outline.pairs
    status = block.status.T
    run, fitted = status >= 0, (status == 0) | (status == 1)

    def cells(values: Floats) -> Floats:
        """(L, b), NaN where the fit failed."""
        here = np.ascontiguousarray(values[:, e, t].T)
        if not fitted.all():
            here[~fitted[e]] = np.nan
        return here

    terms = {name: cells(getattr(block, name)) for name in PER_TERM}
    terms |= {"theta": aims.theta[..., None], "centre": aims.centre[:, None]}
    r = Replicates(terms, outline.alpha)
    fits = {
        "status": status,
        "run": np.where(run, 1.0, np.nan),
        "dropped": np.where(fitted, block.dropped.T, np.nan),
    }

    def by_target(name: str, x: Floats) -> Floats:
        return x if name == "theta" else x[:, None]

    def best() -> tuple[Replicates, Replicates]:
        """Each slope, and the oracle's best estimate of the same mixture; (R, b)."""
        which, slope, contextual, _ = outline.best
        mixed = {
            name: terms[name][slope] + aims.share[:, None] * terms[name][contextual]
            for name in ("estimate", "centre")
        }
        # 0 is as good a centre as any where there is none.
        mixed["centre"] = np.where(np.isfinite(mixed["centre"]), mixed["centre"], 0.0)
        return r.seen(lambda _, x: x[which]), Replicates(mixed)

    def two(which: Any) -> Replicates:
        return r.seen(lambda _, x: x[which])

    def two_by_target(which: Any) -> Replicates:
        return r.seen(lambda name, x: by_target(name, x[which]))

    def tests() -> tuple[Replicates]:
        assert block.test_p_value is not None
        return (Replicates({"test_p_value": np.moveaxis(block.test_p_value, 0, -1)[..., None, :]}),)

    return {
        "fit": lambda: (Replicates(fits),),
        "term": lambda: (r,),
        "target": lambda: (r.seen(by_target),),
        "pair": lambda: (two(own), two(reference)),
        "pair and target": lambda: (two_by_target(own), two_by_target(reference)),
        "best": best,
        "test": tests,
    }


def empty(outline: Outline) -> Node:
    """Sums over no replicates."""
    return Node(0, 0.0, tuple(s.nothing(outline.shape(s.per)) for s in outline.streams))


def merge(a: Node, b: Node, outline: Outline) -> Node:
    """Put the sums of two runs of blocks together, the earlier one first."""
    each = zip(outline.streams, a.sums, b.sums, strict=True)
    sums = tuple(stream.merge(one, other) for stream, one, other in each)
    return Node(a.replicates + b.replicates, a.seconds + b.seconds, sums)


def to_bytes(node: Node) -> bytes:
    """Write a node: of each array its size, and its elements, little-endian."""
    parts = []
    for array in _arrays(node):
        parts.append(np.array([array.size], dtype="<i8").tobytes())
        parts.append(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return b"".join(parts)


def from_bytes(data: bytes, outline: Outline) -> Node:
    """Read the node that `to_bytes` wrote.

    Raises
    ------
    ValueError
        If it was not written by a study of this outline.
    """
    at, found = 0, []
    for like in _arrays(template := empty(outline)):
        size = int(np.frombuffer(data, "<i8", 1, at)[0]) if at + 8 <= len(data) else -1
        grows = like.shape == (0,)
        if size < 0 or not (grows or size == like.size) or at + 8 * (1 + size) > len(data):
            raise ValueError("does not hold the sums of this study")
        values = np.frombuffer(data, like.dtype.newbyteorder("<"), size, at + 8)
        found.append(values.astype(like.dtype).reshape(-1 if grows else like.shape))
        at += 8 * (1 + size)
    if at != len(data):
        raise ValueError("does not hold the sums of this study")
    node: Node = _filled(template, iter(found))
    return node._replace(replicates=int(node.replicates), seconds=float(node.seconds))


def _arrays(node: Any) -> Iterator[NDArray[Any]]:
    """Every array of nested tuples, in their order."""
    if isinstance(node, tuple):
        for part in node:
            yield from _arrays(part)
    else:
        yield np.asarray(node)


def _filled(like: Any, arrays: Iterator[NDArray[Any]]) -> Any:
    """Return nested tuples of the same shape with other arrays."""
    if not isinstance(like, tuple):
        return next(arrays)
    parts = [_filled(part, arrays) for part in like]
    return like._make(parts) if hasattr(like, "_make") else tuple(parts)
