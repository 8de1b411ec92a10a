"""`simlab.fit` and what a `MixedFit` says of itself, against R.

Tolerances are those of the collection (see `test_mixed_reference`), but for the parts of the
covariance: 1e-8 relative is reached, R's numbers were polished to about 1e-11. Likelihood-ratio
statistics are differences of two log-likelihoods of 1e4, each right to 1e-7: 1e-6.
"""

import warnings

import numpy as np
import pandas as pd
import pytest
from fit_cases import data, fitted, models
from reference_cases import META, stored

import simlab
from simlab.data import DataError
from simlab.fitting.errors import FitError, FitWarning
from simlab.formula import FormulaError
from simlab.mixed.optimum import semidefinite_root

hs = simlab.data.hs


@pytest.mark.parametrize(("name", "model", "method"), models())
def test_every_number_of_a_fit_is_that_of_lme4(name, model, method):
    ref = stored("fits", f"{name}.json")[model][method]
    fit = fitted(name, model, method)
    assert fit.converged
    assert fit.singular == ref["singular"]
    assert abs(fit.loglik - ref["logLik"]) <= 1e-7
    np.testing.assert_allclose([fit.aic, fit.bic], [ref["AIC"], ref["BIC"]], rtol=0, atol=1e-6)
    np.testing.assert_allclose(fit.fixef, ref["beta"], rtol=1e-8)
    np.testing.assert_allclose(fit.std_error, ref["se"], rtol=1e-8)
    vcov = np.array(ref["vcov"])
    np.testing.assert_allclose(fit.vcov, vcov, rtol=0, atol=1e-8 * np.abs(vcov).max())
    np.testing.assert_allclose(fit.sigma2, ref["sigma2"], rtol=1e-8)
    G = np.array(ref["G"])
    np.testing.assert_allclose(fit.G, G, rtol=0, atol=1e-8 * np.abs(G).max())
    if not ref["singular"]:
        np.testing.assert_allclose(fit.theta, ref["theta"], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(fit.table()["df"], ref["df"], rtol=1e-6)


def test_a_fit_by_the_other_method_is_not_that_of_lme4():
    """Control: the tolerances tell REML from ML."""
    ref = stored("fits", "hs.json")["m5"]["ML"]
    fit = fitted("hs", "m5", "REML")
    assert abs(fit.loglik - ref["logLik"]) > 1e-3
    assert (abs(fit.std_error / ref["se"] - 1) > 1e-3).all()
    assert fit.singular != ref["singular"]


@pytest.mark.parametrize("name", stored("tests.json"))
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_likelihood_ratio_statistics_of_variance_components(name, method):
    ref = stored("tests.json")[name]
    y, x, g = ref["y"], ref["x"], ref["group"]
    df = data(name)
    for part, fixed in (("g00_null_model", "1"), ("g00_given_x", x)):
        fit = simlab.fit(f"{y} ~ {fixed} + (1 | {g})", df, method)
        assert abs(2 * (fit.loglik - fit.loglik_ols) - ref[part][method]) <= 1e-6
    slope = simlab.fit(f"{y} ~ {x} + (1 + {x} | {g})", df, method)
    assert abs(2 * (slope.loglik - fit.loglik) - ref["slope"][method]) <= 1e-6
    if method == "REML" and "independent" in ref["slope"]:
        apart = simlab.fit(f"{y} ~ {x} + (1 | {g}) + (0 + {x} | {g})", df, method)
        again = simlab.fit(f"{y} ~ {x} + (1 + {x} || {g})", df, method)
        assert abs(2 * (apart.loglik - fit.loglik) - ref["slope"]["independent"]) <= 1e-6
        assert again.loglik == apart.loglik
        assert apart.npar == slope.npar - 1


def test_both_spellings_are_one_model():
    one = simlab.fit("mathach ~ ses * sector + (1 + ses | school)", hs())
    other = simlab.fit("mathach ~ ses * sector", hs(), random="~ 1 + ses | school")
    assert one.loglik == other.loglik
    assert one.design.formula == other.design.formula


@pytest.mark.slow
def test_six_random_effects_against_dense_matrices():
    """No optimum is known from outside; BFGS on a dense likelihood must not find a better one."""
    from scipy.optimize import minimize

    r = 6
    rng = np.random.default_rng(r)
    J, n = 30, 15
    g = np.repeat(np.arange(J), n)
    names = [f"x{i}" for i in range(1, r)]
    df = pd.DataFrame(rng.standard_normal((J * n, r - 1)), columns=names)
    u = rng.standard_normal((J, r)) @ np.tril(rng.uniform(0.2, 1, (r, r))).T
    Z = np.column_stack([np.ones(J * n), df])
    df["y"] = 1 + df["x1"] + (Z * u[g]).sum(axis=1) + rng.standard_normal(J * n)
    df["g"] = g
    terms = " + ".join(names)
    fit = simlab.fit(f"y ~ {terms} + (1 + {terms} | g)", df, "ML")
    assert fit.converged
    lower = np.tril_indices(r)

    def dense(theta):
        Lambda = np.zeros((r, r))
        Lambda[lower] = theta
        value, XX, Xy, yy = 0.0, 0.0, 0.0, 0.0
        for j in range(J):
            rows = slice(j * n, (j + 1) * n)
            B = Z[rows] @ Lambda
            V = np.eye(n) + B @ B.T
            value += np.linalg.slogdet(V)[1]
            solved = np.linalg.solve(V, np.column_stack([Z[rows], df["y"][rows]]))
            XX = XX + Z[rows].T @ solved[:, :-1]
            Xy = Xy + Z[rows].T @ solved[:, -1]
            yy += df["y"].to_numpy()[rows] @ solved[:, -1]
        sigma2 = (yy - Xy @ np.linalg.solve(XX, Xy)) / (J * n)
        return value + J * n * (1 + np.log(2 * np.pi * sigma2))

    root = semidefinite_root(fit.G_matrix / fit.sigma2)
    at_ours = dense(root[lower])
    assert fit.deviance == pytest.approx(at_ours, abs=1e-7)
    start = root[lower] + 0.02 * rng.standard_normal(len(lower[0]))
    result = minimize(dense, start, method="BFGS", options={"maxiter": 25})
    assert result.fun > fit.deviance - 1e-6
    assert dense(start) > fit.deviance + 1e-3  # control: the likelihood is not flat


def test_units_and_origins_change_what_they_must():
    """A covariate of size 1e5 far from 0, and a response about 1e6."""
    df = hs()
    plain = simlab.fit("mathach ~ ses * sector + (1 + ses | school)", df)
    df["ses"] = 1e5 * df["ses"] + 3e7
    df["mathach"] += 1e6
    far = simlab.fit("mathach ~ ses * sector + (1 + ses | school)", df)
    assert far.fixef["ses"] * 1e5 == pytest.approx(plain.fixef["ses"], rel=1e-6)
    assert far.sigma2 == pytest.approx(plain.sigma2, rel=1e-8)
    assert far.G.loc["ses", "ses"] * 1e10 == pytest.approx(plain.G.loc["ses", "ses"], rel=1e-5)
    slope = ["ses", "ses:sectorPublic"]
    np.testing.assert_allclose(
        far.table().loc[slope, "df"], plain.table().loc[slope, "df"], rtol=1e-5
    )


def test_refit_is_a_fit():
    fit = simlab.fit("mathach ~ ses + (1 | school)", hs())
    other = hs().assign(mathach=fit.simulate(1, seed=3).iloc[:, 0].to_numpy())
    assert fit.refit(other["mathach"]).loglik == pytest.approx(
        simlab.fit("mathach ~ ses + (1 | school)", other).loglik, abs=1e-9
    )
    assert fit.refit(method="ML").method == "ML"
    with pytest.raises(FitError, match="one number for each"):
        fit.refit(other["mathach"][:-1])
    with pytest.raises(FitError, match="not a finite number in row 1"):
        fit.refit(other["mathach"].where(other.index != 1))


def test_a_new_response_goes_by_its_index():
    """A Series by its labels, whatever their order; an array by position."""
    df = hs().set_axis([f"s{i}" for i in range(1977)])
    fit = simlab.fit("mathach ~ ses + (1 | school)", df)
    y = fit.simulate(1, seed=3)[0]
    slope = fit.refit(y).fixef["ses"]
    mixed = y.sample(frac=1, random_state=1)
    for again in (mixed, mixed.astype("Float64"), y.to_numpy(), list(y), y.to_numpy(object)):
        assert fit.refit(again).fixef["ses"] == pytest.approx(slope, rel=1e-12)
    by_position = fit.refit(mixed.to_numpy()).fixef["ses"]  # control: what it must not be
    assert abs(by_position / slope - 1) > 0.5
    holes = df.assign(ses=df.ses.where(df.index != "s5"))
    with pytest.warns(FitWarning, match="1 of 1977 rows left out"):
        fewer = simlab.fit("mathach ~ ses + (1 | school)", holes)
    with pytest.raises(FitError, match=r"has 1 that are none \('s5'\); give y.loc\[fit.design"):
        fewer.refit(y)
    assert fewer.refit(y.loc[fewer.design.rows]).fixef["ses"] != slope


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda y: y.reset_index(drop=True), "its index lacks 1977 of them .* and has 1977"),
        (lambda y: y.iloc[:-2], r"lacks 2 of them \('s1975', 's1976'\); to go by position"),
        (
            lambda y: y.rename({"s3": "s4"}),
            "cannot be matched with theirs, as 's4' occurs twice in y",
        ),
        (lambda y: y.rename({"s3": "s-3"}), r"lacks 1 of them \('s3'\) and has 1 that are none"),
        (lambda y: y.to_frame().iloc[:-2], r"lacks 2 of them \('s1975', 's1976'\)"),
        (lambda y: y.to_numpy()[None], r"shape \(1, 1977\); the model used 1977 rows"),
        (lambda y: y.to_numpy()[1:], r"shape \(1976,\); the model used 1977 rows"),
        (lambda y: 3.0, "one number for each"),
        (lambda y: y.where(y.index != "s9"), "not a finite number in row s9"),
        (lambda y: y.astype("Float64").where(y.index != "s9"), "not a finite number in row s9"),
        (lambda y: y.astype(str), "y holds text; it must be numbers"),
        (lambda y: y.to_numpy() + 1j, "y holds complex128; it must be numbers"),
        (lambda y: {"y": 1}, "y holds dict; it must be numbers"),
    ],
)
def test_a_response_that_cannot_be_matched_is_refused(change, says):
    df = hs().set_axis([f"s{i}" for i in range(1977)])
    fit = simlab.fit("mathach ~ ses + (1 | school)", df)
    with pytest.raises(FitError, match=says) as error:
        fit.refit(change(df.mathach.rename(0)))
    assert "\n" not in str(error.value)


def test_rows_that_share_a_label_can_only_be_taken_as_they_stand():
    df = hs().set_axis(np.arange(1977) // 2)
    fit = simlab.fit("mathach ~ ses + (1 | school)", df)
    assert fit.refit(df.mathach).loglik == pytest.approx(fit.loglik, abs=1e-9)
    with pytest.raises(FitError, match="as 0 occurs twice in the model"):
        fit.refit(df.mathach.sample(frac=1, random_state=1))


def test_anova_refuses_reml_fits_with_different_fixed_parts():
    one = simlab.fit("mathach ~ ses + (1 | school)", hs())
    two = simlab.fit("mathach ~ ses + sector + (1 | school)", hs())
    with pytest.raises(FitError, match="ML"):
        one.anova(two)
    table = one.refit(method="ML").anova(two.refit(method="ML")).frame
    assert table["p_value"].iloc[-1] == pytest.approx(0.0147, abs=1e-4)


def test_a_fit_is_frozen():
    fit = fitted("hs", "m3", "REML")
    with pytest.raises(AttributeError):
        fit.method = "ML"


def test_what_is_left_out_is_said():
    df = hs()
    df.loc[[3, 4], "ses"] = np.nan
    df["twice"] = 2 * df["ses"]
    with pytest.warns(FitWarning) as caught:
        fit = simlab.fit("mathach ~ ses + twice + (1 | school)", df)
    texts = [str(w.message) for w in caught]
    assert "2 of 1977 rows left out, with missing values in: ses 2, twice 2" in texts
    assert any("dropped twice" in line for line in texts)
    assert fit.nobs == 1975
    assert list(fit.fixef.index) == ["(Intercept)", "ses"]
    with pytest.raises(DataError, match="ses 2"):
        simlab.fit("mathach ~ ses + (1 | school)", df, missing="raise")


def test_a_slip_among_numbers_is_pointed_at():
    df = hs()
    df["ses"] = df["ses"].astype(str)
    df.loc[7, "ses"] = "o.5"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        simlab.fit("mathach ~ minority + (1 | school)", df)
        assert not caught
    with (
        pytest.warns(FitWarning, match="most of its values are numbers"),
        pytest.raises(DataError, match="row 7: the response ses is"),
    ):
        simlab.fit("ses ~ minority + (1 | school)", df)


def test_a_response_far_from_0_for_its_spread_is_not_called_explained():
    df = hs()
    near = simlab.fit(df.assign(far=df["mathach"] + 1e8), "far ~ ses + (1 | school)")
    assert near.fixef["ses"] == pytest.approx(
        simlab.fit(df, "mathach ~ ses + (1|school)").fixef["ses"]
    )
    with pytest.raises(DataError, match=r"'far' is about 1e\+13 and varies by 6\.8 only"):
        simlab.fit(df.assign(far=df["mathach"] + 1e13), "far ~ ses + (1 | school)")
    with pytest.raises(DataError, match="the fixed effects explain 'made' exactly"):
        simlab.fit(df.assign(made=1e13 * df["ses"]), "made ~ ses + (1 | school)")


def test_a_search_that_takes_minutes_is_announced(monkeypatch):
    monkeypatch.setattr("simlab.fitting.model.SOON", 1)
    with pytest.warns(FitWarning, match="2 independent random effects: the search takes minutes"):
        simlab.fit("mathach ~ ses + (1 + ses || school)", hs())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        simlab.fit("mathach ~ ses + (1 + ses | school)", hs())


BAD = [
    ("mathach ~ sess + (1 | school)", DataError, "did you mean 'ses'"),
    ("mathach ~ ses", FormulaError, "|"),
    ("mathach ~ ses + (1 | schol)", DataError, "did you mean 'school'"),
    ("sex ~ ses + (1 | school)", DataError, "must be a number"),
    ("mathach ~ ses + (1 | one)", DataError, "one"),
    ("mathach ~ ses + (1 | each)", DataError, "1977"),
    ("same ~ ses + (1 | school)", DataError, "nothing to model"),
    ("infinite ~ ses + (1 | school)", DataError, "row 5"),
    ("mathach ~ ses + (1 + same | school)", DataError, "same"),
    ("exact ~ ses + (1 | school)", DataError, "exactly"),
    ("mathach ~ __import__('os').getcwd() + (1 | school)", FormulaError, ""),
]


@pytest.mark.parametrize(("formula", "error", "words"), BAD, ids=[b[0] for b in BAD])
def test_a_mistake_is_one_clear_line(formula, error, words):
    df = hs().assign(one=1, same=2.0)
    df["each"] = np.arange(len(df))
    df["infinite"] = df["mathach"].where(df.index != 5, np.inf)
    df["exact"] = 1 + 2 * df["ses"]
    with pytest.raises(error) as caught:
        simlab.fit(formula, df)
    text = str(caught.value)
    assert words in text
    assert "\n" not in text


def test_a_method_that_does_not_exist():
    with pytest.raises(FitError, match="one of 'REML', 'ML'"):
        simlab.fit("mathach ~ ses + (1 | school)", hs(), "reml")


def test_every_set_is_there():
    assert len(models()) > 120
    assert set(META) < {name for name, *_ in models()}


@pytest.mark.parametrize("scale", [1e300, 1e145, 1e-145, 1e-300])
@pytest.mark.parametrize("column", ["y", "x"])
def test_what_cannot_be_squared_is_refused(column, scale):
    df = pd.DataFrame({"g": np.repeat(np.arange(8), 4), "x": np.arange(32) % 5, "y": np.arange(32)})
    df[column] = df[column] * scale
    with pytest.raises(DataError, match=f"largest absolute value of {column} is .*another unit$"):
        simlab.fit("y ~ x + (x | g)", df)
    df[column] = df[column] / scale * scale ** (0.9 * 140 / abs(np.log10(scale)))
    assert simlab.fit("y ~ x + (1 | g)", df).converged


@pytest.mark.parametrize("slope", [1e6, 1e7, 1e9])
def test_an_effect_that_explains_nearly_all_is_fitted(slope):
    """REML does not depend on it, but for what y itself loses; only an exact one is refused."""
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(12), 10)
    df = pd.DataFrame({"g": g, "x": rng.standard_normal(120)})
    noise = rng.standard_normal(12)[g] + rng.standard_normal(120)
    small = simlab.fit("y ~ x + (1 | g)", df.assign(y=noise))
    large = simlab.fit("y ~ x + (1 | g)", df.assign(y=noise + slope * df["x"]))
    assert large.loglik == pytest.approx(small.loglik, abs=1e-14 * slope * 120)
    assert large.std_error["x"] == pytest.approx(small.std_error["x"], rel=1e-13 * slope)
    assert large.fixef["x"] - slope == pytest.approx(small.fixef["x"], abs=1e-13 * slope)
    with pytest.raises(DataError, match="explain 'y' exactly"):
        simlab.fit("y ~ x + (1 | g)", df.assign(y=1 + slope * df["x"]))
