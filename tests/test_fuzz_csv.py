"""A damaged CSV file is refused in plain words, or is read as it says (oracles.py reads it too).

The first inputs of `experiments/fuzz.py`, tables made by hypothesis, and every way of writing a
number that turns a column to text elsewhere. Control: pandas' own reader is found out.
"""

import csv
import io
import pathlib

import mutation
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles import Misreading, check_labels, check_table, time_limit

from simlab.data import DataError, read
from simlab.data.checks import numeric

pytestmark = pytest.mark.slow

SECONDS = 60


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "d.csv"
        path.write_bytes(text.encode())
        return path

    return write


def refusal(path):
    with pytest.raises(DataError) as caught:
        read(path)
    return str(caught.value)


# --- damaged ----------------------------------------------------------------------------------


@pytest.mark.parametrize("block", range(6))
def test_a_damaged_table_is_refused_or_read_as_it_says(block, tmp_path):
    kinds = set()
    for seed in range(500 * block, 500 * (block + 1)):
        with time_limit(SECONDS):
            kinds.add(check_table(mutation.table(seed), tmp_path / "d.csv"))
            check_labels(mutation.table(seed), tmp_path / "d.csv")
    assert len(kinds) > 10
    assert "valid" in kinds


CELL = st.one_of(
    st.sampled_from(mutation.CELLS),
    st.integers().map(str),
    st.floats().map(repr),
    st.text(max_size=6),
    st.from_regex(r"[-+]?[0-9., _eE]{1,8}", fullmatch=True),
)
ROWS = st.integers(1, 3).flatmap(
    lambda k: st.lists(st.lists(CELL, min_size=k, max_size=k), min_size=1)
)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS)
def test_any_table(rows, tmp_path):
    text = io.StringIO()
    csv.writer(text).writerows([[f"v{i}" for i in range(len(rows[0]))], *rows])
    content = text.getvalue().encode("utf-8", "replace")
    with time_limit(SECONDS):
        check_table(content, tmp_path / "d.csv")
        check_labels(content, tmp_path / "d.csv")


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary())
def test_any_bytes(content, tmp_path):
    with time_limit(SECONDS):
        check_table(content, tmp_path / "d.csv")


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_come_back_bit_for_bit(numbers, tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("x,k\n" + "".join(f"{x!r},1\n" for x in numbers))
    np.testing.assert_array_equal(numeric(read(path), "x", "d"), numbers)


# --- spellings of numbers ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "odd",
    [
        '"1,5"', '"1,234"', '"1.234,5"', '"1,234.5"', "1 000", "1\u00a0000", "1'000", "1_000",
        "0x10", "１２", "٣", "−5", "–5", "5%", "$5", "€ 5", "1d5", "1.5D+02", ".", "-", "?", "na",
        "NAN", "none", "'5'", "`5`", "“5”",
    ],
)  # fmt: skip
def test_a_column_of_numbers_never_becomes_text(odd, table):
    assert "line 3: x is " in refusal(table(f"g,x\na,1\nb,{odd}\nc,2.5\n"))
    assert "which is not read as a number; write numbers like 1234.5" in refusal(
        table(f"g,x\na,1\nb,{odd}\nc,2.5\n")
    )


def test_words_are_text_whatever_stands_beside_them(table):
    df = read(
        table('g,code,when,share\n1,A1,2020-01-01,low\n2,17,1:30,"1,5"\n3,007,12.05.2020,.\n')
    )
    assert df.code.tolist() == ["A1", "17", "007"]
    assert df.when.tolist() == ["2020-01-01", "1:30", "12.05.2020"]
    assert df.share.tolist() == ["low", "1,5", "."]


def test_space_around_a_field_is_no_part_of_it(table):
    df = read(table("x, g ,flag\n 1, Male,True \n2 ,Male , NA\n"))
    assert df.columns.tolist() == ["x", "g", "flag"]
    assert df.x.tolist() == [1, 2]
    assert df.g.tolist() == ["Male", "Male"]
    assert df.flag.iloc[0] is True
    assert pd.isna(df.flag.iloc[1])


def test_a_quote_after_a_space_is_refused(table):
    assert "line 2: g is ' \"a\"', where a quote comes after a space" in refusal(
        table('x,g\n1, "a"\n')
    )


def test_labels_of_many_digits_keep_them_or_are_refused(table):
    labels = ["12345678901234567", "12345678901234568"]
    df = read(table("id,x\n" + "".join(f"{label},1\n" for label in labels)))
    assert df.id.tolist() == [int(label) for label in labels]
    for rest in ("NA", "1.5", "99999999999999999999"):
        message = refusal(table("id,x\n" + "".join(f"{label},1\n" for label in [*labels, rest])))
        assert "line 2: id is '12345678901234567', a whole number that would lose digits" in message
    assert read(table("id,x\n10000000000000000000000,1\nNA,2\n")).id.iloc[0] == 1e22


def test_line_ends_within_quotes_stay(table):
    assert read(table('x,note\r\n1,"a\r\nb"\r\n')).note.tolist() == ["a\r\nb"]


# --- files that are none ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a\0b.csv", "\ud800.csv", "x" * 5000])
def test_a_name_that_no_file_can_have(name):
    with pytest.raises(DataError, match="cannot be read"):
        read(name)


@pytest.mark.skipif(not pathlib.Path("/dev/zero").exists(), reason="no such device here")
def test_a_device_is_refused():
    with time_limit(SECONDS), pytest.raises(DataError, match="is a device; name a CSV file"):
        read("/dev/zero")


@pytest.mark.parametrize(
    "text",
    [
        "x," * 300_000 + "y\n1\n",
        "x\n" + "1\n" * 300_000 + "1,2\n",
        "x,y\n1," + "y" * 900_000 + "\n",
        'x,y\n1,"' + "y\n" * 400_000,
        "x,x\n" * 200_000,
        "x,y\n" + '"1 000",a\n' * 80_000,
    ],
)
def test_a_heavy_table_is_refused_with_one_short_message(text, table):
    with time_limit(SECONDS):
        assert len(refusal(table(text))) < 2100


def test_a_message_is_one_line_whatever_the_file_holds(table):
    message = refusal(table('"a\nb\x1b[31m","a\nb\x1b[31m"\n1,2\n'))
    assert message.isprintable()


# --- controls ---------------------------------------------------------------------------------


def by_pandas(path):
    return pd.read_csv(path)


@pytest.mark.parametrize(
    "text",
    [
        'x,y\n"1,5",1\n"2,5",2\n',
        "x,y\n1,1_000\n2,3\n",
        "x,y\n1,−5\n2,3\n",
        "x,y\n1,12345678901234567\n2,NA\n",
        "x,y\n1, a\n2,b\n",
    ],
)
def test_control_pandas_reader_is_found_out(text, tmp_path):
    with pytest.raises(Misreading):
        check_table(text.encode(), tmp_path / "d.csv", by_pandas)


def test_control_a_reader_that_drops_rows_is_found_out(tmp_path):
    with pytest.raises(Misreading, match="2 records became 1 rows"):
        check_table(b"x,y\n1,2\n3,NA\n", tmp_path / "d.csv", lambda path: read(path).dropna())
