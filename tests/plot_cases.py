"""Results of a study for the tests of pictures, made of known numbers."""

import json

import matplotlib

matplotlib.use("Agg")

import numpy as np
import xarray as xr

METHODS = ["pooled", "two_stage", "hlm"]
CENTRE = np.array([3.6, 2.0, 2.3])
SIZES = [12, 48, 192]


def results(within=2.0, between=5.0, n=400):
    """Three conditions of three methods; `hlm` nears β_W as clusters grow; pooled SEs are half."""
    rng = np.random.default_rng(1)
    C, E = len(SIZES), len(METHODS)
    centre = np.tile(CENTRE, (C, 1))
    centre[:, 2] = 2 + 0.3 * 12 / np.array(SIZES)
    slope = centre[:, None, :] + 0.4 * rng.standard_normal((C, n, E))
    estimate = np.stack([np.full_like(slope, 1.0), slope], axis=-1)
    estimate[..., 0] += 0.1 * rng.standard_normal((C, n, E))
    estimate[:, :, 2, 0] = np.nan  # hlm has no intercept here
    std_error = np.where(np.isnan(estimate), np.nan, 0.4)
    std_error[:, :, 0] *= 0.5
    per_term = ("condition", "replicate", "estimator", "term")
    status = np.zeros((C, n, E), dtype=np.int8)
    status[0, 0, 1] = 2  # a failed fit, whose estimate nobody may see
    estimate[0, 0, 1] = 1e6
    limit = np.stack([np.ones((C, E)), centre], axis=-1)
    limit[:, 1] = np.nan
    sizes = {"law": "poisson", "mean": 12}
    config = {"population": {"cluster_sizes": sizes}, "scheme": "new-clusters"}
    factor = "population.cluster_sizes.mean"
    return xr.Dataset(
        {
            "estimate": (per_term, estimate),
            "std_error": (per_term, std_error),
            "lower": (per_term, estimate - 2 * std_error),
            "upper": (per_term, estimate + 2 * std_error),
            "p_value": (per_term, np.full_like(estimate, 0.5)),
            "status": (per_term[:3], status),
            "dropped": (per_term[:3], np.zeros_like(status)),
            "truth": (
                ("condition", "term", "target"),
                np.tile([[1.0, 1.0], [within, between]], (C, 1, 1)),
            ),
            "limit": (("condition", "estimator", "term"), limit),
        },
        coords={
            "estimator": METHODS,
            "term": ["intercept", "slope"],
            "target": ["beta_within", "beta_between"],
            factor: ("condition", SIZES),
        },
        attrs={"level": 0.95, "config": json.dumps({**config, "grid": {factor: SIZES}})},
    )
