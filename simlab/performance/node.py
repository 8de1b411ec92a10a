"""The sums of a run of blocks of one condition: made of a block, merged, written as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from simlab.performance import ends as endings
from simlab.performance import moments
from simlab.performance.ends import Ends
from simlab.performance.moments import PRODUCTS, Counts, Moments

if TYPE_CHECKING:
    from simlab.performance.aims import Aims
    from simlab.performance.outline import Outline


class Node(NamedTuple):
    """Everything that the replicates of some blocks add to the measures.

    Attributes
    ----------
    replicates : int
    seconds : float
        Core time that they took.
    counts : (…,)
        As `Outline.counts` lays them out.
    singles, triples : Moments
        As `Outline.singles` and `Outline.triples` lay them out.
    ends : Ends
        Of the intervals of each cell.
    """

    replicates: int
    seconds: float
    counts: Counts
    singles: Moments
    triples: Moments
    ends: Ends


def empty(outline: Outline) -> Node:
    """Sums over no replicates."""
    L = len(outline.cells[0])

    def nothing(streams: int, k: int) -> Moments:
        C = np.zeros((streams, len(PRODUCTS[k][0])))
        return Moments(np.zeros(streams, dtype=np.int64), np.zeros((streams, k)), C)

    whole = np.stack([np.full(L, -np.inf), np.full(L, np.inf)])
    none, below = np.zeros(0, dtype=np.int64), np.zeros(2 * L, dtype=np.int64)
    return Node(
        0, 0.0, np.zeros(outline.counts.size, dtype=np.int64),
        nothing(outline.singles.size, 1), nothing(outline.triples.size, 3),
        Ends(whole, below, none, np.zeros(0)),
    )  # fmt: skip


def merge(a: Node, b: Node, outline: Outline, aims: Aims) -> Node:
    """Put the sums of two runs of blocks together, the earlier one first."""
    singles = moments.merge(a.singles, b.singles)
    return Node(
        a.replicates + b.replicates,
        a.seconds + b.seconds,
        a.counts + b.counts,
        singles,
        moments.merge(a.triples, b.triples),
        endings.merge(a.ends, b.ends, bracket(singles, outline, aims)),
    )


def bracket(singles: Moments, outline: Outline, aims: Aims) -> moments.Floats:
    """Where the final mean of each cell will be, (2, L), as far as these sums can tell."""
    n, mean, C = (outline.singles.part("estimate_with_interval", x) for x in singles)
    return endings.around(mean[:, 0] + aims.centre, n, C[:, 0])


def to_bytes(node: Node) -> bytes:
    """Write a node: how many integers, these, and then the numbers, little-endian."""
    whole = np.concatenate(
        [
            [node.replicates], node.counts, node.singles.n, node.triples.n,
            node.ends.below, node.ends.which,
        ]
    )  # fmt: skip
    parts = (*node.singles[1:], *node.triples[1:], node.ends.bracket, node.ends.value)
    real = np.concatenate([part.ravel() for part in parts] + [[node.seconds]])
    head = np.array([len(whole)], dtype="<i8")
    return head.tobytes() + whole.astype("<i8").tobytes() + real.astype("<f8").tobytes()


def from_bytes(data: bytes, outline: Outline) -> Node:
    """Read the node that `to_bytes` wrote.

    Raises
    ------
    ValueError
        If it was not written by a study of this outline.
    """
    length = int(np.frombuffer(data, "<i8", 1)[0])
    whole = np.frombuffer(data, "<i8", length, 8).astype(np.int64)
    real = np.frombuffer(data, "<f8", offset=8 * (1 + length)).astype(np.float64)
    L, K, J = len(outline.cells[0]), outline.singles.size, outline.triples.size
    replicates, counts, n, joint_n, below, which = _cut(whole, 1, outline.counts.size, K, J, 2 * L)
    sizes = [len(stream) * m for m, (stream, _) in ((K, PRODUCTS[1]), (J, PRODUCTS[3]))]
    mean, C, joint_mean, joint_C, edges, rest = _cut(real, K, sizes[0], 3 * J, sizes[1], 2 * L)
    if len(rest) != len(which) + 1:
        raise ValueError("does not hold the sums of this study")
    return Node(
        int(replicates[0]),
        float(rest[-1]),
        counts,
        Moments(n, mean.reshape(K, -1), C.reshape(K, -1)),
        Moments(joint_n, joint_mean.reshape(J, 3), joint_C.reshape(J, -1)),
        Ends(edges.reshape(2, L), below, which, rest[:-1]),
    )


def _cut(flat: moments.Floats | Counts, *lengths: int) -> list[Any]:
    return np.split(flat, np.cumsum(lengths))
