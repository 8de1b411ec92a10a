"""The working space of a fit: what evaluations of the deviance read, keep and leave behind."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from simlab.kernels import inner
from simlab.kernels.lanes import take
from simlab.mixed.rotated import Rotated
from simlab.moments import Floats, Ints

CHUNK = 64  # clusters worked on at once: their numbers stay in the nearest cache


class Work(NamedTuple):
    """Working arrays that one evaluation fills. m = r(r+1)/2 entries of Λ, by columns.

    Attributes
    ----------
    gradient, hessian : (m,), (m, m)
        Derivatives of the deviance in the lower triangle of Λ.
    gamma : (S, k)
        γ̂ of each sector.
    phi : (S, k, k)
        Φ, the covariance of γ̂ over σ².
    sigma2 : (1,)
        σ̂².
    F, f, a : (S, m, k, k), (S, m, k), (m,)
        F_i = −∂(X'V⁻¹X)/∂Λ_i, f_i = X'V⁻¹(∂V/∂Λ_i)e, a_i = e'(∂V/∂Λ_i)e.
    """

    gradient: Floats
    hessian: Floats
    gamma: Floats
    phi: Floats
    sigma2: Floats
    F: Floats
    f: Floats
    a: Floats
    M: Floats  # (r, r)
    root: Floats  # inverse of the Cholesky factor of X'V⁻¹X, (S, k, k)
    cross: Floats  # X'V⁻¹X beside X'V⁻¹y, (S, k + 1, k + 1)
    K: Floats  # the data, clusters last, of the random effects in `basis`: (r, r, J)
    xy: Floats  # (r, k + 1, J)
    basis: Floats  # u = basis · (the effects that are worked with), orthogonal, (r, r)
    blocks: Ints  # (r,)
    T: Floats  # (r, r, J)
    U: Floats  # (r, k + 1, J)
    L: Floats  # scratch of CHUNK clusters: (r, r, CHUNK)
    B: Floats  # (r, r, CHUNK)
    C: Floats  # (r, k, CHUNK)
    D: Floats  # (r, k, CHUNK), C R⁻ᵀ, so that Q = DD'
    P: Floats  # (m, CHUNK), the lower triangle of P_j
    Y: Floats  # (m, CHUNK)
    h: Floats  # (r, CHUNK)
    product: Floats  # (CHUNK,)
    sum_hh: Floats  # Σ h h', (m,)
    sum_P: Floats  # Σ P, (m,)
    sum_Q: Floats  # Σ Q, (m,)
    sum_PY: Floats  # Σ P ⊗ Y, (m, m)
    sum_CC: Floats  # Σ C_a'C_b, (S, r, r, k, k), a ≥ b
    sum_Ch: Floats  # Σ C_a'h_b, (S, r, r, k)
    Lambda: Floats  # (r, r)
    trial: Floats  # (r, r)
    scratch: Floats  # (m + 1, m)
    identity: Floats  # (r, r)
    phi_f: Floats  # Φ f_i, (S, m, k)
    phi_F: Floats  # Φ F_i, (S, m, k, k)
    value: Floats  # the deviance at a minimum, (1,)
    edge: Floats  # roughly how much it rises on the way to a singular G, (1,)
    progress: Floats  # of Newton's search: value accepted, length of the step, converged, (3,)


def allocate_work(rotated: Rotated) -> Work:
    """Return room for evaluations of the deviance of data sets of this shape."""
    J, r, k1 = rotated.xy.shape
    S, k, m = len(rotated.rest), k1 - 1, r * (r + 1) // 2
    e, c = np.empty, CHUNK
    return Work(
        e(m), e((m, m)), e((S, k)), e((S, k, k)), e(1), e((S, m, k, k)), e((S, m, k)), e(m),
        e((r, r)), e((S, k, k)), e((S, k1, k1)),
        e((r, r, J)), e((r, k1, J)), np.eye(r), np.zeros(r, dtype=np.int64),
        e((r, r, J)), e((r, k1, J)), e((r, r, c)), e((r, r, c)), e((r, k, c)), e((r, k, c)),
        e((m, c)), e((m, c)), e((r, c)), e(c),
        e(m), e(m), e(m), e((m, m)), e((S, r, r, k, k)), e((S, r, r, k)),
        e((r, r)), e((r, r)), e((m + 1, m)), np.eye(r),
        e((S, m, k)), e((S, m, k, k)), np.zeros(1), np.zeros(1), np.zeros(3),
    )  # fmt: skip


@inner
def load(rotated: Rotated, w: Work) -> None:
    """Lay a data set out with the clusters last: the processor then works on several at once."""
    K, xy, K_last, xy_last = rotated.K, rotated.xy, w.K, w.xy
    J, r, k1 = xy.shape
    for a in range(r):
        w.blocks[a] = rotated.blocks[a]
        for c in range(r):
            w.basis[a, c] = 1.0 if a == c else 0.0
            for j in range(J):
                K_last[a, c, j] = K[j, a, c]
        for c in range(k1):
            for j in range(J):
                xy_last[a, c, j] = xy[j, a, c]


R, M = 2, 3
"""Random effects of a line, and entries of their Λ."""


class Abreast(NamedTuple):
    """As `Work`, with the data: lines with random intercept and slope, a replicate in each lane."""

    K: Any  # (J, r, r)
    xy: Any  # (J, r, k + 1)
    rss: Any  # of the remainder, (S,)
    nu: Any  # N − p for REML, N for ML, (1,)
    Lambda: Any  # (r, r)
    value: Any  # the deviance, (1,)
    gradient: Any  # (m,)
    hessian: Any  # (m, m)
    gamma: Any  # (S, k)
    phi: Any  # (S, k, k)
    sigma2: Any  # (1,)
    F: Any  # (S, m, k, k)
    f: Any  # (S, m, k)
    a: Any  # (m,)
    M: Any  # (r, r)
    root: Any  # (S, k, k)
    cross: Any  # (S, k + 1, k + 1)
    T: Any  # (J, r, r)
    U: Any  # (J, r, k + 1)
    C: Any  # of one cluster, (r, k)
    sum_hh: Any  # (m,)
    sum_P: Any  # (m,)
    sum_PY: Any  # (m, m)
    sum_CC: Any  # (S, r, r, k, k)
    sum_Ch: Any  # (S, r, r, k)
    identity: Any  # (r, r)
    phi_f: Any  # (S, m, k)
    phi_F: Any  # (S, m, k, k)


def room_for(J: int, S: int, k: int) -> int:
    """Return how many numbers J clusters in S sectors take in each lane, or a few more."""
    of_clusters = J * (4 * R * R + 2 * R * (k + 1))
    of_sectors = S * (1 + k + 2 * k * k + (k + 1) ** 2 + (2 * M + R * R) * (k + k * k))
    return of_clusters + of_sectors + R * k + 100


@inner
def arrange(J: int, S: int, k: int, room: Floats) -> Abreast:
    """Lay everything out in a flat array."""
    used = np.zeros(1, dtype=np.int64)
    r, m = R, M
    return Abreast(
        take(room, used, (J, r, r)), take(room, used, (J, r, k + 1)),
        take(room, used, (S,)), take(room, used, (1,)), take(room, used, (r, r)),
        take(room, used, (1,)), take(room, used, (m,)), take(room, used, (m, m)),
        take(room, used, (S, k)), take(room, used, (S, k, k)), take(room, used, (1,)),
        take(room, used, (S, m, k, k)), take(room, used, (S, m, k)), take(room, used, (m,)),
        take(room, used, (r, r)), take(room, used, (S, k, k)), take(room, used, (S, k + 1, k + 1)),
        take(room, used, (J, r, r)), take(room, used, (J, r, k + 1)),
        take(room, used, (r, k)),
        take(room, used, (m,)), take(room, used, (m,)), take(room, used, (m, m)),
        take(room, used, (S, r, r, k, k)), take(room, used, (S, r, r, k)),
        take(room, used, (r, r)), take(room, used, (S, m, k)), take(room, used, (S, m, k, k)),
    )  # fmt: skip
