"""Random effects at an optimum: EBLUPs, their variances, and each cluster's own coefficients.

Notation of `rotated`. With G = σ²ΛΛ' write u_j = σΛv_j, v_j ~ N(0, I), and B_j = Λ'K_j,
W_j = I + B_jB_j'. By the push-through identity B(I + B'B)⁻¹ = (I + BB')⁻¹B

    v̂_j = W_j⁻¹B_j(ỹ_j − x̃_jγ̂)/σ,          û_j = ΔK_j(I + K_j'ΔK_j)⁻¹(ỹ_j − x̃_jγ̂) = σΛv̂_j
    d_j = W_j⁻¹B_jx̃_j,                      D_j = ΔK_j(I + K_j'ΔK_j)⁻¹x̃_j = Λd_j
    Var(u_j | y, γ)   = σ²ΛW_j⁻¹Λ'
    Var(û_j − u_j)    = σ²ΛW_j⁻¹Λ' + σ²D_jΦD_j'
    Var(v̂_j)          = W_j⁻¹B_jB_j' − d_jΦd_j'
    Cov(γ̂, û_j − u_j) = −σ²ΦD_j'

(Henderson 1975, Biometrics 31:423; Laird & Ware 1982, Biometrics 38:963.) No variance is the
difference of two large ones, and nothing is divided by Λ: a singular G is no special case.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.kernels import kernel
from simlab.mixed.optimum import Optimum
from simlab.mixed.rows import Clusters
from simlab.mixed.units import Units
from simlab.moments import Floats, Ints

HUGE = 1e12  # of BB', beside the I of W


class Effects(NamedTuple):
    """Random effects of J clusters, with the variances and covariances taken as known.

    Attributes
    ----------
    root : (r, r)
        u = root v with v ~ N(0, I), so that G = root root'.
    v, variance_v : (J, r), (J, r, r)
        v̂_j and Var(v̂_j): the effects in units of their own standard deviation. The same in the
        engine's units and in the user's.
    u : (J, r)
        û_j, the empirical best linear unbiased predictions.
    D : (J, r, k)
        D_j = ΔZ_j'(V_j/σ²)⁻¹X_j; û_j is the same function of y_j − X_jγ̂ as D_j is of X_j.
    conditional : (J, r, r)
        Var(u_j | y, γ), which takes γ̂ for γ.
    prediction : (J, r, r)
        Var(û_j − u_j), which does not.
    variance : (J, r, r)
        Var(û_j) = G − Var(û_j − u_j).
    """

    root: Floats
    v: Floats
    variance_v: Floats
    u: Floats
    D: Floats
    conditional: Floats
    prediction: Floats
    variance: Floats


def effects(optimum: Optimum) -> Effects:
    """EBLUPs and their variances in the engine's units, at a cost that does not depend on n_j.

    Parameters
    ----------
    optimum : Optimum
        Any point that `optimise` or `at` returned.

    Returns
    -------
    Effects
    """
    rotated, Lambda = optimum.rotated, optimum.Lambda
    k = len(optimum.gamma)
    sigma = np.sqrt(optimum.sigma2)
    B = Lambda.T @ rotated.K
    x, y = rotated.xy[:, :, :k], rotated.xy[:, :, k]
    e = y - x @ optimum.gamma
    of = np.concatenate([e[:, :, None] / sigma, x, B.transpose(0, 2, 1)], 2)
    solved, WinvLambda = _solved(B, of, Lambda.T)  # W⁻¹[Be/σ, Bx̃, BB'], W⁻¹Λ'
    v, d, explained = solved[:, :, 0], solved[:, :, 1 : k + 1], solved[:, :, k + 1 :]
    root, D = sigma * Lambda, Lambda @ d
    conditional = optimum.sigma2 * _symmetric(Lambda @ WinvLambda)
    variance_v = _symmetric(explained - _sandwich(d, optimum.phi))
    return Effects(
        root=root,
        v=v,
        variance_v=variance_v,
        u=v @ root.T,
        D=D,
        conditional=conditional,
        prediction=conditional + _symmetric(_sandwich(D, optimum.sigma2 * optimum.phi)),
        variance=_symmetric(_sandwich(root, variance_v)),
    )


def _solved(B: Floats, of: Floats, last: Floats) -> tuple[Floats, Floats]:
    """W_j⁻¹B_j and W_j⁻¹ of something, also where W_j = I + B_jB_j' is singular in floats.

    It is where σ is next to nothing and B_j lacks rank: then by B_j = USV', without its null space.
    """
    r = B.shape[1]
    BB = B @ B.transpose(0, 2, 1)
    if float(BB.max(initial=0.0)) < HUGE:
        both = np.concatenate([B @ of, np.broadcast_to(last, BB.shape)], 2)
        solved = np.linalg.solve(np.eye(r) + BB, both)
        return solved[:, :, :-r], solved[:, :, -r:]
    U, s, V = np.linalg.svd(B)
    s = np.where(s > 1e-14 * s[:, :1], s, 0.0)[:, :, None]
    first: Floats = U @ (s / (1.0 + s**2) * (V @ of))
    second: Floats = U @ ((U.transpose(0, 2, 1) @ last) / (1.0 + s**2))
    return first, second


def in_user_units(effects: Effects, units: Units) -> Effects:
    """Effects of the columns of Z and X as the user has them: u = s_y B ũ, γ = b + s_y A γ̃."""
    scale = units.s_y * units.B
    return Effects(
        root=scale @ effects.root,
        v=effects.v,
        variance_v=effects.variance_v,
        u=effects.u @ scale.T,
        D=units.B @ effects.D @ np.linalg.inv(units.A),
        conditional=_symmetric(_sandwich(scale, effects.conditional)),
        prediction=_symmetric(_sandwich(scale, effects.prediction)),
        variance=_symmetric(_sandwich(scale, effects.variance)),
    )


class Own(NamedTuple):
    """Least squares of each cluster on its own rows of Z, in the user's units.

    Attributes
    ----------
    estimate : (J, r)
        (Z_j'Z_j)⁻¹Z_j'y_j; NaN where Z_j has not full column rank.
    unscaled : (J, r, r)
        (Z_j'Z_j)⁻¹; NaN likewise.
    """

    estimate: Floats
    unscaled: Floats


def own_coefficients(clusters: Clusters) -> Own:
    """Coefficients of each cluster's own least squares fit, without a pass over the rows.

    y = Xb + s_y ỹ with the pilot fit b, and Z̃_j'Z̃_j = K_jK_j', so that in the engine's units
    the coefficients are K_j'⁻¹(s_y ỹ_j + x̃_j A⁻¹b). A column of X that is also one of Z needs no
    inverse: its coefficient is added as it is, and an offset of y loses nothing.

    Parameters
    ----------
    clusters : Clusters
        As `rotate_rows` returned them.

    Returns
    -------
    Own
    """
    K, xy, units = clusters.rotated.K, clusters.rotated.xy, clusters.units
    J, r, _ = K.shape
    b = np.linalg.solve(units.A, units.b)
    target = units.s_y * xy[:, :, -1]
    shared = np.zeros(r)
    for i, a in enumerate(clusters.shared.tolist()):
        if a >= 0:
            shared[a] = b[i]
        else:
            target += b[i] * xy[:, :, i]
    full = (np.diagonal(K, axis1=1, axis2=2) > 0).all(axis=1)
    inverse = np.linalg.inv(K[full])
    estimate, unscaled = np.full((J, r), np.nan), np.full((J, r, r), np.nan)
    back = units.B @ inverse.transpose(0, 2, 1)  # B K'⁻¹
    estimate[full] = (back @ target[full, :, None])[:, :, 0] + units.B @ shared
    unscaled[full] = _symmetric(back @ back.transpose(0, 2, 1))
    return Own(estimate, unscaled)


@kernel
def whiten(e: Floats, Z: Floats, sigma: float, sorted_rows: Ints, first: Ints, out: Floats) -> None:
    """L_j⁻¹e_j for V_j = Z_jZ_j' + σ²I = L_jL_j', L_j lower triangular, in O(N r²).

    Row i of L_j⁻¹e_j is what the rows before it in the cluster do not predict, over its standard
    deviation: with v ~ N(m, TT') given those, f = T'z_i and F = f'f + σ²

        out_i = (e_i − z_i'm)/√F,   m += Tf(e_i − z_i'm)/F,   T −= Tff'/(F + σ√F)

    (Kalman's recursion, with the square root of Potter: Bierman 1977, *Factorization methods for
    discrete sequential estimation*).

    Parameters
    ----------
    e : (N,)
        y − Xγ.
    Z : (N, r)
        In units in which v ~ N(0, I): the user's Z times `Effects.root`.
    sigma : float
        σ.
    sorted_rows, first : (N,), (J + 1,)
        As `rows.sort` returns them.
    out : (N,)
        Is filled.
    """
    r = Z.shape[1]
    m, T, f, Tf = np.empty(r), np.empty((r, r)), np.empty(r), np.empty(r)
    for j in range(first.size - 1):
        for a in range(r):
            m[a] = 0.0
            for b in range(r):
                T[a, b] = 1.0 if a == b else 0.0
        for i in range(first[j], first[j + 1]):
            row = sorted_rows[i]
            innovation, F = e[row], sigma * sigma
            for a in range(r):
                f[a] = 0.0
                for b in range(r):
                    f[a] += T[b, a] * Z[row, b]
                F += f[a] * f[a]
                innovation -= Z[row, a] * m[a]
            out[row] = innovation / np.sqrt(F)
            for a in range(r):
                Tf[a] = 0.0
                for b in range(r):
                    Tf[a] += T[a, b] * f[b]
            for a in range(r):
                m[a] += Tf[a] * innovation / F
                for b in range(r):
                    T[a, b] -= Tf[a] * f[b] / (F + sigma * np.sqrt(F))


def _sandwich(A: Floats, M: Floats) -> Floats:
    """A M A' for stacks of matrices."""
    out: Floats = A @ M @ np.swapaxes(A, -1, -2)
    return out


def _symmetric(M: Floats) -> Floats:
    """Take rounding out of a stack of symmetric matrices."""
    out: Floats = (M + np.swapaxes(M, -1, -2)) / 2
    return out
