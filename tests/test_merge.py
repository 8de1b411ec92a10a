"""Joining a file of clusters and a file of units: what comes out, and every message.

Nothing is computed, so everything is compared exactly; pandas' own left merge is the other way.
"""

import copy
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simlab.data import DataError, hs, merge_levels, up

SCHOOLS = pd.DataFrame(
    {
        "school": ["a", "b", "c", "d"],
        "size": [100, 200, 300, 400],
        "public": [True, False, True, False],
        "sector": pd.Categorical(["P", "C", "P", "C"], ["C", "P"]),
        "town": ["Lier", None, "Gent", "Lier"],
    },
    index=[9, 8, 7, 6],
)
STUDENTS = pd.DataFrame(
    {"ses": [0.1, 0.2, 0.3, 0.4], "school": ["c", "a", "c", "b"]},
    index=pd.Index([2, 4, 5, 5], name="line"),
)


def fails(message, clusters, units, on="school", **options):
    with pytest.raises(DataError, match=message) as caught:
        merge_levels(clusters, units, on, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ---- what comes out --------------------------------------------------------------------------


def test_merge_keeps_the_unit_file_and_adds_the_cluster_file():
    before = copy.deepcopy((SCHOOLS, STUDENTS))
    merged = merge_levels(SCHOOLS, STUDENTS, "school")
    expected = STUDENTS.assign(
        size=[300, 100, 300, 200],
        public=[True, True, True, False],
        sector=pd.Categorical(["P", "P", "P", "C"], ["C", "P"]),
        town=pd.Series(["Gent", "Lier", "Gent", None], dtype="str").array,
    )
    pd.testing.assert_frame_equal(merged, expected)
    assert merged.attrs["merge"] == {
        "on": "school",
        "rows": 4,
        "clusters": 3,
        "without_units": ["d"],
        "orphans": {},
    }
    for after, old in zip((SCHOOLS, STUDENTS), before, strict=True):
        pd.testing.assert_frame_equal(after, old)
        assert after.attrs == {}


@pytest.mark.parametrize("full", [False, True])
def test_up_and_back_down(full):
    df = hs(full)
    schools, students = up(df, "school"), df[["school", "mathach", "ses", "sex", "minority"]]
    merged = merge_levels(schools.sample(frac=1, random_state=1), students, "school")
    pd.testing.assert_frame_equal(merged[df.columns], df)
    assert merged.attrs["merge"]["without_units"] == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 8), unique=True, min_size=1),
    st.lists(st.integers(0, 8), max_size=20),
    st.sampled_from(["int64", "str", "category", "Int64", "float64"]),
    st.sampled_from(["keep", "drop"]),
)
def test_merge_agrees_with_pandas(labels, keys, dtype, orphans):
    clusters = pd.DataFrame({"g": labels, "w": [10.0 * label for label in labels]})
    units = pd.DataFrame({"g": pd.Series(keys, dtype="int64"), "x": np.arange(len(keys))})
    how = {"keep": "left", "drop": "inner"}[orphans]
    expected = units.merge(clusters, on="g", how=how).sort_values("x")
    merged = merge_levels(
        clusters.astype({"g": dtype}), units.astype({"g": dtype}), "g", orphans=orphans
    )
    assert merged.g.dtype == units.astype({"g": dtype}).g.dtype
    np.testing.assert_array_equal(merged.x, expected.x)
    np.testing.assert_array_equal(merged.w, expected.w)
    report = merged.attrs["merge"]
    assert report["rows"] == expected.w.notna().sum()
    assert sum(report["orphans"].values()) == len(keys) - report["rows"]
    assert [int(g) for g in report["without_units"]] == [g for g in labels if g not in keys]
    assert report["clusters"] + len(report["without_units"]) == len(labels)


def test_key_as_index_and_keys_of_two_types_of_text_or_number():
    plain = merge_levels(SCHOOLS, STUDENTS, "school")
    for change in ("category", object):
        other = merge_levels(SCHOOLS.astype({"school": change}), STUDENTS, "school")
        pd.testing.assert_frame_equal(other, plain)
    pd.testing.assert_frame_equal(
        merge_levels(SCHOOLS.set_index("school"), STUDENTS, "school"), plain
    )
    whole = merge_levels(
        pd.DataFrame({"g": [1.0, 2.0], "w": [3, 4]}), pd.DataFrame({"g": [2, 1]}), "g"
    )
    assert whole.w.tolist() == [4, 3]
    assert whole.w.dtype == np.int64


def test_orphans():
    few = SCHOOLS[:2]
    message = fails(None, few, STUDENTS)
    assert message == (
        "2 rows of the unit file have a school that is not in the cluster file: 'c' (2 rows); "
        "add it there, or choose orphans='drop' or orphans='keep'"
    )
    dropped = merge_levels(few, STUDENTS, "school", orphans="drop")
    assert dropped["size"].tolist() == [100, 200]
    assert dropped["size"].dtype == np.int64
    assert dropped.index.tolist() == [4, 5]
    kept = merge_levels(few, STUDENTS, "school", orphans="keep")
    np.testing.assert_array_equal(kept["size"], [np.nan, 100, np.nan, 200])
    assert kept.sector.dtype == SCHOOLS.sector.dtype
    assert kept.index.equals(STUDENTS.index)
    report = {"on": "school", "rows": 2, "clusters": 2, "without_units": [], "orphans": {"c": 2}}
    assert (dropped.attrs["merge"], kept.attrs["merge"]) == (report, report)


def test_many_orphans_and_labels_that_are_nearly_equal():
    units = pd.DataFrame({"school": [f"z{i}" for i in range(42)] + ["A", "b ", "b"]})
    message = fails("^44 rows", SCHOOLS, units)
    assert "'z0' (1 rows), 'z1' (1 rows)" in message
    assert "'z4' (1 rows) … and 39 more (2 of them differ only in spaces or capitals)" in message
    fails(
        r"orphans is 'ignore'; it may be 'error', 'keep' or 'drop'",
        SCHOOLS,
        units,
        orphans="ignore",
    )


# ---- keys that do not fit --------------------------------------------------------------------


def test_key_that_is_no_column():
    fails(
        "^the cluster file: no column 'school' for the key; did you mean 'School'.*"
        "; the unit file: no column 'school' for the key; did you mean 'schol'",
        *(
            SCHOOLS.rename(columns={"school": "School"}),
            STUDENTS.rename(columns={"school": "schol"}),
        ),
    )
    fails(
        "the unit file: no column 'school' .* it is the index",
        SCHOOLS,
        STUDENTS.set_index("school"),
    )
    fails("the unit file: must be a data frame", SCHOOLS, [1])
    fails("the cluster file: must be a data frame", [1], STUDENTS)
    twice = SCHOOLS.rename(columns={"size": "town"})
    fails("the cluster file: columns that occur more than once: 'town'", twice, STUDENTS)


def test_key_that_is_missing():
    gaps = STUDENTS.assign(school=["c", None, "c", None])
    message = r"^the unit file, line 4, 5: school is missing; .*units.dropna\(subset=\['school'\]\)"
    fails(message, SCHOOLS, gaps)
    fails(message, SCHOOLS, gaps, orphans="drop")
    gaps = SCHOOLS.assign(school=["a", "b", None, "c"])
    fails(r"^the cluster file, row 7: school is missing; .*clusters\.dropna", gaps, STUDENTS)


def test_key_that_is_repeated():
    both = pd.concat([SCHOOLS, SCHOOLS[:2].assign(size=[1, 200])])
    message = "more than once: 'a' in 2 rows, 'b' in 2 rows; they differ in 'size': keep one row"
    fails(message, both, STUDENTS)
    equal = pd.concat([SCHOOLS, SCHOOLS[:2].assign(town=[None, "Lier"])])
    message = r"'b' in 2 rows; the rows agree, so use up\(clusters, 'school'\)$"
    fails(message, equal, STUDENTS)
    assert merge_levels(up(equal, "school"), STUDENTS, "school").town.notna().all()


@pytest.mark.parametrize(
    ("clusters", "units", "words"),
    [
        ([1, 2], ["2", "1"], "numbers in the cluster file and text in the unit file"),
        (["1", "2"], [2, 1], "text in the cluster file and numbers in the unit file"),
        (["01", "02"], [2, 1], "text in the cluster file"),
        ([1.0, 2.0], ["2", "1"], "numbers in the cluster file"),
        (["1", "2", "x"], [2, 1], "text in the cluster file"),
        (["1", "2", "x"], [2.0, 1.0], "text in the cluster file"),
        (["1.5", "2.5", "x"], [2.5, 1.5], "text in the cluster file"),
        (pd.Categorical(["1", "2"]), [2, 1], "text in the cluster file"),
        (["1", "2", "x"], pd.Categorical([2, 1]), "numbers in the unit file"),
    ],
)
def test_keys_of_two_kinds_and_the_advice_given(clusters, units, words):
    frames = {"clusters": pd.DataFrame({"g": clusters}), "units": pd.DataFrame({"g": units})}
    frames["clusters"]["w"] = np.arange(len(clusters))
    message = fails(words, *frames.values(), on="g")
    exec(re.search("make them one kind: (.*)$", message)[1], {"pd": pd}, frames)
    assert merge_levels(*frames.values(), "g").w.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("clusters", "units", "message"),
    [
        ([1, 2], pd.to_datetime(["2020", "2021"]), "numbers in the .* times in the unit file"),
        ([True, False], ["a", "b"], "is truth values in the cluster file and text in the unit"),
        ([1, "b"], [1], r"key 'g' of clusters holds values of different kinds.*astype\(str\)$"),
        ([1], pd.Series([1, "b"], dtype=object), "key 'g' of units holds values of different"),
    ],
)
def test_keys_of_other_kinds(clusters, units, message):
    fails(message, pd.DataFrame({"g": clusters}), pd.DataFrame({"g": units}), on="g")


def test_files_without_rows():
    merged = merge_levels(SCHOOLS, STUDENTS[:0], "school")
    assert merged.shape == (0, 6)
    assert merged.attrs["merge"]["without_units"] == ["a", "b", "c", "d"]
    fails("^4 rows of the unit file have", SCHOOLS[:0], STUDENTS)


# ---- variables in both files -----------------------------------------------------------------


def test_a_variable_of_both_files_is_there_once():
    units = merge_levels(SCHOOLS, STUDENTS, "school")
    again = merge_levels(SCHOOLS, units, "school")
    pd.testing.assert_frame_equal(again, units)
    # equal values of other types: text for a categorical, floats for whole numbers
    units = units.astype({"sector": "str", "size": float})
    pd.testing.assert_frame_equal(merge_levels(SCHOOLS, units, "school"), units)


def test_a_variable_that_differs_between_the_files():
    units = merge_levels(SCHOOLS, STUDENTS, "school").reset_index(drop=True)
    units["size"] = [300, 101, 300, 202]
    units["town"] = ["Gent", None, None, "Mol"]
    units["sector"] = ["P", "P", "P", "C"]
    message = fails(None, SCHOOLS, units)
    assert message.startswith(
        "'size' differs between the cluster file and the unit file: 'a' (100 and 101), "
        "'b' (200 and 202); 'town' differs between the cluster file and the unit file: "
        "'a' ('Lier' and missing), 'c' ('Gent' and missing), 'b' (missing and 'Mol'). A column"
    )
    assert "public" not in message
    assert "sector" not in message


def test_a_variable_that_varies_within_clusters():
    df = hs()
    means = up(df, "school", all=True)
    message = fails(None, means[["ses", "size"]], df[["school", "ses", "size"]])
    five = ", ".join(repr(s) for s in df.school.unique()[:5])
    assert message.startswith(
        f"'ses' varies within a school of the unit file: {five} … and 35 more. A column of both"
    )
    assert "size" not in message
    renamed = means[["ses"]].rename(columns={"ses": "mean_ses"})
    assert "mean_ses" in merge_levels(renamed, df, "school")


def test_orphans_do_not_take_part_in_the_comparison():
    units = merge_levels(SCHOOLS, STUDENTS, "school")
    units["size"] = [1, 100, 2, 200]  # within c, which the cluster file has not
    kept = merge_levels(SCHOOLS[:2], units, "school", orphans="keep")
    pd.testing.assert_frame_equal(kept, units)
    fails("'size' varies within a school of the unit file: 'c'", SCHOOLS, units)
