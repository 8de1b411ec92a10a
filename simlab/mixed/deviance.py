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

from simlab.kernels import kernel
from simlab.mixed.rotated import Rotated
from simlab.moments import Floats


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
    T: Floats  # (J, r, r)
    U: Floats  # (J, r, k + 1)
    L: Floats  # scratch of one cluster: (r, r)
    B: Floats  # (r, r)
    C: Floats  # (r, k)
    D: Floats  # (r, k), C R⁻ᵀ, so that Q = DD'
    P: Floats  # (m,), the lower triangle of P_j
    Y: Floats  # (m,)
    h: Floats  # (r,)
    sum_hh: Floats  # Σ h h', (m,)
    sum_P: Floats  # Σ P, (m,)
    sum_Q: Floats  # Σ Q, (m,)
    sum_PY: Floats  # Σ P ⊗ Y, (m, m)
    sum_CC: Floats  # Σ C_a'C_b, (S, r, r, k, k), a ≥ b
    sum_Ch: Floats  # Σ C_a'h_b, (S, r, r, k)
    Lambda: Floats  # (r, r)
    trial: Floats  # (r, r)
    scratch: Floats  # (m + 1, m)


def allocate_work(rotated: Rotated) -> Work:
    """Return room for evaluations of the deviance of data sets of this shape."""
    J, r, k1 = rotated.xy.shape
    S, k, m = len(rotated.rest), k1 - 1, r * (r + 1) // 2
    e = np.empty
    return Work(
        e(m), e((m, m)), e((S, k)), e((S, k, k)), e(1), e((S, m, k, k)), e((S, m, k)), e(m),
        e((r, r)), e((S, k, k)), e((S, k1, k1)), e((J, r, r)), e((J, r, k1)), e((r, r)),
        e((r, r)), e((r, k)), e((r, k)), e(m), e(m), e(r),
        e(m), e(m), e(m), e((m, m)), e((S, r, r, k, k)), e((S, r, r, k)),
        e((r, r)), e((r, r)), e((m + 1, m)),
    )  # fmt: skip


@kernel
def _factor(Lambda: Floats, rotated: Rotated, w: Work) -> float:
    """V_j = I + K'ΛΛ'K = LL', T_j = L⁻¹K', U_j = L⁻¹[x̃ ỹ], Σ U'U. Returns Σ log|V_j|."""
    r, k = len(rotated.random), rotated.xy.shape[2] - 1
    B, L = w.B, w.L
    w.cross[:] = rotated.rest
    log_det, product = 0.0, 1.0
    for s in range(w.gamma.shape[0]):
        cross = w.cross[s]
        for j in range(rotated.starts[s], rotated.starts[s + 1]):
            for a in range(r):  # B = Λ'K
                for c in range(r):
                    value = 0.0
                    for b in range(a, r):
                        value += Lambda[b, a] * rotated.K[j, b, c]
                    B[a, c] = value
            for a in range(r):  # LL' = I + B'B
                for c in range(a + 1):
                    value = 1.0 if a == c else 0.0
                    for b in range(r):
                        value += B[b, a] * B[b, c]
                    for b in range(c):
                        value -= L[a, b] * L[c, b]
                    L[a, c] = np.sqrt(value) if a == c else value / L[c, c]
            for a in range(r):
                inverse = 1.0 / L[a, a]
                product *= L[a, a]
                for c in range(r):
                    value = rotated.K[j, c, a]
                    for b in range(a):
                        value -= L[a, b] * w.T[j, b, c]
                    w.T[j, a, c] = value * inverse
                for c in range(k + 1):
                    value = rotated.xy[j, a, c]
                    for b in range(a):
                        value -= L[a, b] * w.U[j, b, c]
                    w.U[j, a, c] = value * inverse
            for a in range(k + 1):
                for c in range(a + 1):
                    value = 0.0
                    for b in range(r):
                        value += w.U[j, b, a] * w.U[j, b, c]
                    cross[a, c] += value
            if product > 1e100:  # a logarithm for several clusters
                log_det += np.log(product)
                product = 1.0
    return 2.0 * (log_det + np.log(product))


@kernel
def _gls(w: Work) -> float:
    """γ̂, Φ and R⁻¹ of each sector, X'V⁻¹X = RR'. Returns log|X'V⁻¹X|, or NaN if it is singular."""
    S, k = w.gamma.shape
    log_det = 0.0
    for s in range(S):
        A, inverse = w.cross[s], w.root[s]
        R = w.phi[s]  # until R is inverted
        for a in range(k):
            for c in range(a + 1):
                value = A[a, c]
                for b in range(c):
                    value -= R[a, b] * R[c, b]
                R[a, c] = value if a == c else value / R[c, c]
            if not R[a, a] > 1e-14 * A[a, a]:
                return np.nan
            R[a, a] = np.sqrt(R[a, a])
            log_det += 2.0 * np.log(R[a, a])
        for c in range(k):
            for a in range(k):
                value = 1.0 if a == c else 0.0
                for b in range(c, a):
                    value -= R[a, b] * inverse[b, c]
                inverse[a, c] = value / R[a, a] if a >= c else 0.0
        for a in range(k):
            for c in range(a + 1):
                value = 0.0
                for b in range(a, k):
                    value += inverse[b, a] * inverse[b, c]
                w.phi[s, a, c] = w.phi[s, c, a] = value
        for a in range(k):
            value = 0.0
            for c in range(k):
                value += w.phi[s, a, c] * A[k, c]
            w.gamma[s, a] = value
    return log_det


@kernel
def _residual_sum(rotated: Rotated, w: Work) -> float:
    """Turn the last column of U into v = U_y − U_xγ̂; return (y − Xγ̂)'V⁻¹(y − Xγ̂)."""
    r, k = len(rotated.random), rotated.xy.shape[2] - 1
    total = 0.0
    for s in range(w.gamma.shape[0]):
        gamma, rest = w.gamma[s], rotated.rest[s]
        for j in range(rotated.starts[s], rotated.starts[s + 1]):
            for b in range(r):
                v = w.U[j, b, k]
                for c in range(k):
                    v -= gamma[c] * w.U[j, b, c]
                w.U[j, b, k] = v
                total += v * v
        total += rest[k, k]
        for a in range(k):
            total -= 2.0 * gamma[a] * rest[k, a]
            for b in range(k):
                total += gamma[a] * rest[max(a, b), min(a, b)] * gamma[b]
    return total


@kernel
def _sums(rotated: Rotated, reml: bool, expected: bool, w: Work) -> None:
    """Sum over the clusters what the derivatives need; D is a root of Q. `expected`: Y = P."""
    r, k = len(rotated.random), rotated.xy.shape[2] - 1
    T, U, C, D, P, Y, h = w.T, w.U, w.C, w.D, w.P, w.Y, w.h
    weight = 1.0 / w.sigma2[0]
    w.sum_hh[:] = 0.0
    w.sum_P[:] = 0.0
    w.sum_Q[:] = 0.0
    w.sum_PY[:] = 0.0
    w.sum_CC[:] = 0.0
    w.sum_Ch[:] = 0.0
    for s in range(w.gamma.shape[0]):
        inverse, sum_CC, sum_Ch = w.root[s], w.sum_CC[s], w.sum_Ch[s]
        for j in range(rotated.starts[s], rotated.starts[s + 1]):
            for a in range(r):
                value = 0.0
                for b in range(r):
                    value += T[j, b, a] * U[j, b, k]
                h[a] = value
                for c in range(k):
                    value = 0.0
                    for b in range(r):
                        value += T[j, b, a] * U[j, b, c]
                    C[a, c] = value
                if reml:
                    for c in range(k):
                        value = 0.0
                        for b in range(c + 1):
                            value += inverse[c, b] * C[a, b]
                        D[a, c] = value
            i = 0
            for a in range(r):
                for c in range(a + 1):
                    p = q = 0.0
                    for b in range(r):
                        p += T[j, b, a] * T[j, b, c]
                    if reml:
                        for b in range(k):
                            q += D[a, b] * D[c, b]
                    hh = h[a] * h[c]
                    P[i] = p
                    Y[i] = p if expected else 2.0 * (q + hh * weight) - p
                    w.sum_hh[i] += hh
                    w.sum_P[i] += p
                    w.sum_Q[i] += q
                    i += 1
            for a in range(r * (r + 1) // 2):
                for b in range(r * (r + 1) // 2):
                    w.sum_PY[a, b] += P[a] * Y[b]
            if expected:
                continue
            for a in range(r):
                for b in range(r):
                    for c in range(k):
                        sum_Ch[a, b, c] += C[a, c] * h[b]
                for b in range(a + 1):
                    for c in range(k):
                        for d in range(k):
                            sum_CC[a, b, c, d] += C[a, c] * C[b, d]


@kernel
def _lower(a: int, c: int) -> int:
    """Place of (a, c) in a lower triangle held by rows."""
    return max(a, c) * (max(a, c) + 1) // 2 + min(a, c)


@kernel
def _directions(w: Work, Lambda: Floats) -> None:
    """a_i, f_i, F_i for every entry i = (a, b) of Λ, from the sums over clusters."""
    r, k, S = Lambda.shape[0], w.gamma.shape[1], w.gamma.shape[0]
    w.a[:] = 0.0
    w.f[:] = 0.0
    w.F[:] = 0.0
    i = 0
    for b in range(r):
        for a in range(b, r):
            for e in range(b, r):
                weight = Lambda[e, b]
                w.a[i] += 2.0 * weight * w.sum_hh[_lower(a, e)]
                for s in range(S):
                    CC = w.sum_CC[s, max(a, e), min(a, e)]
                    for c in range(k):
                        w.f[s, i, c] += weight * (w.sum_Ch[s, a, e, c] + w.sum_Ch[s, e, a, c])
                        for d in range(k):
                            w.F[s, i, c, d] += weight * (CC[c, d] + CC[d, c])
            i += 1


@kernel
def _py(a: int, c: int, b: int, d: int, w: Work) -> float:
    """Σ_j P_ac Y_bd."""
    return w.sum_PY[_lower(a, c), _lower(b, d)]


@kernel
def _clusters_term(a: int, b: int, c: int, d: int, Lambda: Floats, w: Work) -> float:
    """Σ_j tr(E_ab P_j E_cd Y_j)."""
    r = Lambda.shape[0]
    total = 0.0
    for e in range(b, r):
        for f in range(d, r):
            # λ_b'Pe_c · λ_d'Ye_a + λ_b'Pλ_d · e_c'Ye_a + e_a'Pe_c · λ_d'Yλ_b + e_a'Pλ_d · e_c'Yλ_b
            total += Lambda[e, b] * Lambda[f, d] * (
                _py(e, c, f, a, w) + _py(e, f, c, a, w) + _py(a, c, f, e, w) + _py(a, f, c, e, w)
            )  # fmt: skip
    return total


@kernel
def _fixed_term(i: int, j: int, reml: bool, w: Work) -> float:
    """tr(Φ F_i Φ F_j) (REML only) + (2/σ²) f_i'Φ f_j, over the sectors."""
    S, k = w.gamma.shape
    total = 0.0
    for s in range(S):
        for a in range(k):
            for b in range(k):
                total += 2.0 / w.sigma2[0] * w.f[s, i, a] * w.phi[s, a, b] * w.f[s, j, b]
                if reml:
                    one = two = 0.0
                    for c in range(k):
                        one += w.phi[s, a, c] * w.F[s, i, c, b]
                        two += w.phi[s, b, c] * w.F[s, j, c, a]
                    total += one * two
    return total


@kernel
def _expected(nu: float, w: Work) -> None:
    """Fill the gradient 2M_ab and Σ tr(E_i P E_k P) − Σtr(E_i P) Σtr(E_k P)/ν, in Δ."""
    r = w.M.shape[0]
    one = np.eye(r)
    i = 0
    for b in range(r):
        for a in range(b, r):
            w.gradient[i] = 2.0 * w.M[a, b]
            j = 0
            for d in range(b + 1):
                for c in range(d, r):
                    if j <= i:
                        value = _clusters_term(a, b, c, d, one, w)
                        value -= 4.0 * w.sum_P[_lower(a, b)] * w.sum_P[_lower(c, d)] / nu
                        w.hessian[i, j] = w.hessian[j, i] = value
                    j += 1
            i += 1


@kernel
def _derivatives(Lambda: Floats, nu: float, reml: bool, w: Work) -> None:
    """Fill the gradient and the Hessian in Λ."""
    r = Lambda.shape[0]
    i = 0
    for b in range(r):
        for a in range(b, r):
            w.gradient[i] = 0.0
            for e in range(b, r):
                w.gradient[i] += 2.0 * w.M[a, e] * Lambda[e, b]
            j = 0
            for d in range(b + 1):
                for c in range(d, r):
                    if j <= i:
                        value = _clusters_term(a, b, c, d, Lambda, w) - _fixed_term(i, j, reml, w)
                        value -= w.a[i] * w.a[j] / (nu * w.sigma2[0] ** 2)
                        if b == d:
                            value += 2.0 * w.M[a, c]
                        w.hessian[i, j] = w.hessian[j, i] = value
                    j += 1
            i += 1


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
    log_det = _factor(Lambda, rotated, w)
    log_det_x = _gls(w)
    nu = rotated.n_rows[0] - (w.gamma.size if reml else 0)
    if np.isnan(log_det_x) or nu <= 0:
        return np.nan
    w.sigma2[0] = _residual_sum(rotated, w) / nu
    if not w.sigma2[0] > 0.0:
        return np.nan
    _sums(rotated, reml, expected, w)
    for a in range(Lambda.shape[0]):
        for b in range(Lambda.shape[0]):
            i = _lower(a, b)
            w.M[a, b] = w.sum_P[i] - w.sum_Q[i] - w.sum_hh[i] / w.sigma2[0]
    if expected:
        _expected(nu, w)
    else:
        _directions(w, Lambda)
        _derivatives(Lambda, nu, reml, w)
    if reml:
        log_det += log_det_x
    return log_det + nu * (1.0 + np.log(2.0 * np.pi * w.sigma2[0]))
