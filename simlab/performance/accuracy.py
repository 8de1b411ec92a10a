"""How far estimates are from their target: bias, relative and in standard errors; MSE and RMSE.

Notation of Morris, White & Crowther (2019), Statistics in Medicine 38:2074, here and in the files
beside: n replicates, estimates θ̂_i of θ with S = sd(θ̂), standard errors s_i, V_i = s_i²,
M = √mean(V).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simlab.performance.measure import Means, Measure, over
from simlab.performance.streams import ESTIMATE

UNIT = "unit of the estimate"


def _bias(m: Means) -> Any:
    # What estimates are summed about is nearer θ than their mean is to 0.
    return m[0] + (m.centre - m.theta)


def _mse(m: Means) -> Any:
    return m[1] * ((m.n - 1) / m.n) + _bias(m) ** 2


def _standardised(m: Means) -> Any:
    return over(_bias(m), np.sqrt(m[1]))


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
