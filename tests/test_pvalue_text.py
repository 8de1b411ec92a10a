"""What a user of p-values by simulation sees: the text, the command, the page, the mistakes."""

import io

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from fit_cases import data
from print_cases import agrees, cells
from test_cli import simlab as command

import simlab
from simlab.data import DataError
from simlab.fitting.errors import FitError
from simlab.formula import FormulaError
from simlab.plots.null import null_figure

NULL = "mathach ~ ses + (1 | school)"
SLOPE = "mathach ~ ses + (1 + ses || school)"
SEX = "mathach ~ ses + sex + (1 | school)"


def pvalue(null=NULL, alternative=SLOPE, **options):
    return simlab.pvalue(data("hs"), null, alternative, **{"draws": 99} | options)


# ---------------------------------------------------------------- text and frames


def test_the_numbers_of_the_text_are_those_of_the_result():
    test = pvalue(exact_draws=1000)
    text = str(test)
    assert repr(test) == text
    for part in (NULL, SLOPE, "H0 says: Var(ses) = 0", "% of the T* are 0", "99 draws from H0"):
        assert part in text
    for name, row in test.to_frame().iterrows():
        shown = cells(text, name, "law")
        assert agrees(shown[-1], row["p_value"])
        assert agrees(shown[-2], row["statistic"])
    low, high = test.interval
    assert f"95 % interval {low:.5f} to {high:.5f}" in text
    assert "exact null" not in str(pvalue(exact_draws=0))
    assert all(len(line) <= 100 for line in text.split("\n"))


def test_the_frame_has_everything():
    test = pvalue(alternative=SEX)
    frame = test.to_frame()
    first = frame.iloc[0]
    assert frame.index[0] == "simulated"
    assert (first["lower"], first["upper"]) == test.interval
    assert first["exceedances"] == test.exceedances
    assert frame.loc["Kenward–Roger", "den_df"] > 1000
    assert frame["p_value"].notna().sum() == len(test.references["p_value"].dropna()) + 1


def test_what_stopped_early_says_so():
    text = str(pvalue(stop=5, draws=999))
    assert "where it was to stop (Besag & Clifford 1991)" in text
    assert "where it was to stop" not in str(pvalue())


def test_names_that_would_break_the_page_do_not():
    df = data("hs").rename(columns={"ses": "s\nes"})
    test = simlab.pvalue(
        df, "mathach ~ 1 + (1 | school)", "mathach ~ `s\nes` + (1 | school)", draws=9
    )
    assert "H0 says: `s es` = 0" in str(test) or "H0 says: s es = 0" in str(test)


def test_the_picture_has_a_panel_for_each_test():
    tests = simlab.pvalue(data("hs"), NULL, [SLOPE, SEX], draws=99)
    figure = null_figure(list(tests.tests.values()))
    assert [ax.get_title(loc="left") for ax in figure.axes] == [
        "H0: Var(ses) = 0",
        "H0: sexMale = 0",
    ]
    assert tests[SLOPE].mixture == ((0.5, 0), (0.5, 1))
    assert isinstance(figure, mpl.figure.Figure)


# ---------------------------------------------------------------- progress


def test_progress_is_told():
    class Listener:
        def start(self, draws, done):
            self.heard = [draws]

        def advance(self, draws, failures):
            assert failures == 0
            self.heard.append(draws)

    listener = Listener()
    pvalue(draws=600, progress=listener)
    assert listener.heard == [600, 256, 256, 88]


# ---------------------------------------------------------------- the command


def test_the_command_prints_the_test(tmp_path):
    picture = tmp_path / "null.png"
    options = ("--draws", "199", "--figure", str(picture))
    shown = command("pvalue", "hs", "--null", NULL, "--alternative", SLOPE, *options)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout == str(pvalue(draws=199)) + "\n"
    assert shown.stderr == f"{picture}: written\n"
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_the_command_takes_several_alternatives_and_prints_csv(tmp_path):
    df = data("hs").copy()
    df.loc[[2, 9], "sex"] = None
    df.to_csv(tmp_path / "schools.csv", index=False)
    shown = command(
        "pvalue", "schools.csv", "--null", NULL, "--alternative", SLOPE, SEX, "--format", "csv",
        "--draws", "99", "--seed", "3", "--method", "ML", cwd=tmp_path,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    assert shown.stderr == "simlab: 2 of 1977 rows left out, with missing values in: sex 2\n"
    frame = pd.read_csv(io.StringIO(shown.stdout)).set_index(["alternative", "reference"])
    complete = df.dropna()
    truth = simlab.pvalue(complete, NULL, [SLOPE, SEX], draws=99, seed=3, method="ML")
    result = frame.xs("simulated", level="reference")
    np.testing.assert_allclose(result["p_value"], truth.adjusted["p_value"])
    np.testing.assert_allclose(result["step_down"], truth.adjusted["step_down"])


@pytest.mark.parametrize(
    ("arguments", "phrase"),
    [
        (("--alternative", SLOPE, "--figure", "null.doc"), "must end in .png, .svg, .pdf"),
        (("--alternative", SLOPE, "--figure", "nowhere/null.png"), "there is no folder nowhere"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(arguments, phrase, tmp_path):
    shown = command("pvalue", "hs", "--null", NULL, *arguments, cwd=tmp_path)
    assert shown.returncode == 2
    assert phrase in shown.stderr
    assert len(shown.stderr.strip().split("\n")) == 1
    assert shown.stdout == ""


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("changes", "phrase"),
    [
        ({"null": SEX}, "are not nested: the null must be the alternative with some"),
        ({"null": SLOPE, "alternative": NULL}, "the null is the larger model; exchange them"),
        ({"alternative": NULL}, "are the same model; there is nothing to test"),
        ({"alternative": SEX, "method": "REML"}, "take the method ML, or auto"),
        ({"method": "reml"}, "method is 'reml'; it must be one of 'auto', 'REML', 'ML'"),
        ({"alternative": "ses ~ sex + (1 | school)"}, "the null model is of mathach, the"),
        ({"alternative": "mathach ~ ses + (1 | sector)"}, "clusters of the null model are school"),
        ({"null": "mathach ~ sex"}, "are not nested"),
        ({"alternative": []}, "no alternative; give the formula"),
        ({"alternative": [SLOPE, SLOPE]}, "occurs twice; give it once"),
        ({"alternative": {"a": SLOPE, "b": SLOPE}}, "occurs twice; give it once"),
        ({"alternative": [SLOPE, SEX], "stop": 5}, "stop is for one alternative"),
        ({"draws": 0}, "draws is 0; it must be a whole number, 1 or more"),
        ({"draws": 99.5}, "draws is 99.5; it must be a whole number"),
        ({"draws": True}, "draws is True; it must be a whole number"),
        ({"seed": -1}, "seed is -1; it must be a whole number, 0 or more"),
        ({"seed": None}, "seed is None; it must be a whole number"),
        ({"jobs": 0}, "jobs is 0; it must be a number of threads, or -1"),
        ({"stop": 0}, "stop is 0; it must be a whole number, 1 or more"),
        ({"stop": 100}, "stop is 100 and there are at most 99 draws"),
        ({"exact_draws": -1}, "exact_draws is -1; it must be a whole number, 0 or more"),
        ({"level": 95}, "level is 95; it must be between 0 and 1"),
        ({"level": "high"}, "level is 'high'; it must be between 0 and 1"),
        ({"missing": "ignore"}, "missing is 'ignore'; it must be one of 'drop', 'raise'"),
    ],
)
def test_mistakes(changes, phrase):
    with pytest.raises(FitError) as caught:
        pvalue(**changes)
    assert phrase in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "error", "phrase"),
    [
        ({"alternative": "mathach ~ ses"}, FormulaError, "no random effects"),
        ({"null": 3}, FormulaError, "must be text, not int"),
        ({"alternative": [3]}, FormulaError, "must be text, not int"),
        ({"alternative": 3}, FormulaError, "must be text, not int"),
        ({"null": "mathach"}, FormulaError, "no '~'"),
        ({"null": "mathach ~ age"}, DataError, "age"),
        ({"null": "mathach ~ ses + (1 | schol)"}, DataError, "schol"),
    ],
)
def test_mistakes_in_formulas(changes, error, phrase):
    with pytest.raises(error) as caught:
        pvalue(**changes)
    assert phrase in str(caught.value)


def test_missing_values_may_be_refused():
    df = data("hs").assign(ses=lambda d: d["ses"].where(d.index != 4))
    with pytest.raises(DataError, match="1 of 1977 rows have missing values: ses 1"):
        simlab.pvalue(df, "mathach ~ 1", "mathach ~ ses + (1 | school)", missing="raise")
