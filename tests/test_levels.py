"""Cluster means, deviations and one row per cluster, against R, the course and definitions.

Tolerances: the course prints eight digits or six decimals of a mean, and we ask for the last of
them. R stores 15 digits of a least-squares fit of 40 school means; 1e-10 is asked and 1e-14 found.
The coefficients of R's mixed model follow in closed form from its G and σ², stored with 15 digits,
so only rounding separates the two: 1e-9 is asked and 1e-14 found. Sums of 30 terms of either sign
agree with exact sums to 1e-13 of the largest term.
"""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_cases import stored

from simlab.data import DataError, cvar, dvar, hs, up, varying


def fails(message, call, *args, **options):
    with pytest.raises(DataError, match=message) as caught:
        call(*args, **options)
    assert "\n" not in str(caught.value)


# ---- against the course and R ----------------------------------------------------------------

# `up(hs, ~ school, all = T)` as the course prints it.
UP_ALL = """
1317 13.177687  0.34533333 Female Yes  455 Catholic 0.95 -1.694
2629 14.907772 -0.13764912 Male   No  1314 Catholic 0.81 -0.613
2658 13.396156  0.43844444 Female No   780 Catholic 0.79 -0.961
3992 14.645208  0.36539623 Male   No  1114 Catholic 0.73 -1.534
5640 13.160105 -0.17659649 Male   No  1152 Public   0.41  0.256
5650 14.273533  0.02244444 Female Yes  720 Catholic 0.60 -0.070
"""
# `capply(hs$Sex == "Female", hs$school, mean)` as the course prints it.
FEMALE = {"4292": 0, "5640": 0.4210526, "5762": 0.5675676, "7172": 0.5, "7232": 0.5769231}
FEMALE |= {"7688": 0, "7890": 0.4705882, "8627": 0.4528302, "9586": 1, "3610": 0.453125}


def test_up_gives_what_the_course_prints():
    schools = up(hs(), "school", all=True)
    assert schools.shape == (40, 9)
    for line in UP_ALL.strip().splitlines():
        school, mathach, ses, *rest = line.split()
        row = schools.loc[school]
        assert abs(row.mathach - float(mathach)) <= 0.5e-6
        assert abs(row.ses - float(ses)) <= 0.5e-8
        result = row[["sex", "minority", "size", "sector", "pracad", "disclim"]]
        assert result.tolist() == [*rest[:2], int(rest[2]), rest[3], *map(float, rest[4:])]


def test_cvar_gives_the_sex_composition_that_the_course_prints():
    df = hs()
    for share in (cvar(df.sex == "Female", df.school), 1 - cvar(df.sex, df.school).Male):
        result = share.groupby(df.school).first()
        for school, value in FEMALE.items():
            assert abs(result[school] - value) <= 0.5e-7


def test_ecological_regression_of_r():
    record = stored("classical", "hs.json")["ecological ybar~xbar"]
    schools = up(hs(), "school", all=True)

    def line(x):
        return np.linalg.lstsq(np.column_stack([np.ones(40), x]), schools.mathach, rcond=None)[0]

    np.testing.assert_allclose(line(schools.ses), record["coef"], rtol=1e-10)
    # the negative control: nlme's own mean ses is another variable
    assert np.abs(line(schools.meanses) / record["coef"] - 1).max() > 1e-4


# lme4 on all of hsb: mathach ~ cvar(ses, school) + dvar(ses, school) + (1 + dvar | school), REML.
# R 4.2.2, lme4 1.1-31, optimum polished.
BETA = [12.6808067234863, 5.89635959380699, 2.19128010922258]
SE = [0.149243301213731, 0.36004839521984, 0.128030683286186]
G = np.array([[2.69322942612315, -0.264781621880077], [-0.264781621880077, 0.68583338885778]])
SIGMA2 = 36.7131718914743


def contextual(context):
    """γ̂ = (X'V⁻¹X)⁻¹X'V⁻¹y and its standard errors at R's G and σ²."""
    df = hs(full=True)
    deviation = dvar(df.ses, df.school)
    columns = pd.DataFrame({"1": 1.0, "context": context(df), "dvar": deviation, "y": df.mathach})
    A, b = np.zeros((3, 3)), np.zeros(3)
    for _, rows in columns.groupby(df.school):
        X, Z = rows[["1", "context", "dvar"]].to_numpy(), rows[["1", "dvar"]].to_numpy()
        VX = np.linalg.solve(Z @ G @ Z.T + SIGMA2 * np.eye(len(rows)), X)
        A, b = A + X.T @ VX, b + VX.T @ rows.y.to_numpy()
    return np.linalg.solve(A, b), np.sqrt(np.diag(np.linalg.inv(A)))


def test_contextual_model_of_r_on_all_schools():
    beta, se = contextual(lambda df: cvar(df.ses, df.school))
    np.testing.assert_allclose(beta, BETA, rtol=1e-9)
    np.testing.assert_allclose(se, SE, rtol=1e-9)
    assert np.abs(contextual(lambda df: df.meanses)[0] / BETA - 1).max() > 1e-4


# ---- cvar and dvar ---------------------------------------------------------------------------

LABELS = st.sampled_from(["a", "b", "c", None])
VALUES = st.floats(-1e6, 1e6, allow_subnormal=False) | st.just(math.nan)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(LABELS, VALUES), max_size=30))
def test_cvar_and_dvar_by_definition(rows):
    x = pd.Series([v for _, v in rows], dtype=float)
    g = pd.Series([label for label, _ in rows], dtype=object)
    mean, deviation = cvar(x, g), dvar(x, g)
    for i, (label, value) in enumerate(rows):
        values = [v for other, v in rows if other == label and not math.isnan(v)]
        if label is None or not values:
            assert math.isnan(mean[i])
            assert math.isnan(deviation[i])
            continue
        scale = 1e-13 * max(map(abs, values))
        assert abs(mean[i] - math.fsum(values) / len(values)) <= scale
        assert math.isnan(deviation[i]) == math.isnan(value)
        if not math.isnan(value):
            assert abs(deviation[i] - (value - mean[i])) <= scale


def test_an_offset_costs_no_digit():
    rng = np.random.default_rng(1)
    g = pd.Series(rng.integers(0, 20, 1000))
    x = pd.Series(rng.integers(-512, 512, 1000) / 256)  # exact also beside 1e8
    for offset in (1e8, 2.0**40):
        pd.testing.assert_series_equal(dvar(x + offset, g), dvar(x, g), check_exact=True)
        np.testing.assert_allclose(cvar(x + offset, g) - offset, cvar(x, g), atol=offset * 1.2e-16)
    # the negative control: the difference from a raw mean has lost half of the digits
    raw = x + 1e8 - (x + 1e8).groupby(g).transform("mean")
    assert (raw - dvar(x, g)).abs().max() > 1e-10


def test_a_constant_has_no_deviation():
    df = hs()
    x = df.school.map({s: math.pi * int(s) for s in df.school.unique()})
    assert (dvar(x, df.school) == 0).all()
    assert (cvar(x, df.school) == x).all()
    assert (dvar(df.ses, df.school) != 0).any()


def test_the_order_of_rows_does_not_matter():
    df = hs()
    mixed = df.sample(frac=1, random_state=1)
    pd.testing.assert_series_equal(
        cvar(mixed.ses, mixed.school).sort_index(), cvar(df.ses, df.school), rtol=1e-13
    )


def test_index_and_name_are_kept():
    x = pd.Series([1.0, 3.0, 5.0], index=[7, 7, 9], name="ses")
    expected = pd.Series([2.0, 2.0, 5.0], index=[7, 7, 9], name="ses")
    pd.testing.assert_series_equal(cvar(x, np.array([1, 1, 2])), expected)
    pd.testing.assert_series_equal(cvar(x, x.index), expected)
    of_array = cvar(x.to_numpy(), pd.Series(list("aab"), index=x.index))
    pd.testing.assert_series_equal(of_array, expected.rename(None))
    assert dvar([1, 3, 5], list("aab")).tolist() == [-1, 1, 0]
    assert cvar(pd.Series([], dtype=float), pd.Series([], dtype=str)).empty


@pytest.mark.parametrize(
    "cluster",
    [
        pd.Series(["a", "a", "b", None]),
        pd.Series(["a", "a", "b", None], dtype=object),
        pd.Series([1.0, 1.0, 2.0, np.nan]),
        pd.Series([1, 1, 2, None], dtype="Int64"),
        pd.Series(pd.Categorical(["a", "a", "b", None], categories=["z", "b", "a"])),
        pd.Series(pd.to_datetime(["2020-01-01", "2020-01-01", "2020-01-02", None])),
    ],
)
@pytest.mark.parametrize(
    "x",
    [
        pd.Series([1, 2, 4, 8]),
        pd.Series([1, 2, 4, 8], dtype="Int64"),
        pd.Series([1, 2, 4, 8], dtype=object),
        pd.Series([1, 2, 4, 8], dtype="float32"),
    ],
)
def test_kinds_of_labels_and_numbers(x, cluster):
    np.testing.assert_array_equal(cvar(x, cluster), [1.5, 1.5, 4, np.nan])
    np.testing.assert_array_equal(dvar(x, cluster), [-0.5, 0.5, 0, np.nan])


@pytest.mark.parametrize("dtype", [object, "boolean"])
def test_truth_values_that_are_missing(dtype):
    x = pd.Series([True, False, None, None], dtype=dtype)
    np.testing.assert_array_equal(cvar(x, list("aaab")), [0.5, 0.5, 0.5, np.nan])


def test_shares_of_the_levels():
    x = pd.Series(pd.Categorical(["lo", "hi", None, "mid"], ["lo", "mid", "hi", "top"]), name="x")
    shares = cvar(x, list("aaab"))
    assert shares.columns.tolist() == ["mid", "hi", "top"]
    np.testing.assert_array_equal(shares, [[0, 0.5, 0]] * 3 + [[1, 0, 0]])
    deviations = dvar(x, list("aaab"))
    np.testing.assert_array_equal(deviations, [[0, -0.5, 0], [0, 0.5, 0], [np.nan] * 3, [0, 0, 0]])
    used = x.cat.remove_unused_categories()
    assert cvar(used, list("aaab")).columns.tolist() == ["mid", "hi"]


X = pd.Series([1.0, 2.0], name="ses")


@pytest.mark.parametrize(
    ("x", "cluster", "message"),
    [
        (X, ["a"], "^x has 2 values and the cluster 1; give one per row$"),
        (X, pd.Series(["a", "b"], index=[1, 2]), "different indexes; take both from one data"),
        (X.to_frame(), ["a", "b"], "^x has 2 dimensions; give one column$"),
        (X, [["a"], ["b"]], "^the cluster has 2 dimensions"),
        (X * np.inf, ["a", "b"], "^row 0: ses is inf; a mean needs finite numbers$"),
        (pd.Series(["a", "1"]), ["a", "b"], r"^x holds no numbers \('a'\); make it categorical"),
        (X.astype(object).replace(2.0, "b"), ["a", "b"], r"ses holds no numbers .*to_numeric\(x\)"),
        (pd.Series(pd.to_datetime(["2020", "2021"])), ["a", "b"], r"holds times; .*\.dt\.days"),
        (pd.Series(pd.to_timedelta([1, 2])), ["a", "b"], "holds times"),
        (X + 1j, ["a", "b"], "holds no numbers"),
        (pd.Categorical(["a", "a"]), ["a", "b"], "^x has 1 levels, and a share needs two or more"),
        (X, pd.Series([["a"], ["b"]]), "the values of the cluster cannot be compared .*text or"),
    ],
)
def test_cvar_refuses(x, cluster, message):
    fails(message, cvar, x, cluster)
    fails(message, dvar, x, cluster)


# ---- varying and up --------------------------------------------------------------------------


def test_the_levels_of_the_variables_of_hs():
    df = hs()
    result = varying(df, "school")
    assert list(result) == ["mathach", "ses", "sex", "minority"]
    assert result["ses"] == df.school.unique().tolist()
    assert len(result["sex"]) == 40 - 7 - 4  # not in the schools of girls or boys only
    assert up(df, "school").columns.tolist() == ["size", "sector", "pracad", "disclim", "meanses"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(LABELS, st.sampled_from([0.0, 1.0, math.nan])), max_size=12),
    st.sampled_from([float, object, "Float64", "category"]),
)
def test_varying_by_definition(rows, dtype):
    df = pd.DataFrame({"g": [g for g, _ in rows], "x": [x for _, x in rows]})
    values: dict = {}
    for label, x in rows:
        if label is not None and not math.isnan(x):
            values.setdefault(label, set()).add(x)
    seen = list(dict.fromkeys(label for label, _ in rows))
    expected = [g for g in seen if len(values.get(g, ())) > 1]
    assert varying(df.astype({"x": dtype}), "g") == ({"x": expected} if expected else {})


FRAME = pd.DataFrame(
    {
        "size": [5, 7, 5, 7, 9],
        "school": ["b", "a", "b", "a", "c"],
        "ses": [1.0, 2.0, 2.0, np.nan, np.nan],
        "minority": [True, False, False, False, True],
        "sector": pd.Categorical(["P", None, None, "C", None], ["P", "C", "X"]),
        "sex": pd.Categorical(["M", "F", "F", "F", None], ["M", "F", "X"]),
        "town": ["Ypres", "Lier", "Gent", "Lier", None],
        "day": pd.to_datetime(["2020-01-02", "2020-01-01", "2020-01-01", None, "2020-01-03"]),
    },
    index=[10, 11, 12, 13, 14],
)


def test_up_keeps_what_is_constant():
    schools = up(FRAME, "school", n="n")
    expected = pd.DataFrame(
        {
            "size": [5, 7, 9],
            "sector": pd.Categorical(["P", "C", None], ["P", "C", "X"]),
            "n": [2, 2, 1],
        },
        index=pd.Index(["b", "a", "c"], name="school"),
    )
    pd.testing.assert_frame_equal(schools, expected)


def test_up_summarises_what_varies():
    schools = up(FRAME, "school", all=True)
    kept = ["size", "ses", "minority", "sector", "sex", "town", "day"]
    assert schools.columns.tolist() == kept
    np.testing.assert_array_equal(schools.ses, [1.5, 2, np.nan])
    assert schools.minority.tolist() == [0.5, 0, 1]
    # a tie: M comes before F in the order of the levels, Gent before Ypres in that of words
    assert schools.sex.dtype == FRAME.sex.dtype
    assert schools.sex.tolist()[:2] == ["M", "F"]
    assert schools.town.tolist()[:2] == ["Gent", "Lier"]
    assert schools.day.tolist() == list(pd.to_datetime(["2020-01-01", "2020-01-01", "2020-01-03"]))
    assert schools[["sex", "town"]].loc["c"].isna().all()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from(["x", "y", "z", None])),
        min_size=1,
        max_size=25,
    ),
    st.permutations(["x", "y", "z", "w"]),
)
def test_mode_by_definition(rows, levels):
    df = pd.DataFrame({"g": [g for g, _ in rows], "v": [v for _, v in rows]})
    df["v"] = df.v.astype(object)
    df["c"] = pd.Categorical(df.v, levels)
    schools = up(df, "g", all=True)
    for g in df.g.unique():
        values = [v for label, v in rows if label == g and v is not None]
        for column, order in (("v", sorted("xyz")), ("c", levels)):
            mode = max(order, key=values.count) if values else None
            result = schools[column][g]
            assert pd.isna(result) if mode is None else result == mode


def test_mode_of_values_without_an_order():
    df = pd.DataFrame({"g": [1, 1, 1, 2], "v": pd.Series(["b", 3, 3, "b"], dtype=object)})
    assert up(df, "g", all=True).v.tolist() == [3, "b"]


def test_up_of_a_categorical_with_levels_that_do_not_occur():
    df = hs()
    df["school"] = df.school.astype("category")
    few = df[df.sector == "Public"]
    schools = up(few, "school", n="n")
    assert (len(schools), schools.n.sum()) == (19, 833)
    assert schools.index.tolist() == few.school.unique().tolist()
    assert cvar(few.ses, few.school).notna().all()


def test_up_of_nothing_but_labels():
    assert up(FRAME[["school"]], "school").shape == (3, 0)
    assert up(FRAME[:0], "school", all=True, n="n").shape == (0, 8)


@pytest.mark.parametrize(
    ("df", "cluster", "message"),
    [
        (FRAME, "School", "^the data: no column 'School' for the cluster; did you mean 'school'"),
        (FRAME.set_index("school"), "school", r"no column 'school' .* the index, so use reset_in"),
        (FRAME, ["school"], r"no column \['school'\] for the cluster"),
        ([FRAME], "school", "^the data: must be a data frame .* not list$"),
        (FRAME.rename(columns={"ses": "size"}), "school", "more than once: 'size'; rename them"),
        (FRAME.assign(v=[[1]] * 5), "school", "the values of v cannot be compared"),
    ],
)
def test_up_and_varying_refuse(df, cluster, message):
    fails(message, up, df, cluster)
    fails(message, varying, df, cluster)


def test_up_refuses():
    fails("^the data have a column 'ses' already; choose", up, FRAME, "school", n="ses")
    gaps = pd.DataFrame({"g": [1.0] + [np.nan] * 6}, index=pd.RangeIndex(2, 9, name="line"))
    message = r"^line 3, 4, 5, 6, 7 … and 1 more: g is missing; .*df.dropna\(subset=\['g'\]\)$"
    fails(message, up, gaps, "g")
    assert varying(gaps, "g") == {}
    endless = FRAME.assign(ses=[1.0, 2.0, np.inf, 4.0, 5.0])
    fails("^row 12: ses is inf; a mean needs finite", up, endless, "school", all=True)
