"""Two estimators in the same replicates: precision, and differences of bias, MSE and coverage.

Both saw the same data, so a difference is usually known far better than either part. With a and b
the deviations of the two estimates, s = a + b and d = a − b: Σb² − Σa² = −Σsd, so nothing is lost
where two estimators nearly agree.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simlab.performance.estimates import UNIT
from simlab.performance.measure import Means, Measure, over
from simlab.performance.stream import Stream
from simlab.performance.streams import COVERED_ALONE, PAIR

_SQUARES = ((2, 0), (1, 1), (0, 2))


def _own(m: Means) -> Any:
    return (m[0] + 2 * m[1] + m[2]) / 4  # variance of a


def _efficiency(m: Means) -> Any:
    return np.maximum(1 - over(m[1], _own(m)), 0.0)


def _slope(m: Means) -> tuple[Any, ...]:
    """Derivatives of the efficiency by Σs², Σsd and Σd² over n − 1."""
    A, less = _own(m), over(m[1], _own(m))  # S_a², 1 − efficiency
    return over(less, 4 * A), -over(2 - less, 2 * A), over(less, 4 * A)


def _normal(m: Means) -> Any:
    """2(S_b/S_a)²√((1 − ρ²)/(n − 1)), with 1 − ρ² = (S_a²S_b² − C_ab²)/(S_a²S_b²)."""
    determinant = (m[0] * m[2] - m[1] ** 2) / 4
    efficiency = _efficiency(m)
    left = np.maximum(over(determinant, _own(m) ** 2 * efficiency), 0.0)
    return 2 * efficiency * np.sqrt(left / (m.n - 1))


def _error(m: Means) -> Any:
    return m[1] - m.theta[0] + m.theta[1]  # mean of e_a − e_b, e = θ̂ − θ


def _sum(m: Means) -> Any:
    return m[0] + (m.centre[0] - m.theta[0]) + (m.centre[1] - m.theta[1])  # of e_a + e_b


efficiency = Measure(
    "efficiency", "efficiency against the reference", "1", "(S_ref/S)²", PAIR,
    _efficiency, _slope, _SQUARES, normal=_normal,
    mcse="ψ = (S_ref/S)²((b² − S_ref²)/S_ref² − (a² − S²)/S²), a, b deviations from the means",
)  # fmt: skip

relative_precision = Measure(
    "relative_precision", "relative precision against the reference", "%", "100((S_ref/S)² − 1)",
    PAIR, lambda m: 100 * (_efficiency(m) - 1), lambda m: tuple(100 * g for g in _slope(m)),
    _SQUARES, normal=lambda m: 100 * _normal(m), mcse="100 times that of the efficiency",
)  # fmt: skip

_MEANS, _MCSE = ((1, 0), (0, 1)), "sd(L − L_ref)/√n"


def _paired(name: str, units: str, stream: Stream, *how: Any, **more: Any) -> Measure:
    """Mean over replicates of what each adds to a measure, less what it adds to the reference's."""
    long_name = f"{name} less that of the reference"
    return Measure(f"paired_{name}", long_name, units, "mean (L − L_ref)", stream, *how, **more)


paired_bias = _paired(
    "bias", UNIT, PAIR, _error, lambda _: (0.0, 1.0), _MEANS, against_target=True, mcse=_MCSE
)

paired_mse = _paired(
    "mse", f"squared {UNIT}", PAIR,
    lambda m: m[2] * ((m.n - 1) / m.n) + _sum(m) * _error(m), lambda m: (_error(m), _sum(m), 1.0),
    (*_MEANS, (1, 1)), against_target=True, mcse=_MCSE,
)  # fmt: skip

paired_coverage = _paired(
    "coverage", "1", COVERED_ALONE, lambda m: m[0] - m[1], lambda _: (1.0, -1.0), mcse=_MCSE
)
