"""Combinations of columns as clusters, and structures of covariance by name."""

import numpy as np
import pandas as pd
import pytest
from formula_cases import DF

import simlab
from simlab.data import DataError
from simlab.formula import FormulaError, build, parse

# ---------------------------------------------------------------- grouping by combinations


def test_combinations_are_one_grouping_variable():
    df = DF.assign(ab=DF.a + ":" + DF.b.astype(int).astype(str))
    d, one = build("y ~ x + (1 + x | a:b)", df), build("y ~ x + (1 + x | ab)", df)
    assert (d.cluster_name, d.grouping, d.formula) == ("a:b", ("a", "b"), "y ~ x + (1 + x | a:b)")
    assert list(d.clusters) == list(one.clusters) == list(dict.fromkeys(df.ab))
    np.testing.assert_array_equal(d.cluster, one.cluster)
    np.testing.assert_array_equal(d.D, one.D)


def test_only_combinations_that_occur_are_clusters():
    some = DF[~((DF.a == "a1") & (DF.b > 2))]
    assert len(build("y ~ x + (1 | a:b)", some).clusters) == 12
    three = build("y ~ x + (1 | a:b:f)", DF)
    assert set(three.clusters) == set(DF.a + ":" + DF.b.astype(int).astype(str) + ":" + DF.f)


@pytest.mark.parametrize(
    ("formula", "random"),
    [
        ("y ~ x", "~ 1 | a:b"),
        ("y ~ x + (1 | (a:b))", None),
        ("y ~ x + (1 | a : b)", None),
        ("y ~ x + us(1 | a:b)", None),
        ("y ~ x + (1 | a:b:a)", None),
    ],
)
def test_spellings_of_a_combination(formula, random):
    assert parse(formula, random) == parse("y ~ x + (1 | a:b)")


def test_several_bars_may_name_the_same_combination():
    parsed = parse("y ~ x + (1 | a:b) + (0 + x | b:a)")
    assert parsed.formula == "y ~ x + (1 | a:b) + (0 + x | a:b)"
    assert parse(parsed.formula) == parsed


def test_odd_names_in_a_combination():
    parsed = parse("y ~ x + (1 | `a b`:c.d)")
    assert (parsed.cluster, parsed.grouping) == ("a b:c.d", ("a b", "c.d"))
    assert parse(parsed.formula) == parsed
    assert parse("y ~ x + (1 | `a:b`)").grouping == ("a:b",)


@pytest.mark.parametrize(
    ("bars", "says"),
    [
        ("(1 | a/b)", r"not 'a/b', which makes several; write \(1 \| a:b\) for the combinations"),
        ("(1 + x | a/b/c)", r"write \(1 \+ x \| a:b:c\) for the combinations alone"),
        ("(1 | a * b)", r"not 'a \* b', which makes several"),
        ("(1 | a) + (1 | a:b)", "one grouping variable, not 'a' and 'a:b'"),
        ("(1 | a:b) + (1 | a:b:c)", "one grouping variable, not 'a:b' and 'a:b:c'"),
        ("(1 | a:2)", "must be the name of a column"),
        ("(1 | a:log(b))", "must be the name of a column"),
        ("(1 | as.factor(a))", r"must be the name of a column; a grouping .* needs no factor\(\)"),
    ],
)
def test_more_than_two_levels_are_refused_with_the_reason(bars, says):
    with pytest.raises(FormulaError, match=says):
        parse(f"y ~ x + {bars}")


def test_missing_values_in_either_column():
    df = DF.assign(a=DF.a.where(DF.index > 1), b=DF.b.where(DF.index != 1))
    df.loc[9, "b"] = np.nan
    d = build("y ~ x + (1 | a:b)", df)
    assert (d.missing, d.dropped_rows) == ({"a": 2, "b": 2}, 3)
    with pytest.raises(DataError, match="3 of 240 rows have missing values: a 2, b 2"):
        build("y ~ x + (1 | a:b)", df, missing="raise")


def test_two_combinations_with_one_label_are_refused():
    df = pd.DataFrame({"y": np.arange(8.0) ** 2, "a": ["u:v", "u"] * 4, "b": ["w", "v:w"] * 4})
    with pytest.raises(DataError, match="two combinations of a and b would both be called 'u:v:w'"):
        build("y ~ 1 + (1 | a:b)", df)


@pytest.mark.parametrize("bars", ["(1 | a:c)", "(1 | c:a)", "(1 | c:d)"])
def test_every_column_of_a_combination_must_be_there(bars):
    with pytest.raises(DataError, match=r"no column 'c' for the cluster \(c\)"):
        build(f"y ~ x + {bars}", DF)


@pytest.fixture(scope="module")
def crossed():
    return simlab.fit("y ~ x + (1 | a:b)", DF)


def test_prediction_knows_the_combinations(crossed):
    pd.testing.assert_series_equal(
        crossed.predict(DF.astype({"b": int})), crossed.fitted(), check_names=False
    )
    new = pd.DataFrame({"x": 0.0, "a": ["a1", "a1", "zz", None], "b": [1, 9, 1, 1]})
    predicted = crossed.predict(new)
    u = crossed.ranef().estimate.loc["a1:1"].item()
    population = crossed.fixef["(Intercept)"]
    np.testing.assert_allclose(predicted, [population + u, *[population] * 3], rtol=1e-12)
    assert "a:b: 3 clusters that the fit does not know (a1:9, zz:1" in predicted.attrs["note"]
    assert crossed.predict(new[["x", "a"]]).attrs["note"].startswith("no column 'b' in the new")
    with pytest.raises(ValueError, match="a1:9"):
        crossed.predict(new[:3], of="cluster")
    with pytest.raises(DataError, match="row 3: a is missing"):
        crossed.predict(new, of="cluster")
    with pytest.raises(DataError, match="no column 'b' for the cluster"):
        crossed.predict(new[["x", "a"]], of="cluster")


def test_other_questions_know_the_combinations(crossed):
    df = DF.assign(ab=DF.a + ":" + DF.b.astype(int).astype(str))
    one = simlab.fit("y ~ x + (1 | ab)", df)
    assert crossed.loglik == one.loglik
    for table in (lambda m: m.ranef().estimate, lambda m: m.influence(), lambda m: m.coef()):
        ours, theirs = table(crossed), table(one)
        pd.testing.assert_frame_equal(ours, theirs, check_names=False)
        assert ours.index.name == "a:b"
    assert "15 clusters of a:b" in str(crossed.summary())
    assert "cvar(x, a:b)" in str(crossed.contextual())
    assert "cvar(x, a:b) added" in str(crossed.hausman())
    again = simlab.bootstrap(crossed, ["x"], draws=5, kind="clusters", jobs=1)
    assert again.replicates.shape == (5, 1)


def test_a_linear_null_model_takes_the_combinations_of_the_alternative():
    options = {"draws": 19, "jobs": 1, "exact_draws": 0}
    ours = simlab.pvalue(DF, "y ~ x", "y ~ x + (1 | a:b)", **options)
    df = DF.assign(ab=DF.a + ":" + DF.b.astype(str))
    assert ours.p_value == simlab.pvalue(df, "y ~ x", "y ~ x + (1 | ab)", **options).p_value


def test_cluster_means_by_combinations():
    d = build("y ~ cvar(x, a:b) + dvar(x, a : b) + (1 | g)", DF)
    mean = DF.groupby(["a", "b"]).x.transform("mean")
    assert d.fixed_names[1:] == ("cvar(x, a:b)", "dvar(x, a:b)")
    np.testing.assert_allclose(d.X[:, 1], mean, atol=1e-14)
    np.testing.assert_allclose(d.X[:, 2], DF.x - mean, atol=1e-14)
    known = d.new({"x": [100.0], "a": ["a2"], "b": [3], "g": [0]})
    assert known.X[0, 1] == pytest.approx(mean[(DF.a == "a2") & (DF.b == 3)].iloc[0], abs=1e-14)


def test_the_mean_of_a_new_combination_must_be_given():
    d = build("y ~ cvar(x, a:b) + (1 | a:b)", DF)
    new = pd.DataFrame({"x": 1.0, "a": ["a1", "a1"], "b": [2, 9]})
    says = r"row 1: a:b is 'a1:9', which has no cvar\(x, a:b\) in the data of the model: give a col"
    with pytest.raises(DataError, match=says):
        d.new(new)
    with pytest.raises(DataError, match="no column 'b' for the cluster, from which"):
        d.new(new[["x", "a"]])
    np.testing.assert_array_equal(d.new(new, at={"cvar(x, a:b)": 3.0}).X[:, 1], [3, 3])
    given = new.assign(**{"cvar(x,a:b)": [np.nan, 5.0]})  # a known mean counts where none is given
    mean = DF.x[(DF.a == "a1") & (DF.b == 2)].mean()
    np.testing.assert_allclose(d.new(given).X[:, 1], [mean, 5], rtol=1e-12)
    one = build("y ~ x + (1 | a:b)", DF).new({"x": [0.0]}, at={"a": "a1", "b": 2})
    assert list(one.clusters) == ["a1:2"]


@pytest.mark.parametrize("piece", ["I(a:b)", "log(x:g)", "I(x:g + 1)", "poly(a:b)"])
def test_combinations_have_no_place_in_arithmetic(piece):
    with pytest.raises(FormulaError) as error:
        parse(f"y ~ {piece} + (1 | g)")
    assert "\n" not in str(error.value)
    assert "alias" not in str(error.value)


# ---------------------------------------------------------------- structures of covariance


def blocks(bars):
    d = build(f"y ~ 1 + {bars}", DF)
    return d.random_names, list(d.blocks), d.formula


@pytest.mark.parametrize(
    ("bars", "same", "block"),
    [
        ("us(1 + x | g)", "(1 + x | g)", [0, 0]),
        ("diag(1 + x | g)", "(1 + x || g)", [0, 1]),
        ("diag(0 + x | g) + us(1 | g)", "(0 + x | g) + (1 | g)", [0, 1]),
        ("(us(x | g))", "(x | g)", [0, 0]),
    ],
)
def test_structures_that_have_two_spellings(bars, same, block):
    names, parts, formula = blocks(bars)
    assert (names, parts) == blocks(same)[:2]
    assert parts == block
    assert parse(formula).formula == formula


def test_diag_makes_the_columns_of_a_factor_independent():
    """As `diag` of lme4 2 and glmmTMB; `||` of lme4 splits terms, not the columns of a factor."""
    assert blocks("diag(1 + f | g)")[1] == [0, 1, 2]
    assert blocks("(1 + f || g)")[1] == [0, 1, 1]
    assert blocks("(1 | g) + diag(0 + f:x | g)")[1] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("bars", "says"),
    [
        ("cs(1 + x | g)", r"'cs\(1 \+ x \| g\)': random effects are .* or diag\(x \| g\)"),
        ("ar1(0 + f | g)", "there is no other structure"),
        ("ou(0 + x|g)", "there is no other structure"),
        ("homdiag(1 + x | g)", "there is no other structure"),
        ("diag(1 + x | g, hom = TRUE)", "there is no other structure"),
        ("us(1 + x || g)", "two bars and a name"),
        ("x * us(1 | g)", r"added with '\+'"),
        ("- diag(1 | g)", r"added with '\+'"),
        ("us(x) + (1 | g)", "'us' is not a function"),
        ("us(1 | g", "not closed"),
        ("us(1 | g)(2)", "operator is missing"),
    ],
)
def test_other_structures_are_refused_in_one_line(bars, says):
    with pytest.raises(FormulaError, match=says) as error:
        parse(f"y ~ x + {bars}")
    assert "\n" not in str(error.value)


def test_columns_may_be_called_as_the_structures_are():
    df = DF.rename(columns={"x": "us", "f": "diag"})
    names = build("y ~ us * diag + us(us | g)", df).fixed_names
    assert names == ("(Intercept)", "us", "diagq", "diagr", "us:diagq", "us:diagr")
