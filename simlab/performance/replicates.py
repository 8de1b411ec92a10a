"""Performance measures and their Monte Carlo standard errors: arrays in, arrays out.

Notation of Morris, White & Crowther (2019), Statistics in Medicine 38:2074, Table 6, on which
every formula here rests unless its docstring says otherwise: n replicates, estimates θ̂_i of θ,
standard errors s_i, V_i = s_i², S = sd(θ̂) with divisor n − 1, M = √mean(V).

The last step of each, from sums to a measure, is in `formulas`.

Shapes are the same for all functions. Arrays of replicates are (..., n): **replicates last**, any
leading axes, which broadcast. Targets θ are (...), one per cell. Results are (...). NaN means "not
available in this replicate"; a replicate enters a cell when all that the measure needs of it is
available, and the `n` that is returned counts those.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simlab.performance import formulas
from simlab.performance.formulas import Measured
from simlab.performance.moments import Counts, Floats

Mask = NDArray[np.bool_]

_quietly = np.errstate(divide="ignore", invalid="ignore", over="ignore")


class Contrasted(NamedTuple):
    """The difference of a mean between two conditions, cell by cell.

    Attributes
    ----------
    value, mcse, n : ndarray, shape (...)
        As in `Measured`; the MCSE is that of pairs of replicates with the same number.
    mcse_independent : ndarray of float, shape (...)
        The MCSE that it would have were the two conditions independent.
    gain : ndarray of float, shape (...)
        How many times as many replicates would then be needed: (mcse_independent/mcse)².
    gain_mcse : ndarray of float, shape (...)
        Monte Carlo standard error of the gain.
    """

    value: Floats
    mcse: Floats
    n: Counts
    mcse_independent: Floats
    gain: Floats
    gain_mcse: Floats


def _floats(x: ArrayLike) -> Floats:
    return np.asarray(x, dtype=np.float64)


class _Available(NamedTuple):
    """In which replicates all that is needed is there, (..., n), and in how many, (...)."""

    ok: Mask
    n: Counts


def _where(*arrays: Floats) -> _Available:
    ok = ~np.isnan(arrays[0])
    for x in arrays[1:]:
        ok &= ~np.isnan(x)
    return _Available(ok, np.asarray(ok.sum(axis=-1), dtype=np.int64))


def _together(*arrays: ArrayLike) -> tuple[Floats, ...]:
    return tuple(np.broadcast_arrays(*(_floats(x) for x in arrays)))


def _sum(x: NDArray[Any], has: _Available) -> Floats:
    return np.asarray(np.sum(x, axis=-1, where=has.ok, dtype=np.float64))


def _mean(x: NDArray[Any], has: _Available) -> Floats:
    return _sum(x, has) / has.n


def _deviations(x: Floats, has: _Available) -> Floats:
    d = x - _mean(x, has)[..., None]
    # The mean has been rounded at the size of x; what that cost is still visible in d.
    d -= _mean(d, has)[..., None]
    return d


def _variance(x: Floats, has: _Available) -> Floats:
    d = _deviations(x, has)
    d *= d
    return np.where(has.n > 1, _sum(d, has) / (has.n - 1), np.nan)


def _average(x: Floats) -> Measured:
    has = _where(x)
    return formulas.average(_mean(x, has), _variance(x, has), has.n)


def _share(hit: Mask, has: _Available) -> Measured:
    return formulas.share(_sum(hit, has), has.n)


@_quietly
def average(x: ArrayLike) -> Measured:
    """Mean of a quantity of the replicates: mean x, MCSE sd(x)/√n.

    Parameters
    ----------
    x : array_like, shape (..., n)
        Any unit.
    """
    return _average(_floats(x))


@_quietly
def share(outcome: ArrayLike) -> Measured:
    """Share of replicates with an outcome: p, MCSE √(p(1 − p)/n).

    Parameters
    ----------
    outcome : array_like, shape (..., n)
        Boolean, or 0 and 1 with NaN for a replicate that does not count.
    """
    outcome = _floats(outcome)
    return _share(outcome != 0, _where(outcome))


@_quietly
def bias(estimate: ArrayLike, theta: ArrayLike) -> Measured:
    """Bias: mean θ̂ − θ, MCSE S/√n.

    Parameters
    ----------
    estimate : array_like, shape (..., n)
    theta : array_like, shape (...)
        The target, in the unit of the estimate.
    """
    # The mean of the errors, not the error of the mean: it keeps its digits when θ is large.
    return _average(_floats(estimate) - _floats(theta)[..., None])


@_quietly
def relative_bias(estimate: ArrayLike, theta: ArrayLike) -> Measured:
    """Relative bias: (mean θ̂ − θ)/θ, MCSE S/(|θ|√n). A ratio, not %; NaN where θ = 0.

    Not in Morris, White & Crowther's table; bias divided by a constant, as in simhelpers
    (Joshi & Pustejovsky).

    Parameters
    ----------
    estimate : array_like, shape (..., n)
    theta : array_like, shape (...)
        The target, in the unit of the estimate.
    """
    return formulas.relative_bias(bias(estimate, theta), _floats(theta))


@_quietly
def empirical_se(estimate: ArrayLike) -> Measured:
    """Empirical standard error: S = √(Σ(θ̂_i − mean θ̂)²/(n − 1)), MCSE S/√(2(n − 1)).

    The MCSE holds for normal estimates. n < 2 gives NaN.

    Parameters
    ----------
    estimate : array_like, shape (..., n)
    """
    estimate = _floats(estimate)
    has = _where(estimate)
    return formulas.empirical_se(_variance(estimate, has), has.n)


@_quietly
def mse(estimate: ArrayLike, theta: ArrayLike) -> Measured:
    """Mean squared error: mean (θ̂ − θ)², MCSE √(Σ((θ̂_i − θ)² − MSE)²/(n(n − 1))).

    Parameters
    ----------
    estimate : array_like, shape (..., n)
    theta : array_like, shape (...)
        The target, in the unit of the estimate.
    """
    return _average((_floats(estimate) - _floats(theta)[..., None]) ** 2)


@_quietly
def rmse(estimate: ArrayLike, theta: ArrayLike) -> Measured:
    """Root mean squared error: √MSE, MCSE mcse(MSE)/(2 RMSE) (delta method; NaN if RMSE = 0).

    Parameters
    ----------
    estimate : array_like, shape (..., n)
    theta : array_like, shape (...)
        The target, in the unit of the estimate.
    """
    return formulas.rmse(mse(estimate, theta))


@_quietly
def model_se(std_error: ArrayLike) -> Measured:
    """Model standard error: M = √mean(V), MCSE √(var(V)/(4 n M²)).

    Parameters
    ----------
    std_error : array_like, shape (..., n)
    """
    V = _floats(std_error) ** 2
    has = _where(V)
    return formulas.model_se(_mean(V, has), _variance(V, has), has.n)


@_quietly
def relative_error(estimate: ArrayLike, std_error: ArrayLike) -> Measured:
    """Relative error of the model SE: 100(M/S − 1) %.

    MCSE 100(M/S)√(var(V)/(4 n M⁴) + 1/(2(n − 1))), for normal estimates. NaN where S = 0.

    Parameters
    ----------
    estimate, std_error : array_like, shape (..., n)
    """
    estimate, std_error = _together(estimate, std_error)
    has = _where(estimate, std_error)
    V = std_error**2
    return formulas.relative_error(
        _variance(estimate, has), _mean(V, has), _variance(V, has), has.n
    )


@_quietly
def coverage(lower: ArrayLike, upper: ArrayLike, theta: ArrayLike) -> Measured:
    """Coverage: p = share of lower ≤ θ ≤ upper, MCSE √(p(1 − p)/n).

    Parameters
    ----------
    lower, upper : array_like, shape (..., n)
        Ends of the intervals; a bound may be infinite.
    theta : array_like, shape (...)
        The target.
    """
    lower, upper, theta = _together(lower, upper, _floats(theta)[..., None])
    return _share((lower <= theta) & (theta <= upper), _where(lower, upper, theta))


@_quietly
def bias_eliminated_coverage(estimate: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> Measured:
    """Bias-eliminated coverage: p = share of lower ≤ mean θ̂ ≤ upper, MCSE √(p(1 − p)/n).

    Parameters
    ----------
    estimate, lower, upper : array_like, shape (..., n)
    """
    estimate, lower, upper = _together(estimate, lower, upper)
    has = _where(estimate, lower, upper)
    centre = _mean(estimate, has)[..., None]
    return _share((lower <= centre) & (centre <= upper), has)


@_quietly
def rejection_rate(p_value: ArrayLike, alpha: float = 0.05) -> Measured:
    """Rejection rate (power, or type I error): share of p ≤ α, MCSE √(p(1 − p)/n).

    "≤" because a Monte Carlo p-value takes the value α itself with positive probability, and the
    test that rejects there still has level α.

    Parameters
    ----------
    p_value : array_like, shape (..., n)
    alpha : float
        Level of the test, between 0 and 1.
    """
    p_value = _floats(p_value)
    return _share(p_value <= alpha, _where(p_value))


@_quietly
def interval_width(lower: ArrayLike, upper: ArrayLike) -> Measured:
    """Interval width: mean (upper − lower), MCSE sd(upper − lower)/√n.

    Not in Morris, White & Crowther's table; a mean of independent replicates.

    Parameters
    ----------
    lower, upper : array_like, shape (..., n)
    """
    return average(_floats(upper) - _floats(lower))


@_quietly
def paired_difference(first: ArrayLike, second: ArrayLike) -> Measured:
    """Paired difference: mean (first − second), MCSE sd(first − second)/√n.

    Both methods see the same data in each replicate, so the difference is usually known far better
    than either part. Give errors for the difference of two biases, squared errors for two MSEs, 0
    and 1 for two coverages.

    Parameters
    ----------
    first, second : array_like, shape (..., n)
        The same quantity for two methods, replicate by replicate.
    """
    return average(_floats(first) - _floats(second))


@_quietly
def efficiency(estimate: ArrayLike, reference: ArrayLike) -> Measured:
    """Efficiency: (S_ref/S)², MCSE 2(S_ref/S)²√((1 − ρ²)/(n − 1)), ρ = corr(θ̂, θ̂_ref).

    A ratio: above 1, the estimate is more precise than the reference. Both S and ρ are over the
    replicates where both are available. NaN where S = 0; the MCSE also where S_ref = 0.

    Parameters
    ----------
    estimate, reference : array_like, shape (..., n)
        Estimates of the same target by two methods, replicate by replicate.
    """
    estimate, reference = _together(estimate, reference)
    has = _where(estimate, reference)
    a, b = _deviations(estimate, has), _deviations(reference, has)
    aa, bb = _sum(a**2, has), _sum(b**2, has)
    a /= np.sqrt(aa)[..., None]
    b /= np.sqrt(bb)[..., None]
    # 1 − ρ² = (1 − ρ)(1 + ρ); as sums of squares both factors keep their digits near ρ = ±1.
    one_minus_rho2 = _sum((a - b) ** 2, has) / 2 * _sum((a + b) ** 2, has) / 2
    return formulas.efficiency(aa, bb, one_minus_rho2, has.n)


@_quietly
def relative_precision(estimate: ArrayLike, reference: ArrayLike) -> Measured:
    """Relative precision: 100((S_ref/S)² − 1) %, MCSE 200(S_ref/S)²√((1 − ρ²)/(n − 1)).

    Stata's simsum (White 2010, Stata Journal 10:369) prints an MCSE with n − 2; rsimsum, and this
    function, have n − 1. See `efficiency` for the rest.

    Parameters
    ----------
    estimate, reference : array_like, shape (..., n)
        Estimates of the same target by two methods, replicate by replicate.
    """
    return formulas.relative_precision(efficiency(estimate, reference))


@_quietly
def contrast(first: ArrayLike, second: ArrayLike) -> Contrasted:
    """Difference of a mean between two conditions, and what their common random numbers gained.

    Mean (first − second) with MCSE S_d/√n, S_d = sd(first − second); were the conditions
    independent the MCSE would be √((S_1² + S_2²)/n). Gain (S_1² + S_2²)/S_d²: 1 for independent
    conditions, above 1 for positively correlated ones. Its MCSE is that of the infinitesimal
    jackknife (Efron 1982, *The Jackknife, the Bootstrap and Other Resampling Plans*, chapter 6):
    gain √Σψ², with δ the deviations of a replicate from the means and
    ψ = (δ_1² + δ_2²)/Σ(δ_1² + δ_2²) − δ_d²/Σδ_d².

    Where all differences are alike to 10 digits the gain is infinite, and has no MCSE.

    Parameters
    ----------
    first, second : array_like, shape (..., n)
        The same quantity in two conditions; replicates of the same number are pairs.
    """
    first, second = _together(first, second)
    has = _where(first, second)
    value, mcse, n = _average(first - second)
    apart = _deviations(first, has) ** 2 + _deviations(second, has) ** 2
    paired = _deviations(first - second, has) ** 2
    both, between = _sum(apart, has), _sum(paired, has)
    size = np.maximum(np.abs(first), np.abs(second)).max(axis=-1, where=has.ok, initial=0.0)
    alike = between <= n * (1e-10 * size) ** 2
    gain = np.where(alike, np.where(both > 0, np.inf, np.nan), both / between)
    influence = apart / both[..., None] - paired / between[..., None]
    gain_mcse = np.where(alike, np.nan, gain * np.sqrt(_sum(influence**2, has)))
    independent = np.where(n > 1, np.sqrt(both / (n * (n - 1))), np.nan)
    return Contrasted(value, mcse, n, independent, gain, gain_mcse)
