"""Sums of streams: digits, ends of intervals, and pairs that nearly agree.

Tolerances are a few hundred roundings of the spread, 1e-13 of the standard deviation. A mean that
is `offset` standard deviations away is rounded there, at 1e-16 of it; sums of n of those squared
lose 1e-17 of it, where the one pass over squares loses 1e-16 of its square.
"""

import numpy as np
import pytest

from simlab.performance import ends as endings
from simlab.performance import moments, replicates, summed
from simlab.performance.moments import Moments
from simlab.performance.summed import Sums

N, PARTS = 4096, 16


def in_parts(x):
    """The sums of streams (K, k, n), taken in parts and merged pairwise."""
    nodes = [moments.moments(part) for part in np.split(x, PARTS, axis=-1)]
    while len(nodes) > 1:
        nodes = [moments.merge(a, b) for a, b in zip(nodes[::2], nodes[1::2], strict=True)]
    return nodes[0]


def gappy(rng, offset=0.0):
    x = offset + rng.standard_normal(N)
    x[rng.random(N) < 0.1] = np.nan
    return x


@pytest.mark.parametrize("offset", [0.0, 1e6, -1e9])
def test_mean_and_spread_keep_their_digits(offset):
    x = gappy(np.random.default_rng(1), offset)
    found = in_parts(x[None, None])
    there = x[~np.isnan(x)]
    exact = there.astype(np.longdouble)
    mean = exact.mean()
    assert found.n[0] == len(there)
    assert abs(found.mean[0, 0] - mean) < 1e-13 + 2e-16 * abs(offset)
    rel = 1e-13 + 1e-17 * abs(offset)
    assert found.C[0, 0] == pytest.approx(float(((exact - mean) ** 2).sum()), rel=rel)


def test_one_pass_over_squares_loses_them():
    x = gappy(np.random.default_rng(1), 1e6)
    there = x[~np.isnan(x)]
    naive = (there**2).sum() - there.sum() ** 2 / len(there)
    exact = float(((there.astype(np.longdouble) - there.mean()) ** 2).sum())
    assert abs(naive / exact - 1) > 1e-6
    assert in_parts(x[None, None]).C[0, 0] == pytest.approx(exact, rel=1e-11)


def test_nothing_is_nothing():
    rng = np.random.default_rng(2)
    some = moments.moments(rng.standard_normal((3, 1, 50)))
    none = moments.moments(np.full((3, 1, 50), np.nan))
    for merged in (moments.merge(some, none), moments.merge(none, some)):
        assert all(np.array_equal(a, b) for a, b in zip(merged, some, strict=True))
    both = moments.merge(none, none)
    assert (both.n == 0).all()
    assert np.isnan(summed.average(Sums(both.n, both.mean[:, 0], both.C[:, 0])).value).all()


def test_an_infinite_width_has_an_infinite_mean_and_no_spread():
    x = np.random.default_rng(3).random((1, 1, N))
    x[..., 7] = np.inf
    x[..., N - 1] = np.inf
    found = in_parts(x)
    assert found.mean[0, 0] == np.inf
    assert np.isnan(found.C[0, 0])


@pytest.mark.parametrize("apart", [1.0, 1e-4, 1e-8])
@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_efficiency_of_methods_that_nearly_agree(apart, offset):
    """The difference is held as a stream of its own, so 1 − ρ² of the size of apart² is exact."""
    rng = np.random.default_rng(4)
    a = gappy(rng)
    b = a + apart * rng.standard_normal(N) + offset
    found = in_parts(np.stack([a, b - offset, a - b])[None])
    ours = summed.efficiency(found.n, found.C)
    theirs = replicates.efficiency(a, b)
    # What a − b is rounded to, offset·1e-16, is all that is lost.
    rel = 1e-12 + 1e-15 * offset / apart
    assert ours.value[0] == pytest.approx(theirs.value, rel=1e-12 + 1e-15 * offset)
    assert ours.mcse[0] == pytest.approx(theirs.mcse, rel=rel)
    assert ours.n[0] == theirs.n


def test_efficiency_from_products_alone_would_not_do():
    rng = np.random.default_rng(4)
    a = rng.standard_normal(N)
    b = a + 1e-8 * rng.standard_normal(N)
    aa, bb, ab = ((p - p.mean()) @ (q - q.mean()) for p, q in ((a, a), (b, b), (a, b)))
    one_minus = 1 - ab**2 / (aa * bb)
    right = (replicates.efficiency(a, b).mcse / 2 / (bb / aa)) ** 2 * (N - 1)
    assert abs(one_minus / right - 1) > 1e-3


def ends_in_parts(estimate, lower, upper):
    def node(part):
        single = moments.moments(estimate[None, None, part])
        return single, endings.ends(lower[None, part], upper[None, part], around(single))

    def around(single: Moments):
        return endings.around(single.mean[:, 0], single.n, single.C[:, 0])

    step = len(estimate) // PARTS
    nodes = [node(slice(i * step, (i + 1) * step)) for i in range(PARTS)]
    while len(nodes) > 1:
        merged = []
        for (m1, e1), (m2, e2) in zip(nodes[::2], nodes[1::2], strict=True):
            m = moments.merge(m1, m2)
            merged.append((m, endings.merge(e1, e2, around(m))))
        nodes = merged
    single, found = nodes[0]
    return endings.holding(found, single.mean[:, 0])[0], found


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
    held, found = ends_in_parts(estimate, estimate - half, estimate + half)
    mean = estimate.mean()
    assert held == ((estimate - half <= mean) & (mean <= estimate + half)).sum()
    assert len(found.value) < 2 * endings.WIDE * np.sqrt(N)


def test_a_mean_outside_its_bracket_is_not_guessed_at():
    """Estimates without a variance: the parts' means do not settle where all of them has it."""
    estimate = np.random.default_rng(6).standard_normal(N)
    estimate[-1] = 1e6
    held, _ = ends_in_parts(estimate, estimate - 1, estimate + 1)
    assert held == -1
    unknown = summed.bias_eliminated_coverage(np.array([held]), np.array([N]))
    assert np.isnan(unknown.value[0])
    assert np.isnan(unknown.mcse[0])
    assert unknown.n[0] == N


def test_few_replicates_keep_all_ends():
    estimate = np.random.default_rng(7).standard_normal(PARTS * 2)
    held, found = ends_in_parts(estimate, estimate - 1, estimate + 1)
    assert held == (abs(estimate - estimate.mean()) <= 1).sum()
    assert len(found.value) == 2 * len(estimate)
