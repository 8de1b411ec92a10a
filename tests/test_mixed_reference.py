"""Every stored model of lme4, by REML and ML, through `rotate`, `minimise` and `variances`.

Tolerances. The stored optima are polished to the rounding of their second implementation. logLik:
1e-7 absolute, what the collection promises of itself. β and its covariance: 1e-6 relative;
`minimise` stops within 1e-9 standard errors, so that 1e-6 leaves room only for the 15 digits of
the file and for data whose covariance is poorly conditioned. G: 1e-5 of its largest entry, since
it is known √-fold less well than the deviance; in singular fits, where the optimum lies on a
boundary that R approaches from inside, 1e-4. Degrees of freedom: 1e-4, derivatives of derivatives.
"""

import numpy as np
import pytest
from mixed_cases import rotate
from reference_cases import META, design, moments, stored

from simlab.mixed.lines import fit_lines
from simlab.mixed.many import minimise
from simlab.mixed.newton import SEARCH
from simlab.mixed.satterthwaite import variances
from simlab.mixed.starts import ONCE
from simlab.mixed.work import allocate_work

CASES = [
    (name, model, method)
    for name in META
    for model in stored("fits", f"{name}.json")
    for method in ("REML", "ML")
]


def fitted(name, record, method):
    X, Z, y, cluster = design(name, record["coef_names"], record["ranef_names"])
    rotated = rotate(X, Z, y, cluster)
    w, r, p = allocate_work(rotated), Z.shape[1], X.shape[1]
    G, estimate, variance, df = np.zeros((r, r)), *np.zeros((3, p))
    evaluations = minimise(rotated, method == "REML", w, G, SEARCH, ONCE)
    nu = float(len(y) - (p if method == "REML" else 0))
    variances(np.eye(p)[:, None, :].copy(), w, nu, estimate, variance, df)
    return evaluations, -w.value[0] / 2, w, G, estimate, variance, df


@pytest.mark.parametrize(("name", "model", "method"), CASES)
def test_a_model_agrees_with_lme4(name, model, method):
    record = stored("fits", f"{name}.json")[model]
    ref = record[method]
    evaluations, loglik, w, G, estimate, variance, df = fitted(name, record, method)
    assert 0 < evaluations <= 20
    np.testing.assert_allclose(loglik, ref["logLik"], rtol=0, atol=1e-7)
    np.testing.assert_allclose(w.gamma[0], ref["beta"], rtol=1e-6)
    np.testing.assert_array_equal(estimate, w.gamma[0])
    vcov = np.array(ref["vcov"])
    np.testing.assert_allclose(w.sigma2[0] * w.phi[0], vcov, rtol=0, atol=1e-6 * np.abs(vcov).max())
    np.testing.assert_allclose(variance, np.diag(vcov), rtol=1e-6)
    np.testing.assert_allclose(w.sigma2[0], ref["sigma2"], rtol=1e-6)
    tolerance = 1e-4 if ref["singular"] else 1e-5
    np.testing.assert_allclose(G, ref["G"], rtol=0, atol=tolerance * np.abs(ref["G"]).max())
    np.testing.assert_allclose(df, ref["df"], rtol=1e-4)


def test_the_cases_are_what_they_should_be():
    singular = {
        case[:2] for case in CASES if stored("fits", f"{case[0]}.json")[case[1]]["REML"]["singular"]
    }
    assert len(CASES) > 100
    assert {("sim5", "m3"), ("sim5", "m4"), ("sim5", "m6"), ("sim3", "m4")} <= singular
    assert {len(stored("fits", f"{n}.json")[m]["ranef_names"]) for n, m, _ in CASES} >= {1, 2, 3}


LINES = [  # set, model with one line, with the cluster mean, with a line in each sector
    ("hs", "m3", "m4", "m5"),
    ("sim1", "m3", "m4", "m6"),
    ("sim2", "m3", "m4", "m6"),
    ("sim3", "m3", "m4", "m6"),
    ("sim5", "m3", "m4", "m6"),
]


def line_cases():
    """(set, model, S, k) of those models of LINES that have their very formula."""
    for name, *models in LINES:
        x = META[name]["centred_covariate"]
        for model, (S, fixed) in zip(
            models,
            ((1, [x]), (1, [x, "cvar"]), (2, [x, None, None])),
            strict=True,
        ):
            record = stored("fits", f"{name}.json").get(model)
            names = record["coef_names"]
            same = (
                names[1] == x and len(names) == 1 + len(fixed) and record["ranef_names"][1:] == [x]
            )
            if same and (S == 2 or names[1:] == fixed):
                yield name, model, S, 3 if "cvar" in names else 2


@pytest.mark.parametrize(("name", "model", "S", "k"), list(line_cases()))
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_fit_lines_agrees_with_lme4(name, model, S, k, method):
    ref = stored("fits", f"{name}.json")[model][method]
    p = len(ref["beta"])
    if S == 1:
        contrasts = np.eye(k)[:, None, :]
    else:  # treatment coding: intercept, slope, then second sector minus first
        contrasts = np.zeros((4, 2, 2))
        contrasts[[0, 1], 0, [0, 1]] = contrasts[[2, 3], 1, [0, 1]] = 1
        contrasts[[2, 3], 0, [0, 1]] = -1
    fits = fit_lines(moments(name, S == 2), contrasts, method == "REML")
    assert fits.evaluations[0] > 0
    assert fits.singular[0] == ref["singular"]
    assert fits.estimate.shape == (1, p)
    np.testing.assert_allclose(fits.estimate[0], ref["beta"], rtol=1e-6)
    np.testing.assert_allclose(fits.variance[0], np.diag(ref["vcov"]), rtol=1e-6)
    np.testing.assert_allclose(fits.sigma2[0], ref["sigma2"], rtol=1e-6)
    tolerance = 1e-4 if ref["singular"] else 1e-5
    np.testing.assert_allclose(fits.G[0], ref["G"], rtol=0, atol=tolerance * np.abs(ref["G"]).max())
    np.testing.assert_allclose(fits.df[0], ref["df"], rtol=1e-4)


def test_some_lines_are_singular_and_some_are_not():
    flags = [stored("fits", f"{n}.json")[m]["REML"]["singular"] for n, m, _, _ in line_cases()]
    assert len(flags) >= 12
    assert 0 < sum(flags) < len(flags)


def test_a_wrong_model_does_not_agree():
    """Control: the tolerances tell REML from ML."""
    record = stored("fits", "hs.json")["m5"]
    _, loglik, w, *_, variance, df = fitted("hs", record, "REML")
    other = record["ML"]
    assert abs(loglik - other["logLik"]) > 1e-2
    assert abs(w.gamma[0] / other["beta"] - 1).max() > 1e-5
    assert abs(variance / np.diag(other["vcov"]) - 1).min() > 1e-3
    assert abs(df / other["df"] - 1).min() > 1e-3


def test_the_one_way_model_of_the_course_to_the_digits_it_prints():
    slide = stored("slide_values.json")
    record = stored("fits", "hs.json")["m1"]
    _, loglik, w, G, estimate, variance, _ = fitted("hs", record, "REML")
    ours = {
        "RE logLik": loglik,
        "RE AIC": 2 * 3 - 2 * loglik,
        "RE sd school": np.sqrt(G[0, 0]),
        "RE sigma": np.sqrt(w.sigma2[0]),
        "RE int": estimate[0],
        "RE int se": np.sqrt(variance[0]),
    }
    for name, value in ours.items():
        digits = len(slide[name].partition(".")[2])
        assert f"{value:.{digits}f}" == slide[name], name
    assert set(ours) == {name for name in slide if name.startswith("RE ")}
