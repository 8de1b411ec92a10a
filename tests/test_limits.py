"""Probability limits against the mean of estimates from many clusters.

Tolerance: 4 Monte Carlo standard errors. Where the limit itself is found by drawing 10⁵ clusters
(no closed form) its own error is allowed for: with R replicates of J clusters, a factor
√(1 + R J/10⁵). The bias of order 1/J of a ratio is far below at J = 2000.
"""

import numpy as np
import pytest
from study_cases import POPULATION, study

import simlab
from simlab.estimators import REGISTRY
from simlab.limits import CLUSTERS_DRAWN, merge
from simlab.moments import from_rows

J, REPLICATES = 2000, 60
CONTEXT = {
    "clusters": J,
    "cluster_sizes": {"law": "poisson", "mean": 8},
    "x": {"law": "normal", "mean": 1.5, "between_sd": 0.8, "within_sd": 1.2},
    "beta_within": 1,
    "gamma": [3],
    "beta_between": -2,
    "G": [[2, 0.3], [0.3, 0.5]],
    "sigma2": 9,
}


@pytest.fixture(scope="module", params=["sample-mean", "latent-mean"])
def run(request):
    return simlab.run(study(REPLICATES, population=CONTEXT | {"context": request.param}), jobs=1)


def z_of(ds, estimator, term, limit=None):
    """(mean − limit) in Monte Carlo standard errors, those of a drawn limit included."""
    estimate = ds.estimate.sel(estimator=estimator, term=term)[0]
    limit = float(ds.limit.sel(estimator=estimator, term=term)[0]) if limit is None else limit
    drawn = 1 + REPLICATES * J / CLUSTERS_DRAWN if REGISTRY[estimator].lambda_ is None else 1.0
    if term != "slope":
        drawn = 1 + REPLICATES * J / CLUSTERS_DRAWN
    mcse = float(estimate.std(ddof=1)) / np.sqrt(REPLICATES)
    return (float(estimate.mean()) - limit) / (mcse * np.sqrt(drawn))


@pytest.mark.parametrize("estimator", list(REGISTRY))
def test_the_mean_of_estimates_is_at_the_limit(run, estimator):
    for term in REGISTRY[estimator].kinds:
        assert abs(z_of(run, estimator, term)) < 4, term


@pytest.mark.parametrize("estimator", ["pooled", "pooled_robust", "hlm"])
def test_a_limit_of_another_method_is_noticed(run, estimator):
    """Control: neither β_W nor β_B, nor what the other mixtures converge to."""
    limits = run.limit.sel(term="slope")[0]
    others = ["pooled", "hlm", "ecological", "two_stage"]
    for other in others:
        if other not in (estimator, "pooled" if estimator == "pooled_robust" else ""):
            assert abs(z_of(run, estimator, "slope", float(limits.sel(estimator=other)))) > 6


def test_sample_and_latent_means_are_told_apart():
    """Control: the limit for the other context is refused, for pooled, ecological and HLM."""
    for context, other in (("sample-mean", "latent-mean"), ("latent-mean", "sample-mean")):
        wrong = [study(1, population=CONTEXT | {"context": other})]
        limits = simlab.run(wrong[0], jobs=1).limit.sel(term="slope")[0]
        ds = simlab.run(study(REPLICATES, population=CONTEXT | {"context": context}), jobs=1)
        for estimator in ("pooled", "ecological"):
            assert abs(z_of(ds, estimator, "slope", float(limits.sel(estimator=estimator)))) > 6


def test_the_closed_forms_of_the_literature():
    """Pooled: between share of x; ecological with latent means: reliability τ²/(τ² + σ²/n)."""
    tau2, sigma2, n = 0.64, 1.44, 8
    fixed = CONTEXT | {"cluster_sizes": {"law": "fixed", "size": n}}
    for context, pooled, ecological in (
        ("latent-mean", tau2 / (tau2 + sigma2), tau2 / (tau2 + sigma2 / n)),
        ("sample-mean", (tau2 + sigma2 / n) / (tau2 + sigma2), 1.0),
    ):
        ds = simlab.run(study(1, population=fixed | {"context": context}), jobs=1)
        limit = ds.limit.sel(term="slope")[0]
        np.testing.assert_allclose(float(limit.sel(estimator="pooled")), 1 - 3 * pooled, rtol=1e-12)
        np.testing.assert_allclose(
            float(limit.sel(estimator="ecological")), 1 - 3 * ecological, rtol=1e-12
        )
        between = limit.sel(estimator="hlm")
        assert 1 - 3 * pooled < float(between) < 1


def test_without_a_contextual_effect_every_method_is_consistent():
    ds = simlab.run(study(1), jobs=1)
    for estimator in REGISTRY:
        limit = ds.limit.sel(estimator=estimator)[0]
        for kind, value in (("slope", 2), ("between", 2), ("contextual", 0), ("intercept", 12)):
            if kind in REGISTRY[estimator].kinds:
                assert float(limit.sel(term=kind)) == pytest.approx(value, abs=1e-12)
            elif kind in limit.term:
                assert np.isnan(limit.sel(term=kind))


def test_the_weight_of_the_between_effect_in_hlm_falls_with_n_not_with_J():
    weights = {}
    for n in (5, 40):
        for clusters in (20, 200):
            sizes = {"clusters": clusters, "cluster_sizes": {"law": "fixed", "size": n}}
            ds = simlab.run(study(1, population=CONTEXT | sizes), jobs=1)
            limit = float(ds.limit.sel(estimator="hlm", term="slope")[0])
            weights[n, clusters] = (1 - limit) / 3
    assert weights[40, 20] < weights[5, 20] / 3
    assert weights[5, 200] == pytest.approx(weights[5, 20], rel=0.05)


def test_limits_of_x_held_at_data_are_expectations():
    """High schools: the mean over replicates, at the 40 schools there are, is the limit."""
    population = {
        "gamma": {"Catholic": [13, 1.5], "Public": [12, 3]},
        "beta_between": {"Catholic": 4, "Public": 6.5},
        "G": [[3.54, 0.351], [0.351, 0.127]],
        "sigma2": 37.4,
        "x": {
            "law": "data",
            "data": "hs",
            "column": "ses",
            "cluster": "school",
            "sector": "sector",
        },
    }
    held = POPULATION | dict.fromkeys(["clusters", "cluster_sizes"])
    fields = {k: v for k, v in {**held, **population}.items() if v is not None}
    s = study(1500, estimators=["pooled", "ecological", "fixed_effects_common", "hlm_contextual"])
    s = s.replace(population=fields)
    ds = simlab.run(s, jobs=1)
    slope = ds.sel(term=[t for t in ds.term.values if t.startswith("slope")])
    mcse = slope.estimate.std("replicate", ddof=1) / np.sqrt(s.replicates)
    z = abs(slope.estimate.mean("replicate") - slope.limit) / mcse
    assert float(z.max()) < 4
    assert float((abs(slope.estimate.mean("replicate") - slope.truth[..., 0]) / mcse).max()) > 6


def test_merge_keeps_the_sectors_together():
    rng = np.random.default_rng(0)
    cluster, sector = np.repeat(np.arange(4), 3), np.array([0, 1, 1, 1])
    m = from_rows(*rng.standard_normal((2, 12)), cluster, sector)
    two = type(m)(*(np.concatenate([f, 10 + f]) for f in m[:-1]), m.starts)
    merged, values = merge(two, np.arange(8.0).reshape(2, 4))
    assert values.tolist() == [[0, 4, 1, 2, 3, 5, 6, 7]]
    assert merged.starts.tolist() == [0, 2, 8]
    assert merged.n[0].tolist() == [3, 13, 3, 3, 3, 13, 13, 13]
