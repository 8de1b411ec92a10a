"""Bases of splines are R's, and so are fits of formulas that people bring along from R.

R's values are in reference/formulas.json. A basis of splines agrees to 1e-10 relative to its
largest entry, as both sides do the same few products. lme4's optimiser was run with tolerances of
1e-12 of its parameters, which leaves 1e-5 of a standard deviation of a random effect (and 20 times
as much where G is singular, `random_bs`); the log likelihood is flat there and agrees to 1e-8, the
fixed effects to 1e-6.
"""

import numpy as np
import pandas as pd
import pytest
from formula_cases import DF
from reference_cases import rows, stored

import simlab
from simlab.data import DataError, hs
from simlab.formula import FormulaError, build, parse

R = stored("formulas.json")
SOURCE = R["source"]

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
        added = build(f"y ~ {text} + (1 | g)", DF)  # a true deficiency is told
        assert len(added.dropped_columns) == 1


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


SLOW = {"random_bs": pytest.mark.slow}  # the engine is compiled for four random effects


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=SLOW.get(name, ())) for name in R["fits"]]
)
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
        np.testing.assert_allclose(fit.predict(new, of="population"), expected["new"], rtol=1e-6)
