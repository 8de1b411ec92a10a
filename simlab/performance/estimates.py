"""Measures of estimates and their standard errors: bias, spread, and the error of reported SEs.

Notation of Morris, White & Crowther (2019), Statistics in Medicine 38:2074, here and in the other
files: n replicates, estimates θ̂_i of θ with S = sd(θ̂), standard errors s_i, V_i = s_i²,
M = √mean(V).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simlab.performance.measure import Means, Measure, over
from simlab.performance.streams import ESTIMATE, FIT, VARIANCE

UNIT = "unit of the estimate"


def _bias(m: Means) -> Any:
    # What estimates are summed about is nearer θ than their mean is to 0.
    return m[0] + (m.centre - m.theta)


def _mse(m: Means) -> Any:
    return m[1] * ((m.n - 1) / m.n) + _bias(m) ** 2


def _standardised(m: Means) -> Any:
    return over(_bias(m), np.sqrt(m[1]))


def _root(variance: Any) -> Any:
    """M, NaN where the squares of standard errors overflow: their mean is not infinite."""
    return np.sqrt(np.where(np.isinf(variance), np.nan, variance))


def _ratio(m: Means) -> Any:
    return over(_root(m[1]), np.sqrt(m[0]))  # M/S


def _normal_ratio(m: Means) -> Any:
    """Standard error of 100 M/S if estimates are normal."""
    spread = over(m.covariance(1, 1) / (m.n - 1), 4 * m.n * m[1] ** 2) + 1 / (2 * (m.n - 1))
    return 100 * _ratio(m) * np.sqrt(spread)


bias = Measure(
    "bias", "bias", UNIT, "mean θ̂ − θ", ESTIMATE, _bias,
    features=((1,),), against_target=True, mcse="S/√n",
)  # fmt: skip

relative_bias = Measure(
    "relative_bias", "relative bias", "1", "(mean θ̂ − θ)/θ", ESTIMATE,
    lambda m: over(_bias(m), m.theta), lambda m: (over(1.0, m.theta),),
    features=((1,),), against_target=True, mcse="S/(|θ|√n)",
)  # fmt: skip

standardised_bias = Measure(
    "standardised_bias", "bias in empirical standard errors", "1", "(mean θ̂ − θ)/S", ESTIMATE,
    _standardised, lambda m: (over(1.0, np.sqrt(m[1])), -over(_standardised(m), 2 * m[1])),
    against_target=True,
    normal=lambda m: np.sqrt(1 / m.n + _standardised(m) ** 2 / (2 * (m.n - 1))),
    mcse="ψ = a/S − (b/2S³)(a² − S²), a = θ̂ − mean θ̂, b the bias",
)  # fmt: skip

mse = Measure(
    "mse", "mean squared error", f"squared {UNIT}", "mean (θ̂ − θ)²", ESTIMATE,
    _mse, lambda m: (2 * _bias(m), 1.0), against_target=True,
    mcse="√(Σ((θ̂ − θ)² − MSE)²/(n(n − 1)))",
)  # fmt: skip

rmse = Measure(
    "rmse", "root mean squared error", UNIT, "√MSE", ESTIMATE,
    lambda m: np.sqrt(_mse(m)),
    lambda m: (over(_bias(m), np.sqrt(_mse(m))), over(0.5, np.sqrt(_mse(m)))),
    against_target=True, mcse="mcse(MSE)/(2 RMSE)",
)  # fmt: skip

empirical_se = Measure(
    "empirical_se", "empirical standard error", UNIT, "S = sd(θ̂)", ESTIMATE,
    lambda m: np.sqrt(m[0]), lambda m: (np.where(m[0] > 0, over(0.5, np.sqrt(m[0])), 0.0),),
    features=((2,),), normal=lambda m: np.sqrt(m[0] / (2 * (m.n - 1))),
    mcse="ψ = (a² − S²)/(2S), a = θ̂ − mean θ̂",
)  # fmt: skip

model_se = Measure(
    "model_se", "model standard error", UNIT, "M = √mean(s²)", VARIANCE,
    lambda m: _root(m[0]), lambda m: (over(0.5, np.sqrt(m[0])),),
    mcse="√(var(s²)/(4 n M²))",
)  # fmt: skip

relative_error = Measure(
    "relative_error", "relative error of the model standard error", "%", "100(M/S − 1)", FIT,
    lambda m: 100 * (_ratio(m) - 1),
    lambda m: (-50 * over(_ratio(m), m[0]), 50 * over(_ratio(m), m[1])),
    normal=_normal_ratio, mcse="ψ = 100(M/S)((s² − M²)/(2M²) − (a² − S²)/(2S²))",
)  # fmt: skip
