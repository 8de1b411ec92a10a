"""The mixed engine against a dense, complex-valued oracle, and its convergence.

The oracle writes down V = I + ZΛΛ'Z' and uses complex steps (error of the order of ε, no
cancellation), so derivatives must agree to 1e-9 of their largest entry: about 1e6 ε, for the
inverses of X'V⁻¹X. The Hessian is compared with central differences of the gradient with one
Richardson step, h = 1e-3: error h⁴ times a sixth derivative, 1e-8 of the largest entry.
"""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from line_cases import fitted_deviance
from mixed_cases import rotate
from scipy.optimize import minimize
from study_cases import plan

from simlab.mixed.deviance import deviance
from simlab.mixed.lines import fit_lines
from simlab.mixed.many import minimise
from simlab.mixed.newton import SEARCH
from simlab.mixed.rotated import allocate, rotate_line
from simlab.mixed.satterthwaite import variances
from simlab.mixed.starts import FROM_TRIAL, ONCE, UNLESS_SETTLED
from simlab.mixed.work import allocate_work
from simlab.moments import Moments, from_rows
from simlab.sampling import draw_clusters, draw_moments

# ---------------------------------------------------------------- derivatives


class Problem:
    """Random rows with r random and k fixed effects in each of S sectors, and a dense oracle."""

    def __init__(self, r, k, S, seed):
        rng = np.random.default_rng([r, k, S, seed])
        J = 4 * S + 3
        n = rng.integers(1, 9, J)  # some clusters smaller than r
        self.cluster = np.repeat(np.arange(J), n)
        self.starts = np.round(np.linspace(0, J, S + 1)).astype(np.int64)
        N = len(self.cluster)
        self.Z = np.column_stack([np.ones(N), rng.standard_normal((N, r - 1))])
        self.Z[self.cluster == 1, 1:] = 0.7  # a cluster whose covariates do not vary
        self.X = np.column_stack([np.ones(N), rng.standard_normal((N, k - 1))])
        u = rng.standard_normal((J, r))[self.cluster]
        self.y = self.X.sum(axis=1) + (self.Z * u).sum(axis=1) + rng.standard_normal(N)
        self.rotated = rotate(self.X, self.Z, self.y, self.cluster, self.starts)
        self.work = allocate_work(self.rotated)
        sector = np.searchsorted(self.starts, self.cluster, side="right") - 1
        self.dense_X = np.column_stack([self.X * (sector == s)[:, None] for s in range(S)])
        self.r, self.p = r, S * k
        self.entries = [(a, b) for b in range(r) for a in range(b, r)]
        self.Lambda = np.tril(rng.standard_normal((r, r)))

    def deviance(self, delta, reml):
        """−2 log-likelihood at G/σ² = delta, by textbook matrices; analytic in delta."""
        same = self.cluster[:, None] == self.cluster
        V = np.eye(len(self.y)) + same * (self.Z @ delta @ self.Z.T)
        Vi_X, Vi_y = np.linalg.solve(V, self.dense_X), np.linalg.solve(V, self.y)
        A = self.dense_X.T @ Vi_X
        gamma = np.linalg.solve(A, self.dense_X.T @ Vi_y)
        nu = len(self.y) - (self.p if reml else 0)
        sigma2 = (self.y @ Vi_y - gamma @ (self.dense_X.T @ Vi_y)) / nu
        value = log_det(V) + nu * (1 + np.log(2 * np.pi * sigma2))
        return value + log_det(A) if reml else value

    def gradient(self, Lambda, reml):
        deviance(Lambda, self.rotated, reml, False, self.work)
        return self.work.gradient.copy()

    def unit(self, a, b):
        out = np.zeros((self.r, self.r))
        out[a, b] = 1
        return out


def log_det(matrix):
    """log det of a matrix with a small imaginary part, of which no digit is lost."""
    sign, size = np.linalg.slogdet(matrix)
    return size + (1j * np.angle(sign) if np.iscomplexobj(matrix) else 0)


PROBLEMS = pytest.mark.parametrize(
    ("r", "k", "S", "seed"),
    [(r, k, S, 0) for r in (1, 2, 3) for k in (1, 2, 3) for S in (1, 2, 3)]
    + [(r, 2, 1, seed) for r in (1, 2, 3) for seed in (1, 2, 3)],
)
METHODS = pytest.mark.parametrize("reml", [True, False], ids=["REML", "ML"])


def close(ours, theirs, share):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=share * np.abs(theirs).max())


@PROBLEMS
@METHODS
def test_deviance_and_gradient(r, k, S, seed, reml):
    p = Problem(r, k, S, seed)
    value = deviance(p.Lambda, p.rotated, reml, False, p.work)
    assert value == pytest.approx(p.deviance(p.Lambda @ p.Lambda.T, reml), rel=1e-12)
    h = 1e-20
    steps = [p.Lambda + 1j * h * p.unit(a, b) for a, b in p.entries]
    exact = [p.deviance(Lambda @ Lambda.T, reml).imag / h for Lambda in steps]
    close(p.work.gradient, exact, 1e-9)


@PROBLEMS
@METHODS
def test_gradient_in_delta(r, k, S, seed, reml):
    """What a scoring step uses: ∂d/∂Δ along e_a e_b' + e_b e_a'."""
    p, h = Problem(r, k, S, seed), 1e-20
    deviance(p.Lambda, p.rotated, reml, True, p.work)
    delta = p.Lambda @ p.Lambda.T
    directions = [p.unit(a, b) + p.unit(b, a) for a, b in p.entries]
    exact = [p.deviance(delta + 1j * h * E, reml).imag / h for E in directions]
    close(p.work.gradient, exact, 1e-9)


@PROBLEMS
@METHODS
def test_hessian(r, k, S, seed, reml):
    p, h = Problem(r, k, S, seed), 1e-3

    def difference(E, h):
        return (p.gradient(p.Lambda + h * E, reml) - p.gradient(p.Lambda - h * E, reml)) / (2 * h)

    columns = [
        (4 * difference(p.unit(a, b), h / 2) - difference(p.unit(a, b), h)) / 3
        for a, b in p.entries
    ]
    p.gradient(p.Lambda, reml)
    close(p.work.hessian, np.array(columns), 1e-8)
    np.testing.assert_array_equal(p.work.hessian, p.work.hessian.T)


def test_a_wrong_derivative_is_noticed():
    """Control: the gradient of ML is not that of REML, nor the Hessian."""
    p = Problem(2, 2, 1, 0)
    reml, hessian = p.gradient(p.Lambda, True), p.work.hessian.copy()
    ml = p.gradient(p.Lambda, False)
    assert abs(reml - ml).max() > 1e-3 * abs(reml).max()
    assert abs(hessian - p.work.hessian).max() > 1e-3 * abs(hessian).max()


@PROBLEMS
def test_fixed_effects_are_those_of_gls(r, k, S, seed):
    p = Problem(r, k, S, seed)
    deviance(p.Lambda, p.rotated, True, False, p.work)
    same = p.cluster[:, None] == p.cluster
    V = np.eye(len(p.y)) + same * (p.Z @ p.Lambda @ p.Lambda.T @ p.Z.T)
    phi = np.linalg.inv(p.dense_X.T @ np.linalg.solve(V, p.dense_X))
    gamma = phi @ (p.dense_X.T @ np.linalg.solve(V, p.y))
    close(p.work.gamma.ravel(), gamma, 1e-10)
    for s in range(S):
        own = slice(s * k, (s + 1) * k)
        close(p.work.phi[s], phi[own, own], 1e-10)


def test_turning_the_sign_of_a_column_changes_nothing():
    p = Problem(3, 2, 1, 0)
    value = deviance(p.Lambda, p.rotated, True, False, p.work)
    turned = p.Lambda * [1.0, -1.0, 1.0]
    assert deviance(turned, p.rotated, True, False, p.work) == pytest.approx(value, rel=1e-14)


def test_a_model_that_is_not_identified_has_no_deviance():
    """A constant covariate, and as many coefficients as rows."""
    cluster, y = np.array([0, 0, 1, 1]), np.arange(4.0)
    one = np.ones((4, 1))
    for X in (np.ones((4, 2)), np.vander(np.arange(4.0), 4)):
        rotated = rotate(X, one, y, cluster)
        w = allocate_work(rotated)
        assert np.isnan(deviance(np.eye(1), rotated, True, False, w))
        assert minimise(rotated, True, w, np.zeros((1, 1)), SEARCH, ONCE) == -1


def test_df_of_a_balanced_one_way_layout_are_exact():
    """Var ȳ rests on the mean square between clusters: J − 1 degrees of freedom, exactly."""
    rng = np.random.default_rng(3)
    J, n = 7, 5
    cluster = np.repeat(np.arange(J), n)
    y = 3 * rng.standard_normal(J)[cluster] + rng.standard_normal(J * n)
    one = np.ones((J * n, 1))
    rotated = rotate(one, one, y, cluster)
    w, G = allocate_work(rotated), np.zeros((1, 1))
    assert 0 < minimise(rotated, True, w, G, SEARCH, UNLESS_SETTLED) <= 6
    estimate, variance, df = np.zeros((3, 1))
    variances(np.ones((1, 1, 1)), w, J * n - 1.0, estimate, variance, df)
    means = y.reshape(J, n).mean(axis=1)
    within = ((y.reshape(J, n) - means[:, None]) ** 2).sum() / (J * (n - 1))
    assert estimate[0] == pytest.approx(y.mean(), rel=1e-12)
    assert variance[0] == pytest.approx(means.var(ddof=1) / J, rel=1e-9)
    assert df[0] == pytest.approx(J - 1, rel=1e-8)
    assert G[0, 0] == pytest.approx(means.var(ddof=1) - within / n, rel=1e-9)


# ---------------------------------------------------------------- convergence

SMALL = {"clusters": 6, "cluster_sizes": {"law": "poisson", "mean": 5}}
HALF = {"clusters": 6, "cluster_sizes": {"law": "list", "sizes": [30, 6, 6, 6, 6, 6]}}
FAMILIES = {
    "few small clusters": SMALL,
    "no variance of slopes": SMALL | {"G": [[16, 0], [0, 0]]},
    "no variance at all": SMALL | {"G": [[0, 0], [0, 0]]},
    "correlation 1": SMALL | {"G": [[16, 20], [20, 25]]},
    "one cluster has half of the rows": HALF,
    "half of the rows, no variance": HALF | {"G": [[0, 0], [0, 0]]},
    "two sectors of three": SMALL
    | {
        "clusters": {"A": 3, "B": 3},
        "x": {"law": "normal", "between_sd": 2},
        "beta_between": -3,
    },
    "huge variance": SMALL | {"G": [[1e6, 0], [0, 1e6]]},
}
REPLICATES = 400


def drawn(family, replicates=REPLICATES):
    p = plan(**FAMILIES[family])
    rng = np.random.default_rng([11, list(FAMILIES).index(family)])
    return draw_moments(rng, p, draw_clusters(rng, p, replicates), replicates)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("k", [2, 3])
@METHODS
def test_every_simulated_data_set_converges(family, k, reml):
    m = drawn(family)
    S = m.n_sectors
    contrasts = np.eye(S * k).reshape(S * k, S, k)
    fits = fit_lines(m, contrasts, reml)
    identified = fits.evaluations != -1
    # Three clusters on three coefficients, and clusters in which x hardly varies, may leave
    # nothing to estimate; then the first evaluation says so.
    assert identified.mean() > 0.99
    assert (fits.evaluations[identified] > 0).all()
    for field in (fits.estimate, fits.variance, fits.df, fits.G, fits.sigma2):
        assert np.isfinite(field[identified]).all()
    assert (fits.variance[identified] > 0).all()
    assert (fits.df[identified] > 0).all()
    assert np.linalg.eigvalsh(fits.G[identified])[:, 0].min() > -1e-8 * fits.G.max()
    if "no variance" in family and reml:
        assert fits.singular[identified].mean() > 0.3
    if family == "huge variance":
        assert not fits.singular.any()


def standardised(m, b):
    """Replicate b about its grand means and in units of its spread, as `fit_lines` has it."""
    n, x, y, ss_x, s_xy, rss = (field[b] for field in m[:-1])
    x, y = x - np.average(x, weights=n), y - np.average(y, weights=n)
    sx = np.sqrt((ss_x + n * x**2).sum() / n.sum())
    sy = np.sqrt((rss + s_xy**2 / np.where(ss_x > 0, ss_x, 1) + n * y**2).sum() / n.sum())
    fields = n, x / sx, y / sy, ss_x / sx**2, s_xy / (sx * sy), rss / sy**2
    return Moments._make([*(np.ascontiguousarray(field[None]) for field in fields), m.starts])


def rotated_line(m, b, k):
    """The same, rotated."""
    out = allocate(m.starts, 2, k)
    rotate_line(*(field[0] for field in standardised(m, b)[:-1]), k == 3, out)
    return out


def best_by_search(rotated, reml, rng):
    """The smallest deviance that general-purpose optimisers find from several starts."""
    w = allocate_work(rotated)
    Lambda = np.zeros((2, 2))

    def objective(theta):
        Lambda[0, 0], Lambda[1, 0], Lambda[1, 1] = theta
        return deviance(Lambda, rotated, reml, False, w), w.gradient.copy()

    starts = [np.array([1.0, 0, 1.0]), np.array([0.1, 0, 0.1]), *3 * rng.standard_normal((3, 3))]
    results = [minimize(objective, s, jac=True, method="BFGS").fun for s in starts]
    simplex = {"xatol": 1e-6, "fatol": 1e-9, "maxiter": 1000}
    value = minimize(lambda t: objective(t)[0], starts[0], method="Nelder-Mead", options=simplex)
    return min(*results, value.fun)


def excess(m, b, rng):
    """How much lower than ours the best deviance is that a search finds, for replicate b.

    The higher of ours: that of `fit_lines`, and where there is one sector that of a fit to data.
    """
    k, reml = 2 + b % 2, b % 3 > 0
    rotated = rotated_line(m, b, k)
    evaluations, ours = fitted_deviance(standardised(m, b), rotated, reml, k)
    assert evaluations > 0
    if m.n_sectors == 1:
        w = allocate_work(rotated)
        assert minimise(rotated, reml, w, np.zeros((2, 2)), SEARCH, UNLESS_SETTLED) > 0
        ours = max(ours, w.value[0])
    return ours - best_by_search(rotated_line(m, b, k), reml, rng)


def test_no_optimiser_finds_better_with_forty_clusters():
    rng = np.random.default_rng(5)
    for G in ([[16, 8], [8, 25]], [[16, 0], [0, 0]], [[0, 0], [0, 0]]):
        p = plan(G=G)
        m = draw_moments(rng, p, draw_clusters(rng, p, 12), 12)
        assert max(excess(m, b, rng) for b in range(12)) < 1e-6


def test_no_optimiser_finds_better_in_small_data():
    """With a few clusters the likelihood of a hundred rows may have two minima."""
    rng = np.random.default_rng(5)
    for family in FAMILIES:
        m = drawn(family)
        assert max(excess(m, b, rng) for b in range(13)) < 1e-6, family


def two_minima(seed):
    """Standardised moments of 8 clusters, the first with half of the rows; no random slopes."""
    rng = np.random.default_rng(seed)
    n = np.maximum(rng.poisson(5, 8), 1)
    n[0] = n[1:].sum()
    cluster = np.repeat(np.arange(8), n)
    x = rng.standard_normal(8)[cluster] + rng.standard_normal(len(cluster))
    y = x + rng.standard_normal(8)[cluster] + 2 * rng.standard_normal(len(cluster))
    x, y = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    return from_rows(x, y, cluster, np.zeros(8, dtype=np.int64))


def test_a_second_minimum_is_found():
    """Of 1,500 likelihoods some have two minima: one search may end in the higher one."""
    worse, best = np.zeros(3, dtype=int), np.empty(3)
    for seed in range(1500):
        m = two_minima(seed)
        data = rotated_line(m, 0, 2)
        for i, restarts in enumerate((ONCE, UNLESS_SETTLED)):
            rotated = data._replace(K=data.K.copy())
            w = allocate_work(rotated)
            assert minimise(rotated, True, w, np.zeros((2, 2)), SEARCH, restarts) > 0
            best[i] = w.value[0]
        evaluations, best[2] = fitted_deviance(m, data, True, 2)
        assert evaluations > 0
        rng, lowest = np.random.default_rng(seed), best.min()
        for _ in range(8):  # from anywhere
            rotated = data._replace(K=data.K.copy())
            w = allocate_work(rotated)
            w.trial[...] = np.tril(rng.standard_normal((2, 2))) * rng.lognormal(-0.5, 1.5, (2, 1))
            if minimise(rotated, True, w, np.zeros((2, 2)), SEARCH, FROM_TRIAL) > 0:
                lowest = min(lowest, w.value[0])
        worse += best > lowest + 1e-6
    assert worse[0] >= 2  # control: there is something to find
    assert worse[1:].tolist() == [0, 0]


def test_the_search_would_notice_a_fit_that_stopped_early():
    """Control: a fit stopped at its starting point is not the best one, nor a minimum."""
    rng = np.random.default_rng(5)
    m = drawn("few small clusters")
    rotated = rotated_line(m, 0, 2)
    w = allocate_work(rotated)
    assert deviance(np.eye(2), rotated, True, False, w) > best_by_search(rotated, True, rng) + 1e-3


@pytest.mark.parametrize("left", [0.0, 7.0, np.nan, np.inf])
def test_what_lay_in_memory_does_not_matter(left):
    """Fits are the same, bit for bit, whatever an earlier replicate left in the working space."""
    rotated = rotated_line(drawn("few small clusters"), 0, 3)
    answers = []
    for fill in (1.0, left):
        w, G = allocate_work(rotated), np.zeros((2, 2))
        for name, field in w._asdict().items():
            if name not in ("identity", "order", "blocks"):
                field[...] = fill
        estimate, variance, df = np.zeros((3, 3))
        evaluations = minimise(
            rotated_line(drawn("few small clusters"), 0, 3), True, w, G, SEARCH, ONCE
        )
        variances(np.eye(3)[:, None, :].copy(), w, 20.0, estimate, variance, df)
        answers.append((evaluations, G.tolist(), *np.array([estimate, variance, df]).tolist()))
    assert answers[0][0] > 0
    assert answers[0] == answers[1]


def test_a_singular_fit_is_flagged_and_keeps_its_standard_errors():
    m = drawn("no variance of slopes", 50)
    fits = fit_lines(m, np.eye(2)[:, None, :])
    singular = fits.singular > 0
    assert 0 < singular.sum() < 50
    smallest = np.linalg.eigvalsh(fits.G)[:, 0]
    assert (smallest[singular] < 1e-6 * fits.sigma2[singular]).all()
    assert (smallest[~singular] > 1e-6 * fits.sigma2[~singular]).all()
    assert (fits.variance[singular] > 0).all()


def test_known_variances_give_generalised_least_squares():
    m = drawn("few small clusters", 1)
    G, sigma2 = np.array([[16.0, 8], [8, 25]]), 20.0
    fits = fit_lines(m, np.eye(2)[:, None, :], known=(G, sigma2))
    A, b = np.zeros((2, 2)), np.zeros(2)
    for n, x, y, ss, sxy, _ in zip(*(field[0] for field in m[:-1]), strict=True):
        ZZ = np.array([[n, n * x], [n * x, ss + n * x * x]])
        Zy = np.array([n * y, sxy + n * x * y])
        B = np.linalg.inv(np.eye(2) * sigma2 + ZZ @ G)  # (I σ² + Z'Z G)⁻¹
        A, b = A + B @ ZZ, b + B @ Zy
    np.testing.assert_allclose(fits.estimate[0], np.linalg.solve(A, b), rtol=1e-10)
    np.testing.assert_allclose(fits.variance[0], np.diag(np.linalg.inv(A)), rtol=1e-10)


# ---------------------------------------------------------------- without the compiler

UNCOMPILED = """
import json, sys, warnings
warnings.simplefilter("error")
import numpy as np
from simlab.mixed.lines import fit_lines
from simlab.moments import Moments
fields, starts = json.load(sys.stdin)
m = Moments(*(np.array(f) for f in fields), np.array(starts))
fits = fit_lines(m, np.eye(2)[:, None, :])
print(json.dumps([f.tolist() for f in fits]))
"""


def test_python_without_the_compiler_says_the_same():
    """The kernels are plain Python: the compiler may contract nothing but rounding (1e-10)."""
    m = drawn("few small clusters", 3)
    compiled = fit_lines(m, np.eye(2)[:, None, :])
    process = subprocess.run(
        [sys.executable, "-c", UNCOMPILED],
        input=json.dumps([[f.tolist() for f in m[:-1]], m.starts.tolist()]),
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    for ours, theirs in zip(compiled, json.loads(process.stdout), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)


def test_moments_and_rows_rotate_to_the_same_likelihood():
    rng = np.random.default_rng(8)
    cluster = np.repeat(np.arange(5), [1, 2, 3, 6, 9])
    x, y = 3 + rng.standard_normal(21), rng.standard_normal(21) * 2
    x[1:3] = 2.5
    m = from_rows(x, y, cluster, np.zeros(5, dtype=int))
    assert isinstance(m, Moments)
    Z = np.column_stack([np.ones(21), x])
    X = np.column_stack([Z, m.x_mean[0][cluster]])
    Lambda = np.array([[0.7, 0], [0.3, 0.4]])
    for k in (2, 3):
        one, two = rotate(X[:, :k], Z, y, cluster), allocate(m.starts, 2, k)
        rotate_line(*(field[0] for field in m[:-1]), k == 3, two)
        values = [deviance(Lambda, r, True, False, allocate_work(r)) for r in (one, two)]
        assert values[0] == pytest.approx(values[1], rel=1e-12)
