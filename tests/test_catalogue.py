"""The course's ten models against R's, their equations and tables, and the dictionary of notations.

Tolerances: R's optima are stored with 15 digits. For log-likelihoods of thousands 1e-7 is asked and
5e-11 found, the last digit stored; for estimates and standard errors 1e-8 is asked (the curvature
of the likelihood may cost half of the digits) and 3e-11 found, in a singular fit.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fit_cases import data as reference_data
from print_cases import checked
from reference_cases import stored

from simlab.course.catalogue import catalogue
from simlab.course.notation import TABLES, notation
from simlab.data import DataError, hs
from simlab.errors import NoSuchError
from simlab.fitting.errors import FitError
from simlab.fitting.model import fit

ROOT = Path(__file__).resolve().parents[1]
TITLES = (
    "One way ANOVA with random effects",
    "Means as outcomes",
    "One way ANCOVA",
    "Random coefficients",
    "Intercepts and slopes as outcomes",
    "Non random slopes",
    "Parallel mean slopes",
    "Contextual cluster mean variable with CWG variable and random CWG slopes",
    "Contextual cluster mean variable with raw variable and random CWG slopes",
    "Intercepts and slopes as outcomes with contextual cluster mean variable with CWG variable "
    "and random CWG effect",
)
ROLES = ("mathach", "ses", "sector", "school")


@pytest.fixture(scope="module")
def ten():
    return catalogue(hs(), *ROLES)


# ---- against R -------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("name", ["hs", "hsb"])
def test_the_ten_models_are_those_of_r(name, method):
    result = catalogue(reference_data(name), *ROLES, method)
    frame = result.to_frame()
    for model in result:
        record = stored("fits", f"{name}.json")[model.name]
        truth = record[method]
        assert model.fit is not None
        assert model.fit.loglik == pytest.approx(truth["logLik"], rel=0, abs=1e-7)
        assert model.fit.gamma == pytest.approx(truth["beta"], rel=1e-8)
        assert model.fit.sigma2 == pytest.approx(truth["sigma2"], rel=1e-8)
        assert np.allclose(model.fit.G_matrix, truth["G"], rtol=1e-8, atol=1e-8)
        shown = [n.replace("(ses, school)", "") for n in model.fit.design.fixed_names]
        assert shown == record["coef_names"]
        names = list(model.fit.design.fixed_names)
        column = frame[model.name]
        assert column.loc["fixed", names, "estimate"].to_numpy() == pytest.approx(
            truth["beta"], rel=1e-8
        )
        assert column.loc["fixed", names, "std_error"].to_numpy() == pytest.approx(
            truth["se"], rel=1e-8
        )
        npar = len(truth["beta"]) + len(truth["theta"]) + 1
        N = len(reference_data(name))
        whole = column["model"].droplevel("quantity")
        assert whole["npar"] == npar
        assert whole["deviance"] == pytest.approx(-2 * truth["logLik"], abs=1e-6)
        assert whole["AIC"] == pytest.approx(-2 * truth["logLik"] + 2 * npar, abs=1e-6)
        assert whole["BIC"] == pytest.approx(-2 * truth["logLik"] + npar * np.log(N), abs=1e-6)


def test_another_method_or_model_would_be_noticed(ten):
    """Negative control: neighbours in the table are further apart than the tolerance, by far."""
    record = stored("fits", "hs.json")
    for model in ten:
        assert abs(model.fit.loglik - record[model.name]["ML"]["logLik"]) > 0.1
    assert abs(ten["m4"].fit.loglik - record["m3"]["REML"]["logLik"]) > 0.1


def test_the_formulas_give_the_same_fit_in_either_spelling(ten):
    for model in ten:
        again = fit(model.formula, hs())
        other = fit(model.fixed, hs(), random=model.random)
        assert again.loglik == other.loglik == model.fit.loglik


def test_raw_and_centred_contextual_models_are_one_model(ten):
    """γ_10 is the same, and what is between clusters in m8 is contextual + within in m9."""
    raw, centred = ten["m9"].fit.fixef, ten["m8"].fit.fixef
    assert ten["m8"].fit.loglik == pytest.approx(ten["m9"].fit.loglik, abs=1e-8)
    assert raw["ses"] == pytest.approx(centred["dvar(ses, school)"], rel=1e-7)
    between = raw["cvar(ses, school)"] + raw["ses"]
    assert between == pytest.approx(centred["cvar(ses, school)"], rel=1e-7)


# ---- names, equations ------------------------------------------------------------------------


def test_the_traditional_names(ten):
    assert tuple(model.title for model in ten) == TITLES
    assert [model.name for model in ten] == [f"m{i}" for i in range(1, 11)]
    assert len(ten) == 10
    with pytest.raises(NoSuchError, match="m1 to m10"):
        ten["m11"]


def test_equations_literally(ten):
    five = ten["m5"]
    assert five.formula == "mathach ~ 1 + ses + sector + ses:sector + (1 + ses | school)"
    assert five.random == "~ 1 + ses | school"
    assert five.equations == (
        "mathach_ij = β_0j + β_1j ses_ij + ε_ij",
        ("β_0j = γ_00 + γ_01 sector_j + u_0j", "β_1j = γ_10 + γ_11 sector_j + u_1j"),
        "mathach_ij = γ_00 + γ_01 sector_j + γ_10 ses_ij + γ_11 sector_j ses_ij + u_0j "
        "+ u_1j ses_ij + ε_ij",
    )
    nine = ten["m9"]
    assert (
        nine.formula == "mathach ~ 1 + cvar(ses, school) + ses + (1 + dvar(ses, school) | school)"
    )
    assert nine.equations == (
        "mathach_ij = β_0j + β_1j dvar(ses)_ij + ε_ij",
        ("β_0j = γ_00 + (γ_01 + γ_10) cvar(ses)_j + u_0j", "β_1j = γ_10 + u_1j"),
        "mathach_ij = γ_00 + γ_01 cvar(ses)_j + γ_10 ses_ij + u_0j + u_1j dvar(ses)_ij + ε_ij",
    )
    assert ten["m1"].equations.combined == "mathach_ij = γ_00 + u_0j + ε_ij"
    assert ten["m6"].equations.level2[1] == "β_1j = γ_10 + γ_11 sector_j"
    assert "sector_j is 1 for Public, 0 for Catholic" in ten.where


@pytest.mark.parametrize("method", ["REML"])
def test_combined_equations_have_a_term_for_each_parameter(ten, method):
    for model in ten:
        combined = model.equations.combined
        assert combined.count("γ_") == len(model.fit.gamma)
        assert combined.count("u_") == len(model.fit.design.random_names)


def test_a_numeric_covariate_of_level_2_and_one_of_three_categories():
    numeric = catalogue(hs(), "mathach", "ses", "size", "school")
    assert numeric["m2"].equations.level2 == ("β_0j = γ_00 + γ_01 size_j + u_0j",)
    assert len(numeric.where) == 2
    df = hs()
    df["kind"] = pd.cut(df["size"], [0, 600, 1200, 9999], labels=["small", "medium", "large"])
    three = catalogue(df, "mathach", "ses", "kind", "school")
    assert three["m5"].equations.level2[1] == (
        "β_1j = γ_10 + γ_11 kind[medium]_j + γ_12 kind[large]_j + u_1j"
    )
    assert three["m10"].equations.combined.count("γ_") == len(three["m10"].fit.gamma) == 9
    assert any("small has none" in line for line in three.where)


# ---- what is printed -------------------------------------------------------------------------


def test_the_text_has_every_estimate_once_rounded(ten):
    text = str(ten)
    for model in ten:
        assert f"{model.name:<4} {model.title}"[:60] in text
        assert f"{model.fit.loglik:.2f}" in text
        for estimate, error in zip(model.fit.gamma, model.fit.std_error, strict=True):
            decimals = max(3 - int(np.floor(np.log10(error))), 0)
            assert f"{estimate:.{decimals}f}" in text
            assert f"({error:.{decimals}f})" in text
    assert max(map(len, text.split("\n"))) <= 100
    assert "same fixed part only" in text
    assert "same fixed part only" not in str(catalogue(hs(), *ROLES, "ML"))


def test_html_is_well_formed_and_escaped(ten):
    text = checked(ten._repr_html_())
    for model in ten:
        assert model.title in text
    assert "12.6047" in text
    df = hs().rename(columns={"ses": "s<e>s & co", "sector": "<script>"})
    odd = catalogue(df, "mathach", "s<e>s & co", "<script>", "school")
    assert [m.name for m in odd if m.fit is None] == []
    html = odd._repr_html_()
    assert "s&lt;e&gt;s &amp; co" in html
    checked(html)
    assert odd["m5"].fit.loglik == ten["m5"].fit.loglik
    assert odd["m5"].equations.level2[0] == "β_0j = γ_00 + γ_01 <script>_j + u_0j"


# ---- data that are not as they should be -----------------------------------------------------


def test_missing_rows_are_left_out_of_all_models():
    df = hs()
    df.loc[[3, 700], "ses"] = np.nan
    df.loc[[3, 4, 1500], "mathach"] = np.nan
    df.loc[10, "sector"] = np.nan
    result = catalogue(df, *ROLES)
    assert result.N == 1977 - 5
    assert {model.fit.nobs for model in result} == {1977 - 5}
    assert result.notes[0].startswith("5 of 1977 rows left out of all models")
    assert "mathach 3, ses 2, sector 1" in result.notes[0]
    assert all("left out" not in note for model in result for note in model.fit.notes)
    # as `fit` does, cluster means are over all rows that have x and a cluster
    df.loc[10, "mathach"] = np.nan
    with pytest.warns(UserWarning, match="5 of 1977 rows"):
        alone = fit(result["m8"].formula, df)
    assert alone.loglik == pytest.approx(result["m8"].fit.loglik, abs=1e-9)


def test_a_model_that_cannot_be_fitted_keeps_the_others():
    rng = np.random.default_rng(5)
    df = pd.DataFrame({"g": np.repeat(np.arange(20), 2), "w": np.repeat(rng.normal(size=20), 2)})
    df["x"] = rng.normal(size=40)
    df["y"] = df.x + df.w + np.repeat(rng.normal(size=20), 2) + rng.normal(size=40)
    result = catalogue(df, "y", "x", "w", "g")
    failed = [model.name for model in result if model.fit is None]
    assert failed == ["m4", "m5", "m7", "m8", "m9", "m10"]  # 40 random effects for 40 rows
    assert all("40 random effects" in result[name].reason for name in failed)
    assert result.to_frame()[failed].isna().all(axis=None)
    assert result["m3"].fit is not None
    text = str(result)
    assert "m4, m5, m7: not fitted: the data: 40 rows and 40 random effects" in text
    assert text.count("unfitted") == len(failed)
    assert "40 random effects" in checked(result._repr_html_())


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        (("mathach", "ses", "minority", "school"), "minority varies within 33 clusters of school"),
        (("mathach", "size", "sector", "school"), "size is constant within every cluster"),
        (("sex", "ses", "sector", "school"), "which is not a number; y must be numeric"),
        (("mathach", "sex", "sector", "school"), "x must be numeric"),
        (("mathach", "ses", "sector", "skool"), "did you mean 'school'"),
        (("mathach", "ses", "ses", "school"), "'ses' is given as covariate x and covariate w"),
        (("mathach", "ses", "school", "school"), "given as covariate w of clusters and cluster"),
    ],
)
def test_a_mistake_is_told_in_one_line(roles, message):
    with pytest.raises(DataError, match=message) as caught:
        catalogue(hs(), *roles)
    assert "\n" not in str(caught.value)


def test_the_clusters_where_w_varies_are_named():
    df = hs()
    df.loc[df.index[0], "sector"] = "Public" if df["sector"].iloc[0] == "Catholic" else "Catholic"
    with pytest.raises(DataError, match=rf"within 1 cluster of school \({df.school.iloc[0]}\)"):
        catalogue(df, *ROLES)
    with pytest.raises(FitError, match="'REML' or 'ML'"):
        catalogue(hs(), *ROLES, method="MLE")
    with pytest.raises(DataError, match="must be a data frame"):
        catalogue([1, 2], *ROLES)


# ---- the dictionary --------------------------------------------------------------------------


def test_the_page_holds_the_table_that_is_printed():
    page = (ROOT / "docs" / "notation.md").read_text("utf-8")
    assert notation("markdown") in page
    text = notation()
    for table in TABLES:
        assert table.title in text
        for row in table.rows:
            assert all(cell in text for cell in row)
    assert max(map(len, text.split("\n"))) <= 100


def test_the_dictionary_says_what_the_course_says():
    """The course's table, row by row: Bryk & Raudenbush, SAS, Pinheiro & Bates, the course."""
    rows = {row[0]: row[1:] for row in TABLES[0].rows}
    for row, letters in {
        "fixed effects": ("γ", "β", "β", "γ"),
        "random effects": ("u_j", "γ", "b_i", "u_j"),
        "their variance": ("T", "G", "Ψ", "G"),
        "residual variance": ("Σ", "R", "σ²Λ", "R"),
    }.items():
        results = [rows[row][i] for i in (0, 1, 2, 4)]
        assert all(f.startswith(letter) for f, letter in zip(results, letters, strict=True)), row


def test_names_in_code_exist():
    result = fit("mathach ~ ses + (1 | school)", hs())
    for row in TABLES[3].rows:
        name = row[-1].removeprefix("fit.")
        if "(" not in name:
            assert hasattr(result, name)
    with pytest.raises(FitError, match="format"):
        notation("latex")
