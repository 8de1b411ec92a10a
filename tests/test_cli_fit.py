"""The commands `fit`, `catalogue` and `notation` as a user meets them."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest
from print_cases import agrees, cells, checked
from reference_cases import stored
from test_cli import simlab

from simlab.course.notation import notation
from simlab.data import hs

FIVE = "mathach ~ ses * sector + (1 + ses | school)"
ROLES = ("--y", "mathach", "--x", "ses", "--w", "sector", "--cluster", "school")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the data as a file, once whole and once damaged."""
    folder = tmp_path_factory.mktemp("fit")
    df = hs()
    df.to_csv(folder / "schools.csv", index=False)
    df.loc[[2, 9], "ses"] = float("nan")
    df.to_csv(folder / "missing.csv", index=False)
    damaged = df.astype({"ses": object})
    damaged.loc[5, "ses"] = "high"
    damaged.to_csv(folder / "damaged.csv", index=False)
    return folder


def test_fit_prints_the_summary_and_the_tests() -> None:
    shown = simlab("fit", "hs", FIVE, "--test", "sector", "ses:sector")
    assert shown.returncode == 0, shown.stderr
    assert shown.stderr == ""
    truth = stored("fits", "hs.json")["m5"]["REML"]
    for i, name in enumerate(("(Intercept)", "ses", "sectorPublic", "ses:sectorPublic")):
        values = cells(shown.stdout, name)
        assert agrees(values[0], truth["beta"][i])
        assert agrees(values[2], truth["df"][i])
    assert "Test of sector\n" in shown.stdout
    assert "Test of ses:sector\n" in shown.stdout
    assert "F(2, " in shown.stdout


def test_options_reach_the_fit(folder: Path) -> None:
    fixed = "mathach ~ ses * sector"
    random = ("--random", "~ 1 + ses | school")
    options = ("--ml", "--df", "normal", "--level", "0.9", "--format", "csv", "--test", "ses")
    shown = simlab("fit", "schools.csv", fixed, *random, *options, cwd=folder)
    assert shown.returncode == 0, shown.stderr
    frame = pd.read_csv(io.StringIO(shown.stdout)).set_index(["part", "term"])
    truth = stored("fits", "hs.json")["m5"]["ML"]
    assert frame.loc["fixed", "estimate"].tolist() == pytest.approx(truth["beta"], rel=1e-6)
    assert frame.loc[("model", "logLik"), "estimate"] == pytest.approx(truth["logLik"], abs=1e-7)
    slope = frame.loc[("fixed", "ses")]
    half = 1.6448536269514722 * slope["std_error"]
    assert slope["upper"] == pytest.approx(slope["estimate"] + half)
    assert frame.loc[("test", "ses"), "statistic"] == pytest.approx(slope["statistic"] ** 2)
    assert frame.loc[("test", "ses"), "num_df"] == 1


OATS = Path(__file__).parent / "reference" / "data" / "Oats.csv"
CROSSED = ("fit", str(OATS), "yield ~ nitroF * Variety + (1 | Block)")


def test_terms_are_tested_by_every_type() -> None:
    """Variety: lmerTest's type III, car's type II and nlme's marginal test."""
    for options, F, p in (
        (("--anova",), "3.513", "0.03665"),
        (("--anova", "--type", "2"), "3.513", "0.03665"),
        (("--type", "1"), "3.513", "0.03665"),
        (("--type", "marginal"), "1.364", "0.26418"),
    ):
        shown = simlab(*CROSSED, *options)
        assert shown.returncode == 0, shown.stderr
        kind = options[-1] if options[-1] != "--anova" else "3"
        title = "marginal" if kind == "marginal" else f"type {kind}"
        title = f"Tests of terms, {title}: df of Satterthwaite"
        assert cells(shown.stdout, "Variety", title) == ["2", "55", F, p]
        table = shown.stdout.split(title)[1]
        assert ("Note: Variety: where nitroF is N0" in table) == (kind == "marginal")
        assert ("(Intercept)" in table) == (kind in ("1", "marginal"))
    assert "Tests of terms" not in simlab(*CROSSED).stdout  # control
    html = simlab(*CROSSED, "--anova", "--format", "html").stdout
    assert "Tests of terms, type 3" in checked(html.split("\n", 1)[1].strip())


def test_tests_of_terms_are_rows_of_the_csv() -> None:
    shown = simlab(*CROSSED, "--anova", "--df", "normal", "--test", "Variety", "--format", "csv")
    frame = pd.read_csv(io.StringIO(shown.stdout)).set_index(["part", "term"])
    car = stored("terms.json")["Oats"]["int_factor"]["car"]["III_sum"]
    rows = frame.loc["term"]
    assert rows.index.tolist() == car["terms"][1:]
    assert (rows.statistic * rows.num_df).tolist() == pytest.approx(car["Chisq"][1:], rel=1e-8)
    assert rows.p_value.tolist() == pytest.approx(car["p"][1:], rel=1e-6)
    assert frame.loc[("test", "Variety"), "num_df"] == 8


def test_html_is_a_page(folder: Path) -> None:
    odd = "`s<1` ~ ses + (1 | school)"
    hs().rename(columns={"mathach": "s<1"}).to_csv(folder / "odd.csv", index=False)
    shown = simlab("fit", "odd.csv", odd, "--format", "html", "--test", "ses", cwd=folder)
    assert shown.returncode == 0, shown.stderr
    first, rest = shown.stdout.split("\n", 1)
    assert first == "<!DOCTYPE html>"
    text = checked(rest.strip())
    assert "`s<1`" in text
    assert "Test of ses" in text
    assert "s<1" not in rest
    page = simlab("catalogue", "hs", *ROLES, "--format", "html").stdout
    assert "12.6047" in checked(page.split("\n", 1)[1].strip())


def test_a_warning_is_one_line_on_stderr(folder: Path) -> None:
    shown = simlab("fit", "missing.csv", FIVE, cwd=folder)
    assert shown.returncode == 0
    message = "2 of 1977 rows left out, with missing values in: ses 2"
    assert shown.stderr == f"simlab: {message}\n"
    assert f"NOTE: {message}" in shown.stdout
    refused = simlab("fit", "missing.csv", FIVE, "--missing", "raise", cwd=folder)
    assert refused.returncode == 2
    assert refused.stderr.startswith("missing.csv: 2 of 1977 rows have missing values: ses 2")


def test_catalogue() -> None:
    shown = simlab("catalogue", "hs", *ROLES)
    assert shown.returncode == 0, shown.stderr
    assert "m5   Intercepts and slopes as outcomes" in shown.stdout
    record = stored("fits", "hs.json")
    for name in (f"m{i}" for i in range(1, 11)):
        assert f"{record[name]['REML']['logLik']:.2f}" in shown.stdout
    csv = simlab("catalogue", "hs", *ROLES, "--ml", "--format", "csv")
    frame = pd.read_csv(io.StringIO(csv.stdout)).set_index(["part", "term", "quantity"])
    for name in frame.columns:
        truth = record[name]["ML"]["logLik"]
        assert frame.loc[("model", "logLik", "value"), name] == pytest.approx(truth, abs=1e-7)


def test_notation_prints_the_dictionary() -> None:
    assert simlab("notation").stdout == notation() + "\n"


def test_help_names_the_commands() -> None:
    shown = simlab("--help").stdout
    assert all(f"│ {command} " in shown for command in ("fit", "catalogue", "notation"))
    for option in ("--random", "--df", "--missing", "--test", "--ml", "--anova", "--type"):
        assert option in simlab("fit", "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "phrase"),
    [
        (("fit", "hs", "mathach ~ ses"), "no random effects"),
        (("fit", "hs", "mathach ~ sess + (1 | school)"), "did you mean 'ses'"),
        (("fit", "hs", "mathach ~ ses + (1 | school / sex)"), "two levels only"),
        (
            ("fit", "hs", FIVE, "--random", "~ 1 | school"),
            "random effects both in the formula and in what is given as random; keep one",
        ),
        (
            ("fit", "hs", FIVE, "--ml", "--df", "kenward-roger"),
            "fit it by REML (which it is without --ml)",
        ),
        (("fit", "hs", FIVE, "--level", "95"), "between 0 and 1"),
        (("fit", "hs", FIVE, "--test", "sex"), "'sex'"),
        (("fit", "absent.csv", FIVE), "absent.csv: no such file"),
        (("fit", "damaged", FIVE), "damaged: no such file; did you mean 'damaged.csv'?"),
        (("fit", FIVE, "damaged.csv"), "is a formula; write the data first, then the formula"),
        (
            ("fit", "damaged.csv", "ses ~ sector + (1 | school)"),
            "damaged.csv, line 7: the response ses is 'high'",
        ),
        (("catalogue", "hs", *ROLES[:4], "--w", "sex", *ROLES[6:]), "sex varies within"),
        (("catalogue", "damaged.csv", *ROLES), "damaged.csv, line 7: ses is 'high'"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    folder: Path, arguments: tuple[str, ...], phrase: str
) -> None:
    shown = simlab(*arguments, cwd=folder)
    assert shown.returncode == 2
    assert phrase in shown.stderr
    texts = [line for line in shown.stderr.strip().split("\n") if not line.startswith("simlab: ")]
    assert len(texts) == 1
    assert shown.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("fit", "hs", "mathach", "~", "ses"),
        ("bootstrap", "hs", "mathach", "~", "ses"),
        ("pvalue", "hs", "--null", "mathach", "~", "ses", "--alternative", FIVE),
    ],
)
def test_a_formula_without_quotes_is_told_of_them(arguments: tuple[str, ...]) -> None:
    shown = simlab(*arguments)
    assert (shown.returncode, shown.stdout) == (2, "")
    assert 'put a formula in quotes, as one word: "y ~ x + (1 | g)"\n' in shown.stderr
    assert "quotes" not in simlab("notation", "~").stderr


def test_one_slip_among_numbers_is_pointed_at(folder: Path) -> None:
    message = "simlab: damaged.csv, line 7: ses is 'high', though most of its values are numbers"
    shown = simlab("fit", "damaged.csv", FIVE, cwd=folder)
    assert shown.stderr.startswith(message)
    fine = simlab("fit", "damaged.csv", "mathach ~ sector + (1 | school)", cwd=folder)
    assert fine.returncode == 0
    assert fine.stderr == ""  # sector is text, and ses is not used


def test_a_df_that_does_not_exist_is_refused() -> None:
    shown = simlab("fit", "hs", FIVE, "--df", "kr")
    assert shown.returncode != 0
    assert "kenward-roger" in shown.stderr + shown.stdout
    assert "Traceback" not in shown.stderr
