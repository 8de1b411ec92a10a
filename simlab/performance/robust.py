"""Measures that exist where a variance does not: of medians and other quantiles.

They need all replicates at once. Their Monte Carlo standard error is √(Σψ²/(n(n − 1))) as that of a
`Measure`, with the influence of a quantile q_p of density f(q_p), ψ = (p − 1{x ≤ q_p})/f(q_p)
(Huber & Ronchetti 2009, *Robust Statistics*, section 3.3). 1/f is the spacing of the order
statistics around q_p (Siddiqui 1960), over the width that Hall and Sheather (1988, JRSS B 50:381)
have for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from simlab.performance.estimates import UNIT
from simlab.performance.measure import Measured, Z, by_name, over
from simlab.performance.moments import Floats, quietly
from simlab.performance.stream import Replicates

TAIL = 0.05
"""Share of the estimates that is cut off at either end."""

MAD = 1.4826
"""sd over median absolute deviation, of a normal law."""

WINSORISED = 0.9118
"""sd of a standard normal value that is cut off at its 5 % and 95 % quantiles."""

Told = tuple[Floats, Floats]
"""A value (..., 1), and ψ of each replicate (..., n)."""


@dataclass(frozen=True)
class Statistic:
    """A measure that is a function of all replicates at once.

    Attributes
    ----------
    name, long_name, units, definition, mcse
        As of a `Measure`.
    arguments : tuple of str
        Arrays of `Replicates` that it needs, and theta if it has one value per target.
    compute : callable
        `Replicates` (..., n) to its value (..., 1) and ψ (..., n); NaN is a replicate that does
        not enter, theta is (..., 1).
    """

    name: str
    long_name: str
    units: str
    definition: str
    arguments: tuple[str, ...]
    compute: Callable[[Replicates], Told]
    mcse: str = "√(Σψ²/(n(n − 1))), ψ the influence of a replicate"
    share: bool = False
    order: int = 0

    @property
    def dims(self) -> tuple[str, ...]:
        """Dimensions of the value: one for each term, or each target of these."""
        return ("estimator", "term", *(("target",) if "theta" in self.arguments else ()))

    @quietly
    def __call__(self, *arrays: ArrayLike) -> Measured:
        """Measure arrays (..., n), replicates last, in the order of `arguments`; theta is (...)."""
        given = by_name(self.name, self.arguments, arrays)
        theta = given.pop("theta", np.array(0.0))[..., None]
        whole = np.broadcast_arrays(*given.values(), theta)
        ok = ~np.logical_or.reduce([np.isnan(x) for x in whole])
        n = np.asarray(ok.sum(axis=-1), dtype=np.int64)
        if not ok.size:
            return Measured(np.full(n.shape, np.nan), np.full(n.shape, np.nan), n)
        known = {k: np.where(ok, x, np.nan) for k, x in zip(given, whole, strict=False)}
        value, psi = self.compute(Replicates({**known, "theta": theta}))
        squares = np.nansum(psi**2, axis=-1)
        mcse = np.where(np.isnan(value[..., 0]), np.nan, np.sqrt(squares / (n * (n - 1))))
        return Measured(np.where(n > 0, value[..., 0], np.nan), np.where(n > 1, mcse, np.nan), n)

    def interval(self, result: Measured) -> tuple[Floats, Floats]:
        """Return the 95 % Monte Carlo interval of each value."""
        half = Z * result.mcse
        return result.value - half, result.value + half


class _Sorted:
    """Replicates in order, (..., n), those without a value last."""

    def __init__(self, x: Floats) -> None:
        self.x, self.sorted = x, np.sort(x, axis=-1)
        self.n = (~np.isnan(x)).sum(axis=-1, keepdims=True)

    def at(self, p: Any) -> Floats:
        """Quantile of a share p, (..., 1), between order statistics (type 7 of R)."""
        position = np.clip(p, 0.0, 1.0) * np.maximum(self.n - 1, 0)
        low, last = np.floor(position).astype(np.int64), np.maximum(self.n - 1, 0)
        first, second = (
            np.take_along_axis(self.sorted, np.clip(i, 0, last), axis=-1) for i in (low, low + 1)
        )
        return np.asarray(first + (position - low) * (second - first))

    def density(self, value: Floats) -> Floats:
        """Density at a value, (..., 1)."""
        p = (self.x <= value).sum(axis=-1, keepdims=True) / self.n
        q = ndtri(np.clip(p, 0.001, 0.999))
        peak = np.exp(-(q**2)) / (2 * np.pi)  # φ(q)²
        half = Z ** (2 / 3) * (1.5 * peak / (2 * q**2 + 1)) ** (1 / 3) * self.n ** (-1 / 3)
        low, high = np.clip(p - half, 0.0, 1.0), np.clip(p + half, 0.0, 1.0)
        return np.asarray((high - low) / (self.at(high) - self.at(low)))

    def quantile(self, p: float) -> Told:
        """Quantile and its ψ."""
        q = self.at(p)
        return q, np.where(np.isnan(self.x), np.nan, (p - (self.x <= q)) / self.density(q))


def _mad_se(r: Replicates) -> Told:
    """Median absolute deviation t about the median m, times `MAD`: F(m + t) − F(m − t) = ½."""
    each = _Sorted(r.estimate)
    m, psi = each.quantile(0.5)
    distance = np.abs(r.estimate - m)
    t = _Sorted(distance).at(0.5)
    above, below = each.density(m + t), each.density(m - t)
    return MAD * t, MAD * (0.5 - (distance <= t) - (above - below) * psi) / (above + below)


def _robust_error(r: Replicates) -> Told:
    (s, psi), (S, phi) = _Sorted(r.std_error).quantile(0.5), _mad_se(r)
    ratio = over(s, S)
    return 100 * (ratio - 1), 100 * ratio * (over(psi, s) - over(phi, S))


def _median_bias(r: Replicates) -> Told:
    m, psi = _Sorted(r.estimate).quantile(0.5)
    return m - r.theta, psi


def _winsorised(r: Replicates) -> tuple[_Sorted, Floats, Floats, tuple[Told, Told]]:
    """Estimates in order; cut off at two quantiles, less their mean; the mean; the quantiles."""
    each = _Sorted(r.estimate)
    ends = each.quantile(TAIL), each.quantile(1 - TAIL)
    w = np.clip(r.estimate, ends[0][0], ends[1][0])
    mean = np.nansum(w, axis=-1, keepdims=True) / each.n
    return each, w - mean, mean, ends


def _winsorised_bias(r: Replicates) -> Told:
    _, d, mean, ((_, low), (_, high)) = _winsorised(r)
    return mean - r.theta, d + TAIL * (low + high)


def _winsorised_se(r: Replicates) -> Told:
    """Standard deviation of the winsorised estimates, scaled to that of a normal law; with ψ."""
    each, d, mean, ends = _winsorised(r)
    V = np.nansum(d**2, axis=-1, keepdims=True) / (each.n - 1)
    psi = d**2 - V + sum(2 * TAIL * (q - mean) * one for q, one in ends)
    return np.sqrt(V) / WINSORISED, over(psi, 2 * np.sqrt(V)) / WINSORISED


median_bias = Statistic(
    "median_bias", "median bias", UNIT, "median θ̂ − θ", ("estimate", "theta"), _median_bias
)

robust_se = Statistic(
    "robust_se", "empirical standard error from the median absolute deviation", UNIT,
    "1.4826 median |θ̂ − median θ̂|", ("estimate",), _mad_se,
)  # fmt: skip

robust_error = Statistic(
    "robust_error", "relative error of the median standard error", "%",
    "100(median s/robust_se − 1)", ("estimate", "std_error"), _robust_error,
)  # fmt: skip

winsorised_bias = Statistic(
    "winsorised_bias", "bias of estimates cut off at their 5 % and 95 % quantiles", UNIT,
    "mean w − θ, w = θ̂ cut off", ("estimate", "theta"), _winsorised_bias,
)  # fmt: skip

winsorised_se = Statistic(
    "winsorised_se", "standard error of estimates cut off at their 5 % and 95 % quantiles", UNIT,
    "sd(w)/0.9118, w = θ̂ cut off; sd(θ̂) if they are normal", ("estimate",), _winsorised_se,
)  # fmt: skip
