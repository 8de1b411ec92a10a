"""Formulas that people bring along from R: grouping by combinations, splines, conversions, names.

R's values are in reference/formulas.json. A basis of splines agrees to 1e-10 relative to its
largest entry, as both sides do the same few products. lme4's optimiser was run with tolerances of
1e-12 of its parameters, which leaves 1e-5 of a standard deviation of a random effect (and 20 times
as much where G is singular, `random_bs`); the log likelihood is flat there and agrees to 1e-8, the
fixed effects to 1e-6.
"""

import numpy as np
import pandas as pd
import pytest
from reference_cases import rows, stored

import simlab
from simlab.data import DataError, hs
from simlab.formula import FormulaError, build, parse

R = stored("formulas.json")
SOURCE = R["source"]


def frame(n=240, seed=4):
    rng = np.random.default_rng(seed)
    df = pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "a": rng.permutation(np.resize(["a1", "a2", "a3"], n)),
            "b": rng.permutation(np.resize([1.0, 2, 3, 4, 5], n)),
            "g": np.resize(np.arange(12), n),
            "f": rng.permutation(np.resize(["p", "q", "r"], n)),
            "IQ.verb": rng.normal(100, 15, n),
        }
    )
    u = dict(zip("abcdefghijklmno", rng.normal(size=15), strict=True))
    pair = [list(u.values())[int(a[1]) - 1 + 3 * int(b - 1)] for a, b in zip(df.a, df.b)]  # noqa: B905
    return df.assign(y=1 + 2 * df.x + np.array(pair) + rng.normal(size=n))


DF = frame()


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
    found = crossed.predict(new)
    u = crossed.ranef().estimate.loc["a1:1"].item()
    population = crossed.fixef["(Intercept)"]
    np.testing.assert_allclose(found, [population + u, *[population] * 3], rtol=1e-12)
    assert "a:b: 3 clusters that the fit does not know (a1:9, zz:1" in found.attrs["note"]
    assert crossed.predict(new[["x", "a"]]).attrs["note"].startswith("no column 'b' in the new")
    with pytest.raises(ValueError, match="a1:9"):
        crossed.predict(new[:3], level=1)
    with pytest.raises(DataError, match="row 3: a is missing"):
        crossed.predict(new, level=1)
    with pytest.raises(DataError, match="no column 'b' for the cluster"):
        crossed.predict(new[["x", "a"]], level=1)


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
    names, found, formula = blocks(bars)
    assert (names, found) == blocks(same)[:2]
    assert found == block
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


# ---------------------------------------------------------------- splines


@pytest.mark.parametrize("text", R["splines"])
def test_bases_are_those_of_r(text):
    name = "ties" if "ties" in text else "x"
    x, new = SOURCE[name], SOURCE["new_ties" if name == "ties" else "new"]
    i = np.arange(len(x))
    df = pd.DataFrame({"y": np.sin(7.0 * i), name: x, "g": i % 5})
    outside = ", extrapolation='extend')" if text.startswith("bs") else ")"
    d = build(f"y ~ 0 + {text[:-1]}{outside} + (1 | g)", df)
    expected = R["splines"][text]
    assert d.dropped_columns == ()
    ours = d.X[: len(SOURCE["rows"])]
    np.testing.assert_allclose(ours, expected["basis"], rtol=0, atol=1e-10)
    at = np.array(expected["new"])
    ours = d.new({name: np.array(new, dtype=float), "g": np.zeros(len(new))}).X
    np.testing.assert_allclose(ours, at, rtol=0, atol=1e-10 * np.abs(at).max())


def test_the_bases_of_r_differ_from_each_other():
    """Negative control: the tolerance above tells one basis from the next."""
    one, other = (np.array(R["splines"][f"{f}(x, df=5)"]["basis"]) for f in ("ns", "bs"))
    assert np.abs(one - other).max() > 0.01


def span(X):
    Q, R_ = np.linalg.qr(X)
    assert np.abs(np.diag(R_)).min() > 1e-8 * np.abs(R_).max()
    return Q @ Q.T


@pytest.mark.parametrize("df", [2, 3, 6])
def test_ns_and_centred_cr_span_the_same_splines(df):
    """Where no value of x occurs twice: `cr` has its knots at quantiles of the distinct values."""
    one = build(f"y ~ ns(x, {df}) + (1 | g)", DF)
    other = build(f"y ~ cr(x, df={df}) + (1 | g)", DF)
    assert one.X.shape == other.X.shape == (240, df + 1)
    np.testing.assert_allclose(span(one.X), span(other.X), atol=1e-10)
    new = {"x": [-9.0, 0.5, 12.0], "g": [0, 1, 2]}  # both are straight lines outside
    beta = np.linalg.lstsq(one.X, np.asarray(one.y), rcond=None)[0]
    gamma = np.linalg.lstsq(other.X, np.asarray(other.y), rcond=None)[0]
    np.testing.assert_allclose(one.new(new).X @ beta, other.new(new).X @ gamma, rtol=1e-9)


@pytest.mark.parametrize("basis", ["cr(x, df=4)", "cc(x, df=4)", "bs(x, df=4)", "ns(x, df=4)"])
@pytest.mark.parametrize("offset", [0.0, 2000.0])
def test_a_basis_beside_an_intercept_loses_no_column(basis, offset):
    df = DF.assign(x=DF.x + offset)
    d = build(f"y ~ {basis} * f + ({basis} | a:b)", df)
    assert d.dropped_columns == ()
    assert d.X.shape == (240, 15)
    assert d.Z.shape == (240, 5)
    if basis.startswith("c"):
        np.testing.assert_allclose(d.X[:, 1:5].mean(axis=0), 0, atol=1e-12)


def test_a_basis_with_the_constant_is_there_for_those_who_ask():
    for text in ("cr(x, df=4, constraints='none')", "bs(x, df=4, intercept=TRUE)"):
        d = build(f"y ~ 0 + {text} + (1 | g)", DF)
        assert d.dropped_columns == ()
        np.testing.assert_allclose(d.X.sum(axis=1), 1, atol=1e-12)
        beside = build(f"y ~ {text} + (1 | g)", DF)  # a true deficiency is told
        assert len(beside.dropped_columns) == 1


def test_a_fit_with_a_centred_basis_says_nothing_of_rank(recwarn):
    fit = simlab.fit("y ~ cr(x, df=4) + (1 | a:b)", DF)
    assert fit.notes == ()
    assert len(recwarn) == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ns(x, df=0)", "df is 0; it must be at least 1"),
        ("ns(x, df=1, intercept=TRUE)", "df is 1; it must be at least 2"),
        ("bs(x, df=3, intercept=TRUE)", "df is 3; it must be at least 4"),
        ("ns(x, df=3, knots=c(0))", "give df or knots, not both"),
        ("ns(x, knots=c(-99, 0))", "the knots -99, 0 do not all lie between the boundary knots"),
        ("ns(step, df=3)", "the knots 1, 2 do not all lie between the boundary knots 1 and 4"),
        ("bs(x, knots=c(0, 0), degree=1)", "more than 1 of the knots 0, 0 coincide"),
        ("ns(x, Boundary.knots=c(1))", "must be two different numbers, such as"),
        ("ns(x, Boundary.knots=c(1, 1))", "must be two different numbers, such as"),
        ("ns(x, df=3, Boundary.knots=c(50, 60))", "no value lies between the boundary knots 50"),
        ("ns(two, df=3)", "needs more than 3 distinct values"),
        ("bs(x, degree=0)", "degree must be at least 1"),
        ("bs(x, extrapolation='no')", "extrapolation is 'no'; it must be one of raise, extend"),
        ("bs(x, Boundary.knots=c(-1, 1))", "lies outside of the boundary knots -1 and 1; extrap"),
        ("cr(x)", "give df, the number of columns"),
        ("cr(x, df=1)", "df is 1; it must be at least 2"),
        ("cr(x, df=2, constraints='none')", "df is 2; it must be at least 3"),
        ("cc(x, df=0)", "df is 0; it must be at least 1"),
        ("cr(x, df=3, constraints='all')", "must be 'center' or 'none'"),
        ("ns(f, 3)", "'f' holds levels"),
    ],
)
def test_splines_that_there_are_not(text, says):
    step = np.array([1.0] * 130 + [2.0] * 60 + [3.0] * 30 + [4.0] * 20)
    df = DF.assign(two=np.sign(DF.x), step=step)
    with pytest.raises(DataError, match=says) as error:
        build(f"y ~ {text} + (1 | g)", df)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ns(x, knots=c())", r"knots must be a number or several, such as c\(1, 2.5\)"),
        ("ns(x, knots=c(0, g))", r"'g': in c\(...\) stand numbers"),
        ("ns(x, knots=c('a'))", "stand numbers"),
        ("ns(x, knots=c(k=1))", "'c' is not a function"),
        ("ns(c(1, 2), 3)", "x must be a column"),
        ("I(x + c(1, 2))", "'c' is not a function"),
        ("ns(x, extrapolation='raise')", r"the arguments of this function are ns\(x, df, knots"),
    ],
)
def test_arguments_of_splines_that_cannot_be_read(text, says):
    with pytest.raises(FormulaError, match=says):
        parse(f"y ~ {text} + (1 | g)")


def test_values_outside_of_b_splines_are_refused_unless_asked_for():
    new = {"x": [0.0, 50.0], "g": [0, 0]}
    with pytest.raises(DataError, match="50 lies outside of the boundary knots"):
        build("y ~ bs(x, 4) + (1 | g)", DF).new(new)
    clipped = build("y ~ bs(x, 4, extrapolation='clip') + (1 | g)", DF)
    edge = clipped.new({"x": [DF.x.max()], "g": [0]}).X[0]
    np.testing.assert_allclose(clipped.new(new).X[1], edge, atol=1e-14)


# ---------------------------------------------------------------- fits of lme4

OURS = {
    "crossed": "mathach ~ ses + (1 | school:minority)",
    "slopes": "mathach ~ ses * sector + (1 + ses | school:sex)",
    "three": "mathach ~ ses + (1 | sector:school:sex)",
    "ns": "mathach ~ ns(ses, df = 3) * sector + (1 | school)",
    "knots": "mathach ~ ns(ses, knots = c(-1, 0, 1)) + (1 | school)",
    "bs": "mathach ~ bs(ses, df = 5) + (1 | school)",
    "random_ns": "mathach ~ ses + us(ns(ses, df = 2) | sector:minority:sex)",
    "random_bs": "mathach ~ bs(ses, df = 3) + (bs(ses, df = 3) | school)",
    "converted": "mathach ~ as.factor(minority) + as.numeric(sex == 'Male') + "
    "scale(ses.raw, scale = FALSE) + log(class) + (1 | school)",
    "diag": "score ~ Machine + diag(1 + Machine | Worker)",
}


@pytest.mark.parametrize("name", R["fits"])
def test_fits_are_those_of_lme4(name):
    expected = R["fits"][name]
    data = rows("Machines") if name == "diag" else hs()
    if name != "diag":
        data = data.assign(**{"ses.raw": data.ses, "class": data["size"]})
    fit = simlab.fit(OURS[name], data)
    assert fit.converged
    assert fit.loglik == pytest.approx(expected["logLik"], rel=0, abs=1e-8)
    np.testing.assert_allclose(fit.fixef, expected["beta"], rtol=1e-6)
    np.testing.assert_allclose(fit.std_error, expected["se"], rtol=1e-5)
    loose = 20 if name == "random_bs" else 1
    sd = np.sqrt(np.diag(fit.G))
    np.testing.assert_allclose(sd, np.ravel(expected["sd"]), rtol=loose * 1e-5)
    assert np.sqrt(fit.sigma2) == pytest.approx(expected["sigma"], rel=1e-6)
    assert fit.nclusters == expected["clusters"]
    labels = [int(label) if name == "diag" else label for label in expected["labels"]]
    ranef = fit.ranef().estimate.loc[labels]
    np.testing.assert_allclose(ranef, expected["ranef"], rtol=0, atol=loose * 1e-4 * sd.max())
    if "new" in expected:
        new = pd.DataFrame(SOURCE["far"])
        np.testing.assert_allclose(fit.predict(new, level=0), expected["new"], rtol=1e-6)


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
