"""Joint tests of several contrasts of the fixed effects: Lγ = rhs, all in the engine's units."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.mixed.kenward_roger import Adjustment
from simlab.mixed.optimum import Optimum
from simlab.mixed.satterthwaite import variances
from simlab.moments import Floats

SAME = float(np.sqrt(np.finfo(float).eps))  # lmerTest's: a smaller eigenvalue of LVL' is 0
UNSCALED = 1e-2  # pbkrtest's: nearer to 2 denominator df, the scale of F is taken as 1
EQUAL = 1e-8  # lmerTest's: df that differ by less are the same


class Test(NamedTuple):
    """A test of q independent contrasts: F = scaling · F_unscaled on (num, den).

    NaN, with num = 0, where no contrast is left.
    """

    F: float
    num: int
    den: float
    scaling: float
    F_unscaled: float


NOTHING = Test(np.nan, 0, np.nan, np.nan, np.nan)


def satterthwaite_df(optimum: Optimum, L: Floats) -> Floats:
    """Satterthwaite's degrees of freedom of each row of L (q, k) on its own, (q,)."""
    estimate, variance, df = np.empty((3, len(L)))
    contrasts = np.ascontiguousarray(L[:, None, :])
    variances(contrasts, optimum.work, optimum.nu, estimate, variance, df)
    return df


def wald_test(optimum: Optimum, L: Floats, rhs: Floats, den: float = np.inf) -> Test:
    """F = (Lγ̂ − rhs)'(LVL')⁻¹(Lγ̂ − rhs)/q, V = σ̂²Φ, on any denominator degrees of freedom."""
    d, turned = directions(optimum.sigma2 * optimum.phi, L)
    if not len(d):
        return NOTHING
    F = float(((turned @ (L @ optimum.gamma - rhs)) ** 2 / d).mean())
    return Test(F, len(d), den, 1.0, F)


def satterthwaite_test(optimum: Optimum, L: Floats, rhs: Floats) -> Test:
    """Test Lγ = rhs as lmerTest does.

    In directions in which the contrasts are independent, F is the mean of squared t's with df ν_m.
    Matching its mean to that of an F,

        E = Σ ν_m/(ν_m − 2),   den = 2E/(E − q);   2 where a ν_m ≤ 2; ν where all are equal

    (Fai & Cornelius 1996, Journal of Statistical Computation and Simulation 54:363; Kuznetsova,
    Brockhoff & Christensen 2017, Journal of Statistical Software 82(13)).

    Parameters
    ----------
    optimum : Optimum
    L : (q, k)
        Rows that depend on others do not count.
    rhs : (q,)
    """
    _, turned = directions(optimum.sigma2 * optimum.phi, L)
    if not len(turned):
        return NOTHING
    nu = satterthwaite_df(optimum, turned @ L)
    q = len(nu)
    if (np.abs(np.diff(nu)) < EQUAL).all():
        den = float(nu.mean())
    elif (nu <= 2).any():
        den = 2.0
    else:
        E = float((nu / (nu - 2)).sum())
        den = 2 * E / (E - q)
    return wald_test(optimum, L, rhs, den)


def kr_test(adjustment: Adjustment, L: Floats, rhs: Floats) -> Test:
    """Test Lγ = rhs by Kenward and Roger's scaled F.

    With D_i = ∂Var(γ̂)/∂φ_i and rows ℓ of L turned and scaled until ℓ'Var(γ̂)ℓ = 1,

        A₁ = Σ W_il tr(ℓ'D_iℓ) tr(ℓ'D_lℓ),   A₂ = Σ W_il tr(ℓ'D_iℓ ℓ'D_lℓ),
        B = (A₁ + 6A₂)/2q,   g = [(q + 1)A₁ − (q + 4)A₂]/[(q + 2)A₂],   h = 3q + 2(1 − g),
        V* = (1 + gB/h) / {[1 − (q − g)B/h]² [1 − (q + 2 − g)B/h]},
        ρ = V*(1 − A₂/q)²/q,   den = 4 + (q + 2)/(qρ − 1),   scaling = den(1 − A₂/q)/(den − 2).

    Guards where a factor is 0, and at den = 2, are pbkrtest's (Halekoh & Højsgaard 2014, Journal
    of Statistical Software 59(9)).

    Parameters
    ----------
    adjustment : Adjustment
    L : (q, k)
        Rows that depend on others do not count.
    rhs : (q,)
    """
    d, turned = directions(adjustment.covariance, L)
    q = len(d)
    if not q:
        return NOTHING
    root = np.sqrt(d)
    ell = turned @ L / root[:, None]
    gap = turned @ (L @ adjustment.gamma - rhs) / root
    F = float(gap @ np.linalg.solve(ell @ adjustment.adjusted @ ell.T, gap)) / q
    D = ell @ adjustment.derivative @ ell.T
    traces = np.trace(D, axis1=1, axis2=2)
    A1 = float(traces @ adjustment.W @ traces)
    A2 = float(np.einsum("il,iab,lba->", adjustment.W, D, D))
    den, scaling = _approximate(q, A1, A2)
    return Test(scaling * F, q, den, scaling, F)


def _approximate(q: int, A1: float, A2: float) -> tuple[float, float]:
    """Return the denominator df and the scale of F."""
    if A2 <= 0.0:  # the variances might as well be known
        return np.inf, 1.0
    B = (A1 + 6 * A2) / (2 * q)
    g = ((q + 1) * A1 - (q + 4) * A2) / ((q + 2) * A2)
    h = 3 * q + 2 * (1 - g)
    V0, V1, V2 = 1 + g * B / h, 1 - (q - g) * B / h, 1 - (q + 2 - g) * B / h
    V0 = 0.0 if abs(V0) < 1e-10 else V0
    mean = 1 - A2 / q
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = 1.0 if abs(mean) < 1e-14 and abs(V1) < 1e-14 else np.float64(mean) / V1
        rho = ratio**2 * V0 / np.float64(V2) / q
        den = float(4 + (q + 2) / (q * rho - 1))
    scaling = 1.0 if abs(den - 2) < UNSCALED else den * mean / (den - 2)
    return den, scaling


def directions(covariance: Floats, L: Floats) -> tuple[Floats, Floats]:
    """Independent directions of the rows of L: LVL' = P diag(d) P', and P' of them.

    The rank is lmerTest's: an eigenvalue below 1.5e-8 of the largest is 0. Where only the units of
    the rows make it so small, rows are first divided by their standard errors.

    Parameters
    ----------
    covariance : (k, k)
        V, of γ̂.
    L : (q, k)

    Returns
    -------
    d : (rank,)
        Decreasing.
    turned : (rank, q)
        P'; the covariance of ``turned @ L @ gamma`` is diag(d).
    """
    variance = L @ covariance @ L.T
    variance = (variance + variance.T) / 2
    sd = np.sqrt(np.diag(variance))
    scale = np.where(sd > 0, sd, 1.0)
    d, P = np.linalg.eigh(variance)
    d_unit, P_unit = np.linalg.eigh(variance / np.outer(scale, scale))
    if (d_unit > SAME * d_unit.max(initial=0.0)).sum() > (d > SAME * d.max(initial=0.0)).sum():
        d, P = d_unit, P_unit / scale[:, None]
    keep = np.flatnonzero(d > max(SAME * d.max(initial=0.0), 0.0))[::-1]
    return d[keep], P[:, keep].T
