"""The exact null of one variance, at the level of arrays, against RLRsim, closed forms and grids.

Values of RLRsim are shares among 100,000 draws, and so are ours: they differ by no more than 4
standard errors of the difference of two such shares. RLRsim stops at the first local maximum on a
grid of 1,000 points. In the designs here 2 of 1,000 draws at most have a higher one; but in `one
large` there are 22.
"""

import numpy as np
import pytest
from reference_cases import stored
from scipy import stats

from simlab.data import hs
from simlab.mixed.exact import Eigenvalues, draw, from_gram, null_law
from simlab.mixed.supremum import suprema

DRAWS = 100_000
LAWS, PROBS = stored("exact.json")["laws"], stored("exact.json")["source"]["probs"]
WIDE = Eigenvalues(np.array([1e-4, 2e-4, 3e-4, 0.1, 1.0]), np.array([1e-3, 2e-3, 0.1, 1.0]), 20, 3)
LAST = Eigenvalues(np.array([0.01, 0.1, 0.4, 0.7, 1.0]), np.array([0.01, 0.1, 0.4, 0.7, 1.0]), 8, 2)


def intercepts(n, *columns):
    """X = [1, columns] and z, 1 in every row, with the clusters of the rows."""
    cluster = np.repeat(np.arange(len(n)), n)
    return np.column_stack([np.ones(len(cluster)), *columns]), np.ones(len(cluster)), cluster


def designs():
    n = np.array([2, 3, 5, 8, 13, 21])
    g, i = np.repeat(np.arange(1, 7), n), np.arange(1, n.sum() + 1)
    x = (7 * i**2 + 3 * i) % 17 / 4 - 2 + 0.3 * g
    X, one, cluster = intercepts(n, x)
    df = hs()
    schools = df["school"].astype("category").cat.codes.to_numpy()
    return {
        "balanced": intercepts([5] * 6),
        "unbalanced": (X, one, cluster),
        "slope": (X, x, cluster),
        "contextual": intercepts(n, x, g % 3),
        "one large": intercepts([100] + [3] * 40),
        "hs": (np.column_stack([np.ones(len(df)), df["ses"]]), np.ones(len(df)), schools),
    }


DESIGNS = designs()


def eigenvalues(X, z, cluster):
    ZX = np.zeros((cluster.max() + 1, X.shape[1]))
    np.add.at(ZX, cluster, z[:, None] * X)
    return from_gram(np.bincount(cluster, z * z), ZX, X.T @ X, len(z))


def law_of(name):
    """The law of one of the cases of exact.json, such as "slope ML 1"."""
    design, method, q = name.rsplit(" ", 2)
    return null_law(eigenvalues(*DESIGNS[design]), method == "REML", int(q))


def parts(law, B, seed=1):
    """What the statistic is a function of, w and R."""
    rng = np.random.default_rng(seed)
    return rng.chisquare(1, (B, len(law.mu))), rng.chisquare(law.df, B)


def highest(law, w, R):
    out = np.empty(len(R))
    suprema(law, w, R, out)
    return out


def on_a_grid(law, w, R, first=False):
    """The maximum, or the first local one, over a grid fifty times as fine and much longer."""
    lam = np.expm1(np.arange(0, np.log1p(1e14 / law.mu.min()), 0.005))
    shrunk = 1 / (1 + np.outer(law.mu, lam))
    penalty = np.log1p(np.outer(law.xi, lam)).sum(axis=0)
    out = np.empty(len(R))
    for b in range(len(R)):
        f = law.nu * np.log((w[b].sum() + R[b]) / (w[b] @ shrunk + R[b])) - penalty
        out[b] = f[np.flatnonzero(np.append(np.diff(f) < 0, True))[0]] if first else f.max()
    return out


def mcse(p):
    """Of the difference of two shares of DRAWS."""
    return np.sqrt(2 * p * (1 - p) / DRAWS)


def above(sample, quantiles):
    """Shares of the sample above quantiles; only where these are above 0, which has mass."""
    return np.array([(sample > q).mean() if q > 0 else np.nan for q in quantiles])


@pytest.mark.parametrize("name", [name for name in LAWS if name != "one large REML 0"])
def test_shares_above_the_quantiles_of_rlrsim(name):
    ref = LAWS[name]
    sample = draw(np.random.default_rng(20), law_of(name), DRAWS)
    tail = 1 - np.array(PROBS)
    miss = np.abs(above(sample, ref["quantiles"]) - tail) / mcse(tail)
    assert np.nanmax(miss) <= 4
    assert abs((sample > 0).mean() - ref["positive"]) <= 4 * mcse(ref["positive"])
    # Control: χ² with 1 + q degrees of freedom is another distribution.
    naive = stats.chi2.sf(ref["quantiles"], 1 + int(name[-1]))
    assert (np.abs(naive - tail) / mcse(tail))[2:].min() > 10


def test_the_highest_maximum_counts_not_the_first():
    """RLRsim stops at the first decrease; with one large cluster its law is not that of the test.

    That ours is, `test_exact_null.py` shows by fitting models to such data.
    """
    law, ref = law_of("one large REML 0"), LAWS["one large REML 0"]
    w, R = parts(law, 4000)
    best, first = highest(law, w, R), on_a_grid(law, w, R, first=True)
    assert np.mean(best > first + 0.01) > 0.02
    tail = 1 - np.array(PROBS)
    se = np.sqrt(tail * (1 - tail) / 4000 + tail * (1 - tail) / DRAWS)
    assert np.nanmax(np.abs(above(first, ref["quantiles"]) - tail) / se) <= 4
    sample = draw(np.random.default_rng(21), law, DRAWS)
    assert ((above(sample, ref["quantiles"]) - tail) / mcse(tail))[1] > 4
    assert (sample > 0).mean() - ref["positive"] > 10 * mcse(ref["positive"])


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("case", ["unbalanced", "one large", "hs", WIDE, LAST])
def test_no_point_of_a_fine_grid_is_higher(case, reml):
    chosen = eigenvalues(*DESIGNS[case]) if isinstance(case, str) else case
    law = null_law(chosen, reml)
    w, R = parts(law, 500)
    rise = highest(law, w, R) - on_a_grid(law, w, R)
    assert rise.min() > -1e-9
    assert rise.max() < 2e-4  # by which a grid falls short


def test_balanced_data_have_a_closed_form():
    """One μ: λ̂ = (F − 1)/μ where that is above 0, F = (Σw/K)/(R/df)."""
    law = law_of("balanced REML 0")
    w, R = parts(law, 2000)
    between, K, nu = w.sum(axis=1), w.shape[1], law.nu
    F = np.maximum((between / K) / (R / law.df), 1)
    expected = nu * np.log((between + R) / (between / F + R)) - K * np.log(F)
    np.testing.assert_allclose(highest(law, w, R), expected, atol=1e-9)
    assert (expected > 0).mean() == pytest.approx(stats.f.sf(1, K, law.df), abs=0.045)


def test_a_fixed_effect_more_adds_its_own_likelihood_ratio():
    """Where the variance adds nothing, the statistic is N log(1 + (q/df) F)."""
    tiny = Eigenvalues(
        np.array([1.0]), np.full(400, 1.0), 1000, 500
    )  # a penalty that forbids λ > 0
    law = null_law(tiny, False, 2)
    sample = np.expm1(draw(np.random.default_rng(22), law, 5000) / 1000) * 500 / 2
    assert stats.kstest(sample, stats.f(2, 500).cdf).pvalue > 0.01
    assert stats.kstest(sample, stats.f(1, 500).cdf).pvalue < 1e-6


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("unit", [1.0, 1e-6, 1e6])
def test_eigenvalues_are_those_of_the_dense_matrices(name, unit):
    X, z, cluster = DESIGNS[name]
    result = eigenvalues(X, unit * z, cluster)
    Z = z[:, None] * (cluster[:, None] == np.arange(cluster.max() + 1))
    left = Z - X @ np.linalg.lstsq(X, Z, rcond=None)[0]
    dense = np.sort(np.linalg.svd(left, compute_uv=False) ** 2)
    dense = dense[dense > 1e-9 * dense.max()]
    np.testing.assert_allclose(result.mu, unit**2 * dense, rtol=1e-9)
    np.testing.assert_allclose(result.xi, unit**2 * (Z**2).sum(axis=0), rtol=1e-12)
    assert result.df == len(z) - np.linalg.matrix_rank(np.column_stack([X, Z]))


def test_columns_that_say_nothing_new_do_not_count():
    X, z, cluster = DESIGNS["unbalanced"]
    plain = eigenvalues(X, z, cluster)
    again = eigenvalues(np.column_stack([X, X[:, 0] - X[:, 1], 0 * z]), z, cluster)
    assert again.p == plain.p == 2
    np.testing.assert_allclose(again.mu, plain.mu, rtol=1e-9)
    without = eigenvalues(X[:, :0], z, cluster)
    assert without.p == 0
    np.testing.assert_allclose(without.mu, np.sort(without.xi))
    absent = eigenvalues(X, z * (cluster > 1), cluster)  # two clusters where z is 0
    assert (len(absent.mu), len(absent.xi)) == (4, 4)
