"""Fixed effects, version 2: an intercept for each cluster, one slope for each sector.

    b̂ = Σ s_xy / Σ ss_x,   Var b̂ = σ̂²/Σ ss_x,   df = N − J − S.

Clusters with more students and more spread in x weigh more. A cluster in which
x is constant says nothing about the slope, but its students say something
about σ².
"""

from __future__ import annotations

import numpy as np

from simlab.estimators.base import Estimates, Estimator, Sample, assemble, none_between
from simlab.moments import divide


def fit(sample: Sample) -> Estimates:
    """Estimate the common slope of each sector."""
    m = sample.moments
    ss_x = m.sum(m.ss_x)
    slope = divide(m.sum(m.s_xy), ss_x, np.nan)
    lack = m.s_xy_root - m.spread(slope) * np.sqrt(m.ss_x)
    df = m.n.sum(axis=-1) - m.n.shape[-1] - m.n_sectors
    sigma2 = divide((m.rss + lack * lack).sum(axis=-1), df, np.nan)[:, None]
    with np.errstate(divide="ignore"):
        return assemble([slope], [sigma2 / ss_x], df)


METHOD = Estimator(
    name="fixed_effects_common",
    kinds=("slope",),
    estimand="beta_within",
    fit=fit,
    lambda_=none_between,
    averages="by information",
)
