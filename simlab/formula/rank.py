"""Which columns are linear combinations of those before them."""

from __future__ import annotations

import numpy as np

from simlab.moments import Floats, Ints

TOLERANCE = 1e-7
"""A column is dropped if less than this share of its length is left, as in R's `lm` and `lmer`."""

SAFE = 1e-6
"""Smallest squared pivot of a scaled Gram matrix that proves full rank without a QR."""

_CHUNK = 16_384


def cross_products(D: Floats) -> tuple[Floats, Floats]:
    """Column means and centred cross-products, in one pass and without a copy of D.

    Parameters
    ----------
    D : (N, d)
        C-contiguous.

    Returns
    -------
    mean : (d,)
    S : (d, d)
        Σ (d_i − mean)(d_i − mean)'. Formed about the mean of the first rows: what is subtracted
        at the end is at most N/16,384 times the result, which costs no digits that matter here.
    """
    N, d = D.shape
    origin = D[:_CHUNK].mean(axis=0)
    S, total, ones = np.zeros((d, d)), np.zeros(d), np.ones(_CHUNK)
    for start in range(0, N, _CHUNK):
        rows = D[start : start + _CHUNK] - origin
        S += rows.T @ rows
        total += ones[: len(rows)] @ rows  # much faster than a sum over short rows
    S -= np.outer(total, total / N)
    return origin + total / N, S


def independent(D: Floats, columns: Ints, intercept: int | None, mean: Floats, S: Floats) -> Ints:
    """Keep each of some columns of D that is no linear combination of the kept ones before it.

    Where the intercept is among the columns, the others are judged by their deviations from their
    mean: adding 1e8 to a covariate makes it no more collinear than it was. (R judges the column
    as it is.)

    Parameters
    ----------
    D : (N, d)
    columns : (p,)
        Columns of D to be judged, in order.
    intercept
        The column of ones, if it is among them; it is kept.
    mean, S
        `cross_products` of D.

    Returns
    -------
    (q,) int64
        Those of `columns` that are kept.
    """
    others = columns[columns != intercept] if intercept is not None else columns
    gram = S[np.ix_(others, others)]
    if intercept is None:
        gram = gram + len(D) * np.outer(mean[others], mean[others])
    if _surely_full(gram):
        return columns
    kept = others[_kept(_root(D, others, intercept is not None))]
    chosen: Ints = columns[np.isin(columns, [*kept, *([] if intercept is None else [intercept])])]
    return chosen


def _surely_full(gram: Floats) -> bool:
    size = np.diag(gram)
    if not (size > 0).all():
        return False
    scale = 1 / np.sqrt(size)
    try:
        root = np.linalg.cholesky(gram * np.outer(scale, scale))
    except np.linalg.LinAlgError:
        return False
    return bool((np.diag(root) ** 2).min(initial=1.0) >= SAFE)


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
