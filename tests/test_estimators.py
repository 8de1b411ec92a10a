"""Estimators where R's data sets do not lead: degenerate samples, and dense matrix algebra."""

import numpy as np
import pytest

from simlab.estimators import METHODS, REGISTRY, Known, Sample
from simlab.estimators.base import contrasts, sector_contrasts
from simlab.moments import Moments, from_rows
from simlab.words import FITTED, Status, term_names

KNOWN = Known(np.array([[4.0, 1.0], [1.0, 2.0]]), 3.0)
NAMES = tuple(method.name for method in METHODS)
every = pytest.mark.parametrize("name", NAMES)


def data(sizes, S=1, seed=0, constant=()):
    """Rows of clusters of these sizes, the first half in the first sector; some with constant x."""
    rng = np.random.default_rng(seed)
    J = len(sizes)
    cluster = np.repeat(np.arange(J), sizes)
    sector = np.arange(J) * S // J
    m, u = rng.standard_normal(J), rng.standard_normal((2, J))
    x = m[cluster] + rng.standard_normal(len(cluster))
    if constant == "all":
        x[:] = m[0]
    elif constant == "others":
        x = np.where(cluster == 0, x - x[cluster == 0].mean(), 0.0)
    elif constant == "dummy":
        x = (cluster == 0) * 1.0
    else:
        x = np.where(np.isin(cluster, list(constant)), m[cluster], x)
    y = 3 + 2 * x + m[cluster] + u[0, cluster] + u[1, cluster] * x
    return x, y + rng.standard_normal(len(x)), cluster, sector


def sample(*args, **kwargs):
    return Sample(from_rows(*data(*args, **kwargs)), KNOWN)


def assert_blank(fitted, b=0):
    """A replicate that is not estimable is a row of NaN."""
    assert fitted.status[b] == Status.NOT_ESTIMABLE
    for field in (fitted.estimate, fitted.std_error, fitted.df):
        assert np.isnan(field[b]).all()


# ---------------------------------------------------------------- names and shapes


def test_the_registry_holds_the_methods_under_their_names():
    assert tuple(REGISTRY) == NAMES == (
        *("pooled", "pooled_robust", "fixed_effects_separate", "fixed_effects_common"),
        *("two_stage", "ecological", "hlm", "hlm_contextual", "gls_oracle"),
    )  # fmt: skip


def test_terms_of_one_sector_and_of_three():
    assert term_names(("slope", "between"), ("all",)) == ("slope", "between")
    assert term_names(("slope",), ("A", "B", "C")) == (
        *("slope[A]", "slope[B]", "slope[C]", "slope[B - A]", "slope[C - A]"),
    )
    np.testing.assert_array_equal(
        sector_contrasts(3), [[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 1, 0], [-1, 0, 1]]
    )
    weights = contrasts(np.array([[1.0, 0], [0, 1]]), 2)
    assert weights.shape == (6, 2, 2)
    np.testing.assert_array_equal(weights[5], [[0, -1], [0, 1]])


@every
@pytest.mark.parametrize("S", [1, 2, 3])
def test_shapes(name, S):
    method, fitted = REGISTRY[name], REGISTRY[name].fit(sample([6] * 12, S))
    T = len(method.kinds) * (2 * S - 1)
    assert len(term_names(method.kinds, tuple("ABC"[:S]))) == T
    assert fitted.estimate.shape == fitted.std_error.shape == fitted.df.shape == (1, T)
    assert fitted.status.shape == fitted.dropped.shape == (1,)
    assert fitted.status.dtype == np.int8
    assert (fitted.G is not None) == (fitted.sigma2 is not None) == method.mixed
    if method.mixed:
        assert fitted.G.shape == (1, 2, 2)


@every
def test_differences_are_differences(name):
    """Later sector minus first, and Var of it where the sectors are independent."""
    method, fitted = REGISTRY[name], REGISTRY[name].fit(sample([6] * 12, 3))
    b = fitted.estimate[0].reshape(len(method.kinds), 5)
    v = fitted.std_error[0].reshape(len(method.kinds), 5) ** 2
    np.testing.assert_allclose(b[:, 3:], b[:, 1:3] - b[:, :1], rtol=1e-10)
    np.testing.assert_allclose(v[:, 3:], v[:, 1:3] + v[:, :1], rtol=1e-10)


@every
def test_replicates_do_not_know_of_each_other(name):
    blocks = [from_rows(*data([4, 5, 6, 7], seed=seed)) for seed in range(5)]
    together = Moments(
        *(np.concatenate(f) for f in zip(*(m[:-1] for m in blocks), strict=True)), blocks[0].starts
    )
    fitted = REGISTRY[name].fit(Sample(together, KNOWN))
    for b, m in enumerate(blocks):
        alone = REGISTRY[name].fit(Sample(m, KNOWN))
        np.testing.assert_array_equal(fitted.estimate[b], alone.estimate[0])
        np.testing.assert_array_equal(fitted.df[b], alone.df[0])


def test_the_oracle_must_be_told():
    with pytest.raises(ValueError, match="needs the true G and sigma2"):
        REGISTRY["gls_oracle"].fit(Sample(sample([6] * 6).moments))


def test_an_oracle_whose_variance_is_no_number_has_no_estimate():
    x, *rest = data([6] * 6)
    wild = Known(np.array([[1e300, -1.0], [-1.0, 1e-300]]), 1e-5)
    with np.errstate(all="ignore"):
        fitted = REGISTRY["gls_oracle"].fit(Sample(from_rows(x - 1e5, *rest), wild))
    assert not np.isfinite(fitted.std_error).all()
    assert fitted.status[0] == Status.NOT_CONVERGED
    assert np.isnan([fitted.estimate, fitted.std_error]).all()


# ---------------------------------------------------------------- clusters without a line


@pytest.mark.parametrize("name", ["fixed_effects_separate", "two_stage"])
@pytest.mark.parametrize("S", [1, 2])
def test_clusters_without_a_line_are_dropped_and_counted(name, S):
    sizes = [5, 1, 6, 4, 7, 1, 5, 6]
    fitted = REGISTRY[name].fit(sample(sizes, S, constant=(3,)))
    assert fitted.status[0] == Status.OK
    assert fitted.dropped[0] == 3
    x, y, cluster, sector = data(sizes, S, constant=(3,))
    lines = {j: np.polyfit(x[cluster == j], y[cluster == j], 1)[::-1] for j in (0, 2, 4, 6, 7)}
    for s in range(S):
        mean = np.mean([lines[j] for j in lines if sector[j] == s], axis=0)
        np.testing.assert_allclose(fitted.estimate[0].reshape(2, 2 * S - 1)[:, s], mean, rtol=1e-10)


def test_rows_of_a_cluster_with_constant_x_still_inform_sigma2():
    sizes = [5, 6, 4]
    x, y, cluster, _sector = data(sizes, constant=(2,))
    fitted = REGISTRY["fixed_effects_separate"].fit(sample(sizes, constant=(2,)))
    assert fitted.df[0, 0] == (5 - 2) + (6 - 2) + (4 - 1)
    X = np.column_stack([(cluster == j) * 1.0 for j in range(3)])
    X = np.column_stack([X, X[:, 0] * x, X[:, 1] * x])
    beta, rss, *_ = np.linalg.lstsq(X, y)
    V = rss[0] / fitted.df[0, 0] * np.linalg.inv(X.T @ X)
    c = np.array([0, 0, 0, 0.5, 0.5])
    np.testing.assert_allclose(fitted.estimate[0, 1], c @ beta, rtol=1e-10)
    np.testing.assert_allclose(fitted.std_error[0, 1], np.sqrt(c @ V @ c), rtol=1e-10)
    common = REGISTRY["fixed_effects_common"].fit(sample(sizes, constant=(2,)))
    X = np.column_stack([X[:, :3], x])
    beta, rss, *_ = np.linalg.lstsq(X, y)
    assert common.df[0, 0] == 15 - 4
    assert common.dropped[0] == 0
    se = np.sqrt(rss[0] / 11 * np.linalg.inv(X.T @ X)[3, 3])
    np.testing.assert_allclose(
        [common.estimate[0, 0], common.std_error[0, 0]], [beta[3], se], rtol=1e-10
    )


# ---------------------------------------------------------------- dense algebra


def dense_cr2(x, y, cluster, sector, S):
    """CR2 and Bell–McCaffrey's df of every term, from N × N matrices. (T, 3)."""
    own = sector[cluster]
    X = np.column_stack([f for s in range(S) for f in ((own == s) * 1.0, (own == s) * x)])
    phi = np.linalg.inv(X.T @ X)
    H = X @ phi @ X.T
    beta = phi @ X.T @ y
    e, I_H, parts = y - X @ beta, np.eye(len(y)) - H, []
    for j in range(cluster.max() + 1):
        rows = np.flatnonzero(cluster == j)
        values, vectors = np.linalg.eigh(np.eye(len(rows)) - H[np.ix_(rows, rows)])
        A = vectors @ np.diag(values**-0.5) @ vectors.T
        parts.append((rows, X[rows].T @ A))
    meat = sum(np.outer(XA @ e[rows], XA @ e[rows]) for rows, XA in parts)
    V, out = phi @ meat @ phi, []
    for kind in range(2):
        for row in sector_contrasts(S):
            c = np.zeros(2 * S)
            c[kind::2] = row
            p = np.column_stack([I_H[:, rows] @ XA.T @ phi @ c for rows, XA in parts])
            P = p.T @ p
            out.append((c @ beta, np.sqrt(c @ V @ c), np.trace(P) ** 2 / (P * P).sum()))
    return np.array(out)


@pytest.mark.parametrize("S", [1, 2])
@pytest.mark.parametrize("sizes", [[5, 6, 7, 4, 8, 9], [1, 2, 9, 5, 1, 30]])
def test_cr2_against_the_matrices_of_its_definition(S, sizes):
    args = data(sizes, S, constant=(3,))
    fitted = REGISTRY["pooled_robust"].fit(Sample(from_rows(*args)))
    ours = np.column_stack([fitted.estimate[0], fitted.std_error[0], fitted.df[0]])
    np.testing.assert_allclose(ours, dense_cr2(*args, S), rtol=1e-8)


@pytest.mark.parametrize("S", [1, 2])
def test_oracle_against_dense_gls(S):
    sizes = [5, 1, 6, 4, 7, 2, 5, 6]
    x, y, cluster, sector = args = data(sizes, S, constant=(5,))
    m = from_rows(*args)
    own = sector[cluster]
    xbar = m.x_mean[0][cluster]
    X = np.column_stack([(own == s) * f for s in range(S) for f in (np.ones_like(x), x, xbar)])
    Z = np.column_stack([np.ones_like(x), x])
    V = (cluster[:, None] == cluster) * (Z @ KNOWN.G @ Z.T) + KNOWN.sigma2 * np.eye(len(x))
    phi = np.linalg.inv(X.T @ np.linalg.solve(V, X))
    gamma = phi @ X.T @ np.linalg.solve(V, y)
    fitted = REGISTRY["gls_oracle"].fit(Sample(m, KNOWN))
    weights = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1]], dtype=float)
    for t, C in enumerate(contrasts(weights, S).reshape(-1, 3 * S)):
        np.testing.assert_allclose(fitted.estimate[0, t], C @ gamma, rtol=1e-9)
        np.testing.assert_allclose(fitted.std_error[0, t], np.sqrt(C @ phi @ C), rtol=1e-9)
    assert np.isinf(fitted.df).all()


# ---------------------------------------------------------------- not estimable

DEGENERATE = {
    "two clusters": {"sizes": [5, 6]},
    "one cluster": {"sizes": [9]},
    "one cluster in each sector": {"sizes": [5, 6], "S": 2},
    "two clusters in each sector": {"sizes": [5, 6, 7, 8], "S": 2},
    "clusters of one row": {"sizes": [1] * 6},
    "clusters of two rows": {"sizes": [2] * 6},
    "x constant in every cluster": {"sizes": [4] * 6, "constant": range(6)},
    "x constant in one sector": {"sizes": [4] * 6, "S": 2, "constant": range(3)},
    "x the same in all rows": {"sizes": [4] * 6, "constant": "all"},
    "x varies in one cluster": {"sizes": [4] * 6, "constant": "others"},
    "x is 1 in one cluster, else 0": {"sizes": [4] * 6, "constant": "dummy"},
    "one cluster of one row": {"sizes": [1]},
    "two rows": {"sizes": [1, 1]},
}


@every
@pytest.mark.parametrize("case", DEGENERATE)
def test_a_degenerate_sample_is_a_row_with_a_status(name, case):
    """Never an exception, nor a warning, which pytest would raise; NaN with, or numbers without."""
    fitted = REGISTRY[name].fit(sample(**DEGENERATE[case]))
    assert fitted.status[0] in {*Status} - {Status.ERROR}
    if fitted.status[0] == Status.NOT_ESTIMABLE:
        assert_blank(fitted)
    elif fitted.status[0] in FITTED:
        assert np.isfinite(fitted.estimate).all()
        if (case, name) == ALONE:
            return
        assert (fitted.std_error > 0).all()
        assert (fitted.df > 0).all()


ALONE = ("clusters of two rows", "fixed_effects_separate")  # no residual degree of freedom

NOT = {  # what cannot be had, and why
    ("two clusters", "ecological"): "a line through two means leaves no degree of freedom",
    ("one cluster", "ecological"): "no line through one mean",
    ("one cluster", "two_stage"): "no variance of one slope",
    ("one cluster", "pooled_robust"): "the scores of the only cluster sum to 0",
    ("one cluster in each sector", "two_stage"): "no variance of one slope",
    ("one cluster in each sector", "ecological"): "no line through one mean",
    ("one cluster in each sector", "pooled_robust"): "the scores of the only cluster sum to 0",
    ("two clusters in each sector", "ecological"): "lines through two means",
    ("clusters of one row", "two_stage"): "no lines",
    ("clusters of one row", "fixed_effects_separate"): "no lines",
    ("clusters of one row", "fixed_effects_common"): "nothing varies within",
    ("x constant in every cluster", "fixed_effects_separate"): "no lines",
    ("x constant in every cluster", "fixed_effects_common"): "nothing varies within",
    ("x constant in every cluster", "two_stage"): "no lines",
    ("x constant in every cluster", "hlm_contextual"): "x and its mean are one",
    ("x constant in every cluster", "gls_oracle"): "x and its mean are one",
    ("x constant in one sector", "fixed_effects_common"): "nothing varies within",
    ("x constant in one sector", "two_stage"): "no lines in one sector",
    **{("x the same in all rows", name): "no slope" for name in NAMES},
    ("x varies in one cluster", "pooled_robust"): "its residuals do not know of the slope",
    ("x varies in one cluster", "two_stage"): "no variance of one slope",
    ("x is 1 in one cluster, else 0", "pooled_robust"): "its residuals do not know of the slope",
    ("x is 1 in one cluster, else 0", "two_stage"): "no lines",
    ("one cluster", "hlm_contextual"): "the mean of x is a constant",
    ("one cluster", "gls_oracle"): "the mean of x is a constant",
    ("one cluster in each sector", "hlm_contextual"): "the mean of x is a constant",
    **{("one cluster of one row", name): "one row" for name in NAMES},
    **{("two rows", name): "two rows" for name in NAMES if name != "gls_oracle"},
}


@pytest.mark.parametrize(("case", "name"), NOT, ids=[" ".join(k) for k in NOT])
def test_not_estimable(case, name):
    assert_blank(REGISTRY[name].fit(sample(**DEGENERATE[case])))


CAN = [
    ("two clusters", "pooled"),
    ("two clusters", "two_stage"),
    ("two clusters", "fixed_effects_separate"),
    ("one cluster", "pooled"),
    ("one cluster", "fixed_effects_separate"),
    ("one cluster", "fixed_effects_common"),
    ("two clusters in each sector", "two_stage"),
    ("clusters of one row", "pooled"),
    ("clusters of one row", "ecological"),
    ("clusters of two rows", "two_stage"),
    ("clusters of two rows", "fixed_effects_common"),
    ("x constant in every cluster", "ecological"),
    ("x constant in every cluster", "pooled"),
    ("x varies in one cluster", "fixed_effects_separate"),
    ("x is 1 in one cluster, else 0", "pooled"),
    ("x is 1 in one cluster, else 0", "ecological"),
]


@pytest.mark.parametrize(("case", "name"), CAN, ids=[" ".join(k) for k in CAN])
def test_estimable(case, name):
    assert REGISTRY[name].fit(sample(**DEGENERATE[case])).status[0] == Status.OK


def test_an_estimate_may_stand_without_its_standard_error():
    """Lines through two points each have a mean; how well it is known, two-stage alone can say."""
    case, name = ALONE
    fitted, two_stage = (REGISTRY[n].fit(sample(**DEGENERATE[case])) for n in (name, "two_stage"))
    np.testing.assert_array_equal(fitted.estimate, two_stage.estimate)
    assert (fitted.status[0], two_stage.status[0]) == (Status.OK, Status.OK)
    assert np.isnan([fitted.std_error, fitted.df]).all()
    assert (two_stage.std_error > 0).all()


def test_a_bad_replicate_spoils_no_other():
    good, bad = from_rows(*data([4, 4, 4])), from_rows(*data([4, 4, 4], constant=range(3)))
    m = Moments(
        *(np.concatenate(f) for f in zip(good[:-1], bad[:-1], good[:-1], strict=True)), good.starts
    )
    for method in METHODS:
        fitted = method.fit(Sample(m, KNOWN))
        alone = method.fit(Sample(good, KNOWN))
        for b in (0, 2):
            np.testing.assert_array_equal(fitted.estimate[b], alone.estimate[0])
            assert fitted.status[b] == alone.status[0]
        if "hlm" not in method.name and method.name not in (
            "pooled",
            "pooled_robust",
            "ecological",
        ):
            assert_blank(fitted, 1)


def test_numbers_without_noise_have_no_mixed_model():
    """y on one line exactly: the deviance has no minimum; a status, and no exception."""
    x, _, cluster, sector = data([5] * 6)
    for y in (1 + 2 * x, np.zeros_like(x)):
        for method in METHODS:
            fitted = method.fit(Sample(from_rows(x, y, cluster, sector), KNOWN))
            assert fitted.status[0] in {*Status} - {Status.ERROR}
            if method.mixed:
                assert fitted.status[0] in (Status.NOT_ESTIMABLE, Status.NOT_CONVERGED)
