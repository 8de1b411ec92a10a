"""Formulas are taken apart as lme4 and nlme have them, and nothing in them is ever executed."""

import builtins
import os
import re
import time
from pathlib import Path

import mutation
import numpy as np
import pandas as pd
import pytest
from formulaic.parser import DefaultFormulaParser
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import check_formula

import simlab
from simlab.data import DataError
from simlab.formula import Bar, FormulaError, Parsed, build, parse
from simlab.formula.expressions import PARAMETERS, read, spelled
from simlab.formula.terms import expand

ONE = (Bar("1", True),)


@pytest.mark.parametrize(
    ("formula", "parsed"),
    [
        (
            "mathach ~ ses*sector + (1+ses|school)",
            Parsed("mathach", "ses * sector", (Bar("1 + ses", True),), "school"),
        ),
        ("y ~ (x | g)", Parsed("y", "1", (Bar("x", True),), "g")),
        ("y~1+(0+x|g)", Parsed("y", "1", (Bar("0 + x", True),), "g")),
        ("y ~ x + (1 + x || g)", Parsed("y", "x", (Bar("1 + x", False),), "g")),
        ("y ~ (1|g) + x + (0+x|g)", Parsed("y", "x", (*ONE, Bar("0 + x", True)), "g")),
        ("y ~ (w + x + (1|g)) - 1", Parsed("y", "w + x - 1", ONE, "g")),
        ("y ~ z + (w + x + (1|g))", Parsed("y", "z + (w + x)", ONE, "g")),
        ("log(y) ~ I(x^2) + (a+b)^2 + (1|g)", Parsed("log(y)", "I(x**2) + (a + b)**2", ONE, "g")),
        ("y ~ np.log( x ) + (1|g)", Parsed("y", "log(x)", ONE, "g")),
        ("y ~ `a b` + log(`a b`) + (1|`g h`)", Parsed("y", "`a b` + log(`a b`)", ONE, "g h")),
        ("y ~ a.size + class + (1 | a.id)", Parsed("y", "a.size + class", ONE, "a.id")),
        ("y ~\n x\n + (1|g)", Parsed("y", "x", ONE, "g")),
    ],
)
def test_parts_of_a_formula(formula, parsed):
    assert parse(formula) == parsed
    assert parse(parsed.formula) == parsed  # the canonical spelling means the same


def test_nlme_spelling_is_the_same_model():
    assert parse("y ~ x", random="~ 1 + x | g") == parse("y ~ x + (1 + x | g)")


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        ("", "empty"),
        ("  \n ", "empty"),
        ("y", "no '~'"),
        ("y = x + (1|g)", "write ~ between the response and the terms, not '='"),
        ("y <- x + (1|g)", "write ~ between the response and the terms, not '<'"),
        ("y \u223c x + (1|g)", "write ~ between the response and the terms, not '\u223c'"),
        ("log(y) \u02dc x + (1|g)", "write ~ between the response and the terms, not '\u02dc'"),
        ("y ~ x = 1 + (1|g)", "'= 1 .* is not allowed here"),
        ("y ~ x \u2013 1 + (1|g)", "'\u2013' is a dash; write - instead"),
        ("y ~ (x \u2212 1|g)", "'\u2212' is a dash; write - instead"),
        ("y ~ I(x \u2212 1) + (1|g)", "'\u2212' is a dash, write - instead"),
        ("~ x + (1|g)", "no response"),
        ("1 ~ x + (1|g)", "response"),
        ("y + z ~ x + (1|g)", r"I\(a - b\)"),
        ("y ~ x ~ z + (1|g)", "more than one '~'"),
        ("y ~ x", "no random effects"),
        ("y ~ x + (1|a/b)", "two levels only: one grouping variable"),
        ("y ~ x + (1|a*b)", "two levels only: one grouping variable"),
        ("y ~ (1|a) + (1|b)", "two levels only: one grouping variable, not 'a' and 'b'"),
        ("y ~ x + (1|g", "not closed"),
        ("y ~ x)) + (1|g)", "closing parenthesis too many"),
        ("y ~ log(x + (1|g)", "not closed"),
        ("y ~ x * (1|g)", r"added with '\+'"),
        ("y ~ x - (1|g)", r"added with '\+'"),
        ("y ~ x:(1|g)", r"added with '\+'"),
        ("y ~ x + 1|g", r"added with '\+'"),
        ("y ~ (1|g) x", "operator is missing"),
        ("y ~ x x + (1|g)", "operator is missing between 'x' and 'x'"),
        ("y ~ x + * w + (1|g)", "term is missing"),
        ("y ~ x + (1|g) +", "ends with"),
        ("y ~ (|g)", "missing"),
        ("y ~ (1|)", "missing"),
        ("y ~ (1|g|h)", "more than one bar"),
        ("y ~ (0|g)", "no random effect is left"),
        ("y ~ 0 + (1|g)", "no fixed effects"),
        ("y ~ (1|2)", "must be the name of a column"),
        ("y ~ (1|factor(g))", "must be the name of a column"),
        ("y ~ x + y + (1|g)", "response 'y' is also on the right"),
        ("log(y) ~ I(y**2) + (1|g)", "also on the right"),
        ("y ~ x + (y|g)", "also on the right"),
        ("y ~ cvar(x, y) + (1|g)", "also on the right"),
        ("y ~ 2*x + (1|g)", "number"),
        ("y ~ (x - 1)*w + (1|g)", "number"),
        ("y ~ x(2) + (1|g)", "not a function"),
        ("y ~ . + (1|g)", "not allowed"),
    ],
)
def test_a_wrong_formula_is_refused_in_one_line(formula, says):
    with pytest.raises(FormulaError, match=says) as error:
        parse(formula)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("formula", "random", "says"),
    [
        ("y ~ x + (1|g)", "~ 1 | g", "both"),
        ("y ~ x", "1 | g", "of the form"),
        ("y ~ x", "~ (1 | g)", "without parentheses"),
        ("y ~ x", "~ 1 | g/h", "two levels"),
        ("y ~ x", "~ 1", "of the form"),
        (3, None, "must be text, not int"),
        ("y ~ x", 3, "must be text, not int"),
    ],
)
def test_a_wrong_random_part_is_refused(formula, random, says):
    with pytest.raises(FormulaError, match=says):
        parse(formula, random)


# R's terms(): by degree, then by appearance; within a term by first appearance of the variables
@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("a*b*c", [(), "a", "b", "c", "ab", "ac", "bc", "abc"]),
        ("(a+b)*c", [(), "a", "b", "c", "ac", "bc"]),
        ("(a+b+c)^2", [(), "a", "b", "c", "ab", "ac", "bc"]),
        ("a:b + c", [(), "c", "ab"]),
        ("b + a:b", [(), "b", "ba"]),
        ("a*b - a", [(), "b", "ab"]),
        ("a/b", [(), "a", "ab"]),
        ("0 + a", ["a"]),
        ("a - 1", ["a"]),
        ("-1 + a", ["a"]),
        ("a + a:a", [(), "a"]),
        ("1", [()]),
        ("0", []),
    ],
)
def test_terms_are_those_of_r(text, terms):
    assert expand(text)[0] == tuple(tuple(term) for term in terms)


ESCAPES = [
    "__import__('os').system('x')",
    "I(__import__('os').system('x'))",
    "().__class__",
    "I(().__class__.__bases__[0].__subclasses__())",
    "x.__class__",
    "I(x.__class__)",
    "I(x.to_csv('f'))",
    "log(x).tofile('f')",
    "log(x)[0]",
    "log(x)(1)",
    "{__import__('os')}",
    "{x}",
    "I({x})",
    "I({x: x})",
    "np.load('f')",
    "np.random.normal(x)",
    "np.log.__class__(x)",
    "np",
    "I(np)",
    "C(x, contr=__import__('os'))",
    "C(x, contr.treatment)",
    "eval('x')",
    "exec('x')",
    "open('f')",
    "getattr(x, 'y')",
    "Q('x')",
    "hashed(x)",
    "lag(x)",
    "I([c for c in x])",
    "I((c for c in x))",
    "I((lambda: x)())",
    "I(x[0])",
    "I(x[0:1])",
    "I(f'{x}')",
    "I(x := 2)",
    "I(x if x else x)",
    "I(x and w)",
    "I(not x)",
    "I(x | w)",
    "I(~x)",
    "I(x @ x)",
    "I(x << 2)",
    "I((x, w))",
    "I([x])",
    "I(await x)",
    "I(yield)",
    "log(*x)",
    "log(**x)",
    "I('a' * x)",
    "I('a' * 999999999 == x)",
    "I(None)",
    "I(...)",
    "I(1j * x)",
    "I(x == w == 2)",
    "I(9**9**9 * x)",
    "I(x**9**9)",
    "I(x**w)",
    "I(x**1e9)",
    "I(1e999 * x)",
    "poly(x, 10**8)",
    "poly(x, 99999999)",
    "bs(x, df=99999999)",
    "x; import os",
    "lambda x: x",
    "x # comment",
    "x\0",
    "I(x\0)",
    # attributes and dunders, also behind a lawful call
    "log.__globals__",
    "log(x).__class__",
    "I(x).__init__.__globals__",
    "I(log.__call__(x))",
    "__builtins__",
    "I(__builtins__)",
    "np.log.__self__(x)",
    "np.log.at(x)",
    "x.eval('1')",
    "x.values.tofile('f')",
    # text that would be formatted, and other kinds of literals
    "I('{0.__class__}'.format(x))",
    "I('%s' % x)",
    "I(f'{x.__class__}' == x)",
    "I(b'x' == x)",
    "I(r'x' * x)",
    "C(x, ref=f'{x}')",
    "C(x, ref=open('f').read())",
    # numpy and others that read, write, load or run
    "np.genfromtxt(x)",
    "np.fromfile('f')",
    "np.memmap('f')",
    "np.lib.format.open_memmap('f')",
    "np.frompyfunc(x)",
    "np.vectorize(x)",
    "np.f2py.compile('x')",
    "np.ctypeslib.load_library('f', 'd')",
    "np.testing.rundocs('f')",
    "numpy.log(x)",
    "pd.read_pickle('f')",
    "pickle.loads(x)",
    "os.system('x')",
    "import_module('os')",
    "compile('x', 'f', 'eval')",
    "breakpoint()",
    "globals()",
    "vars(x)",
    "type(x)",
    "print(x)",
    "input(x)",
    "delattr(x, 'y')",
    "map(x, w)",
    # names that look like what is allowed, and are not: Python reads them as the plain letters
    "ｅｖａｌ(x)",
    "I(ｅｖａｌ(x))",
    "I(__ｉｍｐｏｒｔ__('os'))",
    "I(x.＿＿class＿＿)",
    # back-ticks that would close early
    "`x`.__class__",
    "`x`()",
    "`x`(`x`)",
    "I(`x`.__class__)",
    "I(`x` `w`)",
    "`__import__('os').system('x')`",
    "I(`__import__('os').system('x')`)",
    # statements, comprehensions, stars
    "I({**x})",
    "I({c for c in x})",
    "I({c: c for c in x})",
    "I([*x])",
    "I(x if True else eval('1'))",
    "I(print(x) or x)",
    "I((y := x))",
    "log(x=__import__('os'))",
    "log(*[x])",
    "poly(x, degree=(lambda: 2)())",
    "poly(x, degree=eval('2'))",
    "bs(x, knots=[1, 2])",
    "%time x",
    "!ls",
    "$x",
    "{{x}}",
    "x -> y",
]


@pytest.mark.parametrize("piece", ESCAPES)
def test_escapes_are_refused(piece, monkeypatch):
    def trap(*args, **kwargs):
        raise AssertionError("something was executed")

    df = pd.DataFrame({"y": [1.0, 2, 3, 5], "x": [1.0, 3, 2, 4], "w": 1.0, "g": [1, 1, 2, 2]})
    with monkeypatch.context() as m:
        m.setattr(os, "system", trap)
        m.setattr(builtins, "eval", trap)
        m.setattr(builtins, "exec", trap)
        with pytest.raises((FormulaError, DataError)) as error:
            build(f"y ~ {piece} + (1|g)", df)
    assert "\n" not in str(error.value)
    # A bare name is a column that does not exist; everything else is refused before data are seen
    names = ("np", "I(np)", "__builtins__", "I(__builtins__)")
    assert isinstance(error.value, FormulaError) or piece in names or piece.startswith(TICKS)


TICKS = ("`__import__(", "I(`__import__(")  # any name may stand in back-ticks: this is a column


def test_a_column_may_have_the_name_of_an_escape(monkeypatch):
    monkeypatch.setattr(os, "system", lambda command: pytest.fail("something was executed"))
    name = "__import__('os').system('x')"
    df = pd.DataFrame({"y": [1.0, 2, 3, 5], name: [1.0, 3, 2, 4], "g": [1, 1, 2, 2]})
    design = build(f"y ~ `{name}` + I(`{name}`**2) + (1|g)", df)
    np.testing.assert_array_equal(np.sort(design.D[:, 1]), [1, 2, 3, 4])


@pytest.mark.parametrize("block", range(4))
def test_a_damaged_formula_is_refused_or_says_the_same_again(block, monkeypatch):
    def trap(*args, **kwargs):
        raise AssertionError("something was executed")

    with monkeypatch.context() as m:
        for name in ("eval", "exec", "open"):
            m.setattr(builtins, name, trap)
        for seed in range(300 * block, 300 * (block + 1)):
            check_formula(mutation.formula(seed))


def test_what_a_formula_may_call_is_documented():
    page = Path(__file__).parents[1] / "docs" / "formulas.md"
    section = page.read_text(encoding="utf-8").split("## What a formula may contain")[1]
    table = section.split("\n## ")[0]
    documented = dict(re.findall(r"^\| `([\w.]+)\(([^)]*)\)`", table, re.MULTILINE))
    documented |= dict.fromkeys(
        re.findall(r"`(\w+)`", table.split("numbers:")[1].split(";")[0]), "x"
    )
    assert documented == {name: ", ".join(parameters) for name, parameters in PARAMETERS.items()}


def test_the_refusal_names_the_piece_and_what_is_allowed():
    with pytest.raises(FormulaError, match=r"'np.load' is not allowed.*columns.*cvar.*np\.log"):
        parse("y ~ x + np.load('f') + (1|g)")


def test_evaluation_never_calls_python_s_eval(monkeypatch):
    """The negative control of the trap above: with it in place, a lawful formula still works."""

    def trap(*args, **kwargs):
        raise AssertionError("something was executed")

    df = pd.DataFrame({"y": [1.0, 2, 3, 5, 7], "x": [1.0, 3, 2, 4, 6], "g": [1, 1, 2, 2, 2]})
    with monkeypatch.context() as m:
        m.setattr(builtins, "eval", trap)
        m.setattr(builtins, "exec", trap)
        design = build("y ~ poly(x, 2) + I(x > 2) + (1|g)", df)
        with pytest.raises(AssertionError, match="executed"):
            eval("1")
    assert design.D.shape == (5, 4)


@pytest.mark.parametrize(
    "right",
    [
        "(a+b+c)**99",
        "(a+b+c)**10**10",
        "(a+b+c+d+e+f)**9",
        "((a+b)**10)**10",
        "*".join(f"v{i}" for i in range(30)),
        "*".join("(a+b+c+d)" for _ in range(30)),
        "(" * 200 + "x" + ")" * 200,
        "I(" + "(" * 4000 + "x" + ")" * 4000 + ")",
        "I(" + "-" * 8000 + "x)",
        "I(" + "+".join("x" * 4500) + ")",
        "log(" * 1500 + "x" + ")" * 1500,
        "+".join(f"v{i}" for i in range(1500)),
        "x" + "+x" * 6000,
        "I(x" + "9" * 9000 + ".)",
    ],
)
def test_no_formula_blows_up(right):
    start = time.process_time()  # which other processes do not lengthen
    with pytest.raises(FormulaError) as error:
        parse(f"y ~ {right} + (1|g)")
    assert time.process_time() - start < 2
    assert len(str(error.value)) < 600
    assert "\n" not in str(error.value)


def test_many_terms_within_the_limits_are_accepted():
    names = [f"v{i}" for i in range(900)]
    assert len(expand("+".join(names))[0]) == 901
    assert len(expand("*".join(names[:10]))[0]) == 1024


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("I( ses ^ 2 )", "I(ses**2)"),
        ("cvar(ses,school)", "cvar(ses, school)"),
        ("poly(x,2)", "poly(x, 2)"),
        ("bs(x, df = 4)", "bs(x, df=4)"),
        ("I(-x**2)", "I(-x**2)"),
        ("I((-x)**2)", "I((-x)**2)"),
        ("I(a-(b-c))", "I(a - (b - c))"),
        ("I((a-b)-c)", "I(a - b - c)"),
        ("I(a/(b*c))", "I(a/(b * c))"),
        ("I((a+b)*c)", "I((a + b) * c)"),
        ("I((x**2)**3)", "I((x**2)**3)"),
        ("I(`a b` > 1.50)", "I(`a b` > 1.5)"),
        ('I(s == "a`^b")', "I(s == 'a`^b')"),
    ],
)
def test_one_spelling_for_one_meaning(text, spelling):
    assert spelled(read(text)) == spelling
    assert read(spelling) == read(text)


PIECES = [
    *("y", "x", "w", "f", "g", "b", "~", "+", "-", "*", ":", "/", "**", "^", "(", ")", "|", "||"),
    *("(1|g)", "(1 + x | g)", "(0+f||g)", "y ~ ", " + ", "0", "1", "2", "3.5", "`odd name`", "'a'"),
    *(
        "(1|g:f)",
        "(x|f:g)",
        "us(",
        "diag(",
        "cs(",
        "c(",
        "c(1, 2)",
        "x.1",
        "TRUE",
        "knots=",
        "df=3",
    ),
    *("ns(x, 3)", "cr(x.1, df=2)", "cvar(x.1, g:f)", "as.numeric(b)", "Boundary.knots=", "df=3"),
    *("I(x**2)", "poly(x, 2)", "cvar(x, g)", "dvar(f, g)", ", ", "=", "==", ">", "np.", ".", "__"),
    *(f"{name}(" for name in PARAMETERS),
]
FRAME = pd.DataFrame(
    {
        "y": np.sin(np.arange(40.0)),
        "x": np.cos(3 * np.arange(40.0)),
        "w": np.where(np.arange(40) % 11, np.arange(40.0), np.nan),
        "f": list("abc" * 13 + "a"),
        "b": np.arange(40) % 3 == 0,
        "g": np.arange(40) % 7,
        "odd name": 1.0,
        "x.1": np.cos(5 * np.arange(40.0)),
        "class": np.arange(40.0) % 9,
    }
)


def _survives(formula, df=FRAME):
    message = ""
    try:
        design = build(formula, df)
    except (FormulaError, DataError) as error:
        message = str(error)
    else:
        assert np.isfinite(design.D).all()
        np.testing.assert_allclose(design.new(df.loc[design.rows]).X, design.X, atol=1e-9)
        assert parse(design.formula).formula == design.formula
    assert "\n" not in message


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_fuzz_of_pieces(right):
    _survives(right)
    _survives(f"y ~ {right} + (1|g)")


@pytest.mark.parametrize("block", range(3))
def test_fuzz_of_damaged_formulas_on_data(block):
    df = FRAME.assign(**{"a b": FRAME.g % 3, "IQ.verb": FRAME.x + 1, "s": FRAME.f})
    for seed in range(500 * block, 500 * (block + 1)):
        _survives(mutation.formula(10**6 + seed), df)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=40))
def test_fuzz_of_characters(text):
    _survives(text)
    _survives(f"y ~ I({text}) + (1|g)")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(
        st.sampled_from(["x", "w", "f", "b", "I(x*w)", "cvar(x, g)", "0"]), min_size=1, max_size=4
    ),
    st.lists(st.sampled_from(["+", "*", ":"]), min_size=3, max_size=3),
)
def test_fuzz_of_lawful_formulas_succeeds_or_is_explained(names, operators):
    right = names[0] + "".join(o + n for o, n in zip(operators, names[1:], strict=False))
    _survives(f"y ~ 1 + {right} + (1|g)")


def random_sum(rng, depth=0):
    """A sum of products of names, as formulas may have it."""
    pieces = []
    for i in range(rng.integers(1, 5)):
        sign = rng.choice(["+", "-", "+ -"]) if i else rng.choice(["", "", "-"])
        one = depth == 0 and rng.random() < 0.2
        product = str(rng.choice(["*", "/", ":"])).join(
            f"({random_sum(rng, depth + 1)})"
            if depth < 2 and rng.random() < 0.2
            else str(rng.choice(list("abcd")))
            for _ in range(rng.integers(1, 4))
        )
        pieces.append(f"{sign} {rng.choice(['0', '1']) if one else product}")
    return " ".join(pieces)


def test_terms_are_those_of_another_reader_of_formulas():
    """Order and all, for every sum that formulaic reads."""
    parser = DefaultFormulaParser(feature_flags=DefaultFormulaParser.FeatureFlags.NONE)
    rng = np.random.default_rng(7)
    read_by_both = 0
    powers = [
        "(a + b + c)**2",
        "(a * b)**3 - a:b",
        "(a + b)**2 / c",
        "c / (b + a)**2 + d:(a + c)**2",
    ]
    for text in [*powers, *(random_sum(rng) for _ in range(400))]:
        try:
            result = parser.get_terms(text).root
        except Exception:  # it cannot take away more than there is before / and the like
            continue
        names = list(dict.fromkeys(re.findall("[a-d]", text)))
        terms = (sorted((str(f) for f in t.factors if f != "1"), key=names.index) for t in result)
        unique = sorted(dict.fromkeys(map(tuple, terms)), key=len)
        assert expand(text)[0] == tuple(unique), text
        read_by_both += 1
    assert read_by_both > 300


@pytest.mark.parametrize("random", [0, False, 3, [], {}, b"~ 1 | g"])
def test_random_effects_that_are_no_text_are_refused(random):
    with pytest.raises(FormulaError, match="random= must be text, not "):
        parse("y ~ x", random)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (pd.Series([None] * 12, dtype=object), "none of 12 rows is complete; missing: z 12"),
        (pd.Series([None] * 12, dtype="str"), "none of 12 rows is complete; missing: z 12"),
        (pd.Series([[1]] * 12), r"row 0: z is \[1\]; a formula needs numbers"),
        (pd.Series([{}] * 12), r"row 0: z is \{\}; a formula needs numbers"),
    ],
)
def test_columns_of_no_values_are_refused_in_one_line(values, says):
    data = pd.DataFrame({"y": np.arange(12.0), "z": values, "g": list("abcd") * 3})
    with pytest.raises(DataError, match=says):
        simlab.fit(data, "y ~ z + (1 | g)")


def test_a_column_that_occurs_twice_is_no_slip():
    text = ["1"] * 10 + ["x"] * 2
    data = pd.DataFrame({"y": np.arange(12.0), "z": text, "g": list("abcd") * 3, "w": text})
    with pytest.raises(DataError, match="column 'z' occurs more than once"):
        simlab.fit(data.set_axis(["y", "z", "g", "z"], axis=1), "y ~ z + (1 | g)")
