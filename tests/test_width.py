"""Tables fit in the columns that there are: no word broken, no number without its end."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import simlab
from benchmarks.report import Report
from benchmarks.section import BESIDE, Section
from simlab import text
from simlab.cli.commands import app
from simlab.cli.plan import plan
from simlab.data import hs
from simlab.text import text_table
from simlab.text.numbers import number
from simlab.text.table import NUMBER

pytestmark = pytest.mark.slow

WIDTHS = (60, 80, 100, 120)
WIDE = 1000  # nothing is broken there
OWN = Path(__file__).parent / "own" / "a_module_with_a_long_name.py"
LONG = "a_module_with_a_long_name:an_estimator_with_a_very_long_name"
STUDY = f"""
name: wide
replicates: 96
block: 32
estimators: [pooled, fixed_effects_separate, hlm, gls_oracle, "{LONG}"]
population:
  clusters: 12
  gamma: [100000000, 2e-9]
  G: [[16, 8e-9], [8e-9, 25e-18]]
  sigma2: 20
  beta_between: 5e-9
  cluster_sizes: {{law: poisson, mean: 8}}
grid:
  population.clusters: [12, 24]
  population.errors: [{{law: normal}}, {{law: student-t, df: 5}}]
tests: {{names: [random_slope], draws: 19}}
"""


# ---------------------------------------------------------------- what a narrow text must have


def words(text):
    """What stands between blanks, and no rule."""
    return {word for word in text.split() if set(word) != {"─"}}


def check(printed, width):
    """Hold what is printed in `width` columns against the same in very many.

    `printed` gives the text. A line is longer than the width if a word is, and then that word
    stands alone.
    """
    os.environ["COLUMNS"] = str(WIDE)
    whole = printed()
    os.environ["COLUMNS"] = str(width)
    narrow = printed()
    missing = words(whole) - words(narrow)
    assert missing == set()
    assert "..." not in narrow
    for line in narrow.splitlines():
        bare = line.strip().removeprefix("# ")
        assert len(line) <= width or " " not in bare, line
    assert not re.search(r"\S…", narrow)
    return narrow


@pytest.fixture(autouse=True)
def columns(monkeypatch):
    """Put COLUMNS back after each test."""
    monkeypatch.setenv("COLUMNS", "100")


# ---------------------------------------------------------------- the table alone

CELLS = st.one_of(
    st.sampled_from(
        ["-2.16e-301", "100,000,000", "0.3 ± 0.012", "−9.9 ± 0.6 ✗", "(0.125)", "∞", "", "5 %",
         "mymodule:a_very_long_estimator_name", "normal errors, t5 random effects", "1 – 20",
         "0.302 ± 0.003\ntheory 0.302", "not studied here", "12 clusters of schools in the north"]
    ),
    st.floats(allow_nan=False, allow_infinity=False).map(number),
)  # fmt: skip


@st.composite
def tables(draw):
    width = draw(st.integers(1, 9))
    row = st.lists(CELLS, min_size=width, max_size=width)
    rows = draw(st.lists(row, min_size=1, max_size=6))
    header = draw(row)
    return header, rows, draw(st.integers(1, width)), draw(st.sampled_from([(), (1,), (0, 2)]))


@given(tables(), st.sampled_from(WIDTHS))
def test_any_table_has_all_words_and_numbers_whole(table, width):
    header, rows, names, breaks = table
    header, *rows = ([row[0].replace("\n", " "), *row[1:]] for row in (header, *rows))
    printed = check(lambda: text_table(header, rows, "  ", names=names, breaks=breaks), width)
    for row in rows:  # also those of several words that are one number
        for cell in row:
            for line in cell.split("\n"):
                if NUMBER.fullmatch(line):
                    assert line in printed


def test_a_narrow_table_is_not_a_wide_one():
    """The negative control: what does not fit is laid out otherwise, in more lines."""
    header, row = [f"column {k}" for k in range(12)], [f"{k}.25 ± 0.1" for k in range(12)]
    os.environ["COLUMNS"] = "200"
    wide = text_table(header, [row])
    os.environ["COLUMNS"] = "60"
    narrow = text_table(header, [row])
    assert max(map(len, wide.splitlines())) > 60 >= max(map(len, narrow.splitlines()))
    assert len(narrow.splitlines()) > len(wide.splitlines()) == 3


def test_a_table_takes_the_fewest_lines():
    """Several tables, or columns under the name of the row, whichever is shorter."""
    numbers = ["12.25", "2.5", "100,000,000"]
    os.environ["COLUMNS"] = "40"
    short = text_table(["", "a", "b", "c"], [[name, *numbers] for name in ("x", "y")])
    assert short.splitlines() == [
        "       a    b            c",
        "──────────────────────────",
        "x  12.25  2.5  100,000,000",
        "y  12.25  2.5  100,000,000",
    ]
    long = text_table(["method", "a", "b", "c"], [["a_name:of_one_word_that_is_long", *numbers]])
    assert long.splitlines() == [
        "method",
        "      a    b            c",
        "─────────────────────────",
        "a_name:of_one_word_that_is_long",
        "  12.25  2.5  100,000,000",
    ]


def test_numbers_stand_on_the_right_with_their_points_in_a_line():
    rows = [["x", "1.25", "word"], ["y", "−10.5 ± 0.1", "a"], ["z", "1e-300", "12"]]
    lines = text_table(["", "number", "words"], rows).splitlines()
    assert lines[2:] == [
        "x    1.25       word",
        "y  −10.5 ± 0.1  a",
        "z       1e-300  12",
    ]


def test_the_width_is_that_of_columns_then_of_the_terminal_then_100(monkeypatch):
    monkeypatch.setenv("COLUMNS", "77")
    assert text.width() == 77
    for none in ("0", "many", ""):
        monkeypatch.setenv("COLUMNS", none)
        assert text.width() == text.PIPED == 100  # pytest's stdout is no terminal
    code = "from simlab.text import width; print(width())"
    piped = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                           env=os.environ | {"COLUMNS": ""})  # fmt: skip
    assert piped.stdout == "100\n"
    monkeypatch.delenv("COLUMNS")
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((142, 50)))
    assert text.width() == shutil.get_terminal_size().columns == 142


# ---------------------------------------------------------------- the commands


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two stores with long names, great and small numbers, failures, and no last block."""
    folder = tmp_path_factory.mktemp("width")
    shutil.copy(OWN, folder)
    (folder / "wide.yaml").write_text(STUDY)
    study = simlab.load(folder / "wide.yaml")
    simlab.run(study, out=folder / "wide.zarr", jobs=1)
    simlab.run(study.replace(seed=5, replicates=64), out=folder / "other.zarr", jobs=1)
    rows = hs()[["mathach", "ses", "school", "sector"]]
    tiny = rows[rows["school"].isin(rows["school"].unique()[:24])].assign(
        ses=lambda d: d["ses"] * 1e138, mathach=lambda d: d["mathach"] * 1e-138
    )
    tiny.to_csv(folder / "tiny.csv", index=False)
    return folder


ROLES = ("--y", "mathach", "--x", "ses", "--cluster", "school")
FORMULA = "mathach ~ ses * sector + (1 + ses | school)"
COMMANDS = {
    "run": ("run", "wide.yaml", "--out", ".", "--quiet"),
    "check": ("check", "wide.yaml"),
    "table": ("table", "wide.zarr"),
    "tests": ("table", "wide.zarr", "--tests"),
    "measure": ("measure", "wide.zarr", "--format", "text"),
    "contrast": ("contrast", "wide.zarr"),
    "info": ("info", "wide.zarr"),
    "failures": ("failures", "wide.zarr"),
    "diff": ("diff", "wide.zarr", "other.zarr"),
    "replay": ("replay", "wide.zarr", "--condition", "1", "--replicate", "3"),
    "compare": ("compare", "tiny.csv", *ROLES),
    "compare groups": ("compare", "hs", *ROLES, "--group", "sector"),
    "fit": ("fit", "hs", FORMULA, "--anova", "--test", "sector", "ses"),
    "notation": ("notation",),
}


def call(*arguments):
    """Run a command, whatever its exit status."""
    with contextlib.suppress(SystemExit):
        app(arguments)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", COMMANDS)
def test_what_commands_print_fits(folder, name, width, capsys, monkeypatch):
    monkeypatch.chdir(folder)

    def printed():
        call(*COMMANDS[name])
        return capsys.readouterr().out

    text = check(printed, width)
    assert len(text.splitlines()) > 3
    if name in ("table", "measure", "info", "failures", "replay"):
        assert LONG in text


def test_compare_keeps_exponents(folder, capsys, monkeypatch):
    """A slope of 1e-276: with six decimals it would be 0."""
    monkeypatch.chdir(folder)
    os.environ["COLUMNS"] = "80"
    call(*COMMANDS["compare"])
    frame = simlab.compare(pd.read_csv("tiny.csv"), "mathach", "ses", "school")
    slope = frame[(frame["method"] == "pooled") & (frame["term"] == "slope")].iloc[0]
    assert f"{slope['estimate']:.5e}" in capsys.readouterr().out
    assert "e-27" in f"{slope['estimate']:.5e}"


# ---------------------------------------------------------------- results in Python, made once


@pytest.fixture(scope="module")
def results():
    """What is printed by commands that compute for long, made once for all widths."""
    df = hs()
    fit = simlab.fit(FORMULA, df)
    return {
        "summary": fit.summary(correlation=True),
        "fit": fit,
        "wald": fit.wald("sector"),
        "varcorr": fit.varcorr(),
        "ranef": fit.ranef(),
        "catalogue": simlab.catalogue(df, "mathach", "ses", "sector", "school"),
        "bootstrap": simlab.bootstrap(fit, draws=19),
        "pvalue": simlab.pvalue(df, "mathach ~ ses + (1 | school)", FORMULA, draws=19),
        "audit": simlab.audit(df, "mathach", "ses", "school", replicates=100, draws=2),
    }


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "name",
    ["summary", "fit", "wald", "varcorr", "ranef", "catalogue", "bootstrap", "pvalue", "audit"],
)
def test_results_print_in_the_columns_that_there_are(results, name, width):
    check(lambda: str(results[name]), width)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_plan_fits(folder, width, capsys, monkeypatch):
    study = simlab.load(folder / "wide.yaml")
    made = simlab.plan(study, measure="coverage", mcse=0.005, pilot=64, jobs=1)
    monkeypatch.setattr("simlab.planning.plan", lambda *_, **__: made)

    def printed():
        plan(folder / "wide.yaml", measure="coverage", mcse=0.005, pilot=64, jobs=1)
        return capsys.readouterr().out

    assert f"{made.conditions[0].replicates:,}" in check(printed, width)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_benchmark_fits(width):
    row = ("HLM by a_peer_with_a_long_name", "1.25 ms", "1.2 – 1.3 ms", "12.5 ms", "12 – 13 ms",
           "**10.0**", "9.5 – 10.5")  # fmt: skip
    section = Section("Peers", "*Core time* of one fit.", {}, BESIDE, lambda _: [row])
    report = Report({"machine": "one of many words " * 9}, ("it was a quick one",), 3,
                    ((section, {}),))  # fmt: skip
    text = check(report.text, width)
    assert "*" not in text
    assert "**10.0**" in report.markdown()
