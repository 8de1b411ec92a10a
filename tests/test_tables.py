"""Tables: every format shows the same numbers, in a shape that fits its reader."""

import io

import pandas as pd
import pytest
from verdict_cases import BASE, SWEEPS, study

import simlab
from simlab.measures import measure, tidy
from simlab.tables import measures_table, methods_table, render

SHARES = {"hlm": [0.1, 0.1, 0.1, 0.03, 0.002, 0.1]}
METHODS = ("pooled", "two_stage", "hlm", "hlm_contextual", "gls_oracle", "an_invention")


@pytest.fixture(scope="module")
def ds():
    return study(METHODS, SHARES, levels=SWEEPS, config=BASE, replicates=500)


@pytest.fixture(scope="module")
def frame(ds):
    return methods_table(ds)


def test_one_row_per_method_in_the_order_of_the_study(frame):
    assert list(frame["method"]) == [m for m in METHODS if m != "gls_oracle"]


def test_the_public_name_is_this_function():
    assert simlab.methods_table is methods_table


def test_a_method_that_the_course_does_not_have_has_no_marks(frame):
    row = frame.set_index("method").loc["an_invention"]
    assert row["efficient_course"] == "—"
    assert {row[c] for c in frame.columns if c.endswith("_mark")} == {""}


def test_text_fits_a_terminal(frame):
    text = render(frame)
    assert max(map(len, text.splitlines())) <= 100
    for label in frame["label"]:
        assert label in text


@pytest.mark.parametrize("format", ["text", "markdown", "latex"])
def test_presented_tables_show_words_marks_and_what_was_run(frame, format):
    text = render(frame, format)
    for part in ("HLM", "a mixture", "500 replicates", "seed 3"):
        assert part in text
    if format != "latex":
        assert "0.10" in text
        assert "✓" in text


def test_markdown_is_a_rectangle(frame):
    lines = [line for line in render(frame, "markdown").splitlines() if line.startswith("|")]
    assert len(lines) == len(frame) + 2
    assert (
        len({line.count("|") for line in lines}) == 2
        or len({line.replace(r"\|", "").count("|") for line in lines}) == 1
    )


def test_latex_has_no_bare_special_characters(frame):
    text = render(frame, "latex")
    assert r"\toprule" in text
    assert r"$\beta_W$" in text
    body = text.split(r"\midrule")[1]
    assert "β" not in body
    assert "%" not in body.replace(r"\%", "")
    assert "_" not in body.replace(r"\_", "").replace(r"\beta_", "")


def test_csv_is_the_frame(frame):
    back = pd.read_csv(io.StringIO(render(frame, "csv")))
    assert list(back.columns) == list(frame.columns)
    pd.testing.assert_series_equal(back["lambda"], frame["lambda"], rtol=1e-12)


def test_an_unknown_format_is_refused(frame):
    with pytest.raises(ValueError, match="unknown format 'html'; give one of text, markdown"):
        render(frame, "html")


def test_a_study_of_one_condition_says_what_it_did_not_study():
    text = render(methods_table(study(("pooled", "two_stage"), replicates=50)))
    assert "not studied" in text
    assert "gls_oracle is not in this study" in text


@pytest.mark.parametrize("format", ["text", "csv", "markdown"])
def test_measures(ds, format):
    long = tidy(measure(ds)).head(30)
    text = measures_table(long, format)
    assert "empirical_se" in text
    assert len(text.splitlines()) >= 31


def test_measures_refuse_an_unknown_format(ds):
    with pytest.raises(ValueError, match="unknown format 'html'"):
        measures_table(tidy(measure(ds)).head(3), "html")
