"""Tables: every format shows the same numbers, in a shape that fits its reader."""

import io

import pandas as pd
import pytest
from verdict_cases import BASE, SWEEPS, study

import simlab
from simlab.measures import measure, tidy
from simlab.tables import MeasuresTable, methods_table

SHARES = {"hlm": [0.1, 0.1, 0.1, 0.03, 0.002, 0.1]}
METHODS = ("pooled", "two_stage", "hlm", "hlm_contextual", "gls_oracle", "an_invention")


@pytest.fixture(scope="module")
def ds():
    return study(METHODS, SHARES, levels=SWEEPS, config=BASE, replicates=500)


@pytest.fixture(scope="module")
def table(ds):
    return methods_table(ds)


@pytest.fixture(scope="module")
def frame(table):
    return table.to_frame()


def test_one_row_per_method_in_the_order_of_the_study(frame):
    assert list(frame["method"]) == [m for m in METHODS if m != "gls_oracle"]


def test_the_public_name_is_this_function():
    assert simlab.methods_table is methods_table


def test_a_method_that_the_course_does_not_have_has_no_marks(frame):
    row = frame.set_index("method").loc["an_invention"]
    assert row["efficient_course"] == "—"
    assert {row[c] for c in frame.columns if c.endswith("_mark")} == {""}


def test_text_fits_a_terminal(table, frame):
    text = str(table)
    assert max(map(len, text.splitlines())) <= 100
    for label in frame["label"]:
        assert label in text


@pytest.mark.parametrize("format", ["text", "markdown", "latex"])
def test_presented_tables_show_words_marks_and_what_was_run(table, format):
    text = table.render(format)
    for part in ("HLM", "a mixture", "500 replicates", "seed 3"):
        assert part in text
    if format != "latex":
        assert "0.10" in text
        assert "✓" in text


def test_markdown_is_a_rectangle(table, frame):
    lines = [line for line in table.to_markdown().splitlines() if line.startswith("|")]
    assert len(lines) == len(frame) + 2
    assert (
        len({line.count("|") for line in lines}) == 2
        or len({line.replace(r"\|", "").count("|") for line in lines}) == 1
    )


def test_latex_has_no_bare_special_characters(table):
    text = table.to_latex()
    assert r"\toprule" in text
    assert r"$\beta_W$" in text
    body = text.split(r"\midrule")[1]
    assert "β" not in body
    assert "%" not in body.replace(r"\%", "")
    assert "_" not in body.replace(r"\_", "").replace(r"\beta_", "")


def test_csv_is_the_frame(table, frame):
    back = pd.read_csv(io.StringIO(table.to_csv()))
    assert list(back.columns) == list(frame.columns)
    pd.testing.assert_series_equal(back["lambda"], frame["lambda"], rtol=1e-12)


def test_an_unknown_format_is_refused(table):
    with pytest.raises(ValueError, match="unknown format 'word'; give one of text, markdown"):
        table.render("word")


def test_a_study_of_one_condition_says_what_it_did_not_study():
    text = str(methods_table(study(("pooled", "two_stage"), replicates=50)))
    assert "not studied" in text
    assert "gls_oracle is not in this study" in text


@pytest.mark.parametrize("format", ["text", "csv", "markdown"])
def test_measures(ds, format):
    long = tidy(measure(ds)).head(30)
    text = MeasuresTable(long).render(format)
    assert "empirical_se" in text
    assert len(text.splitlines()) >= 31
