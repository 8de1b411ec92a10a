"""Designs from formulas: against those of R's models, and against the rules of R.

Designs of R's models are rebuilt from R's coefficient names by `reference_cases`, which shares no
code with the formulas. Columns are copies or products of the data and agree exactly; cluster means
are summed in another order, so they agree to 1e-13, some hundred units in the last place.
"""

import numpy as np
import pandas as pd
import pytest
from reference_cases import META, design, rows, stored

from simlab.formula import FormulaError, build

MODELS = [(name, model) for name in META for model in stored("fits", f"{name}.json")]


def reference_frame(name):
    df = rows(name).copy()
    for factor, levels in META[name]["factors"].items():
        df[factor] = pd.Categorical(df[factor], categories=levels)
    return df


@pytest.mark.parametrize(("name", "model"), MODELS)
def test_designs_of_r_models(name, model):
    record, meta = stored("fits", f"{name}.json")[model], META[name]
    formula = record["formula"]
    spelling = {}
    for function in ("cvar", "dvar"):
        spelling[function] = f"{function}({meta['centred_covariate']}, {meta['group']})"
        formula = formula.replace(function, spelling[function])

    def ours(names):
        parts = [[spelling.get(part, part) for part in column.split(":")] for column in names]
        return tuple(":".join(part) for part in parts)

    expected = design(name, record["coef_names"], record["ranef_names"])
    built = build(formula, reference_frame(name))
    assert built.fixed_names == ours(record["coef_names"])
    assert built.random_names == ours(record["ranef_names"])
    np.testing.assert_allclose(built.X, expected.X, rtol=0, atol=1e-13)
    np.testing.assert_allclose(built.Z, expected.Z, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(built.y, expected.y)
    np.testing.assert_array_equal(built.cluster, expected.cluster)
    assert not built.blocks.any()
    assert (built.dropped_columns, built.dropped_rows, built.missing) == ((), 0, {})


def frame(n=60, seed=0):
    rng = np.random.default_rng(seed)
    i = np.arange(n)
    return pd.DataFrame(
        {
            "y": rng.normal(size=n),
            "x": rng.normal(size=n),
            "w": rng.normal(size=n) + 5,
            "f": np.resize(["a", "b", "c"], n),
            "k": np.resize(["p", "q"], n),
            "g": np.resize([3, 1, 2, 5, 4, 9], n),
            "flag": i % 4 == 1,
        }
    )


def test_the_shape_of_a_design():
    df = frame()
    d = build("y ~ x * k + (1 + x | g)", df)
    assert d.D.dtype == d.y.dtype == np.float64
    assert d.D.flags.c_contiguous
    assert d.D.shape == (60, 4)  # the random columns are among the fixed ones, not again
    assert {a.dtype for a in (d.cluster, d.fixed, d.random, d.blocks)} == {np.dtype(np.int64)}
    assert list(d.clusters) == [3, 1, 2, 5, 4, 9]
    assert list(d.clusters[d.cluster]) == list(df.g)
    assert d.terms == {"(Intercept)": (0,), "x": (1,), "k": (2,), "x:k": (3,)}
    assert d.formula == "y ~ x * k + (1 + x | g)"
    assert (d.response, d.cluster_name) == ("y", "g")
    assert d.rows.equals(df.index)
    np.testing.assert_array_equal(d.random, [0, 1])
    d.y[0] = 99  # a design is independent of its data
    assert df.y[0] != 99


def test_nlme_spelling_gives_the_same_design():
    a, b = build("y ~ x + (1 + x | g)", frame()), build("y ~ x", frame(), random="~ 1 + x | g")
    assert a.formula == b.formula
    np.testing.assert_array_equal(a.D, b.D)


# By the rules of R's terms() and model.matrix(), worked out by hand; lmer drops the columns of the
# last part because they are linear combinations of those before
@pytest.mark.parametrize(
    ("right", "names", "dropped"),
    [
        ("f", "(Intercept) fb fc", ""),
        ("0 + f", "fa fb fc", ""),
        ("0 + f + k", "fa fb fc kq", ""),
        ("0 + x + f", "x fa fb fc", ""),
        ("f*k", "(Intercept) fb fc kq fb:kq fc:kq", ""),
        ("x*f", "(Intercept) x fb fc x:fb x:fc", ""),
        ("x + x:f", "(Intercept) x x:fb x:fc", ""),
        ("x:f", "(Intercept) x:fa x:fb x:fc", ""),
        ("k + f:k", "(Intercept) kq kp:fb kq:fb kp:fc kq:fc", ""),
        ("f:k", "(Intercept) fa:kp fb:kp fc:kp fa:kq fb:kq", "fc:kq"),
        ("flag", "(Intercept) flagTrue", ""),
        ("I(x*2) + x", "(Intercept) I(x * 2)", "x"),
        ("x + I(w - w)", "(Intercept) x", "I(w - w)"),
        ("x + w + I(x + w) + f", "(Intercept) x w fb fc", "I(x + w)"),
    ],
)
def test_coding_and_names_are_those_of_r(right, names, dropped):
    def unspaced(text):
        return text.replace(" ", "")

    d = build(f"y ~ {right} + (1|g)", frame())
    assert [unspaced(n) for n in d.fixed_names] == names.replace(" * ", "*").split()
    assert " ".join(map(unspaced, d.dropped_columns)) == unspaced(dropped)
    assert np.linalg.matrix_rank(d.X) == d.X.shape[1]


def test_columns_of_an_interaction_are_products_of_indicators():
    df = frame()
    d = build("y ~ f*k*x + (1|g)", df)
    column = d.fixed_names.index("fc:kq:x")
    np.testing.assert_array_equal(d.X[:, column], (df.f == "c") * (df.k == "q") * df.x)
    assert d.terms["f:k:x"] == (column - 1, column)


@pytest.mark.parametrize(
    ("bars", "names", "blocks"),
    [
        ("(1 + x | g)", "(Intercept) x", [0, 0]),
        ("(1 + x || g)", "(Intercept) x", [0, 1]),
        ("(1|g) + (0+x|g)", "(Intercept) x", [0, 1]),
        ("(1 + x|g) + (0 + w|g)", "(Intercept) x w", [0, 0, 1]),
        ("(0 + f || g)", "fa fb fc", [0, 0, 0]),
        ("(1 + f || g)", "(Intercept) fb fc", [0, 1, 1]),
        ("(x || g) + (0 + w|g)", "(Intercept) x w", [0, 1, 2]),
    ],
)
def test_blocks_of_random_effects(bars, names, blocks):
    d = build(f"y ~ 1 + {bars}", frame())
    assert d.random_names == tuple(names.split())
    assert list(d.blocks) == blocks


def test_the_order_of_categories_decides_the_reference():
    df = frame()
    df["f"] = pd.Categorical(df.f, categories=["c", "unused", "a", "b"], ordered=True)
    assert build("y ~ f + (1|g)", df).fixed_names == ("(Intercept)", "fa", "fb")
    names = build("y ~ C(f, ref='b') + (1|g)", df).fixed_names
    assert names[1:] == ("C(f, ref='b')c", "C(f, ref='b')a")


def test_levels_that_occur_only_in_dropped_rows_are_dropped():
    df = frame()
    df.loc[df.f == "a", "y"] = np.nan
    assert build("y ~ f + (1|g)", df).fixed_names == ("(Intercept)", "fc")


def test_numbers_as_levels():
    d = build("y ~ factor(h) + (1|g)", frame().assign(h=np.resize([10.0, 9.0, 2.5, 11.0], 60)))
    assert d.fixed_names[1:] == ("factor(h)9", "factor(h)10", "factor(h)11")


def test_orthogonal_polynomials_are_those_of_r():
    # poly(1:5, 2) of R is (−2 … 2)/√10 and (2, −1, −2, −1, 2)/√14
    df = pd.DataFrame({"y": [1.0, 2, 4, 3, 6], "x": np.arange(1.0, 6), "g": [1, 1, 2, 2, 2]})
    d = build("y ~ poly(x, 2) + (1|g)", df)
    assert d.fixed_names[1:] == ("poly(x, 2)1", "poly(x, 2)2")
    np.testing.assert_allclose(d.X[:, 1], np.arange(-2, 3) / np.sqrt(10), atol=1e-14)
    np.testing.assert_allclose(d.X[:, 2], np.array([2, -1, -2, -1, 2]) / np.sqrt(14), atol=1e-14)


def test_cubic_b_splines_without_knots_are_bernstein_polynomials():
    x = np.linspace(0, 1, 12)
    df = pd.DataFrame({"y": np.sin(9 * x), "x": x, "g": np.arange(12) % 3})
    d = build("y ~ bs(x, 3) + (1|g)", df)
    expected = np.column_stack([3 * x * (1 - x) ** 2, 3 * x**2 * (1 - x), x**3])
    np.testing.assert_allclose(d.X[:, 1:], expected, atol=1e-14)


def test_centring_and_scaling():
    df = frame()
    d = build("y ~ scale(x) + center(w) + standardize(w) + I(x > 0) + log1p(abs(x)) + (1|g)", df)
    np.testing.assert_allclose(d.X[:, 1], (df.x - df.x.mean()) / df.x.std(), atol=1e-14)
    np.testing.assert_allclose(d.X[:, 2], df.w - df.w.mean(), atol=1e-14)
    assert d.fixed_names[3:] == ("I(x > 0)True", "log1p(abs(x))")
    assert d.dropped_columns == ("standardize(w)",)


def test_cluster_means_and_deviations():
    df = frame()
    mean = df.groupby("g").x.transform("mean")
    d = build("y ~ cvar(x, g)*k + dvar(x, g) + cvar(I(x**2), g) + (1 + dvar(x, g) | g)", df)
    assert d.fixed_names[1] == "cvar(x, g)"
    assert d.random_names == ("(Intercept)", "dvar(x, g)")
    values = dict(zip(d.fixed_names, d.X.T, strict=True))
    np.testing.assert_allclose(values["cvar(x, g)"], mean, atol=1e-15)
    np.testing.assert_allclose(values["dvar(x, g)"], df.x - mean, atol=1e-15)
    np.testing.assert_allclose(values["cvar(x, g):kq"], mean * (df.k == "q"), atol=1e-15)
    square = (df.x**2).groupby(df.g).transform("mean")
    np.testing.assert_allclose(values["cvar(I(x**2), g)"], square, atol=1e-15)


def test_cluster_means_of_a_factor_are_shares():
    df = frame().assign(f=np.resize(list("aabcbcca"), 60))
    d = build("y ~ cvar(f, g) + cvar(flag, g) + (1|g)", df)
    assert d.fixed_names[1:] == ("cvar(f, g)b", "cvar(f, g)c", "cvar(flag, g)")
    share = (df.f == "b").groupby(df.g).transform("mean")
    np.testing.assert_allclose(d.X[:, 1], share, atol=1e-15)


def test_an_offset_costs_no_digits_in_deviations():
    """1e8 leaves 1e-8 of x itself; a deviation from a raw mean would lose more, N being large."""
    rng = np.random.default_rng(1)
    n = 100_000
    df = pd.DataFrame({"y": rng.normal(size=n), "x": rng.normal(size=n), "g": np.arange(n) % 4})
    far = df.assign(x=df.x + 1e8)
    near = df.assign(x=far.x - 1e8)  # the same numbers, rounded in the same way
    formula = "y ~ x + (1 + dvar(x, g) | g)"
    a, b = build(formula, far), build(formula, near)
    assert a.dropped_columns == ()
    error = np.abs(a.Z[:, 1] - b.Z[:, 1]).max()
    sums = np.bincount(far.g, far.x)  # one running sum: what is to be avoided
    naive = far.x - (sums / np.bincount(far.g))[far.g]
    assert error < 2e-12
    assert np.abs(naive - b.Z[:, 1]).max() > 1e-9


def test_missing_values_are_dropped_and_counted():
    df = frame()
    df.loc[[3, 7], "x"] = np.nan
    df.loc[7, "y"] = np.nan
    df["k"] = df.k.astype(object)
    df.loc[11, "k"] = None
    df["unused"] = np.nan
    df["g"] = df.g.astype(float)
    df.loc[0, "g"] = np.nan
    d = build("y ~ x + k + (1|g)", df)
    assert d.missing == {"y": 1, "x": 2, "k": 1, "g": 1}
    assert d.dropped_rows == 4
    assert list(d.rows) == [i for i in range(60) if i not in (0, 3, 7, 11)]
    np.testing.assert_array_equal(d.y, df.y[d.rows])
    assert list(d.clusters[d.cluster]) == list(df.g[d.rows])
    assert d.clusters[0] == 1  # the first among the kept rows


def test_cluster_means_use_rows_whose_response_is_missing():
    df = frame()
    df.loc[df.x > 1, "y"] = np.nan
    d = build("y ~ cvar(x, g) + scale(x) + (1|g)", df)
    kept = df.loc[d.rows]
    every = df.groupby("g").x.transform("mean")[d.rows]
    only_kept = kept.groupby("g").x.transform("mean")
    np.testing.assert_allclose(d.X[:, 1], every, atol=1e-15)
    assert np.abs(every - only_kept).max() > 0.1  # the two rules differ here
    np.testing.assert_allclose(d.X[:, 2], (kept.x - df.x.mean()) / df.x.std(), atol=1e-14)


def test_a_random_effect_may_not_occur_twice():
    with pytest.raises(FormulaError, match=r"\(Intercept\) occurs twice"):
        build("y ~ 1 + (1|g) + (x|g)", frame())


def test_columns_with_odd_names():
    df = frame().rename(columns={"x": "my x", "w": "school.size", "g": "g h", "y": "µ"})
    d = build("µ ~ `my x` + school.size + I(`my x` + `school.size`) + (1|`g h`)", df)
    assert d.fixed_names == ("(Intercept)", "`my x`", "school.size")
    assert d.dropped_columns == ("I(`my x` + school.size)",)
    assert d.cluster_name == "g h"
    assert build("log(µ + 9) ~ 1 + (1 | `g h`)", df.rename(columns={"my x": "x"})).y.size == 60
