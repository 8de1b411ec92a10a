"""Clusters turned so that nothing cancels where random effects are far larger than σ.

V_j = I + B_j'B_j with B_j = Λ'K_j does not change its meaning when the r pseudo-observations of a
cluster are turned, K_jP and P'[x̃_j ỹ_j] with P orthogonal. Its Cholesky factor does lose digits
where a row of B_j is large in several of them: the second pivot is then what is left of a large
number. With P from the QR decomposition B_j' = PR, the largest rows first, a large row stands in
one pseudo-observation alone.
"""

from __future__ import annotations

import numpy as np

from simlab.kernels import inner
from simlab.moments import Floats

LARGE = 30.0  # an entry of Λ below which no cluster is looked at
SQUARE = 1e6  # entries of B that are larger, squared, are turned away


@inner
def is_large(Lambda: Floats) -> bool:
    """Whether clusters are to be looked at."""
    largest = 0.0
    for a in range(len(Lambda)):
        for b in range(a + 1):
            largest = max(largest, abs(Lambda[a, b]))
    return largest >= LARGE


@inner
def turn(Lambda: Floats, K: Floats, xy: Floats) -> None:
    """Turn the clusters, (r, r, J) and (r, k + 1, J) as in `Work`, to suit Λ; mostly do nothing."""
    r, k1, J = K.shape[0], xy.shape[1], K.shape[2]
    if r == 1 or not is_large(Lambda):
        return
    size, order = np.zeros(r), np.zeros(r, dtype=np.int64)
    for b in range(r):
        for a in range(b, r):
            size[b] += Lambda[a, b] * Lambda[a, b]
    for first in range(r):  # columns of Λ, the longest first
        order[first] = np.argmax(size)
        size[order[first]] = -1.0
    for j in range(J):
        for first in range(r - 1):
            row = order[first]
            for c in range(first + 1, r):
                near = far = 0.0
                for b in range(row, r):
                    near += Lambda[b, row] * K[b, first, j]
                    far += Lambda[b, row] * K[b, c, j]
                if far * far < SQUARE:
                    continue
                length = np.sqrt(near * near + far * far)
                cosine, sine = near / length, far / length
                for a in range(r):
                    near, far = K[a, first, j], K[a, c, j]
                    K[a, first, j] = cosine * near + sine * far
                    K[a, c, j] = cosine * far - sine * near
                for a in range(k1):
                    near, far = xy[first, a, j], xy[c, a, j]
                    xy[first, a, j] = cosine * near + sine * far
                    xy[c, a, j] = cosine * far - sine * near
