"""Sums of streams: digits, ends of intervals, and pairs that nearly agree.

Tolerances are a few hundred roundings of the spread, 1e-13 of the standard deviation. A mean that
is `offset` standard deviations away is rounded there, at 1e-16 of it; sums of n of those squared
lose 1e-17 of it, where the one pass over squares loses 1e-16 of its square.
"""

import numpy as np
import pytest

from simlab import measures
from simlab.performance import ends as endings
from simlab.performance import moments
from simlab.performance.moments import needed
from simlab.performance.stream import Containing, Replicates
from simlab.performance.streams import CONTAINED, ESTIMATE, PAIR

N, PARTS = 4096, 16
SQUARE = ((2,),)


def merged(nodes, merge):
    while len(nodes) > 1:
        nodes = [merge(a, b) for a, b in zip(nodes[::2], nodes[1::2], strict=True)]
    return nodes[0]


def in_parts(x, powers=SQUARE):
    """The sums of variables (k, ..., n), taken in parts and merged pairwise."""
    nodes = [moments.moments(part, powers) for part in np.split(x, PARTS, axis=-1)]
    return merged(nodes, lambda a, b: moments.merge(a, b, powers))


def gappy(rng, offset=0.0):
    x = offset + rng.standard_normal(N)
    x[rng.random(N) < 0.1] = np.nan
    return x


@pytest.mark.parametrize("offset", [0.0, 1e6, -1e9])
def test_mean_and_spread_keep_their_digits(offset):
    x = gappy(np.random.default_rng(1), offset)
    result = in_parts(x[None, None])
    there = x[~np.isnan(x)]
    exact = there.astype(np.longdouble)
    mean = exact.mean()
    assert result.n[0] == len(there)
    assert abs(result.mean[0, 0] - mean) < 1e-13 + 2e-16 * abs(offset)
    rel = 1e-13 + 1e-17 * abs(offset)
    assert result.M[0, 0] == pytest.approx(float(((exact - mean) ** 2).sum()), rel=rel)


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_every_moment_up_to_the_fourth_keeps_its_digits(offset):
    """Of two variables that go together, in extended precision; a rounding of x is offset·1e-16."""
    rng = np.random.default_rng(8)
    x = rng.exponential(size=(2, 1, N)) + offset
    x[1] += 0.5 * (x[0] - offset)
    x[0, 0, ::11] = np.nan
    powers = needed(((1, 0), (0, 1), (2, 0), (1, 1), (0, 2)))
    assert {sum(p) for p in powers} == {2, 3, 4}
    assert len(powers) == 12
    result = in_parts(x, powers)
    there = x[:, 0, ~np.isnan(x[0, 0])].astype(np.longdouble)
    d = there - there.mean(axis=1, keepdims=True)
    for column, (p, q) in enumerate(powers):
        exact = float((d[0] ** p * d[1] ** q).sum())
        assert result.M[0, column] == pytest.approx(exact, rel=1e-11 + 1e-14 * offset), (p, q)


def test_one_pass_over_squares_loses_them():
    x = gappy(np.random.default_rng(1), 1e6)
    there = x[~np.isnan(x)]
    naive = (there**2).sum() - there.sum() ** 2 / len(there)
    exact = float(((there.astype(np.longdouble) - there.mean()) ** 2).sum())
    assert abs(naive / exact - 1) > 1e-6
    assert in_parts(x[None, None]).M[0, 0] == pytest.approx(exact, rel=1e-11)


def test_raw_moments_would_lose_the_fourth():
    """Control: Σx⁴ − 4mΣx³ + … at a mean of 1e4 standard deviations."""
    x = np.random.default_rng(8).exponential(size=N) + 1e4
    m = x.mean()
    raw = (x**4).sum() - 4 * m * (x**3).sum() + 6 * m**2 * (x**2).sum() - 3 * N * m**4
    exact = float(((x.astype(np.longdouble) - m) ** 4).sum())
    assert abs(raw / exact - 1) > 1e-4
    assert in_parts(x[None, None], ESTIMATE.powers).M[0, 2] == pytest.approx(exact, rel=1e-9)


def test_nothing_is_nothing():
    rng = np.random.default_rng(2)
    powers = ESTIMATE.powers
    some = moments.moments(rng.standard_normal((1, 3, 50)), powers)
    none = moments.moments(np.full((1, 3, 50), np.nan), powers)
    for one, other in ((some, none), (none, some)):
        result = moments.merge(one, other, powers)
        assert all(np.array_equal(a, b) for a, b in zip(result, some, strict=True))
    both = moments.merge(none, none, powers)
    assert (both.n == 0).all()
    assert np.isnan(measures.bias.measured(both).value).all()


def test_an_infinite_width_has_an_infinite_mean_and_no_spread():
    x = np.random.default_rng(3).random((1, 1, N))
    x[..., 7] = np.inf
    x[..., N - 1] = np.inf
    result = in_parts(x)
    assert result.mean[0, 0] == np.inf
    assert np.isnan(result.M[0, 0])


@pytest.mark.parametrize("apart", [1.0, 1e-4, 1e-8])
@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_efficiency_of_methods_that_nearly_agree(apart, offset):
    """The difference is a variable of its own, so what is of its size is exact.

    Against extended precision: ψ = ratio (b²/S_b² − a²/S_a²) of deviations a and b.
    """
    rng = np.random.default_rng(4)
    a = gappy(rng)
    b = a + apart * rng.standard_normal(N) + offset
    centre = np.zeros(1)
    pairs = [
        [Replicates({"estimate": x, "centre": centre}) for x in both]
        for both in zip(np.split(a, PARTS), np.split(b, PARTS), strict=True)
    ]
    result = merged([PAIR.of(*pair) for pair in pairs], PAIR.merge)
    ours = measures.efficiency.measured(result)
    there = ~np.isnan(a)
    x, y = (v[there].astype(np.longdouble) for v in (a, b))
    x, y = x - x.mean(), y - y.mean()
    n, ratio = there.sum(), (y**2).sum() / (x**2).sum()
    psi = ratio * (n - 1) * (y**2 / (y**2).sum() - x**2 / (x**2).sum())
    mcse = np.sqrt((psi**2).sum() / (n * (n - 1)))
    # What a − b is rounded to, offset·1e-16, is all that is lost.
    rel = 1e-11 + 1e-14 * offset / apart
    assert ours.value == pytest.approx(float(ratio), rel=1e-12 + 1e-15 * offset)
    assert ours.mcse == pytest.approx(float(mcse), rel=rel)
    assert ours.n == n


def test_efficiency_from_products_alone_would_not_do():
    rng = np.random.default_rng(4)
    a = rng.standard_normal(N)
    b = a + 1e-8 * rng.standard_normal(N)
    aa, bb, ab = ((p - p.mean()) @ (q - q.mean()) for p, q in ((a, a), (b, b), (a, b)))
    one_minus = 1 - ab**2 / (aa * bb)
    right = (measures.efficiency(a, b, mcse="normal").mcse / 2 / (bb / aa)) ** 2 * (N - 1)
    assert abs(one_minus / right - 1) > 1e-3


def contained_in_parts(estimate, lower, upper):
    step = len(estimate) // PARTS
    nodes = []
    for i in range(PARTS):
        part = slice(i * step, (i + 1) * step)
        arrays = {"estimate": estimate, "lower": lower, "upper": upper}
        r = Replicates({k: x[None, part] for k, x in arrays.items()} | {"centre": np.zeros((1, 1))})
        nodes.append(CONTAINED.of(r))
    result: Containing = merged(nodes, CONTAINED.merge)
    return CONTAINED.moments(result), result.ends


@pytest.mark.parametrize("law", ["normal", "t3", "exponential", "constant"])
def test_share_that_holds_the_mean_is_exact(law):
    rng = np.random.default_rng(5)
    estimate = {
        "normal": rng.standard_normal(N),
        "t3": rng.standard_t(3, N),
        "exponential": rng.exponential(size=N),
        "constant": np.full(N, 0.3),
    }[law]
    half = 1.5 * np.sqrt(rng.chisquare(5, N) / 5)
    lower, upper = estimate - half, estimate + half
    total, result = contained_in_parts(estimate, lower, upper)
    mean = estimate.mean()
    assert total.mean[0, 0] * N == pytest.approx(
        ((lower <= mean) & (mean <= upper)).sum(), abs=1e-9
    )
    assert len(result.value) < 2 * endings.WIDE * np.sqrt(N)
    whole = measures.bias_eliminated_coverage(estimate, lower, upper)
    parts = measures.bias_eliminated_coverage.measured(total)
    np.testing.assert_allclose([p[0] for p in parts], whole, rtol=1e-10)


def test_a_mean_outside_its_bracket_is_not_guessed_at():
    """Estimates without a variance: the parts' means do not settle where all of them has it."""
    estimate = np.random.default_rng(6).standard_normal(N)
    estimate[-1] = 1e6
    total, _ = contained_in_parts(estimate, estimate - 1, estimate + 1)
    unknown = measures.bias_eliminated_coverage.measured(total)
    assert np.isnan(unknown.value[0])
    assert np.isnan(unknown.mcse[0])
    assert unknown.n[0] == N


def test_few_replicates_keep_all_ends():
    estimate = np.random.default_rng(7).standard_normal(PARTS * 2)
    total, result = contained_in_parts(estimate, estimate - 1, estimate + 1)
    assert total.mean[0, 0] * len(estimate) == (abs(estimate - estimate.mean()) <= 1).sum()
    assert len(result.value) == 2 * len(estimate)
