"""Several models drawn together: what is reduced, drawn and refitted is what rows would give."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

import simlab
from simlab.data import hs
from simlab.mixed.many import refit_clusters
from simlab.mixed.reduced import draw, line_responses, model, reduce, reduce_line, refit
from simlab.moments import from_rows
from simlab.testing.draws import CHUNK, in_chunks, join, stream

PAIRS = {
    "a slope": ("mathach ~ ses + (1 | school)", "mathach ~ ses + (1 + ses | school)"),
    "an independent slope": ("mathach ~ ses + (1 | school)", "mathach ~ ses + (1 + ses || school)"),
    "an intercept": ("mathach ~ ses + (0 + ses | school)", "mathach ~ ses + (1 + ses | school)"),
    "the other centre": (
        "mathach ~ ses + cvar(ses, school) + (1 | school)",
        "mathach ~ ses + cvar(ses, school) + (1 + dvar(ses, school) | school)",
    ),
    "other columns": ("mathach ~ sector + (1 | school)", "mathach ~ sector * ses + (1 | school)"),
}


def unkind() -> pd.DataFrame:
    """Clusters of 1, 2 and more rows, x constant in some of them, far from 0."""
    rng = np.random.default_rng(3)
    n = np.array([1, 1, 2, 2, 3, 3, 6, 9, 9, 12, 12, 15])
    g = np.repeat(np.arange(len(n)), n)
    x = 5e5 + 40 * rng.standard_normal(len(g))
    for j in (2, 4, 6):
        x[g == j] = 5e5 + j
    y = 3 + 0.1 * x + rng.standard_normal(len(n))[g] + rng.standard_normal(len(g))
    return pd.DataFrame({"y": y, "x": x, "g": g})


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_the_observed_response_gives_the_fit_itself(name, method):
    fits = [simlab.fit(formula, hs(), method) for formula in PAIRS[name]]
    _agree(fits)


@pytest.mark.filterwarnings("ignore::simlab.fitting.errors.FitWarning")
def test_clusters_that_lack_directions():
    df = unkind()
    fits = [simlab.fit(f"y ~ x + ({bar} | g)", df) for bar in ("1", "1 + x")]
    _agree(fits)


def _agree(fits):
    joint = join(fits)
    design = fits[0].design
    reduced, observed = reduce(_columns(fits), design.y, design.cluster)
    np.testing.assert_allclose(reduced.R, joint.reduced.R, atol=0)
    for fit, one in zip(fits, joint.models, strict=True):
        again = refit(one, observed)
        units = fit.clusters.units
        assert again.deviance[0] == pytest.approx(fit.deviance, abs=1e-7)
        np.testing.assert_allclose(units.A @ again.gamma[0], fit.gamma, rtol=1e-6)
        np.testing.assert_allclose(again.sigma2[0], fit.sigma2, rtol=1e-7)
        G = units.B @ again.G[0] @ units.B.T
        np.testing.assert_allclose(G, fit.G_matrix, rtol=1e-5, atol=1e-5 * np.abs(G).max())


def _columns(fits):
    columns: list = []
    for fit in fits:
        for column in fit.design.D.T:
            if not any(np.array_equal(column, known) for known in columns):
                columns.append(column)
    return np.column_stack(columns)


def test_a_model_without_random_effects():
    fit = simlab.fit("mathach ~ ses + (1 | school)", hs())
    joint = join([fit, fit], null=True)
    _, observed = reduce(_columns([fit]), fit.design.y, fit.design.cluster)
    null, full = (refit(one, observed).deviance[0] for one in joint.models)
    assert -null / 2 == pytest.approx(fit.loglik_ols, abs=1e-8)
    assert null - full == pytest.approx(103.000385196548, abs=1e-6)  # R, lme4 and lm
    assert joint.loading.shape[2] == 0


def test_rows_and_reduced_clusters_give_one_and_the_same_statistic():
    """The same rows, by formula and by reduction; their fixed part and scale do not count."""
    fits = [simlab.fit(formula, hs()) for formula in PAIRS["a slope"]]
    joint = join(fits)
    y = fits[0].simulate(n=6, seed=4)
    for i in y:
        _, response = reduce(_columns(fits), y[i].to_numpy() * 7 - 3, fits[0].design.cluster)
        null, full = (refit(one, response).deviance[0] for one in joint.models)
        by_rows = fits[0].refit(y=y[i]).deviance - fits[1].refit(y=y[i]).deviance
        assert null - full == pytest.approx(by_rows, abs=1e-7)


def test_draws_have_the_law_of_rows():
    """Statistics of reduced draws and of rows: one law; with another G in the draws, two laws."""
    fits = [simlab.fit(formula, hs()) for formula in PAIRS["an independent slope"]]
    joint = join(fits)
    y = fits[0].simulate(n=300, seed=8)
    rows = [reduce(_columns(fits), y[i].to_numpy(), fits[0].design.cluster)[1] for i in y]
    by_rows = [refit(joint.models[0], one) for one in rows]

    def g00(loading):
        return refit(joint.models[0], draw(stream(1, 0, 0), joint.reduced, loading, 3000)).G

    s2 = fits[0].sigma2
    slow = np.array([one.G[0, 0, 0] for one in by_rows]) / s2
    assert ks_2samp(slow, g00(joint.loading)[:, 0, 0]).pvalue > 0.01
    assert ks_2samp(slow, g00(1.3 * joint.loading)[:, 0, 0]).pvalue < 1e-4


def test_a_draw_has_the_covariance_that_it_should():
    reduced, _ = reduce(np.column_stack([np.ones(80), unkind()["x"].repeat(2)[:80]]),
                        np.zeros(80), np.arange(80) // 7)  # fmt: skip
    J, d, _ = reduced.R.shape
    loading = np.random.default_rng(0).standard_normal((J, d, 2)) * reduced.noise[:, :, None]
    B = 20_000
    e = draw(stream(2, 0, 0), reduced, loading, B).e
    expected = loading @ loading.transpose(0, 2, 1) + np.eye(d) * reduced.noise[:, None]
    result = np.einsum("bja,bjc->jac", e, e) / B
    size = np.sqrt(np.einsum("jaa->ja", expected))
    mcse = np.sqrt(2 / B) * size[:, :, None] * size[:, None]
    assert (np.abs(result - expected) <= 4.5 * mcse).all()
    wrong = np.einsum("bja,bjc->jac", 1.05 * e, 1.05 * e) / B
    assert (np.abs(wrong - expected) > 4.5 * mcse).any()


def test_a_line_from_its_moments():
    """Clusters reduced from moments, not rows: the same deviances."""
    df = unkind()
    df["x"] -= 5e5
    m = from_rows(df["x"].to_numpy(), df["y"].to_numpy(), df["g"].to_numpy(), np.zeros(12, int))
    D = np.column_stack([np.ones(len(df)), df["x"]])
    by_rows = reduce(D, df["y"].to_numpy(), df["g"].to_numpy())
    reduced = reduce_line(m.n[0], m.x_mean[0], m.ss_x[0])
    response = line_responses(m.n[0], m.y_mean, m.s_xy, m.ss_x[0], m.rss)
    results = []
    for clusters, y in (by_rows, (reduced, response)):
        Z = np.eye(2) / np.array([1.0, 40.0])
        results.append(refit(model(clusters, np.eye(2), Z, True), y))
    assert results[0].deviance[0] == pytest.approx(results[1].deviance[0], abs=1e-8)
    np.testing.assert_allclose(results[0].gamma, results[1].gamma, rtol=1e-8)


def test_other_draws_of_the_clusters():
    """All once is the fit; some twice is the fit to a frame in which they stand twice."""
    df = hs()
    fit = simlab.fit("mathach ~ ses + (1 + ses | school)", df)
    J = fit.nclusters
    twice = np.r_[np.arange(J - 5), np.arange(5)]
    result = refit_clusters(
        fit.clusters.rotated, fit.clusters.rest, fit.clusters.n, np.array([np.arange(J), twice]),
        reml=True,
    )  # fmt: skip
    assert result.deviance[0] == pytest.approx(fit.optimum.deviance, abs=1e-8)
    copies = [df[df["school"] == fit.design.clusters[j]].assign(school=f"s{i}")
              for i, j in enumerate(twice)]  # fmt: skip
    by_rows = simlab.fit("mathach ~ ses + (1 + ses | school)", pd.concat(copies))
    units = fit.clusters.units
    gamma = units.b + units.s_y * units.A @ result.gamma[1]
    np.testing.assert_allclose(gamma, by_rows.gamma, rtol=1e-7)
    G = units.s_y**2 * units.B @ result.G[1] @ units.B.T
    np.testing.assert_allclose(G, by_rows.G_matrix, rtol=1e-5)
    assert not np.allclose(by_rows.gamma, fit.gamma, rtol=1e-4)


def test_one_cluster_less():
    from simlab.mixed.deletion import delete_each

    fit = simlab.fit("mathach ~ ses + (1 + ses | school)", hs())
    J = fit.nclusters
    without = np.array([np.delete(np.arange(J), j) for j in range(J)])
    result = refit_clusters(
        fit.clusters.rotated, fit.clusters.rest, fit.clusters.n, without, reml=True
    )
    other = delete_each(fit.optimum, fit.clusters.rest, fit.clusters.n, np.arange(J))
    np.testing.assert_allclose(result.gamma, other.gamma, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(result.sigma2, other.sigma2, rtol=1e-8)


def test_draws_do_not_depend_on_threads_or_on_their_number():
    fits = [simlab.fit(formula, hs()) for formula in PAIRS["a slope"]]
    joint = join(fits)

    def one(rng, size):
        responses = joint.draw(rng, size)
        return refit(joint.models[0], responses).deviance

    few, many, threads = (
        np.concatenate(list(in_chunks(one, draws, 5, 0, jobs)))
        for draws, jobs in ((300, 1), (600, 1), (600, 2))
    )
    np.testing.assert_array_equal(many, threads)
    np.testing.assert_array_equal(few, many[: 2 * CHUNK])
    assert len(many) == 3 * CHUNK
    other = np.concatenate(list(in_chunks(one, 300, 6, 0, 1)))
    assert not np.array_equal(few, other)
