"""Every estimator against R on hs and three simulated sets, with sectors and without.

Tolerances. Closed forms: 1e-8 relative; the files hold 15 digits, and lm's QR on uncentred columns
costs R a few more. CR2's degrees of freedom: 1e-7, fourth powers of clubSandwich's square roots.
Mixed models: 1e-6, and 1e-4 for degrees of freedom, as in test_mixed_reference. lmerTest's
degrees of freedom of Mundlak's model come from numerical derivatives: 1e-3. sim3's Mundlak fit is
singular; lmerTest then differentiates across the boundary, so its degrees of freedom are not
compared there, but those of the analytic information are, through the model m4.
"""

import numpy as np
import pytest
from reference_cases import META, moments, stored

from simlab.estimators import REGISTRY, Known, Sample
from simlab.inference import infer
from simlab.words import FITTED, Status, term_names

SETS = ("hs", "sim1", "sim2", "sim3")
each_set = pytest.mark.parametrize("name", SETS)
both = pytest.mark.parametrize("sectors", [False, True], ids=["one", "sectors"])


def table(method, name, sectors):
    """Our estimates of a set: term → (estimate, standard error, df)."""
    estimator = REGISTRY[method]
    fitted = estimator.fit(Sample(moments(name, sectors)))
    assert fitted.status[0] in FITTED
    assert fitted.dropped[0] == 0
    labels = tuple(META[name]["factors"]["sector"]) if sectors else ("all",)
    columns = zip(fitted.estimate[0], fitted.std_error[0], fitted.df[0], strict=True)
    return dict(zip(term_names(estimator.kinds, labels), columns, strict=True))


def linear_terms(name, record, kinds=("intercept", "slope")):
    """R's treatment-coded coefficients, two per sector, as our terms: term → (estimate, se)."""
    coef, vcov = np.array(record["coef"]), np.array(record["vcov"])
    p = len(kinds)
    if len(coef) == p:
        return {k: (coef[i], vcov[i, i] ** 0.5) for i, k in enumerate(kinds)}
    first, later = META[name]["factors"]["sector"]
    out = {}
    for i, kind in enumerate(kinds):
        for place, c in ((first, (1, 0)), (later, (1, 1)), (f"{later} - {first}", (0, 1))):
            weights = np.zeros(2 * p)
            weights[[i, p + i]] = c
            out[f"{kind}[{place}]"] = (weights @ coef, (weights @ vcov @ weights) ** 0.5)
    return out


def assert_same(ours, theirs, df=None, rtol=1e-8):
    assert set(ours) == set(theirs)
    for term, (estimate, std_error) in theirs.items():
        np.testing.assert_allclose(ours[term][:2], (estimate, std_error), rtol=rtol, err_msg=term)
        if df is not None:
            assert ours[term][2] == df


def test_sectors_are_in_the_order_of_the_reference():
    for name in SETS:
        assert (
            stored("classical", f"{name}.json")["sector_levels"] == META[name]["factors"]["sector"]
        )


@each_set
@both
def test_pooled(name, sectors):
    record = stored("classical", f"{name}.json")["pooled y~x" + "*sector" * sectors]
    assert_same(table("pooled", name, sectors), linear_terms(name, record), record["df"])


@each_set
@both
def test_pooled_robust(name, sectors):
    record = stored("classical", f"{name}.json")["pooled_CR2 y~x" + "*sector" * sectors]
    ours = table("pooled_robust", name, sectors)
    assert_same(ours, linear_terms(name, record))
    if not sectors:
        df = dict(zip(("intercept", "slope"), record["df_satt"], strict=True))
    else:
        first, later = META[name]["factors"]["sector"]
        terms = [f"{k}[{p}]" for p in (first, f"{later} - {first}") for k in ("intercept", "slope")]
        df = dict(zip(terms, record["df_satt"], strict=True))
    for term, value in df.items():
        np.testing.assert_allclose(ours[term][2], value, rtol=1e-7, err_msg=term)


@each_set
@both
def test_fixed_effects_separate(name, sectors):
    stored_set = stored("classical", f"{name}.json")
    ours = table("fixed_effects_separate", name, sectors)
    first, later = META[name]["factors"]["sector"]
    parts = {"": "overall"}
    if sectors:
        parts = {f"[{first}]": "sector1", f"[{later}]": "sector2"}
        parts[f"[{later} - {first}]"] = "difference_2_minus_1"
    theirs = {
        kind + place: (record["est"][i], record["se"][i])
        for place, part in parts.items()
        for record in [stored_set[f"fe_A {part}"]]
        for i, kind in enumerate(("intercept", "slope"))
    }
    assert_same(ours, theirs, stored_set["fe_A overall"]["df"])


@each_set
@both
def test_fixed_effects_common(name, sectors):
    record = stored("classical", f"{name}.json")["fe_B" if sectors else "fe_common"]
    ours = table("fixed_effects_common", name, sectors)
    assert_same(ours, linear_terms(name, record, ("slope",)), record["df"])


@each_set
@both
def test_two_stage(name, sectors):
    stored_set = stored("classical", f"{name}.json")
    ours, theirs = table("two_stage", name, sectors), {}
    for kind in ("intercept", "slope"):
        record = stored_set[f"two_stage {kind}_{'on_sector' if sectors else 'mean'}"]
        theirs |= linear_terms(name, record, (kind,))
    assert_same(ours, theirs, record["df"])


@each_set
@both
def test_ecological(name, sectors):
    record = stored("classical", f"{name}.json")["ecological ybar~xbar" + "*sector" * sectors]
    assert_same(table("ecological", name, sectors), linear_terms(name, record), record["df"])


HLM = [("hs", "m5"), *((name, model) for name in SETS[1:] for model in ("m3", "m6"))]


@pytest.mark.parametrize(("name", "model"), HLM)
def test_hlm(name, model):
    sectors = model != "m3"
    ref = stored("fits", f"{name}.json")[model]["REML"]
    ours = table("hlm", name, sectors)
    assert_same(ours, linear_terms(name, {"coef": ref["beta"], "vcov": ref["vcov"]}), rtol=1e-6)
    terms = ["intercept", "slope"]
    if sectors:
        first, later = META[name]["factors"]["sector"]
        terms = [f"{k}[{p}]" for p in (first, f"{later} - {first}") for k in terms]
    for term, df in zip(terms, ref["df"], strict=True):
        np.testing.assert_allclose(ours[term][2], df, rtol=1e-4, err_msg=term)


@each_set
def test_hlm_contextual(name):
    record = stored("classical", f"{name}.json")["mundlak lmer_random_slope"]
    assert record["names"] == ["(Intercept)", "x", "xbar"]
    fitted = REGISTRY["hlm_contextual"].fit(Sample(moments(name, False)))
    assert (fitted.status[0] == Status.SINGULAR) == record["singular"]
    ours = table("hlm_contextual", name, False)
    terms = ("intercept", "slope", "contextual")
    for i, term in enumerate(terms):
        expected = (record["coef"][i], record["se"][i])
        np.testing.assert_allclose(ours[term][:2], expected, rtol=1e-6, err_msg=term)
        if not record["singular"]:
            np.testing.assert_allclose(ours[term][2], record["df_satt"][i], rtol=1e-3)
    assert ours["between"][0] == pytest.approx(ours["slope"][0] + ours["contextual"][0], rel=1e-12)


@pytest.mark.parametrize("name", ["sim1", "sim2", "sim3"])
def test_hlm_contextual_against_the_analytic_information(name):
    """m4 has the same fixed effects and random part: its between term needs the covariance."""
    ref = stored("fits", f"{name}.json")["m4"]["REML"]
    ours = table("hlm_contextual", name, False)
    for i, term in enumerate(("intercept", "slope", "contextual")):
        expected = (ref["beta"][i], ref["vcov"][i][i] ** 0.5)
        np.testing.assert_allclose(ours[term][:2], expected, rtol=1e-6)
        np.testing.assert_allclose(ours[term][2], ref["df"][i], rtol=1e-4)
    V = np.array(ref["vcov"])
    between = V[1, 1] + 2 * V[1, 2] + V[2, 2]
    np.testing.assert_allclose(ours["between"][1], between**0.5, rtol=1e-6)


@pytest.mark.parametrize("name", ["sim1", "sim2", "sim3"])
def test_gls_oracle_told_the_estimates_is_the_fitted_model(name):
    m = moments(name, False)
    fitted = REGISTRY["hlm_contextual"].fit(Sample(m))
    known = Known(fitted.G[0], float(fitted.sigma2[0]))
    oracle = REGISTRY["gls_oracle"].fit(Sample(m, known))
    np.testing.assert_allclose(oracle.estimate, fitted.estimate, rtol=1e-6)
    np.testing.assert_allclose(oracle.std_error, fitted.std_error, rtol=1e-6)
    assert np.isinf(oracle.df).all()


def test_the_estimators_differ_from_each_other():
    """Control: the tolerances tell the methods apart, so none can pass for another."""
    slopes = {}
    for method in REGISTRY:
        if not REGISTRY[method].oracle:
            slopes[method] = table(method, "hs", True)["slope[Public - Catholic]"][:2]
    same = {
        frozenset((a, b))
        for a in slopes
        for b in slopes
        if a != b and np.allclose(slopes[a], slopes[b], rtol=1e-3)
    }
    assert same == set()


def test_the_course_to_the_digits_it_prints():
    slide = stored("slide_values.json")
    pooled, common = table("pooled", "hs", True), table("fixed_effects_common", "hs", True)
    lines, two = table("fixed_effects_separate", "hs", True), table("two_stage", "hs", True)
    ecological = table("ecological", "hs", False)
    difference = "Public - Catholic"
    names = {
        "pooled coef (Intercept)": pooled["intercept[Catholic]"][0],
        "pooled se (Intercept)": pooled["intercept[Catholic]"][1],
        "pooled coef x": pooled["slope[Catholic]"][0],
        "pooled se x": pooled["slope[Catholic]"][1],
        "pooled coef sectorPublic": pooled[f"intercept[{difference}]"][0],
        "pooled se sectorPublic": pooled[f"intercept[{difference}]"][1],
        "pooled coef x:sectorPublic": pooled[f"slope[{difference}]"][0],
        "pooled se x:sectorPublic": pooled[f"slope[{difference}]"][1],
        "pooled df": pooled["slope[Catholic]"][2],
        "FE-A dInt": lines[f"intercept[{difference}]"][0],
        "FE-A dInt se": lines[f"intercept[{difference}]"][1],
        "FE-A dInt t": statistic(lines[f"intercept[{difference}]"]),
        "FE-A dSlope": lines[f"slope[{difference}]"][0],
        "FE-A dSlope se": lines[f"slope[{difference}]"][1],
        "FE-A dSlope t": statistic(lines[f"slope[{difference}]"]),
        "FE-A dSlope p": p_value(lines[f"slope[{difference}]"]),
        "FE-A df": lines[f"slope[{difference}]"][2],
        "FE-B ses:Sector": common[f"slope[{difference}]"][0],
        "FE-B se": common[f"slope[{difference}]"][1],
        "FE-B t": statistic(common[f"slope[{difference}]"]),
        "FE-B p": p_value(common[f"slope[{difference}]"]),
        "FE-B df": common[f"slope[{difference}]"][2],
        "two-stage slope Catholic": two["slope[Catholic]"][0],
        "two-stage slope Catholic se": two["slope[Catholic]"][1],
        "two-stage slope diff": two[f"slope[{difference}]"][0],
        "two-stage slope diff se": two[f"slope[{difference}]"][1],
        "two-stage t": statistic(two[f"slope[{difference}]"]),
        "two-stage p": p_value(two[f"slope[{difference}]"]),
        "ecological int": ecological["intercept"][0],
        "ecological int se": ecological["intercept"][1],
        "ecological slope": ecological["slope"][0],
        "ecological slope se": ecological["slope"][1],
    }
    for name, value in names.items():
        assert f"{value:.{len(slide[name].partition('.')[2])}f}" == slide[name], name


def statistic(term):
    return term[0] / term[1]


def p_value(term):
    return float(infer(*(np.array([v]) for v in term)).p_value[0])
