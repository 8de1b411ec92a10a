"""Profile likelihood: against lme4, against its definition, and in what it promises.

Tolerances. lme4 interpolates each profile by splines; with the fine grids that
`reference/profile.json` was made with, all 68 ends agree with ours to 4.4e-7 of the width of their
interval: 2e-6. By definition the deviance at an end, minimised by another optimiser over another
parametrisation of the dense likelihood, is the minimum plus z²: 1e-6, of a deviance of 1e3 whose
rounding is 1e-10. Intervals of one model in two codings agree to the square root of the rounding
of a deviance, relative to the width: 1e-6.
"""

import numpy as np
import pandas as pd
import pytest
from dense_cases import dense_deviance
from fit_cases import data, fit_formula, fitted
from reference_cases import stored
from scipy.optimize import minimize
from scipy.stats import chi2, norm

from simlab.fitting.errors import FitError
from simlab.fitting.intervals import conf_int, profile, varcorr
from simlab.mixed.constrained import Component
from simlab.mixed.information import components, transformed
from simlab.mixed.optimum import at, is_singular, optimise
from simlab.mixed.profile import (
    NotAMinimumError,
    correlation,
    limit,
    residual,
    standard_deviation,
    without,
)
from simlab.mixed.rows import rotate_rows

Z = float(norm.isf(0.025))
LME4 = [(s, m) for s, models in stored("profile.json").items() if s != "source" for m in models]


@pytest.mark.parametrize(("name", "model"), LME4)
def test_profile_intervals_are_those_of_lme4(name, model):
    intervals = conf_int(fitted(name, model, "ML"), kind="profile")
    for parameter, ends in stored("profile.json")[name][model].items():
        ours = intervals.loc[parameter].to_numpy()
        assert abs(ours - ends).max() < 2e-6 * (ends[1] - ends[0]), parameter
    wald = conf_int(fitted(name, model, "ML"))  # control: the tolerance tells them apart
    width = intervals["upper"] - intervals["lower"]
    assert (abs(wald - intervals).max(axis=1) > 1e-4 * width).all()


class Moved:
    """A design with γ_k fixed: its column is taken off y."""

    def __init__(self, design, k, value):
        self.X = np.delete(design.X, k, axis=1)
        self.y = design.y - value * design.X[:, k]
        self.Z, self.cluster, self.clusters = design.Z, design.cluster, design.clusters


def least(fit, what, value):
    """Least dense deviance of y ~ x + (1 + x | g) with s1, s2, rho, sigma or γ_k fixed.

    By Nelder-Mead over those of (log s1, log s2, arctanh ρ, log σ) that are free.
    """
    names = ["s1", "s2", "rho", "sigma"]
    G, reml = fit.G_matrix, fit.method == "REML"
    s = np.sqrt(np.diag(G))
    start = np.array([*np.log(s), np.arctanh(G[0, 1] / s.prod()), np.log(fit.sigma2) / 2])
    design = fit.design if what in names else Moved(fit.design, what, value)
    free = [i for i, name in enumerate(names) if name != what]

    def deviance(x):
        full = start.copy()
        full[free] = x
        s1, s2, rho, sigma = np.exp(full[0]), np.exp(full[1]), np.tanh(full[2]), np.exp(full[3])
        if what in names:
            s1, s2, rho, sigma = (
                value if name == what else v
                for name, v in zip(names, (s1, s2, rho, sigma), strict=True)
            )
        G = np.array([[s1**2, rho * s1 * s2], [rho * s1 * s2, s2**2]])
        return dense_deviance(design, G, sigma**2, reml)

    return lowest(deviance, start[free])


def lowest(function, start):
    options = {"xatol": 1e-9, "fatol": 1e-9, "maxfev": 4000}
    return minimize(function, start, method="Nelder-Mead", options=options).fun


PARAMETERS = [
    ("sd((Intercept))", "s1"),
    ("sd(Days)", "s2"),
    ("cor((Intercept),Days)", "rho"),
    ("sigma", "sigma"),
]


@pytest.mark.parametrize(("parameter", "what"), PARAMETERS)
def test_at_an_end_of_REML_the_deviance_has_risen_by_z_squared(parameter, what):
    fit = fitted("sleepstudy", "m3", "REML")
    lower, upper = varcorr(fit, method="profile").table.loc[parameter, ["lower", "upper"]]
    for end in (lower, upper):
        assert least(fit, what, end) - fit.deviance == pytest.approx(Z**2, abs=1e-6)
    inward = upper - 1e-3 * (upper - lower)
    assert least(fit, what, inward) - fit.deviance < Z**2 - 1e-3  # control


@pytest.mark.parametrize("k", [0, 1])
def test_at_an_end_of_a_fixed_effect_the_ML_deviance_has_risen_by_z_squared(k):
    ml, reml = (fitted("sleepstudy", "m3", method) for method in ("ML", "REML"))
    intervals = conf_int(reml, kind="profile", which="fixed")
    for end in intervals.iloc[k]:
        assert least(ml, k, end) - ml.deviance == pytest.approx(Z**2, abs=1e-6)
    pd.testing.assert_frame_equal(intervals, conf_int(ml, kind="profile", which="fixed"), rtol=1e-9)
    assert "refitted by ML" in intervals.attrs["notes"][0]


def test_the_fits_own_likelihood_is_profiled():
    reml, ml = (varcorr(fitted("hs", "m7", m), method="profile").table for m in ("REML", "ML"))
    # REML's standard deviations of few clusters are larger, and so are their ends
    assert (reml.loc["sd((Intercept))"] > ml.loc["sd((Intercept))"] + 0.04).all()


def test_an_interval_of_a_standard_deviation_begins_at_0_when_the_effect_may_be_left_out():
    fit = fitted("hs", "m7", "REML")
    rise = without(fit.optimum, fit.clusters.units, 1)
    smaller = fit_formula("mathach ~ ses + sector + (1 | school)", data("hs"))
    assert rise == pytest.approx(smaller.deviance - fit.deviance, abs=1e-8)
    level = chi2.cdf(rise, 1)  # the level whose interval just begins at 0
    for a_little, begins in ((0.002, True), (-0.002, False)):
        lower = varcorr(fit, level + a_little, "profile").table.loc["sd(ses)", "lower"]
        assert (lower == 0) == begins


def test_a_correlation_is_free_when_one_of_its_effects_may_be_left_out():
    fit = fitted("hs", "m7", "REML")
    rise = without(fit.optimum, fit.clusters.units, 1)
    level = chi2.cdf(rise, 1)
    ends = [
        varcorr(fit, level + a_little, "profile").table.loc["cor((Intercept),ses)"]
        for a_little in (0.001, -0.001)
    ]
    assert tuple(ends[0][["lower", "upper"]]) == (-1, 1)
    assert ends[1]["lower"] > -0.99


def test_a_singular_fit_has_intervals():
    intervals = varcorr(fitted("sim5", "m3", "REML"), method="profile")
    table = intervals.table
    assert intervals.notes == ()
    assert table.notna().all(axis=None)
    assert (table["lower"] <= table["estimate"]).all()
    assert (table["estimate"] <= table["upper"]).all()
    assert table.loc["sd(x)", "lower"] == 0
    assert table.loc["sd(x)", "upper"] > 1.5 * table.loc["sd(x)", "estimate"]


def without_slopes(seed=5, J=15, n=6):
    """A sample in which the slopes vary less than chance would have it: sd(x) is 0."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(J), n)
    x = np.tile(np.linspace(-1, 1, n), J)
    e = rng.standard_normal(J * n)
    for j in range(J):  # residuals of each cluster without slope
        e[g == j] -= x[g == j] * (x[g == j] @ e[g == j]) / (x[g == j] @ x[g == j])
    return pd.DataFrame({"y": 1 + 0.5 * x + rng.standard_normal(J)[g] + e, "x": x, "g": g})


def test_an_effect_without_variance_has_an_upper_end_and_a_free_correlation():
    fit = fit_formula("y ~ x + (1 + x | g)", without_slopes())
    assert fit.singular
    table = varcorr(fit, method="profile").table
    assert table.loc["sd(x)", "estimate"] < 1e-6
    assert table.loc["sd(x)", "lower"] == 0
    assert np.isnan(table.loc["cor((Intercept),x)", "estimate"])
    assert tuple(table.loc["cor((Intercept),x)", ["lower", "upper"]]) == (-1, 1)
    upper = table.loc["sd(x)", "upper"]
    start = fit.G_matrix.copy()

    def value(free):
        s = np.exp(free[0])
        rho = np.tanh(free[1])
        G = np.array([[s**2, rho * s * upper], [rho * s * upper, upper**2]])
        return dense_deviance(fit.design, G, np.exp(2 * free[2]), True)

    first = [np.log(start[0, 0]) / 2, 0.0, np.log(fit.sigma2) / 2]
    assert lowest(value, first) - fit.deviance == pytest.approx(Z**2, abs=1e-6)


def test_a_shift_or_another_unit_of_the_covariate_leaves_what_does_not_depend_on_it():
    df = data("sleepstudy").assign(late=lambda d: 1e3 * (d.Days + 1e4))
    plain = conf_int(fitted("sleepstudy", "m3", "REML"), kind="profile")
    moved = conf_int(fit_formula("Reaction ~ late + (1 + late | Subject)", df), kind="profile")
    for before, after, unit in [("Days", "late", 1e3), ("sd(Days)", "sd(late)", 1e3)]:
        np.testing.assert_allclose(moved.loc[after] * unit, plain.loc[before], rtol=1e-6)
    np.testing.assert_allclose(moved.loc["sigma"], plain.loc["sigma"], rtol=1e-6)


def test_a_residual_that_is_almost_nothing_changes_nothing():
    # Λ is then 1e3 or 1e6, and its curvature 1e-6 or 1e-12 of that of log σ²
    rng = np.random.default_rng(0)
    g = np.repeat(np.arange(8), 5)
    x, e = rng.standard_normal((2, 40))
    u = rng.standard_normal((8, 2))[g]
    results = []
    for sigma in (1e-3, 1e-6):
        df = pd.DataFrame({"y": u[:, 0] + u[:, 1] * x + sigma * e, "x": x, "g": g})
        fit = fit_formula("y ~ x + (1 + x | g)", df)
        results.append(varcorr(fit, method="profile").table.to_numpy())
        results[-1][-1] /= sigma
    np.testing.assert_allclose(results[0], results[1], rtol=2e-3, atol=2e-3)


def test_effects_without_correlation():
    fit = fit_formula("Reaction ~ Days + (Days || Subject)", data("sleepstudy"))
    table = varcorr(fit, method="profile").table
    assert list(table.index) == ["sd((Intercept))", "sd(Days)", "sigma"]

    upper = table.loc["sd(Days)", "upper"]

    def value(free):
        G = np.diag([np.exp(2 * free[0]), upper**2])
        return dense_deviance(fit.design, G, np.exp(2 * free[1]), True)

    first = [np.log(table["estimate"].iloc[0]), np.log(fit.sigma2) / 2]
    assert lowest(value, first) - fit.deviance == pytest.approx(Z**2, abs=1e-6)


def test_three_effects_have_the_profile_of_any_order_of_them():
    # Λ is ordered and the profile is not: effects in another order have the same intervals
    df = data("Machines").assign(
        b=lambda d: (d.Machine == "B") * 1.0, c=lambda d: (d.Machine == "C") * 1.0
    )
    one = varcorr(fit_formula("score ~ b + c + (1 + b + c | Worker)", df), method="profile").table
    two = varcorr(fit_formula("score ~ b + c + (1 + c + b | Worker)", df), method="profile").table
    two = two.rename({"cor(c,b)": "cor(b,c)"}).loc[one.index]
    np.testing.assert_allclose(two.to_numpy(), one.to_numpy(), rtol=1e-6)
    assert (one["lower"] < one["estimate"]).all()


@pytest.mark.parametrize("kind", ["sd", "cor", "sigma"])
def test_derivatives_in_the_coordinates_of_each_parameter(kind):
    fit = fitted("Machines", "m3", "REML")
    curve = tracks(fit)[kind].curve
    rng = np.random.default_rng(4)
    x = curve.coordinates(1.1 * fit.optimum.Lambda, np.log(fit.optimum.sigma2) + 0.2)
    x = x + 0.05 * rng.standard_normal(len(x))
    here, h = curve.evaluate(x), 1e-5
    both = [(curve.evaluate(x + h * e), curve.evaluate(x - h * e)) for e in np.eye(len(x))]
    slopes = np.array([(up.value - down.value) / (2 * h) for up, down in both])
    bends = np.array([(up.gradient - down.gradient) / (2 * h) for up, down in both])
    assert abs(here.gradient - slopes).max() < 1e-7 * abs(slopes).max()
    assert abs(here.hessian - bends).max() < 1e-7 * abs(bends).max()
    Lambda, tau = curve.matrix(x)
    np.testing.assert_allclose(curve.coordinates(Lambda, tau), x, rtol=1e-12)


def tracks(fit):
    o, units = fit.optimum, fit.clusters.units
    return {
        "sd": standard_deviation(o, units, 0),
        "cor": correlation(o, units, 0, 1),
        "sigma": residual(o, units),
    }


def test_a_saddle_is_left():
    # Λ = 0 is stationary whatever the data say: only curvature leads away
    track = tracks(fitted("sleepstudy", "m3", "REML"))["sigma"]
    tau = track.best.psi
    saddle = track.best._replace(x=track.curve.coordinates(np.zeros((2, 2)), tau))
    there = track.curve.evaluate(saddle.x)
    assert (there.gradient[1:] == 0).all()
    assert there.value > track.curve.minimum + 10
    assert track.curve.at(tau, saddle).rise == pytest.approx(0.0, abs=1e-9)


def test_the_profile_of_a_correlation_is_flat_where_an_effect_is_better_left_out():
    fit = fitted("hs", "m7", "REML")
    zeta = profile(fit, "cor((Intercept),ses)", points=17)["zeta"].to_numpy()
    floor = -np.sqrt(without(fit.optimum, fit.clusters.units, 1))
    assert zeta.min() == pytest.approx(floor, abs=1e-12)
    assert (zeta[:5] == zeta[0]).all()
    assert (np.diff(zeta[8:]) > 0).all()


def test_a_level_nests_another():
    fit = fitted("hs", "m8", "REML")
    narrow, wide = (conf_int(fit, level, "profile") for level in (0.5, 0.9))
    assert (wide["lower"] <= narrow["lower"]).all()
    assert (wide["upper"] >= narrow["upper"]).all()
    assert (wide["upper"] > narrow["upper"]).sum() >= 6


def test_the_curve_passes_through_the_estimate_and_the_ends():
    fit = fitted("sleepstudy", "m3", "REML")
    curves = profile(fit, points=9, level=0.95)
    ends = conf_int(fit, kind="profile")
    assert list(curves.columns) == ["parameter", "value", "zeta"]
    assert list(curves["parameter"].unique()) == list(ends.index)
    for parameter, curve in curves.groupby("parameter"):
        assert (np.diff(curve["value"]) > 0).all()
        assert (np.diff(curve["zeta"]) > 0).all()
        assert (curve["zeta"] == 0).sum() == 1
        np.testing.assert_allclose(curve["zeta"].iloc[[0, -1]], [-Z, Z], rtol=1e-6)
        np.testing.assert_allclose(curve["value"].iloc[[0, -1]], ends.loc[parameter], rtol=1e-6)
    only = profile(fit, ["sigma", "Days"], points=9, level=0.95)
    pd.testing.assert_frame_equal(
        only[only["parameter"] == "Days"].reset_index(drop=True),
        curves[curves["parameter"] == "Days"].reset_index(drop=True),
    )


def test_the_curve_of_sigma_without_random_effects_in_doubt_is_known():
    # balanced one way, few rows: at a fixed σ the sd of the effects is free, so that the REML
    # deviance of σ is that of the mean square within, ν log σ² + SS/σ²
    fit = fitted("Dyestuff", "m1", "REML")
    nu, within = 24, fit.sigma2 * 24
    curve = profile(fit, "sigma", points=5, level=0.9)
    s2 = curve["value"] ** 2
    rise = nu * np.log(s2 / fit.sigma2) + within / s2 - within / fit.sigma2
    np.testing.assert_allclose(curve["zeta"] ** 2, rise, atol=1e-7)


def test_a_point_that_is_no_minimum_is_noticed():
    fit = fitted("sleepstudy", "m3", "REML")
    elsewhere = at(fit.optimum.rotated, 1.2 * fit.optimum.Lambda, True, evaluations=1)
    with pytest.raises(NotAMinimumError, match="lower by"):
        limit(residual(elsewhere, fit.clusters.units), 1, Z)
    lost = type(fit)(fit.design, fit.clusters, elsewhere, "REML", ())
    intervals = varcorr(lost, method="profile")
    assert intervals.table.loc["sigma", ["lower", "upper"]].isna().all()
    assert any("not the minimum" in note for note in intervals.notes)
    with pytest.raises(FitError, match="not the minimum"):
        profile(lost, "sigma")


def two_valleys():
    """Few rows and three effects: the profile of sd(x) has two branches (found by trying seeds)."""
    rng = np.random.default_rng(113)
    J = int(rng.integers(5, 14))
    g = np.repeat(np.arange(J), rng.integers(1, 8, J) + 1)
    x, v = rng.standard_normal((2, len(g)))
    x = x * rng.choice([0.1, 1, 10]) + rng.choice([0, 3])
    L = np.tril(rng.standard_normal((3, 3))) * rng.choice([0.1, 0.5, 1.5])
    u = (rng.standard_normal((J, 3)) @ L.T)[g]
    y = 1 + x + u[:, 0] + u[:, 1] * x + u[:, 2] * v + rng.standard_normal(len(g))
    return pd.DataFrame({"y": y, "x": x, "v": v, "g": g})


def test_a_second_branch_of_the_profile_is_followed(monkeypatch):
    fit = fit_formula("y ~ x + v + (1 + x + v | g)", two_valleys())
    track = standard_deviation(fit.optimum, fit.clusters.units, 1)
    end = limit(track, 1, Z)
    monkeypatch.setattr(Component, "search", lambda curve, point: point)
    too_early = limit(track, 1, Z)
    assert end.psi > too_early.psi + 1e-2
    monkeypatch.undo()
    # from any start the deviance at `end` is not below z², and at the other point it is
    rng = np.random.default_rng(2)
    for point, above in ((end, True), (too_early, False)):
        best = np.inf
        for _ in range(30):
            x = track.curve.coordinates(np.tril(rng.standard_normal((3, 3))), 0.0)
            best = min(best, track.curve.at(point.psi, point._replace(x=x)).rise)
        assert (best > Z**2 - 1e-6) == above


def test_coverage_where_wald_intervals_are_lacking():
    """10 clusters of 5, sd 0.4, σ 1: one sample in six has Ĝ = 0, and no Wald interval."""
    J, n, sd, samples = 10, 5, 0.4, 200
    rng = np.random.default_rng(1)
    g, ones, column = np.repeat(np.arange(J), n), np.ones((J * n, 1)), np.array([0])
    by_profile, by_wald = 0, 0
    for _ in range(samples):
        y = sd * rng.standard_normal(J)[g] + rng.standard_normal(J * n)
        rotated, _, _, units, *_ = rotate_rows(ones, y, g, column, column)
        optimum = optimise(rotated, reml=True)
        track = standard_deviation(optimum, units, 0)
        lower, upper = (track.user(limit(track, side, Z).psi) for side in (-1, 1))
        by_profile += lower <= sd <= upper
        if not is_singular(optimum):
            estimate, covariance = transformed(optimum, units)
            by_wald += abs(estimate[0] - np.log(sd)) < Z * np.sqrt(covariance[0, 0])
            assert lower <= components(optimum, units).sd[0] <= upper
    allowed = 3.5 * np.sqrt(0.95 * 0.05 / samples)  # Monte Carlo standard errors
    assert abs(by_profile / samples - 0.95) < allowed
    assert by_wald / samples < 0.95 - allowed  # control
