"""How many intervals hold a mean that is known only at the end.

Bias-eliminated coverage is the share of lower ≤ m ≤ upper with m the mean of all estimates, and

    #{lower ≤ m ≤ upper} = #{lower ≤ m} − #{upper < m}.

Of the ends of intervals only those near m need be kept: a node keeps the ends inside a **bracket**
around its own mean, WIDE standard errors to each side, and counts those below. The bracket
of two nodes together is what both have, cut to their common mean, so that after n replicates some
WIDE·√n/4 ends are left, and the share is exact. Where the final mean is outside the bracket, which
takes an estimate without a variance, the share is not known.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.performance.moments import Counts, Floats

WIDE = 20.0
"""Half-width of a bracket, in standard errors of the mean."""

FEW = 64
"""Replicates below which S says little of the spread, and all ends are kept."""


class Ends(NamedTuple):
    """Ends of the intervals of L cells.

    Attributes
    ----------
    bracket : (2, L)
        Lowest and highest mean for which the share can be told.
    below : (2L,)
        Lower ends, then upper ends, that are below their bracket.
    which, value : (m,)
        Place among the 2L, and value, of each end inside its bracket.
    """

    bracket: Floats
    below: Counts
    which: Counts
    value: Floats


def ends(lower: Floats, upper: Floats, bracket: Floats) -> Ends:
    """Keep the ends (L, b) that lie in their bracket; those that are NaN are left out."""
    both = np.concatenate([lower, upper])
    low, high = (np.tile(edge, 2)[:, None] for edge in bracket)
    which, place = np.nonzero((both >= low) & (both <= high))
    below = (both < low).sum(axis=-1, dtype=np.int64)
    return Ends(bracket, below, which, both[which, place])


def merge(a: Ends, b: Ends, bracket: Floats) -> Ends:
    """Put two parts together, cut to the `bracket` of their common mean where it is narrower."""
    low = np.maximum(np.maximum(a.bracket[0], b.bracket[0]), bracket[0])
    high = np.minimum(np.minimum(a.bracket[1], b.bracket[1]), bracket[1])
    which, value = np.concatenate([a.which, b.which]), np.concatenate([a.value, b.value])
    under = value < np.tile(low, 2)[which]
    below = a.below + b.below + np.bincount(which[under], minlength=len(a.below))
    inside = ~under & (value <= np.tile(high, 2)[which])
    return Ends(np.stack([low, high]), below, which[inside], value[inside])


@np.errstate(divide="ignore", invalid="ignore")
def around(mean: Floats, n: Counts, C: Floats) -> Floats:
    """Bracket (2, L) around means of n values whose centred sum of squares is C; all of size (L,).

    The whole line where n is small, or where there is no variance.
    """
    half = WIDE * np.sqrt(C / np.maximum(n - 1, 1) / np.maximum(n, 1))
    half += 8 * np.finfo(np.float64).eps * np.abs(mean)  # the mean itself is rounded
    half = np.where((n < FEW) | ~np.isfinite(half), np.inf, half)
    return np.stack([mean - half, mean + half])


def holding(found: Ends, mean: Floats) -> Counts:
    """How many intervals hold the mean (L,); −1 where the bracket does not."""
    L = len(mean)
    at = np.tile(mean, 2)[found.which]
    upper = found.which >= L
    counted = np.where(upper, found.value < at, found.value <= at)
    reached = found.below + np.bincount(found.which[counted], minlength=2 * L)
    inside = (found.bracket[0] <= mean) & (mean <= found.bracket[1])
    return np.where(inside, reached[:L] - reached[L:], -1)
