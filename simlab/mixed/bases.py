"""Well-conditioned columns in the place of nearly collinear ones.

A model does not change when its columns X are replaced by XC, C invertible, and neither does its
likelihood but for log|C|. The digits do: cross-products of columns that differ by a share ε of
their length lose ε⁻² of them, and a search over the variances of such columns creeps. Here the
columns are combined before any product is formed, at a loss of ε⁻¹.

Combinations of X are those in which the products within the clusters and the products of their
means are diagonal at the same time. With the QR decomposition of the deviations from the cluster
means X_w above these means X_b (times √n_j), and the singular values of its upper part,

    [X_w; X_b] = [Q_w; Q_b] R,   Q_w = U S T',   C = R⁻¹T:   C'X_w'X_wC = S²,  C'X_b'X_bC = 1 − S².

So a column that does not vary within clusters stays one, which a large variance between clusters
makes necessary (Golub & Van Loan 2013, *Matrix computations*, section 6.1.6 and 8.7.4).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.moments import Floats, Ints

COLLINEAR = 1e-2
"""What is left of a column's square, given those before it, below which columns are combined."""


class Columns(NamedTuple):
    """Columns in a basis of their own.

    Attributes
    ----------
    values : (N, q)
        Orthogonal, each with a mean square of 1.
    back : (q, q)
        Combinations of the user's columns that they are: values = X back.
    """

    values: Floats
    back: Floats


def collinear(pivot: float) -> bool:
    """Whether some column is nearly a combination of those before it, by their least pivot."""
    return pivot < COLLINEAR


def orthogonal(X: Floats, ones: int, cluster: Ints | None = None) -> Columns:
    """Combine columns until they are orthogonal.

    Parameters
    ----------
    X : (N, q)
        Linearly independent columns.
    ones : int
        Which of them is the column of ones, −1 if none is; it stays as it is, and the others are
        centred.
    cluster : (N,), optional
        Codes 0 … J−1; then the columns are orthogonal within the clusters as well.

    Returns
    -------
    Columns
    """
    N, q = X.shape
    others = np.array([c for c in range(q) if c != ones], dtype=np.int64)
    if not len(others):
        return Columns(np.ones((N, q)), np.ones((q, q)))
    mean = X[:, others].mean(axis=0) if ones >= 0 else np.zeros(len(others))
    centred = X[:, others] - mean
    if ones >= 0:  # the mean of a large offset is itself rounded
        again = centred.mean(axis=0)
        centred, mean = centred - again, mean + again
    scale = np.sqrt((centred**2).mean(axis=0))
    centred /= scale
    turn = np.sqrt(N) * (_triangular(centred) if cluster is None else _both(centred, cluster))
    back = np.zeros((q, q))
    back[np.ix_(others, others)] = turn / scale[:, None]
    if ones >= 0:
        back[ones, ones] = 1.0
        back[ones, others] = -mean @ back[np.ix_(others, others)]
    values = X.astype(np.longdouble) @ back  # the one step at which digits would go
    return Columns(values.astype(float), back)


def _triangular(X: Floats) -> Floats:
    """C with C'X'XC = 1, upper triangular."""
    q = X.shape[1]
    R = np.linalg.qr(X, mode="r")
    return np.linalg.solve(R, np.eye(q))


def _both(X: Floats, cluster: Ints) -> Floats:
    """C with C'X'XC = 1 and C'X_w'X_wC diagonal."""
    n = np.bincount(cluster)
    mean = np.array([np.bincount(cluster, column) / n for column in X.T]).T
    within = X - mean[cluster]
    Q, R = np.linalg.qr(np.concatenate([within, np.sqrt(n)[:, None] * mean]))
    T = np.linalg.svd(Q[: len(X)], full_matrices=False)[2].T
    return np.linalg.solve(R, T)
