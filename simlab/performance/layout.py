"""Layout of the sums of a study, and the targets of each condition's estimates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from simlab.performance.moments import Counts, Floats
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
    """Pairs of cells, each (P,)."""

    own: Counts
    reference: Counts


class Best(NamedTuple):
    """Pairs of a cell and the oracle's slope + λ contextual, each (R,).

    `candidate` is 0 for the λ of the cell's own limit, 1 for λ = 1.
    """

    own: Counts
    slope: Counts
    contextual: Counts
    candidate: Counts


@dataclass(frozen=True)
class Layout:
    """Layout of the sums of a study, alike in every condition: its estimators, terms and streams.

    Only the terms that each estimator `has` are summed. `tests` and `kinds` are how many tests and
    kinds of p-value there are, `alpha` the level at which p-values of terms count as rejections,
    `reference` an estimator that the others are paired with; by default all are paired.
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
        cells = [
            (e, t)
            for e, estimator in enumerate(self.estimators)
            for t, term in enumerate(self.terms)
            if term in self.has[estimator]
        ]
        e, t = np.array(cells, dtype=np.int64).reshape(-1, 2).T
        return e, t

    @cached_property
    def pairs(self) -> Pairs:
        """Pairs of estimators of one term, the earlier one first, each with itself too."""
        e, t = self.cells
        alike = t[:, None] == t
        if self.reference:
            alike &= e == self.estimators.index(self.reference)
        return Pairs(*np.nonzero(alike if self.reference else np.triu(alike)))

    @cached_property
    def best(self) -> Best:
        """Pairs of a slope and the oracle's best estimate of the same mixture; and of β_B."""
        rows = []
        if ORACLE in self.estimators:
            oracle = self.estimators.index(ORACLE)
            e, t = self.cells
            at = {(int(a), self.terms[b]): i for i, (a, b) in enumerate(zip(e, t, strict=True))}
            for (_, term), own in at.items():
                kind, sector = Term.parse(term)
                if kind not in ("slope", "between"):
                    continue
                needs = [at.get((oracle, str(Term(k, sector)))) for k in ("slope", "contextual")]
                if None not in needs:
                    candidates = (0, 1) if kind == "slope" else (1,)
                    rows += [(own, *needs, candidate) for candidate in candidates]
        return Best(*np.array(rows, dtype=np.int64).reshape(-1, 4).T)

    def shape(self, per: Per) -> tuple[int, ...]:
        """Shape of the sums of a stream."""
        E, L, P = len(self.estimators), len(self.cells[0]), len(self.pairs.own)
        return {
            "fit": (E,), "term": (L,), "target": (L, len(AIMS)),
            "pair": (P,), "pair and target": (P, len(AIMS)), "best": (len(self.best.own),),
            "test": (self.tests, self.kinds, len(LEVELS)),
        }[per]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Aims:
    """Targets of the L cells of one condition.

    `theta` (L, 3): β_W, β_B and the cell's own probability limit, NaN where there is none. `centre`
    (L,): a number near the estimates, about which they are summed. `weight` (R,): λ of the oracle's
    best estimate that goes with each cell of `Layout.best`.
    """

    theta: Floats
    centre: Floats
    weight: Floats


def aims(layout: Layout, truth: Floats, limit: Floats) -> Aims:
    """Find the targets of one condition, from its truth (T, 2) and its limits (E, T)."""
    e, t = layout.cells
    theta = np.column_stack([truth[t], limit[e, t]])
    centre = np.zeros(len(e))
    for column in (0, 1, 2):  # the limit is nearest, and comes last to stay
        known = np.isfinite(theta[:, column])
        centre[known] = theta[known, column]
    own, _, _, candidate = layout.best
    weight = [
        1.0 if c else mixture(limit[e[i], t[i]], *truth[t[i]])
        for i, c in zip(own, candidate, strict=True)
    ]
    return Aims(theta, centre, np.array(weight, dtype=np.float64))


def contrast(within: float, between: float) -> float:
    """β_B − β_W; exactly 0 where it is only rounding."""
    return 0.0 if np.isclose(between, within, rtol=1e-12, atol=0) else between - within


def mixture(limit: float, within: float, between: float) -> float:
    """λ of a limit β_W + λ(β_B − β_W); 0 where β_B = β_W."""
    difference = contrast(within, between)
    return float((limit - within) / difference) if difference else 0.0
