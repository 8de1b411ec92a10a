"""Conversions, names and words of R in formulas; the order of levels; columns that occur twice."""

import numpy as np
import pandas as pd
import pytest
from formula_cases import DF

import simlab
from simlab.data import DataError
from simlab.formula import FormulaError, build, parse

# ---------------------------------------------------------------- conversions, names, flags


def columns(formula, df=DF):
    d = build(f"y ~ {formula} + (1 | g)", df)
    return d.fixed_names[1:], d.X[:, 1:]


def test_as_factor_is_factor_by_another_name():
    names, X = columns("as.factor(b)")
    assert names == tuple(f"as.factor(b){k}" for k in (2, 3, 4, 5))
    np.testing.assert_array_equal(X, columns("factor(b)")[1])


def test_as_numeric_of_what_has_numbers():
    text = DF.assign(v=DF.b.map("{:.1f}".format), flag=DF.x > 0, whole=pd.Categorical(DF.b))
    for formula, expected in {
        "as.numeric(v)": DF.b,
        "as.numeric(flag)": (DF.x > 0).astype(float),
        "as.numeric(x)": DF.x,
        "as.numeric(a == 'a2')": (DF.a == "a2").astype(float),
        "as.numeric(as.character(whole))": DF.b,
        "I(as.numeric(v)**2)": DF.b**2,
    }.items():
        names, X = columns(formula, text)
        assert len(names) == 1
        np.testing.assert_array_equal(X[:, 0], expected)


def test_as_numeric_of_what_has_none():
    with pytest.raises(DataError, match=r"row 0: 'as.numeric\(a\)': 'a\d' is no number"):
        columns("as.numeric(a)")
    for word in ("1_000", "nan", "inf", "٣", ""):
        df = DF.assign(v=np.where(DF.index == 7, word, "2.5"))
        with pytest.raises(DataError, match=f"row 7: .* '{word}' is no number"):
            columns("as.numeric(v)", df)
    says = r"write as.numeric\(as.character\(factor\(b\)\)\) for the numbers that they name"
    with pytest.raises(DataError, match=says):
        columns("as.numeric(factor(b))")
    binary = pd.Categorical(np.resize([0, 1], 240))  # as.numeric of R makes these 1 and 2
    df = DF.assign(c=pd.Categorical(DF.a), d=binary, flag=DF.x > 0)
    for text in ("c", "d", "factor(flag)", "as.factor(a)"):
        with pytest.raises(DataError, match="of categories R would take the positions"):
            columns(f"as.numeric({text})", df)
    with pytest.raises(FormulaError, match="several columns cannot be converted"):
        columns("as.numeric(ns(x, 3))")


def test_as_character_orders_numbers_as_text():
    df = DF.assign(h=np.resize([2.0, 10, 1], 240))
    assert columns("as.character(h)", df)[0] == ("as.character(h)10", "as.character(h)2")
    d = build("y ~ as.character(h) + (1 | g)", df)
    np.testing.assert_array_equal(d.new({"h": [10, 1], "g": [0, 0]}).X, [[1, 1, 0], [1, 0, 0]])
    with pytest.raises(DataError, match=r"row 0: as.character\(h\) is '7', a level that"):
        d.new({"h": [7], "g": [0]})


def test_r_s_words_for_the_truth_values():
    df = DF.assign(flag=DF.x > 0)
    for r, python in {
        "scale(x, scale = FALSE)": "scale(x, scale=False)",
        "scale(x, TRUE, TRUE)": "scale(x, True, True)",
        "I(flag == TRUE)": "I(flag == True)",
        "C(flag, ref = TRUE)": "C(flag, ref=True)",
    }.items():
        (names, X), (same, Y) = columns(r, df), columns(python, df)
        assert names == same
        np.testing.assert_array_equal(X, Y)
    with pytest.raises(DataError, match="no column 'T'"):  # T and F may be columns, as in R
        columns("I(flag == T)", df)
    assert columns("I(T + 1)", df.rename(columns={"x": "T"}))[0] == ("I(T + 1)",)


NAMES = ["IQ.verb", "x.1", "a.b.c", "Length..cm.", "class", "from", "_x", "µ.1"]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_r_stand_inside_of_functions(name):
    df = DF.rename(columns={"IQ.verb": name})
    parts = (name, f"I({name}**2)", f"log(abs({name}))", f"cvar({name}, g)")
    d = build(f"y ~ {' + '.join(parts)} + (1 | g)", df)
    plain = build(
        "y ~ v + I(v**2) + log(abs(v)) + cvar(v, g) + (1 | g)", df.rename(columns={name: "v"})
    )
    np.testing.assert_array_equal(d.D, plain.D)
    assert d.fixed_names == ("(Intercept)", *parts)
    assert parse(d.formula).formula == d.formula
    new = df.iloc[[3, 1]]
    np.testing.assert_array_equal(d.new(new).X, plain.new(new.rename(columns={name: "v"})).X)


def test_dotted_names_in_questions_to_a_fit():
    fit = simlab.fit("y ~ log(IQ.verb) + x + (1 | a:b)", DF)
    assert fit.wald("log(IQ.verb)").p_value == fit.wald(["log(IQ.verb)"]).p_value
    new = DF.iloc[:3]
    np.testing.assert_allclose(fit.predict(new), fit.fitted().iloc[:3], rtol=1e-12)
    with pytest.raises(DataError, match=r"no column 'IQ.vreb' .*; did you mean 'IQ.verb'"):
        simlab.fit("y ~ log(IQ.vreb) + (1 | a:b)", DF)


@pytest.mark.parametrize("name", ["x.__class__", "IQ.verb.__init__", "x..__dict__"])
def test_a_dotted_name_is_no_attribute(name):
    for formula in (f"y ~ {name} + (1|g)", f"y ~ log({name}) + (1|g)", f"y ~ x + (1|{name})"):
        with pytest.raises(FormulaError, match="is not allowed"):
            build(formula, DF.assign(**{name: 1.0}))


# ---------------------------------------------------------------- levels, duplicated columns


def test_text_is_ordered_as_in_the_c_locale():
    """By code points, R's sort(x, method = "radix"): capitals first, accents last, 10 before 9."""
    words = ["b", "a", "É", "B", "_", "10", "9", "é", "A", "ß", "z", "Z", "e", " "]
    df = pd.DataFrame(
        {"y": np.sin(np.arange(140.0)), "f": np.resize(words, 140), "g": np.arange(140) // 14}
    )
    expected = [" ", "10", "9", "A", "B", "Z", "_", "a", "b", "e", "z", "É", "ß", "é"]
    assert expected == sorted(words, key=lambda word: word.encode("utf-8"))  # bytes, as in C
    for kind in ("object", "str", "string"):
        d = build("y ~ f + (1 | g)", df.assign(f=df.f.astype(kind)))
        assert d.fixed_names[1:] == tuple(f"f{word}" for word in expected[1:])
    given = pd.Categorical(df.f, categories=words)
    names = build("y ~ f + (1 | g)", df.assign(f=given)).fixed_names
    assert names[1:] == tuple(f"f{word}" for word in words[1:])


TWICE = ["y", "x", "f", "g"]


@pytest.mark.parametrize("name", TWICE)
def test_a_column_that_is_there_twice_is_refused_where_it_is_used(name):
    df = pd.concat([DF, DF[[name]]], axis=1)
    says = f"column '{name}' occurs more than once; rename or drop one"
    with pytest.raises(DataError, match=says):
        simlab.fit("y ~ x + f + (1 | g)", df)
    with pytest.raises(DataError, match=says):
        simlab.pvalue(df, "y ~ x + f + (1 | g)", "y ~ x * f + (1 | g)", draws=9)
    if name != "y":  # which new rows need not have
        with pytest.raises(DataError, match=f"the new data: {says}"):
            simlab.fit("y ~ x + f + (1 | g)", DF).predict(df)


def test_a_column_that_is_there_twice_does_no_harm_where_it_is_not_used():
    df = pd.concat([DF, DF[["a", "b"]]], axis=1)
    once, twice = (simlab.fit("y ~ x + f + (1 | g)", data) for data in (DF, df))
    assert once.loglik == twice.loglik
    pd.testing.assert_series_equal(once.predict(DF), twice.predict(df))
