"""The bootstrap against laws that are known.

Balanced one-way layout, J clusters of n: with MSB, MSW the mean squares and ĝ = (MSB − MSW)/n > 0,

    σ̂² = MSW,  SE(γ̂) = √(MSB/nJ);   draws: σ*² ~ σ̂² χ²_ν/ν, ν = J(n − 1),  γ* ~ N(γ̂, MSB/nJ),
    g* + σ*²/n ~ (MSB/n) χ²_{J−1}/(J − 1),

and, where g* = 0, both are of the pooled sum of squares: the layouts here have g so large that this
does not happen. Differences of Monte Carlo estimates are held to 4 of their standard errors, tests
of a law to p > 1e-4, at fixed seeds.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fit_cases import dense, fit_design, fit_formula
from scipy import stats

import simlab
from simlab.data import hs
from simlab.formula import build

pytestmark = pytest.mark.slow

J, N_J = 12, 5
TRUTH = {"(Intercept)": 3.0, "sigma2": 1.0}


def one_way(seed, J=J, n=N_J, sd=4.0):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(J), n)
    y = TRUTH["(Intercept)"] + sd * rng.normal(size=J)[g] + rng.normal(size=J * n)
    return pd.DataFrame({"y": y, "g": g})


def mean_squares(df):
    means = df.groupby("g")["y"].mean()
    n = len(df) // len(means)
    within = ((df["y"] - df["g"].map(means)) ** 2).sum() / (len(df) - len(means))
    return n * means.var(), within


@pytest.fixture(scope="module")
def balanced():
    df = one_way(1)
    return df, simlab.bootstrap(fit_formula("y ~ 1 + (1 | g)", df), ["fixef", "G", "sigma2"])


def test_draws_of_a_one_way_layout_have_their_law(balanced):
    df, result = balanced
    msb, msw = mean_squares(df)
    nu, draws = J * (N_J - 1), result.replicates
    assert not result.singular.any()
    assert result.estimate["sigma2"] == pytest.approx(msw)
    law = stats.chi2(nu, scale=msw / nu)
    assert stats.kstest(draws["sigma2"], law.cdf).pvalue > 1e-4
    between = draws["var((Intercept))"] + draws["sigma2"] / N_J
    law_between = stats.chi2(J - 1, scale=msb / N_J / (J - 1))
    assert stats.kstest(between, law_between.cdf).pvalue > 1e-4
    normal = stats.norm(df["y"].mean(), np.sqrt(msb / (N_J * J)))
    assert stats.kstest(draws["(Intercept)"], normal.cdf).pvalue > 1e-4
    # Control: with the degrees of freedom of rows, or the error of independent rows, it is not so.
    wrong = stats.chi2(nu + J - 1, scale=msw / (nu + J - 1))
    assert stats.kstest(between * N_J / msb * msw, wrong.cdf).pvalue < 1e-6
    pooled = stats.norm(df["y"].mean(), df["y"].std() / np.sqrt(len(df)))
    assert stats.kstest(draws["(Intercept)"], pooled.cdf).pvalue < 1e-6


def test_standard_errors_are_those_of_theory(balanced):
    df, result = balanced
    msb, msw = mean_squares(df)
    nu = J * (N_J - 1)
    theory = {
        "(Intercept)": np.sqrt(msb / (N_J * J)),
        "sigma2": msw * np.sqrt(2 / nu),
        "var((Intercept))": np.sqrt(2 * (msb**2 / (J - 1) + msw**2 / nu)) / N_J,
    }
    for name, value in theory.items():
        estimate, mcse = result.std_error.loc[name]
        assert abs(estimate - value) < 4 * mcse, name
        assert abs(estimate - 1.3 * value) > 4 * mcse, name  # a check that could fail
        assert abs(result.bias.loc[name, "estimate"]) < 4 * result.bias.loc[name, "mcse"]


def test_monte_carlo_errors_of_ends_are_right(balanced):
    """Of 150 bootstraps by 399 draws; the spread of 150 is known to 6 %."""
    df, _ = balanced
    msw, nu = mean_squares(df)[1], J * (N_J - 1)
    fit = fit_formula("y ~ 1 + (1 | g)", df)
    tables = [
        simlab.bootstrap(fit, "sigma2", draws=399, level=0.8, seed=s, jobs=1).intervals.loc[
            "sigma2"
        ]
        for s in range(150)
    ]
    for kind in ("percentile", "bca"):
        ends = np.array([t.loc[kind].tolist() for t in tables])
        spread, claimed = ends[:, :2].std(axis=0), ends[:, 2:].mean(axis=0)
        # the density is estimated from some 12 draws to either side: 10 % of bias is allowed
        assert np.abs(claimed / spread - 1).max() < 4 * 0.06 + 0.1
    # the percentile interval is a quantile of a known law
    law = stats.chi2(nu, scale=msw / nu)
    lower = np.array([t.loc["percentile", "lower"] for t in tables])
    assert abs(lower.mean() - law.ppf(0.1)) < 4 * lower.std() / np.sqrt(150)


# ---- coverage --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def coverage():
    """Whether each interval covers, for 250 data sets of J = 8 clusters of n = 2."""
    few, n = 8, 2
    design = build("y ~ 1 + (1 | g)", one_way(0, few, n))
    rows = []
    for seed in range(250):
        y = one_way(seed, few, n, sd=3.0)["y"].to_numpy()
        bootstrapped = simlab.bootstrap(
            fit_design(replace(design, y=y)), list(TRUTH), draws=399, level=0.9, seed=seed, jobs=1
        )
        truth = bootstrapped.intervals.index.get_level_values("statistic").map(TRUTH)
        inside = (bootstrapped.intervals["lower"] <= truth) & (
            truth <= bootstrapped.intervals["upper"]
        )
        rows.append(inside.where(bootstrapped.intervals["lower"].notna()))
    return pd.DataFrame(rows).astype(float)


def close(share, truth, n):
    return abs(share - truth) < 4 * np.sqrt(truth * (1 - truth) / n)


def test_coverage_is_what_theory_says(coverage):
    """γ: P(|t₇| < 1.645). σ²: percentile [σ̂²q₁/ν, σ̂²q₂/ν], basic its reflection."""
    shares, n = coverage.mean(), len(coverage)
    t = 1 - 2 * stats.t.sf(stats.norm.ppf(0.95), 7)
    for kind in ("percentile", "basic", "bca"):
        assert close(shares["(Intercept)", kind], t, n)
    law = stats.chi2(8)
    q = law.ppf([0.05, 0.95]) / 8
    percentile = law.cdf(8 / q[0]) - law.cdf(8 / q[1])
    basic = law.cdf(8 / max(2 - q[1], 1e-12)) - law.cdf(8 / (2 - q[0]))
    assert close(shares["sigma2", "percentile"], percentile, n)
    assert close(shares["sigma2", "basic"], basic, n)
    assert not close(shares["sigma2", "basic"], 0.9, n)  # control: that is not the nominal level


def test_bca_mends_what_is_skewed(coverage):
    """BCa covers σ² more often than percentile, and that more often than basic: paired tests."""
    sigma2 = coverage["sigma2"].dropna()
    assert len(sigma2) > 200
    for better, worse in (("bca", "percentile"), ("percentile", "basic")):
        gain = sigma2[better] - sigma2[worse]
        assert gain.mean() > 2 * gain.std() / np.sqrt(len(gain))
    assert close(sigma2["bca"].mean(), 0.9, len(sigma2))


# ---- whole clusters --------------------------------------------------------------------------


def sandwich(fit):
    """Φ Σ X_j'V_j⁻¹e_je_j'V_j⁻¹X_j Φ, the cluster-robust variance (Liang & Zeger 1986), CR0."""
    d = dense(fit)
    inverse_e = np.linalg.solve(d.V, fit.design.y - d.X @ d.gamma)
    scores = np.zeros((fit.nclusters, d.X.shape[1]))
    np.add.at(scores, fit.design.cluster, d.X * inverse_e[:, None])
    return np.sqrt(np.diag(d.covariance @ scores.T @ scores @ d.covariance))


def test_drawing_clusters_is_robust_and_drawing_from_the_model_is_not():
    """Slopes differ between the clusters, and the model has none: its SE of x is too small."""
    rng = np.random.default_rng(3)
    clusters, n = 80, 8
    g = np.repeat(np.arange(clusters), n)
    x = rng.normal(size=clusters * n)
    y = x * (1 + 0.8 * rng.normal(size=clusters))[g] + rng.normal(size=clusters)[g]
    df = pd.DataFrame({"y": y + rng.normal(size=len(g)), "x": x, "g": g})
    fit = fit_formula("y ~ x + (1 | g)", df)
    robust, model = sandwich(fit)[1], fit.std_error["x"]
    assert robust > 1.5 * model
    by_cluster, by_model = (
        simlab.bootstrap(fit, "x", kind=kind, interval=()).std_error.loc["x"]
        for kind in ("clusters", "parametric")
    )
    # CR0 is of order 1/J too small, and the bootstrap draws the weights anew: 5 %
    assert abs(by_cluster["estimate"] / robust - 1) < 4 * by_cluster["mcse"] / robust + 0.05
    assert abs(by_model["estimate"] - model) < 4 * by_model["mcse"]


def test_standard_errors_of_fixed_effects_on_schools():
    """Balanced enough for the model's standard errors to hold for draws from it."""
    fit = fit_formula("mathach ~ ses * sector + (1 + ses | school)", hs())
    bootstrapped = simlab.bootstrap(fit, "fixef", interval=()).std_error
    assert (np.abs(bootstrapped["estimate"] - fit.std_error) < 4 * bootstrapped["mcse"]).all()
