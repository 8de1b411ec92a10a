"""The hs data against what their source states, and every message about a bad file."""

import re

import numpy as np
import pandas as pd
import pytest

from simlab.data import DATASETS, DataError, hs, read
from simlab.data.checks import complete, numeric, require

# Students per school as the course prints them, `tab(hs, ~ Sector + school)`.
CATHOLIC = {1317: 48, 1906: 53, 2208: 60, 2458: 57, 2629: 57, 2658: 45, 3610: 64, 3992: 53}
CATHOLIC |= {4292: 65, 4511: 58, 4530: 63, 4868: 34, 5619: 66, 5650: 45, 5720: 53, 5761: 52}
CATHOLIC |= {6074: 56, 7172: 44, 7342: 58, 7688: 54, 9586: 59}
PUBLIC = {2626: 38, 2639: 42, 2771: 55, 3013: 53, 5640: 57, 5762: 37, 6484: 35, 6897: 49}
PUBLIC |= {7232: 52, 7345: 56, 7697: 32, 7890: 51, 7919: 37, 8531: 41, 8627: 53, 8707: 48}
PUBLIC |= {8854: 32, 8874: 36, 9550: 29}


def test_hs_has_the_schools_that_the_course_prints():
    assert (len(CATHOLIC), sum(CATHOLIC.values())) == (21, 1144)
    assert (len(PUBLIC), sum(PUBLIC.values())) == (19, 833)
    df = hs()
    for sector, schools in (("Catholic", CATHOLIC), ("Public", PUBLIC)):
        counts = df.school[df.sector == sector].value_counts()
        assert counts.to_dict() == {str(school): n for school, n in schools.items()}


def test_hs_begins_as_the_course_lists_it():
    first = hs().iloc[0]
    assert first.tolist() == [
        *("1317", 12.862, 0.882, "Female", "No", 455, "Catholic", 0.95, -1.694, 0.351)
    ]
    assert hs().mathach[47] == 18.827


def test_hs_columns_and_levels():
    df = hs()
    assert df.shape == (1977, 10)
    assert not df.isna().any(axis=None)
    levels = {c: list(df[c].cat.categories) for c in ("sex", "minority", "sector")}
    assert levels == {
        "sex": ["Female", "Male"],
        "minority": ["No", "Yes"],
        "sector": ["Catholic", "Public"],
    }
    assert not any(df[c].cat.ordered for c in levels)
    assert all(isinstance(school, str) for school in df.school)
    assert [str(df[c].dtype) for c in ("mathach", "ses", "meanses")] == ["float64"] * 3
    by_school = df.groupby("school")[["size", "sector", "pracad", "disclim", "meanses"]]
    assert (by_school.nunique() == 1).all(axis=None)


def test_hs_in_full_has_all_schools():
    df, subset = hs(full=True), hs()
    assert (df.shape, df.school.nunique()) == ((7185, 10), 160)
    assert df.dtypes.equals(subset.dtypes)
    assert not df.isna().any(axis=None)
    assert df.sector.value_counts().to_dict() == {"Catholic": 3543, "Public": 3642}
    by_school = df.groupby("school")[["size", "sector", "pracad", "disclim", "meanses"]]
    assert (by_school.nunique() == 1).all(axis=None)
    assert df.groupby("school").sector.first().value_counts().to_dict() == {
        "Catholic": 70,
        "Public": 90,
    }
    sizes = by_school.size()
    assert (sizes.min(), sizes.max()) == (14, 67)


def test_hs_in_full_holds_the_subset():
    df, subset = hs(full=True), hs()
    among = df[df.school.isin(subset.school.unique())].reset_index(drop=True)
    pd.testing.assert_frame_equal(among, subset)


@pytest.mark.parametrize(
    ("full", "girls", "boys", "ses"), [(False, 7, 4, (-0.027, 0.752)), (True, 18, 19, (0, 0.779))]
)
def test_what_the_readme_says_of_both(full, girls, boys, ses):
    df = hs(full)
    share = (df.sex == "Female").groupby(df.school).mean()
    assert ((share == 1).sum(), (share == 0).sum()) == (girls, boys)
    assert (round(df.ses.mean(), 3), round(df.ses.std(), 3)) == ses


@pytest.mark.parametrize(
    ("full", "least", "most"), [(False, 0.0056, 0.0065), (True, 0.0055, 0.0065)]
)
def test_what_the_readme_says_of_meanses(full, least, most):
    schools = hs(full).groupby("school")
    lower = schools.meanses.first() - schools.ses.mean()
    assert lower.round(4).min() == least
    assert lower.round(4).max() == most


def test_hs_is_a_fresh_copy():
    for full in (False, True):
        spoilt = hs(full)
        spoilt.loc[:, "mathach"] = 0
        assert hs(full).mathach.mean() > 12


@pytest.fixture
def write(tmp_path):
    def write_(content, name="d.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_


def fails(message, call, *args):
    with pytest.raises(DataError, match=message) as caught:
        call(*args)
    assert "\n" not in str(caught.value)


def test_read_by_name():
    assert DATASETS == ("hs", "hsb")
    pd.testing.assert_frame_equal(read("hs"), hs())
    pd.testing.assert_frame_equal(read("hsb"), hs(full=True))


def test_read_keeps_the_lines_of_the_file(write):
    path = write(
        '\ufeffx, g,note\r\n1,a,"two\r\nlines"\r\n\r\n   \r\n2.5,b,\r\nNA,c,"q ""x"", y"\r\n'
    )
    df = read(path)
    assert df.columns.tolist() == ["x", "g", "note"]
    assert (df.index.name, df.index.tolist()) == ("line", [3, 6, 7])
    assert df.x.tolist()[:2] == [1.0, 2.5]
    assert df.isna().sum().to_dict() == {"x": 1, "g": 0, "note": 1}
    assert df.note.iloc[2] == 'q "x", y'
    assert read(str(path)).equals(df)


def test_read_one_column_with_empty_values(write):
    df = read(write('x\n1\n""\n\n3\n'))
    assert df.index.tolist() == [2, 3, 5]
    assert df.x.isna().tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "d.csv: the file is empty"),
        ("\n  \n", "d.csv: the file is empty"),
        ("a,b\n", "d.csv: a header and no rows"),
        ("a,b\n1,2\n1,2,3\n", "d.csv, line 3: 3 fields where the header has 2"),
        ("a,b\n1,2\n\n7\n", "d.csv, line 4: 1 fields where the header has 2"),
        ("a,b,a,b,c\n1,2,3,4,5\n", "d.csv: column names that occur twice: 'a', 'b'; rename"),
        ('a,b\n1,"2\n3,4\n', "d.csv, line 2: a quote opens there and is never closed; close it"),
        ('a,b\n1,"2"x\n3,4\n', "d.csv, line 2: text follows a quote that closes; a quote within"),
        ('a,b\n1,2\n3,"4\n5"6\n', "d.csv, lines 3 to 4: text follows a quote that closes"),
        ("a;b\n1;2\n", "d.csv: separated by ';'; save it separated by commas"),
        ("a,b\n1,caf\u00e9\n".encode("latin-1"), "d.csv, line 2: not UTF-8 text; save it as"),
        (b"PK\x03\x04\x00\x00", "d.csv: is a ZIP archive; unpack it"),
    ],
)
def test_bad_files(write, content, message):
    fails(message, read, write(content))


def test_missing_files(write, tmp_path):
    path = write("a\n1\n", "scores.csv")
    fails("no such file; did you mean 'hs'", read, "hss")
    fails("no such file; did you mean 'hs'", read, "HS")
    fails("no such file; did you mean 'hsb'", read, "hsbb")
    fails(f"no such file; did you mean '{re.escape(str(path))}'", read, tmp_path / "score.csv")
    fails("no such file; did you mean '.*scores.csv'", read, str(path.with_suffix("")))
    fails(r"zzz: no such file\. Data sets: hs, hsb$", read, "zzz")
    fails("is a folder; name a CSV file", read, tmp_path)


def test_require():
    df = hs()
    require(df, {"response": "mathach", "cluster": "school"}, "hs")
    fails(
        "^hs: no column 'matach' for the response; did you mean 'mathach'\\?; "
        "no column 'SES' for the covariate; did you mean 'ses'\\? Columns: school, mathach, ses",
        *(require, df, {"response": "matach", "covariate": "SES", "cluster": "school"}, "hs"),
    )
    twice = pd.DataFrame([[1, 2]], columns=["x", "x"])
    fails("column 'x' for the covariate occurs 2 times", require, twice, {"covariate": "x"}, "d")


def test_numeric(write):
    df = read(write("x,flag,word,big,none\n1,True,3,1e3,\n,False,a,-inf,\n"))
    x = numeric(df, "x", "d.csv")
    assert (x.dtype, x.shape) == (np.float64, (2,))
    np.testing.assert_array_equal(x, [1, np.nan])
    np.testing.assert_array_equal(numeric(df, "flag", "d.csv"), [1, 0])
    np.testing.assert_array_equal(numeric(df, "none", "d.csv"), [np.nan, np.nan])
    fails("^d.csv, line 3: word is 'a', which is not a number$", numeric, df, "word", "d.csv")
    infinite = "which is infinite; correct it or set it to missing"
    fails(f"^d.csv, line 3: big is -inf, {infinite}$", numeric, df, "big", "d.csv")
    fails("no column 'y'", numeric, df, "y", "d.csv")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pd.Categorical(["1", "b"]), "row 1: x is 'b', which is not a number"),
        (pd.to_datetime(["2020-01-01", "2020-01-02"]), "row 0: x is 2020-01-01"),
        (pd.to_timedelta([1, 2], unit="s"), "row 0: x is 0 days 00:00:01"),
        (["1,5", "2"], "row 0: x is '1,5', which is not a number"),
    ],
)
def test_numeric_refuses(values, message):
    fails(message, numeric, pd.DataFrame({"x": values}), "x", "frame")


def test_numeric_of_categories_of_numbers():
    df = pd.DataFrame({"x": pd.Categorical([3.0, 1.0, np.nan])})
    np.testing.assert_array_equal(numeric(df, "x", "frame"), [3, 1, np.nan])


def test_complete(write):
    df = read(write("y,x,g,w\n1,2,a,\n,,b,\n3,,c,\n4,5,,\n6,7,d,\n"))
    kept, dropped = complete(df, ["y", "x", "g", "y"], "d.csv")
    assert kept.index.tolist() == [2, 6]
    assert kept.columns.tolist() == ["y", "x", "g", "w"]
    assert dropped == {"y": 1, "x": 2, "g": 1}
    assert complete(hs(), ["mathach", "ses"], "hs")[1] == {}
    fails("d.csv: none of 5 rows is complete; missing: y 1, w 5", complete, df, ["y", "w"], "d.csv")
    fails("^d.csv: no rows$", complete, df.iloc[:0], ["y", "w"], "d.csv")
    fails("no column 'v'", complete, df, ["v"], "d.csv")
