"""No maximum is missed: models inside one another, equivalent models, and R's values.

The invariants of `nested_cases` need no reference. Controls show that they can fail: one search
from the moment estimate, which is what there was before, misses the maxima that they are about.
"""

import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from fit_cases import fit_formula
from nested_cases import Outcome, check_nested, check_same, loglik, sample, worse
from reference_cases import rows, stored

import simlab
from simlab.data import DataError
from simlab.mixed.many import minimise
from simlab.mixed.newton import SEARCH
from simlab.mixed.optimum import optimise
from simlab.mixed.starts import FROM_TRIAL
from simlab.mixed.work import allocate_work
from simlab.words import Status

CASES = stored("cases", "r_values.json")


def far(J=40, n=8, origin=100.0, seed=1, slope=1.0):
    """Lines that differ in their slopes about the middle of the data, x far from 0."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(J), n)
    x = origin + 2 * rng.standard_normal(J * n)
    u0, u1 = rng.standard_normal(J), slope * rng.standard_normal(J)
    y = 1 + u0[g] + (0.5 + u1[g]) * (x - origin) + rng.standard_normal(J * n)
    return pd.DataFrame({"y": y, "x": x, "g": g})


def test_no_model_is_below_one_inside_it():
    outcome = Outcome()
    for seed in range(120):
        check_nested(seed, 2, outcome)
    assert not outcome.failures, "\n".join(outcome.failures)
    assert not outcome.unconverged
    assert outcome.fits > 700


def test_a_search_that_fails_is_not_the_last():
    """x two at 10⁶ sd from 0, 19 rows: the best minimum is met in units that cannot finish it."""
    data, outcome = sample(5116, 3), Outcome()
    fits = [loglik(f"y ~ 1 + x1 + {bar}", data.frame, data.method, outcome)
            for bar in ("(0 + x0 | g)", "(0 + x0 + x2 || g)", "(0 + x0 + x2 | g)")]  # fmt: skip
    assert not outcome.unconverged
    assert not any(worse(large, small) for (small, _), (large, _) in pairwise(fits))
    assert fits[-1][0] > fits[-1][1] + 100  # and G = 0 is far below


def test_what_leaves_a_model_alone_leaves_its_likelihood_alone():
    outcome = Outcome()
    for seed in range(60):
        check_same(seed, 2, outcome)
    assert not outcome.failures, "\n".join(outcome.failures)
    assert outcome.fits > 400


@pytest.mark.parametrize("origin", [10.0, 100.0, 1e4, 1e6])
def test_independent_effects_far_from_the_origin(origin):
    for seed in range(5):
        df = far(origin=origin, seed=seed)
        small = fit_formula("y ~ x + (1 | g)", df)
        other = fit_formula("y ~ x + (0 + x | g)", df)
        large = fit_formula("y ~ x + (1 + x || g)", df)
        assert large.converged
        assert not worse(large.loglik, max(small.loglik, other.loglik))


def test_one_search_misses_what_several_find():
    """Control: from the moment estimate alone the independent model ends below the smaller one."""
    missed = 0
    for seed in range(10):
        df = far(seed=seed)
        large = fit_formula("y ~ x + (1 + x || g)", df)
        rotated = large.clusters.rotated
        w, G = allocate_work(rotated), np.zeros((2, 2))
        w.trial[...] = np.diag([50.0, 50.0])
        result = minimise(rotated, True, w, G, SEARCH, FROM_TRIAL)
        missed += result < 0 or w.value[0] > large.optimum.deviance + 1
    assert missed >= 5


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("case", ["c0065", "c0143"])
def test_cases_that_failed_agree_with_lme4(case, method):
    df = rows(case, folder="cases")
    R = CASES[case]["R"][method]
    fit = fit_formula(CASES[case]["formula"], df, method)
    assert fit.converged
    assert abs(fit.loglik - R["loglik"]) < 1e-7
    # c0143: σ of 2 beside random effects of 1e6; a step of 1e-4 of Λ along their line changes the
    # likelihood by 1e-9, which is as far as lme4's own optimum can be trusted there
    loose = 1e-5 if case == "c0143" else 1e-6
    np.testing.assert_allclose(fit.fixef, R["fixef"], rtol=loose)
    np.testing.assert_allclose(fit.sigma2, R["s2"], rtol=loose)
    np.testing.assert_allclose(fit.theta, R["theta"], rtol=30 * loose, atol=1e-9)
    if "kr" in R:  # not of c0143, where lmerTest's numerical derivatives are no guide
        np.testing.assert_allclose(fit.table()["df"], R["df"], rtol=1e-6)
        table = fit.table("kenward-roger")
        np.testing.assert_allclose(table["std_error"], R["kr"][0], rtol=1e-6)
        np.testing.assert_allclose(table["df"], R["kr"][1], rtol=1e-6)
    if "vcov" in R:
        np.testing.assert_allclose(fit.vcov, R["vcov"], rtol=1e-4)
        np.testing.assert_allclose(fit.ranef().estimate.iloc[:3], R["re_first3"], rtol=1e-4)


# ---------------------------------------------------------------- whatever refits inherits it


def test_refitting_inherits_it():
    """refit, pvalue, bootstrap and influence find the maxima that `fit` finds."""
    df = far(J=12, n=5, seed=3)
    large = fit_formula("y ~ x + (1 + x || g)", df, "ML")
    y = df["y"].sample(frac=1.0, random_state=1).to_numpy()
    again = large.refit(y)
    assert not worse(again.loglik, fit_formula("y ~ x + (1 | g)", df.assign(y=y), "ML").loglik)

    tested = simlab.pvalue(
        df, "y ~ x + (1 | g)", "y ~ x + (1 + x || g)", draws=200, seed=1, method="ML", jobs=1
    )
    assert tested.failures == 0
    assert tested.simulated.min() >= 0
    far_statistic = large.loglik - fit_formula("y ~ x + (1 | g)", df, "ML").loglik
    assert tested.statistic == pytest.approx(2 * far_statistic, abs=1e-6)

    drawn = simlab.bootstrap(large, "sigma2", draws=60, seed=1, jobs=1)
    assert not drawn.failed.any()
    # each draw, fitted by rows: the same minimum
    rows_of = simlab.bootstrap(large, lambda fit: fit.sigma2, draws=5, seed=1, jobs=1)
    np.testing.assert_allclose(
        rows_of.replicates.to_numpy()[:5, 0], drawn.replicates.to_numpy()[:5, 0], rtol=1e-6
    )

    influence = large.influence()
    for cluster in (0, 5):
        without = df[df["g"] != cluster]
        one = fit_formula("y ~ x + (1 + x || g)", without, "ML")
        change = large.sigma2**0.5 - one.sigma2**0.5
        assert influence.loc[cluster, "change sigma"] == pytest.approx(change, abs=1e-6)
        inside = fit_formula("y ~ x + (1 | g)", without, "ML")
        assert not worse(one.loglik, inside.loglik)


# ---------------------------------------------------------------- digits


def collinear(seed, epsilon, small=True):
    rng = np.random.default_rng(seed)
    J, n = (8, 4) if small else (20, 8)
    g = np.repeat(np.arange(J), n)
    x1 = rng.standard_normal(J)[g] + rng.standard_normal(J * n)
    noise = rng.standard_normal(J * n) if seed % 2 else rng.standard_normal(J)[g]
    x2 = x1 + epsilon * noise
    u = rng.standard_normal((J, 2)) * [10.0 if seed % 3 else 0.0, 0.5]
    y = x1 + u[g, 0] + u[g, 1] * x1 + rng.standard_normal(J * n)
    return pd.DataFrame({"y": y, "x1": x1, "x2": x2, "d": x2 - x1, "g": g})


LONG = np.finfo(np.longdouble).eps < np.finfo(float).eps / 4


@pytest.mark.parametrize("epsilon", [1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("bar", ["(1 | g)", "(1 + x1 | g)"])
def test_nearly_collinear_columns_keep_their_digits(epsilon, bar):
    """`x1 + x2` and `x1 + (x2 − x1)` are one model; the determinant of the change is 1."""
    digits = 1e-8 if LONG else 1e-8 * max(1.0, 1e-5 / epsilon)
    for seed in range(6):
        df = collinear(seed, epsilon)
        for method in ("REML", "ML"):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                one = simlab.fit(f"y ~ x1 + x2 + {bar}", df, method)
                two = simlab.fit(f"y ~ x1 + d + {bar}", df, method)
            assert one.converged
            assert two.converged
            assert abs(one.loglik - two.loglik) < digits
            for what in ("std_error", "df"):
                a, b = one.table().loc["x2", what], two.table().loc["d", what]
                assert a == pytest.approx(b, rel=1e-6)


def test_nearly_collinear_columns_against_exact_arithmetic():
    """With G = 0 REML is least squares: its likelihood in rational arithmetic.

    lme4's own value is 9e-5 above it: it forms X'X.
    """
    fit = fit_formula(CASES["c0214"]["formula"], rows("c0214", folder="cases"))
    exact = CASES["c0214"]["exact"]
    assert fit.loglik == pytest.approx(exact["REML"], abs=1e-8)
    np.testing.assert_allclose(fit.fixef, exact["fixef"], rtol=1e-8)


def test_a_column_below_the_tolerance_is_dropped_and_named():
    df = collinear(1, 1e-9)
    with pytest.warns(simlab.fitting.errors.FitWarning, match="dropped x2"):
        fit = simlab.fit("y ~ x1 + x2 + (1 | g)", df)
    assert fit.design.dropped_columns == ("x2",)


@pytest.mark.parametrize("sd", [1e-3, 3.2e-6, 1e-8, 1e-11])
@pytest.mark.parametrize("bar", ["(1 | g)", "(1 + x | g)", "(1 + x || g)"])
def test_tiny_residuals_converge_by_both_methods(sd, bar):
    """σ² of 1e-22 to 1e-6 beside G of 1: σ̂ is that of the rows within clusters."""
    rng = np.random.default_rng(5)
    J, n = 20, 6
    g, x = np.repeat(np.arange(J), n), rng.standard_normal(J * n)
    e = sd * rng.standard_normal(J * n)
    slopes = rng.standard_normal(J) * ("x" in bar)
    y = rng.standard_normal(J)[g] + slopes[g] * x + e
    df = pd.DataFrame({"y": y, "x": x, "g": g})
    for method in ("REML", "ML"):
        fit = fit_formula(f"y ~ x + {bar}", df, method)
        assert fit.converged
        assert fit.optimum.evaluations > 0
        # estimated by N − J − 1 or N − 2J degrees of freedom: within 5 sd of a χ²/df
        assert fit.sigma2 / sd**2 == pytest.approx(1, abs=5 * np.sqrt(2 / 80))
        assert not fit.singular


def test_no_residual_variance_is_said():
    g = np.repeat(np.arange(10), 5)
    rng = np.random.default_rng(2)
    df = pd.DataFrame({"y": rng.standard_normal(10)[g], "x": rng.standard_normal(50), "g": g})
    with pytest.warns(simlab.fitting.errors.FitWarning, match="no residual variance"):
        simlab.fit("y ~ x + (1 | g)", df)
    fit = fit_formula("y ~ x + (1 | g)", df)
    with pytest.raises(simlab.fitting.errors.FitError, match="no residual variance"):
        fit.hausman()
    assert "no residual variance" in str(fit.diagnose())
    assert np.isnan([fit.loglik, fit.aic, *fit.std_error]).all()
    assert np.isfinite(fit.fixef).all()
    assert fit.table().drop(columns="estimate").isna().all(axis=None)
    assert fit.anova().frame.p_value.isna().all()
    intervals = fit.conf_int(which="random")
    assert intervals[["lower", "upper"]].isna().all(axis=None)
    many = fit.refit(np.column_stack([df["y"], df["y"] + rng.standard_normal(50)]))
    assert many.status.tolist() == [Status.NOT_ESTIMABLE, Status.OK]
    assert many.messages[0].startswith("no residual variance")
    for ask in (
        lambda: simlab.bootstrap(fit, draws=9),
        lambda: simlab.pvalue(df, "y ~ 1 + (1 | g)", "y ~ x + (1 | g)", draws=9),
        lambda: fit.conf_int(which="random", kind="profile"),
    ):
        with pytest.raises(simlab.fitting.errors.FitError, match="there is no residual variance"):
            ask()
    control = df.assign(y=df["y"] + 1e-3 * rng.standard_normal(50))
    assert not simlab.fit("y ~ x + (1 | g)", control).notes
    data = sample(7623, 3)
    with pytest.raises(DataError, match="within each g the model leaves nothing of 'y'"):
        simlab.fit("y ~ x2 + x1 + x0 + (x2 + x1 + x0 || g)", data.frame, data.method)


def test_effects_without_a_residual_variance():
    """Clusters with fewer distinct rows than random effects, every row twice: they are fitted."""
    rng = np.random.default_rng(12)
    g = np.repeat(np.arange(6), 2)
    half = pd.DataFrame({"g": g, "z": rng.standard_normal(12), "w": rng.standard_normal(12)})
    half["y"] = 1e6 * rng.standard_normal(12)
    df = pd.concat([half, half])
    fit = fit_formula("y ~ 1 + (z + w || g)", df)
    np.testing.assert_allclose(fit.fitted(), df["y"], atol=1e-3)
    assert "no residual variance" in str(fit.summary())
    assert np.isfinite(fit.ranef().estimate).all(axis=None)


def test_the_kernels_turn_what_cancels():
    """c0143's clusters at its optimum: with and without a turn of their pseudo-observations."""
    fit = fit_formula(CASES["c0143"]["formula"], rows("c0143", folder="cases"))
    again = optimise(fit.clusters.rotated, True)
    assert again.deviance == pytest.approx(fit.optimum.deviance, abs=1e-8)
