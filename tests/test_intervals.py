"""Wald intervals of variance components: against R, finite differences and a dense likelihood.

Tolerances. R's values (analytic information at polished optima, 15 digits) agree with ours to
6.3e-9 relative in all 111 fits; 1e-7 allows for another optimum within the rounding of a deviance.
Central differences with steps of 1e-5 agree to 2e-9 of the largest entry (truncation 1e-10, and the
rounding of a deviance over the step); 1e-7. Second differences of the dense likelihood, of fourth
order over steps of 3e-3 standard errors, agree to 8e-8 standard errors; 1e-6.
"""

import numpy as np
import pandas as pd
import pytest
from dense_cases import dense_deviance
from fit_cases import data, fit_formula, fitted, models
from reference_cases import stored

from simlab.fitting.errors import FitError
from simlab.fitting.intervals import conf_int, profile, varcorr
from simlab.mixed.information import (
    covariance,
    covariance_G,
    free_entries,
    transformed,
    unprofiled,
)
from simlab.mixed.optimum import at
from simlab.mixed.work import allocate_work


def reference(name, model, method):
    return stored("fits", f"{name}.json")[model][method]["wald_intervals_exact"]


@pytest.mark.parametrize(("name", "model", "method"), models())
def test_wald_intervals_are_those_of_R(name, model, method):
    fit, ref = fitted(name, model, method), reference(name, model, method)
    intervals = varcorr(fit)
    if fit.singular:
        assert ref is None
        return
    assert list(intervals.table.index) == ref["names"]
    for column, key in [
        ("estimate", "est"), ("lower", "lower"), ("upper", "upper"), ("std_error", "se_transformed")
    ]:  # fmt: skip
        np.testing.assert_allclose(intervals.table[column], ref[key], rtol=1e-7, err_msg=column)
    assert intervals.notes == ()


def test_the_other_likelihood_has_other_intervals():
    # control: the tolerance tells REML from ML
    ml = varcorr(fitted("hs", "m7", "ML")).table
    ref = reference("hs", "m7", "REML")
    assert abs(ml["upper"].iloc[0] / ref["upper"][0] - 1) > 1e-3


CASES = [
    ("hs", "m7", "ML"),
    ("Machines", "m3", "REML"),
    ("sleepstudy", "Reaction ~ Days + (Days || Subject)", "REML"),
    ("Dyestuff", "m1", "ML"),
]


def case(name, model, method):
    return fit_formula(model, data(name), method) if "~" in model else fitted(name, model, method)


@pytest.mark.parametrize("which", CASES)
def test_derivatives_of_the_unprofiled_deviance_away_from_the_optimum(which):
    o = case(*which).optimum
    free, w = free_entries(o.rotated), allocate_work(o.rotated)
    assert list(free) == o.free
    rng = np.random.default_rng(3)
    x = np.array([*(o.Lambda[a, b] for a, b in free), np.log(o.sigma2) + 0.3])
    x[:-1] += 0.1 * rng.standard_normal(len(free))

    def evaluate(x):
        Lambda = np.zeros_like(o.Lambda)
        Lambda[tuple(np.array(free).T)] = x[:-1]
        return unprofiled(Lambda, x[-1], o.rotated, o.reml, w)

    def value(x):
        """D from `at` alone: d − ν(1 + log 2πσ̂²) + ν(log 2π + τ) + νσ̂²e^−τ."""
        Lambda = np.zeros_like(o.Lambda)
        Lambda[tuple(np.array(free).T)] = x[:-1]
        there = at(o.rotated, Lambda, o.reml)
        profiled_out = o.nu * (1 + np.log(2 * np.pi * there.sigma2))
        kept = o.nu * (np.log(2 * np.pi) + x[-1] + there.sigma2 * np.exp(-x[-1]))
        return there.deviance - profiled_out + kept

    def scaled_error(result, numeric):
        return abs(result - numeric).max() / abs(numeric).max()

    here, h, units = evaluate(x), 1e-5, np.eye(len(x))
    assert here.value == pytest.approx(value(x), rel=1e-13)
    slopes = np.array([(value(x + h * e) - value(x - h * e)) / (2 * h) for e in units])
    bends = [(evaluate(x + h * e).gradient - evaluate(x - h * e).gradient) / (2 * h) for e in units]
    assert scaled_error(here.gradient, slopes) < 1e-7
    assert scaled_error(here.hessian, np.array(bends)) < 1e-7
    # control: with the cross term of the other sign, or without the bend of a_i, it fails
    wrong = here.hessian.copy()
    wrong[-1, :-1] *= -1
    assert scaled_error(wrong, np.array(bends)) > 1e-4


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_covariance_of_G_is_the_inverse_information_of_the_dense_likelihood(method):
    fit = fitted("sleepstudy", "m3", method)
    result = covariance_G(fit.optimum, fit.clusters.units)
    G = fit.G_matrix
    x = np.array([G[0, 0], G[1, 0], G[1, 1], fit.sigma2])
    h = 3e-3 * np.sqrt(np.diag(result))

    def value(v):
        return dense_deviance(fit.design, np.array([v[[0, 1]], v[[1, 2]]]), v[3], method == "REML")

    assert value(x) == pytest.approx(fit.deviance, rel=1e-12)
    steps, weights = np.array([-2, -1, 1, 2]), np.array([1, -8, 8, -1]) / 12
    H = np.zeros((4, 4))
    for i in range(4):
        for k in range(4):
            for s, u in zip(steps, weights, strict=True):
                for t, v in zip(steps, weights, strict=True):
                    shift = np.zeros(4)
                    shift[i] += s * h[i]
                    shift[k] += t * h[k]
                    H[i, k] += u * v * value(x + shift) / (h[i] * h[k])
    sd = np.sqrt(np.diag(result))
    assert (abs(result - 2 * np.linalg.inv(H)) / np.outer(sd, sd)).max() < 1e-6
    assert (abs(result - np.linalg.inv(H)) / np.outer(sd, sd)).max() > 0.1  # control


def test_covariance_of_the_balanced_one_way_model_is_known():
    # two independent mean squares of χ²: Var(log σ̂²) = 2/(J(n − 1)) by ML and REML
    fit = fitted("Dyestuff", "m1", "REML")
    within = 30 - 6
    assert covariance(fit.optimum)[-1, -1] == pytest.approx(1 / (2 * within), rel=1e-9)
    result = covariance_G(fit.optimum, fit.clusters.units)
    of_clusters, of_rows = 5 * fit.G_matrix[0, 0] + fit.sigma2, fit.sigma2
    assert result[0, 0] == pytest.approx(
        (2 * of_clusters**2 / 5 + 2 * of_rows**2 / within) / 25, rel=1e-9
    )
    assert result[0, 1] == pytest.approx(-2 * of_rows**2 / within / 5, rel=1e-9)


def test_a_shift_of_the_covariate_leaves_what_does_not_depend_on_it():
    df = data("sleepstudy").assign(late=lambda d: d.Days + 1e6)
    plain = varcorr(fitted("sleepstudy", "m3", "REML")).table
    moved = varcorr(fit_formula("Reaction ~ late + (1 + late | Subject)", df)).table
    for before, after in [("sd(Days)", "sd(late)"), ("sigma", "sigma")]:
        np.testing.assert_allclose(
            moved.loc[after, "estimate":"upper"].to_numpy(float),
            plain.loc[before, "estimate":"upper"].to_numpy(float),
            rtol=1e-6,
        )
    assert moved.loc["sd((Intercept))", "estimate"] > 1e5  # it does depend on it


def test_effects_without_correlation_have_none():
    fit = fit_formula("Reaction ~ Days + (Days || Subject)", data("sleepstudy"))
    assert list(varcorr(fit).table.index) == ["sd((Intercept))", "sd(Days)", "sigma"]
    result = covariance_G(fit.optimum, fit.clusters.units)
    assert (result[1] == 0).all()
    assert (result[:, 1] == 0).all()


def test_a_singular_fit_has_estimates_and_a_reason():
    intervals = varcorr(fitted("sim5", "m3", "REML"))
    assert intervals.table[["lower", "upper", "std_error"]].isna().all(axis=None)
    assert intervals.table["estimate"].notna().all()
    assert len(intervals.notes) == 1
    assert "singular" in intervals.notes[0]
    assert "profile" in intervals.notes[0]
    assert intervals.notes[0] in " ".join(str(intervals).split())


def test_a_fit_that_did_not_converge_has_a_reason():
    fit = fitted("hs", "m7", "REML")
    lost = type(fit)(fit.design, fit.clusters, fit.optimum._replace(evaluations=-100), "REML", ())
    intervals = varcorr(lost)
    assert intervals.table["lower"].isna().all()
    assert "did not converge" in intervals.notes[0]
    with pytest.raises(FitError, match="did not converge"):
        varcorr(lost, method="profile")


def test_it_reads_well():
    text = str(varcorr(fitted("hs", "m7", "REML"), level=0.9)).splitlines()
    assert text[0] == "Variance components, 90% Wald intervals, REML"
    assert text[1].split() == ["estimate", "lower", "upper"]
    assert set(text[2]) == {"─"}
    assert text[3].split() == ["sd((Intercept))", "2.001", "1.5387", "2.6021"]
    assert len(text) == 7


def test_the_level_is_the_normal_quantile_on_the_transformed_scale():
    fit = fitted("hs", "m7", "REML")
    t = transformed(fit.optimum, fit.clusters.units)
    narrow, wide = (varcorr(fit, level).table for level in (0.5, 0.99))
    se = np.sqrt(np.diag(t.covariance))
    assert np.log(wide["upper"].iloc[0]) - t.estimate[0] == pytest.approx(2.5758293035489 * se[0])
    logit = 2 * np.arctanh(narrow["lower"].iloc[2])
    assert t.estimate[2] - logit == pytest.approx(0.67448975019608 * se[2])


def test_conf_int_has_both_parts():
    fit = fitted("hs", "m7", "REML")
    every, fixed, random = (conf_int(fit, which=w) for w in ("all", "fixed", "random"))
    assert list(every.columns) == ["lower", "upper"]
    assert list(every.index) == [*fit.design.fixed_names, *varcorr(fit).table.index]
    pd.testing.assert_frame_equal(every.iloc[:3], fixed)
    pd.testing.assert_frame_equal(every.iloc[3:], random)
    ref = stored("fits", "hs.json")["m7"]["REML"]
    half = (fixed["upper"] - fixed["lower"]) / 2
    np.testing.assert_allclose(fixed.mean(axis=1), ref["beta"], rtol=1e-7)
    assert (half > 1.959964 * np.sqrt(np.diag(ref["vcov"]))).all()  # t is wider than z
    normal = conf_int(fit, df="normal", which="fixed")
    np.testing.assert_allclose(
        (normal["upper"] - normal["lower"]) / 2,
        1.959963984540054 * np.sqrt(np.diag(ref["vcov"])),
        rtol=1e-7,
    )


def test_conf_int_passes_on_why_there_are_no_intervals():
    intervals = conf_int(fitted("sim5", "m3", "REML"))
    assert "singular" in intervals.attrs["notes"][0]
    assert intervals.notna().all(axis=1).sum() == 2  # the fixed effects


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda fit: varcorr(fit, level=95), "level is 95; it must be between 0 and 1"),
        (lambda fit: varcorr(fit, level=True), "level is True"),
        (lambda fit: varcorr(fit, level="0.9"), "level is '0.9'"),
        (lambda fit: varcorr(fit, level=np.nan), "level is nan"),
        (lambda fit: varcorr(fit, method="boot"), "method is 'boot'.*'wald', 'profile'"),
        (lambda fit: conf_int(fit, kind="exact"), "kind is 'exact'"),
        (lambda fit: conf_int(fit, which="ses"), "which is 'ses'.*'all', 'fixed', 'random'"),
        (lambda fit: profile(fit, "sd(x)"), r"no parameter 'sd\(x\)'; there are .*'sd\(ses\)'"),
        (lambda fit: profile(fit, points=1), "points is 1"),
        (lambda fit: profile(fit, []), "which is empty"),
    ],
)
def test_bad_requests_are_said_in_one_line(call, words):
    with pytest.raises(FitError, match=words) as caught:
        call(fitted("hs", "m7", "REML"))
    assert "\n" not in str(caught.value)
