"""Bias-eliminated coverage: intervals that contain a mean that is known only at the end.

Bias-eliminated coverage is the share of lower ≤ m ≤ upper with m the mean of all estimates, and

    #{lower ≤ m ≤ upper} = #{lower ≤ m} − #{upper < m}.

Of the ends of intervals only those near m need be kept: a node keeps the ends inside a **bracket**
around its own mean, WIDE standard errors to each side, and counts those below. The bracket
of two nodes together is what both have, cut to their common mean, so that after n replicates some
WIDE·√n/4 ends are left, and the share is exact. Where the final mean is outside the bracket, which
takes an estimate without a variance, the share is not known.

The share p depends on the mean, hence each replicate enters it twice: ψ_i = c_i − p + D a_i, with
c_i whether its interval contains m, a_i = θ̂_i − m, and D the density of lower ends at m less that
of upper ends, counted within HALF standard errors of m. So Σψ² needs Σ c_i a_i, and the deviation
of the estimate goes along with each end.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simlab.performance.moments import Counts, Floats, Moments, quietly

WIDE = 20.0
"""Half-width of a bracket, in standard errors of the mean."""

HALF = 3.0
"""Half-width of the window in which ends are counted for their density."""

FEW = 64
"""Replicates below which S says little of the spread, and all ends are kept."""


class Ends(NamedTuple):
    """Ends of the intervals of L cells.

    `bracket` (2, L): lowest and highest mean for which the share is known. `below`, `sum_below`
    (2L,): lower ends, then upper ends, that are below their bracket, and Σ of their estimates.
    `which`, `value`, `estimate` (m,): position among the 2L, value, and estimate of each end
    inside.
    """

    bracket: Floats
    below: Counts
    sum_below: Floats
    which: Counts
    value: Floats
    estimate: Floats


def ends(estimate: Floats, lower: Floats, upper: Floats, bracket: Floats) -> Ends:
    """Keep the ends (L, b) that lie in their bracket; those that are NaN are left out."""
    both = np.concatenate([lower, upper])
    twice = np.concatenate([estimate, estimate])
    low, high = (np.tile(edge, 2)[:, None] for edge in bracket)
    which, column = np.nonzero((both >= low) & (both <= high))
    under = both < low
    return Ends(
        bracket, under.sum(axis=-1, dtype=np.int64), np.where(under, twice, 0.0).sum(axis=-1),
        which, both[which, column], twice[which, column],
    )  # fmt: skip


def merge(a: Ends, b: Ends, bracket: Floats) -> Ends:
    """Put two parts together, cut to the `bracket` of their common mean where it is narrower."""
    low = np.maximum(np.maximum(a.bracket[0], b.bracket[0]), bracket[0])
    high = np.minimum(np.minimum(a.bracket[1], b.bracket[1]), bracket[1])
    which, value, estimate = (np.concatenate(pair) for pair in zip(a[3:], b[3:], strict=True))
    under = value < np.tile(low, 2)[which]
    size = len(a.below)
    below = a.below + b.below + np.bincount(which[under], minlength=size)
    more = np.bincount(which[under], estimate[under], minlength=size)
    inside = ~under & (value <= np.tile(high, 2)[which])
    return Ends(
        np.stack([low, high]), below, a.sum_below + b.sum_below + more,
        which[inside], value[inside], estimate[inside],
    )  # fmt: skip


@quietly
def around(mean: Floats, n: Counts, C: Floats) -> Floats:
    """Bracket (2, L) around means of n values whose centred sum of squares is C; all of size (L,).

    The whole line where n is small, or where there is no variance.
    """
    half = WIDE * np.sqrt(C / np.maximum(n - 1, 1) / np.maximum(n, 1))
    half += 8 * np.finfo(np.float64).eps * np.abs(mean)  # the mean itself is rounded
    half = np.where((n < FEW) | ~np.isfinite(half), np.inf, half)
    return np.stack([mean - half, mean + half])


@quietly
def containing(kept: Ends, estimate: Moments) -> Moments:
    """Share of intervals that contain the mean (L,), with Σψ² as its centred sum of squares.

    NaN where the bracket does not have the mean.
    """
    mean, n = estimate.mean[:, 0], estimate.n
    L, at = len(mean), np.tile(mean, 2)[kept.which]
    upper = kept.which >= L
    reached = np.where(upper, kept.value < at, kept.value <= at)

    def counted(which: NDArray[np.bool_], weights: Floats | None = None) -> Floats:
        """Count the lower ends less the upper ends of each cell, (L,); or sum their weights."""
        each = np.bincount(
            kept.which[which], weights[which] if weights is not None else None, 2 * L
        )
        return np.asarray(each[:L] - each[L:], dtype=np.float64)

    hits = kept.below[:L] - kept.below[L:] + counted(reached)
    total = kept.sum_below[:L] - kept.sum_below[L:] + counted(reached, kept.estimate)
    C = estimate.M[..., 0]
    half = HALF * np.sqrt(C / np.maximum(n - 1, 1) / n)
    D = counted(np.abs(kept.value - at) <= np.tile(half, 2)[kept.which]) / (2 * n * half)
    D = np.where(np.isfinite(D), D, 0.0)
    p = hits / n
    squares = hits * (1 - p) + 2 * D * (total - hits * mean) + D**2 * C
    known = (kept.bracket[0] <= mean) & (mean <= kept.bracket[1]) & (n > 0)
    share, M = (np.where(known, x, np.nan)[:, None] for x in (p, np.maximum(squares, 0.0)))
    return Moments(n, share, M)
