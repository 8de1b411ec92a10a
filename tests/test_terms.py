"""Tests of terms: values of lmerTest, pbkrtest, car and nlme, and what must not change them.

R's values have 15 digits; ours agree to 2e-9 (Orthodont's quadratic model, whose covariates are
nearly collinear) and mostly to 1e-12. 1e-8 leaves room for other machines. Satterthwaite's df that
lmerTest differentiated numerically agree to 2e-6.
"""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from fit_cases import data, fit_formula
from reference_cases import rows, stored

import simlab
from simlab.fitting.anova import TYPES, term_tests
from simlab.fitting.errors import FitError
from simlab.fitting.term_contrasts import layout, type1, type2, type3

CLOSE = 1e-8
R = stored("terms.json")
EVERY = pytest.mark.parametrize(
    ("name", "model"), [(name, model) for name, models in R.items() for model in models]
)


@cache
def frame(name: str) -> pd.DataFrame:
    """Rows of a set with R's order of levels; OatsU and sleepP are made of others, as R did."""
    if name == "sleepP":
        df = rows("sleepstudy").copy()
        phase = np.select([df.Days <= 2, df.Days <= 6], ["early", "mid"], "late")
        return df.assign(Phase=pd.Categorical(phase, ["early", "mid", "late"]))
    if name == "OatsU":
        return rows("Oats").drop(index=np.array([2, 7, 15, 22, 40, 41, 68]) - 1)
    return rows("Oats") if name == "Oats" else data(name)


@cache
def fitted(name: str, model: str):
    fit = fit_formula(R[name][model]["formula"], frame(name))
    assert tuple(n.replace("**", "^") for n in fit.design.fixed_names) == tuple(
        R[name][model]["coef_names"]
    )
    return fit


def in_r_order(fit, terms, df, type):
    """Rows of the table in R's order and by R's names."""
    table = term_tests(fit, df, type)
    return table.set_axis(table.index.str.replace("**", "^")).loc[terms]


# ------------------------------------------------------------------ values of R


@EVERY
def test_type_3_is_that_of_lmertest_and_pbkrtest(name, model):
    ref = R[name][model]["III"]
    for df, theirs in (
        ("satterthwaite", ref["satterthwaite"]), ("kenward-roger", ref["kenward_roger"]),
    ):  # fmt: skip
        ours = in_r_order(fitted(name, model), ref["terms"], df, 3)
        assert ours.num_df.tolist() == theirs["NumDF"]
        np.testing.assert_allclose(ours.F, theirs["F"], rtol=CLOSE)
        np.testing.assert_allclose(ours.den_df, theirs["DenDF"], rtol=2e-6)
        np.testing.assert_allclose(ours.p_value, theirs["p"], rtol=1e-4)
        if "DenDF_exact" in theirs:
            np.testing.assert_allclose(ours.den_df, theirs["DenDF_exact"], rtol=CLOSE)


@EVERY
def test_type_2_and_the_marginal_tests_are_those_of_car(name, model):
    """car's type III under treatment coding is what nlme calls marginal."""
    car = R[name][model]["car"]
    for type, theirs in ((2, car["II"]), ("marginal", car["III_treatment"])):
        ours = in_r_order(fitted(name, model), theirs["terms"], "normal", type)
        assert ours.num_df.tolist() == theirs["Df"]
        assert np.isinf(ours.den_df).all()
        np.testing.assert_allclose(ours.F * ours.num_df, theirs["Chisq"], rtol=CLOSE)
        np.testing.assert_allclose(ours.p_value, theirs["p"], rtol=1e-6)


@EVERY
def test_type_3_is_that_of_car_under_sum_coding(name, model):
    if "III_sum" in R[name][model]["car"]:  # there are factors
        theirs = R[name][model]["car"]["III_sum"]
        expected = dict(zip(theirs["terms"], theirs["Chisq"], strict=True))
        expected.pop("(Intercept)")
        ours = in_r_order(fitted(name, model), list(expected), "normal", 3)
        np.testing.assert_allclose(ours.F * ours.num_df, list(expected.values()), rtol=CLOSE)


@EVERY
def test_type_1_is_the_sequential_test_of_nlme(name, model):
    theirs = R[name][model]["gls_sequential"]
    ours = in_r_order(fitted(name, model), theirs["terms"], "normal", 1)
    np.testing.assert_allclose(ours.F * ours.num_df, theirs["chi2"], rtol=CLOSE)


def test_the_types_are_told_apart():
    """Controls: each fails another's values; lmerTest's type 2 is not car's."""
    fit, ref = fitted("OatsU", "lin"), R["OatsU"]["lin"]
    terms = ref["III"]["terms"]
    F = {type: in_r_order(fit, terms, "normal", type).F for type in TYPES}
    for a, one in F.items():
        for b, other in F.items():
            assert a == b or (abs(one / other - 1) > 1e-3).any()
    ours = in_r_order(fitted("Orthodont", "ri"), ["Sex"], "normal", 2).F
    theirs = R["Orthodont"]["ri"]["lmerTest_II"]
    assert abs(ours.iloc[0] / theirs["F"][theirs["terms"].index("Sex")] - 1) > 0.1


def test_the_oats_of_the_handbooks():
    """As printed by lmerTest: Variety F = 3.51, p = .037; nlme's marginal test says 1.36, .264."""
    fit = simlab.fit("yield ~ factor(nitro) * Variety + (1 | Block)", frame("Oats"))
    variety = fit.anova().frame.loc["Variety"]
    assert (round(variety.F, 2), round(variety.p_value, 3)) == (3.51, 0.037)
    assert variety.note == ""
    control = fit.anova(type="marginal").frame.loc["Variety"]
    assert (round(control.F, 2), round(control.p_value, 3)) == (1.36, 0.264)
    assert control.note == "where factor(nitro) is 0"


# ------------------------------------------------------------------ invariants


def uneven(seed: int = 5) -> pd.DataFrame:
    """18 clusters of 10; three factors with unequal cells, two covariates far from 0."""
    rng = np.random.default_rng(seed)
    n = 180
    df = pd.DataFrame(
        {
            "g": np.repeat(np.arange(18), 10),
            "a": rng.choice(list("pqr"), n, p=[0.5, 0.3, 0.2]),
            "b": rng.choice(list("uvwz"), n),
            "c": rng.choice(list("kl"), n, p=[0.7, 0.3]),
            "x": rng.normal(2, 1, n),
            "w": rng.uniform(1, 5, n),
        }
    )
    u = rng.normal(size=18)[df.g]
    y = 1 + u + 0.3 * df.x + 0.5 * (df.a == "q") - 0.6 * (df.b == "w") * (df.a == "r")
    return df.assign(y=y + 0.2 * df.x * (df.c == "l") + rng.normal(size=n))


FULL = uneven()
EMPTY = FULL[~((FULL.a == "r") & (FULL.b == "z"))]
FORMULAS = (
    "A * B", "A * B * c + x", "A * x * w + B", "0 + A * x", "A + A:B", "A:x", "A:B",
    "A * B + poly(x, 2) * c", "x + A:x", "A + B + A:B:c", "A * c + B:c + x",
)  # fmt: skip
CODINGS = (
    ("C({}, Sum)", "C({}, Helmert)"),
    ("C({}, Poly)", "{}"),
    ("C({}, Treatment('q'))", "C({}, Treatment('w'))"),
)


def coded(formula, a, b, df):
    right = formula.replace("A", a.format("a")).replace("B", b.format("b"))
    return fit_formula(f"y ~ {right} + (1 | g)", df)


def same(ours, theirs, columns):
    for column in columns:
        np.testing.assert_allclose(ours[column], theirs[column], rtol=1e-7)


@pytest.mark.parametrize("df", [FULL, EMPTY], ids=["full", "empty cell"])
@pytest.mark.parametrize("formula", FORMULAS)
def test_no_type_but_the_marginal_depends_on_the_coding(formula, df):
    plain = coded(formula, "{}", "{}", df)
    turned = df.assign(
        a=pd.Categorical(df.a, ["r", "p", "q"]), b=pd.Categorical(df.b, ["w", "z", "u", "v"])
    )
    for type in (1, 2, 3):
        for how in ("satterthwaite", "kenward-roger"):
            expected = term_tests(plain, how, type)
            for a, b in CODINGS:
                ours = term_tests(coded(formula, a, b, df), how, type)
                same(ours, expected, ("num_df", "den_df", "F", "p_value"))
            # Satterthwaite's df of a joint test depend a little on which level is the first
            other = term_tests(coded(formula, "{}", "{}", turned), how, type)
            kept = ("num_df", "F") if how == "satterthwaite" else ("num_df", "den_df", "F")
            same(other, expected, kept)
            np.testing.assert_allclose(other.den_df, expected.den_df, rtol=5e-3)


def test_the_marginal_tests_depend_on_the_coding():
    """Control of the invariants."""
    plain, other = (
        term_tests(coded("A * B", a, b, FULL), type="marginal").F
        for a, b in (("{}", "{}"), CODINGS[0])
    )
    assert abs(plain.iloc[1:3].to_numpy() / other.iloc[1:3].to_numpy() - 1).min() > 0.05
    np.testing.assert_allclose(plain.iloc[3], other.iloc[3], rtol=1e-7)


@pytest.mark.parametrize("formula", ["A * B", "A * x + B", "A + B + x"])
def test_types_1_and_2_are_comparisons_of_models(formula):
    """χ² is the difference of the generalised residual sums of squares at the same V."""
    fit = coded(formula, "{}", "{}", FULL)
    D = fit.design
    Z = (D.cluster[:, None] == np.arange(fit.nclusters)).astype(float)
    W = np.linalg.inv(fit.sigma2 * np.eye(len(D.y)) + fit.G_matrix[0, 0] * Z @ Z.T)

    def rss(terms):
        X = D.X[:, [i for term in terms for i in D.terms[term]]]
        e = D.y - X @ np.linalg.solve(X.T @ W @ X, X.T @ W @ D.y) if len(X.T) else D.y
        return e @ W @ e

    names = list(D.terms)
    one, two = (term_tests(fit, "normal", type) for type in (1, 2))
    for i, term in enumerate(names):
        chi2 = rss(names[:i]) - rss(names[: i + 1])
        np.testing.assert_allclose(one.F[term] * one.num_df[term], chi2, rtol=1e-8)
        if i:
            inside = set(term.split(":"))
            others = [t for t in names if not inside <= set(t.split(":"))]
            chi2 = rss(others) - rss([*others, term])
            np.testing.assert_allclose(two.F[term] * two.num_df[term], chi2, rtol=1e-8)


def test_type_3_is_about_means_of_cells():
    """L of a main effect: differences of the cells' means, each cell with the same weight."""
    fit = coded("A * B", "C({}, Poly)", "C({}, Helmert)", FULL)
    L = type3(layout(fit.design.columns), 1).L
    cells = pd.MultiIndex.from_product([list("pqr"), list("uvwz")], names=["a", "b"])
    X = fit.design.new(cells.to_frame(index=False)).X.reshape(3, 4, -1).mean(axis=1)
    np.testing.assert_allclose(L, X[1:] - X[0], atol=1e-12)


def test_covariates_are_at_0_and_the_note_says_so():
    fit = coded("A * x", "{}", "{}", FULL)
    moved = coded("A * x", "{}", "{}", FULL.assign(x=FULL.x - 2))
    assert fit.anova().frame.note["a"] == "where x is 0"
    assert fit.anova().frame.note[["x", "a:x"]].tolist() == ["", ""]
    assert abs(fit.anova().frame.F["a"] / moved.anova().frame.F["a"] - 1) > 0.1
    for type in (1, 2):  # which do not depend on the origin
        np.testing.assert_allclose(
            fit.anova(type=type).frame.F.iloc[1:],
            moved.anova(type=type).frame.F.iloc[1:],
            rtol=1e-7,
        )
        assert (fit.anova(type=type).frame.note == "").all()


def test_numbers_contain_as_factors_do():
    """As in car: x is inside x:w and x:a, but x is not inside I(x**2)."""
    fit = coded("x * w + A + I(x**2)", "{}", "{}", FULL)
    without = coded("x + w + A + I(x**2)", "{}", "{}", FULL)
    terms, F = layout(fit.design.columns), np.linalg.cholesky(fit.covariance)
    names = list(fit.design.terms)
    for term, inside in (("x", True), ("w", True), ("a", False), ("I(x**2)", False)):
        L = type2(terms, names.index(term), F).L[0]
        assert (abs(L[fit.design.fixed_names.index("x:w")]) > 0) == inside
        assert (
            L[[i for n in names for i in fit.design.terms[n] if n != term]] != 0
        ).sum() == inside
    assert set(without.anova(type=2).frame.note) == {""}


# ------------------------------------------------------------------ what cannot be tested


def test_an_empty_cell_leaves_no_type_3_of_main_effects():
    ref = stored("codings.json")["empty_cell"]
    oats = frame("Oats")
    fit = fit_formula(
        "yield ~ nitroF * Variety + (1 | Block)",
        oats[~((oats.Variety == "Victory") & (oats.nitroF == "N0.6"))],
    )
    assert fit.design.fixed_names == tuple(ref["names"])
    for df, F, den in (("satterthwaite", "F", "DenDF"), ("kenward-roger", "KR_F", "KR_DenDF")):
        three = term_tests(fit, df)
        assert three.loc[["nitroF", "Variety"], ["den_df", "F", "p_value"]].isna().all(axis=None)
        assert three.num_df.tolist() == [0, 0, 5]
        for note in three.note.iloc[:2]:
            assert note == "not estimable (dropped: nitroFN0.6:VarietyVictory)"
        assert three.note.iloc[2].startswith("5 of 6 contrasts are estimable (dropped: nitroFN0.6:")
        np.testing.assert_allclose(three.F.iloc[2], ref["interaction"][F], rtol=1e-6)
        np.testing.assert_allclose(three.den_df.iloc[2], ref["interaction"][den], rtol=1e-6)
    theirs = ref["car_II"]
    two = in_r_order(fit, theirs["terms"], "normal", 2)
    assert two.num_df.tolist() == theirs["Df"]
    np.testing.assert_allclose(two.F * two.num_df, theirs["Chisq"], rtol=1e-6)
    whole = term_tests(fitted("Oats", "int_factor"))
    assert whole.F.notna().all()  # control
    assert (whole.note == "").all()


def test_terms_outside_of_the_empty_cell_keep_their_test():
    fit = coded("A * B + c * x", "{}", "{}", EMPTY)
    three = fit.anova().frame
    assert three.F.isna().tolist() == [True, True, False, False, False, False]
    two = fit.anova(type=2).frame
    assert two.F.notna().all()
    np.testing.assert_allclose(three.F["a:b"], two.F["a:b"], rtol=1e-9)  # nothing contains them
    np.testing.assert_allclose(three.F["c:x"], two.F["c:x"], rtol=1e-9)


def test_what_cannot_be_told_apart_has_no_test():
    df = FULL.assign(z=3 - 2 * FULL.x)
    fit = fit_formula("y ~ x + a + z + (1 | g)", df)
    for type in (2, 3):
        table = fit.anova(type=type).frame
        assert table.F.isna().tolist() == [True, False, True]
        assert table.num_df.tolist() == [0, 2, 0]
        assert table.note.str.len().gt(0).tolist() == [True, False, True]
    without = fit_formula("y ~ x + a + (1 | g)", df)
    first = fit.anova(type=1).frame
    np.testing.assert_allclose(first.F.iloc[:3], without.anova(type=1).frame.F, rtol=1e-8)
    assert first.loc["z", "note"] == "adds no column to the other terms"
    assert np.isnan(first.F["z"])
    assert fit.anova(type="marginal").frame.loc["z", "note"] == "all of its columns were dropped"
    np.testing.assert_allclose(fit.anova().frame.F["a"], without.anova().frame.F["a"], rtol=1e-8)


def test_a_column_that_comes_back_when_another_leaves():
    """z = x·(c = l) is dropped for x:c, but the model without x:c has it."""
    df = FULL.assign(z=FULL.x * (FULL.c == "l"))
    fit = fit_formula("y ~ x * c + a:z + (1 | g)", df)
    assert fit.design.dropped_columns
    terms, F = layout(fit.design.columns), np.linalg.cholesky(fit.covariance)
    for i in range(1, 5):
        for L in (type1(terms, i, F).L, type2(terms, i, F).L, type3(terms, i).L):
            full = L @ terms.expressed
            assert np.abs(full @ terms.null).max(initial=0) < 1e-10
    assert np.isnan(fit.anova(type=2).frame.F["x:c"])
    assert fit.anova(type=1).frame.F["x:c"] > 0


def test_models_without_an_intercept():
    fit = coded("0 + A + B", "{}", "{}", FULL)
    three, two = fit.anova().frame, fit.anova(type=2).frame
    assert three.num_df.tolist() == [3, 3]
    assert three.note.tolist() == ["without an intercept: the mean of every level is 0", ""]
    assert two.note.tolist() == ["depends on the coding of b, which without a would be another", ""]
    other = coded("0 + A + B", "{}", "C({}, Sum)", FULL)
    np.testing.assert_allclose(other.anova().frame.F, three.F, rtol=1e-8)
    assert abs(other.anova(type=2).frame.F["a"] / two.F["a"] - 1) > 0.05  # as the note says
    with_it = coded("A + B", "{}", "{}", FULL)
    np.testing.assert_allclose(with_it.anova().frame.F["b"], three.F["b"], rtol=1e-8)


def test_a_cell_means_model_compares_the_cells():
    crossed, cells = (coded(f, "{}", "{}", FULL) for f in ("A * B", "A:B"))
    assert cells.anova().frame.num_df["a:b"] == 11
    L = np.eye(12)[1:]  # no effect at all
    np.testing.assert_allclose(cells.anova().frame.F["a:b"], crossed.wald(L).F, rtol=1e-8)


def test_the_intercept_is_tested_where_nlme_tests_it():
    fit = coded("A + x", "{}", "{}", FULL)
    assert [("(Intercept)" in fit.anova(type=type).frame.index) for type in TYPES] == [
        True, False, False, True,
    ]  # fmt: skip
    assert coded("1", "{}", "{}", FULL).anova().frame.empty


def test_containment_counts_the_same_for_every_type():
    fit = coded("A * x", "{}", "{}", FULL)
    den = [term_tests(fit, "containment", type).den_df["a:x"] for type in TYPES]
    assert den == [180 - 18 - 5] * 4


@pytest.mark.parametrize("type", [4, "3", "III", None, True])
def test_a_type_that_does_not_exist(type):
    with pytest.raises(FitError, match=r"type is .*; it must be one of 1, 2, 3, 'marginal'"):
        coded("A", "{}", "{}", FULL).anova(type=type)


def test_a_type_is_of_one_fit():
    one, two = (coded(f, "{}", "{}", FULL).refit(method="ML") for f in ("A", "A + x"))
    with pytest.raises(FitError, match="type 2 is of the tests of one fit"):
        one.anova(two, type=2)
    assert one.anova(two).frame.df.iloc[1] == 1
    with pytest.raises(FitError, match="anova compares fits, not 'A'"):
        one.anova("A")


def test_marginal_notes_name_the_values():
    fit = coded("A * B * x", "C({}, Sum)", "C({}, Treatment('w'))", FULL)
    note = fit.anova(type="marginal").frame.note
    assert note["x"] == "where C(b, Treatment('w')) is w, averaged over C(a, Sum)"
    assert note["C(a, Sum)"] == "where C(b, Treatment('w')) is w and x is 0"
    assert note.iloc[-1] == ""
    assert note["(Intercept)"] == ""
