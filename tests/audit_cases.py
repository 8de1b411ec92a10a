"""Data sets whose truth is known, for audits."""

from __future__ import annotations

import numpy as np
import pandas as pd

from simlab.comparison import cluster_moments
from simlab.estimators import REGISTRY, Sample

ROLES = {"y": "y", "x": "x", "cluster": "g"}


def clustered(
    J=30, n=12, within=-1.0, between=2.0, G=((2.0, 0.0), (0.0, 1.0)), sigma=2.0, spread=1.0, seed=1
):
    """Rows of J clusters of n: y = γ_0 + β_W x + (β_B − β_W) x̄_j + u_0j + u_1j x + ε."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(J), n)
    x = spread * rng.standard_normal(J)[g] + rng.standard_normal(J * n)
    mean = np.bincount(g, x) / n
    u = rng.multivariate_normal([0, 0], G, J)
    noise = sigma * rng.standard_normal(J * n)
    y = 5 + within * x + (between - within) * mean[g] + u[g, 0] + u[g, 1] * x + noise
    return pd.DataFrame({"y": y, "x": x, "g": [f"c{i:02d}" for i in g]})


def contextual(df, within=None, between=None):
    """Shift y so that the contextual model estimates given effects exactly.

    Its estimates are linear in y once the variances are known, and REML's variances do not change
    when a multiple of a column of X is added to y.
    """
    fit = REGISTRY["hlm_contextual"].fit(Sample(cluster_moments(df, **ROLES, group=None).moments))
    _, slope, b, _ = fit.estimate[0]
    mean = df.groupby("g")["x"].transform("mean")
    within = slope if within is None else within
    between = b if between is None else between
    add = (within - slope) * df["x"] + ((between - within) - (b - slope)) * mean
    return df.assign(y=df["y"] + add), float(fit.std_error[0, 2])
