"""Gradient and Hessian of the deviance: sums over the clusters, then algebra of r × r.

The formulas stand in `deviance`.
"""

from __future__ import annotations

import numpy as np

from simlab.kernels import inner
from simlab.kernels.lanes import all_zero
from simlab.mixed.work import CHUNK, Abreast, Work
from simlab.moments import Floats, Ints


@inner
def sums(starts: Ints, reml: bool, expected: bool, weight: float, w: Work) -> None:
    """Sum over the clusters what the derivatives need; D is a root of Q. `expected`: Y = P."""
    r, S, k = w.K.shape[0], w.gamma.shape[0], w.gamma.shape[1]
    m = r * (r + 1) // 2
    T, U, C, D, P, Y, h, inverse = w.T, w.U, w.C, w.D, w.P, w.Y, w.h, w.root
    hh, sum_P, sum_Q, PY, CC, Ch = w.sum_hh, w.sum_P, w.sum_Q, w.sum_PY, w.sum_CC, w.sum_Ch
    for i in range(m):
        hh[i] = sum_P[i] = sum_Q[i] = 0.0
        for e in range(m):
            PY[i, e] = 0.0
    for s in range(S):
        for a in range(r):
            for b in range(r):
                for c in range(k):
                    Ch[s, a, b, c] = 0.0
                    for d in range(k):
                        CC[s, a, b, c, d] = 0.0
        for start in range(starts[s], starts[s + 1], CHUNK):
            first = np.uint64(start)  # unsigned: no index could be negative
            n = np.uint64(min(CHUNK, starts[s + 1] - start))
            for a in range(r):
                for c in range(k + 1):
                    last = c == k
                    for j in range(n):
                        value = T[0, a, first + j] * U[0, c, first + j]
                        for b in range(1, r):
                            value += T[b, a, first + j] * U[b, c, first + j]
                        if last:
                            h[a, j] = value
                        else:
                            C[a, c, j] = value
                if reml:
                    for c in range(k):
                        for j in range(n):
                            D[a, c, j] = inverse[s, c, 0] * C[a, 0, j]
                        for b in range(1, c + 1):
                            for j in range(n):
                                D[a, c, j] += inverse[s, c, b] * C[a, b, j]
            i = 0
            for a in range(r):
                for c in range(a + 1):
                    for j in range(n):
                        value = T[0, a, first + j] * T[0, c, first + j]
                        for b in range(1, r):
                            value += T[b, a, first + j] * T[b, c, first + j]
                        P[i, j] = value
                    for j in range(n):
                        Y[i, j] = 0.0
                    if reml:
                        for b in range(k):
                            for j in range(n):
                                Y[i, j] += D[a, b, j] * D[c, b, j]
                    for j in range(n):
                        sum_P[i] += P[i, j]
                    for j in range(n):
                        sum_Q[i] += Y[i, j]
                    for j in range(n):
                        hh[i] += h[a, j] * h[c, j]
                    if expected:
                        for j in range(n):
                            Y[i, j] = P[i, j]
                    else:
                        for j in range(n):
                            Y[i, j] = 2.0 * (Y[i, j] + h[a, j] * h[c, j] * weight) - P[i, j]
                    i += 1
            for a in range(m):
                for b in range(m):
                    for j in range(n):
                        PY[a, b] += P[a, j] * Y[b, j]
            if expected:
                continue
            for a in range(r):
                for b in range(r):
                    for c in range(k):
                        for j in range(n):
                            Ch[s, a, b, c] += C[a, c, j] * h[b, j]
                for b in range(a + 1):
                    for c in range(k):
                        for d in range(c + 1 if a == b else k):
                            for j in range(n):
                                CC[s, a, b, c, d] += C[a, c, j] * C[b, d, j]


@inner
def lower(a: int, c: int) -> int:
    """Place of (a, c) in a lower triangle held by rows."""
    return (a * (a + 1) >> 1) + c if a >= c else (c * (c + 1) >> 1) + a


@inner
def directions(Lambda: Floats, w: Work | Abreast) -> None:
    """a_i, Φf_i, F_i and ΦF_i for every entry i = (a, b) of Λ, from the sums over clusters."""
    S, k = w.gamma.shape
    r = Lambda.shape[0]
    Ch, CC, hh, phi, phi_f, phi_F = w.sum_Ch, w.sum_CC, w.sum_hh, w.phi, w.phi_f, w.phi_F
    quadratic, f, F = w.a, w.f, w.F
    i = 0
    for b in range(r):
        for a in range(b, r):
            quadratic[i] = 0.0
            for e in range(b, r):
                quadratic[i] += 2.0 * Lambda[e, b] * hh[lower(a, e)]
            for s in range(S):
                for c in range(k):
                    value = 0.0
                    for e in range(b, r):
                        value += Lambda[e, b] * (Ch[s, a, e, c] + Ch[s, e, a, c])
                    f[s, i, c] = value
                    for d in range(c + 1):
                        value = 0.0
                        for e in range(b, r):
                            hi, lo = max(a, e), min(a, e)
                            twice = CC[s, hi, lo, c, d]
                            twice += twice if a == e else CC[s, hi, lo, d, c]
                            value += Lambda[e, b] * twice
                        F[s, i, c, d] = F[s, i, d, c] = value
                for c in range(k):
                    value = 0.0
                    for e in range(k):
                        value += phi[s, c, e] * f[s, i, e]
                    phi_f[s, i, c] = value
                    for d in range(k):
                        value = 0.0
                        for e in range(k):
                            value += phi[s, c, e] * F[s, i, e, d]
                        phi_F[s, i, c, d] = value
            i += 1


@inner
def _clusters_term(a: int, b: int, c: int, d: int, Lambda: Floats, PY: Floats) -> float:
    """Σ_j tr(E_ab P_j E_cd Y_j)."""
    r = Lambda.shape[0]
    total = 0.0
    for e in range(b, r):
        for f in range(d, r):
            weight = Lambda[e, b] * Lambda[f, d]
            if all_zero(weight):
                continue
            # λ_b'Pe_c · λ_d'Ye_a + λ_b'Pλ_d · e_c'Ye_a + e_a'Pe_c · λ_d'Yλ_b + e_a'Pλ_d · e_c'Yλ_b
            total += weight * (
                PY[lower(e, c), lower(f, a)] + PY[lower(e, f), lower(c, a)]
                + PY[lower(a, c), lower(f, e)] + PY[lower(a, f), lower(c, e)]
            )  # fmt: skip
    return total


@inner
def _fixed_term(
    i: int, j: int, reml: bool, sigma2: float,
    f: Floats, phi_f: Floats, phi_F: Floats,
) -> float:  # fmt: skip
    """tr(Φ F_i Φ F_j) (REML only) + (2/σ²) f_i'Φ f_j, over the sectors."""
    trace = product = 0.0
    for s in range(f.shape[0]):
        for a in range(f.shape[2]):
            product += f[s, i, a] * phi_f[s, j, a]
            if reml:
                for b in range(f.shape[2]):
                    trace += phi_F[s, i, a, b] * phi_F[s, j, b, a]
    return trace + 2.0 / sigma2 * product


@inner
def hessian(
    Lambda: Floats, blocks: Ints, nu: float, reml: bool, expected: bool, w: Work | Abreast
) -> None:
    """Fill the gradient and the Hessian: in Λ, or with the expected information in Δ.

    The latter is Σ tr(E_i P E_k P) − Σtr(E_i P) Σtr(E_k P)/ν, with E_ab = e_ae_b' + e_be_a'.
    Entries between two blocks, and of a block with a negative number, are held: nothing changes
    along them.
    """
    r, M, sigma2 = Lambda.shape[0], w.M, w.sigma2[0]
    f, phi_f, phi_F, PY = w.f, w.phi_f, w.phi_F, w.sum_PY
    gradient, second, sum_P, quadratic = w.gradient, w.hessian, w.sum_P, w.a
    i = 0
    for b in range(r):
        for a in range(b, r):
            value = 2.0 * M[a, b]
            if not expected:
                value = 0.0
                for e in range(b, r):
                    value += 2.0 * M[a, e] * Lambda[e, b]
            free = blocks[a] == blocks[b] and blocks[a] >= 0
            gradient[i] = value if free else 0.0
            j = 0
            for d in range(b + 1):
                for c in range(d, r):
                    if j <= i and not (free and blocks[c] == blocks[d] and blocks[c] >= 0):
                        second[i, j] = second[j, i] = 0.0
                    elif j <= i:
                        value = _clusters_term(a, b, c, d, Lambda, PY)
                        if expected:
                            value -= 4.0 * sum_P[lower(a, b)] * sum_P[lower(c, d)] / nu
                        else:
                            value -= _fixed_term(i, j, reml, sigma2, f, phi_f, phi_F)
                            value -= quadratic[i] * quadratic[j] / (nu * sigma2 * sigma2)
                            if b == d:
                                value += 2.0 * M[a, c]
                        second[i, j] = second[j, i] = value
                    j += 1
            i += 1
