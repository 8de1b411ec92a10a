"""The covariance of intercept and slope of a method, which reports variances alone."""

from __future__ import annotations

import numpy as np

from simlab.estimators.base import Estimates, Estimator, Kind, Sample
from simlab.moments import Floats


def line_covariance(
    method: Estimator, sample: Sample, fit: Estimates, slope: Kind = "slope"
) -> Floats:
    """Covariance of intercept and slope, in each sector and of each later one minus the first.

    Methods report variances of single terms. Every method moves with x: with x − h in the place
    of x its slope stays and its intercept becomes a + bh, and so

        Cov(a, b) = (Var(a + bh) − Var a − h² Var b)/2h.

    A second fit thus tells the covariance, whatever the method. h = SE(a)/SE(b) loses no digits.
    In the contextual models x̄_j moves too: their intercept moves with the slope "between".

    Parameters
    ----------
    method : Estimator
        The method, with an intercept.
    sample : Sample
        One replicate.
    fit : Estimates
        What the method found in it.
    slope : Kind
        The term that its intercept moves with.

    Returns
    -------
    (P, 2, 2)
        NaN where the method has no estimate.
    """
    m, at = sample.moments, method.kinds.index("intercept")
    variances = fit.std_error[0].reshape(len(method.kinds), -1) ** 2
    va, vb = variances[at], variances[method.kinds.index(slope)]
    h = float(np.sqrt(va[0] / vb[0])) if va[0] > 0 and vb[0] > 0 else 1.0
    moved = method.fit(sample._replace(moments=m._replace(x_mean=m.x_mean - h)))
    there = moved.std_error[0].reshape(len(method.kinds), -1)[at] ** 2
    return symmetric(va, (there - va - h * h * vb) / (2 * h), vb)


def symmetric(va: Floats, cab: Floats, vb: Floats) -> Floats:
    """Put variances and covariances (P,) together, (P, 2, 2); rounding makes no correlation > 1."""
    bound = np.sqrt(va * vb)
    cab = np.clip(cab, -bound, bound)
    return np.stack([np.stack([va, cab], -1), np.stack([cab, vb], -1)], -2)
