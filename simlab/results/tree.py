"""Sums of blocks that arrive in any order, merged the same way in every order.

Node (level, number) covers the 2^level blocks from number·2^level. Two nodes that together cover
the next node's blocks are merged into it, the earlier one first, and nothing else ever is. So what
is kept, to the last bit, depends on which blocks are there and not on how they came; of B blocks
that are all there, as many nodes are left as B has binary digits 1. A last block that is shorter
than the others is not merged, so that a study can be extended by running it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from typing import NamedTuple

from simlab.performance.node import Node


class Place(NamedTuple):
    """Which blocks of which condition a node covers."""

    condition: int
    level: int
    number: int

    @property
    def blocks(self) -> range:
        """Numbers of the blocks."""
        return range(self.number << self.level, (self.number + 1) << self.level)

    @property
    def sibling(self) -> Place:
        """The node that this one is merged with."""
        return self._replace(number=self.number ^ 1)

    @property
    def parent(self) -> Place:
        """The node of both."""
        return Place(self.condition, self.level + 1, self.number >> 1)


class Tree:
    """The nodes of a study that have not been merged yet.

    Parameters
    ----------
    merge : callable
        Two nodes of a condition, the earlier one first, to their common node.
    full : int
        Replicates of a block that may be merged.
    """

    __slots__ = ("_full", "_merge", "nodes")

    def __init__(self, merge: Callable[[Node, Node], Node], full: int) -> None:
        self._merge = merge
        self._full = full
        self.nodes: dict[Place, Node] = {}

    def add(self, condition: int, number: int, node: Node) -> tuple[Place, list[Place]]:
        """Add a block's sums.

        Returns
        -------
        Place
            Of the node that holds them now.
        list of Place
            Of the nodes that were merged into it and are here no more.
        """
        place, gone = Place(condition, 0, number), []
        if node.replicates == self._full:
            while self._is_full(place.sibling):
                gone.append(place.sibling)
                other = self.nodes.pop(place.sibling)
                first, second = (node, other) if place.number % 2 == 0 else (other, node)
                node, place = self._merge(first, second), place.parent
        self.nodes[place] = node
        return place, gone

    def _is_full(self, place: Place) -> bool:
        """Whether a node is here, and none of its blocks is shorter than the others."""
        node = self.nodes.get(place)
        return node is not None and node.replicates == self._full << place.level

    def of(self, condition: int) -> list[Node]:
        """The nodes of one condition, in the order of their blocks."""
        here = sorted((p.blocks.start, p) for p in self.nodes if p.condition == condition)
        return [self.nodes[place] for _, place in here]

    def total(self, condition: int, nothing: Node) -> Node:
        """All that is known of one condition; `nothing` where it has no node."""
        found = self.of(condition)
        return reduce(self._merge, found) if found else nothing


def outermost(places: Iterable[Place]) -> Iterator[Place]:
    """Those places that none of the others contains."""
    there = set(places)
    highest = max((place.level for place in there), default=0)
    for place in there:
        above = place
        while above.level < highest:
            above = above.parent
            if above in there:
                break
        else:
            yield place
