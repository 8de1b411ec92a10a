"""The small-sample adjustment of Kenward and Roger (1997, Biometrics 53:983).

Notation of `rotated`, σ² taken out. Cluster j has V = I + K'ΔK = LL', S = L⁻¹, T = SK'. Let
φ = (free entries of G, σ²), V_i = ∂V/∂φ_i, and RR' = X'V⁻¹X = Φ⁻¹. With U = S x̃ R⁻ᵀ and

    A_i = S V_i S',   A_ab = t_a t_b' + t_b t_a' (a ≠ b),  t_a t_a' (a = b),   A_σ² = SS',

t_a the columns of T, the quantities of the paper are, in coordinates in which Φ = I,

    P_i = Σ U'A_iU,   Q_il = Σ U'A_iA_lU,   tr(V⁻¹V_iV⁻¹V_l) = Σ tr A_iA_l,
    I_il = ½ [tr(V⁻¹V_iV⁻¹V_l) − 2 tr Q_il + tr P_iP_l],     W = I⁻¹,
    Φ_A = R⁻ᵀ {1 + 2 Σ W_il (Q_il − P_iP_l)} R⁻¹.

(The paper's P_i has the other sign.) What is orthogonal to Z_j enters P and Q of σ² as `rest`, and
the trace as N − Jr. tr Q_il is all that W needs of Q_il, and Σ W_il Q_il = Σ U'(Σ W_il A_iA_l)U:
no Q_il is ever made.

For one contrast the degrees of freedom are 2/A, A = Σ W_il a_i a_l, a_i = ∂ log Var(c'γ̂)/∂φ_i: the
paper's formula reduced, with A_1 = A_2 = A; the scale is then 1. It is Satterthwaite's formula with
the expected information.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.kernels import inner, kernel
from simlab.mixed.optimum import Optimum
from simlab.moments import Floats, Ints

DEPENDENT = 1e-10  # what is left of a parameter's information, given those before, is rounding


class Adjustment(NamedTuple):
    """Adjusted covariances for tests of fixed effects, in the engine's units; m free entries of G.

    Attributes
    ----------
    gamma : (k,)
        γ̂.
    covariance : (k, k)
        Var(γ̂) = σ̂²Φ, the variances taken as known.
    adjusted : (k, k)
        Kenward and Roger's Φ_A, which allows for their estimation.
    derivative : (m + 1, k, k)
        ∂Var(γ̂)/∂φ_i for the free entries of G, as `Optimum.free` has them, and σ².
    W : (m + 1, m + 1)
        Covariance of their estimates: the inverse of the expected information of REML.
    """

    gamma: Floats
    covariance: Floats
    adjusted: Floats
    derivative: Floats
    W: Floats


@inner
def _rotate(
    K: Floats, xy: Floats, Lambda: Floats, root: Floats, pairs: Ints,
    U: Floats, A: Floats,
) -> None:  # fmt: skip
    """Fill U (J, r, k) and A (J, m + 1, r, r) of every cluster."""
    r, k, m = K.shape[1], root.shape[0], pairs.shape[0]
    B, L, S, T = np.empty((r, r)), np.empty((r, r)), np.empty((r, r)), np.empty((r, r))
    x = np.empty(k)
    for j in range(K.shape[0]):
        for a in range(r):  # B = Λ'K
            for c in range(r):
                value = 0.0
                for b in range(a, r):
                    value += Lambda[b, a] * K[j, b, c]
                B[a, c] = value
        for a in range(r):  # LL' = I + B'B and S = L⁻¹, row by row
            for c in range(a + 1):
                value = 1.0 if a == c else 0.0
                for b in range(r):
                    value += B[b, a] * B[b, c]
                for b in range(c):
                    value -= L[a, b] * L[c, b]
                L[a, c] = np.sqrt(value) if a == c else value / L[c, c]
            inverse = 1.0 / L[a, a]
            for c in range(r):
                value = 1.0 if a == c else 0.0
                for b in range(c, a):
                    value -= L[a, b] * S[b, c]
                S[a, c] = value * inverse if c <= a else 0.0
        for a in range(r):
            for c in range(r):
                value = 0.0
                for b in range(a + 1):
                    value += S[a, b] * K[j, c, b]
                T[a, c] = value
            for c in range(k):
                x[c] = 0.0
                for b in range(a + 1):
                    x[c] += S[a, b] * xy[j, b, c]
            for c in range(k):
                value = 0.0
                for e in range(c + 1):
                    value += x[e] * root[c, e]
                U[j, a, c] = value
        for a in range(r):
            for c in range(a + 1):
                for i in range(m):
                    e, f = pairs[i, 0], pairs[i, 1]
                    value = T[a, e] * T[c, f]
                    if e != f:
                        value += T[a, f] * T[c, e]
                    A[j, i, a, c] = A[j, i, c, a] = value
                value = 0.0
                for b in range(c + 1):
                    value += S[a, b] * S[c, b]
                A[j, m, a, c] = A[j, m, c, a] = value


@inner
def _sum(
    U: Floats, A: Floats, left: Floats, more_rows: float,
    P: Floats, info: Floats,
) -> None:  # fmt: skip
    """Fill P (m + 1, k, k) and the expected information; `left` is R⁻¹ rest R⁻ᵀ."""
    r, k, n = U.shape[1], U.shape[2], A.shape[1]
    C = np.empty((n, r, k))
    for i in range(n):
        for c in range(k):
            for d in range(k):
                P[i, c, d] = left[c, d] if i == n - 1 else 0.0
        for h in range(n):
            info[i, h] = 0.0
    info[n - 1, n - 1] = 0.5 * more_rows
    for c in range(k):
        info[n - 1, n - 1] -= left[c, c]
    for j in range(A.shape[0]):
        for i in range(n):
            for a in range(r):
                for c in range(k):
                    value = 0.0
                    for b in range(r):
                        value += A[j, i, a, b] * U[j, b, c]
                    C[i, a, c] = value
            for h in range(i + 1):
                value = trace = 0.0
                for a in range(r):
                    for b in range(r):
                        trace += A[j, i, a, b] * A[j, h, a, b]
                    for c in range(k):
                        value += C[i, a, c] * C[h, a, c]
                info[i, h] += 0.5 * trace - value
            for c in range(k):
                for d in range(c + 1):
                    value = 0.0
                    for a in range(r):
                        value += U[j, a, c] * C[i, a, d]
                    P[i, c, d] += value
    for i in range(n):
        for c in range(k):
            for d in range(c):
                P[i, d, c] = P[i, c, d]
    for i in range(n):
        for h in range(i + 1):
            value = 0.0
            for c in range(k):
                for d in range(k):
                    value += P[i, c, d] * P[h, c, d]
            info[i, h] += 0.5 * value
            info[h, i] = info[i, h]


@inner
def _invert(info: Floats, W: Floats) -> None:
    """Invert by Cholesky; a parameter that has no information of its own is taken as known.

    Then V_i is a combination of others, so is P_i, and every generalised inverse gives the same.
    """
    n = info.shape[0]
    L, S, usable = np.zeros((n, n)), np.zeros((n, n)), np.zeros(n)
    for i in range(n):
        for h in range(i + 1):
            value = info[i, h]
            for e in range(h):
                value -= L[i, e] * L[h, e]
            if h < i:
                L[i, h] = usable[h] * value / L[h, h]
            else:
                usable[i] = 1.0 if value > DEPENDENT * info[i, i] else 0.0
                L[i, i] = np.sqrt(value) if usable[i] > 0.0 else 1.0
        for h in range(i + 1):
            value = 1.0 if i == h else 0.0
            for e in range(h, i):
                value -= L[i, e] * S[e, h]
            S[i, h] = usable[i] * value / L[i, i]
    for i in range(n):
        for h in range(n):
            W[i, h] = 0.0
            for e in range(max(i, h), n):
                W[i, h] += S[e, i] * S[e, h]


@inner
def _inflate(U: Floats, A: Floats, left: Floats, P: Floats, W: Floats, out: Floats) -> None:
    """Write 1 + 2 Σ W_il (Q_il − P_iP_l) into out, (k, k)."""
    r, k, n = U.shape[1], U.shape[2], A.shape[1]
    H, M, MU, PW = np.empty((r, r)), np.empty((r, r)), np.empty((r, k)), np.empty((k, k))
    for c in range(k):
        for d in range(k):
            out[c, d] = W[n - 1, n - 1] * left[c, d]
    for j in range(A.shape[0]):
        for a in range(r):
            for b in range(r):
                M[a, b] = 0.0
        for i in range(n):
            for a in range(r):
                for b in range(r):
                    H[a, b] = 0.0
                    for h in range(n):
                        H[a, b] += W[i, h] * A[j, h, a, b]
            for a in range(r):
                for b in range(r):
                    for e in range(r):
                        M[a, b] += A[j, i, a, e] * H[e, b]
        for a in range(r):
            for c in range(k):
                MU[a, c] = 0.0
                for b in range(r):
                    MU[a, c] += M[a, b] * U[j, b, c]
        for c in range(k):
            for d in range(c + 1):
                for a in range(r):
                    out[c, d] += U[j, a, c] * MU[a, d]
    for i in range(n):
        for c in range(k):
            for d in range(k):
                PW[c, d] = 0.0
                for h in range(n):
                    PW[c, d] += W[i, h] * P[h, c, d]
        for c in range(k):
            for d in range(c + 1):
                for e in range(k):
                    out[c, d] -= P[i, c, e] * PW[e, d]
    for c in range(k):
        for d in range(c + 1):
            out[c, d] = out[d, c] = 2.0 * out[c, d] + (1.0 if c == d else 0.0)


@inner
def _enclose(root: Floats, M: Floats, scale: float, out: Floats) -> None:
    """Write scale · R⁻ᵀ M R⁻¹ into out, for symmetric M."""
    k = root.shape[0]
    half = np.empty((k, k))
    for c in range(k):
        for d in range(k):
            half[c, d] = 0.0
            for e in range(d, k):
                half[c, d] += M[c, e] * root[e, d]
    for c in range(k):
        for d in range(c + 1):
            value = 0.0
            for e in range(c, k):
                value += root[e, c] * half[e, d]
            out[c, d] = out[d, c] = scale * value


@inner
def _single(contrast: Floats, root: Floats, P: Floats, W: Floats) -> float:
    """Degrees of freedom 2/A of one contrast."""
    k, n = root.shape[0], W.shape[0]
    ell, a = np.empty(k), np.empty(n)
    square = total = 0.0
    for c in range(k):  # R⁻¹c, so that c'Φc is its square
        ell[c] = 0.0
        for e in range(c + 1):
            ell[c] += root[c, e] * contrast[e]
        square += ell[c] * ell[c]
    for i in range(n):
        a[i] = 0.0
        for c in range(k):
            for d in range(k):
                a[i] += ell[c] * P[i, c, d] * ell[d]
        for h in range(i + 1):
            total += (1.0 if h == i else 2.0) * W[i, h] * a[i] * a[h]
    return float(2.0 * square * square / total)


@kernel
def fill(
    K: Floats, xy: Floats, rest: Floats, n_rows: float,
    Lambda: Floats, root: Floats, sigma2: float, pairs: Ints, contrasts: Floats,
    adjusted: Floats, derivative: Floats, W: Floats, df: Floats,
) -> None:  # fmt: skip
    """Fill the fields of an `Adjustment`, and the df of contrasts.

    Parameters
    ----------
    K, xy, rest, n_rows
        As in `Rotated`; rest (k + 1, k + 1) and n_rows a number.
    Lambda, root, sigma2 : (r, r), (k, k), scalar
        The estimates; R⁻¹, as `Work.root` has it; σ̂².
    pairs : (m, 2)
        The free entries of G.
    contrasts : (T, k)
        In the engine's units.
    adjusted, derivative, W : (k, k), (m + 1, k, k), (m + 1, m + 1)
        Are filled; see `Adjustment`.
    df : (T,)
        Is filled.
    """
    r, k, n, J = K.shape[1], root.shape[0], pairs.shape[0] + 1, K.shape[0]
    U, A, P = np.empty((J, r, k)), np.empty((J, n, r, r)), np.empty((n, k, k))
    left, inflation, info = np.empty((k, k)), np.empty((k, k)), np.empty((n, n))
    for c in range(k):
        for d in range(c + 1):
            left[c, d] = 0.0
            for e in range(c + 1):
                for f in range(d + 1):
                    left[c, d] += root[c, e] * rest[max(e, f), min(e, f)] * root[d, f]
            left[d, c] = left[c, d]
    _rotate(K, xy, Lambda, root, pairs, U, A)
    _sum(U, A, left, n_rows - J * r, P, info)
    _invert(info, W)
    _inflate(U, A, left, P, W, inflation)
    _enclose(root, inflation, sigma2, adjusted)
    for t in range(contrasts.shape[0]):
        df[t] = _single(contrasts[t], root, P, W)
    for i in range(n):
        _enclose(root, P[i], 1.0, derivative[i])
        for h in range(n):
            W[i, h] *= sigma2 * sigma2


def kenward_roger(optimum: Optimum) -> Adjustment:
    """Adjust the covariance of the fixed effects of a REML fit, in O(J) whatever the n_j.

    Parameters
    ----------
    optimum : Optimum
        By REML; the adjustment is not defined for ML. A singular G is no special case.

    Returns
    -------
    Adjustment

    Raises
    ------
    ValueError
        If the fit is by ML.
    """
    if not optimum.reml:
        raise ValueError("the adjustment of Kenward and Roger is for REML")
    rotated, work = optimum.rotated, optimum.work
    k, pairs = len(optimum.gamma), np.array(optimum.free, dtype=np.int64).reshape(-1, 2)
    n = len(pairs) + 1
    adjusted, derivative, W = np.empty((k, k)), np.empty((n, k, k)), np.empty((n, n))
    K, xy = (np.ascontiguousarray(np.moveaxis(part, 2, 0)) for part in (work.K, work.xy))
    fill(
        K, xy, rotated.rest[0], float(rotated.n_rows[0]),
        optimum.Lambda, work.root[0], optimum.sigma2, pairs, np.empty((0, k)),
        adjusted, derivative, W, np.empty(0),
    )  # fmt: skip
    return Adjustment(optimum.gamma, optimum.sigma2 * optimum.phi, adjusted, derivative, W)


def kr_df(adjustment: Adjustment, L: Floats) -> Floats:
    """Degrees of freedom of each row of L (q, k) on its own, (q,); infinite where A is 0."""
    a = np.einsum("qc,icd,qd->qi", L, adjustment.derivative, L)
    variance = np.einsum("qc,cd,qd->q", L, adjustment.covariance, L)
    with np.errstate(divide="ignore"):
        df: Floats = 2 * variance**2 / np.einsum("qi,ih,qh->q", a, adjustment.W, a)
    return df
