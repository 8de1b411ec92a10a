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

import numpy as np

from simlab.kernels import inner, kernel
from simlab.kernels.lanes import above
from simlab.kernels.records import reference
from simlab.mixed.derivatives import directions, hessian, lower, sums
from simlab.mixed.rotated import Rotated
from simlab.mixed.work import CHUNK, Work, load
from simlab.moments import Floats, Ints


@inner
def _factor(
    Lambda: Floats, starts: Ints, rest: Floats, K: Floats, xy: Floats,
    T: Floats, U: Floats, B: Floats, L: Floats, product: Floats, cross: Floats,
) -> float:  # fmt: skip
    """V_j = I + K'ΛΛ'K = LL', T_j = L⁻¹K', U_j = L⁻¹[x̃ ỹ], Σ U'U. Returns Σ log|V_j|."""
    r, k1 = K.shape[0], xy.shape[1]
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
def gls(A: Floats, inverse: Floats, phi: Floats, gamma: Floats) -> float:
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
            pivot = above(phi[s, a, a], 1e-14 * A[s, a, a], phi[s, a, a], np.nan)
            log_det += np.log(pivot)
            phi[s, a, a] = np.sqrt(pivot)
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
def evaluate(
    Lambda: Floats, rotated: Rotated, reml: bool, expected: bool, derivatives: bool, w: Work
) -> float:
    """Return the deviance as `deviance` does, for other kernels; the derivatives when asked."""
    starts, rest = rotated.starts, rotated.rest
    log_det = _factor(Lambda, starts, rest, w.K, w.xy, w.T, w.U, w.B, w.L, w.product, w.cross)
    log_det_x = gls(w.cross, w.root, w.phi, w.gamma)
    nu = rotated.n_rows[0] - (w.gamma.size if reml else 0)
    if np.isnan(log_det_x) or nu <= 0:
        return np.nan
    sigma2 = _residual_sum(w.U, w.gamma, rest, starts) / nu
    w.sigma2[0] = sigma2
    if not sigma2 > 0.0:
        return np.nan
    if derivatives:
        sums(starts, reml, expected, 1.0 / sigma2, w)
        M, sum_P, sum_Q, sum_hh = w.M, w.sum_P, w.sum_Q, w.sum_hh
        for a in range(Lambda.shape[0]):
            for b in range(Lambda.shape[0]):
                i = lower(a, b)
                M[a, b] = sum_P[i] - sum_Q[i] - sum_hh[i] / sigma2
        if not expected:
            directions(Lambda, w)
        hessian(w.identity if expected else Lambda, w.blocks, nu, reml, expected, w)
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
    rotated, w = reference(rotated), reference(w)
    load(rotated, w)
    return evaluate(Lambda, rotated, reml, expected, True, w)
