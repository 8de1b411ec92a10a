"""Random effects against R, against dense matrices and against theory.

R's values are optima polished to about 1e-11 and printed with 15 digits. 1e-8 of the largest
leaves room for other machines; we reach 5e-11, also where G is singular.
"""

import numpy as np
import pandas as pd
import pytest
from fit_cases import R3, data, dense, fit_design, fit_formula, fitted, models, unbalanced
from reference_cases import stored
from scipy import stats

from simlab.fitting.effects import (
    blue,
    blue_variance,
    coef,
    level2_residuals,
    of_fit,
    ranef,
)
from simlab.mixed.effects import effects, in_user_units, own_coefficients

CLOSE = 1e-8


def of_largest(ours, theirs):
    return np.abs(np.asarray(ours) - theirs).max() / np.abs(theirs).max()


@pytest.fixture(scope="module")
def small():
    return fit_formula(R3, unbalanced())


# ------------------------------------------------------------------ values of R


@pytest.mark.parametrize(("name", "model", "method"), models())
def test_random_effects_agree_with_lme4(name, model, method):
    ref = stored("fits", f"{name}.json")[model][method]["ranef"]
    ours, first = ranef(fitted(name, model, method)), ref["first5"]
    assert [str(c) for c in ours.estimate.index[:5]] == [str(c) for c in first["ids"]]
    u = ours.estimate.to_numpy()
    C, pev = ours.conditional_variance, ours.prediction_variance
    assert of_largest(u[:5], first["u"]) < CLOSE
    assert of_largest(C[:5], first["condVar"]) < CLOSE
    assert of_largest(pev[:5], first["pev"]) < CLOSE
    assert np.abs(u.sum(0) - ref["sum"]).max() < CLOSE * np.abs(u).max()
    assert of_largest((u**2).sum(0), ref["sumsq"]) < CLOSE
    assert of_largest(C.sum(0), ref["condVar_sum"]) < CLOSE
    assert of_largest((C**2).sum(0), ref["condVar_sumsq"]) < CLOSE
    assert of_largest(pev.sum(0), ref["pev_sum"]) < CLOSE


@pytest.mark.parametrize(("name", "model"), [("hs", "m5"), ("sim5", "m3"), ("Machines", "m3")])
def test_a_wrong_model_does_not_agree(name, model):
    """Control: the tolerance tells REML from ML, and the two kinds of variance apart."""
    ours = ranef(fitted(name, model, "REML"))
    other = stored("fits", f"{name}.json")[model]["ML"]["ranef"]["first5"]
    assert of_largest(ours.estimate[:5], other["u"]) > 1e3 * CLOSE
    assert of_largest(ours.conditional_variance[:5], other["condVar"]) > 1e3 * CLOSE
    assert of_largest(ours.prediction_variance[:5], other["pev"]) > 1e3 * CLOSE
    assert of_largest(ours.conditional_variance, ours.prediction_variance) > 1e3 * CLOSE


# ------------------------------------------------------------------ dense matrices


LAMBDAS = {
    "fitted": None,
    "full": np.array([[0.8, 0, 0], [0.3, 0.5, 0], [0, 0, 0.9]]),
    "singular": np.array([[0.8, 0, 0], [0.4, 0, 0], [0, 0, 0]]),
    "large": np.diag([30.0, 20.0, 25.0]),
    "zero": np.zeros((3, 3)),
}


@pytest.mark.parametrize("name", LAMBDAS)
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_effects_are_those_of_dense_matrices(name, method):
    design = fit_formula(R3, unbalanced()).design
    fit = fit_design(design, method, LAMBDAS[name])
    ours, oracle, J = of_fit(fit), dense(fit), fit.nclusters
    # the oracle subtracts matrices of the size of G, and inverts V
    tolerance = 1e-13 * np.linalg.cond(oracle.V) * (1 + np.abs(oracle.G).max())
    assert tolerance < 1e-4 * (1 + np.abs(oracle.G).max())

    def blocks(M):
        return np.array([M[3 * j : 3 * j + 3, 3 * j : 3 * j + 3] for j in range(J)])

    GZ = oracle.G @ oracle.Z.T
    conditional = oracle.G - GZ @ np.linalg.inv(oracle.V) @ GZ.T
    variance = GZ @ oracle.P @ GZ.T
    D = (GZ @ np.linalg.inv(oracle.V) @ oracle.X).reshape(J, 3, -1)
    expected = {
        "u": oracle.u.reshape(J, 3),
        "conditional": blocks(conditional),
        "prediction": blocks(oracle.error[3:, 3:]),
        "variance": blocks(variance),
        "D": D,
    }
    for field, value in expected.items():
        np.testing.assert_allclose(getattr(ours, field), value, rtol=0, atol=tolerance)
    np.testing.assert_allclose(ours.root @ ours.root.T, fit.G_matrix, atol=tolerance)
    if name in ("fitted", "full"):
        assert tolerance < 1e-8
        assert np.abs(ours.D).max() > 0.1
        assert of_largest(ours.conditional, expected["prediction"]) > 1e-3  # control


def test_no_variance_is_negative_where_the_ratio_of_variances_is_huge():
    """Var(u | y) is (Z'Z)⁻¹σ² then: a difference from G would have no digit left."""
    full = fit_formula("Reaction ~ Days + (1 + Days | Subject)", data("sleepstudy"))
    fit = fit_design(full.design, "REML", 1e8 * np.eye(2))
    conditional = ranef(fit).conditional_variance
    np.testing.assert_allclose(conditional, blue_variance(fit), rtol=1e-6)
    np.testing.assert_allclose(coef(fit), blue(fit), rtol=1e-9)
    assert of_largest(coef(full), blue(full).to_numpy()) > 1e-2  # control: shrunken at the optimum


# ------------------------------------------------------------------ theory


def moment(u, variance):
    return (u.T @ u + variance.sum(axis=0)) / len(u)


@pytest.mark.parametrize(
    ("name", "model"), [("hs", "m4"), ("hsb", "m10"), ("sim1", "m6"), ("Machines", "m3")]
)
def test_an_optimum_is_a_fixed_point_of_em(name, model):
    """G = mean of ûû' + Var(u | y) (Laird & Ware 1982): of û − u for REML."""
    for method in ("REML", "ML"):
        fit = fitted(name, model, method)
        effect = ranef(fit)
        u = effect.estimate.to_numpy()
        own, other = effect.prediction_variance, effect.conditional_variance
        if method == "ML":
            own, other = other, own
        assert of_largest(moment(u, own), fit.G_matrix) < 1e-7
        assert of_largest(moment(u, other), fit.G_matrix) > 1e-4  # control
        assert of_largest(effect.variance + effect.prediction_variance, fit.G_matrix) < 1e-12


def test_predictions_of_balanced_intercepts_are_means_shrunken():
    """û_j = ng/(ng + σ²) (ȳ_j − ȳ)."""
    fit = fitted("Dyestuff", "m1", "REML")
    df, g, s2 = data("Dyestuff"), fit.G_matrix[0, 0], fit.sigma2
    mean = df.groupby("Batch")["Yield"].mean()
    expected = 5 * g / (5 * g + s2) * (mean - df["Yield"].mean())
    ours = ranef(fit).estimate["(Intercept)"]
    np.testing.assert_allclose(ours, expected[ours.index], rtol=1e-10)
    np.testing.assert_allclose(coef(fit)["(Intercept)"], fit.gamma[0] + expected, rtol=1e-12)
    np.testing.assert_allclose(blue(fit)["(Intercept)"], mean, rtol=1e-12)


def test_moving_and_stretching_the_data_changes_only_what_it_should():
    df = unbalanced()
    formula = "y ~ x + (1 + x | g)"
    moved = df.assign(x=1e6 + 1e3 * df.x, y=1e6 + 10 * df.y)
    one, two = fit_formula(formula, df), fit_formula(formula, moved)
    a, b = ranef(one), ranef(two)
    np.testing.assert_allclose(b.estimate["x"], a.estimate["x"] / 100, rtol=1e-6, atol=1e-9)
    for field in ("conditional_variance", "prediction_variance", "variance"):
        ours, theirs = getattr(b, field)[:, 1, 1], getattr(a, field)[:, 1, 1]
        np.testing.assert_allclose(ours, theirs / 1e4, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(blue(two)["x"], blue(one)["x"] / 100, rtol=1e-7)
    distance = level2_residuals(one)["distance"]
    np.testing.assert_allclose(level2_residuals(two)["distance"], distance, rtol=1e-6)


# ------------------------------------------------------------------ coefficients of the clusters


def test_coef_adds_what_varies_and_keeps_what_is_random_only():
    fit = fitted("hs", "m9", "REML")
    u, ours = ranef(fit).estimate, coef(fit)
    assert list(ours) == ["(Intercept)", "cvar", "ses", "dvar"]
    assert ours.index.name == "school"
    np.testing.assert_array_equal(ours["dvar"], u["dvar"])
    np.testing.assert_array_equal(ours["(Intercept)"], fit.fixef["(Intercept)"] + u["(Intercept)"])
    assert (ours["cvar"] == fit.fixef["cvar"]).all()


@pytest.mark.parametrize(
    "formula",
    [
        R3,
        "y ~ x * w + (1 + x | g)",
        "y ~ w + (0 + x | g)",
        "y ~ 0 + w + (1 + x | g)",
        "y ~ x + (1 + w || g)",
    ],
)
def test_blue_is_least_squares_in_each_cluster(formula):
    df = unbalanced()
    df["x"] = df["x"].where(df["g"] != "c20", 3.5)  # x does not vary there
    fit = fit_formula(formula, df)
    design, ours, variance = fit.design, blue(fit), blue_variance(fit)
    seen = {True: 0, False: 0}
    for j in range(fit.nclusters):
        rows = design.cluster == j
        Z, y = design.Z[rows], design.y[rows]
        full = np.linalg.matrix_rank(Z) == Z.shape[1]
        seen[bool(full)] += 1
        if full:
            expected = np.linalg.lstsq(Z, y, rcond=None)[0]
            spread = fit.sigma2 * np.linalg.inv(Z.T @ Z)
            np.testing.assert_allclose(ours.iloc[j], expected, rtol=1e-8, atol=1e-9)
            np.testing.assert_allclose(variance[j], spread, rtol=1e-8, atol=1e-8)
        else:
            assert ours.iloc[j].isna().all()
            assert np.isnan(variance[j]).all()
    assert seen[True] > 10
    assert seen[False] >= (0 if len(ours.columns) == 1 else 6)


def test_own_coefficients_of_the_engine_are_nan_only_as_a_whole(small):
    own = own_coefficients(small.clusters)
    absent = np.isnan(own.estimate)
    assert (absent.all(axis=1) == absent.any(axis=1)).all()
    assert absent.any()


# ------------------------------------------------------------------ residuals of level 2


def test_distances_are_those_of_dense_matrices(small):
    ours, oracle = level2_residuals(small), dense(small)
    GZ = oracle.G @ oracle.Z.T
    variance = GZ @ oracle.P @ GZ.T
    for j in range(small.nclusters):
        part = slice(3 * j, 3 * j + 3)
        u, V = oracle.u[part], variance[part, part]
        rank = min(3, int(small.clusters.n[j]))
        assert ours["df"].iloc[j] == rank
        distance = u @ np.linalg.pinv(V, rcond=1e-9) @ u
        np.testing.assert_allclose(ours["distance"].iloc[j], distance, rtol=1e-6)
        np.testing.assert_allclose(ours["p"].iloc[j], stats.chi2.sf(distance, rank), rtol=1e-6)
        standard = ours[[f"{name} / sd" for name in small.design.random_names]].iloc[j]
        np.testing.assert_allclose(standard, u / np.sqrt(np.diag(V)), rtol=1e-8)


def test_distances_follow_their_law():
    """At the true variances d² ~ χ²(2), whatever n_j; û'G⁻¹û does not."""
    rng = np.random.default_rng(5)
    n = rng.integers(2, 9, 2000)
    cluster = np.repeat(np.arange(len(n)), n)
    x = rng.normal(size=len(cluster))
    root = np.array([[0.8, 0], [0.3, 0.6]])
    u = rng.normal(size=(len(n), 2)) @ root.T
    y = 1 + x + u[cluster, 0] + u[cluster, 1] * x + rng.normal(size=len(x))
    df = pd.DataFrame({"y": y, "x": x, "g": cluster})
    fit = fit_formula("y ~ x + (1 + x | g)", df)
    ours = level2_residuals(fit)
    assert (ours["df"] == 2).all()
    assert stats.kstest(ours["distance"], "chi2", args=(2,)).pvalue > 1e-3
    assert stats.kstest(ours["p"], "uniform").pvalue > 1e-3
    for name in ("(Intercept)", "x"):
        assert stats.kstest(ours[f"{name} / sd"], "norm").pvalue > 1e-3
        naive = ours[name] / np.sqrt(fit.G.loc[name, name])
        assert stats.kstest(naive, "norm").pvalue < 1e-3  # control
    v = np.linalg.solve(np.linalg.cholesky(fit.G_matrix), ours[["(Intercept)", "x"]].T)
    assert stats.kstest((v**2).sum(axis=0), "chi2", args=(2,)).pvalue < 1e-3  # control


def test_what_cannot_vary_has_no_residual():
    design = fitted("hs", "m5", "REML").design
    flat = level2_residuals(fit_design(design, "REML", np.diag([0.3, 0.0])))
    assert flat["ses / sd"].isna().all()
    assert (flat["df"] == 1).all()
    assert flat["p"].between(0, 1).all()
    none = level2_residuals(fit_design(design, "REML", np.zeros((2, 2))))
    assert (none["df"] == 0).all()
    assert (none["distance"] == 0).all()
    assert none["p"].isna().all()
    singular = level2_residuals(fitted("hs", "m5", "ML"))
    assert (singular["df"] == 1).all()
    assert (level2_residuals(fitted("hs", "m5", "REML"))["df"] == 2).all()  # control


# ------------------------------------------------------------------ how they look


def test_random_effects_as_a_tidy_frame_and_in_words():
    fit = fitted("hs", "m5", "REML")
    effect = ranef(fit)
    tidy = effect.to_frame()
    assert list(tidy) == ["cluster", "effect", "estimate", "conditional_sd", "prediction_sd"]
    assert len(tidy) == 80
    row = tidy.iloc[3]
    assert (row["cluster"], row["effect"]) == (effect.estimate.index[1], "ses")
    assert row["estimate"] == effect.estimate.iloc[1, 1]
    assert row["conditional_sd"] == np.sqrt(effect.conditional_variance[1, 1, 1])
    assert row["prediction_sd"] == np.sqrt(effect.prediction_variance[1, 1, 1])
    text = repr(effect)
    assert "40 clusters" in text
    assert "and 30 more" in text
    assert text.count("\n") == 13
    assert "more" not in repr(ranef(fitted("Dyestuff", "m1", "REML")))


def test_units_leave_the_effects_per_standard_deviation_alone():
    fit = fitted("hs", "m4", "REML")
    engine = effects(fit.optimum)
    user = in_user_units(engine, fit.clusters.units)
    np.testing.assert_allclose(user.u, engine.v @ user.root.T, rtol=1e-12)
    assert of_largest(user.u, engine.u) > 0.1
