"""Kenward and Roger's adjustment: pbkrtest's values, a dense oracle, exact laws, a simulation.

Tolerances. pbkrtest works with N × N matrices at the optimum that both have to 1e-9 standard
errors; ours agrees to 1e-11 (covariances), 1e-12 (degrees of freedom). 1e-9 leaves room for another
machine's rounding, and is far below what any mistake makes: see the controls. W is an inverse, and
goes through the units: 1e-7. Our own dense oracle: 1e-8, for its N × N inverse.
"""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from fit_cases import R3, dense, fit_design, fit_formula, fitted, models, unbalanced
from reference_cases import rows, stored
from scipy import stats

from simlab.fitting.hypotheses import table, wald
from simlab.formula import build
from simlab.mixed.joint import kr_test, satterthwaite_df, wald_test
from simlab.mixed.kenward_roger import kenward_roger, kr_df
from simlab.mixed.optimum import optimise
from simlab.mixed.rows import rotate_rows

CASES = [(name, model) for name, model, method in models() if method == "REML"]
EVERY = pytest.mark.parametrize(("name", "model"), CASES)


def record(name, model):
    return stored("fits", f"{name}.json")[model]


def user_adjusted(fit):
    units = fit.clusters.units
    return units.s_y**2 * units.A @ kenward_roger(fit.optimum).adjusted @ units.A.T


def user_W(fit):
    """W in the user's units: free entries of G by columns, σ²; G = s_y² B G̃ B'."""
    units, free = fit.clusters.units, fit.optimum.free
    J = np.zeros((len(free) + 1, len(free) + 1))
    J[-1, -1] = units.s_y**2
    for i, (a, b) in enumerate(free):
        E = np.zeros_like(units.B)
        E[a, b] = E[b, a] = 1
        G = units.s_y**2 * units.B @ E @ units.B.T
        J[:-1, i] = [G[c, d] for c, d in free]
    return J @ kenward_roger(fit.optimum).W @ J.T


def joint(fit, L, rhs=0.0):
    units = fit.clusters.units
    L = np.atleast_2d(np.asarray(L, dtype=float))
    adjustment = kenward_roger(fit.optimum)
    return kr_test(adjustment, units.s_y * L @ units.A, rhs - L @ units.b)


def close(ours, theirs, share):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=share * np.abs(theirs).max())


# ---------------------------------------------------------------- pbkrtest


@EVERY
def test_covariance_and_df_are_those_of_pbkrtest(name, model):
    fit, kr = fitted(name, model, "REML"), record(name, model)["REML"]["kr"]
    close(user_adjusted(fit), kr["vcovAdj"], 1e-9)
    np.testing.assert_allclose(np.diag(user_adjusted(fit)), np.diag(kr["vcovAdj"]), rtol=1e-9)
    adjustment = kenward_roger(fit.optimum)
    np.testing.assert_allclose(kr_df(adjustment, fit.clusters.units.A), kr["df"], rtol=1e-9)
    expected = np.array(kr["varcomp_vcov_expected"])
    size = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    np.testing.assert_allclose(user_W(fit) / size, expected / size, rtol=0, atol=1e-7)


@EVERY
def test_joint_tests_are_those_of_pbkrtest(name, model):
    fit, ref = fitted(name, model, "REML"), record(name, model)
    for hypothesis, theirs in ref["REML"]["kr"]["hypotheses"].items():
        ours = joint(fit, ref["L"][hypothesis])
        assert ours.num == theirs["numDF"]
        np.testing.assert_allclose(
            [ours.F, ours.den, ours.scaling, ours.F_unscaled],
            [theirs[key] for key in ("F", "denDF", "F_scaling", "F_unscaled")],
            rtol=1e-9,
        )


def test_the_cases_are_singular_and_not():
    singular = [case for case in CASES if record(*case)["REML"]["singular"]]
    assert {("sim3", "m4"), ("sim5", "m3"), ("sim5", "m6"), ("hsb", "m5")} <= set(singular)
    assert len(CASES) - len(singular) > 40


def test_what_is_not_kenward_roger_fails_the_same_bounds():
    """Controls: no adjustment; ML's; df of the observed information. (Balanced sets need none.)"""
    for case in (("hs", "m5"), ("hs", "m10"), ("sim1", "m4"), ("sim5", "m2")):
        fit, kr = fitted(*case, "REML"), record(*case)["REML"]["kr"]
        ml = fitted(*case, "ML")
        for wrong in (fit.covariance, ml.covariance):
            assert np.abs(np.diag(wrong) / np.diag(kr["vcovAdj"]) - 1).max() > 1e-3
        others = satterthwaite_df(fit.optimum, fit.clusters.units.A)
        assert np.abs(others / kr["df"] - 1).max() > 1e-3


def test_uncorrelated_random_effects():
    """`||`: pbkrtest takes g00, g11 and σ² for the parameters. lmer stops at 1e-7 or so: 1e-5."""
    ref = stored("hypotheses.json")["uncorrelated"]
    fit = fit_formula("Reaction ~ Days + (1 + Days || Subject)", rows("sleepstudy"))
    close(user_adjusted(fit).ravel(), ref["vcovAdj"], 1e-5)
    np.testing.assert_allclose(
        kr_df(kenward_roger(fit.optimum), fit.clusters.units.A), ref["df"], rtol=1e-5
    )
    close(user_W(fit).ravel(), ref["W"], 1e-5)
    ours = joint(fit, np.eye(2))
    theirs = [ref["joint"][key] for key in ("F", "den", "scaling")]
    np.testing.assert_allclose([ours.F, ours.den, ours.scaling], theirs, rtol=1e-5)
    correlated = fitted("sleepstudy", "m3", "REML")  # control
    assert abs(joint(correlated, np.eye(2)).den / ref["joint"]["den"] - 1) > 0.1


# ---------------------------------------------------------------- a dense oracle


def oracle(fit, L):
    """Φ_A, W, and (F, den, scaling) by the matrices of the paper, N × N."""
    d, design = dense(fit), fit.design
    same = design.cluster[:, None] == design.cluster
    parts = [same * np.outer(design.Z[:, a], design.Z[:, b]) for a, b in fit.optimum.free]
    V_i = [M if a == b else M + M.T for M, (a, b) in zip(parts, fit.optimum.free, strict=True)]
    V_i.append(np.eye(len(design.y)))
    X, inverse, Phi = d.X, np.linalg.inv(d.V), d.covariance
    n = len(V_i)
    H = [inverse @ M for M in V_i]  # V⁻¹V_i
    of_X = [M @ inverse @ X for M in V_i]
    P = [-X.T @ inverse @ M for M in of_X]
    info, Q = np.empty((n, n)), [[None] * n for _ in range(n)]
    for i in range(n):
        for h in range(n):
            Q[i][h] = of_X[i].T @ inverse @ of_X[h]
            trace = (H[i] * H[h].T).sum()
            more = np.trace(Phi @ P[i] @ Phi @ P[h])
            info[i, h] = 0.5 * (trace - 2 * np.trace(Phi @ Q[i][h]) + more)
    W = np.linalg.inv(info)
    inner = sum(W[i, h] * (Q[i][h] - P[i] @ Phi @ P[h]) for i in range(n) for h in range(n))
    Phi_A = Phi + 2 * Phi @ inner @ Phi
    q, Theta = len(L), L.T @ np.linalg.solve(L @ Phi @ L.T, L)
    R = [Theta @ Phi @ M @ Phi for M in P]
    pairs = [(i, h) for i in range(n) for h in range(n)]
    A1 = sum(W[i, h] * np.trace(R[i]) * np.trace(R[h]) for i, h in pairs)
    A2 = sum(W[i, h] * np.trace(R[i] @ R[h]) for i, h in pairs)
    # moments of F and the two equations that den and scaling solve
    B = (A1 + 6 * A2) / (2 * q)
    g = ((q + 1) * A1 - (q + 4) * A2) / ((q + 2) * A2)
    c1, c2, c3 = (x / (3 * q + 2 * (1 - g)) for x in (g, q - g, q + 2 - g))
    mean = 1 / (1 - A2 / q)
    variance = 2 / q * (1 + c1 * B) / ((1 - c2 * B) ** 2 * (1 - c3 * B))
    rho = variance / (2 * mean**2)
    den = 4 + (q + 2) / (q * rho - 1)
    scaling = den / (mean * (den - 2))
    F = d.gamma @ L.T @ np.linalg.solve(L @ Phi_A @ L.T, L @ d.gamma) / q
    return Phi_A, W, (scaling * F, den, scaling)


L3 = [np.eye(3)[:1], np.eye(3)[1:], np.array([[0, 1, -1.0], [1, 2, 0.5]])]


@pytest.mark.parametrize("formula", [R3, "y ~ x + w + (1 + x + w | g)", "y ~ x + w + (0 + x | g)"])
def test_three_random_effects_and_clusters_of_one_row(formula):
    fit = fit_formula(formula, unbalanced())
    for L in L3:
        Phi_A, W, (F, den, scaling) = oracle(fit, L)
        close(user_adjusted(fit), Phi_A, 1e-8)
        close(user_W(fit), W, 1e-6)
        ours = joint(fit, L)
        np.testing.assert_allclose([ours.F, ours.den, ours.scaling], [F, den, scaling], rtol=1e-8)


def test_the_oracle_tells_other_parameters_apart():
    """Control: a covariance that the blocks forbid, taken for a parameter, changes everything."""
    small, large = (fit_formula(f, unbalanced()) for f in (R3, "y ~ x + w + (1 + x + w | g)"))
    Phi_A, _, (_, den, _) = oracle(large, L3[1])
    assert np.abs(user_adjusted(small) - Phi_A).max() > 1e-3 * np.abs(Phi_A).max()
    assert abs(joint(small, L3[1]).den / den - 1) > 1e-3


# ---------------------------------------------------------------- exact laws


def test_a_balanced_one_way_layout_is_exact():
    """df = J − 1, nothing to adjust; lmer's Dyestuff."""
    fit = fitted("Dyestuff", "m1", "REML")
    adjustment = kenward_roger(fit.optimum)
    np.testing.assert_allclose(adjustment.adjusted, adjustment.covariance, rtol=1e-10)
    assert joint(fit, [[1.0]]).den == pytest.approx(fit.nclusters - 1, rel=1e-10)


def test_balanced_random_lines_give_hotelling():
    """sleepstudy: T² = (J − 1) qF/(J − q) with F on (q, J − q), here J = 18, q = 2."""
    fit, J, q = fitted("sleepstudy", "m3", "REML"), 18, 2
    own = np.linalg.lstsq(np.vander(np.arange(10.0), 2)[:, ::-1], _by_subject(), rcond=None)[0].T
    rhs = np.array([250.0, 12.0])
    gap = own.mean(axis=0) - rhs
    T2 = J * gap @ np.linalg.solve(np.cov(own.T), gap)
    ours = joint(fit, np.eye(2), rhs)
    assert (ours.num, ours.den) == (q, pytest.approx(J - q, rel=1e-9))
    assert ours.scaling == pytest.approx((J - q) / (J - 1), rel=1e-9)
    assert pytest.approx(T2 * (J - q) / ((J - 1) * q), rel=1e-7) == ours.F


def _by_subject():
    df = rows("sleepstudy").sort_values(["Subject", "Days"])
    return df["Reaction"].to_numpy().reshape(18, 10).T


def test_clusters_of_one_row_are_least_squares():
    """V_G = V_σ²: nothing tells G from σ², and only their sum matters. df = N − p, exactly."""
    rng = np.random.default_rng(4)
    df = pd.DataFrame({"x": rng.normal(size=12), "y": rng.normal(size=12), "g": range(12)})
    df.loc[12] = [0.3, 0.1, 0]  # build() wants one cluster of two rows or more
    design = build("y ~ x + (1 | g)", df)
    keep = np.arange(12)
    clusters = rotate_rows(
        design.D[keep].copy(), design.y[keep].copy(), keep, design.fixed, design.random
    )
    fit = optimise(clusters.rotated, True)
    adjustment = kenward_roger(fit)
    np.testing.assert_allclose(kr_df(adjustment, np.eye(2)), [10, 10], rtol=1e-8)
    close(adjustment.adjusted, adjustment.covariance, 1e-8)
    assert kr_test(adjustment, np.eye(2), np.zeros(2)).den == pytest.approx(10, rel=1e-8)


def test_units_and_origins_do_not_matter():
    """x in other units and from another origin, y too: the same tests, to the rounding of data."""
    df = unbalanced()
    moved = df.assign(x=1e-4 * df.x + 20, y=1e3 * df.y - 1e4)
    one, two = (fit_formula("y ~ x + w + (1 + x | g)", data) for data in (df, moved))
    for L in (np.eye(3)[[1]], np.eye(3)[[1, 2]]):
        np.testing.assert_allclose(joint(one, L), joint(two, L), rtol=1e-6)


def test_rows_that_repeat_others_do_not_count():
    fit = fitted("sleepstudy", "m3", "REML")
    np.testing.assert_allclose(
        joint(fit, [[1, 0], [0, 1], [1, 1], [0, 2]]), joint(fit, np.eye(2)), rtol=1e-9
    )
    nothing = joint(fit, np.zeros((1, 2)))
    assert nothing.num == 0
    assert np.isnan(nothing.F)


def test_one_contrast_has_one_formula():
    """2/A is what the general formula comes to for q = 1, with scale 1."""
    for case in (("hs", "m5"), ("sim5", "m6"), ("Machines", "m3")):
        fit = fitted(*case, "REML")
        adjustment = kenward_roger(fit.optimum)
        for row in np.eye(len(fit.gamma)):
            test = kr_test(adjustment, row[None, :], np.zeros(1))
            assert test.den == pytest.approx(kr_df(adjustment, row[None, :])[0], rel=1e-9)
            assert test.scaling == pytest.approx(1, rel=1e-9)


def test_ml_is_refused():
    with pytest.raises(ValueError, match="REML"):
        kenward_roger(fitted("hs", "m5", "ML").optimum)


# ---------------------------------------------------------------- a simulation

REPLICATES = 2000
MCSE = np.sqrt(0.05 * 0.95 / REPLICATES)


def rejected(sd, seed):
    """Shares rejected at 5 %: a covariate of clusters without effect, J = 6 unequal clusters."""
    rng = np.random.default_rng(seed)
    n = np.array([2, 3, 4, 6, 9, 12])
    cluster = np.repeat(np.arange(6), n)
    w = np.array([-2.0, 1.0, 0.5, -0.5, 2.0, -1.0])[cluster]
    D = np.column_stack([np.ones(n.sum()), w])
    fixed, random = np.array([0, 1]), np.array([0])
    p = {"kenward-roger": [], "normal": []}
    for _ in range(REPLICATES):
        y = sd * rng.standard_normal(6)[cluster] + rng.standard_normal(n.sum())
        clusters = rotate_rows(D, y, cluster, fixed, random)
        fit, units = optimise(clusters.rotated, True), clusters.units
        L = units.s_y * units.A[1:]
        adjusted = kr_test(kenward_roger(fit), L, -units.b[1:])
        plain = wald_test(fit, L, -units.b[1:])
        p["kenward-roger"].append(stats.f.sf(adjusted.F, 1, adjusted.den))
        p["normal"].append(stats.chi2.sf(plain.F, 1))
    return {key: np.mean(np.array(values) < 0.05) for key, values in p.items()}


def test_six_clusters_reject_as_often_as_they_should():
    """√g₀₀ = 2σ. KR within three Monte Carlo standard errors of 5 %; the normal law far above."""
    rate = rejected(sd=2.0, seed=20261123)
    assert abs(rate["kenward-roger"] - 0.05) < 3 * MCSE, rate
    assert rate["normal"] > 0.05 + 10 * MCSE, rate  # control


def test_six_clusters_with_little_between_them():
    """√g₀₀ = σ: Ĝ is often near 0, where KR rejects less than 5 %; it still beats the normal."""
    rate = rejected(sd=1.0, seed=20261124)
    assert rate["kenward-roger"] < 0.05 + 3 * MCSE, rate
    assert abs(rate["kenward-roger"] - 0.05) < abs(rate["normal"] - 0.05) - 3 * MCSE, rate


# ---------------------------------------------------------------- without the compiler

UNCOMPILED = """
import json, sys, warnings
warnings.simplefilter("error")
sys.path.insert(0, "tests")
from fit_cases import fitted
from simlab.mixed.kenward_roger import kenward_roger
adjustment = kenward_roger(fitted("Machines", "m3", "REML").optimum)
print(json.dumps([field.tolist() for field in adjustment]))
"""


def test_python_without_the_compiler_says_the_same():
    process = subprocess.run(
        [sys.executable, "-c", UNCOMPILED],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
        capture_output=True,
        text=True,
        check=True,
    )
    compiled = kenward_roger(fitted("Machines", "m3", "REML").optimum)
    for ours, theirs in zip(compiled, json.loads(process.stdout), strict=True):
        close(ours, np.array(theirs), 1e-9)


def test_the_shell_uses_it():
    fit, kr = fitted("hs", "m5", "REML"), record("hs", "m5")["REML"]["kr"]
    frame = table(fit, "kenward-roger")
    np.testing.assert_allclose(frame.std_error**2, np.diag(kr["vcovAdj"]), rtol=1e-9)
    np.testing.assert_allclose(frame.df, kr["df"], rtol=1e-9)
    test = wald(fit, "sector", "kenward-roger")
    theirs = kr["hypotheses"]["last2"]
    assert (test.F, test.den_df) == pytest.approx((theirs["F"], theirs["denDF"]), rel=1e-9)
    assert test.p_value == pytest.approx(theirs["p"], rel=1e-8)
    assert fit_design(fit.design).clusters.n.sum() == fit.nobs
