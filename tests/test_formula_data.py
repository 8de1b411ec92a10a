"""Data that cannot be used is refused in one line; unusual kinds of data, and new data, work.

Tolerances: new rows pass through the same arithmetic as the rows of the design and are equal to
the last bit, but for splines, which formulaic evaluates with other shapes (1e-14).
"""

import pickle
import time
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from simlab.data import DataError
from simlab.formula import FormulaError, build


def frame(n=60, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "y": rng.normal(size=n),
            "x": rng.normal(size=n),
            "w": rng.normal(size=n) + 5,
            "f": np.resize(["a", "b", "c"], n),
            "g": np.resize([3, 1, 2, 5, 4, 9], n),
        }
    )


DF = frame()
TIMES = pd.date_range("2020-01-01", periods=60)


def refused(formula, data, says, error=DataError, **options):
    with pytest.raises(error, match=says) as caught:
        build(formula, data, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("formula", "data", "says"),
    [
        ("Y ~ x + (1|g)", DF, "no column 'Y' for the response; did you mean 'y'"),
        ("y ~ log(X) + (1|g)", DF, r"no column 'X' for the formula.*did you mean 'x'"),
        ("y ~ x + (1|G)", DF, "no column 'G' for the cluster; did you mean 'g'"),
        (
            "y ~ x + (1|g)",
            [[1, 2]],
            "must be a data frame .* or a dict of columns, not list",
        ),
        ("y ~ x + (1|g)", {"y": [1, 2], "x": [1], "g": [1, 2]}, "do not form a table"),
        ("y ~ x + (1|g)", DF.iloc[:0], "no rows"),
        ("f ~ x + (1|g)", DF, "row 0: the response f is 'a'; it must be a number"),
        ("y ~ x + (1|g)", DF.assign(y=pd.Categorical(DF.f)), "response y is 'a'"),
        ("y ~ x + (1|g)", DF.assign(y=2.0), "response y is 2 in all 60 rows"),
        ("y ~ x + (1|g)", DF.assign(x=np.nan), "none of 60 rows is complete; missing: x 60"),
        ("y ~ x + (1|g)", DF.assign(x=DF.x.where(DF.index != 3, np.inf)), "row 3: x is inf"),
        ("y ~ x + (1|g)", DF.assign(y=DF.y.where(DF.index != 4, -np.inf)), "row 4: y is -inf"),
        ("y ~ log(x) + (1|g)", DF.assign(x=DF.index + 0.0), r"row 0: 'log\(x\)' has no finite"),
        ("y ~ sqrt(x) + (1|g)", DF.assign(x=5.0 - DF.index), r"row 6: 'sqrt\(x\)' has no finite"),
        ("y ~ cvar(log(x), g) + (1|g)", DF.assign(x=5.0 - DF.index), r"row 5: 'log\(x\)'"),
        ("y ~ cvar(log(x), g) + (1|g)", DF.assign(x=4.5 - DF.index), r"row 5: 'log\(x\)'"),
        ("sqrt(y) ~ x + (1|g)", DF, "has no finite value"),
        ("y ~ f + (1|g)", DF[DF.f == "b"], "factor f has one level in the rows used, 'b'"),
        ("y ~ x + (1|g)", DF.assign(g=7), "g has one cluster in the rows used, '7'"),
        ("y ~ x + (1|g)", DF.assign(x=TIMES), "'x' holds dates"),
        ("y ~ x + (1|g)", DF.assign(x=TIMES - TIMES[0]), "'x' holds durations"),
        ("y ~ x + (1|g)", DF.assign(x=1j), "values of kind complex128"),
        ("y ~ x + (1|g)", DF.assign(x=[1, "a"] * 30), "row 1: x is 'a'"),
        ("y ~ x + (1|g)", DF.assign(x=[[1]] * 60), r"row 0: x is \[1\]"),
        ("y ~ x + (1|g)", DF.assign(g=[[1]] * 60), "cannot name clusters"),
        ("y ~ I(f + 1) + (1|g)", DF, "'f' holds levels"),
        ("y ~ poly(f, 2) + (1|g)", DF, "'f' holds levels"),
        ("y ~ I(f == 'z') + (1|g)", DF, "has no level 'z': a, b, c"),
        ("y ~ I(f < 2) + (1|g)", DF, "only by == or !="),
        ("y ~ C(f, ref='z') + (1|g)", DF, "no level 'z' among a, b, c"),
        ("y ~ poly(x, 2) + (1|g)", DF.assign(x=DF.index % 2), "more than 2 distinct values"),
        ("y ~ bs(x, df=2) + (1|g)", DF, "df is 2; it must be at least 3"),
        ("y ~ scale(x) + (1|g)", DF.assign(x=0.1), "constant cannot be scaled"),
        ("y ~ x + (1|g)", DF.assign(g=DF.index), "60 rows and 60 random effects.*told apart"),
        ("y ~ x + (1+x|g)", DF.assign(g=DF.index // 2), "60 random effects.*told apart"),
        ("y ~ factor(x) + (1|g)", DF, "60 fixed effects and only 60 rows"),
        ("y ~ fb + f + (1|g)", DF.assign(fb=DF.x), "both be named 'fb'"),
        ("y ~ f + (1|g)", DF.assign(f=pd.Categorical(["1", 1] * 30)), "both written '1'"),
    ],
)
def test_bad_data_is_refused_in_one_line(formula, data, says):
    refused(formula, data, says)


def test_duplicated_columns_matter_only_when_used():
    df = pd.concat([DF, DF[["x"]]], axis=1)
    refused("y ~ x + (1|g)", df, "'x' occurs more than once")
    assert build("y ~ w + (1|g)", df).fixed_names == ("(Intercept)", "w")


def test_missing_values_can_be_refused():
    df = DF.assign(x=DF.x.where(DF.index > 1))
    refused("y ~ x + (1|g)", df, "2 of 60 rows have missing values: x 2", missing="raise")
    refused("y ~ x + (1|g)", df, "my file: 2 of 60", missing="raise", source="my file")
    assert build("y ~ w + (1|g)", df, missing="raise").dropped_rows == 0
    with pytest.raises(ValueError, match="missing must be"):
        build("y ~ x + (1|g)", df, missing="mean")


def test_one_row_more_than_random_effects_is_enough():
    df = frame(61)
    df["g"] = df.index // 2
    refused("y ~ x + (1 + x | g)", df, "told apart")
    assert len(build("y ~ x + (1 | g)", df).clusters) == 31
    df.loc[60, "g"] = 29  # 61 rows and 60 random effects
    assert len(build("y ~ x + (1 + x | g)", df).clusters) == 30


@pytest.mark.parametrize(
    ("bars", "lost"),
    [
        ("(1 + x + I(2*x) | g)", r"I\(2 \* x\)"),
        ("(1 + one | g)", "one"),
        ("(0 + zero | g)", "zero"),
        ("(1|g) + (0 + f | g)", "fc"),
        ("(1 + x | g) + (0 + I(x - 3) | g)", r"I\(x - 3\)"),
    ],
)
def test_collinear_random_effects_are_refused(bars, lost):
    df = DF.assign(one=1.0, zero=0.0)
    refused(f"y ~ 1 + {bars}", df, f"random effect '{lost}' is a linear combination")


@pytest.mark.parametrize("share", [1e-9, 1e-5, 1e-2])
def test_nearly_collinear_columns_are_kept_and_collinear_ones_dropped(share):
    """What is left of z beside x is `share`; the tolerance is 1e-7, as in R."""
    rng = np.random.default_rng(2)
    df = DF.assign(z=DF.x + share * rng.normal(size=60))
    d = build("y ~ x + z + (1|g)", df)
    assert d.dropped_columns == (("z",) if share < 1e-7 else ())
    assert d.X.shape == (60, 3 - len(d.dropped_columns))
    assert ("z" in d.terms) == (share > 1e-7)


@pytest.mark.parametrize("offset", [0.0, 1e8, -1e8])
def test_an_offset_makes_a_column_no_more_collinear(offset):
    df = DF.assign(x=DF.x + offset, c=offset)
    d = build("y ~ x + w + c + I(x + w) + (1 + x | g)", df)
    assert d.dropped_columns == ("c", "I(x + w)")
    # An uncentred criterion with the same tolerance would lose x as well
    lengths = np.linalg.norm(df.x - df.x.mean()) / np.linalg.norm(df.x)
    assert (lengths < 1e-7) == (offset != 0)


def test_units_do_not_matter_for_the_rank():
    for unit in (1e-130, 1e-12, 1e12, 1e130):
        d = build("y ~ x + w + I(x - w) + (1|g)", DF.assign(x=DF.x * unit, w=DF.w * unit))
        assert d.dropped_columns == ("I(x - w)",)


def test_a_dropped_fixed_column_may_be_random():
    d = build("y ~ x + I(2*x) + (0 + I(2*x) | g)", DF)
    assert d.dropped_columns == ("I(2 * x)",)
    np.testing.assert_array_equal(d.Z[:, 0], 2 * DF.x)
    assert d.D.shape == (60, 3)


KINDS = {
    "int8": (DF.index % 5).astype("int8"),
    "float32": DF.x.astype("float32"),
    "Int64": pd.array(DF.index % 5, dtype="Int64"),
    "Float64": pd.array(DF.x, dtype="Float64"),
    "object": pd.Series(list(DF.index % 5), dtype=object),
}


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_of_every_kind(kind):
    d = build("y ~ v + (1|g)", DF.assign(v=KINDS[kind]))
    np.testing.assert_array_equal(d.X[:, 1], np.asarray(KINDS[kind], dtype=float))


@pytest.mark.parametrize("kind", ["str", "object", "string", "category"])
def test_levels_of_every_kind(kind):
    df = DF.assign(v=DF.f.astype(kind))
    df.loc[5, "v"] = None
    d = build("y ~ v + (1|g)", df)
    assert d.fixed_names == ("(Intercept)", "vb", "vc")
    np.testing.assert_array_equal(d.X[:, 2], (DF.f == "c").drop(5))
    assert d.missing == {"v": 1}


@pytest.mark.parametrize("kind", ["bool", "boolean", "object"])
def test_logicals_of_every_kind(kind):
    df = DF.assign(v=(DF.x > 0).astype(kind))
    d = build("y ~ v + I(1 - v) + (1|g)", df)
    assert (d.fixed_names, d.dropped_columns) == (("(Intercept)", "vTrue"), ("I(1 - v)",))
    assert build("v ~ x + (1|g)", df).y.sum() == (DF.x > 0).sum()


@pytest.mark.parametrize("kind", ["int64", "float64", "str", "object", "category", "Int64"])
def test_clusters_of_every_kind(kind):
    labels = DF.g.astype("str").astype("category") if kind == "category" else DF.g.astype(kind)
    d = build("y ~ cvar(x, g) + (1|g)", DF.assign(g=labels))
    assert list(d.clusters) == list(dict.fromkeys(labels))
    assert list(d.clusters[d.cluster]) == list(labels)
    assert not isinstance(d.clusters, pd.CategoricalIndex)
    new = d.new(DF.assign(g=labels).iloc[:9])
    assert list(d.clusters.get_indexer(new.clusters)) == list(d.cluster[:9])


def test_a_dict_of_arrays_and_any_index():
    d = build("y ~ x + (1|g)", {name: DF[name].to_numpy() for name in DF})
    e = build("y ~ x + (1|g)", DF.set_axis(pd.Index([f"r{i}" for i in DF.index], name="student")))
    np.testing.assert_array_equal(d.D, e.D)
    assert e.rows[2] == "r2"
    odd = DF.set_axis([f"r{i}" for i in DF.index]).rename_axis("student")
    odd.loc["r2", "x"] = np.inf
    refused("y ~ x + (1|g)", odd, "student r2: x is inf")


RICH = (
    "y ~ cvar(x, g) * f + poly(w, 2) + scale(x) + bs(x, 4) + cr(w, 4) + I(f == 'b')"
    " + cvar(f, g) + I(w > 5) + log(w) + (1 + dvar(x, g) | g)"
)


def test_new_rows_equal_to_the_old_have_the_same_design():
    df = frame(120).assign(f=np.resize(list("aabcbcca"), 120), w=DF.w.abs().mean() + frame(120).x)
    d = build(RICH, df)
    new = d.new(df)
    np.testing.assert_allclose(new.X, d.X, rtol=0, atol=1e-14)
    np.testing.assert_allclose(new.Z, d.Z, rtol=0, atol=1e-14)
    part = df.iloc[[70, 3, 51]].drop(columns="y")
    np.testing.assert_allclose(d.new(part).X, d.X[[70, 3, 51]], rtol=0, atol=1e-14)
    copied = pickle.loads(pickle.dumps(d))
    np.testing.assert_array_equal(copied.new(part).X, d.new(part).X)


def test_the_state_of_training_matters():
    """Negative control: a design built of the part alone differs in every column that learns."""
    d, part = build("y ~ cvar(x, g) + scale(x) + poly(w, 2) + (1|g)", DF), DF.iloc[10:31]
    alone = build("y ~ cvar(x, g) + scale(x) + poly(w, 2) + (1|g)", part)
    assert (np.abs(alone.X - d.new(part).X)[:, 1:].max(axis=0) > 0.01).all()


def test_the_cluster_is_needed_only_where_it_is_used():
    d = build("y ~ x * f + (1|g)", DF)
    new = d.new(DF[["x", "f"]].iloc[:3])
    assert new.clusters is None
    np.testing.assert_array_equal(new.X, d.X[:3])
    with pytest.raises(DataError, match="no column 'g' for the cluster"):
        d.new(DF[["x", "f"]], cluster_required=True)
    with pytest.raises(DataError, match="no column 'g' for the cluster"):
        build("y ~ cvar(x, g) + (1|g)", DF).new(DF[["x"]])
    some = d.new(DF.assign(g=DF.g.where(DF.index > 0)))
    assert some.clusters[0] is None
    assert some.clusters[1] == 1
    with pytest.raises(DataError, match="row 0: g is missing"):
        d.new(DF.assign(g=DF.g.where(DF.index > 0)), cluster_required=True)


def test_a_factor_of_new_rows_may_lack_levels():
    d = build("y ~ f + I(f == 'a') + (1|g)", DF)
    np.testing.assert_array_equal(d.new({"f": ["c", "c"]}).X, [[1, 0, 1], [1, 0, 1]])
    as_category = pd.DataFrame({"f": pd.Categorical(["b"], categories=["b", "unused"])})
    np.testing.assert_array_equal(d.new(as_category).X, [[1, 1, 0]])
    flags = build("y ~ v + (1|g)", DF.assign(v=DF.x > 0))
    np.testing.assert_array_equal(flags.new({"v": [True]}).X, [[1, 1]])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"f": "q"}, "row 0: f is 'q', a level that the data of the model do not have"),
        ({"f": 1}, "row 0: f is 1"),
        ({"x": np.nan}, r"row 0: x is missing \(60 missing in all\)"),
        ({"f": None}, "row 0: f is missing"),
        ({"x": "a"}, "number"),
        ({"w": 100.0}, "extrapolation"),
        ({"w": -np.inf}, "row 0: w is -inf"),
        ({"g": "a"}, "'g' is str and was int64"),
        ({"g": None}, "row 0: g is missing"),
    ],
)
def test_new_rows_that_cannot_be_used(changes, says):
    d = build("y ~ cvar(x, g) + x + f + bs(w, 4) + (1|g)", DF)
    with pytest.raises(DataError, match=says) as error:
        d.new(DF.assign(**changes))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("data", [DF.drop(columns="x"), DF.iloc[:0], 5])
def test_new_data_that_are_none(data):
    with pytest.raises(DataError, match="the new data: "):
        build("y ~ x + (1|g)", DF).new(data)


def test_a_call_of_a_column_is_explained():
    refused("y ~ x(w) + (1|g)", DF, "'x' is not a function", FormulaError)


def test_a_large_design_is_built_in_little_memory_and_time():
    """At most twice the data frame; measured 1.5 (D, y and codes are 1.5 themselves)."""
    n = 200_000
    rng = np.random.default_rng(1)
    df = pd.DataFrame({name: rng.normal(size=n) for name in "yxw"})
    df["g"] = rng.integers(0, 2_000, n)
    size = df.memory_usage(index=False).sum()
    build("y ~ x*w + (1 + x | g)", DF)  # imports and the like do not count
    tracemalloc.start()
    d = build("y ~ x*w + (1 + x | g)", df)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert d.D.nbytes == size
    assert peak < 1.75 * size
    start = time.process_time()  # which other processes do not lengthen
    build("y ~ x*w + (1 + x | g)", df)
    assert time.process_time() - start < 1  # 0.015 s


def test_factors_of_many_levels_are_refused_before_they_fill_the_memory():
    n = 20_000
    df = pd.DataFrame({"y": np.sin(np.arange(n)), "i": np.arange(n), "g": np.arange(n) % 9})
    tracemalloc.start()
    refused("y ~ factor(i) + (1|g)", df, r"term factor\(i\) makes more than 10000 columns")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 * df.memory_usage(index=False).sum()  # a coding matrix is 6,700 times that
    df["i"] = df.i % 5000
    refused("y ~ factor(i):factor(g) + (1|g)", df, "more than 10000 columns")


def test_long_lists_in_messages_are_cut():
    df = DF.assign(f=np.arange(60) % 10)
    refused("y ~ 1 + (factor(f) | g)", df, r"factor\(f\)4, … and 5 more for each of 6 clusters")
