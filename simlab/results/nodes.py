"""Sums of blocks that arrive in any order, merged the same way in every order.

Node (level, number) covers the 2^level blocks from number·2^level. Two nodes that together cover
the next node's blocks are merged into it, the earlier one first, and nothing else ever is. So what
is kept, to the last bit, depends on which blocks are there and not on how they came; of B blocks
that are all there, as many nodes are left as B has binary digits 1. A last block that is shorter
than the others is not merged, so that a study can be extended by running it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simlab.performance.layout import Aims, Layout, aims
from simlab.performance.node import READ, Node, empty, leaf, merge
from simlab.performance.stream import Stream
from simlab.results.schema import Block, Schema


class Span(NamedTuple):
    """Blocks of one condition that a node covers: 2^level of them."""

    condition: int
    level: int
    number: int

    @property
    def blocks(self) -> range:
        """Numbers of the blocks."""
        return range(self.number << self.level, (self.number + 1) << self.level)

    @property
    def sibling(self) -> Span:
        """The node that this one is merged with."""
        return self._replace(number=self.number ^ 1)

    @property
    def parent(self) -> Span:
        """The node of both."""
        return Span(self.condition, self.level + 1, self.number >> 1)


class Tree:
    """The nodes of a study that have not been merged yet.

    `full` is the number of replicates of a block that may be merged.
    """

    __slots__ = ("_full", "_layout", "nodes")

    def __init__(self, layout: Layout, full: int) -> None:
        self._layout, self._full = layout, full
        self.nodes: dict[Span, Node] = {}

    def add(self, condition: int, number: int, node: Node) -> tuple[Span, list[Span]]:
        """Add a block's sums.

        Returns the span of the node that holds them now, and those of the nodes that were merged
        into it and are here no more.
        """
        span, gone = Span(condition, 0, number), []
        if node.replicates == self._full:
            while self._are_full(span.sibling):
                gone.append(span.sibling)
                other = self.nodes.pop(span.sibling)
                first, second = (node, other) if span.number % 2 == 0 else (other, node)
                node, span = merge(first, second, self._layout), span.parent
        self.nodes[span] = node
        return span, gone

    def _are_full(self, *spans: Span) -> bool:
        """Whether nodes are here, and none of their blocks is shorter than the others."""
        nodes = self.nodes
        return all(p in nodes and nodes[p].replicates == self._full << p.level for p in spans)

    def join(self) -> set[Span]:
        """Merge siblings, whose common node was damaged, again; return the spans of new nodes."""
        made, nodes = set(), self.nodes
        while pairs := [p for p in nodes if not p.number % 2 and self._are_full(p, p.sibling)]:
            for span in pairs:
                both = nodes.pop(span), nodes.pop(span.sibling)
                nodes[span.parent] = merge(*both, self._layout)
                made.add(span.parent)
        return made

    def total(self, condition: int) -> Node:
        """Sum of one condition: of its nodes, in the order of their blocks."""
        here = sorted((p.blocks.start, p) for p in self.nodes if p.condition == condition)
        if not here:
            return empty(self._layout)
        return reduce(lambda a, b: merge(a, b, self._layout), (self.nodes[p] for _, p in here))


def outermost(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans that none of the others contains."""
    there = set(spans)
    highest = max((span.level for span in there), default=0)
    for span in there:
        above = span
        while above.level < highest:
            above = above.parent
            if above in there:
                break
        else:
            yield span


def to_bytes(node: Node) -> bytes:
    """Write a node: of each array its size, and its elements, little-endian."""
    parts = []
    for array in _arrays(node):
        parts.append(np.array([array.size], dtype="<i8").tobytes())
        parts.append(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return b"".join(parts)


def from_bytes(data: bytes, layout: Layout) -> Node:
    """Read the node that `to_bytes` wrote; ValueError if it is not of a study of this layout."""
    at, arrays = 0, []
    for like in _arrays(template := empty(layout)):
        size = int(np.frombuffer(data, "<i8", 1, at)[0]) if at + 8 <= len(data) else -1
        grows = like.shape == (0,)
        if size < 0 or not (grows or size == like.size) or at + 8 * (1 + size) > len(data):
            raise ValueError("does not hold the sums of this study")
        values = np.frombuffer(data, like.dtype.newbyteorder("<"), size, at + 8)
        arrays.append(values.astype(like.dtype).reshape(-1 if grows else like.shape))
        at += 8 * (1 + size)
    if at != len(data):
        raise ValueError("does not hold the sums of this study")
    node: Node = _filled(template, iter(arrays))
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


class Leaf(NamedTuple):
    """Sums of a block that is not kept, as a worker returns them, and its number of failed fits."""

    condition: int
    number: int
    node: Node
    failures: int

    @property
    def replicates(self) -> int:
        """Number of its replicates."""
        return self.node.replicates


@dataclass(frozen=True)
class Summing:
    """Layout of the sums of one study, with the targets of every condition."""

    layout: Layout
    aims: tuple[Aims, ...]

    @classmethod
    def of(
        cls, schema: Schema, terms: Mapping[str, tuple[str, ...]], streams: tuple[Stream, ...]
    ) -> Summing:
        """Find what is to be summed in a study, from the terms of each estimator.

        Streams for tests are left out where there are none.
        """
        layout = Layout(
            schema.estimators, schema.terms, dict(terms), len(schema.tests), len(schema.kinds),
            round(1 - float(schema.attrs.get("level", 0.95)), 12),
            tuple(s for s in streams if schema.tests or s.per != "test"),
        )  # fmt: skip
        known = zip(schema.truth, schema.limit, strict=True)
        return cls(layout, tuple(aims(layout, truth, limit) for truth, limit in known))

    def leaf(self, block: Block) -> Leaf:
        """Sum a block."""
        arrays = {name: getattr(block, name) for name in READ}
        names = self.layout.estimators
        arrays["warned"] = np.zeros(block.status.shape, dtype=np.bool_)
        for b, name, _ in block.warnings:
            if name in names:  # a generator is none
                arrays["warned"][b, names.index(name)] = True
        node = leaf(arrays, self.layout, self.aims[block.condition], block.seconds)
        return Leaf(block.condition, block.number, node, block.failures)

    def merge(self, first: Node, second: Node) -> Node:
        """Put two nodes of a condition together."""
        return merge(first, second, self.layout)
