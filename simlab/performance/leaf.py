"""From the arrays of one block to its sums."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simlab.performance.aims import Aims
from simlab.performance.ends import ends
from simlab.performance.moments import Floats, moments
from simlab.performance.node import Node, bracket
from simlab.performance.outline import LEVELS, STATUSES, Outline

CLOSE, TINY = 1e-10, 1e-12
"""Relative and absolute difference up to which two estimates are the same number."""


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
        """(b, estimator) How the fits ended."""

    @property
    def dropped(self) -> NDArray[np.int32]:
        """(b, estimator) Clusters left out."""

    @property
    def seconds(self) -> float:
        """Core time."""

    @property
    def test_p_value(self) -> Floats | None:
        """(b, test, kind) P-values of the study's tests."""


@np.errstate(invalid="ignore", over="ignore")
def leaf(block: Arrays, outline: Outline, aims: Aims) -> Node:
    """Sum one block.

    A replicate whose fit failed has no estimate, and enters a sum only where all that the sum
    needs is available, as in `simlab.performance.replicates`.
    """
    e, t = outline.cells
    own, reference = outline.pairs
    status = block.status.T
    fitted = (status == 0) | (status == 1)

    def cells(values: Floats) -> Floats:
        """(L, b), NaN where the fit failed."""
        here = np.ascontiguousarray(values[:, e, t].T)
        if not fitted.all():
            here[~fitted[e]] = np.nan
        return here

    arrays = (block.estimate, block.std_error, block.lower, block.upper, block.p_value)
    estimate, std_error, lower, upper, p_value = map(cells, arrays)
    variance = std_error**2
    interval = ~(np.isnan(lower) | np.isnan(upper))
    known = ~np.isnan(estimate)
    centred = estimate - aims.centre[:, None]
    with_interval = np.where(interval, centred, np.nan)
    theta = aims.theta[..., None]
    squared = (estimate[:, None] - theta) ** 2
    covered = (lower[:, None] <= theta) & (theta <= upper[:, None])
    coverable = interval[:, None] & ~np.isnan(theta)
    both = coverable[own] & coverable[reference]
    one, other = covered[own] & both, covered[reference] & both
    by_one = np.stack([one & ~other, other & ~one], axis=2).sum(axis=-1)
    difference = estimate[own] - estimate[reference]

    singles = moments(
        np.concatenate(
            [
                centred, variance,
                np.where(np.isnan(std_error), np.nan, centred), np.where(known, variance, np.nan),
                with_interval, upper - lower,
                _flat(squared), np.where(fitted, block.dropped.T, np.nan),
                _flat(squared[own] - squared[reference]),
            ]
        )[:, None]
    )  # fmt: skip
    counts = (
        (status[:, None] == np.arange(STATUSES)[:, None]).sum(axis=-1), covered.sum(axis=-1),
        coverable.sum(axis=-1), (p_value <= outline.alpha).sum(axis=-1),
        (~np.isnan(p_value)).sum(axis=-1), _apart(estimate, difference, outline),
        by_one, both.sum(axis=-1),
        *_tests(block.test_p_value),
    )  # fmt: skip
    pairs = np.stack([centred[own], centred[reference], difference], axis=1)
    triples = moments(np.concatenate([pairs, _beside_the_best(estimate, outline, aims)]))
    edges = bracket(singles, outline, aims)
    return Node(
        len(block.status),
        block.seconds,
        np.concatenate([np.ravel(part) for part in counts]).astype(np.int64),
        singles,
        triples,
        ends(np.where(known, lower, np.nan), np.where(known, upper, np.nan), edges),
    )


def _flat(x: Floats) -> Floats:
    return x.reshape(-1, x.shape[-1])


def _beside_the_best(estimate: Floats, outline: Outline, aims: Aims) -> Floats:
    """Each slope a, the oracle's best estimate b of the same mixture, and a − b; (R, 3, b)."""
    own, slope, contextual, _ = outline.best
    share = aims.share[:, None]
    best = estimate[slope] + share * estimate[contextual]
    centre = aims.centre[slope] + aims.share * aims.centre[contextual]
    centre = np.where(np.isfinite(centre), centre, 0.0)[:, None]
    a = estimate[own] - aims.centre[own][:, None]
    return np.stack([a, best - centre, estimate[own] - best], axis=1)


def _apart(estimate: Floats, difference: Floats, outline: Outline) -> NDArray[np.int64]:
    """In how many replicates the two estimates of a pair are not the same number, (P,)."""
    a, b = (estimate[i] for i in outline.pairs)
    same = np.abs(difference) <= TINY + CLOSE * np.abs(a)
    same |= (a == b) | (np.isnan(a) & np.isnan(b))
    return np.asarray((~same).sum(axis=-1), dtype=np.int64)


def _tests(p_value: Floats | None) -> tuple[NDArray[np.int64], ...]:
    """Rejections (test, kind, level), and p-values that are there (test, kind)."""
    if p_value is None:
        return ()
    rejected = np.stack([(p_value <= level).sum(axis=0) for level in LEVELS], axis=-1)
    return rejected, (~np.isnan(p_value)).sum(axis=0)
