"""Codings of factors in a formula: R's columns, R's names, and the same model in all of them."""

import numpy as np
import pandas as pd
import pytest
from fit_cases import fit_formula
from reference_cases import rows, stored

from simlab.data import DataError
from simlab.formula import FormulaError, build

OATS = rows("Oats")
SPELLED = {"sum": "Sum", "helmert": "Helmert", "poly": "Poly"}


def from_r(text: str) -> str:
    """R's spelling of a coding in ours."""
    text = text.replace("contr.treatment(3, base = 2)", "Treatment('Marvellous')")
    for theirs, ours in SPELLED.items():
        text = text.replace(f", {theirs})", f", {ours})")
    return text


@pytest.mark.parametrize("ref", stored("codings.json")["codings"], ids=lambda r: r["formula"])
def test_names_and_estimates_are_those_of_lme4(ref):
    fit = fit_formula(from_r(ref["formula"]), OATS)
    names = [from_r(name) for name in ref["names"]]
    if "base" in ref["formula"]:  # R numbers the levels there
        levels = sorted(OATS.Variety.unique())
        names = [n[:-1] + levels[int(n[-1]) - 1] if n[-2:] in (")1", ")3") else n for n in names]
    assert list(fit.design.fixed_names) == names
    # lme4's optimum is good to about 1e-7 of θ, of which the estimates depend weakly
    np.testing.assert_allclose(fit.gamma, ref["beta"], rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(fit.std_error, ref["se"], rtol=1e-5)


@pytest.mark.parametrize("m", [2, 3, 4, 7])
def test_columns_are_the_contrasts_of_their_definitions(m):
    levels = [f"l{i}" for i in range(m)]
    df = pd.DataFrame({"f": levels * 4, "g": np.repeat(list("pq"), 2 * m), "y": np.arange(4.0 * m)})

    def matrix(coding):
        design = build(f"y ~ C(f, {coding}) + (1 | g)", df)
        return design.X[:m, 1:], [n.removeprefix(f"C(f, {coding})") for n in design.fixed_names[1:]]

    C, names = matrix("Sum")
    np.testing.assert_array_equal(C, np.vstack([np.eye(m - 1), -np.ones(m - 1)]))
    assert names == [str(k + 1) for k in range(m - 1)]
    C, names = matrix("Helmert")
    expected = [[k if i == k else -1.0 * (i < k) for k in range(1, m)] for i in range(m)]
    np.testing.assert_array_equal(C, expected)
    assert names == [str(k + 1) for k in range(m - 1)]
    C, names = matrix("Poly")
    np.testing.assert_allclose(C.T @ C, np.eye(m - 1), atol=1e-12)
    powers = np.vander(np.arange(m), increasing=True)
    coefficients = np.linalg.solve(powers, C)  # of degree k, the leading one positive
    np.testing.assert_allclose(np.tril(coefficients[1:], -1), 0, atol=1e-9)
    assert (np.diag(coefficients[1:]) > 0).all()
    assert names == [".L", ".Q", ".C", "^4", "^5", "^6"][: m - 1]
    C, names = matrix("Treatment('l1')")
    np.testing.assert_array_equal(C, np.delete(np.eye(m), 1, axis=1))
    assert names == ["l0", *levels[2:]]


@pytest.mark.parametrize("coding", ["Sum", "Helmert", "Poly", "Treatment", "Treatment('Victory')"])
def test_the_model_is_the_same_in_every_coding(coding):
    plain = fit_formula("yield ~ Variety * nitroF + (1 | Block)", OATS)
    coded = fit_formula(f"yield ~ C(Variety, {coding}) * C(nitroF, Sum) + (1 | Block)", OATS)
    # REML's likelihood depends on |X'X|, which a coding changes: the ML one does not
    ours, theirs = (fit.refit(method="ML").loglik for fit in (coded, plain))
    assert ours == pytest.approx(theirs, abs=1e-9)
    np.testing.assert_allclose(coded.fitted(), plain.fitted(), rtol=1e-10)
    new = OATS.sample(20, random_state=1).drop(columns="yield")
    np.testing.assert_allclose(coded.predict(new), plain.predict(new), rtol=1e-10)


def test_new_rows_may_lack_levels():
    design = build("yield ~ C(Variety, Sum) + (1 | Block)", OATS)
    new = design.new({"Variety": ["Victory", "Victory"]})
    np.testing.assert_array_equal(new.X, [[1, -1, -1], [1, -1, -1]])


def test_a_coding_in_a_bar_and_by_all_levels():
    design = build("yield ~ 0 + C(Variety, Sum) + (C(Variety, Helmert) | Block)", OATS)
    assert design.fixed_names[0] == "C(Variety, Sum)GoldenRain"
    assert design.random_names[1:] == ("C(Variety, Helmert)1", "C(Variety, Helmert)2")
    assert set(np.unique(design.X)) == {0.0, 1.0}


def test_levels_that_are_called_as_contrasts():
    """The levels 1, 2, 3 beside the contrasts 1, 2: R has both names too."""
    df = OATS.assign(
        k=OATS.Variety.map(dict(zip(sorted(OATS.Variety.unique()), "123", strict=True)))
    )
    design = build("yield ~ nitroF + nitroF:C(k, Sum) + (1 | Block)", df)  # by contrasts
    assert design.fixed_names[-1] == "nitroFN0.6:C(k, Sum)2"
    design = build("yield ~ C(k, Sum) + nitroF:C(k, Sum) + (1 | Block)", df)  # both ways
    assert design.fixed_names[1:4] == ("C(k, Sum)1", "C(k, Sum)2", "C(k, Sum)1:nitroFN0.2")
    np.testing.assert_array_equal(design.X[:, 1], (df.k == "1") * 1.0 - (df.k == "3"))
    np.testing.assert_array_equal(design.X[:, 3], (df.k == "1") & (df.nitroF == "N0.2"))


def test_a_column_may_be_called_as_a_coding():
    df = OATS.rename(columns={"Variety": "Sum"})
    assert build("yield ~ C(Sum, Sum) + (1 | Block)", df).fixed_names[1:] == (
        "C(Sum, Sum)1", "C(Sum, Sum)2",
    )  # fmt: skip
    assert build("yield ~ Sum + (1 | Block)", df).fixed_names[1] == "SumMarvellous"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("C(Variety, Sum('Victory'))", r"write C\(f, Sum\), without an argument"),
        ("C(Variety, Treatment(nitroF))", r"write C\(f, Treatment\('a'\)\) with the reference"),
        ("C(Variety, Treatment('a', 'b'))", "with the reference level"),
        ("C(Variety, Diff)", "ref must be one of the levels .* or Treatment, Sum, Helmert, Poly"),
        ("log(Sum)", "no column 'Sum'"),
        ("Sum(Variety)", "'Sum' is not a function"),
        ("C(Variety, Treatment('Victor'))", "no level 'Victor' among"),
    ],
)
def test_what_is_no_coding(text, says):
    with pytest.raises((FormulaError, DataError), match=says) as error:
        build(f"yield ~ {text} + (1 | Block)", OATS)
    assert "\n" not in str(error.value)


def test_polynomials_that_have_lost_their_digits_are_refused():
    """Formulaic's recurrence: orthonormal to 1e-9 for 30 levels, not at all for 60."""
    rng = np.random.default_rng(1)
    df = pd.DataFrame({"f": np.tile(np.arange(60), 4), "g": np.repeat(list("pq"), 120)})
    df["x"], df["y"] = rng.standard_normal((2, 240))
    with pytest.raises(DataError, match=r"C\(f, Poly\) has 60 levels; polynomials of a degree"):
        build("y ~ C(f, Poly) + (1 | g)", df)
    with pytest.raises(DataError, match=r"'poly\(x, 50\)': polynomials of this degree"):
        build("y ~ poly(x, 50) + (1 | g)", df)
    X = build("y ~ C(f, Poly) + poly(x, 15) + (1 | g)", df[df["f"] < 30]).X[:, 1:30]
    np.testing.assert_allclose(X.T @ X, 4 * np.eye(29), atol=1e-8)


def test_a_reference_that_does_not_occur_is_refused():
    """Its rows are left out, as the response is missing: no other level takes its place."""
    df = OATS.assign(**{"yield": OATS["yield"].where(OATS.Variety != "Victory")})
    with pytest.raises(DataError, match=r"reference level 'Victory' .* does not occur"):
        build("yield ~ C(Variety, Treatment('Victory')) + (1 | Block)", df)
