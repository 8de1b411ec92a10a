"""Two stages: regress in each cluster, then take the coefficients as data.

    mean of β̂_j over the sector,   Var = s²/J_s,   s² the pooled variance of β̂_j,   df = J − S.

The same estimate as `fixed_effects_separate`, with a standard error from the
variation between clusters. Clusters without a line are dropped, and counted.
"""

from __future__ import annotations

import numpy as np

from simlab.estimators.base import Estimates, Estimator, Sample, assemble, none_between
from simlab.estimators.lines import fit_clusters
from simlab.moments import Floats, divide


def fit(sample: Sample) -> Estimates:
    """Estimate the mean intercept and slope of each sector's clusters."""
    m, x0, y0 = sample.centred
    lines = fit_clusters(m)
    df = lines.available.sum(axis=-1) - m.n_sectors
    count = np.where(lines.available > 0, lines.available, np.nan)

    def variance(deviation: Floats) -> Floats:
        """Variance of the mean of the clusters' coefficients, from their deviations."""
        squares = (lines.usable * deviation**2).sum(axis=-1)
        return divide(squares, df, np.nan)[:, None] / count

    of_intercept = lines.intercept - m.spread(lines.intercept_mean)
    of_slope = lines.slope - m.spread(lines.slope_mean)
    at_zero = of_intercept - x0 * of_slope if x0 else of_intercept
    return assemble(
        [y0 + lines.intercept_mean - x0 * lines.slope_mean, lines.slope_mean],
        [variance(at_zero), variance(of_slope)],
        df,
        lines.dropped,
    )


METHOD = Estimator(
    name="two_stage",
    kinds=("intercept", "slope"),
    estimand="beta_within",
    fit=fit,
    lambda_=none_between,
    averages="equally",
)
