"""Array core of the measures: arithmetic, invariance, and whether each MCSE tells the truth.

Tolerances.

EXACT: sums of a few hundred terms in another order, relative.

MCSE_TOLERANCE, for "the MCSE is the standard deviation of its measure": the sd of STUDIES = 2000
values has relative standard error √((κ − 1)/(4·2000)), with kurtosis κ at most about 4 for these
measures: 1.9 %. The formulae are asymptotic; at REPLICATES = 200 they are off by O(1/n) ≈ 0.5 %.
Three standard errors and that make 7 %. A wrong formula is planted beside each and must fail the
same check.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from simlab import measures
from simlab.measures import Measured

EXACT = 1e-12
STUDIES, REPLICATES = 2000, 200
MCSE_TOLERANCE = 0.07
NAN = math.nan


# --- plain Python: one cell at a time, lists, no numpy ---


def mean(x):
    return math.fsum(x) / len(x)


def var(x):
    m = mean(x)
    return math.fsum((v - m) ** 2 for v in x) / (len(x) - 1)


def sd(x):
    return math.sqrt(var(x))


def plain_mean(x):
    return mean(x), sd(x) / math.sqrt(len(x))


def plain_share(x):
    n, p = len(x), sum(x) / len(x)
    shrunk = (sum(x) + 2) / (n + 4) if p in (0, 1) else p
    return p, math.sqrt(shrunk * (1 - shrunk) / n)


def jackknifed(value, psi):
    """A value with √(Σψ²/(n(n − 1))), where what each replicate adds is ψ less its mean."""
    return value, math.sqrt(
        math.fsum((v - mean(psi)) ** 2 for v in psi) / len(psi) / (len(psi) - 1)
    )


def squares(x):
    return [(v - mean(x)) ** 2 for v in x]


def plain_standardised_bias(b, theta):
    bias, S = mean(b) - theta, sd(b)
    each = zip(b, squares(b), strict=True)
    return jackknifed(bias / S, [v / S - bias / (2 * S**3) * q for v, q in each])


def plain_empirical_se(b):
    return jackknifed(sd(b), [q / (2 * sd(b)) for q in squares(b)])


def plain_rmse(b, theta):
    value, mcse = plain_mean([(v - theta) ** 2 for v in b])
    return math.sqrt(value), mcse / (2 * math.sqrt(value))


def plain_model_se(s):
    V = [v**2 for v in s]
    return math.sqrt(mean(V)), math.sqrt(var(V) / (4 * len(s) * mean(V)))


def plain_relative_error(b, s):
    V = [v**2 for v in s]
    ratio = math.sqrt(mean(V)) / sd(b)
    each = zip(V, squares(b), strict=True)
    psi = [100 * ratio * (v / (2 * mean(V)) - q / (2 * var(b))) for v, q in each]
    return jackknifed(100 * (ratio - 1), psi)


def plain_bias_eliminated_coverage(b, lo, up):
    """ψ = c − p + D a, with D counted within three standard errors of the mean."""
    n, m = len(b), mean(b)
    holds = [float(low <= m <= high) for low, high in zip(lo, up, strict=True)]
    p, half = mean(holds), 3 * sd(b) / math.sqrt(n)
    if p in (0, 1):
        return plain_share(holds)
    near = [abs(low - m) <= half for low in lo], [abs(high - m) <= half for high in up]
    D = (sum(near[0]) - sum(near[1])) / (2 * half * n)
    psi = [c - p + D * (v - m) for c, v in zip(holds, b, strict=True)]
    return p, math.sqrt(math.fsum(v**2 for v in psi)) / n


def plain_efficiency(b, ref):
    ratio = var(ref) / var(b)
    each = zip(squares(b), squares(ref), strict=True)
    return jackknifed(ratio, [ratio * (r / var(ref) - q / var(b)) for q, r in each])


def plain_relative_precision(b, ref):
    value, mcse = plain_efficiency(b, ref)
    return 100 * (value - 1), 100 * mcse


PLAIN = {
    "average": (("x",), plain_mean),
    "share": (("outcome",), plain_share),
    "bias": (("b", "theta"), lambda b, t: plain_mean([v - t for v in b])),
    "relative_bias": (
        ("b", "theta"),
        lambda b, t: ((mean(b) - t) / t, sd(b) / abs(t) / math.sqrt(len(b))),
    ),
    "standardised_bias": (("b", "theta"), plain_standardised_bias),
    "empirical_se": (("b",), plain_empirical_se),
    "mse": (("b", "theta"), lambda b, t: plain_mean([(v - t) ** 2 for v in b])),
    "rmse": (("b", "theta"), plain_rmse),
    "model_se": (("s",), plain_model_se),
    "relative_error": (("b", "s"), plain_relative_error),
    "coverage": (
        ("lower", "upper", "theta"),
        lambda lo, up, t: plain_share([a <= t <= z for a, z in zip(lo, up, strict=True)]),
    ),
    "bias_eliminated_coverage": (("b", "lower", "upper"), plain_bias_eliminated_coverage),
    "rejection_rate": (("p",), lambda p: plain_share([v <= 0.05 for v in p])),
    "interval_width": (
        ("lower", "upper"),
        lambda lo, up: plain_mean([z - a for a, z in zip(lo, up, strict=True)]),
    ),
    "paired_difference": (
        ("b", "ref"),
        lambda b, ref: plain_mean([x - y for x, y in zip(b, ref, strict=True)]),
    ),
    "efficiency": (("b", "ref"), plain_efficiency),
    "relative_precision": (("b", "ref"), plain_relative_precision),
}


def normal_empirical_se(b):
    return sd(b), sd(b) / math.sqrt(2 * (len(b) - 1))


def normal_relative_error(b, s):
    n, V = len(b), [v**2 for v in s]
    ratio = math.sqrt(mean(V)) / sd(b)
    spread = var(V) / (4 * n * mean(V) ** 2) + 1 / (2 * (n - 1))
    return 100 * (ratio - 1), 100 * ratio * math.sqrt(spread)


def normal_efficiency(b, ref):
    n = len(b)
    products = math.fsum((x - mean(b)) * (y - mean(ref)) for x, y in zip(b, ref, strict=True))
    rho = products / (n - 1) / (sd(b) * sd(ref))
    ratio = var(ref) / var(b)
    return ratio, 2 * ratio * math.sqrt((1 - rho**2) / (n - 1))


def normal_standardised_bias(b, theta):
    n, d = len(b), (mean(b) - theta) / sd(b)
    return d, math.sqrt(1 / n + d * d / (2 * (n - 1)))


def normal_share(hits):
    p = sum(hits) / len(hits)
    return p, math.sqrt(p * (1 - p) / len(hits))


NORMAL = {
    "empirical_se": normal_empirical_se,
    "relative_error": normal_relative_error,
    "efficiency": normal_efficiency,
    "standardised_bias": normal_standardised_bias,
    "bias_eliminated_coverage": lambda b, lo, up: normal_share(
        [low <= mean(b) <= high for low, high in zip(lo, up, strict=True)]
    ),
    "coverage": lambda lo, up, t: normal_share([a <= t <= z for a, z in zip(lo, up, strict=True)]),
    "share": normal_share,
    "rejection_rate": lambda p: normal_share([v <= 0.05 for v in p]),
    "relative_precision": lambda b, ref: (
        100 * (normal_efficiency(b, ref)[0] - 1),
        100 * normal_efficiency(b, ref)[1],
    ),
}
"""Formulas of Morris, White & Crowther (2019), where they are others."""
ALL = sorted(PLAIN)


def simulated(rng, *shape, theta=0.5, offset=0.56, sigma=0.7, rho=0.8, df=20):
    """A simulation study: normal estimates with bias `offset`, χ² variances, correlated rival."""
    z, w = rng.standard_normal((2, *shape))
    b = theta + offset + sigma * z
    s = sigma * np.sqrt(rng.chisquare(df, shape) / df)
    return {
        "b": b,
        "ref": theta + sigma * (rho * z + math.sqrt(1 - rho**2) * w),
        "s": s,
        "lower": b - 1.96 * s,
        "upper": b + 1.96 * s,
        "p": 2 * ndtr(-np.abs(b) / s),
        "x": s,
        "outcome": np.where(rng.random(shape) < 0.1, 1.0, 0.0),
        "theta": np.full(shape[:-1], theta),
    }


def call(name: str, data, **how) -> Measured:
    return getattr(measures, name)(*(data[key] for key in PLAIN[name][0]), **how)


@pytest.mark.parametrize("mcse", ["jackknife", "normal"])
@pytest.mark.parametrize("name", ALL)
def test_plain_arithmetic_cell_by_cell_with_missing_replicates(name, mcse):
    rng = np.random.default_rng(1)
    data = simulated(rng, 2, 3, 60)
    data["theta"] = np.array([[0.5, -0.5, 1.0], [2.0, 0.1, -3.0]])
    keys, plain = PLAIN[name]
    plain = NORMAL.get(name, plain) if mcse == "normal" else plain
    arrays = [key for key in keys if key != "theta"]
    for key in arrays:
        data[key] = np.where(rng.random((2, 3, 60)) < 0.1, np.nan, data[key])

    value, error, n = call(name, data, mcse=mcse)

    assert value.shape == error.shape == n.shape == (2, 3)
    for cell in np.ndindex(2, 3):
        kept = [
            row
            for row in zip(*(data[key][cell].tolist() for key in arrays), strict=True)
            if not any(math.isnan(v) for v in row)
        ]
        lists = dict(zip(arrays, map(list, zip(*kept, strict=True)), strict=True))
        expected = plain(*(lists.get(key, float(data["theta"][cell])) for key in keys))
        assert n[cell] == len(kept) < 60
        assert (value[cell], error[cell]) == pytest.approx(expected, rel=EXACT, abs=EXACT)


# --- every MCSE is the standard deviation of its measure; a wrong one is not ---


def tells_the_truth(value, mcse) -> bool:
    ratio = math.sqrt(np.mean(np.square(mcse))) / np.std(value, ddof=1)
    return abs(ratio - 1) < MCSE_TOLERANCE


WRONG = {
    "that of a standard deviation": (
        "average",
        lambda d: np.std(d["x"], axis=-1, ddof=1) / math.sqrt(2 * (REPLICATES - 1)),
    ),
    "widest binomial": ("share", lambda d: 0.5 / math.sqrt(REPLICATES)),
    "that of the empirical SE": ("bias", lambda d: measures.empirical_se(d["b"]).mcse),
    "not divided by θ": ("relative_bias", lambda d: measures.bias(d["b"], d["theta"]).mcse),
    "that of an unbiased one": ("standardised_bias", lambda d: 1 / math.sqrt(REPLICATES)),
    "that of the bias": ("empirical_se", lambda d: measures.bias(d["b"], d["theta"]).mcse),
    "as if unbiased": (
        "mse",
        lambda d: np.var(d["b"], axis=-1, ddof=1) * math.sqrt(2 / REPLICATES),
    ),
    "2 forgotten in the delta method": (
        "rmse",
        lambda d: 2 * measures.rmse(d["b"], d["theta"]).mcse,
    ),
    "M forgotten in the delta method": (
        "model_se",
        lambda d: measures.model_se(d["s"]).mcse * measures.model_se(d["s"]).value,
    ),
    "S taken as known": (
        "relative_error",
        lambda d: 100 * measures.model_se(d["s"]).mcse / measures.empirical_se(d["b"]).value,
    ),
    "at the nominal level": ("coverage", lambda d: math.sqrt(0.95 * 0.05 / REPLICATES)),
    "at one half": ("bias_eliminated_coverage", lambda d: 0.5 / math.sqrt(REPLICATES)),
    "under the null": ("rejection_rate", lambda d: math.sqrt(0.05 * 0.95 / REPLICATES)),
    "that of one end": ("interval_width", lambda d: measures.average(d["upper"]).mcse),
    "pairing ignored": (
        "paired_difference",
        lambda d: np.hypot(measures.average(d["b"]).mcse, measures.average(d["ref"]).mcse),
    ),
    "ρ ignored": (
        "efficiency",
        lambda d: 2 * measures.efficiency(d["b"], d["ref"]).value / math.sqrt(REPLICATES - 1),
    ),
    "% forgotten": (
        "relative_precision",
        lambda d: measures.efficiency(d["b"], d["ref"]).mcse,
    ),
}


@pytest.fixture(scope="module")
def studies():
    return simulated(np.random.default_rng(20), STUDIES, REPLICATES)


@pytest.mark.parametrize("mistake", WRONG)
def test_mcse_is_the_sd_of_the_measure_over_studies(studies, mistake):
    name, wrong = WRONG[mistake]
    value, mcse, n = call(name, studies)
    assert (n == REPLICATES).all()
    assert tells_the_truth(value, mcse)
    assert not tells_the_truth(value, wrong(studies))


def test_every_measure_has_its_law_and_its_control():
    assert sorted(name for name, _ in WRONG.values()) == ALL
    of_datasets = {"contrast", "measure", "paired", "rejection", "tidy"}
    # What became of fits is a share or a mean of one number, as `share` and `average` are.
    of_fits = {m.name for m in measures.MEASURES.values() if m.stream.per == "fit"}
    functions = {n for n in measures.__all__ if n[0].islower()} - of_datasets - of_fits - {"over"}
    assert functions == {*ALL, *measures.ROBUST}


@pytest.mark.parametrize(
    ("name", "rel", "factor"),
    [
        ("average", 1e-10, 1),
        ("bias", 1e-10, 1),
        ("mse", 1e-10, 1),
        ("paired_difference", 1e-10, 1),
        # √(p(1 − p)/n) has n where the jackknife has n − 1.
        ("coverage", 1e-10, math.sqrt(599 / 600)),
        # The delta method leaves out terms of order 1/n.
        ("rmse", 5e-3, 1),
        ("model_se", 5e-3, 1),
    ],
)
def test_delete_one_jackknife(name, rel, factor):
    n = 600
    data = simulated(np.random.default_rng(3), n)
    keys = [key for key in PLAIN[name][0] if key != "theta"]
    left = np.array([np.delete(np.arange(n), i) for i in range(n)])
    without = {"theta": np.full(n, 0.5)} | {key: data[key][left] for key in keys}
    values = call(name, without).value
    jackknife = math.sqrt((n - 1) / n * np.sum((values - values.mean()) ** 2))
    assert call(name, data).mcse == pytest.approx(factor * jackknife, rel=rel)


def test_unbiased_study_has_the_values_that_theory_gives():
    data = simulated(np.random.default_rng(5), 400, 1000, offset=0.0)
    laws = {
        "bias": 0,
        "relative_bias": 0,
        "empirical_se": 0.7 * (1 - 1 / 4000),
        "mse": 0.49,
        "efficiency": 1 + 2 / 1000 * 0.36,
    }
    for name, law in laws.items():
        value, mcse, _ = call(name, data)
        z = (value.mean() - law) / math.sqrt(np.mean(mcse**2) / 400)
        assert abs(z) < 4, name
        assert abs((value.mean() - law - 0.02) / math.sqrt(np.mean(mcse**2) / 400)) > 4, name


# --- numbers at the edge ---


@pytest.mark.parametrize("name", ALL)
def test_no_replicates_or_one_is_quiet(name):
    for n in (0, 1):
        value, mcse, count = call(name, simulated(np.random.default_rng(0), 2, n))
        assert np.isnan(mcse).all()
        assert (count == n).all()
        assert np.isnan(value).all() or n == 1


@pytest.mark.parametrize("name", ALL)
def test_all_missing_is_quiet(name):
    data = {key: np.full((2, 5), NAN) for key in simulated(np.random.default_rng(0), 1)}
    data["theta"] = np.zeros(2)
    value, mcse, n = call(name, data)
    assert np.isnan(value).all()
    assert np.isnan(mcse).all()
    assert (n == 0).all()


@pytest.mark.parametrize("theta", [0.0, NAN])
def test_unknown_or_zero_target(theta):
    b = np.array([1.0, 2.0, 4.0])
    relative = measures.relative_bias(b, theta)
    assert np.isnan(relative.value)
    assert np.isnan(relative.mcse)
    unknown = math.isnan(theta)
    for measured in (
        relative,
        measures.bias(b, theta),
        measures.mse(b, theta),
        measures.coverage(b - 3, b + 3, theta),
    ):
        assert measured.n == (0 if unknown else 3)
    assert np.isnan(measures.bias(b, theta).value) == unknown


@pytest.mark.parametrize("constant", [0.0, 0.1, -1e8 / 3])
def test_constant_estimates_have_zero_spread_and_undefined_ratios(constant):
    b, other = np.full(1001, constant), np.arange(1001.0)
    assert measures.empirical_se(b) == (0, 0, 1001)
    assert measures.bias(b, constant) == (0, 0, 1001)
    assert measures.rmse(b, constant).value == 0
    for measured in (
        measures.relative_error(b, other + 1),
        measures.efficiency(b, other),
        measures.relative_precision(b, other),
    ):
        assert np.isnan(measured.value)
        assert np.isnan(measured.mcse)
    assert measures.efficiency(other, b).value == 0


def test_reference_against_itself_is_exact():
    b = np.random.default_rng(2).standard_normal((3, 50)) + 1e6
    np.testing.assert_array_equal(measures.relative_precision(b, b).value, 0)
    np.testing.assert_array_equal(measures.relative_precision(b, b).mcse, 0)
    np.testing.assert_array_equal(measures.paired_difference(b, b).mcse, 0)


def test_squares_of_standard_errors_that_overflow_give_no_number():
    b, s = [1.0, 2.0, 4.0], [1e300, 1.0, 1e300]
    assert math.isnan(measures.model_se(s).value)
    assert math.isnan(measures.relative_error(b, s).value)
    assert measures.model_se([1e150] * 3).value == pytest.approx(1e150)


def test_infinite_bounds_cover_and_closed_ends_count():
    lower, upper = [-math.inf, 1.0, 0.0, 2.0], [math.inf, 2.0, 1.0, 3.0]
    assert measures.coverage(lower, upper, 1.0).value == 0.75
    assert measures.interval_width(lower, upper).value == math.inf
    assert measures.rejection_rate([0.05, 0.0501, NAN, 0.0]) == (
        2 / 3,
        pytest.approx(math.sqrt(2 / 27)),
        3,
    )


def test_inputs_of_any_layout_and_type():
    b = np.random.default_rng(9).integers(0, 5, (40, 6))
    expected = measures.empirical_se(np.ascontiguousarray(b.T, dtype=float)).value
    np.testing.assert_allclose(measures.empirical_se(b.T).value, expected, rtol=EXACT)
    assert measures.share([True, False]).value == 0.5
    # One reference for many estimators, many targets for one estimator.
    assert measures.paired_difference(b.T, b[:, 0]).value.shape == (6,)
    assert measures.bias(b[:, 0], np.zeros((3, 1))).value.shape == (3, 1)


# --- equivariance; on a grid of 2⁻¹⁰, so that moving estimates by 10⁸ costs no digit itself ---

grid = st.lists(st.integers(-(2**20), 2**20), min_size=2, max_size=25).map(
    lambda k: np.array(k) / 2.0**10
)
shifts = st.integers(-(2**27), 2**27).map(float)
scales = st.integers(-12, 12).map(lambda k: 2.0**k)
targets = st.integers(-(2**20), 2**20).map(lambda k: k / 2.0**10)
exactly = settings(max_examples=80, deadline=None, derandomize=True)


def same(a: Measured, b: Measured, factor: float = 1.0, slack: float = 0.0) -> None:
    np.testing.assert_allclose(a.value, factor * b.value, rtol=1e-11)
    np.testing.assert_allclose(a.mcse, abs(factor) * b.mcse, rtol=1e-11, atol=slack)
    np.testing.assert_array_equal(a.n, b.n)


@exactly
@given(grid, shifts, scales, st.sampled_from([1, -1]), targets)
def test_measures_of_location_and_spread(b, shift, scale, sign, theta):
    c = sign * scale
    moved, target = c * (b + shift), c * (theta + shift)
    same(measures.bias(moved, target), measures.bias(b, theta), c)
    same(measures.mse(moved, target), measures.mse(b, theta), c**2)
    same(measures.rmse(moved, target), measures.rmse(b, theta), scale)
    same(measures.empirical_se(moved), measures.empirical_se(b), scale)
    same(measures.relative_bias(c * b, c * theta), measures.relative_bias(b, theta))
    same(measures.relative_error(moved, scale * (1 + b**2)), measures.relative_error(b, 1 + b**2))


@exactly
@given(grid, shifts, scales, targets)
def test_measures_of_intervals(b, shift, scale, theta):
    width = 1 + np.abs(b[::-1])
    lower, upper = b - width, b + width
    low, up = scale * (lower + shift), scale * (upper + shift)
    same(
        measures.coverage(low, up, scale * (theta + shift)),
        measures.coverage(lower, upper, theta),
    )
    same(measures.interval_width(low, up), measures.interval_width(lower, upper), scale)


@exactly
@given(grid, shifts, shifts, scales, st.randoms(use_true_random=False))
def test_comparisons(b, shift, other, scale, random):
    ref = b + np.array([random.randrange(-1000, 1000) for _ in b]) / 8
    before = measures.efficiency(b, ref)
    moved = measures.efficiency(scale * (b + shift), scale * (ref + other))
    same(moved, before, slack=1e-13 * abs(before.value))  # ρ = ±1: the MCSE is what rounding leaves
    same(
        measures.paired_difference(scale * (b + shift), scale * (ref + shift)),
        measures.paired_difference(b, ref),
        scale,
    )


def test_textbook_variance_would_fail_the_shift():
    """Control of the three tests above: the formula that loses its digits does lose them."""
    b = np.arange(25) / 2.0**10
    moved = b + 2.0**27
    naive = np.mean(moved**2) - np.mean(moved) ** 2
    assert abs(naive / np.var(b) - 1) > 0.1
    same(measures.empirical_se(moved), measures.empirical_se(b))
