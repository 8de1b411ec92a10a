"""Means and cross-products of the columns of a data set, which a fit needs more than once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.kernels import kernel
from simlab.moments import Floats, Ints

FEW = 40  # columns, up to which a loop finds the pivots faster than LAPACK


class Products(NamedTuple):
    """Means, cross-products and sizes of the d + 1 columns of [D y].

    Attributes
    ----------
    D, y : (N, d), (N,)
        What they are of.
    mean : (d + 1,)
        Means.
    cross : (d + 1, d + 1)
        Cross-products about the means.
    largest : (d + 1,)
        Largest absolute values; NaN where a value is NaN.
    """

    D: Floats
    y: Floats
    mean: Floats
    cross: Floats
    largest: Floats


@kernel
def _sum(D: Floats, y: Floats, mean: Floats, cross: Floats, largest: Floats) -> None:
    """Fill what is 0 at first: in a pass about the first row, and one about the means."""
    N, d = D.shape
    row = np.empty(d + 1)
    for i in range(N):
        for a in range(d + 1):
            value = D[i, a] if a < d else y[i]
            mean[a] += value - (D[0, a] if a < d else y[0])
            size = abs(value)
            if size > largest[a] or np.isnan(size):
                largest[a] = size
    for a in range(d + 1):
        mean[a] = (D[0, a] if a < d else y[0]) + mean[a] / N
    for i in range(N):
        for a in range(d + 1):
            row[a] = (D[i, a] if a < d else y[i]) - mean[a]
        for a in range(d + 1):
            for c in range(a + 1):
                cross[a, c] += row[a] * row[c]
    for a in range(d + 1):
        for c in range(a):
            cross[c, a] = cross[a, c]


def products(D: Floats, y: Floats) -> Products:
    """Sum the columns of [D y], D (N, d), y (N,), and their products."""
    d = D.shape[1]
    mean, cross, largest = np.zeros(d + 1), np.zeros((d + 1, d + 1)), np.zeros(d + 1)
    _sum(D, y, mean, cross, largest)
    return Products(D, y, mean, cross, largest)


@kernel
def _pivot(cross: Floats, shift: Floats, N: float, chosen: Ints, root: Floats) -> float:
    """Smallest squared pivot of the Cholesky factor; see `least_pivot`."""
    q, least = chosen.size, 1.0
    for i in range(q):
        a = chosen[i]
        size = cross[a, a] + N * (shift[a] * shift[a])
        if not size > 0.0:
            return 0.0
        root[i, q] = np.sqrt(size)
        for j in range(i + 1):
            c = chosen[j]
            value = (cross[a, c] + N * (shift[a] * shift[c])) / (root[i, q] * root[j, q])
            for e in range(j):
                value -= root[i, e] * root[j, e]
            if j < i:
                root[i, j] = value / root[j, j]
            elif value > 0.0:
                root[i, i] = np.sqrt(value)
                least = min(least, value)
            else:
                return 0.0
    return least


def least_pivot(cross: Floats, chosen: Ints, shift: Floats, N: float) -> float:
    """Least share of the square of a column that is left, given those before it.

    Parameters
    ----------
    cross : (d, d)
        Cross-products of columns about their means.
    chosen : (q,)
        Which of them.
    shift : (d,)
        Means less the origin.
    N : float
        Rows; 0 for columns about their means.

    Returns
    -------
    float
        The smallest squared pivot of the Gram matrix cross + N shift shift', scaled to have a
        diagonal of 1; 0 if it is not positive definite, 1 without columns.
    """
    q = len(chosen)
    if q <= FEW:
        return float(_pivot(cross, shift, float(N), chosen, np.empty((q, q + 1))))
    gram = cross[np.ix_(chosen, chosen)] + N * np.outer(shift[chosen], shift[chosen])
    size = np.sqrt(gram.diagonal())
    if not (size > 0).all():
        return 0.0
    try:
        root = np.linalg.cholesky(gram / np.outer(size, size))
    except np.linalg.LinAlgError:
        return 0.0
    return float((root.diagonal() ** 2).min())
