"""The profiled deviance of a mixed model, its gradient and its Hessian.

Notation of `rotated`: V_j = I + K_j'ΛΛ'K_j with G = σ² ΛΛ', Λ lower triangular,
Φ = (X'V⁻¹X)⁻¹, γ̂ = Φ X'V⁻¹y, e = V⁻¹(y − Xγ̂). σ² is profiled out:

    d(Λ) = Σ log|V_j| + log|X'V⁻¹X| + ν (1 + log 2πσ̂²),   σ̂² = y'e/ν,  ν = N − p   (REML);

for ML drop log|X'V⁻¹X| and put ν = N. With T_j = L_j⁻¹K_j' (V_j = L_jL_j'),

    P_j = Z'V⁻¹Z = T'T,   C_j = Z'V⁻¹X = T'U_x,   h_j = Z'e = T'v,   Q_j = C_j Φ C_j',
    M   = Σ [P_j − Q_j − h_j h_j'/σ̂²],      ∂d/∂Λ = 2 M Λ

and, for directions E_ab = e_a λ_b' + λ_b e_a' (λ_b the b-th column of Λ), with
Y_j = −P_j + 2Q_j + 2 h_j h_j'/σ̂², F_i = Σ C'E_iC, f_i = Σ C'E_ih, a_i = Σ h'E_ih:

    ∂²d = Σ tr(E_i P_j E_k Y_j) − tr(Φ F_i Φ F_k) − (2/σ̂²) f_i'Φ f_k − a_i a_k/(ν σ̂⁴) + 2 δ_bd M_ac.

For ML the terms in Q and tr(Φ F Φ F) are absent. Derived from Lindstrom & Bates
(1988, JASA 83:1014) and checked against complex-step differences in the tests.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.kernels import inner, kernel
from simlab.mixed.rotated import Rotated
from simlab.moments import Floats, Ints

CHUNK = 64  # clusters worked on at once: their numbers stay in the nearest cache


class Work(NamedTuple):
    """What one evaluation leaves behind. m = r(r+1)/2 entries of Λ, by columns.

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
    K: Floats  # the data, clusters last, the random effects in `order`: (r, r, J)
    xy: Floats  # (r, k + 1, J)
    order: Ints  # (r,)
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


def allocate_work(rotated: Rotated) -> Work:
    """Return room for evaluations of the deviance of data sets of this shape."""
    J, r, k1 = rotated.xy.shape
    S, k, m = len(rotated.rest), k1 - 1, r * (r + 1) // 2
    e, c = np.empty, CHUNK
    return Work(
        e(m), e((m, m)), e((S, k)), e((S, k, k)), e(1), e((S, m, k, k)), e((S, m, k)), e(m),
        e((r, r)), e((S, k, k)), e((S, k1, k1)),
        e((r, r, J)), e((r, k1, J)), np.arange(r), np.zeros(r, dtype=np.int64),
        e((r, r, J)), e((r, k1, J)), e((r, r, c)), e((r, r, c)), e((r, k, c)), e((r, k, c)),
        e((m, c)), e((m, c)), e((r, c)), e(c),
        e(m), e(m), e(m), e((m, m)), e((S, r, r, k, k)), e((S, r, r, k)),
        e((r, r)), e((r, r)), e((m + 1, m)), np.eye(r),
        e((S, m, k)), e((S, m, k, k)), np.zeros(1), np.zeros(1),
    )  # fmt: skip


@inner
def load(rotated: Rotated, w: Work) -> None:
    """Lay a data set out with the clusters last: the processor then works on several at once."""
    J, r, k1 = rotated.xy.shape
    for a in range(r):
        w.order[a] = a
        w.blocks[a] = rotated.blocks[a]
        for c in range(r):
            for j in range(J):
                w.K[a, c, j] = rotated.K[j, a, c]
        for c in range(k1):
            for j in range(J):
                w.xy[a, c, j] = rotated.xy[j, a, c]


@inner
def _factor(
    random: tuple[int, ...], Lambda: Floats, starts: Ints, rest: Floats, K: Floats, xy: Floats,
    T: Floats, U: Floats, B: Floats, L: Floats, product: Floats, cross: Floats,
) -> float:  # fmt: skip
    """V_j = I + K'ΛΛ'K = LL', T_j = L⁻¹K', U_j = L⁻¹[x̃ ỹ], Σ U'U. Returns Σ log|V_j|."""
    r, k1 = len(random), xy.shape[1]
    log_det = 0.0
    for s in range(starts.size - 1):
        for a in range(k1):
            for c in range(a + 1):
                cross[s, a, c] = rest[s, a, c]
        for start in range(starts[s], starts[s + 1], CHUNK):
            first = np.uint64(start)  # unsigned: no index could be negative
            n = np.uint64(min(CHUNK, starts[s + 1] - start))
            for a in range(r):  # B = Λ'K
                for c in range(r):
                    for j in range(n):
                        B[a, c, j] = Lambda[a, a] * K[a, c, first + j]
                    for b in range(a + 1, r):
                        for j in range(n):
                            B[a, c, j] += Lambda[b, a] * K[b, c, first + j]
            for j in range(n):
                product[j] = 1.0
            for a in range(r):  # LL' = I + B'B; the diagonal of L is inverted
                for c in range(a + 1):
                    for j in range(n):
                        L[a, c, j] = 1.0 if a == c else 0.0
                    for b in range(r):
                        for j in range(n):
                            L[a, c, j] += B[b, a, j] * B[b, c, j]
                    for b in range(c):
                        for j in range(n):
                            L[a, c, j] -= L[a, b, j] * L[c, b, j]
                    if a == c:
                        for j in range(n):
                            product[j] *= L[a, a, j]
                            L[a, a, j] = 1.0 / np.sqrt(L[a, a, j])
                    else:
                        for j in range(n):
                            L[a, c, j] *= L[c, c, j]
            for a in range(r):
                for c in range(r):
                    for j in range(n):
                        T[a, c, first + j] = K[c, a, first + j]
                    for b in range(a):
                        for j in range(n):
                            T[a, c, first + j] -= L[a, b, j] * T[b, c, first + j]
                    for j in range(n):
                        T[a, c, first + j] *= L[a, a, j]
                for c in range(k1):
                    for j in range(n):
                        U[a, c, first + j] = xy[a, c, first + j]
                    for b in range(a):
                        for j in range(n):
                            U[a, c, first + j] -= L[a, b, j] * U[b, c, first + j]
                    for j in range(n):
                        U[a, c, first + j] *= L[a, a, j]
            for a in range(k1):
                for c in range(a + 1):
                    value = 0.0
                    for b in range(r):
                        for j in range(n):
                            value += U[b, a, first + j] * U[b, c, first + j]
                    cross[s, a, c] += value
            whole = 1.0
            for j in range(n):  # a logarithm for several clusters
                whole *= product[j]
                if whole > 1e100:
                    log_det += np.log(whole)
                    whole = 1.0
            log_det += np.log(whole)
    return log_det


@inner
def _gls(A: Floats, inverse: Floats, phi: Floats, gamma: Floats) -> float:
    """γ̂, Φ and R⁻¹ of each sector, X'V⁻¹X = RR'. Returns log|X'V⁻¹X|, or NaN if it is singular."""
    S, k = gamma.shape
    log_det = 0.0
    for s in range(S):
        for a in range(k):  # R stands in Φ until it is inverted
            for c in range(a + 1):
                value = A[s, a, c]
                for b in range(c):
                    value -= phi[s, a, b] * phi[s, c, b]
                phi[s, a, c] = value if a == c else value / phi[s, c, c]
            if not phi[s, a, a] > 1e-14 * A[s, a, a]:
                return np.nan
            log_det += np.log(phi[s, a, a])
            phi[s, a, a] = np.sqrt(phi[s, a, a])
        for c in range(k):
            for a in range(k):
                value = 1.0 if a == c else 0.0
                for b in range(c, a):
                    value -= phi[s, a, b] * inverse[s, b, c]
                inverse[s, a, c] = value / phi[s, a, a] if a >= c else 0.0
        for a in range(k):
            for c in range(a + 1):
                value = 0.0
                for b in range(a, k):
                    value += inverse[s, b, a] * inverse[s, b, c]
                phi[s, a, c] = phi[s, c, a] = value
        for a in range(k):
            value = 0.0
            for c in range(k):
                value += phi[s, a, c] * A[s, k, c]
            gamma[s, a] = value
    return log_det


@inner
def _residual_sum(U: Floats, gamma: Floats, rest: Floats, starts: Ints) -> float:
    """Turn the last column of U into v = U_y − U_xγ̂; return (y − Xγ̂)'V⁻¹(y − Xγ̂)."""
    S, k = gamma.shape
    total = 0.0
    for s in range(S):
        first, n = np.uint64(starts[s]), np.uint64(starts[s + 1] - starts[s])
        for b in range(U.shape[0]):
            for c in range(k):
                for j in range(n):
                    U[b, k, first + j] -= gamma[s, c] * U[b, c, first + j]
            for j in range(n):
                total += U[b, k, first + j] * U[b, k, first + j]
        total += rest[s, k, k]
        for a in range(k):
            total -= 2.0 * gamma[s, a] * rest[s, k, a]
            for b in range(k):
                total += gamma[s, a] * rest[s, max(a, b), min(a, b)] * gamma[s, b]
    return total


@inner
def _sums(
    random: tuple[int, ...], starts: Ints, reml: bool, expected: bool, weight: float, w: Work
) -> None:
    """Sum over the clusters what the derivatives need; D is a root of Q. `expected`: Y = P."""
    r, S, k = len(random), w.gamma.shape[0], w.gamma.shape[1]
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
def _lower(a: int, c: int) -> int:
    """Place of (a, c) in a lower triangle held by rows."""
    return (a * (a + 1) >> 1) + c if a >= c else (c * (c + 1) >> 1) + a


@inner
def _directions(Lambda: Floats, w: Work) -> None:
    """a_i, Φf_i, F_i and ΦF_i for every entry i = (a, b) of Λ, from the sums over clusters."""
    r, S, k = Lambda.shape[0], w.gamma.shape[0], w.gamma.shape[1]
    Ch, CC = w.sum_Ch, w.sum_CC
    i = 0
    for b in range(r):
        for a in range(b, r):
            w.a[i] = 0.0
            for e in range(b, r):
                w.a[i] += 2.0 * Lambda[e, b] * w.sum_hh[_lower(a, e)]
            for s in range(S):
                for c in range(k):
                    value = 0.0
                    for e in range(b, r):
                        value += Lambda[e, b] * (Ch[s, a, e, c] + Ch[s, e, a, c])
                    w.f[s, i, c] = value
                    for d in range(c + 1):
                        value = 0.0
                        for e in range(b, r):
                            hi, lo = max(a, e), min(a, e)
                            twice = CC[s, hi, lo, c, d]
                            twice += twice if a == e else CC[s, hi, lo, d, c]
                            value += Lambda[e, b] * twice
                        w.F[s, i, c, d] = w.F[s, i, d, c] = value
                for c in range(k):
                    value = 0.0
                    for e in range(k):
                        value += w.phi[s, c, e] * w.f[s, i, e]
                    w.phi_f[s, i, c] = value
                    for d in range(k):
                        value = 0.0
                        for e in range(k):
                            value += w.phi[s, c, e] * w.F[s, i, e, d]
                        w.phi_F[s, i, c, d] = value
            i += 1


@inner
def _clusters_term(a: int, b: int, c: int, d: int, Lambda: Floats, PY: Floats) -> float:
    """Σ_j tr(E_ab P_j E_cd Y_j)."""
    r = Lambda.shape[0]
    total = 0.0
    for e in range(b, r):
        for f in range(d, r):
            weight = Lambda[e, b] * Lambda[f, d]
            if weight == 0.0:
                continue
            # λ_b'Pe_c · λ_d'Ye_a + λ_b'Pλ_d · e_c'Ye_a + e_a'Pe_c · λ_d'Yλ_b + e_a'Pλ_d · e_c'Yλ_b
            total += weight * (
                PY[_lower(e, c), _lower(f, a)] + PY[_lower(e, f), _lower(c, a)]
                + PY[_lower(a, c), _lower(f, e)] + PY[_lower(a, f), _lower(c, e)]
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
    return float(trace + 2.0 / sigma2 * product)


@inner
def _hessian(Lambda: Floats, blocks: Ints, nu: float, reml: bool, expected: bool, w: Work) -> None:
    """Fill the gradient and the Hessian: in Λ, or with the expected information in Δ.

    The latter is Σ tr(E_i P E_k P) − Σtr(E_i P) Σtr(E_k P)/ν, with E_ab = e_ae_b' + e_be_a'.
    Entries between two blocks stay 0: nothing changes along them.
    """
    r, M, sigma2 = Lambda.shape[0], w.M, w.sigma2[0]
    f, phi_f, phi_F, PY = w.f, w.phi_f, w.phi_F, w.sum_PY
    gradient, hessian, sum_P, quadratic = w.gradient, w.hessian, w.sum_P, w.a
    i = 0
    for b in range(r):
        for a in range(b, r):
            value = 2.0 * M[a, b]
            if not expected:
                value = 0.0
                for e in range(b, r):
                    value += 2.0 * M[a, e] * Lambda[e, b]
            free = blocks[a] == blocks[b]
            gradient[i] = value if free else 0.0
            j = 0
            for d in range(b + 1):
                for c in range(d, r):
                    if j <= i and not (free and blocks[c] == blocks[d]):
                        hessian[i, j] = hessian[j, i] = 0.0
                    elif j <= i:
                        value = _clusters_term(a, b, c, d, Lambda, PY)
                        if expected:
                            value -= 4.0 * sum_P[_lower(a, b)] * sum_P[_lower(c, d)] / nu
                        else:
                            value -= _fixed_term(i, j, reml, sigma2, f, phi_f, phi_F)
                            value -= quadratic[i] * quadratic[j] / (nu * sigma2 * sigma2)
                            if b == d:
                                value += 2.0 * M[a, c]
                        hessian[i, j] = hessian[j, i] = value
                    j += 1
            i += 1


@inner
def evaluate(
    Lambda: Floats, rotated: Rotated, reml: bool, expected: bool, derivatives: bool, w: Work
) -> float:
    """Return the deviance as `deviance` does, for other kernels; the derivatives when asked."""
    random, starts, rest = rotated.random, rotated.starts, rotated.rest
    log_det = _factor(
        random, Lambda, starts, rest, w.K, w.xy, w.T, w.U, w.B, w.L, w.product, w.cross
    )
    log_det_x = _gls(w.cross, w.root, w.phi, w.gamma)
    nu = rotated.n_rows[0] - (w.gamma.size if reml else 0)
    if np.isnan(log_det_x) or nu <= 0:
        return np.nan
    sigma2 = _residual_sum(w.U, w.gamma, rest, starts) / nu
    w.sigma2[0] = sigma2
    if not sigma2 > 0.0:
        return np.nan
    if derivatives:
        _sums(random, starts, reml, expected, 1.0 / sigma2, w)
        M, sum_P, sum_Q, sum_hh = w.M, w.sum_P, w.sum_Q, w.sum_hh
        for a in range(Lambda.shape[0]):
            for b in range(Lambda.shape[0]):
                i = _lower(a, b)
                M[a, b] = sum_P[i] - sum_Q[i] - sum_hh[i] / sigma2
        if not expected:
            _directions(Lambda, w)
        _hessian(w.identity if expected else Lambda, w.blocks, nu, reml, expected, w)
    if reml:
        log_det += log_det_x
    return float(log_det + nu * (1.0 + np.log(2.0 * np.pi * sigma2)))


@kernel
def deviance(Lambda: Floats, rotated: Rotated, reml: bool, expected: bool, w: Work) -> float:
    """Evaluate −2 log-likelihood at Λ, with its derivatives.

    Parameters
    ----------
    Lambda : (r, r)
        Lower triangular, any sign.
    rotated : Rotated
        The data.
    reml : bool
        Restricted likelihood or not.
    expected : bool
        Leave in `hessian` the expected information about Δ = ΛΛ' (times two, its
        REML correction of order p/J left out) and in `gradient` ∂d/∂Δ, for a
        scoring step; otherwise the derivatives in Λ.
    w : Work
        Is filled; see its attributes.

    Returns
    -------
    float
        The deviance, NaN when it does not exist (X'V⁻¹X singular, or no residual).
    """
    load(rotated, w)
    return evaluate(Lambda, rotated, reml, expected, True, w)
