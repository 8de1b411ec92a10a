"""How the blocks of a study are summed: the part of a study's sums that its workers need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simlab.performance.aims import Aims, aims
from simlab.performance.node import READ, Node, leaf, merge
from simlab.performance.outline import Outline
from simlab.performance.stream import Stream
from simlab.results.schema import Block, Schema


class Leaf(NamedTuple):
    """What a worker returns of a block that is not kept.

    Attributes
    ----------
    condition, number
        As in `Block`.
    node
        Its sums.
    failures
        Fits that failed in it.
    """

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
    """How the blocks of one study are summed.

    Attributes
    ----------
    outline : Outline
        What is summed.
    aims : tuple of Aims
        What the estimates are compared with, by condition.
    """

    outline: Outline
    aims: tuple[Aims, ...]

    @classmethod
    def of(
        cls, schema: Schema, terms: Mapping[str, tuple[str, ...]], streams: tuple[Stream, ...]
    ) -> Summing:
        """Find what is to be summed in a study.

        Parameters
        ----------
        schema : Schema
            Of the study.
        terms : mapping of str to tuple of str
            Terms of each estimator.
        streams : tuple of Stream
            What to sum; what is for tests is left out where there are none.
        """
        outline = Outline(
            schema.estimators, schema.terms, dict(terms), len(schema.tests), len(schema.kinds),
            round(1 - float(schema.attrs.get("level", 0.95)), 12),
            tuple(s for s in streams if schema.tests or s.per != "test"),
        )  # fmt: skip
        known = zip(schema.truth, schema.limit, strict=True)
        return cls(outline, tuple(aims(outline, truth, limit) for truth, limit in known))

    def leaf(self, block: Block) -> Leaf:
        """Sum a block."""
        arrays = {name: getattr(block, name) for name in READ}
        arrays["warned"] = self._warned(block)
        node = leaf(arrays, self.outline, self.aims[block.condition], block.seconds)
        return Leaf(block.condition, block.number, node, block.failures)

    def _warned(self, block: Block) -> NDArray[np.bool_]:
        """(b, estimator) True where the user's estimator warned."""
        names = self.outline.estimators
        found = np.zeros(block.status.shape, dtype=np.bool_)
        for b, name, _ in block.warnings:
            if name in names:  # a generator is none
                found[b, names.index(name)] = True
        return found

    def merge(self, first: Node, second: Node) -> Node:
        """Put two nodes of a condition together."""
        return merge(first, second, self.outline)
