"""What the data cannot tell: refused, NaN with a reason, no parameter; and what they can, right."""

import warnings

import numpy as np
import pandas as pd
import pytest
from reference_cases import rows

import simlab
from simlab.data import DataError
from simlab.fitting.errors import FitWarning
from simlab.mixed.identification import identification
from simlab.mixed.optimum import optimise


def quietly(formula, df, method="REML"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        return simlab.fit(formula, df, method)


def case(name):
    return rows(name, folder="cases")


def clusters(J=12, n=6, seed=1):
    """Clusters of two arms, with a covariate."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(J), n)
    arm = np.where(np.arange(J) % 2, "t", "c")[g]
    x = rng.standard_normal(J * n)
    y = rng.standard_normal(J)[g] * np.where(arm == "t", 2, 1) + x + rng.standard_normal(J * n)
    return pd.DataFrame({"y": y, "x": x, "arm": arm, "g": g})


# ---------------------------------------------------------------- taken up by the fixed effects


REFUSED = {
    "one class per arm": (
        case("two_classes_n10"), "score ~ pre + arm + (1 | cls)",
        r"each cls has its own arm: .* leave out `\(1 \| cls\)`, or arm$",
    ),
    "a factor with a level for each cluster": (
        clusters().assign(f=lambda d: "s" + d["g"].astype(str)), "y ~ f + x + (1 | g)",
        r"each g has its own f: .* leave out `\(1 \| g\)`, or f$",
    ),
    "a dummy of rows in one cluster": (
        clusters().assign(d=lambda d: 1.0 * ((d["g"] == 3) & (d["x"] > 0))), "y ~ d + (1 + d | g)",
        r"fixed effects d take up all that d could differ by .* leave out `\(0 \+ d \| g\)`",
    ),
    "x that varies in one cluster, and is 0 elsewhere": (
        clusters().assign(z=lambda d: d["x"] * (d["g"] == 3)), "y ~ z + (1 + z || g)",
        r"fixed effects z take up all that z could differ by",
    ),
    "lines of their own for all clusters": (
        clusters(J=5), "y ~ factor(g) * x + (1 + x | g)",
        r"take up all that \(Intercept\), x could differ by .* leave out `\(1 \+ x \| g\)`",
    ),
    "two clusters and the cluster mean": (
        case("compare_two_clusters"), "y ~ x + cvar(x, g) + (1 + x | g)", "own cvar",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("df", "formula", "message"), REFUSED.values(), ids=REFUSED)
def test_reml_refuses_what_the_fixed_effects_take_up(df, formula, message):
    with pytest.raises(DataError, match=message) as raised:
        simlab.fit(formula, df, source="pupils.csv")
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith("pupils.csv: ")


def test_a_combination_that_is_taken_up_is_named():
    """x varies in one cluster, which has an arm of its own: cov((Intercept), x) alone is lost."""
    df = clusters(J=6).assign(x=lambda d: d["x"] * (d["g"] == 0), z=lambda d: np.roll(d["y"], 1))
    df["arm"] = np.where(df["g"] == 0, "u", df["arm"])
    message = (
        r"fixed effects arm take up what would tell cov\(\(Intercept\), x\) of g: .* leave out one "
        "of these random effects, or some of arm"
    )
    with pytest.raises(DataError, match=message + "$"):
        simlab.fit("y ~ arm + (x + z | g)", df)
    with pytest.warns(FitWarning, match=message + "; by ML it is what makes the determinant"):
        simlab.fit("y ~ arm + (x + z | g)", df, "ML")
    assert simlab.fit("y ~ arm + (x + z || g)", df).converged


@pytest.mark.parametrize(("df", "formula", "message"), REFUSED.values(), ids=REFUSED)
def test_ml_says_that_it_is_0_whatever_the_data_say(df, formula, message):
    with pytest.warns(FitWarning, match="by ML it is 0 whatever the data say"):
        fit = simlab.fit(formula, df, "ML")
    assert fit.converged
    rng = np.random.default_rng(7)
    for _ in range(3):
        y = pd.Series(rng.standard_normal(len(df)) + 5 * rng.standard_normal(), index=df.index)
        again = quietly(formula, df.assign(**{fit.design.response: y}), "ML")
        eigenvalues = np.linalg.eigvalsh(again.G_matrix / again.sigma2)
        assert eigenvalues[0] < 1e-8


def test_two_classes_are_ordinary_regression_by_ml():
    """The coefficients and σ² of least squares (R: arm −12.08, σ 11.692 with N − 3 df)."""
    fit = quietly("score ~ pre + arm + (1 | cls)", case("two_classes_n10"), "ML")
    assert fit.fixef["armtrt"] == pytest.approx(-12.08, abs=0.005)
    assert np.sqrt(fit.sigma2 * 20 / 17) == pytest.approx(11.692, abs=0.0005)
    assert fit.npar == 4


@pytest.mark.parametrize("seed", range(40))
def test_no_saturated_design_is_silent(seed):
    """Random designs whose clusters are fitted by the fixed part: never a fit, never a number."""
    rng = np.random.default_rng(seed)
    J, n = int(rng.integers(2, 6)), int(rng.integers(2, 12))
    g = np.repeat(np.arange(J), n)
    df = pd.DataFrame({"g": g, "y": rng.standard_normal(J * n), "pre": rng.standard_normal(J * n)})
    df["site"] = [f"s{j}" for j in g] if seed % 2 else g * 1.0
    part = "site" if seed % 2 else " + ".join(f"I(site**{p})" for p in range(1, J))
    with pytest.raises(DataError, match="the data say nothing"):
        simlab.fit(f"y ~ pre + {part} + (1 | g)", df)


def test_a_degree_of_freedom_that_is_left_is_used():
    """Control: with one column less there is a contrast between clusters, and the fit is made."""
    df = clusters(J=4).assign(w=lambda d: d["g"] * 1.0)
    for formula in ("y ~ w + (1 | g)", "y ~ w + I(w**2) + (1 | g)"):
        fit = simlab.fit(formula, df)
        assert fit.converged
        assert not fit.clusters.identification.taken_up.size


# ---------------------------------------------------------------- flat directions


def test_a_level_2_slope_has_two_variances_not_three():
    """arm_slope_level2: log L −101.92835 (lme4), 2 of 3 elements of G are identified."""
    df = case("arm_slope_level2")
    fit = quietly("y ~ arm + (arm | g)", df)
    independent = simlab.fit("y ~ arm + (arm || g)", df)
    assert fit.loglik == pytest.approx(-101.92835, abs=5e-6)
    assert fit.loglik == pytest.approx(independent.loglik, abs=1e-9)
    assert fit.npar == independent.npar == 5
    assert fit.aic == pytest.approx(independent.aic, abs=1e-8)
    assert [note for note in fit.notes if "var(armt) − 0.5 cov((Intercept), armt)" in note]
    G = fit.G.to_numpy()
    assert np.isnan([G[0, 1], G[1, 0], G[1, 1]]).all()
    assert G[0, 0] == pytest.approx(independent.G.iloc[0, 0], rel=1e-6)
    assert np.isnan(fit.theta).any()
    for df_of in ("satterthwaite", "kenward-roger"):
        pd.testing.assert_frame_equal(fit.table(df_of), independent.table(df_of), rtol=1e-6)
    assert fit.icc()["mean"] == pytest.approx(independent.icc()["mean"], rel=1e-6)
    np.testing.assert_allclose(fit.r2(), independent.r2(), rtol=1e-6)
    np.testing.assert_allclose(fit.fitted(), independent.fitted(), rtol=1e-6)
    for method in ("wald", "profile"):
        ours, theirs = fit.varcorr(method=method), independent.varcorr(method=method)
        assert ours.table.loc[["sd(armt)", "cor((Intercept),armt)"]].isna()["estimate"].all()
        assert any("does not identify" in note for note in ours.notes)
        for name in ("sd((Intercept))", "sigma"):
            np.testing.assert_allclose(
                ours.table.loc[name, ["estimate", "lower", "upper"]].astype(float),
                theirs.table.loc[name, ["estimate", "lower", "upper"]].astype(float), rtol=1e-4,
            )  # fmt: skip


def test_nothing_depends_on_the_reference_level():
    df = case("arm_slope_level2")
    turned = df.assign(arm=df["arm"].map({"c": "z", "t": "a"}))
    one, two = quietly("y ~ arm + (arm | g)", df), quietly("y ~ arm + (arm | g)", turned)
    assert one.loglik == pytest.approx(two.loglik, abs=1e-9)
    np.testing.assert_allclose(one.fitted(), two.fitted(), rtol=1e-6)
    a, b = one.G.iloc[0, 0], two.G.iloc[0, 0]  # the variances of the two arms
    assert b > 10 * a
    assert one.table().loc["armt", "std_error"] == pytest.approx(
        two.table().loc["armz", "std_error"], rel=1e-8
    )


def test_effects_of_clusters_are_known_where_they_do_not_depend_on_it():
    df = case("arm_slope_level2")
    fit = quietly("y ~ arm + (arm | g)", df)
    arm = df.drop_duplicates("g").set_index("g")["arm"]
    u = fit.ranef().estimate
    assert u.loc[arm == "c", "(Intercept)"].notna().all()
    assert u.loc[arm == "t", "(Intercept)"].isna().all()
    assert u["armt"].isna().all()
    independent = simlab.fit("y ~ arm + (arm || g)", df).ranef().estimate
    np.testing.assert_allclose(
        u.loc[arm == "c", "(Intercept)"], independent.loc[arm == "c", "(Intercept)"], rtol=1e-5
    )
    assert fit.coef()["armt"].isna().all()
    assert fit.blue().shape == u.shape


def test_predictions_are_known_where_they_do_not_depend_on_it():
    df = case("arm_slope_level2")
    fit = quietly("y ~ arm + (arm | g)", df)
    arm = df.drop_duplicates("g").set_index("g")["arm"]
    control = arm.index[arm == "c"][0]
    new = pd.DataFrame({"arm": ["c", "t", "c", "t"], "g": [control, control, 999, 999]})
    out = fit.predict(new, interval="prediction")
    assert out["fit"].notna().tolist() == [True, False, True, True]
    assert out["lower"].notna().tolist() == [True, False, True, True]
    independent = simlab.fit("y ~ arm + (arm || g)", df).predict(new, interval="prediction")
    np.testing.assert_allclose(out.iloc[[0, 2, 3]], independent.iloc[[0, 2, 3]], rtol=1e-5)


def test_a_bootstrap_knows_what_the_fit_knows():
    df = case("arm_slope_level2")
    fit = quietly("y ~ arm + (arm | g)", df)
    drawn = simlab.bootstrap(fit, "varcorr", draws=50, seed=1, jobs=1)
    assert drawn.replicates["sd(armt)"].isna().all()
    assert drawn.replicates["sd((Intercept))"].notna().all()


def test_a_test_counts_what_is_identified():
    df = case("arm_slope_level2")
    small = simlab.fit("y ~ arm + (1 | g)", df)
    large = quietly("y ~ arm + (arm | g)", df)
    compared = small.anova(large).frame
    assert compared["df"].iloc[1] == 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        tested = simlab.pvalue(df, "y ~ arm + (1 | g)", "y ~ arm + (arm | g)", draws=99, jobs=1)
    assert tested.naive_df == 1


def test_effects_that_never_meet_have_no_covariance():
    """(0 + a + b | g) with dummies of two kinds of clusters: their covariance occurs nowhere."""
    df = clusters().assign(a=lambda d: 1.0 * (d["arm"] == "c"), b=lambda d: 1.0 * (d["arm"] == "t"))
    fit = quietly("y ~ x + (0 + a + b | g)", df)
    apart = simlab.fit("y ~ x + (0 + a + b || g)", df)
    assert fit.loglik == pytest.approx(apart.loglik, abs=1e-9)
    assert fit.npar == apart.npar
    assert [note for note in fit.notes if "cov(a, b) does not occur" in note]
    np.testing.assert_allclose(np.diag(fit.G), np.diag(apart.G), rtol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 1e-5, 1e5])
def test_a_random_effect_beside_the_unidentified_ones_is_known(scale):
    """That of z; its covariances are those of the model with a random effect for each arm."""
    df = clusters().assign(z=lambda d: scale * np.roll(d["x"], 7))
    df["y"] += 3 * np.random.default_rng(2).standard_normal(12)[df["g"]] * df["z"] / scale
    fit = quietly("y ~ arm + (arm + z | g)", df)
    each = quietly("y ~ arm + (0 + arm + z | g)", df)
    G, by_arm = fit.G, each.G
    assert G.isna().sum().sum() == 3
    assert by_arm.isna().sum().sum() == 2
    assert not fit.ranef().estimate["z"].isna().any()
    np.testing.assert_allclose(fit.ranef().estimate["z"], each.ranef().estimate["z"], rtol=1e-4)
    for a, b in [
        (G.loc["z", "z"], by_arm.loc["z", "z"]),
        (G.loc["(Intercept)", "z"], by_arm.loc["armc", "z"]),
        (G.loc["armt", "z"], by_arm.loc["armt", "z"] - by_arm.loc["armc", "z"]),
    ]:
        assert a == pytest.approx(b, rel=1e-4)


def test_several_directions_are_named_by_few_elements():
    df = clusters().assign(arm=lambda d: np.array(list("abc"))[d["g"] % 3])
    notes = " ".join(quietly("y ~ arm + (arm | g)", df).notes)
    for message in (
        "var(armb) − 0.5 cov((Intercept), armb) may", "var(armc) − 0.5 cov((Intercept), armc) may",
        "identified: cov(armb, armc) does not occur",
    ):  # fmt: skip
        assert message in notes


def test_the_summary_says_it():
    fit = quietly("y ~ arm + (arm | g)", case("arm_slope_level2"))
    text = str(fit.summary())
    assert "G is not identified" in text
    assert "nan" not in text
    assert "does not identify" in text
    assert "G is not identified" in str(fit.near_singularity())
    assert not fit.near_singularity().near


# ---------------------------------------------------------------- σ² and rows


@pytest.mark.parametrize(
    ("formula", "x"),
    [("y ~ x + (1 + x | g)", [0.0, 1.0]), ("y ~ x + (1 | g)", [0.5]), ("y ~ x + (0 + x | g)", [2])],
)
def test_the_residual_variance_may_be_no_other_than_that_of_clusters(formula, x):
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(15), len(x))
    df = pd.DataFrame({"g": g, "x": np.tile(x, 15), "y": rng.standard_normal(15 * len(x))})
    for method in ("REML", "ML"):
        with pytest.raises(DataError, match="cannot be told apart"):
            simlab.fit(formula.replace("y ~ x", "y ~ 1"), df, method)


def test_independent_effects_with_as_many_rows_are_fitted():
    """c0065's kind: each block is counted by itself, as lme4 does."""
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(12), 2)
    df = pd.DataFrame({"g": g, "x": rng.standard_normal(24), "y": rng.standard_normal(24)})
    assert simlab.fit("y ~ x + (1 + x || g)", df).converged
    with pytest.raises(DataError, match="24 rows and 24 random effects"):
        simlab.fit("y ~ x + (1 + x | g)", df)


def test_ml_refuses_a_likelihood_without_a_maximum():
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(4), [2, 3, 1, 2])
    df = pd.DataFrame({"g": g, "x": rng.standard_normal(8), "z": rng.standard_normal(8)})
    df["y"] = rng.standard_normal(8)
    with pytest.raises(DataError, match="no maximum by ML"):
        simlab.fit("y ~ z + (1 + x || g)", df, "ML")
    assert np.isfinite(quietly("y ~ z + (1 + x || g)", df).loglik)


def test_deletion_says_where_nothing_is_left():
    """Without a cluster the fixed effects take up what the others differ by: NaN, and why."""
    df = clusters(J=3).assign(w=lambda d: d["g"] * 1.0)
    influence = simlab.fit("y ~ w + (1 | g)", df).influence()
    assert influence["cook"].isna().all()
    assert influence["note"].str.contains("take up").all()


# ---------------------------------------------------------------- compare, studies


def test_compare_does_not_estimate_between_from_two_clusters():
    table = simlab.compare(case("compare_two_clusters"), "y", "x", "g")
    for method in ("hlm_contextual", "ecological"):
        some = table[table["method"] == method]
        assert (some["status"] == "not_estimable").all()
        assert some[["estimate", "std_error", "p_value"]].isna().all(axis=None)
    assert (table.loc[table["method"] == "hlm", "status"] != "not_estimable").all()


@pytest.mark.parametrize(("scale_x", "scale_y"), [(1.0, 1.0), (1e-4, 1e6), (1e6, 1e-3)])
def test_singular_means_one_thing(scale_x, scale_y):
    """sd(u0) 1e4 beside sd(u1) 0.7: singular neither in `compare` nor in `fit`, in any units."""
    rng = np.random.default_rng(6)
    J, n = 30, 20
    g = np.repeat(np.arange(J), n)
    x = rng.standard_normal(J * n)
    for sd0, sd1, singular in [(1e4, 0.7, False), (1.0, 0.0, None), (0.01, 3.0, None)]:
        u = rng.standard_normal((J, 2)) * [sd0, sd1]
        y = u[g, 0] + u[g, 1] * x + rng.standard_normal(J * n)
        df = pd.DataFrame({"y": y * scale_y, "x": x * scale_x, "g": g})
        by_fit = quietly("y ~ x + (1 + x | g)", df).singular
        status = simlab.compare(df, "y", "x", "g").query("method == 'hlm'")["status"]
        assert (status == "singular").all() == by_fit
        assert singular is None or by_fit == singular


# ---------------------------------------------------------------- the theory, numerically


def dense_rank(fit, reml):
    """Rank of the map from the free elements of G and σ² to Cov(K'y), with dense matrices."""
    X, Z, cluster = fit.design.X, fit.design.Z, fit.design.cluster
    same = cluster[:, None] == cluster
    K = np.linalg.svd(X)[0][:, np.linalg.matrix_rank(X) :] if reml else np.eye(len(X))
    whole = [np.eye(len(X))]
    for a, b in fit.optimum.free:
        M = np.outer(Z[:, a], Z[:, b])
        whole.append((M + M.T) * same)
    vectors = np.array([(K.T @ M @ K).ravel() / np.linalg.norm(M) for M in whole])
    return np.linalg.matrix_rank(vectors, tol=1e-8)


@pytest.mark.parametrize("seed", range(30))
def test_the_rank_is_that_of_dense_matrices(seed):
    rng = np.random.default_rng(seed)
    J = int(rng.integers(3, 7))
    n = rng.integers(1, 5, J)
    n[0] = 5
    g = np.repeat(np.arange(J), n)
    N = len(g)
    df = pd.DataFrame({"g": g, "x": rng.integers(0, 3, N) * 1.0, "y": rng.standard_normal(N)})
    df["w"] = rng.integers(0, 2, J)[g] * 1.0
    df["z"] = df["x"] * (g == 0)
    fixed = rng.choice(["1", "x", "w", "x + w", "x * w", "z"])
    bar = rng.choice(
        ["1 + x | g", "1 + w | g", "1 + x || g", "1 + w || g", "1 + z | g", "0 + z | g"]
    )
    try:
        fit = quietly(f"y ~ {fixed} + ({bar})", df, "ML")
    except DataError:
        pytest.skip("refused before")
    unknown = identification(fit.clusters.rotated, fit.clusters.n)
    total = len(fit.optimum.free) + 1
    assert total - len(unknown.taken_up) == dense_rank(fit, reml=True)
    assert total - len(unknown.flat) == dense_rank(fit, reml=False)


def test_the_likelihood_does_not_change_along_what_is_flat():
    """And does along what is not: the control."""
    fit = quietly("y ~ arm + (arm | g)", case("arm_slope_level2"))
    rotated, delta = fit.clusters.rotated, fit.optimum.delta
    from simlab.mixed.optimum import at, semidefinite_root

    (N,) = fit.clusters.identification.flat
    for t in (0.1, -0.1):
        moved = at(rotated, semidefinite_root(delta + t * N / np.abs(N).max()), True)
        assert moved.deviance == pytest.approx(fit.optimum.deviance, abs=1e-8)
        other = at(rotated, semidefinite_root(delta + abs(t) * np.eye(2)), True)
        assert other.deviance > fit.optimum.deviance + 1e-3
    assert optimise(rotated, True).deviance == pytest.approx(fit.optimum.deviance, abs=1e-8)
