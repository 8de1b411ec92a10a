"""How much estimates vary, and how well their standard errors tell."""

from __future__ import annotations

from typing import Any

import numpy as np

from simlab.performance.accuracy import UNIT
from simlab.performance.measure import Means, Measure, over
from simlab.performance.streams import ESTIMATE, FIT, VARIANCE


def _ratio(m: Means) -> Any:
    return over(np.sqrt(m[1]), np.sqrt(m[0]))  # M/S


def _normal_ratio(m: Means) -> Any:
    spread = over(m.covariance(1, 1) / (m.n - 1), 4 * m.n * m[1] ** 2) + 1 / (2 * (m.n - 1))
    return 100 * _ratio(m) * np.sqrt(spread)


empirical_se = Measure(
    "empirical_se", "empirical standard error", UNIT, "S = sd(θ̂)", ESTIMATE,
    lambda m: np.sqrt(m[0]), lambda m: (np.where(m[0] > 0, over(0.5, np.sqrt(m[0])), 0.0),),
    features=((2,),), normal=lambda m: np.sqrt(m[0] / (2 * (m.n - 1))),
    mcse="ψ = (a² − S²)/(2S), a = θ̂ − mean θ̂",
)  # fmt: skip

model_se = Measure(
    "model_se", "model standard error", UNIT, "M = √mean(s²)", VARIANCE,
    lambda m: np.sqrt(m[0]), lambda m: (over(0.5, np.sqrt(m[0])),),
    mcse="√(var(s²)/(4 n M²))",
)  # fmt: skip

relative_error = Measure(
    "relative_error", "relative error of the model standard error", "%", "100(M/S − 1)", FIT,
    lambda m: 100 * (_ratio(m) - 1),
    lambda m: (-50 * over(_ratio(m), m[0]), 50 * over(_ratio(m), m[1])),
    normal=_normal_ratio, mcse="ψ = 100(M/S)((s² − M²)/(2M²) − (a² − S²)/(2S²))",
)  # fmt: skip
