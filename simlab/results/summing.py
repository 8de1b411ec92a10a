"""How the blocks of a study are summed: the part of a study's sums that its workers need."""

from __future__ import annotations

from dataclasses import dataclass

from simlab.performance import AIMS, Aims, Node, Outline, aims, leaf, merge
from simlab.results.schema import TARGETS, Block, Schema

assert AIMS[: len(TARGETS)] == TARGETS


@dataclass(frozen=True, slots=True)
class Leaf:
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


@dataclass(frozen=True, slots=True)
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
    def of(cls, schema: Schema) -> Summing:
        """Find what is to be summed in a study that keeps measures.

        Raises
        ------
        ValueError
            If the study keeps replicates.
        """
        if schema.summed is None:
            raise ValueError("this study keeps its replicates")
        outline = Outline(
            schema.estimators, schema.terms, dict(schema.summed), len(schema.tests),
            len(schema.kinds), round(1 - float(schema.attrs.get("level", 0.95)), 12),
        )  # fmt: skip
        known = zip(schema.truth, schema.limit, strict=True)
        return cls(outline, tuple(aims(outline, truth, limit) for truth, limit in known))

    def leaf(self, block: Block) -> Leaf:
        """Sum a block."""
        node = leaf(block, self.outline, self.aims[block.condition])
        return Leaf(block.condition, block.number, node, block.failures)

    def merge(self, first: Node, second: Node, condition: int) -> Node:
        """Put two nodes of a condition together."""
        return merge(first, second, self.outline, self.aims[condition])
