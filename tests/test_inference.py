"""Quantiles, intervals and p-values against scipy.

Tolerance of the quantiles: 1e-11 relative, what the interpolation of log t promises with one digit
to spare. scipy's own stdtrit is used where it is accurate; beyond df = 1e10 it is not, and the
normal quantile differs from t by less than 1e-10/4 (1 + z²), so there 1e-10 is asked.
"""

import numpy as np
import pytest
from scipy import special, stats

from simlab.inference import infer, t_quantile

LEVELS = pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95, 0.99, 0.999])


@LEVELS
def test_quantiles(level):
    df = np.concatenate(
        [np.geomspace(0.3, 1, 200), np.geomspace(1, 3, 500), np.geomspace(3, 1e9, 2000)]
    )
    exact = special.stdtrit(df, (1 + level) / 2)
    np.testing.assert_allclose(t_quantile(level, df), exact, rtol=1e-11)


@LEVELS
def test_quantiles_of_very_many_degrees_of_freedom(level):
    normal = special.ndtri((1 + level) / 2)
    np.testing.assert_allclose(t_quantile(level, np.geomspace(1e10, 1e12, 50)), normal, rtol=1e-9)
    np.testing.assert_allclose(t_quantile(level, np.array([1e300, np.inf])), normal, rtol=1e-12)


def test_quantiles_fall_as_df_grow():
    """On a grid where neighbours differ by more than the error; across df = 1 too."""
    df = np.concatenate([np.geomspace(0.3, 1e4, 5000), [np.inf]])
    assert (np.diff(t_quantile(0.95, df)) < 0).all()


def test_hardly_any_degrees_of_freedom():
    """No warning, and an interval that no estimate can be outside of."""
    assert (t_quantile(0.95, np.array([1e-2, 1e-5, 1e-9])) > 1e100).all()


def test_quantiles_where_they_have_a_closed_form():
    p = 0.975
    ours = t_quantile(0.95, np.array([1.0, 2.0]))
    exact = [np.tan(np.pi * (p - 0.5)), (2 * p - 1) * np.sqrt(2 / (4 * p * (1 - p)))]
    np.testing.assert_allclose(ours, exact, rtol=1e-12)


def test_a_wrong_df_is_noticed():
    """Control: 1e-9 more degrees of freedom differ by more than the tolerance."""
    df = np.array([2.0, 5.0])
    one, other = t_quantile(0.95, df), special.stdtrit(df * (1 + 1e-9), 0.975)
    assert (abs(one / other - 1) > 1e-11).all()


def test_intervals_and_p_values():
    rng = np.random.default_rng(0)
    estimate, std_error = rng.standard_normal((2, 3, 40, 5))
    std_error, df = np.exp(std_error), np.exp(3 * rng.random((3, 40, 5)))
    result = infer(estimate, std_error, df, level=0.9, null=0.2)
    half = stats.t.ppf(0.95, df) * std_error
    np.testing.assert_allclose(result.lower, estimate - half, rtol=0, atol=1e-10 * half.max())
    np.testing.assert_allclose(result.upper, estimate + half, rtol=0, atol=1e-10 * half.max())
    exact = 2 * stats.t.sf(abs(estimate - 0.2) / std_error, df)
    np.testing.assert_allclose(result.p_value, exact, rtol=1e-9)


def test_an_interval_ends_where_the_p_value_is_the_level():
    estimate, std_error, df = np.array([1.0, -3.0]), np.array([0.4, 2.0]), np.array([3.7, np.inf])
    lower, upper, _ = infer(estimate, std_error, df, level=0.9)
    for end in (lower, upper):
        p = [infer(estimate, std_error, df, null=null).p_value[i] for i, null in enumerate(end)]
        np.testing.assert_allclose(p, 0.1, rtol=1e-9)


def test_small_p_values_keep_their_digits():
    one = np.ones(2)
    p = infer(np.array([40.0, 30.0]), one, np.array([1900.0, np.inf])).p_value
    np.testing.assert_allclose(p, [2 * stats.t.sf(40, 1900), 2 * stats.norm.sf(30)], rtol=1e-9)
    assert (p > 0).all()


def test_infinite_df_are_the_normal_law():
    lower, upper, p = infer(np.array([1.0]), np.array([1.0]), np.array([np.inf]))
    z = special.ndtri(0.975)
    np.testing.assert_allclose([lower[0], upper[0]], [1 - z, 1 + z], rtol=1e-11)
    np.testing.assert_allclose(p, 2 * stats.norm.sf(1), rtol=1e-12)


def test_what_is_missing_stays_missing():
    nan, one = np.array([np.nan]), np.array([1.0])
    for estimate, std_error, df in ((nan, one, one), (one, nan, one), (one, one, nan), (nan,) * 3):
        assert np.isnan(np.concatenate(infer(estimate, std_error, df))).all()


def test_one_missing_value_spoils_no_other():
    estimate = np.array([1.0, np.nan, 2.0])
    result = np.array(infer(estimate, np.ones(3), np.array([0.5, 5, np.inf])))
    assert np.isfinite(result[:, [0, 2]]).all()


def test_a_standard_error_of_zero():
    """The interval is the point; the p-value is 0, and unknown at the point itself."""
    lower, upper, p = infer(np.array([1.0, 0.0]), np.zeros(2), np.array([5.0, 5.0]))
    assert lower.tolist() == upper.tolist() == [1.0, 0.0]
    assert p[0] == 0
    assert np.isnan(p[1])
