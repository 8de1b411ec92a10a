"""Satterthwaite degrees of freedom from the observed information.

For a contrast c with variance σ² f(Λ), f = c'Φc, and g = ∂ log f/∂Λ, the
delta method with the information of (Λ, log σ²) at the optimum gives, after
eliminating log σ²,

    1/df = 1/ν + (g − w)' H⁻¹ (g − w),   w_i = a_i/(ν σ̂²),

H the Hessian of the profiled deviance (Satterthwaite 1946, Biometrics Bulletin
2:110; Fai & Cornelius 1996; the same number as lmerTest's, without its
numerical derivatives). A direction of Λ in which neither the deviance nor f
changes, as at a singular G, drops out.
"""

from __future__ import annotations

import numpy as np

from simlab.kernels import inner, kernel
from simlab.kernels.records import reference
from simlab.mixed.work import Work
from simlab.moments import Floats

FLAT = 1e-10  # pivots below this share of the largest curvature are directions without information


@inner
def contrast(weights: Floats, w: Work, estimate: Floats, t: int) -> float:
    """Write c'γ̂ into estimate[t] and return f = c'Φc, for weights c of (S, k)."""
    S, k = w.gamma.shape
    total = f = 0.0
    for s in range(S):
        for a in range(k):
            total += weights[s, a] * w.gamma[s, a]
            for b in range(k):
                f += weights[s, a] * w.phi[s, a, b] * weights[s, b]
    estimate[t] = total
    return f


@inner
def approximate(
    contrasts: Floats, w: Work, nu: float, estimate: Floats, variance: Floats, df: Floats
) -> None:
    """Fill as `variances` does, for other kernels."""
    S, k = w.gamma.shape
    m = w.gradient.size
    root, direction = w.scratch[:m], w.scratch[m]
    usable, phi_c = np.empty(m), w.phi_f[0, 0]
    largest = 0.0
    for i in range(m):
        largest = max(largest, w.hessian[i, i])
    for i in range(m):
        for j in range(i + 1):
            value = w.hessian[i, j]
            for e in range(j):
                value -= root[i, e] * root[j, e] * usable[e]
            if i == j:
                usable[i] = 1.0 if value > FLAT * largest else 0.0
                root[i, i] = np.sqrt(value) if usable[i] > 0.0 else 1.0
            else:
                root[i, j] = value / root[j, j]
    for t in range(contrasts.shape[0]):
        f = contrast(contrasts[t], w, estimate, t)
        for i in range(m):
            direction[i] = 0.0
        for s in range(S):
            for a in range(k):  # Φc
                value = 0.0
                for b in range(k):
                    value += w.phi[s, a, b] * contrasts[t, s, b]
                phi_c[a] = value
            for i in range(m):
                for a in range(k):
                    for b in range(k):
                        direction[i] += phi_c[a] * w.F[s, i, a, b] * phi_c[b]
        variance[t] = w.sigma2[0] * f
        total = 1.0 / nu
        for i in range(m):
            direction[i] = direction[i] / f - w.a[i] / (nu * w.sigma2[0])
            for e in range(i):
                direction[i] -= root[i, e] * direction[e] * usable[e]
            direction[i] /= root[i, i]
            total += usable[i] * (direction[i] * direction[i])
        df[t] = 1.0 / total


@kernel
def variances(
    contrasts: Floats, w: Work, nu: float, estimate: Floats, variance: Floats, df: Floats
) -> None:
    """Estimate, variance and degrees of freedom of contrasts, at the optimum that `w` holds.

    Parameters
    ----------
    contrasts : (T, S, k)
        Weights of the fixed effects of each sector.
    w : Work
        Filled by `deviance` at the optimum.
    nu : float
        N − p for REML, N for ML.
    estimate, variance, df : (T,)
        Are filled.
    """
    approximate(contrasts, reference(w), nu, estimate, variance, df)
