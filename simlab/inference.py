"""Intervals and p-values from estimates, standard errors and degrees of freedom."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.polynomial.chebyshev import Chebyshev
from scipy import special

from simlab.moments import Floats


class Inference(NamedTuple):
    """Confidence limits and two-sided p-values, of the shape of the estimates."""

    lower: Floats
    upper: Floats
    p_value: Floats


@lru_cache
def _log_quantile(level: float) -> Chebyshev:
    """Interpolate log t_{(1+level)/2}(df) as a function of 1/df on (0, 1]; accurate to 1e-12."""

    def exact(z: Floats) -> Floats:
        """The logarithm at 1/df = z."""
        logarithm: Floats = np.log(_exact_quantile(level, 1 / np.maximum(z, 1e-300)))
        return logarithm

    return Chebyshev.interpolate(exact, deg=40, domain=[0.0, 1.0])


def _exact_quantile(level: float, df: Floats) -> Floats:
    """Quantile of Student's t, or of the normal law for more than 1e10 degrees of freedom."""
    p = (1 + level) / 2
    huge = df > 1e10
    quantile: Floats = special.stdtrit(np.where(huge, 1.0, df), p)
    return np.where(huge, special.ndtri(p), quantile)


def t_quantile(level: float, df: Floats) -> Floats:
    """Quantile t with P(|T| ≤ t) = level; the normal one for infinite df, NaN for NaN."""
    df = np.asarray(df)
    quantile, there = np.full(df.shape, np.nan), ~np.isnan(df)
    quantile[there] = np.exp(_log_quantile(level)(1 / np.maximum(df[there], 1.0)))
    few = df < 1
    if few.any():
        quantile = np.where(few, _exact_quantile(level, np.where(few, df, 1.0)), quantile)
    return quantile


def infer(
    estimate: Floats, std_error: Floats, df: Floats, level: float = 0.95, null: float = 0.0
) -> Inference:
    """Student's t interval and two-sided p-value of each estimate, all of one shape.

    NaN gives NaN, infinite df the normal law; `null` is the value that the p-value is for.
    """
    half = t_quantile(level, df) * std_error
    p_value = two_sided(estimate - null, std_error, df)
    return Inference(estimate - half, estimate + half, p_value)


def two_sided(difference: Floats, std_error: Floats, df: Floats) -> Floats:
    """Two-sided p-value of Student's t = difference/std_error, as `infer` has it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = -np.abs(difference / std_error)
    t, df = np.broadcast_arrays(t, df)
    out = np.full(t.shape, np.nan)
    there = ~np.isnan(t)  # NaN is a term that a method does not have; `stdtr` is slowest at NaN
    student, normal = there & np.isfinite(df), there & np.isinf(df)
    out[student] = 2 * special.stdtr(df[student], t[student])
    out[normal] = 2 * special.ndtr(t[normal])
    return out
