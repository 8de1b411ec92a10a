"""Hausman's and Mundlak's tests, near-singularity, weights and the three means.

Tolerances. Closed forms and plm's within estimator: 1e-10 relative, the files hold 15 digits.
lmer's Mundlak model: 1e-9 for estimates, standard errors and χ² (the stored optima are polished,
and `minimise` stops within 1e-9 standard errors); Satterthwaite's degrees of freedom there are
numerical derivatives, 1e-6; Kenward and Roger's 1e-9. p-values: ten to a hundred times these, since
some are 1e-40. Dense oracles: 1e-9. G of R in singular fits: 1e-4, as in test_mixed_reference.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fit_cases import data, fit_design, fit_formula, fitted, models
from reference_cases import META, stored
from scipy.stats import norm

from simlab.data import DataError
from simlab.fitting.diagnostics import (
    contextual,
    diagnose,
    hausman,
    near_singularity,
    three_means,
    weights,
)
from simlab.fitting.diagnostics.specification import quadratic_form
from simlab.fitting.errors import FitError

SETS = ("hs", "sim1", "sim2", "sim3")
each_set = pytest.mark.parametrize("name", SETS)


def random_part(name, part):
    """Fit y ~ x with a random intercept, or a line, on one of SETS."""
    meta = META[name]
    x = meta["centred_covariate"]
    slopes = "1" if part == "intercept" else f"1 + {x}"
    return fit_formula(f"{meta['response']} ~ {x} + ({slopes} | {meta['group']})", data(name))


def simulated(seed, J=30, n=6, context=0.0, slope_sd=0.0, balanced=True):
    """x with spread between and within clusters; β_W = 1, β_C = context."""
    rng = np.random.default_rng(seed)
    sizes = np.full(J, n) if balanced else rng.integers(2, 2 * n, J)
    g = np.repeat(np.arange(J), sizes)
    x = rng.normal(size=J)[g] + rng.normal(size=len(g))
    mean = (np.bincount(g, x) / sizes)[g]
    u = rng.normal(size=(J, 2)) * [0.7, slope_sd]
    y = 2 + x + context * mean + u[g, 0] + u[g, 1] * x + rng.normal(size=len(g))
    w = rng.normal(size=J)[g]
    return pd.DataFrame({"y": y, "x": x, "w": w, "g": g})


def covariance(fit):
    """V of all rows."""
    Z, cluster = fit.design.Z, fit.design.cluster
    between = (Z @ fit.G_matrix @ Z.T) * (cluster[:, None] == cluster)
    return between + fit.sigma2 * np.eye(len(cluster))


# ---------------------------------------------------------------- Hausman


@each_set
def test_the_within_estimator_is_that_of_plm(name):
    ref = stored("classical", f"{name}.json")["plm"]["within"]
    table = hausman(random_part(name, "intercept")).coefficients
    np.testing.assert_allclose(table["within"], ref["coef"], rtol=1e-10)
    np.testing.assert_allclose(table["within_se"] ** 2, np.diag(ref["vcov"]), rtol=1e-10)
    # control: the fit's own estimate is another
    assert abs(table["fit"].iloc[0] / ref["coef"][0] - 1) > 1e-3 or name in ("sim1", "sim2")


@each_set
def test_the_quadratic_form_of_plms_estimates_is_that_of_plm(name):
    """Its variance components are Swamy and Arora's, so that its random estimates are taken."""
    plm = stored("classical", f"{name}.json")["plm"]
    within, random = plm["within"], plm["random"]["swar"]
    V = np.array(within["vcov"]) - random["vcov"][1][1]
    ours = quadratic_form(np.array(within["coef"]) - random["coef"][1], V, np.diag(within["vcov"]))
    assert (ours.positive, ours.df) == (True, plm["hausman"]["df"])
    np.testing.assert_allclose(ours.statistic, plm["hausman"]["chi2"], rtol=1e-8)
    np.testing.assert_allclose(ours.p_value, plm["hausman"]["p"], rtol=1e-7)
    # control: where plm would report |χ²| and a p-value there is none
    turned = quadratic_form(np.array([0.3]), -V, np.diag(within["vcov"]))
    assert turned.statistic < 0
    assert not turned.positive
    assert np.isnan(turned.p_value)


def test_a_quadratic_form_of_rank_one_and_of_rank_none():
    V = np.array([[2.0, 2.0], [2.0, 2.0]])
    result = quadratic_form(np.array([1.0, 1.0]), V, np.array([5.0, 5.0]))
    assert (result.df, result.positive) == (1, True)
    np.testing.assert_allclose(result.statistic, 0.5)
    nothing = quadratic_form(np.array([1e-12, 0.0]), V, np.array([5.0, 5.0]))
    assert nothing.df == 0
    assert np.isnan(nothing.p_value)


def test_a_difference_that_is_not_positive_is_said_and_has_no_p_value():
    """Here the σ² of the fit is larger than that of the within estimator."""
    fit = fit_formula("y ~ x + (1 | g)", simulated(4, J=20, n=2, context=-3.0))
    result = hausman(fit)
    assert result.quadratic.eigenvalues[0] < 0
    assert np.isnan(result.quadratic.p_value)
    assert np.isnan(result.coefficients["difference_se"]).all()
    assert 0 < result.regression.test.p_value <= 1
    text = str(result)
    assert "no p-value: V_within − V_fit is not positive" in text
    assert "Trust the regression form: the quadratic form has no χ² distribution here" in text
    assert hausman(fit, variance="model").quadratic.positive


@pytest.mark.parametrize("seed", range(8))
def test_the_models_variance_is_that_of_the_dense_formula_and_never_negative(seed):
    df = simulated(seed, J=9, n=4, slope_sd=1.0, balanced=False)
    fit = fit_formula("y ~ x + x:w + w + (1 + x | g)", df)
    result = hausman(fit)
    assert result.variance == "model"
    varies = [1, 3] if fit.design.fixed_names[3] == "x:w" else [1, 2]
    X = fit.design.X[:, varies]
    dummies = (df["g"].to_numpy()[:, None] == np.arange(9)).astype(float)
    W = X - dummies @ np.linalg.lstsq(dummies, X, rcond=None)[0]
    inverse = np.linalg.inv(W.T @ W)
    V = inverse @ W.T @ covariance(fit) @ W @ inverse
    assert list(result.coefficients.index) == ["x", "x:w"]
    np.testing.assert_allclose(result.coefficients["within"], inverse @ W.T @ df["y"], rtol=1e-9)
    np.testing.assert_allclose(result.coefficients["within_se"] ** 2, np.diag(V), rtol=1e-9)
    d = result.coefficients["difference"].to_numpy()
    V_d = V - fit.covariance[np.ix_(varies, varies)]
    np.testing.assert_allclose(result.quadratic.statistic, d @ np.linalg.solve(V_d, d), rtol=1e-6)
    assert result.quadratic.positive
    # control: the classical variance leaves the slopes out, and fails here
    assert not hausman(fit, variance="classical").quadratic.positive


@pytest.mark.parametrize("formula", ["y ~ x + (1 | g)", "y ~ x + cvar(x, g) + (1 | g)"])
def test_estimators_that_are_one_by_construction_are_not_tested(formula):
    df = simulated(3)
    if "cvar" not in formula:
        df["x"] = np.tile(np.arange(6.0), 30)  # balanced: the same x in every cluster
    result = hausman(fit_formula(formula, df))
    assert result.quadratic.df == 0
    assert result.regression is None
    assert "agree by construction" in str(result)
    assert result.notes[1].startswith("No regression form: the m")
    # control: a model that mixes is tested
    assert hausman(fit_formula("y ~ x + (1 | g)", simulated(3))).quadratic.df == 1


def test_kinds_leave_the_other_out():
    fit = fitted("hs", "m3", "REML")
    assert hausman(fit, "quadratic").regression is None
    only = hausman(fit, "regression")
    assert only.quadratic is None
    assert only.regression.test.p_value == hausman(fit).regression.test.p_value
    assert "Quadratic form" not in str(only)


def test_the_regression_form_keeps_its_size_and_has_power():
    """200 replicates: 0.05 + 4 · √(0.05 · 0.95/200) = 0.112; β_C = 1 is nearly always seen."""
    formula = "y ~ x + (1 | g)"
    p = [
        hausman(fit_formula(formula, simulated(seed)), "regression").regression.test.p_value
        for seed in range(200)
    ]
    assert 0.005 <= np.mean(np.array(p) < 0.05) < 0.112
    power = [
        hausman(fit_formula(formula, simulated(seed, context=1.0)), "regression")
        for seed in range(20)
    ]
    assert np.mean([h.regression.test.p_value < 0.05 for h in power]) > 0.9


def test_what_hausman_cannot_compare_is_said_in_one_line():
    with pytest.raises(FitError, match="no fixed effect varies within school"):
        hausman(fitted("hs", "m2", "REML"))
    df = simulated(1)
    fit = fit_formula("y ~ x + dvar(x, g) + (1 | g)", df)
    with pytest.raises(FitError, match=r"dvar\(x, g\) is a combination of the other columns"):
        hausman(fit)
    fit = fit_formula("y ~ x + (1 | g)", df)
    with pytest.raises(FitError, match="kind is 'f'"):
        hausman(fit, "f")
    with pytest.raises(FitError, match="variance is 'own'"):
        hausman(fit, variance="own")


# ---------------------------------------------------------------- Mundlak


@each_set
@pytest.mark.parametrize("part", ["intercept", "slope"])
def test_the_contextual_model_agrees_with_lmer(name, part):
    ref = stored("classical", f"{name}.json")["mundlak"][f"lmer_random_{part}"]
    fit = random_part(name, part)
    x = META[name]["centred_covariate"]
    result = contextual(fit)
    rows = result.estimates.loc[x].loc[["within", "contextual"]]
    assert result.added == (f"cvar({x}, {META[name]['group']})",)
    assert result.singular == ref["singular"]
    se = np.array(ref["coef"]) / np.array(ref["t"])
    np.testing.assert_allclose(rows["estimate"], ref["coef"][1:], rtol=1e-9)
    np.testing.assert_allclose(rows["std_error"], se[1:], rtol=1e-9)
    np.testing.assert_allclose(rows["df"], ref["df_satt"][1:], rtol=1e-6)
    np.testing.assert_allclose(rows["p_value"], ref["p_satt"][1:], rtol=1e-4)
    chi2 = contextual(fit, df="normal").test
    np.testing.assert_allclose(chi2.chi2, ref["wald_chi2_xbar"], rtol=1e-9)
    np.testing.assert_allclose(chi2.p_value, ref["wald_p"], rtol=1e-7)
    kr = contextual(fit, df="kenward-roger").estimates.loc[x].loc[["within", "contextual"]]
    np.testing.assert_allclose(kr["std_error"], ref["se_kr"][1:], rtol=1e-9)
    np.testing.assert_allclose(kr["df"], ref["df_kr"][1:], rtol=1e-9)
    # control: the model without the mean says something else
    assert abs(fit.fixef.iloc[1] - ref["coef"][1]) > 1e-4


def test_balanced_data_separate_into_within_and_between():
    """β_W is the within estimator, β_B least squares on the cluster means."""
    df = simulated(5, context=1.0)
    fit = fit_formula("y ~ x + (1 | g)", df)
    rows = contextual(fit).estimates.loc["x"]
    means = df.groupby("g")[["x", "y"]].mean()
    slope, covariance_ = np.polyfit(means["x"], means["y"], 1, cov=True)
    np.testing.assert_allclose(rows.loc["between", "estimate"], slope[0], rtol=1e-8)
    np.testing.assert_allclose(rows.loc["between", "std_error"] ** 2, covariance_[0, 0], rtol=1e-8)
    within = hausman(fit).coefficients.loc["x", "within"]
    np.testing.assert_allclose(rows.loc["within", "estimate"], within, rtol=1e-8)
    total = rows.loc["within", "estimate"] + rows.loc["contextual", "estimate"]
    np.testing.assert_allclose(rows.loc["between", "estimate"], total, rtol=1e-12)
    assert abs(fit.fixef["x"] - within) > 1e-3


def test_it_is_the_model_that_one_would_write():
    result = contextual(fitted("hs", "m5", "REML"), "ses", df="kenward-roger")
    written = fit_formula(
        "mathach ~ ses * sector + cvar(ses, school) + (1 + ses | school)", data("hs")
    )
    row = result.estimates.loc[("ses", "contextual")]
    np.testing.assert_allclose(row["estimate"], written.fixef["cvar(ses, school)"], rtol=1e-8)
    assert result.already == ()


def test_a_large_offset_costs_no_digits():
    df = simulated(7, context=1.0)
    here = contextual(fit_formula("y ~ x + (1 + x | g)", df)).estimates
    there = contextual(fit_formula("y ~ x + (1 + x | g)", df.assign(x=df["x"] + 1e6))).estimates
    columns = ["estimate", "std_error", "df"]
    np.testing.assert_allclose(there[columns], here[columns], rtol=1e-6)


def test_two_columns_are_tested_together_and_each():
    result = contextual(fitted("hsb", "m5", "REML"))
    assert result.added == ("cvar(ses, school)", "cvar(ses:sectorPublic, school)")
    assert result.test.num_df == 2
    assert list(result.estimates.index.get_level_values("x")[::3]) == ["ses", "ses:sectorPublic"]
    text = str(result)
    assert "Test of no contextual effect: F(2, " in text
    assert "between" in text


def test_means_that_the_model_holds_are_left_out_or_refused():
    df = simulated(2)
    df["z"] = np.random.default_rng(0).normal(size=len(df))
    result = contextual(fit_formula("y ~ x + z + cvar(x, g) + (1 | g)", df))
    assert (result.added, result.already) == (("cvar(z, g)",), ("x",))
    assert "Not added, since the model holds their means: x" in str(result)
    with pytest.raises(FitError, match="holds the cluster means of x already"):
        contextual(fit_formula("y ~ x + cvar(x, g) + (1 | g)", df))
    with pytest.raises(FitError, match="the means of dvar do not differ between clusters"):
        contextual(fitted("hs", "m8", "REML"))


def test_what_contextual_cannot_use_is_said_in_one_line():
    fit = fitted("hs", "m7", "REML")
    with pytest.raises(FitError, match="no coefficient 'sess'; did you mean 'ses'"):
        contextual(fit, "sess")
    with pytest.raises(FitError, match="sectorPublic is constant in every school"):
        contextual(fit, ["sectorPublic"])
    with pytest.raises(FitError, match="x is empty; choose among ses"):
        contextual(fit, [])
    with pytest.raises(FitError, match="no fixed effect varies within school"):
        contextual(fitted("hs", "m2", "REML"))
    df = simulated(4, J=3)
    df["z"] = np.random.default_rng(0).normal(size=len(df))
    with pytest.raises(FitError, match="3 clusters, and with their means 3 columns"):
        contextual(fit_formula("y ~ x + z + (1 | g)", df))


# ---------------------------------------------------------------- near-singularity


@pytest.mark.parametrize(("name", "model"), [("sim5", "m3"), ("hsb", "m5"), ("sim3", "m4")])
def test_the_combination_that_vanishes_does_so_in_the_fit_of_r(name, model):
    record = stored("fits", f"{name}.json")[model]["REML"]
    G = np.array(record["G"])
    result = near_singularity(fitted(name, model, "REML"))
    assert record["singular"]
    assert (result.singular, result.rank, result.near) == (True, 1, False)
    c = result.combination.to_numpy()
    size = np.abs(np.outer(c, c) * G).sum()
    assert c @ G @ c < 1e-4 * size
    assert abs(result.variance) < 1e-8
    flipped = c * [1, -1]
    assert flipped @ G @ flipped > 0.1 * size  # control: u₀ − c₁u₁ instead
    meet = -G[0, 1] / G[1, 1]  # where Var(u₀ + x u₁) is least
    np.testing.assert_allclose(c[1], meet, rtol=1e-2)
    assert f"{c[1]:.3g} the clusters' lines meet" in result.sentence


def test_a_thin_direction_is_near_and_others_are_not():
    fit = fitted("sim5", "m3", "REML")
    Lambda = np.array([[1.0, 0.0], [1.0, 0.05]])
    near = near_singularity(fit_design(fit.design, "REML", Lambda))
    assert (near.singular, near.near, near.rank) == (False, True, 2)
    assert "nearly vary as one" in near.sentence
    assert "lines nearly meet" in near.sentence
    values = np.linalg.eigvalsh(Lambda @ Lambda.T)
    np.testing.assert_allclose(near.shares, values[::-1] / values.sum(), rtol=1e-10)
    far = near_singularity(fitted("hs", "m4", "REML"))
    assert (far.singular, far.near) == (False, False)
    assert far.sentence.startswith("G is not singular")


def test_units_and_origin_of_x_do_not_change_the_directions():
    df = data("hs").copy()
    here = near_singularity(fitted("hs", "m4", "REML"))
    df["ses"] = 1000 * df["ses"] + 5000
    there = near_singularity(fit_formula("mathach ~ ses + (1 + ses | school)", df))
    np.testing.assert_allclose(there.eigenvalues, here.eigenvalues, rtol=1e-6)
    # the same lines, at the same place
    c = here.combination["ses"]
    np.testing.assert_allclose(there.combination["ses"], 1000 * c + 5000, rtol=1e-4)
    np.testing.assert_allclose(there.variance, here.variance, rtol=1e-4)
    # control: the correlations do depend on the origin
    assert abs(there.correlation_eigenvalues - here.correlation_eigenvalues).max() > 0.1


def test_effects_without_variance_are_named():
    fit = fitted("hs", "m4", "REML")
    blocks = replace(fit.design, blocks=np.array([0, 1]))
    alone = near_singularity(fit_design(blocks, "REML", np.diag([0.5, 0.0])))
    assert "u_ses has no variance: the clusters do not differ in ses." in alone.sentence
    assert alone.correlation.isna().loc["ses"].all()
    nothing = near_singularity(fit_design(fit.design, "REML", np.zeros((2, 2))))
    assert (nothing.rank, nothing.sentence) == (0, "G is 0: the clusters do not differ.")
    one = near_singularity(fitted("hs", "m1", "REML"))
    assert one.sentence == "u_(Intercept) has variance 0.2 σ²."
    three = near_singularity(fitted("Machines", "m3", "REML"))
    assert len(three.shares) == 3
    np.testing.assert_allclose(three.shares.sum(), 1.0)


# ---------------------------------------------------------------- weights


@pytest.mark.parametrize(
    "case", [("hs", "m4"), ("hs", "m10"), ("sleepstudy", "m4"), ("sim5", "m6")]
)
def test_weights_are_those_of_the_dense_formula_and_sum_to_one(case):
    fit = fitted(*case, "REML")
    result = weights(fit)
    p = len(fit.gamma)
    np.testing.assert_allclose(result.array.sum(axis=0), np.eye(p), atol=1e-11)
    np.testing.assert_allclose(result.table.drop(columns="n").sum(), 1.0, rtol=1e-11)
    X, cluster, V = fit.design.X, fit.design.cluster, covariance(fit)
    for j in (0, fit.nclusters - 1):
        rows = cluster == j
        information = X[rows].T @ np.linalg.solve(V[np.ix_(rows, rows)], X[rows])
        W = fit.covariance @ information
        np.testing.assert_allclose(result.array[j], W, rtol=0, atol=1e-9 * np.abs(W).max())


def test_the_weights_of_a_mean_are_those_of_the_course():
    """1/(g₀₀ + σ²/n_j) over their sum, with R's g₀₀ and σ²."""
    record = stored("fits", "hs.json")["m1"]["REML"]
    fit = fitted("hs", "m1", "REML")
    result = weights(fit)
    n = result.table["n"]
    precision = 1 / (record["G"][0][0] + record["sigma2"] / n)
    np.testing.assert_allclose(result.table["(Intercept)"], precision / precision.sum(), rtol=1e-6)
    means = pd.Series(fit.design.y).groupby(fit.design.cluster).mean().to_numpy()
    for column, estimate in (("(Intercept)", fit.gamma[0]), ("students", fit.design.y.mean())):
        np.testing.assert_allclose(result.table[column] @ means, estimate, rtol=1e-10)
    # between those of rows and those of clusters, and neither
    spread = result.table[["schools", "(Intercept)", "students"]].std().to_numpy()
    assert spread[0] < spread[1] / 2 < spread[2] / 4
    assert result.effective["schools"] == pytest.approx(40)


def test_gamma_is_the_weighted_sum_of_the_clusters_own_lines():
    fit = fitted("hs", "m4", "REML")
    W = weights(fit).array
    X, y, cluster = fit.design.X, fit.design.y, fit.design.cluster
    own = [
        np.linalg.lstsq(X[cluster == j], y[cluster == j], rcond=None)[0]
        for j in range(fit.nclusters)
    ]
    np.testing.assert_allclose(np.einsum("jab,jb->a", W, own), fit.gamma, rtol=1e-9)
    assert np.abs(np.mean(own, axis=0) - fit.gamma).min() > 1e-3


def test_balanced_clusters_weigh_the_same():
    result = weights(fitted("sleepstudy", "m3", "REML"))
    np.testing.assert_allclose(result.table[["(Intercept)", "Days"]], 1 / 18, rtol=1e-10)
    np.testing.assert_allclose(result.effective, 18, rtol=1e-10)
    assert "18 clusters of 10 to 10 rows" in str(result)


# ---------------------------------------------------------------- the three means


def test_the_three_means_of_the_course():
    slide = stored("slide_values.json")
    df = data("hs")
    result = three_means(df["mathach"], df["school"])
    table = result.table
    assert f"{table.loc['GLS', 'estimate']:.5f}" == slide["RE int"] == "12.60468"
    assert f"{table.loc['GLS', 'se_population']:.7f}" == slide["RE int se"]
    assert f"{np.sqrt(result.g00):.6f}" == slide["RE sd school"]
    assert f"{np.sqrt(result.sigma2):.6f}" == slide["RE sigma"]
    means = df.groupby("school", observed=True)["mathach"].mean()
    np.testing.assert_allclose(table.loc["students", "estimate"], df["mathach"].mean(), rtol=1e-12)
    np.testing.assert_allclose(table.loc["schools", "estimate"], means.mean(), rtol=1e-12)
    assert table["estimate"].nunique() == 3


def test_each_mean_is_best_at_its_own_task():
    """For these clusters the mean of rows has the least variance, for the population GLS."""
    table = three_means(fitted("hs", "m4", "REML")).table
    assert table["se_these"].idxmin() == "students"
    assert table["se_population"].idxmin() == "GLS"
    assert (table["se_population"] > 2 * table["se_these"]).all()
    result = three_means(fitted("hs", "m4", "REML"))
    se = np.sqrt(result.sigma2 / 1977)  # σ²/n for the weights n_j/n
    np.testing.assert_allclose(table.loc["students", "se_these"], se, rtol=1e-12)


def test_balanced_clusters_have_one_mean():
    table = three_means(fitted("Dyestuff", "m1", "REML")).table
    np.testing.assert_allclose(table["estimate"], 1527.5, rtol=1e-12)
    assert table["se_population"].std() < 1e-10
    ref = stored("fits", "Dyestuff.json")["m1"]["REML"]
    np.testing.assert_allclose(table["se_population"], np.sqrt(ref["vcov"][0][0]), rtol=1e-8)


def test_without_variance_between_clusters_gls_is_the_mean_of_rows():
    rng = np.random.default_rng(11)
    cluster = np.repeat(np.arange(6), [2, 3, 4, 5, 6, 7])
    y = rng.normal(size=len(cluster))
    y -= (np.bincount(cluster, y) / np.bincount(cluster))[cluster]  # clusters' means are all 0
    y += 5 + 0.01 * cluster
    table = three_means(y, cluster).table
    assert three_means(y, cluster).g00 < 1e-12
    np.testing.assert_allclose(
        table.loc["GLS", "estimate"], table.loc["students", "estimate"], rtol=1e-10
    )
    assert abs(table.loc["schools", "estimate"] - table.loc["students", "estimate"]) > 1e-3


def test_three_means_refuse_columns_of_different_rows():
    df = data("hs")
    mixed = df["school"].sample(frac=1, random_state=1)
    with pytest.raises(DataError, match="y and the cluster have different indexes"):
        three_means(df["mathach"], mixed)
    assert three_means(df["mathach"], df["school"].to_numpy()).g00 > 1  # by position, as arrays


def test_three_means_keep_their_standard_errors():
    """400 samples of unbalanced clusters: |bias| and se within 4 Monte Carlo standard errors."""
    rng = np.random.default_rng(5)
    sizes = np.array([2] * 16 + [60] * 4)
    cluster = np.repeat(np.arange(20), sizes)
    estimates, squares = [], []
    for _ in range(400):
        y = 3 + rng.normal(size=20)[cluster] + rng.normal(size=len(cluster)) * 1.5
        table = three_means(y, cluster).table
        estimates.append(table["estimate"])
        squares.append(table["se_population"] ** 2)
    sd = np.std(estimates, axis=0)
    assert (np.abs(np.mean(estimates, axis=0) - 3) < 4 * sd / 20).all()
    model = np.sqrt(np.mean(squares, axis=0))
    np.testing.assert_allclose(model / sd, 1, atol=4 / np.sqrt(800))
    assert sd[0] / sd[2] > 1 + 4 / np.sqrt(800)  # control: one's standard error is not another's


@pytest.mark.parametrize(
    ("y", "cluster", "message"),
    [
        ([1.0, 2.0], None, "needs the cluster of each row"),
        ([1.0, 2.0], ["a"], "give one per row"),
        (["one", "two"], ["a", "b"], "y must be numbers"),
        ([1.0, np.nan, 3.0], ["a", "a", "b"], "row 1: y or its cluster is missing"),
        ([1.0, 2.0, 3.0], ["a", None, "b"], "row 1: y or its cluster is missing"),
        ([1.0, 2.0, 3.0], ["a", "a", "a"], "3 rows in 1 clusters"),
        ([1.0, 2.0, 3.0], ["a", "b", "c"], "3 rows in 3 clusters"),
        ([], [], "y has no values"),
        ([1.0, 1.0, 2.0, 2.0], ["a", "a", "b", "b"], "does not vary within clusters"),
    ],
)
def test_three_means_refuses_in_one_line(y, cluster, message):
    with pytest.raises(DataError, match=message):
        three_means(y, cluster)


# ---------------------------------------------------------------- the report


@pytest.mark.parametrize(
    "case", [case for case in models() if case[0] not in ("hsb", "sim2", "sim3", "hs")]
)
def test_every_model_has_a_report_of_five_lines(case):
    lines = diagnose(fitted(*case)).split("\n")
    assert [line.split(".")[0] for line in lines[1:]] == [
        "Random effects", "Within and between", "Influence", "Weights",
    ]  # fmt: skip
    assert all(line[-1] in ".)" or i == 0 for i, line in enumerate(lines))


def test_the_report_says_what_to_notice():
    mixed = diagnose(fitted("sim3", "m3", "REML"))
    assert "in x this model mixes what happens within clusters" in mixed
    assert "no sign that within and between differ" in diagnose(fitted("sim1", "m3", "REML"))
    assert "G is singular: leave a random effect out" in diagnose(fitted("sim5", "m3", "REML"))
    assert "Largest Cook's distances: 7688 0.12" in diagnose(fitted("hs", "m4", "REML"))
    fit = fitted("hs", "m4", "REML")
    lost = replace(fit, optimum=fit.optimum._replace(evaluations=-100))
    assert diagnose(lost).endswith("did not converge: what follows from this fit means nothing.")


def test_the_normal_quantile_is_not_used_where_few_clusters_are():
    """Control: with six clusters the F of the regression form and its χ² disagree."""
    fit = fit_formula("y ~ x + (1 | g)", simulated(8, J=6))
    by_df = contextual(fit).test
    by_normal = contextual(fit, df="normal").test
    assert by_df.p_value > by_normal.p_value
    z = float(contextual(fit).estimates.loc[("x", "contextual"), "statistic"])
    np.testing.assert_allclose(by_normal.p_value, 2 * norm.sf(abs(z)), rtol=1e-10)


def test_a_report_where_no_cluster_can_be_left_out():
    """Each cluster has its own arm."""
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(3), [20, 4, 3])
    df = pd.DataFrame({"g": g, "arm": np.array(list("abc"))[g], "x": rng.standard_normal(27)})
    df["y"] = rng.standard_normal(27)
    text = diagnose(fit_formula("y ~ arm + x + (0 + x | g)", df))
    assert "Influence. No cluster can be left out: without it the column" in text
