"""Rotation of rows by numpy's QR: the oracle for the kernel, in the user's own units."""

import numpy as np

from simlab.mixed.rotated import allocate


def rotate(X, Z, y, cluster, starts=None, blocks=None):
    """Rotated clusters of X (N, k), Z (N, r), y (N,), clusters 0 … J−1 sector after sector."""
    starts = np.array([0, cluster.max() + 1]) if starts is None else starts
    out = allocate(starts, Z.shape[1], X.shape[1], blocks)
    out.n_rows[0] = len(y)
    rows_of = np.split(np.argsort(cluster, kind="stable"), np.bincount(cluster).cumsum()[:-1])
    for j, rows in enumerate(rows_of):
        Q, R = np.linalg.qr(Z[rows])
        signs = np.where(np.diag(R) < 0, -1.0, 1.0)
        Q, R = Q * signs, signs[:, None] * R
        both = np.column_stack([X[rows], y[rows]])
        tilde = Q.T @ both
        remainder = both - Q @ tilde
        out.K[j, :, : R.shape[0]] = R.T
        out.xy[j, : R.shape[0]] = tilde
        out.rest[np.searchsorted(starts, j, side="right") - 1] += remainder.T @ remainder
    return out
