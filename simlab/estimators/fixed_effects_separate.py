"""Fixed effects, version 1: a line in each cluster, averaged with equal weights.

    mean of β̂_j over the sector,   Var = σ̂² Σ (X_j'X_j)⁻¹ / J²,   σ̂² = Σ rss_j / df,

df the residual degrees of freedom of all lines. Only the variation of students
within these clusters enters the standard error: move the clusters arbitrarily
far apart and it stays the same. Where no cluster has a third row the lines leave
no residual: then df = 0, and the estimate has no standard error.
"""

from __future__ import annotations

import numpy as np

from simlab.estimators.base import Estimates, Estimator, Sample, assemble, none_between
from simlab.estimators.lines import fit_clusters
from simlab.moments import divide


def fit(sample: Sample) -> Estimates:
    """Estimate the mean intercept and slope of each sector's clusters."""
    m, x0, y0 = sample.centred
    lines = fit_clusters(m)
    df = (m.n - 1 - lines.usable).sum(axis=-1)
    sigma2 = divide(m.rss.sum(axis=-1), df, np.nan)[:, None]
    precision = divide(lines.usable, m.ss_x)
    divisor = np.where(lines.available > 0, lines.available, np.nan) ** 2
    return assemble(
        [y0 + lines.intercept_mean - x0 * lines.slope_mean, lines.slope_mean],
        [
            sigma2 * m.sum(lines.usable / m.n + (x0 + m.x_mean) ** 2 * precision) / divisor,
            sigma2 * m.sum(precision) / divisor,
        ],
        df,
        lines.dropped,
        alone=True,
    )


METHOD = Estimator(
    name="fixed_effects_separate",
    kinds=("intercept", "slope"),
    estimand="beta_within",
    fit=fit,
    lambda_=none_between,
    averages="equally",
)
