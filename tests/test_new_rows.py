"""Predictions of new rows: contexts that are known or given, and combinations without data."""

import warnings

import numpy as np
import pandas as pd
import pytest
from fit_cases import fit_formula
from reference_cases import rows, stored

import simlab
from simlab.data import DataError, hs
from simlab.fitting.errors import FitError, FitWarning
from simlab.formula import build

SCHOOLS = hs()
CONTEXT = "cvar(ses, school)"
MODEL = f"mathach ~ dvar(ses, school) * sector + {CONTEXT} + (1 + dvar(ses, school) | school)"
STUDENT = pd.DataFrame({"ses": [0.5], "sector": ["Public"], "school": ["1906"]})
MEANS = SCHOOLS.groupby("school").ses.mean()


@pytest.fixture(scope="module")
def fit():
    return fit_formula(MODEL, SCHOOLS)


def by_hand(fit, ses, context, public=1.0):
    """Population mean at a context."""
    g = fit.fixef
    slope = g["dvar(ses, school)"] + public * g["dvar(ses, school):sectorPublic"]
    rest = g["(Intercept)"] + public * g["sectorPublic"] + g[CONTEXT] * context
    return rest + slope * (ses - context)


# ------------------------------------------------------------------ contexts


def test_a_prediction_does_not_depend_on_the_other_rows_of_the_grid(fit):
    alone = fit.predict(STUDENT, of="population")
    grid = pd.concat([STUDENT.assign(ses=s) for s in (-3.0, 0.5, 1.0)], ignore_index=True)
    together = fit.predict(grid, of="population")
    assert together[1] == pytest.approx(alone[0], rel=1e-12)
    expected = by_hand(fit, np.array([-3.0, 0.5, 1.0]), MEANS["1906"])
    np.testing.assert_allclose(together, expected, rtol=1e-12)
    one_cluster = grid.ses.mean()  # control: the mean of the grid is another context
    assert abs(by_hand(fit, 0.5, one_cluster) - alone[0]) > 0.5


@pytest.mark.parametrize("how", ["column", "at", "spaces"])
def test_the_context_of_a_new_school_is_given(fit, how):
    new = STUDENT.assign(school="new")
    if how == "column":
        predicted = fit.predict(new.assign(**{CONTEXT: -0.3}))
    else:
        predicted = fit.predict(new, at={CONTEXT if how == "at" else "cvar(ses,school)": -0.3})
    assert predicted[0] == pytest.approx(by_hand(fit, 0.5, -0.3), rel=1e-12)
    assert "predicted for the population" in predicted.attrs["note"]


def test_without_the_cluster_the_context_is_given(fit):
    new = STUDENT.drop(columns="school")
    for of in ("population", None):
        predicted = fit.predict(new, of, at={CONTEXT: -0.3})
        assert predicted[0] == pytest.approx(by_hand(fit, 0.5, -0.3), rel=1e-12)
    with pytest.raises(DataError, match="no column 'school' for the cluster"):
        fit.predict(new, of="cluster", at={CONTEXT: -0.3})


@pytest.mark.parametrize("of", ["population", None])
@pytest.mark.parametrize("how", ["new", "missing", "absent"])
def test_a_context_that_nobody_knows_is_one_clear_error(fit, how, of):
    labels = {"new": "new", "missing": None}
    rows_ = pd.concat([STUDENT, STUDENT.assign(school=labels.get(how))], ignore_index=True)
    says = {
        "new": "row 1: school is 'new', which has no cvar",
        "missing": "row 1: school is missing",
        "absent": "no column 'school' for the cluster, from which cvar",
    }
    with pytest.raises(DataError, match=says[how]) as error:
        fit.predict(rows_.drop(columns="school") if how == "absent" else rows_, of)
    text = str(error.value)
    assert "give a column 'cvar(ses, school)' of the new data" in text
    assert "at={'cvar(ses, school)': value}" in text
    assert "\n" not in text


def test_what_is_given_counts_for_known_schools_too(fit):
    """The effect at a fixed context needs it; a missing value leaves the school its own mean."""
    two = pd.concat([STUDENT, STUDENT], ignore_index=True).assign(**{CONTEXT: [1.0, np.nan]})
    predicted = fit.predict(two, of="population")
    expected = [by_hand(fit, 0.5, 1.0), by_hand(fit, 0.5, MEANS["1906"])]
    np.testing.assert_allclose(predicted, expected, rtol=1e-12)
    own = fit.predict(two)  # of the cluster: the same û_j, along another deviation
    u = fit.ranef().estimate.loc["1906"]
    deviation = 0.5 - np.array([1.0, MEANS["1906"]])
    expected = expected + u["(Intercept)"] + u["dvar(ses, school)"] * deviation
    np.testing.assert_allclose(own, expected, rtol=1e-10)
    with pytest.raises(DataError, match="row 1: school is 'new'"):
        fit.predict(two.assign(school=["1906", "new"]))


def test_the_deviation_may_be_given_and_then_needs_no_ses(fit):
    given = {"sector": ["Public"], CONTEXT: [-0.3], "dvar(ses, school)": [0.8]}
    assert fit.predict(given)[0] == pytest.approx(by_hand(fit, 0.5, -0.3), rel=1e-12)
    known = fit.predict(
        STUDENT.drop(columns="ses").assign(**{"dvar(ses, school)": 0.0}), of="population"
    )
    mean = MEANS["1906"]
    assert known[0] == pytest.approx(by_hand(fit, mean, mean), rel=1e-12)
    only_school = fit_formula(f"mathach ~ {CONTEXT} + (1 | school)", SCHOOLS)
    predicted = only_school.predict({"school": ["1906"]}, of="population")
    expected = only_school.gamma @ [1, mean]
    assert predicted[0] == pytest.approx(expected, rel=1e-12)


def test_expressions_of_a_context_follow_it():
    formula = f"mathach ~ ses:{CONTEXT} + I({CONTEXT}^2) + scale({CONTEXT}) + poly({CONTEXT}, 2)"
    design = build(f"{formula} + I({CONTEXT} > 0) + (1 | school)", SCHOOLS)
    c = -0.4
    X = design.new(STUDENT.assign(school="new"), at={CONTEXT: c}).X[0]
    value = dict(zip(design.fixed_names, X, strict=True))
    rows_ = SCHOOLS.school.map(MEANS)
    assert value[f"ses:{CONTEXT}"] == pytest.approx(0.5 * c)
    assert value[f"I({CONTEXT}**2)"] == pytest.approx(c**2)
    assert value[f"scale({CONTEXT})"] == pytest.approx((c - rows_.mean()) / rows_.std())
    assert value[f"I({CONTEXT} > 0)True"] == 0
    school = MEANS.index[np.argmin(abs(MEANS))]  # a known school with that mean has the same row
    one = STUDENT.assign(school=school)
    known = design.new(one).X
    np.testing.assert_allclose(design.new(one, at={CONTEXT: MEANS[school]}).X, known, atol=1e-12)


def test_the_shares_of_a_factor_are_given_by_the_names_of_the_columns():
    rng = np.random.default_rng(3)
    df = SCHOOLS.assign(kind=rng.choice(list("abc"), len(SCHOOLS)))
    fit = fit_formula("mathach ~ cvar(kind, school) + dvar(kind, school) + (1 | school)", df)
    shares = {"cvar(kind, school)b": 0.2, "cvar(kind, school)c": 0.5}
    predicted = fit.predict({"kind": ["b", "a"]}, at=shares)
    g = fit.fixef.to_numpy()
    expected = [g @ [1, 0.2, 0.5, 0.8, -0.5], g @ [1, 0.2, 0.5, -0.2, -0.5]]
    np.testing.assert_allclose(predicted, expected, rtol=1e-12)
    with pytest.raises(DataError, match=r"\)b' is there and 'cvar\(kind, school\)c' is not"):
        fit.predict({"kind": ["b"], "cvar(kind, school)b": [0.2]})
    with pytest.raises(DataError, match=r"give columns 'cvar\(kind, school\)b', 'cvar\(kind, sc"):
        fit.predict({"kind": ["b"], "school": ["new"]})


def test_a_school_whose_rows_were_left_out_has_its_mean():
    """As in R the mean is over all rows that have ses; without one there is no mean."""
    absent = SCHOOLS.school == "1906"
    for column, says in (("mathach", "predicted for the population"), ("ses", None)):
        df = SCHOOLS.assign(**{column: SCHOOLS[column].where(~absent)})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FitWarning)
            fit = simlab.fit(MODEL, df)
        if says:
            predicted = fit.predict(STUDENT)
            assert predicted[0] == pytest.approx(by_hand(fit, 0.5, MEANS["1906"]), rel=1e-12)
            assert says in predicted.attrs["note"]
        else:
            with pytest.raises(DataError, match="school is '1906', which has no cvar"):
                fit.predict(STUDENT)


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ({"cvar(sex, school)": 1.0}, r"the formula has no 'cvar\(sex, school\)'; it has ses"),
        ({CONTEXT: [1.0]}, "one value, the same in all rows"),
        ({CONTEXT: np.nan}, "one value"),
        ({CONTEXT: "high"}, "does not hold numbers"),
        ({CONTEXT: np.inf}, "infinite"),
        ({"ses": 1.0}, "'ses' is a column of the new data too"),
    ],
)
def test_at_that_cannot_be_used(fit, at, says):
    with pytest.raises(DataError, match=says) as error:
        fit.predict(STUDENT, at=at)
    assert "\n" not in str(error.value)


def test_at_stands_for_any_column_and_needs_new_data(fit):
    predicted = fit.predict(STUDENT[["school"]], at={"ses": 0.5, "sector": "Public"})
    assert predicted[0] == fit.predict(STUDENT)[0]
    with pytest.raises(FitError, match="at= is of new data"):
        fit.predict(at={CONTEXT: 0.0})


def test_scale_poly_and_splines_keep_their_training(fit):
    formula = "mathach ~ scale(ses) + poly(minutes, 2) + bs(late, df=4) + (1 | school)"
    rng = np.random.default_rng(1)
    df = SCHOOLS.assign(minutes=rng.uniform(size=len(SCHOOLS)), late=rng.uniform(size=len(SCHOOLS)))
    design = build(formula, df)
    some = df.iloc[[5, 900]]
    np.testing.assert_allclose(design.new(some).X, design.X[[5, 900]], rtol=1e-12, atol=1e-14)
    assert abs(build(formula, df.iloc[:900]).new(some).X - design.X[[5, 900]]).max() > 0.01


# ------------------------------------------------------------------ combinations without data


def holed():
    oats = rows("Oats")
    return oats[~((oats.Variety == "Victory") & (oats.nitroF == "N0.6"))]


def test_an_empty_cell_is_nan_as_in_emmeans():
    ref = stored("codings.json")["empty_cell"]["cells"]
    fit = fit_formula("yield ~ nitroF * Variety + (1 | Block)", holed())
    cells = pd.DataFrame({name: ref[name] for name in ("nitroF", "Variety")})
    with pytest.warns(FitWarning, match="not estimable, so NaN: row 11 of 12") as caught:
        predicted = fit.predict(cells, interval="confidence")
    assert len(caught) == 1
    mean, se = (np.array(ref[name], dtype=float) for name in ("mean", "se"))
    np.testing.assert_allclose(predicted.fit, mean, rtol=1e-8)  # with NaN in the same place
    np.testing.assert_allclose((predicted.upper - predicted.fit) / 1.959963984540054, se, rtol=1e-6)
    assert predicted.isna().sum().tolist() == [1, 1, 1]
    assert "nitroFN0.6:VarietyVictory" in predicted.attrs["note"]
    whole = fit_formula("yield ~ nitroF * Variety + (1 | Block)", rows("Oats"))
    assert whole.predict(cells).notna().all()  # control
    additive = fit_formula("yield ~ nitroF + Variety + (1 | Block)", holed())
    assert additive.predict(cells).notna().all()  # there it can be estimated


@pytest.mark.parametrize("coding", ["{}", "C({}, Sum)", "C({}, Helmert)", "C({}, Poly)"])
@pytest.mark.parametrize("of", ["population", "cluster"])
def test_it_is_the_same_cell_in_every_coding_and_at_every_level(coding, of):
    name = coding.format("Variety")
    fit = fit_formula(f"yield ~ nitroF * {name} + (1 | Block)", holed())
    cells = rows("Oats").drop(columns="yield")
    empty = (cells.Variety == "Victory") & (cells.nitroF == "N0.6")
    for interval in ("confidence", "prediction"):
        with pytest.warns(FitWarning, match="6 rows, the first"):
            predicted = fit.predict(cells, of, interval)
        assert (predicted.isna().all(axis=1) == empty).all()
        assert predicted[~empty].notna().all(axis=None)


def test_a_combination_of_covariates_that_never_vary_apart():
    """Temperature in two units, far from 0: rows that contradict the training are not estimable."""
    df = SCHOOLS.assign(C=1e4 + SCHOOLS.ses, F=32 + 1.8 * (1e4 + SCHOOLS.ses))
    fit = fit_formula("mathach ~ C + F + (1 | school)", df)
    assert fit.design.dropped_columns == ("F",)
    C = np.array([1e4 + 0.5, 1e4 + 0.5, 1e4, 2e4])
    F = 32 + 1.8 * C + [0, 1e-3, 0, 0]
    with pytest.warns(FitWarning, match="row 1 of 4"):
        predicted = fit.predict({"C": C, "F": F})
    assert predicted.isna().tolist() == [False, True, False, False]
    alone = fit_formula("mathach ~ C + (1 | school)", df)
    np.testing.assert_allclose(predicted[[0, 2, 3]], alone.predict({"C": C[[0, 2, 3]]}), rtol=1e-9)


@pytest.mark.parametrize(
    "formula",
    [
        "nitroF * Variety", "0 + nitroF:Variety", "nitroF:Variety", "nitroF + C(nitroF, Sum)",
        "nitro + I(2 * nitro) + I(nitro - 5)", "poly(nitro, 3) + nitroF", "0 + nitro * nitroF",
    ],
)  # fmt: skip
def test_every_row_of_the_data_is_estimable(formula):
    fit = fit_formula(f"yield ~ {formula} + (1 | Block)", holed())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predicted = fit.predict(holed().drop(columns="yield"))
    np.testing.assert_allclose(predicted, fit.fitted(), rtol=1e-10)


def test_a_level_that_is_always_zero_elsewhere():
    """A covariate that is 0 in all rows: its effect is unknown wherever it is not 0."""
    fit = fit_formula("mathach ~ ses + flag + (1 | school)", SCHOOLS.assign(flag=0.0))
    with pytest.warns(FitWarning, match="row 1 of 2"):
        predicted = fit.predict({"ses": [0, 0], "flag": [0, 1e-6]})
    assert predicted.isna().tolist() == [False, True]
