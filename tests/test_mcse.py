"""Every Monte Carlo standard error against brute force, in populations that are not normal.

STUDIES = 2,000 studies of REPLICATES = 500 replicates each are drawn; the root mean square of
their MCSEs is compared with the standard deviation of their values. The latter has relative
standard error √((κ − 1)/(4·2000)), with kurtosis κ of the values up to 5: 1.6 % to 2.2 %. The
formulas are asymptotic: under t with 5 degrees of freedom, whose sixth moment does not exist, the
sample's fourth moment falls short of its expectation by some per cent in most samples.
WITHIN = 10 % is more than three standard errors and that. Formulas that take estimates for normal
must fail it under the exponential law, by 20 % or more.
"""

from functools import cache

import numpy as np
import pytest

from simlab import measures

STUDIES, REPLICATES, WITHIN = 2000, 500, 0.10
THETA = -0.3
Z = 1.645


def standard(rng, law):
    shape = (STUDIES, REPLICATES)
    if law == "normal":
        return rng.standard_normal(shape)
    if law == "exponential":
        return rng.exponential(size=shape) - 1
    if law == "t5":
        return rng.standard_t(5, shape) / np.sqrt(5 / 3)
    atoms, p = np.array([-1.0, 0.0, 3.0]), [0.6, 0.3, 0.1]
    return rng.choice(atoms - atoms @ p, p=p, size=shape)


LAWS = ("normal", "exponential", "t5", "discrete")


@cache
def drawn(law):
    """Estimates, a reference that agrees with them in part, standard errors, intervals, p."""
    rng = np.random.default_rng(20261129)
    a = standard(rng, law)
    s = np.sqrt(rng.chisquare(12, a.shape) / 12 * (0.7 + 0.3 * np.abs(a)))
    return {
        "estimate": a,
        "reference": 0.8 * a + 0.6 * standard(rng, law),
        "std_error": s,
        "lower": a - Z * s,
        "upper": a + Z * s,
        "p_value": np.where(np.abs(a / s) > 1.2, 0.01, 0.5),
        "theta": np.full(STUDIES, THETA),
    }


def ratio(name, law, **how):
    """MCSE over the standard deviation that it stands for."""
    measure = getattr(measures, name)
    value, mcse, n = measure(*(drawn(law)[key] for key in measure.arguments), **how)
    assert (n == REPLICATES).all()
    return np.sqrt(np.mean(mcse**2)) / np.std(value, ddof=1)


SUMMED = [name for name in measures.MEASURES if "run" not in measures.MEASURES[name].stream.needs]
SUMMED = [name for name in SUMMED if name != "dropped_clusters"] + list(measures.COMPARISONS)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", SUMMED)
def test_the_mcse_is_the_sd_of_the_measure(name, law):
    assert abs(ratio(name, law) - 1) < WITHIN


TAKE_NORMAL = (
    "empirical_se", "relative_error", "efficiency", "relative_precision", "standardised_bias",
)  # fmt: skip


@pytest.mark.parametrize("name", TAKE_NORMAL)
def test_normal_theory_fails_where_estimates_are_exponential(name):
    assert abs(ratio(name, "exponential", mcse="normal") - 1) > 2 * WITHIN
    assert abs(ratio(name, "normal", mcse="normal") - 1) < WITHIN or name == "relative_error"


def test_a_share_that_takes_the_mean_for_known_is_off():
    """Bias-eliminated coverage of skewed estimates: each enters by its interval and by the mean."""
    a = drawn("exponential")["estimate"]
    results = {
        mcse: measures.bias_eliminated_coverage(a, a - 1.96, a + 1.96, mcse=mcse)
        for mcse in ("jackknife", "normal")
    }
    sd = np.std(results["normal"].value, ddof=1)
    ratios = {k: np.sqrt(np.mean(one.mcse**2)) / sd for k, one in results.items()}
    assert abs(ratios["jackknife"] - 1) < WITHIN
    assert abs(ratios["normal"] - 1) > WITHIN


@pytest.mark.parametrize("law", ["normal", "exponential", "t5"])
@pytest.mark.parametrize("name", list(measures.ROBUST))
def test_the_jackknife_of_groups(name, law):
    """Not of discrete estimates: their median hardly varies, or jumps."""
    assert abs(ratio(name, law) - 1) < WITHIN


@pytest.mark.parametrize("law", ["normal", "exponential"])
def test_robust_measures_are_what_they_say(law):
    d = drawn(law)
    median, quantile = (0, 0.6745) if law == "normal" else (np.log(2) - 1, 0.4812)
    laws = {
        "median_bias": median - THETA,
        "robust_se": 1.4826 * quantile,
        "winsorised_se": 1.0 if law == "normal" else None,
    }
    for name, expected in laws.items():
        if expected is None:
            continue
        measure = getattr(measures, name)
        value, mcse, _ = measure(*(d[key] for key in measure.arguments))
        error = np.sqrt(np.mean(mcse**2) / STUDIES)
        assert abs(value.mean() - expected) < 4 * error + 0.005, name  # quantiles of 500 are biased
        assert abs(value.mean() - expected - 0.05) > 4 * error + 0.005, name  # control


@pytest.mark.parametrize("df", [2.2, 3.0])
def test_what_has_no_fourth_moment_is_not_known_by_any_formula(df):
    """Control of the tests above: such a law fails them, and robust measures do not."""
    rng = np.random.default_rng(1)
    x = rng.standard_t(df, (STUDIES, REPLICATES))
    value, mcse, _ = measures.empirical_se(x)
    assert np.sqrt(np.mean(mcse**2)) / np.std(value, ddof=1) < 1.01
    shares = np.mean(np.abs(value - np.sqrt(df / (df - 2))) < 1.96 * mcse)
    assert shares < 0.8  # intervals of 95 %
    robust = measures.robust_se(x)
    assert np.sqrt(np.mean(robust.mcse**2)) / np.std(robust.value, ddof=1) == pytest.approx(
        1, abs=0.1
    )


# --- intervals of shares


@pytest.mark.parametrize("p", [0.001, 0.02, 0.5, 0.95, 0.999])
def test_wilsons_interval_covers(p):
    """Exactly, over all counts, never below 0.9 with 400 replicates; Wald's does at both ends."""
    from scipy.stats import binom

    n, k = 400, np.arange(401)
    result = measures.Measured(k / n, np.sqrt(k / n * (1 - k / n) / n), np.full(401, n))
    low, high = measures.share.interval(result)
    weight = binom.pmf(k, n, p)
    assert weight[(low <= p) & (p <= high)].sum() > 0.9
    wald = np.abs(k / n - p) <= 1.96 * result.mcse
    assert weight[wald].sum() < 0.9 or 0.01 < p < 0.99


@pytest.mark.parametrize("hits", [0, 30])
def test_a_share_that_has_not_varied_is_not_known(hits):
    outcome = np.arange(30) < hits
    result = measures.share(outcome)
    low, high = measures.share.interval(result)
    assert result.mcse > 0
    assert high - low > 0.1
    assert (low == 0) == (hits == 0)
    assert (high == 1) == (hits == 30)
    assert measures.share(outcome, mcse="normal").mcse == 0  # as Stata prints it


@pytest.mark.parametrize("name", list(measures.ROBUST))
def test_robust_measures_of_nothing_and_of_little_are_quiet(name):
    measure = getattr(measures, name)
    for n in (0, 1, 2, 7):
        data = {"estimate": np.arange(2.0 * n).reshape(2, n), "theta": np.zeros(2)}
        data["std_error"] = 1 + data["estimate"]
        data["estimate"][1] = np.nan
        value, mcse, count = measure(*(data[key] for key in measure.arguments))
        assert count.tolist() == [n, 0]
        assert np.isnan(value[1])
        assert np.isnan(mcse[1])
        assert np.isnan(value[0]) == (n < 1) or n == 1
