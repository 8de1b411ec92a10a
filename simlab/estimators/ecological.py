"""The between-cluster regression: average, then regress.

    ȳ_j = a_s + b_s x̄_j + e_j by ordinary least squares, one σ² for all sectors, df = J − 2S.

The slope estimates β_B when the effect of context is carried by the sample
mean x̄_j; when it is carried by the latent mean m_j, β_B − β_W is attenuated.
"""

from __future__ import annotations

import numpy as np

from simlab.estimators.base import Estimates, Estimator, Sample, SizeMoments, assemble
from simlab.moments import divide


def fit(sample: Sample) -> Estimates:
    """Estimate intercept and slope of each sector's means."""
    m, x0, y0 = sample.centred
    J = m.clusters.astype(float)
    x_mean, y_mean = m.sum(m.x_mean) / J, m.sum(m.y_mean) / J
    dx, dy = m.x_mean - m.spread(x_mean), m.y_mean - m.spread(y_mean)
    ss_x = m.sum(dx * dx)
    slope = divide(m.sum(dx * dy), ss_x, np.nan)
    df = np.full(len(slope), m.n.shape[-1] - 2.0 * m.n_sectors)
    rss = ((dy - m.spread(slope) * dx) ** 2).sum(axis=-1)
    sigma2 = divide(rss, df, np.nan)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        return assemble(
            [y0 + y_mean - slope * (x0 + x_mean), slope],
            [sigma2 * (1 / J + (x0 + x_mean) ** 2 / ss_x), sigma2 / ss_x],
            df,
        )


def lambda_(x: SizeMoments) -> float:
    """λ = 1 for the sample mean; the reliability τ²/(τ² + σ_x² E 1/n_j) for the latent mean."""
    return x.between / (x.between + x.within * x.inverse_n) if x.latent else 1.0


METHOD = Estimator(
    name="ecological",
    kinds=("intercept", "slope"),
    estimand="beta_between",
    fit=fit,
    lambda_=lambda_,
)
