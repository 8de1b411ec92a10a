"""The largest likelihood ratio against a variance of 0, draw by draw, in compiled loops.

With the notation of `exact`, f(λ) = ν log(S/D(λ)) − Σ log(1 + λξ_k). What decides where f rises,

    D(λ) f'(λ) = Σ w_k c_k(λ) − M(λ) R,
    c_k = νμ_k/(1 + λμ_k)² − M/(1 + λμ_k),   M = Σ ξ_k/(1 + λξ_k),

is linear in what is drawn, w and R. So one product with a table gives its sign on a whole grid,
and no logarithm is needed there. f may have several maxima: there is one wherever the sign changes
from + to −, Newton's method climbs each of them, and the highest counts, or f(0) = 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from simlab.kernels import inner, loop
from simlab.moments import Floats

CLOSE = 1e-8  # a last step of Newton's is not taken but its gain added, if that is below
LEAP = 2.0  # farthest step in x beyond the grid
STEPS = 200  # a search that halves its bracket every time has long arrived
LARGE = 1e100  # factors are multiplied up to here before a logarithm is taken


class NullLaw(NamedTuple):
    """Law of the statistic, and the grid on which its score is tabulated.

    Attributes
    ----------
    mu, xi : (K,), (L,)
        μ_k and ξ_k in units of the largest ξ; none is 0.
    nu : float
        N − p restricted, N otherwise.
    df : float
        Degrees of freedom of R, N − p − K > 0.
    q : float
        Fixed effects that the alternative has in addition.
    x : (G,)
        The grid, from 0, in x = log(1 + λ).
    weight, slope : (K, G), (G,)
        c_k and M there.
    """

    mu: Floats
    xi: Floats
    nu: float
    df: float
    q: float
    x: Floats
    weight: Floats
    slope: Floats


@inner
def _log_product(xi: Floats, lam: float) -> float:
    """Σ log(1 + λξ_k)."""
    total, product = 0.0, 1.0
    for k in range(xi.size):
        product *= 1.0 + lam * xi[k]
        if product > LARGE:
            total += np.log(product)
            product = 1.0
    return float(total + np.log(product))


@inner
def _climb(law: NullLaw, w: Floats, R: float, low: float, high: float, start: float) -> float:
    """Climb the maximum of f between two x; f' > 0 at `low`, f' ≤ 0 at `high` (which may be ∞).

    Newton's method on df/dx within the bracket, which is halved where that leads out of it.
    """
    x, lam, D, excess, gain = start, 0.0, R, 0.0, 0.0
    for _ in range(STEPS):
        lam = np.expm1(x)
        D, excess, P, P_2 = R, 0.0, 0.0, 0.0  # P = −D', P_2 = D''/2
        for k in range(w.size):
            t = 1.0 / (1.0 + lam * law.mu[k])
            part = w[k] * t
            D += part
            part *= law.mu[k]
            excess += part
            part *= t
            P += part
            P_2 += part * law.mu[k] * t
        M, M_2 = 0.0, 0.0  # M_2 = −M'
        for k in range(law.xi.size):
            t = law.xi[k] / (1.0 + lam * law.xi[k])
            M += t
            M_2 += t * t
        u = 1.0 + lam  # dλ/dx
        rate = P / D
        first = u * (law.nu * rate - M)
        second = u * u * (law.nu * (rate * rate - 2.0 * P_2 / D) + M_2) + first
        gain = -0.5 * first * first / second if second < 0.0 else np.inf
        if gain < CLOSE:
            break
        if first > 0.0:
            low = x
        else:
            high = x
        after = x - first / second if second < 0.0 else np.inf
        if not low < after < high:
            after = (low + high) / 2.0
        x = min(after, low + LEAP)
    return float(law.nu * np.log1p(lam * excess / D) - _log_product(law.xi, lam) + min(gain, CLOSE))


@inner
def _supremum(law: NullLaw, w: Floats, R: float, score: Floats) -> float:
    """Return sup f over λ ≥ 0; score is room for (G,) numbers."""
    G = score.size
    for g in range(G):
        score[g] = -R * law.slope[g]
    for k in range(w.size):
        w_k = w[k]
        for g in range(G):
            score[g] += w_k * law.weight[k, g]
    best = 0.0
    for g in range(G):
        if score[g] <= 0.0:
            continue
        if g == G - 1:
            best = max(best, _climb(law, w, R, law.x[g], np.inf, law.x[g]))
        elif score[g + 1] <= 0.0:
            share = score[g] / (score[g] - score[g + 1])
            start = law.x[g] + share * (law.x[g + 1] - law.x[g])
            best = max(best, _climb(law, w, R, law.x[g], law.x[g + 1], start))
    return best


@loop
def suprema(law: NullLaw, w: Floats, R: Floats, out: Floats) -> None:
    """Fill `out`, (B,), with sup f for each row of w, (B, K), and R, (B,)."""
    score = np.empty(law.x.size)
    for b in range(out.size):
        out[b] = _supremum(law, w[b], R[b], score)


@loop
def draw_suprema(rng: Generator, law: NullLaw, out: Floats) -> None:
    """Fill `out`, (B,), with draws of the statistic."""
    w, score = np.empty(law.mu.size), np.empty(law.x.size)
    for b in range(out.size):
        R = rng.chisquare(law.df)
        S = R
        for k in range(w.size):
            z = rng.standard_normal()
            w[k] = z * z
            S += w[k]
        out[b] = _supremum(law, w, R, score)
        if law.q > 0.0:
            out[b] += law.nu * np.log1p(rng.chisquare(law.q) / S)
