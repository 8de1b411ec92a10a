"""Fitted values, residuals, predictions and draws: against R, dense matrices and theory.

R's values are optima polished to about 1e-11 and printed with 15 digits. 1e-8 relative leaves
room for other machines; we reach 1e-12, also where G is singular.
"""

import numpy as np
import pandas as pd
import pytest
from fit_cases import R3, data, dense, fit_design, fit_formula, models, unbalanced
from fit_cases import fitted as reference_fit
from reference_cases import stored
from scipy import stats

from simlab.data import DataError
from simlab.fitting.effects import ranef
from simlab.fitting.errors import FitError
from simlab.fitting.prediction import (
    fitted,
    icc,
    predict,
    r2,
    r2_levels,
    residuals,
    simulate,
)

CLOSE = 1e-8
NORMAL = stats.norm.ppf(0.975)


@pytest.fixture(scope="module")
def small():
    return fit_formula(R3, unbalanced())


@pytest.fixture(scope="module")
def oracle(small):
    return dense(small)


# ------------------------------------------------------------------ values of R


@pytest.mark.parametrize(("name", "model", "method"), models())
def test_residual_sums_agree_with_lme4(name, model, method):
    ref = stored("fits", f"{name}.json")[model][method]["resid"]
    fit = reference_fit(name, model, method)
    np.testing.assert_allclose((residuals(fit) ** 2).sum(), ref["cond_rss"], rtol=CLOSE)
    np.testing.assert_allclose(
        (residuals(fit, "population") ** 2).sum(), ref["marg_rss"], rtol=CLOSE
    )


def test_a_wrong_method_does_not_agree():
    """Control: the tolerance tells REML from ML."""
    other = stored("fits", "hs.json")["m5"]["ML"]["resid"]
    fit = reference_fit("hs", "m5", "REML")
    assert abs((residuals(fit) ** 2).sum() / other["cond_rss"] - 1) > 1e3 * CLOSE
    assert abs((residuals(fit, "population") ** 2).sum() / other["marg_rss"] - 1) > 1e2 * CLOSE


# ------------------------------------------------------------------ residuals


def test_fitted_values_and_residuals_add_up_to_the_response(small, oracle):
    for of in ("population", "cluster"):
        total = fitted(small, of) + residuals(small, of)
        np.testing.assert_allclose(total, small.design.y, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(fitted(small, "population"), oracle.X @ oracle.gamma, rtol=1e-10)
    expected = oracle.X @ oracle.gamma + oracle.Z @ oracle.u
    np.testing.assert_allclose(fitted(small), expected, rtol=1e-9, atol=1e-10)
    assert (fitted(small).index == small.design.rows).all()
    assert np.abs(fitted(small) - fitted(small, "population")).max() > 0.1


def test_studentized_residuals_have_the_variances_of_dense_matrices(small, oracle):
    sigma2 = small.sigma2
    marginal = oracle.V - oracle.X @ oracle.covariance @ oracle.X.T
    conditional = sigma2**2 * oracle.P  # ê = σ²Py
    for of, variance in (("population", marginal), ("cluster", conditional)):
        expected = residuals(small, of) / np.sqrt(np.diag(variance))
        np.testing.assert_allclose(residuals(small, of, "studentized"), expected, rtol=1e-7)
        pearson = residuals(small, of, "pearson")
        np.testing.assert_allclose(pearson, residuals(small, of) / np.sqrt(sigma2), rtol=1e-12)
        assert np.abs(pearson / expected - 1).min() > 1e-3  # control


def test_a_residual_that_cannot_vary_is_not_studentized():
    df = pd.concat([unbalanced(), pd.DataFrame({"y": [9.0], "x": [1.0], "w": [2.0], "g": ["c07"]})])
    df = df.reset_index(drop=True).assign(odd=lambda d: (d.index == len(d) - 1) * 1.0)
    fit = fit_formula("y ~ x + odd + (1 | g)", df)
    for of in ("population", "cluster"):
        absent = residuals(fit, of, "studentized").isna()
        assert absent.iloc[-1] == (of == "cluster")  # its own coefficient leaves no residual
        assert not absent.iloc[:-1].any()


@pytest.mark.parametrize("formula", [R3, "y ~ x + (1 | g)", "y ~ 1 + (0 + x | g)"])
def test_normalized_residuals_are_those_of_the_cholesky_factor(formula):
    fit = fit_formula(formula, unbalanced())
    matrices = dense(fit)
    e = residuals(fit, "population").to_numpy()
    ours = residuals(fit, kind="normalized").to_numpy()
    for j in range(fit.nclusters):
        rows = np.flatnonzero(fit.design.cluster == j)
        L = np.linalg.cholesky(matrices.V[np.ix_(rows, rows)])
        np.testing.assert_allclose(ours[rows], np.linalg.solve(L, e[rows]), rtol=1e-9, atol=1e-11)
    # as a whole they are e'V⁻¹e
    np.testing.assert_allclose(ours @ ours, e @ np.linalg.solve(matrices.V, e), rtol=1e-9)
    assert abs(ours @ ours / (e @ e / fit.sigma2) - 1) > 0.1  # control


def test_normalized_residuals_of_draws_are_standard_normal_and_independent():
    fit = reference_fit("sim1", "m6", "REML")
    drawn = simulate(fit, 40, seed=3)
    again = [_with_response(fit, drawn[i].to_numpy()) for i in range(40)]
    white = np.array([residuals(one, kind="normalized") for one in again])
    raw = np.array([residuals(one, "population", "pearson") for one in again])
    assert stats.kstest(white.ravel(), "norm").pvalue > 1e-3
    assert stats.kstest(raw.ravel(), "norm").pvalue < 1e-3  # control
    first, second = _neighbours(fit.design.cluster)
    pairs = len(first) * 40
    limit = 4 / np.sqrt(pairs)
    assert abs(np.mean(white[:, first] * white[:, second])) < limit
    assert abs(np.mean(raw[:, first] * raw[:, second])) > 3 * limit  # control


def _with_response(fit, y):
    """The same variance components, and the γ̂ that goes with another response."""
    df = data("sim1").assign(y=y)
    one = fit_formula("y ~ x * sector + (1 + x | cluster)", df)
    B = np.linalg.inv(one.clusters.units.B)
    G = B @ fit.G_matrix @ B.T / fit.sigma2
    return fit_design(one.design, "REML", np.linalg.cholesky(G))


def _neighbours(cluster):
    order = np.argsort(cluster, kind="stable")
    same = cluster[order][1:] == cluster[order][:-1]
    return order[:-1][same], order[1:][same]


# ------------------------------------------------------------------ prediction


@pytest.mark.parametrize(
    ("name", "model"), [("hs", "m5"), ("sim3", "m4"), ("Machines", "m3"), ("sleepstudy", "m4")]
)
def test_prediction_of_the_data_is_what_was_fitted(name, model):
    fit, df = reference_fit(name, model, "REML"), data(name)
    for of in (None, "population", "cluster"):
        expected = fitted(fit, of or "cluster")
        for newdata in (None, df.drop(columns=fit.design.response)):
            ours = predict(fit, newdata, of)
            np.testing.assert_allclose(ours, expected, rtol=1e-12)
            assert (ours.index == expected.index).all()
            assert "note" not in ours.attrs
        table = predict(fit, df, of, "confidence")
        pd.testing.assert_frame_equal(table, predict(fit, None, of, "confidence"), rtol=1e-9)
    shuffled = df.sample(frac=0.5, random_state=1)
    ours = predict(fit, shuffled)
    np.testing.assert_allclose(ours, fitted(fit)[shuffled.index], rtol=1e-12)


def new_rows():
    return pd.DataFrame(
        {"x": [0.5, 1.0, 2.0, -1.0], "w": [1.0, 0.0, -2.0, 3.0], "g": ["c08", "new", "c00", "new"]},
        index=["p", "q", "r", "s"],
    )


@pytest.mark.parametrize("interval", ["confidence", "prediction"])
@pytest.mark.parametrize("of", [None, "population"])
def test_intervals_are_those_of_dense_matrices(small, oracle, interval, of):
    """Var(x'γ̂ + z'û − x'γ − z'u), from the joint covariance of the errors of γ̂ and û."""
    rows = new_rows()
    ours = predict(small, rows, of, interval)
    X = np.column_stack([np.ones(4), rows.x, rows.w])
    Z, p = np.column_stack([np.ones(4), rows.x, rows.w]), 3
    for i, label in enumerate(rows.g):
        a = np.zeros(len(oracle.error))
        a[:p] = X[i]
        mean, extra = X[i] @ oracle.gamma, small.sigma2
        if of is None and label in small.design.clusters:
            place = p + 3 * small.design.clusters.get_loc(label)
            a[place : place + 3] = Z[i]
            mean += Z[i] @ oracle.u[place - p : place - p + 3]
        else:
            extra += Z[i] @ small.G_matrix @ Z[i]
        variance = a @ oracle.error @ a + (extra if interval == "prediction" else 0)
        half = NORMAL * np.sqrt(variance)
        np.testing.assert_allclose(ours.iloc[i], [mean, mean - half, mean + half], rtol=1e-8)
    assert list(ours) == ["fit", "lower", "upper"]
    assert list(ours.index) == list("pqrs")


def test_intervals_cover_as_often_as_they_say():
    """Of new responses at known variances; control: intervals of the wrong kind."""
    fit = fit_formula("y ~ x + (1 + x | g)", unbalanced())
    conditional = simulate(fit, 4000, seed=7, conditional=True)
    fresh = simulate(fit, 4000, seed=8)
    known = predict(fit, of="cluster", interval="prediction", level=0.8)
    anyone = predict(fit, of="population", interval="prediction", level=0.8)

    def coverage(draws, table):
        inside = draws.ge(table["lower"], axis=0) & draws.le(table["upper"], axis=0)
        return float(inside.to_numpy().mean())

    # a draw has neither the error of γ̂ nor that of û, so cover is a little above 0.8
    assert 0.8 < coverage(fresh, anyone) < 0.84
    assert coverage(conditional, known) > 0.8
    assert coverage(fresh, known) < 0.7  # control


def test_rows_of_unknown_clusters_are_predicted_for_the_population(small):
    rows = new_rows()
    ours = predict(small, rows)
    population = predict(small, rows, of="population")
    unknown = (rows.g == "new").to_numpy()
    np.testing.assert_array_equal(ours[unknown], population[unknown])
    assert np.abs(ours - population)[~unknown].min() > 1e-3
    assert ours.attrs["note"] == (
        "g: 1 cluster that the fit does not know (new), 2 rows: predicted for the population"
    )
    without = predict(small, rows.drop(columns="g"))
    np.testing.assert_array_equal(without, population)
    assert without.attrs["note"] == "no column 'g' in the new data: predicted for the population"
    assert "note" not in population.attrs
    listed = predict(small, {"x": [0.5, 1.0], "w": [1.0, 0.0], "g": ["c08", "new"]})
    np.testing.assert_allclose(listed, ours.iloc[:2])
    assert list(listed.index) == [0, 1]


def test_intervals_do_not_depend_on_where_a_covariate_has_its_zero():
    df, formula = unbalanced(), "y ~ x + (1 + x | g)"
    moved = df.assign(x=1e6 + df.x)
    for of in ("population", "cluster"):
        for interval in ("confidence", "prediction"):
            one = predict(fit_formula(formula, df), of=of, interval=interval)
            two = predict(fit_formula(formula, moved), of=of, interval=interval)
            np.testing.assert_allclose(two, one, rtol=1e-7, atol=1e-7)


def test_prediction_says_what_is_wrong(small):
    rows = new_rows()
    for message, call in {
        r"g: 1 cluster .* \(new\); leave of= out": lambda: predict(small, rows, "cluster"),
        "'g'": lambda: predict(small, rows.drop(columns="g"), "cluster"),
        "'g' holds numbers, and text": lambda: predict(small, rows.assign(g=1)),
        "'w'": lambda: predict(small, rows.drop(columns="w")),
        "of is 'all'; it must be one of 'population', 'cluster'": lambda: fitted(small, "all"),
        "of is True": lambda: predict(small, of=True),
        "interval is 'wide'; it must be one of None, 'conf": lambda: predict(
            small, interval="wide"
        ),
        "level is 95; it must be between 0 and 1": lambda: predict(small, level=95),
        "kind is 'odd'": lambda: residuals(small, kind="odd"),
        "normalized residuals are of the population": lambda: residuals(
            small, "cluster", "normalized"
        ),
        "n is 0; it must be a whole number, at least 1": lambda: simulate(small, 0),
        "seed is -1": lambda: simulate(small, 1, -1),
        "n is 1.5": lambda: simulate(small, 1.5),
    }.items():
        with pytest.raises((DataError, FitError), match=message) as caught:
            call()
        assert "\n" not in str(caught.value)


# ------------------------------------------------------------------ new responses

DRAWS = 20_000


def farthest(draws, mean, V):
    """Largest distance of means and of covariances from their law, in Monte Carlo errors."""
    n = draws.shape[1]
    of_mean = np.abs(draws.mean(axis=1) - mean) / np.sqrt(np.diag(V) / n)
    d = draws - mean[:, None]
    error = np.sqrt((V**2 + np.outer(np.diag(V), np.diag(V))) / n)
    of_V = np.abs(d @ d.T / n - V) / error
    return of_mean.max(), of_V.max()


def test_draws_have_the_mean_and_the_covariance_of_the_model(small, oracle):
    """The largest of 7,500 normal deviates is below 5.5 with probability 0.9997."""
    mean, N = oracle.X @ oracle.gamma, small.nobs
    draws = simulate(small, DRAWS, seed=2).to_numpy()
    assert max(farthest(draws, mean, oracle.V)) < 5.5
    kept = simulate(small, DRAWS, seed=2, conditional=True).to_numpy()
    alone = small.sigma2 * np.eye(N)
    assert max(farthest(kept, mean + oracle.Z @ oracle.u, alone)) < 5.5
    # controls: the one law is not the other, and a covariance that is 5% off is seen
    assert min(farthest(kept, mean, oracle.V)) > 20
    assert farthest(draws, mean, alone)[1] > 20
    assert farthest(draws, mean, oracle.V + 0.05 * oracle.Z @ oracle.G @ oracle.Z.T)[1] > 5.5


def test_the_same_seed_gives_the_same_bits(small):
    five, ten = simulate(small, 5, seed=1), simulate(small, 10, seed=1)
    pd.testing.assert_frame_equal(five, ten.iloc[:, :5], check_exact=True)
    pd.testing.assert_frame_equal(five, simulate(small, 5, seed=1), check_exact=True)
    assert not (five == simulate(small, 5, seed=2)).to_numpy().any()
    assert five.shape == (small.nobs, 5)
    assert (five.index == small.design.rows).all()
    assert len(np.unique(ten.to_numpy())) == ten.size


# ------------------------------------------------------------------ shares of variance


def test_shares_of_variance_by_hand(small):
    design, G, sigma2 = small.design, small.G_matrix, small.sigma2
    fixed = np.var(design.X @ small.gamma, ddof=1)
    random = np.mean([z @ G @ z for z in design.Z])
    ours = r2(small)
    np.testing.assert_allclose(ours["marginal"], fixed / (fixed + random + sigma2), rtol=1e-10)
    expected = (fixed + random) / (fixed + random + sigma2)
    np.testing.assert_allclose(ours["conditional"], expected, rtol=1e-10)
    correlation = icc(small)
    np.testing.assert_allclose(correlation["mean"], random / (random + sigma2), rtol=1e-10)
    np.testing.assert_allclose(correlation["intercept"], G[0, 0] / (G[0, 0] + sigma2), rtol=1e-10)
    assert abs(correlation["mean"] - correlation["intercept"]) > 0.01


def test_shares_of_variance_in_cases_that_are_known():
    fit = reference_fit("hs", "m1", "REML")
    g, sigma2 = fit.G_matrix[0, 0], fit.sigma2
    assert abs(r2(fit)["marginal"]) < 1e-20  # no covariate
    for value in (*icc(fit), r2(fit)["conditional"]):
        np.testing.assert_allclose(value, g / (g + sigma2), rtol=1e-10)
    flat = fit_design(reference_fit("hs", "m5", "REML").design, "REML", np.zeros((2, 2)))
    assert r2(flat)["marginal"] == r2(flat)["conditional"] > 0.1
    assert (icc(flat) == 0).all()
    slope = icc(reference_fit("sleepstudy", "m4", "REML"))
    assert np.isnan(slope["intercept"])
    assert 0 < slope["mean"] < 1


def test_shares_do_not_depend_on_where_a_covariate_has_its_zero():
    df, formula = unbalanced(), "y ~ x + (1 + x | g)"
    one, two = (fit_formula(formula, d) for d in (df, df.assign(x=df.x + 100)))
    np.testing.assert_allclose(r2(two), r2(one), rtol=1e-7)
    np.testing.assert_allclose(icc(two)["mean"], icc(one)["mean"], rtol=1e-7)
    assert icc(two)["intercept"] > icc(one)["intercept"] + 0.1  # this one does


def test_reductions_of_snijders_and_bosker_by_hand():
    fit, null = reference_fit("hs", "m6", "ML"), reference_fit("hs", "m1", "ML")
    n = stats.hmean(data("hs").groupby("school").size())
    (g, s), (g0, s0) = ((m.G_matrix[0, 0], m.sigma2) for m in (fit, null))
    ours = r2_levels(fit, null)
    np.testing.assert_allclose(ours["level1"], 1 - (g + s) / (g0 + s0), rtol=1e-12)
    np.testing.assert_allclose(ours["level2"], 1 - (g + s / n) / (g0 + s0 / n), rtol=1e-12)
    assert (r2_levels(null, null) == 0).all()
    with pytest.raises(FitError, match=r"fit has the random effects .* random intercept only"):
        r2_levels(reference_fit("hs", "m5", "ML"), null)
    with pytest.raises(FitError, match="different rows"):
        r2_levels(fit, reference_fit("hsb", "m1", "ML"))


def test_residuals_of_a_level_are_about_the_random_effects_of_ranef(small):
    u = ranef(small).estimate.to_numpy()[small.design.cluster]
    between = (residuals(small, "population") - residuals(small, "cluster")).to_numpy()
    np.testing.assert_allclose(between, (small.design.Z * u).sum(axis=1), rtol=1e-9, atol=1e-12)
