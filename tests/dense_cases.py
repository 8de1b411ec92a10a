"""The likelihood from V itself: no rotation, no profiling of σ²; the oracle for intervals."""

import numpy as np


def dense_deviance(design, G, sigma2, reml):
    """−2 log L from V itself, in the user's units; log|X'X| and constants as lme4."""
    X, Z, y = design.X, design.Z, design.y
    total, xx, xy, yy = 0.0, 0.0, 0.0, 0.0
    for j in range(len(design.clusters)):
        rows = design.cluster == j
        V = Z[rows] @ G @ Z[rows].T + sigma2 * np.eye(rows.sum())
        root = np.linalg.cholesky(V)
        x, e = np.linalg.solve(root, X[rows]), np.linalg.solve(root, y[rows])
        total += 2 * np.log(np.diag(root)).sum()
        xx, xy, yy = xx + x.T @ x, xy + x.T @ e, yy + e @ e
    nu = len(y) - (X.shape[1] if reml else 0)
    total += yy - xy @ np.linalg.solve(xx, xy) + nu * np.log(2 * np.pi)
    return total + (np.linalg.slogdet(xx)[1] if reml else 0.0)
