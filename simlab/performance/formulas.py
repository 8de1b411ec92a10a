"""From means, variances and counts to performance measures and their Monte Carlo standard errors.

The last step of every measure, whether its sums were taken over replicates that were kept
(`replicates`) or while they ran (`summed`). Notation and sources are those of `replicates`. All
arrays have one shape; n is the number of replicates that entered.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.performance.moments import Counts, Floats

_quietly = np.errstate(divide="ignore", invalid="ignore", over="ignore")


class Measured(NamedTuple):
    """A performance measure, cell by cell.

    Attributes
    ----------
    value : ndarray of float, shape (...)
        The measure; NaN where it is undefined or no replicate is available.
    mcse : ndarray of float, shape (...)
        Its Monte Carlo standard error, in the unit of `value`; NaN where n < 2.
    n : ndarray of int, shape (...)
        Replicates that entered.
    """

    value: Floats
    mcse: Floats
    n: Counts


def _measured(value: Floats, mcse: Floats, n: Counts) -> Measured:
    return Measured(np.where(n > 0, value, np.nan), np.where(n > 1, mcse, np.nan), n)


def _unless_zero(x: Floats) -> Floats:
    """Return x with NaN for 0: what is divided by it is undefined there, not infinite."""
    return np.where(x == 0, np.nan, x)


@_quietly
def average(mean: Floats, variance: Floats, n: Counts) -> Measured:
    """Mean of a quantity, MCSE √(variance/n)."""
    return _measured(mean, np.sqrt(variance / n), n)


@_quietly
def share(hits: Floats | Counts, n: Counts) -> Measured:
    """Share p = hits/n, MCSE √(p(1 − p)/n)."""
    p = hits / n
    return _measured(p, np.sqrt(p * (1 - p) / n), n)


@_quietly
def relative_bias(bias: Measured, theta: Floats) -> Measured:
    """Bias divided by θ; NaN where θ = 0."""
    theta = _unless_zero(theta)
    return _measured(bias.value / theta, bias.mcse / np.abs(theta), bias.n)


@_quietly
def empirical_se(variance: Floats, n: Counts) -> Measured:
    """S = √variance of the estimates, MCSE S/√(2(n − 1))."""
    S = np.sqrt(variance)
    return _measured(S, S / np.sqrt(2.0 * (n - 1)), n)


@_quietly
def rmse(mse: Measured) -> Measured:
    """√MSE, MCSE mcse(MSE)/(2 RMSE)."""
    value = np.sqrt(mse.value)
    return _measured(value, mse.mcse / (2 * _unless_zero(value)), mse.n)


@_quietly
def model_se(mean_V: Floats, var_V: Floats, n: Counts) -> Measured:
    """M = √mean(V), MCSE √(var(V)/(4 n M²))."""
    M = np.sqrt(mean_V)
    return _measured(M, np.sqrt(var_V / (4 * n * _unless_zero(M) ** 2)), n)


@_quietly
def relative_error(variance: Floats, mean_V: Floats, var_V: Floats, n: Counts) -> Measured:
    """100(M/S − 1) %, MCSE 100(M/S)√(var(V)/(4 n M⁴) + 1/(2(n − 1)))."""
    M, S = np.sqrt(mean_V), _unless_zero(np.sqrt(variance))
    spread = var_V / (4 * n * _unless_zero(M) ** 4) + 1 / (2.0 * (n - 1))
    return _measured(100 * (M / S - 1), 100 * (M / S) * np.sqrt(spread), n)


@_quietly
def efficiency(own: Floats, reference: Floats, one_minus_rho2: Floats, n: Counts) -> Measured:
    """(S_ref/S)², MCSE 2(S_ref/S)²√((1 − ρ²)/(n − 1)); `own`, `reference` are sums of squares."""
    ratio = reference / _unless_zero(own)
    return _measured(ratio, 2 * ratio * np.sqrt(one_minus_rho2 / (n - 1)), n)


@_quietly
def relative_precision(efficiency: Measured) -> Measured:
    """100(efficiency − 1) %."""
    value, mcse, n = efficiency
    return _measured(100 * (value - 1), 100 * mcse, n)
