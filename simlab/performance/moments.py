"""Means and sums of squares that can be merged, for many streams of replicates at once.

Two parts with n_a and n_b replicates, means m_a and m_b and centred sums of products C_a and C_b
make one with, for δ = m_b − m_a and n = n_a + n_b,

    m = m_a + δ n_b/n,   C = C_a + C_b + δδ' n_a n_b/n

(Chan, Golub & LeVeque 1983, The American Statistician 37:242; Pébay 2008, Sandia report
SAND2008-6212). Nothing is subtracted that is larger than the spread, so no digits are lost, where
Σx² − (Σx)²/n loses all of them once the mean is 1e8 times the spread.

A **stream** is a quantity with one value per replicate, or three values that are only of use
together: a, b and their difference a − b.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

# Which products of a stream's values are summed: its own square; or aa, bb, dd and ad.
PRODUCTS = {1: ([0], [0]), 3: ([0, 1, 2, 0], [0, 1, 2, 2])}

_quietly = np.errstate(divide="ignore", invalid="ignore", over="ignore")


class Moments(NamedTuple):
    """Sums of K streams of k values each.

    Attributes
    ----------
    n : (K,)
        Replicates in which all values of the stream are available.
    mean : (K, k)
        0 where n = 0.
    C : (K, q)
        Centred sums of the products that `PRODUCTS` names.
    """

    n: Counts
    mean: Floats
    C: Floats


@_quietly
def moments(x: Floats) -> Moments:
    """Sum streams (K, k, b) over their b replicates; NaN is a replicate without a value."""
    known = np.logical_and.reduce(~np.isnan(x), axis=1)
    n = known.sum(axis=-1, dtype=np.int64)
    whole = bool(known.all())
    unknown = None if whole else ~known[:, None, :]
    values = x if unknown is None else np.where(unknown, 0.0, x)
    count = np.maximum(n, 1)[:, None]
    mean = values.sum(axis=-1) / count
    d = values - mean[..., None]
    if unknown is not None:
        np.copyto(d, 0.0, where=unknown)
    # The mean has been rounded at the size of x; what that cost is still visible in d.
    rest = d.sum(axis=-1) / count
    rest[~np.isfinite(rest)] = 0.0
    d -= rest[..., None]
    if unknown is not None:
        np.copyto(d, 0.0, where=unknown)
    left, right = PRODUCTS[x.shape[1]]
    C = np.stack(
        [(d[:, i] * d[:, j]).sum(axis=-1) for i, j in zip(left, right, strict=True)], axis=-1
    )
    return Moments(n, mean + rest, C)


@_quietly
def merge(a: Moments, b: Moments) -> Moments:
    """Put two parts together; the order of a and b matters in the last digit."""
    n = a.n + b.n
    weight = (b.n / np.maximum(n, 1))[:, None]
    delta = b.mean - a.mean
    # Infinite values, as a width may have, have an infinite mean and no spread.
    mean = np.where(np.isfinite(delta), a.mean + delta * weight, a.mean + b.mean)
    left, right = PRODUCTS[a.mean.shape[1]]
    C = a.C + b.C + delta[:, left] * delta[:, right] * (a.n[:, None] * weight)
    return Moments(n, mean, C)
