"""The covariance of intercept and slope of a method, which reports variances alone."""

from __future__ import annotations

import numpy as np

from simlab.estimators.base import Estimates, Estimator, Sample
from simlab.moments import Floats
from simlab.words import Kind


def line_covariance(
    method: Estimator, sample: Sample, fit: Estimates, slope: Kind = "slope"
) -> Floats:
    """Covariance of intercept and slope in each sector, and later ones less the first, (P, 2, 2).

    Methods report variances of single terms. Every method moves with x: with x − h instead
    of x its slope stays and its intercept becomes a + bh, and so

        Cov(a, b) = (Var(a + bh) − Var a − h² Var b)/2h.

    A second fit thus tells the covariance, whatever the method. h = SE(a)/SE(b) loses no digits
    where x is about its mean x₀, so it is asked there, and Cov(a, b) = Cov(a + bx₀, b) − x₀ Var b.
    In the contextual models x̄_j moves too: their intercept moves with the slope "between". `fit` is
    of the one replicate of the sample; NaN where the method has no estimate.
    """
    at = method.kinds.index("intercept")

    def variances(fitted: Estimates) -> Floats:
        """Squared standard errors by kind and sector."""
        squares: Floats = fitted.std_error[0].reshape(len(method.kinds), -1) ** 2
        return squares

    va, vb = variances(fit)[[at, method.kinds.index(slope)]]
    m, x0, _ = sample.centred
    near = sample._replace(moments=m, about_mean=None)
    va_near = variances(method.fit(near))[at] if x0 else va
    h = float(np.sqrt(va_near[0] / vb[0])) if va_near[0] > 0 and vb[0] > 0 else 1.0
    moved = method.fit(near._replace(moments=m.moved(-h, 0.0)))
    cab = (variances(moved)[at] - va_near - h * h * vb) / (2 * h)
    return symmetric(va, cab - x0 * vb, vb)


def symmetric(va: Floats, cab: Floats, vb: Floats) -> Floats:
    """Put variances and covariances (P,) together, (P, 2, 2); rounding makes no correlation > 1."""
    bound = np.sqrt(va * vb)
    cab = np.clip(cab, -bound, bound)
    return np.stack([np.stack([va, cab], -1), np.stack([cab, vb], -1)], -2)
