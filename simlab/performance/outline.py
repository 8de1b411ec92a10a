"""What is summed in a study: its cells, its pairs of estimators, and the streams of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from simlab.performance.moments import Counts
from simlab.performance.stream import Per, Stream
from simlab.performance.streams import LEVELS
from simlab.words import AIMS, ORACLE, Term

_CELL, _TWO = ("estimator", "term"), ("estimator", "reference", "term")
DIMS: Mapping[Per, tuple[str, ...]] = {
    "fit": ("estimator",),
    "term": _CELL,
    "target": (*_CELL, "aim"),
    "pair": _TWO,
    "pair and target": (*_TWO, "aim"),
    "best": (*_CELL, "candidate"),
    "test": ("test", "kind", "nominal"),
}
"""Dimensions of the named sums of a stream; ``aim`` is β_W, β_B, limit."""


class Pairs(NamedTuple):
    """Pairs of cells: own and reference, each (P,)."""

    own: Counts
    reference: Counts


class Best(NamedTuple):
    """A cell beside the oracle's slope + λ contextual; each (R,).

    `candidate` is 0 for the λ of the cell's own limit, 1 for λ = 1.
    """

    own: Counts
    slope: Counts
    contextual: Counts
    candidate: Counts


@dataclass(frozen=True)
class Outline:
    """What is summed in every condition of a study.

    Attributes
    ----------
    estimators, terms : tuple of str
        Labels along the axes of a block.
    has : mapping of str to tuple of str
        The terms of each estimator. Only these cells are summed.
    tests, kinds : int
        Number of tests and of kinds of p-value.
    alpha : float
        Level at which the p-values of terms are counted as rejections.
    streams : tuple of Stream
        What is summed.
    reference : str
        Estimator that the others are paired with; by default all are paired.
    """

    estimators: tuple[str, ...]
    terms: tuple[str, ...]
    has: Mapping[str, tuple[str, ...]]
    tests: int
    kinds: int
    alpha: float
    streams: tuple[Stream, ...]
    reference: str = ""

    @cached_property
    def cells(self) -> tuple[Counts, Counts]:
        """Estimator and term of the L cells, each (L,)."""
        found = [
            (e, t)
            for e, estimator in enumerate(self.estimators)
            for t, term in enumerate(self.terms)
            if term in self.has[estimator]
        ]
        e, t = np.array(found, dtype=np.int64).reshape(-1, 2).T
        return e, t

    @cached_property
    def pairs(self) -> Pairs:
        """Every two estimators of a term, the earlier one first, and each beside itself."""
        e, t = self.cells
        alike = t[:, None] == t
        if self.reference:
            alike &= e == self.estimators.index(self.reference)
        return Pairs(*np.nonzero(alike if self.reference else np.triu(alike)))

    @cached_property
    def best(self) -> Best:
        """Slopes beside the oracle's best estimate of the same mixture; and of β_B."""
        found = []
        if ORACLE in self.estimators:
            oracle = self.estimators.index(ORACLE)
            e, t = self.cells
            at = {(int(a), self.terms[b]): i for i, (a, b) in enumerate(zip(e, t, strict=True))}
            for (_, term), own in at.items():
                kind, place = Term.parse(term)
                if kind not in ("slope", "between"):
                    continue
                needs = [at.get((oracle, str(Term(k, place)))) for k in ("slope", "contextual")]
                if None not in needs:
                    candidates = (0, 1) if kind == "slope" else (1,)
                    found += [(own, *needs, candidate) for candidate in candidates]
        return Best(*np.array(found, dtype=np.int64).reshape(-1, 4).T)

    def shape(self, per: Per) -> tuple[int, ...]:
        """Shape of the sums of a stream."""
        E, L, P = len(self.estimators), len(self.cells[0]), len(self.pairs.own)
        return {
            "fit": (E,), "term": (L,), "target": (L, len(AIMS)),
            "pair": (P,), "pair and target": (P, len(AIMS)), "best": (len(self.best.own),),
            "test": (self.tests, self.kinds, len(LEVELS)),
        }[per]  # fmt: skip
