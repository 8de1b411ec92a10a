"""Bootstrap draws and intervals against R, and against scipy.

lme4's draws are other draws: means, standard deviations and quantiles are held to 4 Monte Carlo
standard errors of both together. boot and scipy get the same draws. boot's intervals: 1e-9, the
formulas being the same to the rounding of Φ⁻¹. scipy interpolates otherwise between two draws, so
its ends are held to the distance of neighbouring draws.
"""

import numpy as np
import pytest
from fit_cases import fitted
from reference_cases import stored
from scipy import stats

import simlab
from simlab.testing.bootstrapping import quantiles

R = stored("bootstrap.json")
KINDS = ("parametric", "clusters")


@pytest.fixture(scope="module", params=KINDS)
def both(request):
    """Our draws of hs, and what R's have come to."""
    bootstrapped = simlab.bootstrap(fitted("hs", "m5", "REML"), draws=3999, kind=request.param)
    return bootstrapped, R[request.param]


def test_draws_have_the_distribution_of_lme4(both):
    result, theirs = both
    both_errors = np.sqrt(1 + result.draws / R["draws"])  # of the difference, in ours
    for name, r in theirs.items():
        sd, mcse = result.std_error.loc[name]
        assert abs(sd - r["sd"]) < 4 * mcse * both_errors, name
        mean = result.replicates[name].mean()
        assert abs(mean - r["mean"]) < 4 * result.bias.loc[name, "mcse"] * both_errors, name
        draws = np.sort(result.replicates[name].dropna())
        for level, (low, high) in ((0.95, (0, 4)), (0.5, (1, 3))):
            ends = quantiles.percentile(draws, level)
            low_r, high_r = r["quantiles"][low], r["quantiles"][high]
            assert abs(ends.lower - low_r) < 4 * ends.lower_mcse * both_errors, (name, level)
            assert abs(ends.upper - high_r) < 4 * ends.upper_mcse * both_errors, (name, level)


def test_the_kinds_are_told_apart():
    """Control: what R drew by clusters does not pass for draws from the model, nor the reverse."""
    apart = [
        abs(R["parametric"][name]["sd"] - R["clusters"][name]["sd"])
        > 4 * np.sqrt(2) * R["parametric"][name]["sd"] / np.sqrt(2 * R["draws"])
        for name in R["parametric"]
    ]
    assert sum(apart) >= 3


def test_estimates_are_those_of_lme4(both):
    result, _ = both
    for name, value in R["estimate"].items():
        unit = result.std_error.loc[name, "estimate"]
        assert result.estimate[name] == pytest.approx(value, abs=1e-4 * unit), name


@pytest.fixture(scope="module")
def made():
    """Draws, estimate and jackknife by formula: those that R was given."""
    j = np.arange(1, 41)
    without = 1.1 + 0.01 * np.sin(j) + 0.004 * np.cos(3 * j) ** 3 + 0.03 * (j == 7)
    return np.exp(0.6 * stats.norm.ppf(np.arange(1, 500) / 500)), 1.1, without


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_intervals_are_those_of_boot(made, level):
    draws, estimate, without = made
    a = quantiles.acceleration(without, draws.std())
    theirs = R["intervals"][f"{level:g}"]
    results = {
        "percentile": quantiles.percentile(draws, level),
        "basic": quantiles.basic(draws, level, estimate),
        "bca": quantiles.bca(draws, level, estimate, a),
    }
    for kind, ends in results.items():
        assert ends[:2] == pytest.approx(theirs[kind], rel=1e-9), kind
    assert quantiles.bca(draws, level, estimate, 0.0)[0] != pytest.approx(theirs["bca"][0])


def test_bca_is_that_of_scipy():
    """The same resamples of a mean: scipy's own, passed on with its jackknife."""
    data = np.random.default_rng(8).gamma(2.0, size=30)
    theirs = stats.bootstrap(
        (data,), np.mean, n_resamples=4999, confidence_level=0.9, method="BCa", rng=3
    )
    draws = np.sort(theirs.bootstrap_distribution)
    without = (data.sum() - data) / 29
    a = quantiles.acceleration(without, draws.std())
    ours = quantiles.bca(draws, 0.9, data.mean(), a)
    for end, other in zip(ours[:2], theirs.confidence_interval, strict=True):
        place = np.searchsorted(draws, end)
        assert draws[place - 2] <= other <= draws[place + 1]
    assert abs(ours.lower - quantiles.percentile(draws, 0.9).lower) > 10 * np.diff(draws).mean()


@pytest.mark.parametrize(
    ("draws", "estimate", "a", "reason"),
    [
        (np.linspace(0, 1, 199), 0.0, 0.1, quantiles.ONE_SIDE),
        (np.linspace(0, 1, 199), 1.0 + 1e-9, 0.1, quantiles.ONE_SIDE),
        (np.linspace(0, 1, 199), 0.5, np.nan, quantiles.NO_JACKKNIFE),
        (np.linspace(0, 1, 199), 0.5, 0.6, quantiles.TOO_FAR),
        (np.linspace(0, 1, 199), 0.1, 0.1, quantiles.TOO_FEW),
        (np.linspace(0, 1, 19), 0.5, 0.0, quantiles.TOO_FEW),
    ],
)
def test_reasons(draws, estimate, a, reason):
    ends = quantiles.bca(draws, 0.95, estimate, a)
    assert ends.reason == reason
    assert np.isnan(ends[:4]).all()


def test_ties_count_half():
    """Ten below the estimate, ten at it but for rounding, none of them lost."""
    draws = np.sort(np.r_[np.zeros(10), 0.5 + 1e-12 * np.arange(-5, 5), np.ones(30)])
    assert quantiles.bias_correction(draws, 0.5) == pytest.approx(stats.norm.ppf(15 / 50))


def test_acceleration_is_nan_where_nothing_changes():
    assert np.isnan(quantiles.acceleration(np.full(8, 3.0), 1.0))
    assert np.isnan(quantiles.acceleration(np.array([1.0, np.nan, 2.0]), 1.0))
    assert np.isfinite(quantiles.acceleration(1e9 + np.arange(8.0) ** 2, 1.0))
