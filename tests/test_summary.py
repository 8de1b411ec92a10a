"""What is printed of a fit against R's numbers, read back from the text.

Tolerance: half a unit of the last digit printed, and 1e-6 of the number, which is what is asked of
the numbers themselves in their own tests.
"""

import re

import numpy as np
import pandas as pd
import pytest
from fit_cases import data, fit_formula, fitted, models
from print_cases import NUMBER, agrees, cells, checked
from reference_cases import stored

from simlab.data import hs
from simlab.fitting import model as fit_model
from simlab.fitting.errors import FitError, FitWarning
from simlab.fitting.summary import SOURCES, summary
from simlab.text import text_table, wrapped_sum
from simlab.text.html import html_symbols
from simlab.text.numbers import number, p_value
from simlab.text.page import Section, page

SETS = ("hs", "sleepstudy", "sim5", "Orthodont")
CASES = [case for case in models(SETS) if case[2] == "REML"]
FIVE = "mathach ~ ses * sector + (1 + ses | school)"


# ---- numbers against R -----------------------------------------------------------------------


@pytest.mark.parametrize(("name", "model", "method"), CASES)
def test_fixed_effects_as_printed_are_those_of_r(name, model, method):
    truth = stored("fits", f"{name}.json")[model][method]
    text = str(summary(fitted(name, model, method)))
    for i, label in enumerate(fitted(name, model, method).design.fixed_names):
        values = cells(text, label)
        estimate, error = truth["beta"][i], truth["se"][i]
        assert agrees(values[0], estimate)
        assert agrees(values[1], error)
        assert agrees(values[2], truth["df"][i])
        assert agrees(values[3], estimate / error)
        assert len(values) == 7
    assert agrees(re.search(rf"^ *({NUMBER}) ", text.split("─\n")[1])[1], truth["logLik"])


@pytest.mark.parametrize(("name", "model", "method"), CASES)
def test_variance_components_as_printed_are_those_of_r(name, model, method):
    truth = stored("fits", f"{name}.json")[model][method]
    fit = fitted(name, model, method)
    text = str(summary(fit))
    intervals = truth["wald_intervals_exact"]
    for a, label in enumerate(fit.design.random_names):
        variance, sd, *ends = cells(text, label, "Random effects")
        assert agrees(variance, truth["G"][a][a])
        assert agrees(sd, np.sqrt(truth["G"][a][a]))
        if intervals is not None:
            at = intervals["names"].index(f"sd({label})")
            assert agrees(ends[0], intervals["lower"][at])
            assert agrees(ends[1], intervals["upper"][at])
    assert agrees(cells(text, "residual", "Random effects")[0], truth["sigma2"])
    for at, label in enumerate(intervals["names"] if intervals else ()):
        if label.startswith("cor("):
            rho, *ends = cells(text, label.replace(",", ", "), "Random effects")
            assert agrees(rho, intervals["est"][at])
            assert agrees(ends[0], intervals["lower"][at])
            assert agrees(ends[1], intervals["upper"][at])


@pytest.mark.parametrize("model", ["m3", "m5", "m8"])
@pytest.mark.parametrize("df", ["kenward-roger", "containment", "normal"])
def test_other_degrees_of_freedom(model, df):
    truth = stored("fits", "hs.json")[model]["REML"]
    s = summary(fitted("hs", model, "REML"), df)
    text = str(s)
    assert SOURCES[df] in text
    for i, label in enumerate(fitted("hs", model, "REML").design.fixed_names):
        values = cells(text.replace("∞", "1e999"), label)
        error = truth["se"][i]
        if df == "kenward-roger":
            error = np.sqrt(truth["kr"]["vcovAdj"][i][i])
            assert agrees(values[2], truth["kr"]["df"][i])
        elif df == "containment":
            assert float(values[2]) == truth["containment"]["df"][i]
        else:
            assert np.isinf(float(values[2]))
        assert agrees(values[1], error)


def test_containment_without_df_says_why():
    g = np.repeat([0, 1], 8)
    df = pd.DataFrame({"g": g, "arm": g * 1.0, "y": np.random.default_rng(1).normal(size=16)})
    text = str(fit_formula("y ~ arm + (1 | g)", df, "ML").summary(df="containment"))
    assert "none are left where a coefficient has too few clusters" in " ".join(text.split())


def test_another_fit_would_be_noticed():
    """Negative control: the printed digits tell REML from ML and df from df."""
    truth = stored("fits", "hs.json")["m5"]["ML"]
    text = str(summary(fitted("hs", "m5", "REML")))
    values = cells(text, "ses")
    assert not agrees(values[0], truth["beta"][1])
    assert not agrees(values[1], truth["se"][1])
    other = cells(str(summary(fitted("hs", "m5", "REML"), "containment")), "ses")
    assert values[2] != other[2]
    assert values[0] == other[0]


def test_the_frame_has_every_digit():
    fit = fitted("hs", "m5", "REML")
    s = summary(fit)
    frame = s.to_frame().set_index(["part", "term"])
    assert frame.loc["fixed", "estimate"].to_numpy() == pytest.approx(fit.gamma, rel=1e-15)
    assert frame.loc[("model", "logLik"), "estimate"] == fit.loglik
    assert frame.loc[("model", "npar"), "estimate"] == 8
    assert list(frame.loc["random"].index) == [
        "sd((Intercept))", "sd(ses)", "cor((Intercept),ses)", "sigma",
    ]  # fmt: skip
    assert frame.loc[("random", "sigma"), "estimate"] ** 2 == pytest.approx(fit.sigma2)
    assert s.shares["icc"] == pytest.approx(float(frame.loc[("model", "icc"), "estimate"]))


def test_correlations_of_the_estimates():
    fit = fitted("hs", "m5", "REML")
    s = summary(fit, correlation=True)
    V = np.array(stored("fits", "hs.json")["m5"]["REML"]["vcov"])
    truth = V / np.sqrt(np.outer(np.diag(V), np.diag(V)))
    assert s.correlation is not None
    assert np.allclose(s.correlation, truth, atol=1e-9)
    assert "Correlations of their estimates" in str(s)
    assert agrees(cells(str(s), "4 ses:sectorPublic", "Correlations")[1], truth[3, 1])
    assert "Correlations" not in str(summary(fit))


def test_level_changes_intervals_and_nothing_else():
    fit = fitted("hs", "m5", "REML")
    wide, narrow = summary(fit, level=0.99), summary(fit, level=0.5)
    assert (wide.coefficients["lower"] < narrow.coefficients["lower"]).all()
    assert (wide.components["upper"] > narrow.components["upper"]).all()
    assert (wide.coefficients["p_value"] == narrow.coefficients["p_value"]).all()
    assert "99 % intervals" in str(wide)
    for bad in (0, 1, 95):
        with pytest.raises(FitError, match="between 0 and 1"):
            summary(fit, level=bad)


# ---- what must not be overlooked -------------------------------------------------------------


def test_sizes_and_notes_are_prominent():
    df = hs()
    df.loc[[1, 5], "ses"] = np.nan
    df["twice"] = 2 * df["ses"]
    with pytest.warns(FitWarning):
        fit = fit_model.fit("mathach ~ ses + twice + (1 | school)", df)
    s = summary(fit)
    head = str(s).split("Random effects")[0]
    assert "NOTE: 2 of 1977 rows left out, with missing values in: ses 2, twice 2" in head
    assert "NOTE: fixed effects are rank-deficient: dropped twice" in head
    assert "N = 1975 rows in J = 40 clusters of school" in head
    assert s.sizes[:2] == (1975, 40)
    html = checked(s._repr_html_())
    assert "2 of 1977 rows left out" in html
    for note in fit.notes:
        assert note[:40] in str(fit)


def test_a_singular_fit_says_so():
    fit = fitted("sim5", "m3", "REML")
    fit = fit_model.fit_design(fit.design, "REML")
    s = summary(fit)
    assert fit.singular
    assert "NOTE: singular fit" in str(s)
    assert s.components["lower"].isna().any()
    assert s.interval_notes
    flat = " ".join(str(s).split())
    assert all(" ".join(note.split()) in flat for note in s.interval_notes)
    assert "singular" not in str(summary(fitted("hs", "m5", "REML")))
    checked(s._repr_html_())


def test_kenward_roger_of_ml_and_unknown_df_are_refused():
    with pytest.raises(FitError, match="REML"):
        summary(fitted("hs", "m5", "ML"), "kenward-roger")
    with pytest.raises(FitError, match="df is 'kr'"):
        summary(fitted("hs", "m5", "REML"), "kr")  # type: ignore[arg-type]


# ---- looks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "model", "method"), CASES[:12])
def test_text_is_narrow_and_html_is_sound(name, model, method):
    s = summary(fitted(name, model, method), correlation=True)
    assert max(map(len, str(s).split("\n"))) <= 100
    text = checked(s._repr_html_())
    for label in s.coefficients.index:
        assert str(label) in text
    assert repr(s) == str(s)


def test_names_are_escaped():
    df = hs().rename(columns={"ses": "a<b & 'c'", "school": "<img src=x>"})
    df["mathach\n"] = df.pop("mathach")
    fit = fit_formula("`mathach\n` ~ `a<b & 'c'` + (1 | `<img src=x>`)", df.rename(columns=str))
    html = summary(fit)._repr_html_()
    checked(html)
    assert "<img" not in html
    assert "a&lt;b &amp; &#x27;c&#x27;" in html
    assert "mathach\n" not in str(summary(fit)).split("Fixed")[0].split("\n\n")[1]
    whole = page("<b>", [Section("", html)])
    assert "<title>&lt;b&gt;</title>" in whole
    checked(whole.split("\n", 1)[1])


def test_the_short_form():
    fit = fitted("hs", "m5", "REML")
    text = str(fit)
    assert 5 <= len(text.split("\n")) <= 10
    for word in ("REML", "1977 rows", "40 clusters of school", "-6419.6947", "13.4796", "0.523"):
        assert word in text
    many = fit_formula("mathach ~ ses * sector * sex * minority + (1 | school)", data("hs"))
    assert "… and 10 more" in str(many)
    assert len(str(many).split("\n")) <= 10


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (13.4795641, 0.45022, "13.4796"), (-0.00001, 0.5, "0.0000"), (0.0, None, "0"),
        (1.23456e-9, None, "1.235e-09"), (123456789.0, 3.0, "1.235e+08"), (37.43014, None, "37.43"),
        (float("nan"), 1.0, ""), (float("inf"), 1.0, "∞"), (-2.5, float("nan"), "-2.500"),
    ],
)  # fmt: skip
def test_numbers(value, unit, text):
    assert number(value, unit) == text


def test_small_things():
    assert (p_value(0.0218666), p_value(3.2e-7), p_value(float("nan"))) == (
        "0.02187",
        "3.20e-07",
        "",
    )
    lines = text_table(["", "a"], [["x", "1.25"], ["y", "10"], ["z", "(0.125)"]], "  ").split("\n")
    assert lines == ["           a", f"  {'─' * 10}", "  x   1.25", "  y  10", "  z  (0.125)"]
    folded = wrapped_sum("y_ij = " + " + ".join(["γ_00 cvar(x, g)_j"] * 9), "  ", "    ")
    assert all(line.strip().startswith(("y_ij", "+ γ")) for line in folded.split("\n"))
    assert len(folded.split("\n")) > 1
    assert html_symbols("β_0j x_1_ij <") == "β<sub>0j</sub> x_1<sub>ij</sub> &lt;"
    assert isinstance(summary(fitted("hs", "m1", "REML")).statistics, pd.Series)
    assert FIVE in str(summary(fit_formula(FIVE, hs())))
