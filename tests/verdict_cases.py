"""Studies by hand for the tests of verdicts and tables: every λ and every SE is chosen."""

import json

import numpy as np
import xarray as xr

R = 4000
TERMS = ("slope", "between", "contextual")
J, N, SCHEME = "population.clusters", "population.cluster_sizes.mean", "scheme"


def study(
    methods=("pooled", "two_stage", "hlm", "gls_oracle"),
    shares=None,
    se=None,
    beta=(2.0, 5.0),
    levels=None,
    config=None,
    replicates=R,
) -> xr.Dataset:
    """A study by hand: estimate = β_W + λ(β_B − β_W) + noise; λ by method and condition."""
    rng = np.random.default_rng(3)
    levels = levels or {J: [40], SCHEME: ["new-clusters"]}
    C = len(next(iter(levels.values())))
    E, T = len(methods), len(TERMS)
    contrast = beta[1] - beta[0]
    sd = 0.2
    noise = sd * rng.standard_normal((C, replicates, 1, 1))
    own = {"pooled": 0.5, "ecological": 1.0}
    shares = {m: (shares or {}).get(m, [own.get(m, 0.0)] * C) for m in methods}
    estimate = np.full((C, replicates, E, T), np.nan)
    limit = np.full((C, E, T), np.nan)
    std_error = np.full_like(estimate, sd)
    for e, m in enumerate(methods):
        for c in range(C):
            own_noise = 0.5 * sd * rng.standard_normal(replicates) if m == "pooled" else 0
            estimate[c, :, e, 0] = beta[0] + shares[m][c] * contrast + noise[c, :, 0, 0] + own_noise
            limit[c, e, 0] = beta[0] + shares[m][c] * contrast
            std_error[c, :, e] *= (se or {}).get(m, [1.0] * C)[c]
        if m in ("gls_oracle", "hlm_contextual"):
            estimate[:, :, e, 1] = estimate[:, :, e, 0] + contrast
            estimate[:, :, e, 2] = contrast
    truth = np.broadcast_to(np.array(beta), (C, T, 2))
    per_term = ("condition", "replicate", "estimator", "term")
    return xr.Dataset(
        {
            "estimate": (per_term, estimate),
            "std_error": (per_term, std_error),
            "lower": (per_term, estimate - 1.96 * std_error),
            "upper": (per_term, estimate + 1.96 * std_error),
            "p_value": (per_term, np.full_like(estimate, 0.5)),
            "status": (per_term[:3], np.zeros((C, replicates, E), np.int8)),
            "dropped": (per_term[:3], np.zeros((C, replicates, E), np.int32)),
            "truth": (("condition", "term", "target"), truth.copy()),
            "limit": (("condition", "estimator", "term"), limit),
        },
        coords={
            "estimator": list(methods),
            "term": list(TERMS),
            "target": ["beta_within", "beta_between"],
            "key": ("condition", [f"{c:x}" for c in range(C)]),
            **{name: ("condition", values) for name, values in levels.items()},
        },
        attrs={"level": 0.95, "seed": 3, "name": "by_hand", "config": json.dumps(config or {})},
    )


SWEEPS = {
    J: [20, 40, 640, 40, 40, 40],
    N: [12.0, 12.0, 12.0, 48.0, 768.0, 12.0],
    SCHEME: ["new-clusters"] * 5 + ["same-clusters"],
}
BASE = {
    "population": {"clusters": 40, "cluster_sizes": {"law": "poisson", "mean": 12, "minimum": 6}}
}
