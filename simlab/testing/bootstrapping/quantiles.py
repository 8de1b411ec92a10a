"""Ends of bootstrap intervals from sorted draws, with their Monte Carlo standard errors.

B draws θ*, sorted. Their quantile Q(α) is the (B + 1)α-th of them; between two of them it is
interpolated on the scale of Φ⁻¹ (Davison & Hinkley 1997, *Bootstrap Methods and their Application*,
eq. 5.8; R's boot). Beyond the first and the last there is no quantile. For the level 1 − 2α:

    percentile   Q(α), Q(1 − α)
    basic        2θ̂ − Q(1 − α), 2θ̂ − Q(α)
    BCa          Q(α₁), Q(α₂),   α_i = Φ(z₀ + w/(1 − a w)), w = z₀ + Φ⁻¹(α or 1 − α)

    z₀ = Φ⁻¹(share of θ* below θ̂, ties half),   a = Σ d_j³ / 6(Σ d_j²)^{3/2},   d_j = θ̄₍.₎ − θ̂₍ⱼ₎

with θ̂₍ⱼ₎ the estimate without cluster j (Efron 1987, Journal of the American Statistical
Association 82:171; DiCiccio & Efron 1996, Statistical Science 11:189).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from simlab.moments import Floats

TIED = (
    1e-6  # of the spread of the draws: what differs less is a tie (both may be 0 but for rounding)
)
SPREAD = 2.0  # standard errors of a share, to either side, over which a density is measured

TOO_FEW = "too few draws for this level"
ONE_SIDE = "all draws lie on one side of the estimate, which may be at a boundary"
NO_JACKKNIFE = "the statistic is lacking without some cluster, or the same without any"
TOO_FAR = "bias and acceleration are too large for the formula"


class Ends(NamedTuple):
    """An interval; NaN where there is none."""

    lower: float
    upper: float
    lower_mcse: float  # Monte Carlo standard errors of the ends
    upper_mcse: float
    reason: str  # why there is no interval; "" where there is one


def none(reason: str) -> Ends:
    """Return an interval that does not exist."""
    return Ends(np.nan, np.nan, np.nan, np.nan, reason)


def percentile(draws: Floats, level: float) -> Ends:
    """Return the percentile interval of sorted draws, (B,)."""
    return _ends(draws, (1 - level) / 2, (1 + level) / 2)


def basic(draws: Floats, level: float, estimate: float) -> Ends:
    """Return the basic interval: the percentile interval reflected at the estimate."""
    p = percentile(draws, level)
    return Ends(
        2 * estimate - p.upper, 2 * estimate - p.lower, p.upper_mcse, p.lower_mcse, p.reason
    )


def bca(draws: Floats, level: float, estimate: float, a: float) -> Ends:
    """Return the BCa interval of sorted draws, (B,), with acceleration a.

    A Monte Carlo error of z₀ moves both ends; their standard errors contain it.
    """
    z0 = bias_correction(draws, estimate)
    if not np.isfinite(z0):
        return none(ONE_SIDE)
    if not np.isfinite(a):
        return none(NO_JACKKNIFE)
    w = z0 + ndtri(np.array([(1 - level) / 2, (1 + level) / 2]))
    stretch = 1 - a * w
    if (stretch <= 0).any():
        return none(TOO_FAR)
    z = z0 + w / stretch
    # dα/dp for p = Φ(z₀), the share below the estimate
    pull = (1 + 1 / stretch**2) * np.exp((z0**2 - z**2) / 2)
    return _ends(draws, *ndtr(z), share=float(ndtr(z0)), pull=pull)


def bias_correction(draws: Floats, estimate: float) -> float:
    """z₀ of sorted draws, (B,); infinite or NaN where none is below the estimate, or none above."""
    tolerance = TIED * float(draws.std())
    below = float((draws < estimate - tolerance).mean())
    above = float((draws > estimate + tolerance).mean())
    return float(ndtri((below + 1 - above) / 2)) if below and above else np.nan


def acceleration(without: Floats, spread: float) -> float:
    """Return a from estimates with one cluster left out, (J,); NaN if one is lacking or all tie.

    `spread` is the standard deviation of the draws, next to which a difference is none.
    """
    d = without.mean() - without
    scale = float(np.abs(d).max())
    if not scale > TIED * spread:
        return np.nan
    d = d / scale
    return float((d**3).sum() / (6 * (d**2).sum() ** 1.5))


def quantile(draws: Floats, alpha: float) -> float:
    """Q(α) of sorted draws, (B,); NaN beyond the first and the last."""
    B = len(draws)
    rank = (B + 1) * alpha
    if B < 2 or not 1 - 1e-9 <= rank <= B + 1e-9:
        return np.nan
    k = min(max(int(rank), 1), B - 1)
    left, right = ndtri(k / (B + 1)), ndtri((k + 1) / (B + 1))
    share = (ndtri(alpha) - left) / (right - left)
    return float(draws[k - 1] + share * (draws[k] - draws[k - 1]))


def _ends(
    draws: Floats, *alphas: float, share: float = 0.5, pull: Floats | tuple[float, ...] = (0.0, 0.0)
) -> Ends:
    """Return Q at both α; α itself is estimated if it is pulled by the share below the estimate.

    Q̂(α̂) ≈ Q(α) + [pull (p̂ − p) − (F̂(Q) − α)]/f(Q), with p̂ and F̂ shares of the same B draws:

        Var ≈ [pull² p(1 − p) + α(1 − α) − 2 pull (min(p, α) − pα)]/(B f²).
    """
    values = [quantile(draws, alpha) for alpha in alphas]
    if np.isnan(values).any():
        return none(TOO_FEW)
    mcse = []
    for alpha, c in zip(alphas, pull, strict=True):
        variance = c**2 * share * (1 - share) + alpha * (1 - alpha)
        variance -= 2 * c * (min(share, alpha) - share * alpha)
        mcse.append(float(np.sqrt(max(variance, 0.0) / len(draws))) * _sparsity(draws, alpha))
    return Ends(values[0], values[1], mcse[0], mcse[1], "")


def _sparsity(draws: Floats, alpha: float) -> float:
    """1/f at Q(α): the slope of Q over the binomial interval of α."""
    B = len(draws)
    reach = SPREAD * np.sqrt(alpha * (1 - alpha) / B)
    low, high = max(alpha - reach, 1 / (B + 1)), min(alpha + reach, B / (B + 1))
    return float((quantile(draws, high) - quantile(draws, low)) / (high - low))
