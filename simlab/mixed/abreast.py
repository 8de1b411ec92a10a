"""The deviance of several replicates abreast, each a line with random intercept and slope.

The formulas are those of `deviance`, written out for r = 2. A replicate stands in each lane, and
what is summed over the clusters is summed in their order, whatever the other lanes hold.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simlab.kernels import inner
from simlab.kernels.lanes import above, any_above
from simlab.mixed.derivatives import directions, hessian
from simlab.mixed.deviance import gls
from simlab.mixed.work import Abreast, M, R
from simlab.moments import Ints


@inner
def _factor(starts: Ints, w: Abreast) -> Any:
    """V_j = I + K'ΛΛ'K = LL', T_j = L⁻¹K', U_j = L⁻¹[x̃ ỹ], Σ U'U. Returns Σ log|V_j|."""
    K, xy, T, U, cross = w.K, w.xy, w.T, w.U, w.cross
    k1 = xy.shape[2]
    l00, l10, l11 = w.Lambda[0, 0], w.Lambda[1, 0], w.Lambda[1, 1]
    whole, log_det = 0.0 * l00 + 1.0, 0.0 * l00
    for s in range(starts.size - 1):
        for c in range(k1):
            for d in range(c + 1):
                cross[s, c, d] = 0.0
        for j in range(starts[s], starts[s + 1]):
            k00, k01, k10, k11 = K[j, 0, 0], K[j, 0, 1], K[j, 1, 0], K[j, 1, 1]
            b00, b01 = l00 * k00 + l10 * k10, l00 * k01 + l10 * k11  # B = Λ'K
            b10, b11 = l11 * k10, l11 * k11
            v00 = 1.0 + b00 * b00 + b10 * b10  # LL' = I + B'B; the diagonal of L is inverted
            i0 = 1.0 / np.sqrt(v00)
            c10 = (b01 * b00 + b11 * b10) * i0
            v11 = 1.0 + b01 * b01 + b11 * b11 - c10 * c10
            i1 = 1.0 / np.sqrt(v11)
            t00, t01 = k00 * i0, k10 * i0
            T[j, 0, 0], T[j, 0, 1] = t00, t01
            T[j, 1, 0], T[j, 1, 1] = (k01 - c10 * t00) * i1, (k11 - c10 * t01) * i1
            for c in range(k1):
                u0 = xy[j, 0, c] * i0
                u1 = (xy[j, 1, c] - c10 * u0) * i1
                U[j, 0, c], U[j, 1, c] = u0, u1
                for d in range(c + 1):
                    cross[s, c, d] += u0 * U[j, 0, d] + u1 * U[j, 1, d]
            whole *= v00 * v11  # a logarithm for several clusters
            if any_above(whole, 1e100):
                log_det += above(whole, 1e100, np.log(whole), 0.0)
                whole = above(whole, 1e100, 1.0, whole)
    return log_det + np.log(whole)


@inner
def _residual_sum(starts: Ints, w: Abreast) -> Any:
    """Turn the last column of U into v = U_y − U_xγ̂; return (y − Xγ̂)'V⁻¹(y − Xγ̂)."""
    U, gamma = w.U, w.gamma
    S, k = gamma.shape
    total = 0.0 * w.nu[0]
    for s in range(S):
        for j in range(starts[s], starts[s + 1]):
            v0, v1 = U[j, 0, k], U[j, 1, k]
            for c in range(k):
                v0 -= gamma[s, c] * U[j, 0, c]
                v1 -= gamma[s, c] * U[j, 1, c]
            U[j, 0, k], U[j, 1, k] = v0, v1
            total += v0 * v0 + v1 * v1
        total += w.rss[s]
    return total


@inner
def _sums(starts: Ints, reml: bool, expected: bool, weight: Any, w: Abreast) -> None:
    """Sum over the clusters what the derivatives need, and M."""
    T, U, C, inverse, PY, CC, Ch = w.T, w.U, w.C, w.root, w.sum_PY, w.sum_CC, w.sum_Ch
    S, k = w.gamma.shape
    zero = 0.0 * weight
    p0, p1, p2, q0, q1, q2, e0, e1, e2 = zero, zero, zero, zero, zero, zero, zero, zero, zero
    for i in range(M):
        for e in range(M):
            PY[i, e] = 0.0
    for s in range(S):
        for a in range(R):
            for b in range(R):
                for c in range(k):
                    Ch[s, a, b, c] = 0.0
                    for d in range(k):
                        CC[s, a, b, c, d] = 0.0
        for j in range(starts[s], starts[s + 1]):
            t00, t01, t10, t11 = T[j, 0, 0], T[j, 0, 1], T[j, 1, 0], T[j, 1, 1]
            v0, v1 = U[j, 0, k], U[j, 1, k]
            h0, h1 = t00 * v0 + t10 * v1, t01 * v0 + t11 * v1
            P0, P1, P2 = t00 * t00 + t10 * t10, t01 * t00 + t11 * t10, t01 * t01 + t11 * t11
            hh0, hh1, hh2 = h0 * h0, h1 * h0, h1 * h1
            Q0, Q1, Q2 = zero, zero, zero
            if reml or not expected:
                for c in range(k):
                    u0, u1 = U[j, 0, c], U[j, 1, c]
                    C[0, c], C[1, c] = t00 * u0 + t10 * u1, t01 * u0 + t11 * u1
            if reml:
                for c in range(k):
                    d0, d1 = inverse[s, c, 0] * C[0, 0], inverse[s, c, 0] * C[1, 0]
                    for b in range(1, c + 1):
                        d0 += inverse[s, c, b] * C[0, b]
                        d1 += inverse[s, c, b] * C[1, b]
                    Q0 += d0 * d0
                    Q1 += d1 * d0
                    Q2 += d1 * d1
            p0, p1, p2 = p0 + P0, p1 + P1, p2 + P2
            q0, q1, q2 = q0 + Q0, q1 + Q1, q2 + Q2
            e0, e1, e2 = e0 + hh0, e1 + hh1, e2 + hh2
            Y0, Y1, Y2 = P0, P1, P2
            if not expected:
                Y0 = 2.0 * (Q0 + hh0 * weight) - P0
                Y1 = 2.0 * (Q1 + hh1 * weight) - P1
                Y2 = 2.0 * (Q2 + hh2 * weight) - P2
            PY[0, 0] += P0 * Y0
            PY[0, 1] += P0 * Y1
            PY[0, 2] += P0 * Y2
            PY[1, 0] += P1 * Y0
            PY[1, 1] += P1 * Y1
            PY[1, 2] += P1 * Y2
            PY[2, 0] += P2 * Y0
            PY[2, 1] += P2 * Y1
            PY[2, 2] += P2 * Y2
            if expected:
                continue
            for c in range(k):
                c0, c1 = C[0, c], C[1, c]
                Ch[s, 0, 0, c] += c0 * h0
                Ch[s, 0, 1, c] += c0 * h1
                Ch[s, 1, 0, c] += c1 * h0
                Ch[s, 1, 1, c] += c1 * h1
                for d in range(c + 1):
                    CC[s, 0, 0, c, d] += c0 * C[0, d]
                    CC[s, 1, 1, c, d] += c1 * C[1, d]
                for d in range(k):
                    CC[s, 1, 0, c, d] += c1 * C[0, d]
    w.sum_P[0], w.sum_P[1], w.sum_P[2] = p0, p1, p2
    w.sum_hh[0], w.sum_hh[1], w.sum_hh[2] = e0, e1, e2
    w.M[0, 0], w.M[1, 1] = p0 - q0 - e0 * weight, p2 - q2 - e2 * weight
    w.M[0, 1] = w.M[1, 0] = p1 - q1 - e1 * weight


@inner
def evaluate(
    starts: Ints, blocks: Ints, reml: bool, expected: bool, derivatives: bool, w: Abreast
) -> None:
    """Evaluate the deviance at Λ in every lane as `deviance.evaluate` does; NaN without any."""
    log_det = _factor(starts, w)
    log_det_x = gls(w.cross, w.root, w.phi, w.gamma)
    nu = w.nu[0]
    sigma2 = _residual_sum(starts, w) / nu
    sigma2 = above(nu, 0.0, above(sigma2, 0.0, sigma2, np.nan), np.nan)
    w.sigma2[0] = sigma2
    if derivatives:
        _sums(starts, reml, expected, 1.0 / sigma2, w)
        if expected:
            hessian(w.identity, blocks, nu, reml, True, w)
        else:
            directions(w.Lambda, w)
            hessian(w.Lambda, blocks, nu, reml, False, w)
    if reml:
        log_det += log_det_x
    # NaN without γ̂ too, since that is in σ̂².
    w.value[0] = log_det + nu * (1.0 + np.log(2.0 * np.pi * sigma2))
