"""Pooled least squares with a cluster-robust standard error: CR2, Satterthwaite df.

With Φ = (X'X)⁻¹, residuals e_j and A_j = (I − X_jΦX_j')^{−1/2},

    Var = Φ (Σ X_j'A_j e_j e_j'A_j X_j) Φ.

In the orthonormal basis of [1, x] within a cluster, X_j = Q_jK_j', all of it is
2 × 2: X_j'A_j e_j = K_j (I − K_j'ΦK_j)^{−1/2} Q_j'e_j. The degrees of freedom of
a contrast c are those of Bell & McCaffrey (2002, Survey Methodology 28:169)
under independent rows: with a_j = (I − K_j'ΦK_j)^{−1/2}K_j'Φc and w_j = K_ja_j,
the matrix P_ij = δ_ij a_i'a_i − w_i'Φw_j has df = (tr P)²/tr P².
"""

from __future__ import annotations

import numpy as np

from simlab.estimators import pooled
from simlab.estimators.base import Estimates, Estimator, Sample, assemble, sector_contrasts
from simlab.moments import Floats, divide

Pair = tuple[Floats, Floats]
Symmetric = tuple[Floats, Floats, Floats]  # entries 11, 12, 22

DECIDED = 1e-12  # determinant of I − H_j below which a cluster decides a coefficient alone


def inverse_root(m11: Floats, m12: Floats, m22: Floats) -> Symmetric:
    """M^{−1/2} of 2 × 2 matrices I − H, by Cayley–Hamilton; NaN where it is only rounding."""
    det = m11 * m22 - m12 * m12
    s = np.sqrt(np.where(det > DECIDED, det, np.nan))
    scale = s * np.sqrt(m11 + m22 + 2 * s)
    return (m22 + s) / scale, -m12 / scale, (m11 + s) / scale


def times(a: Symmetric, v: Pair) -> Pair:
    """Multiply a symmetric 2 × 2 matrix and a vector."""
    return a[0] * v[0] + a[1] * v[1], a[1] * v[0] + a[2] * v[1]


def fit(sample: Sample) -> Estimates:
    """Estimate intercept and slope of each sector, about the sector's mean of x."""
    m, x_origin, y_origin = sample.centred
    line = pooled.line(m)
    # Rounding of a distant mean costs each score digits, where it costs a sum of squares none.
    d, residual = (v - m.spread(m.sum(m.n * v) / line.n) for v in (line.deviation, line.residual))
    root_n, root_ss = np.sqrt(m.n), np.sqrt(m.ss_x)
    phi1, phi2 = 1 / line.n, divide(np.ones(1), line.ss_x, np.nan)
    f1, f2 = m.spread(phi1), m.spread(phi2)
    h11 = m.n * (f1 + d * d * f2)
    h12 = root_n * d * root_ss * f2
    with np.errstate(invalid="ignore", divide="ignore"):
        A = inverse_root(1 - h11, -h12, 1 - m.ss_x * f2)
    v = times(A, (root_n * residual, m.s_xy_root - m.spread(line.slope) * root_ss))
    k1, k2 = root_n * v[0], root_n * d * v[0] + root_ss * v[1]  # K_j A_j Q_j'e_j
    v11 = phi1**2 * m.sum(k1 * k1)
    v12 = phi1 * phi2 * m.sum(k1 * k2)
    v22 = phi2**2 * m.sum(k2 * k2)
    x0 = x_origin + line.x_mean
    traces = []
    for c1, c2 in ((np.ones_like(x0), -x0), (np.zeros_like(x0), np.ones_like(x0))):
        g1, g2 = m.spread(phi1 * c1), m.spread(phi2 * c2)  # Φc
        a = times(A, (root_n * (g1 + d * g2), root_ss * g2))
        w1, w2 = root_n * a[0], root_n * d * a[0] + root_ss * a[1]
        own, cross = a[0] ** 2 + a[1] ** 2, f1 * w1 * w1 + f2 * w2 * w2
        W11, W12, W22 = m.sum(w1 * w1), m.sum(w1 * w2), m.sum(w2 * w2)
        squares = (phi1 * W11) ** 2 + 2 * phi1 * phi2 * W12**2 + (phi2 * W22) ** 2
        traces.append((m.sum(own - cross), m.sum(own * (own - 2 * cross)) + squares))
    C = sector_contrasts(m.n_sectors) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        df = [(one @ C.T) ** 2 / (two @ C.T) for one, two in traces]
    return assemble(
        [y_origin + line.y_mean - line.slope * x0, line.slope],
        [v11 - 2 * x0 * v12 + x0 * x0 * v22, v22],
        np.concatenate(df, axis=-1),
    )


METHOD = Estimator(
    name="pooled_robust",
    kinds=("intercept", "slope"),
    estimand="mixture",
    fit=fit,
    lambda_=pooled.lambda_,
)
