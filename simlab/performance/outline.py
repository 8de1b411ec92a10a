"""What is summed in a study: its cells, its pairs of estimators, and where their sums stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simlab.performance.aims import ORACLE
from simlab.performance.moments import Counts

LEVELS = (0.01, 0.05, 0.10)
"""Nominal levels at which the rejections of tests are counted."""

STATUSES = 5
"""Codes of how a fit ended: ok, singular, not converged, not estimable, error."""

AIMS = ("beta_within", "beta_between", "limit")
"""What errors and coverage are counted against."""

Shape = tuple[int, ...]


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


class Layout:
    """Named parts, of any shape, of one flat vector."""

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        self.shapes = dict(shapes)
        stops = np.cumsum([prod(shape) for shape in self.shapes.values()]).tolist()
        self.size = int(stops[-1])
        self._parts = dict(zip(self.shapes, map(slice, [0, *stops[:-1]], stops), strict=True))

    def part(self, name: str, flat: NDArray[Any]) -> NDArray[Any]:
        """One part of a vector whose first axis has this layout."""
        return flat[self._parts[name]].reshape(*self.shapes[name], *flat.shape[1:])


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
    """

    estimators: tuple[str, ...]
    terms: tuple[str, ...]
    has: Mapping[str, tuple[str, ...]]
    tests: int
    kinds: int
    alpha: float

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
        """Every two estimators of a term, the earlier one first."""
        _, t = self.cells
        own, reference = np.nonzero(np.triu(t[:, None] == t, 1))
        return Pairs(own, reference)

    @cached_property
    def best(self) -> Best:
        """Slopes beside the oracle's best estimate of the same mixture; and of β_B."""
        found = []
        if ORACLE in self.estimators:
            oracle = self.estimators.index(ORACLE)
            e, t = self.cells
            at = {(int(a), self.terms[b]): i for i, (a, b) in enumerate(zip(e, t, strict=True))}
            for (_, term), own in at.items():
                kind, bracket, place = term.partition("[")
                if kind not in ("slope", "between"):
                    continue
                needs = [at.get((oracle, k + bracket + place)) for k in ("slope", "contextual")]
                if None not in needs:
                    candidates = (0, 1) if kind == "slope" else (1,)
                    found += [(own, *needs, candidate) for candidate in candidates]
        return Best(*np.array(found, dtype=np.int64).reshape(-1, 4).T)

    @cached_property
    def counts(self) -> Layout:
        """Where the counts stand."""
        E, L, P = len(self.estimators), len(self.cells[0]), len(self.pairs.own)
        tests = (self.tests, self.kinds)
        return Layout(
            {
                "status": (E, STATUSES),
                "covered": (L, len(AIMS)),
                "coverable": (L, len(AIMS)),
                "rejected": (L,),
                "rejectable": (L,),
                "apart": (P,),
                "covered_by_one": (P, len(AIMS), 2),
                "coverable_by_both": (P, len(AIMS)),
                "test_rejected": (*tests, len(LEVELS)),
                "test_n": tests,
            }
        )

    @cached_property
    def singles(self) -> Layout:
        """Where the streams of one value stand."""
        E, L, P = len(self.estimators), len(self.cells[0]), len(self.pairs.own)
        return Layout(
            {
                "estimate": (L,),
                "variance": (L,),
                "estimate_with_se": (L,),
                "variance_with_estimate": (L,),
                "estimate_with_interval": (L,),
                "width": (L,),
                "squared_error": (L, len(AIMS)),
                "dropped": (E,),
                "squared_error_difference": (P, len(AIMS)),
            }
        )

    @cached_property
    def triples(self) -> Layout:
        """Where the streams of a, b and a − b stand."""
        return Layout({"pair": (len(self.pairs.own),), "best": (len(self.best.own),)})
