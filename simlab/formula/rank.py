"""Which columns are linear combinations of those before them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simlab.moments import Floats, Ints
from simlab.products import Products, least_pivot

TOLERANCE = 1e-7
"""A column is dropped if less than this share of its length is left, as in R's `lm` and `lmer`."""

SAFE = 1e-6
"""Smallest squared pivot of a scaled Gram matrix that proves full rank without a QR."""

ROUNDING = 1e-10
"""A smaller share of a column in another, each in units of its largest entry, is 0."""

_EPS = 64 * float(np.finfo(float).eps)

Bools = NDArray[np.bool_]


def independent(sums: Products, columns: Ints, intercept: int | None) -> Ints:
    """Keep each of some columns of D that is no linear combination of the kept ones before it.

    Where the intercept is among the columns, the others are judged by their deviations from their
    mean: adding 1e8 to a covariate makes it no more collinear than it was. (R judges the column
    as it is.)

    Parameters
    ----------
    sums : Products
        Of the columns of D, (N, d).
    columns : (p,)
        Columns of D to be judged, in order.
    intercept
        The column of ones, if it is among them; it is kept.

    Returns
    -------
    (q,) int64
        Those of `columns` that are kept.
    """
    others = columns if intercept is None else columns[columns != intercept]
    N = len(sums.D) if intercept is None else 0
    if least_pivot(sums.cross, others, sums.mean, float(N)) >= SAFE:
        return columns
    kept = others[_kept(_root(sums.D, others, intercept is not None))]
    chosen: Ints = columns[np.isin(columns, [*kept, *([] if intercept is None else [intercept])])]
    return chosen


class Combination(NamedTuple):
    """Dropped columns as combinations of those that were kept.

    Attributes
    ----------
    B : (p, q)
        The q dropped columns are X B.
    slack : (q,)
        Largest difference in the rows of the data, which is rounding.
    centre, centre_dropped : (p,), (q,)
        Means of the columns, if there is an intercept, or 0.
    """

    B: Floats
    slack: Floats
    centre: Floats
    centre_dropped: Floats

    def holds(self, X: Floats, dropped: Floats) -> Bools:
        """Whether rows have the dropped columns that follow from those kept.

        Xγ is estimable in a row exactly if its full row, the dropped columns included, is
        orthogonal to every (B_k, −e_k), k = 1 … q, a basis of the null space of the full design
        (Searle 1971, *Linear Models*, section 5.4).

        Parameters
        ----------
        X : (M, p)
            Kept columns of the rows.
        dropped : (M, q)
            Their dropped columns.

        Returns
        -------
        (M,) bool
            Differences count from `TOLERANCE` of their terms on, these taken about their means.
        """
        gap, B = np.abs(dropped - X @ self.B), np.abs(self.B)
        size = np.abs(dropped - self.centre_dropped) + np.abs(X - self.centre) @ B
        rounding = 2 * self.slack + _EPS * (np.abs(dropped) + np.abs(X) @ B)
        out: Bools = (gap <= TOLERANCE * size + rounding).all(axis=1)
        return out


def combination(D: Floats, kept: Ints, lost: Ints, intercept: int | None) -> Combination:
    """Find the combinations of kept columns that are the lost ones.

    Parameters
    ----------
    D : (N, d)
    kept, lost : (p,), (q,)
        Columns of D that `independent` keeps, and the others.
    intercept
        The column of ones, if it is kept: the others are then taken about their means.
    """
    p, q = len(kept), len(lost)
    if not q:
        return Combination(np.zeros((p, 0)), np.zeros(0), np.zeros(p), np.zeros(0))
    X, T = D[:, kept], D[:, lost]
    centre, centre_dropped = np.zeros(p), np.zeros(q)
    others = np.arange(p) if intercept is None else np.flatnonzero(kept != intercept)
    if intercept is not None:
        centre, centre_dropped = X.mean(axis=0), T.mean(axis=0)
    A, C = X[:, others] - centre[others], T - centre_dropped
    unit, wide = (np.abs(part).max(axis=0, initial=0.0) for part in (A, C))
    unit, wide = np.where(unit > 0, unit, 1.0), np.where(wide > 0, wide, 1.0)
    share = np.linalg.lstsq(A / unit, C / wide, rcond=None)[0]
    share[np.abs(share) < ROUNDING] = 0.0
    B = np.zeros((p, q))
    B[others] = share * wide / unit[:, None]
    if intercept is not None:
        taken = centre[:, None] * B
        rest = centre_dropped - taken.sum(axis=0)
        size = np.abs(centre_dropped) + np.abs(taken).sum(axis=0)
        B[kept == intercept] = np.where(np.abs(rest) < ROUNDING * size, 0.0, rest)
    return Combination(B, np.abs(T - X @ B).max(axis=0), centre, centre_dropped)


def _root(D: Floats, columns: Ints, centre: bool) -> Floats:
    """R of the QR decomposition of the columns, each of length one (or zero, if constant)."""
    A = D[:, columns]
    size = np.abs(A).max(axis=0)
    A /= np.where(size > 0, size, 1.0)  # so that squares neither overflow nor vanish
    if centre:
        A -= A.mean(axis=0)
        A -= A.mean(axis=0)  # the first mean of a large offset is itself rounded
        rounding = 8 * np.finfo(float).eps * np.sqrt(len(A))
        A[:, np.linalg.norm(A, axis=0) <= rounding] = 0.0
    length = np.linalg.norm(A, axis=0)
    A /= np.where(length > 0, length, 1.0)
    root: Floats = np.asarray(np.linalg.qr(A, mode="r"))
    return root


def _kept(A: Floats) -> Ints:
    """Gram–Schmidt, twice for each column (Giraud et al. 2005), over columns of length one."""
    basis: list[Floats] = []
    kept = []
    for k in range(A.shape[1]):
        left = A[:, k].copy()
        for _ in range(2):
            for q in basis:
                left -= (q @ left) * q
        length = float(np.linalg.norm(left))
        if length > TOLERANCE:
            basis.append(left / length)
            kept.append(k)
    return np.array(kept, dtype=np.int64)
