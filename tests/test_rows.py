"""Rotation of rows: against numpy's QR, and in units in which nothing is lost.

Tolerances: two backward stable rotations of the same data agree in their likelihood to some
hundred ε, 1e-11 of its size. The transformed problem has the same likelihood but for known
constants; with offsets of 1e6 the data themselves carry 1e-10 of relative rounding.
"""

import numpy as np
import pytest
from mixed_cases import rotate

from simlab.mixed.deviance import deviance
from simlab.mixed.optimum import is_singular, optimise, semidefinite_root
from simlab.mixed.rows import rotate_rows
from simlab.mixed.work import allocate_work


class Case:
    """Rows with p = 4, r = 2 or 3; clusters of one row, and one in which x is constant."""

    def __init__(self, seed, r=2, offset=0.0, scale=1.0, intercept=True):
        rng = np.random.default_rng(seed)
        n = rng.integers(1, 8, 12)
        self.cluster = rng.permutation(np.repeat(np.arange(12), n))
        N = len(self.cluster)
        x, v = rng.standard_normal((2, N))
        x[self.cluster == 3] = 0.5
        w = rng.standard_normal(12)[self.cluster]
        u = rng.standard_normal((12, 2))[self.cluster]
        self.y = 1 + x + w + u[:, 0] + u[:, 1] * x + rng.standard_normal(N)
        one = np.ones(N) if intercept else rng.standard_normal(N)
        self.D = np.column_stack([one, offset + scale * x, w, offset + scale * v])
        self.fixed, self.random = np.arange(4), np.array([0, 1, 3])[:r]

    def clusters(self, blocks=None):
        return rotate_rows(self.D, self.y, self.cluster, self.fixed, self.random, blocks)

    def loglik(self, fit, units):
        return fit.deviance + 2 * fit.nu * np.log(units.s_y) - 2 * np.linalg.slogdet(units.A)[1]


@pytest.mark.parametrize("r", [1, 2, 3])
@pytest.mark.parametrize("intercept", [True, False])
def test_the_kernel_has_the_likelihood_of_numpys_rotation(r, intercept):
    case = Case(r, r, intercept=intercept)
    rotated, _, _, units, *_ = case.clusters()
    plain = rotate(case.D, case.D[:, case.random], case.y, case.cluster)
    rng = np.random.default_rng(1)
    for _ in range(5):
        G = semidefinite_root(np.cov(rng.standard_normal((r, 9))).reshape(r, r))
        w = allocate_work(plain)
        direct = deviance(G, plain, True, False, w)
        inverse = np.linalg.inv(units.B)
        carried = semidefinite_root(inverse @ G @ G.T @ inverse.T)
        nu = len(case.y) - 4
        ours = deviance(carried, rotated, True, False, allocate_work(rotated))
        ours += 2 * nu * np.log(units.s_y) - 2 * np.linalg.slogdet(units.A)[1]
        assert ours == pytest.approx(direct, rel=1e-11)
        assert abs(ours - deviance(1.01 * G, plain, True, False, w)) > 1e-6  # control


def test_one_remainder_per_cluster_adds_up():
    clusters = Case(4).clusters()
    np.testing.assert_array_equal(clusters.rest.sum(axis=0), clusters.rotated.rest[0])
    singles = clusters.n <= 2
    assert singles.any()
    assert (clusters.rest[singles] == 0).all()  # no row is left once Z_j is taken out


def test_offsets_and_scales_change_nothing_but_the_units():
    one, other = Case(5, r=3), Case(5, r=3, offset=1e6, scale=1e5)
    fits = [optimise(case.clusters().rotated, True) for case in (one, other)]
    assert fits[0].evaluations > 0
    slopes = []
    for case, fit in zip((one, other), fits, strict=True):
        units = case.clusters().units
        slopes.append((units.b + units.s_y * units.A @ fit.gamma)[1:4])
    np.testing.assert_allclose(slopes[1] * [1e5, 1, 1e5], slopes[0], rtol=1e-7)
    units = [case.clusters().units for case in (one, other)]
    values = [c.loglik(f, u) for c, f, u in zip((one, other), fits, units, strict=True)]
    assert values[1] + 4 * np.log(1e5) * -1 == pytest.approx(values[0], abs=1e-6)


def test_the_order_of_rows_does_not_matter():
    case = Case(6)
    order = np.random.default_rng(2).permutation(len(case.y))
    shuffled = rotate_rows(
        case.D[order], case.y[order], case.cluster[order], case.fixed, case.random
    )
    both = [optimise(c.rotated, True).deviance for c in (case.clusters(), shuffled)]
    assert both[0] == pytest.approx(both[1], rel=1e-12)


def test_blocks_keep_their_random_effects_uncorrelated():
    """(1 | g) + (0 + x | g): the search over a diagonal Λ ends where BFGS over it ends."""
    from scipy.optimize import minimize

    case = Case(7, r=2)
    blocks = np.array([0, 1])
    rotated, _, _, units, *_ = case.clusters(blocks)
    assert units.B[0, 1] == 0  # x is not centred: that would correlate them
    fit = optimise(rotated, True)
    assert fit.free == [(0, 0), (1, 1)]
    assert fit.Lambda[1, 0] == 0

    def objective(theta):
        w = allocate_work(rotated)
        return deviance(np.diag(theta), rotated, True, False, w)

    results = [
        minimize(objective, s, method="Nelder-Mead").fun for s in ([1, 1], [0.2, 2], [2, 0.2])
    ]
    assert fit.deviance <= min(results) + 1e-6
    correlated = case.clusters()
    whole = optimise(correlated.rotated, True)
    gain = case.loglik(fit, units) - case.loglik(whole, correlated.units)
    assert gain > 1e-3  # control: the correlation is worth something


def test_a_singular_fit_is_told_from_a_regular_one():
    case = Case(8)
    case.y = case.D @ np.ones(4) + np.random.default_rng(3).standard_normal(len(case.y))
    assert is_singular(optimise(case.clusters().rotated, True))
    assert not is_singular(optimise(Case(5, r=1).clusters().rotated, True))
