"""Pool the rows of each sector and ignore the clusters: ordinary least squares.

    y_ij = a_s + b_s x_ij + e_ij,   b̂ = S_xy/S_xx,   Var b̂ = σ̂²/S_xx,   df = N − 2S,

one σ² for all sectors. The slope estimates β_W + λ(β_B − β_W) with λ the share
of the variation of x that lies between clusters; the standard error takes every
row for an independent piece of information.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.estimators.base import Estimates, Estimator, Sample, SizeMoments, assemble
from simlab.moments import Floats, Moments, divide


class Line(NamedTuple):
    """Least-squares line of each sector, through all its rows; (B, S), the last two (B, J)."""

    n: Floats
    x_mean: Floats
    y_mean: Floats
    ss_x: Floats
    slope: Floats
    rss: Floats
    deviation: Floats  # of the cluster's mean of x from its sector's
    residual: Floats  # of the cluster's means from the line


def line(m: Moments) -> Line:
    """Fit the line of each sector."""
    n = m.sum(m.n)
    x_mean, y_mean = m.sum(m.n * m.x_mean) / n, m.sum(m.n * m.y_mean) / n
    dx, dy = m.x_mean - m.spread(x_mean), m.y_mean - m.spread(y_mean)
    ss_x = m.sum(m.ss_x + m.n * dx * dx)
    slope = divide(m.sum(m.s_xy + m.n * dx * dy), ss_x, float("nan"))
    b = m.spread(slope)
    within = m.s_xy_root - b * m.ss_x**0.5
    residual = dy - b * dx
    rss = m.sum(m.rss + within * within + m.n * residual**2)
    return Line(n, x_mean, y_mean, ss_x, slope, rss, dx, residual)


def fit(sample: Sample) -> Estimates:
    """Estimate intercept and slope of each sector."""
    m, x0, y0 = sample.centred
    fitted = line(m)
    x_mean = x0 + fitted.x_mean
    df = fitted.n.sum(axis=-1) - 2 * m.n_sectors
    sigma2 = divide(fitted.rss.sum(axis=-1), df, float("nan"))[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        return assemble(
            [y0 + fitted.y_mean - fitted.slope * x_mean, fitted.slope],
            [sigma2 * (1 / fitted.n + x_mean**2 / fitted.ss_x), sigma2 / fitted.ss_x],
            df,
        )


def lambda_(x: SizeMoments) -> float:
    """λ: the between share of the sum of squares of x; its latent part for the latent mean."""
    carried = x.between if x.latent else x.between + x.within / x.n
    return carried / (x.between + x.within)


METHOD = Estimator(
    name="pooled",
    kinds=("intercept", "slope"),
    estimand="mixture",
    fit=fit,
    lambda_=lambda_,
)
