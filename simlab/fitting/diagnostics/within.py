"""Columns of a design split into their cluster means and the deviations from these."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.moments import Floats, Ints

CONSTANT = 1e-12  # of a column's largest value: deviations below it are rounding
ALIASED = 1e-7  # of a column's length, as R's lm has it


class Split(NamedTuple):
    """Means (J, q) of the columns in each cluster, and deviations (N, q) from them."""

    means: Floats
    deviations: Floats


def split(columns: Floats, cluster: Ints) -> Split:
    """Split columns (N, q) about each cluster's first row, so that a large offset costs no digits.

    Deviations of a column that is constant in a cluster are exactly 0 there.
    """
    n = np.bincount(cluster)
    first = np.unique(cluster, return_index=True)[1]
    origin = columns[first]
    left = columns - origin[cluster]
    shift = np.empty_like(origin)
    for a in range(columns.shape[1]):
        shift[:, a] = np.bincount(cluster, left[:, a]) / n
    return Split(origin + shift, left - shift[cluster])


def varying(columns: Floats, deviations: Floats) -> Ints:
    """Numbers of the columns that vary within some cluster."""
    size = np.abs(columns).max(axis=0, initial=0.0)
    return np.flatnonzero(np.abs(deviations).max(axis=0, initial=0.0) > CONSTANT * size)


def independent(columns: Floats, more: Floats, length: Floats) -> Ints:
    """Numbers of the columns of `more` that are no combinations of `columns` and those before.

    What is left of a column counts as nothing below `ALIASED` times its `length`.
    """
    basis = np.linalg.qr(columns / np.linalg.norm(columns, axis=0))[0] if columns.size else columns
    kept = []
    for a in range(more.shape[1]):
        left = more[:, a]
        for _ in range(2):  # once more, for what the first projection leaves of rounding
            left = left - basis @ (basis.T @ left)
        norm = float(np.linalg.norm(left))
        if norm > ALIASED * length[a]:
            kept.append(a)
            basis = np.column_stack([basis, left / norm])
    return np.array(kept, dtype=np.int64)


class WithinFit(NamedTuple):
    """Least squares with a constant for each cluster."""

    b: Floats  # (q,), the estimate
    covariance: Floats  # (q, q), if the clusters' constants are all that their rows share
    cross: Floats  # (q, q), (W'W)⁻¹, W the deviations from the cluster means
    sigma2: float  # RSS/(N − J − q)
    df: int  # N − J − q


def within_fit(deviations: Floats, y: Floats, J: int) -> WithinFit:
    """Fixed effects (within) estimator: least squares of y on the deviations, both about J means.

        b = (W'W)⁻¹W'y,   σ̂² = |y − ȳ_j − Wb|²/(N − J − q),   Var(b) = σ̂²(W'W)⁻¹

    W (N, q) is of full rank.
    """
    N, q = deviations.shape
    scale = np.linalg.norm(deviations, axis=0)
    Q, R = np.linalg.qr(deviations / scale)
    inverse = np.linalg.inv(R) / scale[:, None]
    b = inverse @ (Q.T @ y)
    df = N - J - q
    sigma2 = float(np.sum((y - deviations @ b) ** 2)) / df if df > 0 else np.nan
    cross = inverse @ inverse.T
    return WithinFit(b, sigma2 * cross, cross, sigma2, df)
