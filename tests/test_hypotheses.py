"""Tests and intervals of fixed effects against lmerTest, nlme and lme4.

Tolerances. Satterthwaite in regular fits: the collection's values are analytic, and agreement is
1e-11; 1e-8 is asked. In singular fits lmerTest's own numerical derivatives are all there is, and
agree to 4e-8; 1e-6 is asked. χ² and F without degrees of freedom: 1e-8. p-values: 1e-6 relative,
since log p is |t| times more sensitive than t. Counts of nlme's containment: exactly. What R was
asked for these tests alone stops where lmer stops: 1e-5.
"""

import re

import numpy as np
import pandas as pd
import pytest
from fit_cases import data, fit_formula, fitted, models, unbalanced
from reference_cases import rows, stored
from scipy import stats

from simlab.fitting.anova import BOUNDARY, SAME_SIZE, anova, term_tests
from simlab.fitting.errors import FitError
from simlab.fitting.hypotheses import METHODS, conf_int_fixed, table, wald
from simlab.mixed.containment import containment
from simlab.mixed.joint import directions

EVERY = pytest.mark.parametrize(("name", "model", "method"), models())
R = stored("hypotheses.json")


def record(name, model):
    return stored("fits", f"{name}.json")[model]


@pytest.fixture(scope="module")
def hs():
    return fitted("hs", "m5", "REML")


# ---------------------------------------------------------------- against R, every model


@EVERY
def test_satterthwaite_is_that_of_lmertest(name, model, method):
    fit, ref = fitted(name, model, method), record(name, model)[method]
    frame = table(fit)
    np.testing.assert_allclose(frame.estimate, ref["beta"], rtol=1e-8)
    np.testing.assert_allclose(frame.std_error, ref["se"], rtol=1e-8)
    np.testing.assert_allclose(frame.df, ref["df"], rtol=1e-6 if ref["singular"] else 1e-8)
    t = np.array(ref["beta"]) / ref["se"]
    np.testing.assert_allclose(frame.statistic, t, rtol=1e-8)
    np.testing.assert_allclose(frame.p_value, 2 * stats.t.sf(abs(t), ref["df"]), rtol=1e-6)


@EVERY
def test_joint_satterthwaite_is_that_of_lmertest(name, model, method):
    """The analytic values for singular fits are of (G, σ²), lmerTest's of θ: take lmerTest's."""
    fit, ref = fitted(name, model, method), record(name, model)
    hypotheses, tolerance = ref[method]["satterthwaite_hypotheses"], 1e-8
    if ref[method]["singular"]:
        singular = R["singular"][name][model][method]
        hypotheses = {
            key: {"F": one["F"], "num": one["numDF"], "den": one["denDF"]}
            for key, one in singular.items()
        }
        tolerance = 1e-6
    for key, theirs in hypotheses.items():
        ours = wald(fit, ref["L"][key])
        assert ours.num_df == theirs["num"]
        assert pytest.approx(theirs["F"], rel=max(tolerance, 1e-8)) == ours.F
        assert ours.den_df == pytest.approx(theirs["den"], rel=tolerance)
        p = stats.f.sf(theirs["F"], theirs["num"], theirs["den"])
        assert ours.p_value == pytest.approx(p, rel=100 * tolerance)


@EVERY
def test_chi_square(name, model, method):
    fit, ref = fitted(name, model, method), record(name, model)
    for key, theirs in ref[method]["wald"].items():
        ours = wald(fit, ref["L"][key], df="normal")
        assert ours.num_df == theirs["df"]
        assert ours.chi2 == pytest.approx(theirs["chi2"], rel=1e-8)
        assert ours.p_value == pytest.approx(theirs["p"], rel=1e-6)
        assert np.isinf(ours.den_df)


@EVERY
def test_containment_is_that_of_nlme(name, model, method):
    fit, ref = fitted(name, model, method), record(name, model)[method]["containment"]
    assert table(fit, "containment").df.tolist() == ref["df"]
    terms = term_tests(fit, "containment", "marginal")
    assert terms.index.tolist() == ref["terms"]
    assert terms.den_df.tolist() == ref["denDF"]
    assert terms.num_df.tolist() == ref["numDF"]


def test_other_degrees_of_freedom_fail_the_same_bounds():
    """Control: each way of counting is told from the others, and REML from ML."""
    for case in (("hs", "m5"), ("hs", "m10"), ("sim1", "m4")):
        fit = fitted(*case, "REML")
        df = [table(fit, how).df for how in METHODS]
        for i, one in enumerate(df):
            for other in df[:i]:
                assert (abs(one / other.replace(np.inf, 1e9) - 1) > 1e-3).any()
    ref = record("hs", "m5")["ML"]
    assert abs(table(fitted("hs", "m5", "REML")).df / ref["df"] - 1).max() > 1e-3
    wrong = record("hs", "m10")["REML"]["satterthwaite_hypotheses"]["last2"]
    other = wald(fitted("hs", "m10", "REML"), record("hs", "m10")["L"]["last2"], "containment")
    assert abs(other.den_df / wrong["den"] - 1) > 1e-3


def test_redundant_rows_and_right_sides_as_lmertest():
    fit = fitted("sleepstudy", "m3", "REML")
    cases = {
        "redundant": wald(fit, [[1, 0], [0, 1], [1, 1]]),
        "rhs": wald(fit, np.eye(2), rhs=[250, 12]),
        "rhs_kr": wald(fit, np.eye(2), rhs=[250, 12], df="kenward-roger"),
    }
    for key, ours in cases.items():
        theirs = [R[key][field] for field in ("F", "num", "den", "p")]
        np.testing.assert_allclose(
            [ours.F, ours.num_df, ours.den_df, ours.p_value], theirs, rtol=1e-5
        )
    assert "2 are independent" in cases["redundant"].notes[0]
    assert len(cases["redundant"].estimates) == 3
    assert abs(cases["rhs"].F / wald(fit, np.eye(2)).F - 1) > 0.5  # control


def test_terms_as_lmertest_and_nlme():
    fit = fitted("Machines", "m2", "REML")
    for key, how in (
        ("terms_lmerTest", "satterthwaite"), ("terms_kr", "kenward-roger"),
        ("terms_nlme", "containment"),
    ):  # fmt: skip
        ref = R[key]
        kind = "marginal" if key == "terms_nlme" else 3
        ours = term_tests(fit, how, kind).loc[np.atleast_1d(ref["term"])]
        np.testing.assert_allclose(ours.num_df, np.atleast_1d(ref["num"]))
        np.testing.assert_allclose(ours.den_df, np.atleast_1d(ref["den"]), rtol=1e-6)
        np.testing.assert_allclose(ours.F, np.atleast_1d(ref["F"]), rtol=1e-6)
    pd.testing.assert_frame_equal(
        anova(fit, df="kenward-roger").frame, term_tests(fit, "kenward-roger")
    )


# ---------------------------------------------------------------- containment, odd cases


def _design(formula, df):
    """Columns of R's model.matrix with treatment coding, and the columns of each term."""
    parts = [part.strip() for part in formula.removeprefix("~").replace("*", "+").split("+")]
    if "*" in formula:
        parts.append(":".join(part.strip() for part in formula.removeprefix("~").split("*")))
    intercept = "0" not in parts
    parts = [part for part in parts if part not in ("0", "1")]
    columns = [np.ones(len(df))] if intercept else []
    terms = [[0]] if intercept else []
    coded = {}
    for part in parts:
        if ":" in part:
            a, b = (coded[piece] for piece in part.split(":"))
            new = [x * z for z in b for x in a]
        elif df[part].dtype.kind in "if":
            new = [df[part].to_numpy(float)]
        else:
            whole = not intercept and not any(df[p].dtype.kind not in "if" for p in coded)
            levels = sorted(df[part].unique())[0 if whole else 1 :]
            new = [(df[part] == level).to_numpy(float) for level in levels]
        coded[part] = new
        terms.append(list(range(len(columns), len(columns) + len(new))))
        columns += new
    return np.column_stack(columns), terms


ODD = pd.DataFrame(R["rows"])
FIRST = ~ODD.g.duplicated()
SUBSETS = {
    "containment": ODD,
    "containment_ones": ODD[FIRST],
    "containment_few": ODD[FIRST | (ODD.g == 6)],
}


@pytest.mark.parametrize(
    ("key", "case"),
    [pytest.param(key, case, id=key + case["formula"]) for key in SUBSETS for case in R[key]],
)
def test_odd_designs_count_as_nlme_does(key, case):
    """No intercept; clusters of one row; only an intercept; a factor in part between clusters."""
    df = SUBSETS[key]
    X, terms = _design(case["formula"], df)
    result = containment(X, pd.factorize(df.g)[0].astype(np.int64), terms)
    assert result.df.tolist() == case["df"]
    assert result.terms.tolist() == case["term_df"]


def test_rounding_in_a_cluster_mean_is_not_variation():
    rng = np.random.default_rng(1)
    cluster = np.repeat(np.arange(5), 4)
    w = rng.normal(size=5)[cluster]
    X = np.column_stack([np.ones(20), w * (1 + 1e-16 * rng.normal(size=20))])
    assert containment(X, cluster, [[0], [1]]).df.tolist() == [15, 3]
    X[3, 1] += 1e-6  # control
    assert containment(X, cluster, [[0], [1]]).df.tolist() == [14, 14]


def test_containment_without_degrees_of_freedom_says_so():
    df = unbalanced()
    some = df[df.g.isin(df.g.value_counts().index[:3])].copy()
    some["w1"] = some.g.map(dict(zip(some.g.unique(), (1.0, 2.0, 4.0), strict=True)))
    some["w2"] = some.g.map(dict(zip(some.g.unique(), (1.0, 5.0, 2.0), strict=True)))
    fit = fit_formula("y ~ w1 + w2 + (1 | g)", some, "ML")
    assert np.isnan(table(fit, "containment").df["w1"])
    test = wald(fit, ["w1", "w2"], df="containment")
    assert np.isnan(test.p_value)
    assert "no df" in test.notes[-1]
    assert np.isnan(test.estimates.lower).all()


def test_a_joint_containment_test_takes_the_smallest(hs):
    test = wald(hs, ["ses", "sectorPublic"], df="containment")
    assert test.den_df == 38
    assert any("differ" in note for note in test.notes)
    alone = wald(hs, ["ses", "ses:sectorPublic"], df="containment")
    assert alone.den_df == 1935
    assert not any("differ" in note for note in alone.notes)


# ---------------------------------------------------------------- what a hypothesis may look like

SAY_THE_SAME = [
    np.eye(4)[2:],
    np.eye(4)[2:].tolist(),
    "sector",
    re.compile("sector"),
    "Public$",
    ["sectorPublic", "ses:sectorPublic"],
    [{"sectorPublic": 1}, {"ses:sectorPublic": 1.0}],
    [{"sectorPublic": 1}, "ses:sector"],
    [pd.Series({"sectorPublic": 1}), re.compile("ses:")],
    pd.DataFrame({"ses:sectorPublic": [0, 1], "sectorPublic": [1, 0]}),
    ("sectorPublic", "ses:sectorPublic"),
]


@pytest.mark.parametrize("L", SAY_THE_SAME, ids=str)
def test_hypotheses_that_say_the_same(hs, L):
    ours, expected = wald(hs, L), wald(hs, np.eye(4)[2:])
    assert (ours.F, ours.den_df) == (expected.F, expected.den_df)
    np.testing.assert_array_equal(ours.L, expected.L)
    np.testing.assert_array_equal(ours.estimates, expected.estimates)
    assert ours.L.columns.tolist() == list(hs.design.fixed_names)


def test_a_coefficients_name_is_that_coefficient_and_a_pattern_all_that_match(hs):
    one = wald(hs, "ses")
    assert one.estimates.index.tolist() == ["ses"]
    assert "re.compile('ses')" in one.notes[0]
    assert wald(hs, re.compile("ses")).estimates.index.tolist() == ["ses", "ses:sectorPublic"]
    both = wald(hs, "sector")
    assert both.num_df == 2
    assert "['sectorPublic']" in both.notes[0]
    assert wald(hs, "(Intercept)").estimates.index.tolist() == ["(Intercept)"]
    assert not wald(hs, "ses:sector").notes
    assert one.F != wald(hs, re.compile("ses")).F  # control


def test_a_term_whose_name_does_not_occur_in_its_coefficients():
    """In `factor(k)` the parentheses are a group to a pattern: the term's name still finds it."""
    df = unbalanced().assign(k=lambda d: d.index % 3)
    fit = fit_formula("y ~ factor(k) + I(x**2) + (1 | g)", df)
    assert len(wald(fit, "factor(k)").L) == 2
    assert len(wald(fit, "I(x**2)").L) == 1


def test_rows_are_labelled(hs):
    test = wald(hs, [[0, 1, 0, 0.5], [0, -1, 2, 0]])
    assert test.estimates.index.tolist() == ["ses + 0.5*ses:sectorPublic", "−ses + 2*sectorPublic"]
    named = wald(hs, pd.DataFrame({"ses": [1, 1], "ses:sectorPublic": [0, 1]}, index=["C", "P"]))
    assert named.estimates.index.tolist() == ["C", "P"]


def test_one_row_is_its_own_joint_test(hs):
    for how in METHODS:
        test = wald(hs, {"ses": 1, "ses:sectorPublic": 1}, how, rhs=2.5)
        row = test.estimates.iloc[0]
        assert pytest.approx(row.statistic**2, rel=1e-9) == test.F
        assert test.p_value == pytest.approx(row.p_value, rel=1e-7)
        assert row.estimate == pytest.approx(hs.gamma[1] + hs.gamma[3], rel=1e-12)
        assert row.statistic == pytest.approx((row.estimate - 2.5) / row.std_error, rel=1e-12)


def test_intervals_are_the_hypotheses_not_rejected(hs):
    for how in METHODS:
        limits = conf_int_fixed(hs, 0.9, how)
        for name in limits.index:
            for end in limits.loc[name]:
                assert wald(hs, {name: 1}, how, rhs=end).p_value == pytest.approx(0.1, rel=1e-8)


def test_a_pattern_of_units_alone_does_not_hide_a_coefficient():
    """x in units of 1e-6: lmerTest's rule of rank would drop its row beside the intercept."""
    df = unbalanced()
    one, two = (
        fit_formula("y ~ x + w + (1 + x | g)", frame) for frame in (df, df.assign(x=1e6 * df.x))
    )
    test = wald(two, np.eye(3))
    assert test.num_df == 3
    np.testing.assert_allclose(test.F, wald(one, np.eye(3)).F, rtol=1e-6)
    d, _ = directions(np.diag([1.0, 1e-20]), np.eye(2))
    assert len(d) == 2
    d, _ = directions(np.eye(2), np.array([[1.0, 0], [1, 0], [0, 0]]))  # control
    assert len(d) == 1


@pytest.mark.parametrize(
    ("L", "says"),
    [
        ("sektor", "did you mean 'sector'"),
        ({"SES": 1}, "did you mean 'ses'"),
        (pd.DataFrame({"sess": [1]}), "did you mean 'ses'"),
        ("[", "no coefficient or term is called"),
        ("", "no coefficient or term"),
        (re.compile("none"), "none"),
        ([0, 1], r"shape \(2,\)"),
        (np.ones((2, 3)), r"shape \(2, 3\)"),
        (np.empty((0, 4)), r"shape \(0, 4\)"),
        ([[0, 1, 0, np.nan]], "not a finite number"),
        (np.zeros(4), "no weight other than 0"),
        ([["a", "b"]], "cannot be read"),
        (["ses", 3], "names, patterns and dicts"),
        ({"ses": "much"}, "cannot be read"),
        ({}, "no weight other than 0"),
        (None, "shape"),
    ],
    ids=str,
)
def test_what_cannot_be_read_is_said_in_one_line(hs, L, says):
    with pytest.raises(FitError, match=says) as error:
        wald(hs, L)
    assert "\n" not in str(error.value)


def test_other_mistakes(hs):
    with pytest.raises(FitError, match="satterthwaite"):
        table(hs, "satterthwait")
    for ask in (table, conf_int_fixed, term_tests):
        with pytest.raises(FitError, match="REML"):
            ask(fitted("hs", "m5", "ML"), df="kenward-roger")
    for level in (0, 1, 95):
        with pytest.raises(FitError, match="level"):
            conf_int_fixed(hs, level)
    with pytest.raises(FitError, match="rhs must be"):
        wald(hs, "sector", rhs=[1, 2, 3])
    with pytest.raises(FitError, match="finite"):
        wald(hs, "sector", rhs=np.nan)
    repeated = [[0, 1, 0, 0], [0, 2, 0, 0]]
    with pytest.raises(FitError, match="cannot all hold"):
        wald(hs, repeated, rhs=[1, 3])
    assert wald(hs, repeated, rhs=[1, 2]).num_df == 1


def test_it_prints(hs):
    text = str(wald(hs, "sector", "kenward-roger"))
    assert text == repr(wald(hs, "sector", "kenward-roger"))
    assert text.startswith("Wald test (kenward-roger): F(2, 35.042) = 9.0626, p = 0.00067")
    assert "ses:sectorPublic" in text
    assert "Note: 'sector'" in text
    assert "χ²(2) = 18.975" in str(wald(hs, "sector", "normal"))


def test_too_few_clusters_for_kenward_and_roger_are_named():
    """Two random lines and q = 2: with J = 2 nothing is left, and at J = 4 den = 2."""
    sleep = rows("sleepstudy")
    for J, den, note in (
        (2, 0, "no denominator df"),
        (3, 1, None),
        (4, 2, "no scale"),
        (6, 4, None),
    ):
        some = sleep[sleep.Subject.isin(sleep.Subject.unique()[:J])]
        fit = fit_formula("Reaction ~ Days + (1 + Days | Subject)", some)
        test = wald(fit, np.eye(2), "kenward-roger")
        assert test.den_df == pytest.approx(den, abs=1e-6)
        assert np.isnan(test.p_value) == (J == 2)
        assert bool(test.notes) == (note is not None)
        assert note is None or note in test.notes[-1]


# ---------------------------------------------------------------- comparison of fits


def small_and_large():
    """Pairs of fits, small and large, by their name in the reference."""
    sleep, machines = rows("sleepstudy"), data("Machines")
    one, uncorrelated, both = (
        fit_formula(f"Reaction ~ Days + ({random} Subject)", sleep)
        for random in ("1 |", "1 + Days ||", "1 + Days |")
    )
    null, alternative = (
        fit_formula(f"score ~ {x} + (1 | Worker)", machines, "ML") for x in ("1", "Machine")
    )
    return {
        "lrt_reml": (one, both),
        "lrt_uncorrelated": (uncorrelated, both),
        "lrt_ml": (null, alternative),
    }


def test_likelihood_ratios_are_those_of_lme4():
    for key, (small, large) in small_and_large().items():
        ref, frame = R[key], anova(large, small).frame  # in any order
        assert frame.npar.is_monotonic_increasing
        np.testing.assert_allclose(frame.AIC, ref["AIC"], rtol=1e-9)
        np.testing.assert_allclose(frame.BIC, ref["BIC"], rtol=1e-9)
        last = frame.iloc[1]
        assert last.df == ref["df"]
        assert last.chisq == pytest.approx(ref["chisq"], abs=1e-6)
        assert last.p_value == pytest.approx(ref["p"], rel=1e-4)
        assert last.note == (BOUNDARY if key == "lrt_reml" else "")
        assert np.isnan(frame.chisq.iloc[0])


def test_every_stored_fit_has_lme4s_criteria():
    for name in ("hs", "sim5"):
        fits = {m: fitted(name, m, "ML") for m in stored("fits", f"{name}.json")}
        frame = anova(*fits.values()).frame
        by_formula = {fits[m].design.formula: record(name, m)["ML"] for m in fits}
        for formula, row in frame.iterrows():
            ref = by_formula[formula]
            ours, theirs = (row.logLik, row.AIC, row.BIC), (ref["logLik"], ref["AIC"], ref["BIC"])
            np.testing.assert_allclose(ours, theirs, rtol=1e-10)
        tested = frame.dropna(subset="p_value")
        steps = frame.deviance.shift() - frame.deviance
        np.testing.assert_allclose(tested.chisq, steps[tested.index].clip(lower=0), atol=1e-9)
        assert len(tested) >= 2


def hs_fit(model, method="ML"):
    return fitted("hs", model, method)


def test_models_that_are_not_nested_have_no_test():
    same = anova(hs_fit("m8"), hs_fit("m9")).frame
    assert same.note.iloc[1] == SAME_SIZE
    for small, large in (("m4", "m8"), ("m2", "m4")):  # a slope of dvar is not one of ses
        frame = anova(hs_fit(small), hs_fit(large)).frame
        assert np.isnan(frame.p_value.iloc[1])
        assert "not nested" in frame.note.iloc[1]
    assert anova(hs_fit("m4"), hs_fit("m7")).frame.p_value.iloc[1] < 0.05  # control


def test_blocks_of_random_effects_nest_where_their_covariances_do():
    df = unbalanced()
    two, correlated, three, wider = (
        fit_formula(f"y ~ {parts}", df, "ML")
        for parts in (
            "x + (1 + x || g)",
            "x + (1 + x | g)",
            "x + (1 + x || g) + (0 + w | g)",
            "x + w + (1 + x || g) + (0 + w | g)",
        )
    )
    assert anova(two, correlated).frame.note.iloc[1] == ""  # a covariance alone
    assert anova(two, three).frame.note.iloc[1] == BOUNDARY
    assert "not nested" in anova(correlated, wider).frame.note.iloc[1]  # which has no covariance
    assert anova(two, wider).frame.p_value.iloc[1] < 0.05  # control


def test_columns_in_another_coding_are_nested():
    """cvar + dvar and cvar + ses span the same columns."""
    df = data("hs")
    small = fit_formula("mathach ~ cvar + dvar + (1 | school)", df, "ML")
    large = fit_formula("mathach ~ cvar + ses + sector + (1 | school)", df, "ML")
    frame = anova(small, large).frame
    assert frame.df.iloc[1] == 1
    assert np.isfinite(frame.p_value.iloc[1])


def test_fits_that_cannot_be_compared_are_refused():
    df = data("hs")
    with pytest.raises(FitError, match="by ML and by REML"):
        anova(hs_fit("m4"), hs_fit("m4", "REML"))
    with pytest.raises(FitError, match='method="ML"'):
        anova(hs_fit("m4", "REML"), hs_fit("m5", "REML"))
    missing = df.assign(ses=df.ses.where(df.index > 3))
    fewer = fit_formula("mathach ~ ses + (1 | school)", missing, "ML")
    with pytest.raises(FitError, match=r"different rows, .*missing values in ses"):
        anova(hs_fit("m1"), fewer)
    other = fit_formula("I(mathach + 30) ~ 1 + (1 | school)", df, "ML")
    with pytest.raises(FitError, match="different responses"):
        anova(hs_fit("m1"), other)
    two_codings = (fit_formula(f"mathach ~ cvar + {x} + (1 | school)", df) for x in ("ses", "dvar"))
    with pytest.raises(FitError, match="REML"):
        anova(*two_codings)
    one, two = (
        fit_formula(f"mathach ~ {x} + (1 | school)", df) for x in ("ses + cvar", "cvar + ses")
    )
    assert anova(one, two).frame.note.iloc[1] == SAME_SIZE  # the same columns, in another order


def test_degrees_of_freedom_that_are_none_are_refused_by_every_question(hs):
    fit, smaller = hs, fitted("hs", "m4", "REML")
    for ask in (fit.table, fit.anova, lambda df: fit.anova(smaller, df=df), fit.summary):
        with pytest.raises(FitError, match="df is 'kr'; it must be one of 'satterthwaite', 'kenw"):
            ask(df="kr")
