"""Draws against the laws they must have, and the two routes against each other.

Every seed is fixed, so a test either always passes or always fails. Laws are compared by
Kolmogorov–Smirnov tests of level 1e-3 on about 2e5 independent draws; they see a scale that is
3 % off (the negative controls, p < 1e-6). Means and variances are held to 5 Monte Carlo standard
errors, correlations to 5/√draws. Rounding is held to 1e-9, relative to the size of the values.
"""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from population_cases import BASE, HELD, SECTORS, condition, plan
from scipy import stats

from simlab.moments import Moments, divide, from_rows
from simlab.population import LAWS, Clusters, compile_plan, truth
from simlab.sampling import (
    BLOCK,
    CLUSTERS,
    ROWS,
    block_clusters,
    draw_block,
    draw_clusters,
    draw_moments,
    draw_rows,
    replicate_rows,
    stream,
)

KEY = "0123456789abcdef0123456789abcdef"
OTHER = "0123456789abcdef0123456789abcdee"
FIELDS = Moments._fields[:-1]

SCIPY = {
    "normal": stats.norm(),
    "uniform": stats.uniform(-np.sqrt(3), 2 * np.sqrt(3)),
    "exponential": stats.expon(-1),
    "student-t": stats.t(5, scale=np.sqrt(3 / 5)),
}
KURTOSIS = {"normal": 3, "uniform": 1.8, "exponential": 9, "student-t": 9}


def law(name):
    return {"law": name, "df": 5} if name == "student-t" else {"law": name}


def sizes(*n):
    return {"clusters": len(n), "cluster_sizes": {"law": "list", "sizes": list(n)}}


def block(of, scheme="new-clusters", rows=False, seed=1, key=KEY, number=0, replicates=8, **more):
    return draw_block(of, scheme, rows, seed, key, number, replicates, **more)


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def close(one: Moments, other: Moments):
    """Equal moments, up to rounding relative to the largest value of each."""
    for field in FIELDS:
        a, b = getattr(one, field), getattr(other, field)
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * np.abs(b).max(), err_msg=field)


def of_frame(df: pd.DataFrame) -> Moments:
    cluster = pd.factorize(df.cluster)[0]
    sector = df.groupby(cluster).sector.first().cat.codes.to_numpy()
    return from_rows(df.x.to_numpy(), df.y.to_numpy(), cluster, sector)


def ks(draws, distribution):
    return stats.kstest(np.ravel(draws), distribution.cdf).pvalue


def ks2(one, other):
    return stats.ks_2samp(np.ravel(one), np.ravel(other), method="asymp").pvalue


# --- streams ------------------------------------------------------------------------------------


def test_a_stream_is_opened_by_seed_key_purpose_and_number():
    first = {
        args: stream(*args).integers(2**63)
        for seed in (0, 1, 2**70)
        for key in (KEY, OTHER)
        for purpose in (BLOCK, CLUSTERS, ROWS)
        for number in (0, 1, 1000)
        for args in [(seed, key, purpose, number)]
    }
    assert len(set(first.values())) == len(first) == 54
    assert all(stream(*args).integers(2**63) == value for args, value in first.items())


def test_a_stream_is_the_documented_one():
    words = (0x01234567, 0x89ABCDEF, 0x01234567, 0x89ABCDEF, 2, 7)
    sequence = np.random.SeedSequence(0, spawn_key=words)
    expected = np.random.Generator(np.random.PCG64DXSM(sequence)).random(5)
    assert stream(0, KEY, ROWS, 7).random(5).tolist() == expected.tolist()


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("scheme", ["new-clusters", "same-clusters"])
def test_blocks_repeat_and_differ(scheme, rows):
    of = plan()
    first, _ = block(of, scheme, rows)
    assert same(first, block(of, scheme, rows)[0])
    for other in ({"seed": 0}, {"key": OTHER}, {"number": 1}):
        assert not np.isin(block(of, scheme, rows, **other)[0].y_mean, first.y_mean).any()
    with ThreadPoolExecutor(2) as pool:
        assert all(same(first, m) for m, _ in pool.map(lambda _: block(of, scheme, rows), range(4)))


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("scheme", ["new-clusters", "same-clusters"])
def test_replicates_that_follow_change_none_before(scheme, rows):
    short, long = (block(plan(), scheme, rows, replicates=b)[0] for b in (3, 9))
    assert same(short, long.take(slice(3)))


# --- clusters -----------------------------------------------------------------------------------


def test_clusters_have_their_laws():
    of = plan(
        x={"mean": 3, "between_sd": 2},
        cluster_sizes={"law": "poisson", "mean": 3, "minimum": 2},
    )
    n, m, u0, u1 = draw_clusters(stream(1, KEY, CLUSTERS, 0), of, 5000)
    assert ks(m, stats.norm(3, 2)) > 1e-3
    assert ks(u0, stats.norm(0, 4)) > 1e-3
    assert ks(u1, stats.norm(0, 5)) > 1e-3
    assert ks(u1, stats.norm(0, 5 * 1.03)) < 1e-6
    for a, b, expected in ((u0, u1, 0.4), (m, u0, 0), (m, u1, 0), (n, m, 0), (n, u0, 0)):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1] - expected) < 5 / np.sqrt(n.size)
    values, counts = np.unique(n, return_counts=True)
    assert (values[0], counts[0]) == (2, pytest.approx(n.size * stats.poisson.cdf(2, 3), rel=0.02))
    top = np.append(counts[1:8], counts[8:].sum())
    expected = n.size * np.append(stats.poisson.pmf(np.arange(3, 10), 3), stats.poisson.sf(9, 3))
    assert stats.chisquare(top, expected * top.sum() / expected.sum()).pvalue > 1e-3


@pytest.mark.parametrize("name", LAWS)
def test_random_effects_of_any_law_have_covariance_G(name):
    clusters = draw_clusters(stream(2, KEY, CLUSTERS, 0), plan(random_effects=law(name)), 5000)
    z0 = clusters.u0 / 4
    z1 = (clusters.u1 - 2 * z0) / np.sqrt(21)
    for z in (z0, z1):
        assert ks(z, SCIPY[name]) > 1e-3
        assert abs(z.mean()) < 5 / np.sqrt(z.size)
        assert abs(z.var() - 1) < 5 * np.sqrt((KURTOSIS[name] - 1) / z.size)
    assert abs(np.corrcoef(z0.ravel(), z1.ravel())[0, 1]) < 5 / np.sqrt(z0.size)


def test_a_singular_G_ties_the_effects_and_no_G_has_none():
    rng = stream(1, KEY, CLUSTERS, 0)
    tied = draw_clusters(rng, plan(G=[[16, -20], [-20, 25]]), 5)
    np.testing.assert_allclose(tied.u1, -1.25 * tied.u0, rtol=1e-12)
    slope_only = draw_clusters(rng, plan(G=[[0, 0], [0, 25]]), 5)
    assert not slope_only.u0.any()
    assert slope_only.u1.all()
    none = draw_clusters(rng, plan(G=[[0, 0], [0, 0]]), 5)
    assert not np.any([none.u0, none.u1])


@pytest.mark.parametrize("rows", [False, True])
def test_the_same_clusters_in_every_replicate_and_block(rows):
    of = plan(x={"between_sd": 1})
    blocks = [block(of, "same-clusters", rows, number=k)[0] for k in (0, 1)]
    clusters = block_clusters(of, "same-clusters", 1, KEY, 5, 100)
    assert clusters.n.shape == (1, 40)
    for moments in blocks:
        assert (moments.n == clusters.n).all()
        assert all(len(np.unique(moments.y_mean[:, j])) == 8 for j in range(40))
    assert not np.isin(blocks[0].y_mean, blocks[1].y_mean).any()
    other = block_clusters(of, "new-clusters", 1, KEY, 0, 100)
    assert (other.n.std(axis=0) > 0).all()


@pytest.mark.parametrize("context", ["sample-mean", "latent-mean"])
def test_means_in_the_same_clusters_are_those_their_truth_rests_on(context):
    of = plan(SECTORS, x={"mean": 5, "between_sd": 2}, context=context)
    clusters = block_clusters(of, "same-clusters", 1, KEY, 0, 1)
    moments, _ = block(of, "same-clusters", replicates=20_000)
    mean, se = moments.y_mean.mean(0), moments.y_mean.std(0) / np.sqrt(20_000)
    slope, intercept = np.polyfit(clusters.m[0, :3], mean[:3], 1)
    target = truth(of, clusters)
    # the slope is a weighted sum of the three means
    weights = (clusters.m[0, :3] - clusters.m[0, :3].mean()) / (3 * clusters.m[0, :3].var())
    margin = 5 * np.sqrt((weights**2) @ se[:3] ** 2)
    assert abs(slope - target["slope"][0, 1]) < margin
    away = np.abs(clusters.m).max()
    assert abs(intercept - target["intercept"][0, 1]) < 5 * se[:3].max() + away * margin
    assert abs(slope - target["slope"][0, 0]) > margin


# --- moments drawn directly -----------------------------------------------------------------------


def given(of, n, m=0.0, u0=0.0, u1=0.0):
    return Clusters(*(np.full((1, of.J), float(v)) for v in (n, m, u0, u1)))


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_moments_have_their_laws(n):
    of = plan(x={"mean": 7, "within_sd": 2})
    rng, clusters = stream(3, KEY, BLOCK, 0), given(of, n, 1.5, 1, -0.5)
    got = draw_moments(rng, of, clusters, 5000)
    sigma, beta0, beta1 = np.sqrt(20), 13, 1.5
    laws = {
        "x̄": ((got.x_mean - 1.5) / (2 / np.sqrt(n)), stats.norm()),
        "ȳ": ((got.y_mean - beta0 - beta1 * got.x_mean) / (sigma / np.sqrt(n)), stats.norm()),
    }
    if n >= 2:
        laws["ss_x"] = (got.ss_x / 4, stats.chi2(n - 1))
        laws["s_xy"] = ((got.s_xy - beta1 * got.ss_x) / np.sqrt(got.ss_x) / sigma, stats.norm())
    else:
        assert not np.any([got.ss_x, got.s_xy])
    if n >= 3:
        laws["rss"] = (got.rss / 20, stats.chi2(n - 2))
    else:
        assert not got.rss.any()
    for name, (values, distribution) in laws.items():
        assert ks(values, distribution) > 1e-3, name
        assert ks(values * 1.03, distribution) < 1e-6, name
    together = np.corrcoef([values.ravel() for values, _ in laws.values()])
    assert np.abs(together - np.eye(len(laws))).max() < 5 / np.sqrt(got.n.size)


def test_a_cluster_without_variation_in_x_has_one_more_degree_of_freedom(tmp_path):
    (tmp_path / "s.csv").write_text("school,x\n" + "a,0.3\n" * 4 + "b,1\nb,2\nb,4\nb,9\n")
    x = {"law": "data", "data": "s.csv", "column": "x", "cluster": "school"}
    of = plan({"gamma": [1, 2], "G": BASE["G"], "sigma2": 20, "x": x}, base_dir=tmp_path)
    for rows in (False, True):
        moments, _ = block(of, rows=rows, replicates=200_000)
        assert not np.any([moments.ss_x[:, 0], moments.s_xy[:, 0]])
        assert ks(moments.rss[:, 0] / 20, stats.chi2(3)) > 1e-3
        assert ks(moments.rss[:, 1] / 20, stats.chi2(2)) > 1e-3
        assert ks(moments.rss[:, 0] / 20, stats.chi2(2)) < 1e-6
    for rows in (False, True):
        df = replicate_rows(of, "new-clusters", rows, 1, KEY, 4, 2)
        assert df.x.tolist() == [0.3] * 4 + [1, 2, 4, 9]
        close(of_frame(df), block(of, rows=rows, replicates=4)[0].take(slice(2, 3)))


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("context", ["sample-mean", "latent-mean"])
def test_without_noise_the_means_lie_on_the_declared_lines(context, rows):
    of = plan(
        SECTORS, G=[[0, 0], [0, 0]], sigma2=1e-30, x={"mean": 3, "between_sd": 2}, context=context
    )
    clusters = block_clusters(of, "new-clusters", 1, KEY, 0, 8)
    got, _ = block(of, rows=rows)
    c = clusters.m if context == "latent-mean" else got.x_mean
    gamma0, within, contextual = np.array([[14, 1, 3]] * 3 + [[12, 2, 0]] * 2).T
    np.testing.assert_allclose(got.y_mean, gamma0 + contextual * c + within * got.x_mean)
    np.testing.assert_allclose(got.slope, np.tile(within, (8, 1)))
    assert got.starts.tolist() == [0, 3, 5]
    assert (clusters.m != got.x_mean).all()


@pytest.mark.parametrize("rows", [False, True])
def test_x_from_data_is_held(rows):
    of = plan(HELD)
    got, kept = block(of, rows=rows, keep_rows=True)
    fixed = of.parameters.fixed_x
    for field, value in (
        ("n", of.parameters.sizes),
        ("x_mean", fixed.mean),
        ("ss_x", fixed.ss),
    ):
        assert (getattr(got, field) == value).all()
    assert (kept is not None) is rows
    if kept is not None:
        assert (kept.x.reshape(8, -1) == fixed.values).all()
        assert (block_clusters(of, "new-clusters", 1, KEY, 0, 8).m == fixed.mean).all()


def test_moments_without_a_law_are_not_drawn():
    with pytest.raises(ValueError, match="can only be drawn as rows"):
        block(plan(errors=law("uniform")))


# --- rows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "changes"),
    [
        (BASE, {"x": {"mean": 5, "between_sd": 1}}),
        (BASE, sizes(1, 2, 3, 1, 40)),
        (SECTORS, {"context": "latent-mean", "errors": law("exponential"), "x": law("student-t")}),
        (HELD, {"errors": law("uniform")}),
    ],
)
@pytest.mark.parametrize("scheme", ["new-clusters", "same-clusters"])
def test_the_moments_of_rows_are_those_returned(base, changes, scheme):
    of = plan(base, **changes)
    got, kept = block(of, scheme, True, keep_rows=True)
    assert same(got, block(of, scheme, True)[0])
    assert kept.first[0, 0] == 0
    assert kept.first[-1, -1] == len(kept.x) == len(kept.y) == got.n.sum()
    assert (np.diff(kept.first, axis=1) == got.n).all()
    assert (kept.first[1:, 0] == kept.first[:-1, -1]).all()
    sector = np.repeat(np.arange(len(of.sectors)), np.diff(of.starts))
    for b in range(8):
        rows = slice(kept.first[b, 0], kept.first[b, -1])
        cluster = np.repeat(np.arange(of.J), got.n[b].astype(int))
        close(got.take(slice(b, b + 1)), from_rows(kept.x[rows], kept.y[rows], cluster, sector))


def test_a_mean_far_from_zero_costs_the_moments_of_rows_no_digits():
    near, far = (block(plan(gamma=[1e9, 0], x={"mean": mean}), rows=True)[0] for mean in (0, 1e9))
    for field in ("ss_x", "s_xy", "rss"):
        np.testing.assert_array_equal(getattr(near, field), getattr(far, field))


@pytest.mark.parametrize("name", LAWS)
def test_rows_have_their_laws(name):
    of = plan(**sizes(100, 100), x=law(name) | {"within_sd": 2}, errors=law(name))
    rng, clusters = stream(4, KEY, BLOCK, 0), given(of, 100, 3, 1, -1)
    _, kept = draw_rows(rng, of, clusters, 1000, keep=True)
    d = (kept.x - 3) / 2
    e = (kept.y - (13 + 1 * kept.x)) / np.sqrt(20)
    for values in (d, e):
        assert ks(values, SCIPY[name]) > 1e-3
        assert ks(values * 1.03, SCIPY[name]) < 1e-6
        assert abs(values.mean()) < 5 / np.sqrt(values.size)
        assert abs(values.var() - 1) < 5 * np.sqrt((KURTOSIS[name] - 1) / values.size)
    assert abs(np.corrcoef(d, e)[0, 1]) < 5 / np.sqrt(d.size)
    assert abs(np.corrcoef(d[:-1], d[1:])[0, 1]) < 5 / np.sqrt(d.size)


def test_rows_that_are_not_kept_are_not_held():
    of = plan(clusters=200, cluster_sizes={"law": "fixed", "size": 3000})
    block(of, rows=True, replicates=1)
    tracemalloc.start()
    block(of, rows=True, replicates=4)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.5e6  # bytes; the rows of one replicate alone would fill 9.6e6


# --- both routes --------------------------------------------------------------------------------


def pooled_slope(moments):
    return moments.s_xy.sum(1) / moments.ss_x.sum(1)


def between_slope(moments):
    dx = moments.x_mean - moments.x_mean.mean(1, keepdims=True)
    return (dx * moments.y_mean).sum(1) / (dx * dx).sum(1)


ROUTES = {
    "small clusters": {**sizes(*[1, 2, 3, 6] * 5), "x": {"mean": 1, "between_sd": 0.5}},
    "context": {
        "clusters": 20,
        "cluster_sizes": {"law": "poisson", "mean": 4},
        "beta_between": 4,
        "x": {"between_sd": 1, "within_sd": 2},
    },
    "latent context": {
        "clusters": 20,
        "cluster_sizes": {"law": "poisson", "mean": 4},
        "beta_between": 4,
        "context": "latent-mean",
        "x": {"between_sd": 0.5},
        "random_effects": law("exponential"),
    },
    "no random effects": {**sizes(*[5] * 20), "G": [[0, 0], [0, 0]]},
    "singular G": {**sizes(*[5] * 20), "G": [[16, 20], [20, 25]]},
}


def compare(of, other, seed=11, replicates=10_000):
    """Return the p-value of every moment, and of estimates, of two plans by the two routes."""
    moments, _ = block(of, seed=seed, replicates=replicates)
    rows, _ = block(other, rows=True, seed=seed + 1, replicates=replicates)
    p = {f: ks2(getattr(moments, f), getattr(rows, f)) for f in FIELDS[1:]}
    for name, estimate in (("pooled", pooled_slope), ("between", between_slope)):
        p[name] = ks2(estimate(moments), estimate(rows))
    for name, a, b in (("ss_x", "x_mean", "y_mean"), ("joint", "s_xy", "rss")):
        p[f"{name} {a} {b}"] = ks2(
            getattr(moments, a) * getattr(moments, b), getattr(rows, a) * getattr(rows, b)
        )
    return p


@pytest.mark.parametrize("name", ROUTES)
def test_both_routes_have_one_law(name):
    of = plan(**ROUTES[name])
    result = compare(of, of)
    assert min(result.values()) > 1e-3, result


def test_both_routes_have_one_law_where_x_is_held():
    of = plan(HELD)
    moments, _ = block(of, replicates=4000)
    rows, _ = block(of, rows=True, seed=2, replicates=4000)
    for f in ("y_mean", "s_xy", "rss"):
        assert min(ks2(getattr(moments, f)[:, j], getattr(rows, f)[:, j]) for j in (0, 39)) > 1e-3
    assert ks2(pooled_slope(moments), pooled_slope(rows)) > 1e-3
    assert ks2(between_slope(moments), between_slope(rows)) > 1e-3


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"sigma2": 20 * 1.03}, {"rss"}),
        ({"x": {"mean": 1, "between_sd": 0.5, "within_sd": 1.03}}, {"ss_x"}),
        ({"gamma": [12, 2.2]}, {"s_xy"}),
        ({"errors": law("uniform")}, {"rss"}),
        ({"x": {"mean": 1, "between_sd": 0.5, **law("exponential")}}, {"ss_x", "x_mean"}),
    ],
)
def test_the_comparison_of_routes_sees_a_small_difference(change, seen):
    of = {**ROUTES["no random effects"], "x": {"mean": 1, "between_sd": 0.5}}
    result = compare(plan(**of), plan(**(of | change)))
    assert all(result[field] < 1e-6 for field in seen), result


# --- the rows of one replicate --------------------------------------------------------------------

REBUILT = [
    (BASE, {"x": {"mean": 5, "between_sd": 1}}),
    (BASE, sizes(1, 2, 3, 1, 40)),
    (SECTORS, {"context": "latent-mean"}),
    (HELD, {}),
]


@pytest.mark.parametrize(("base", "changes"), REBUILT)
@pytest.mark.parametrize("scheme", ["new-clusters", "same-clusters"])
@pytest.mark.parametrize("replicate", [0, 3, 9])
def test_a_replicate_drawn_as_moments_gets_rows_with_these_moments(
    base, changes, scheme, replicate
):
    of = plan(base, **changes)
    number, b = divmod(replicate, 4)
    moments = block(of, scheme, number=number, replicates=4)[0].take(slice(b, b + 1))
    df = replicate_rows(of, scheme, False, 1, KEY, 4, replicate)
    close(of_frame(df), moments)
    assert df.columns.tolist() == ["cluster", "sector", "x", "y"]
    assert df.sector.cat.categories.tolist() == list(of.sectors)
    assert df.cluster.unique().tolist() == of.labels.tolist()
    pd.testing.assert_frame_equal(df, replicate_rows(of, scheme, False, 1, KEY, 4, replicate))


@pytest.mark.parametrize(("base", "changes"), REBUILT)
@pytest.mark.parametrize("scheme", ["new-clusters", "same-clusters"])
@pytest.mark.parametrize("replicate", [0, 3, 9])
def test_a_replicate_drawn_as_rows_has_exactly_these(base, changes, scheme, replicate):
    of = plan(base, **changes)
    number, b = divmod(replicate, 4)
    _, kept = block(of, scheme, True, number=number, replicates=4, keep_rows=True)
    df = replicate_rows(of, scheme, True, 1, KEY, 4, replicate)
    rows = slice(kept.first[b, 0], kept.first[b, -1])
    assert df.x.tolist() == kept.x[rows].tolist()
    assert df.y.tolist() == kept.y[rows].tolist()


def test_rows_given_moments_have_the_law_of_rows():
    """Any function of rows will do; the third row of each cluster and a cubic sum are two."""
    of = plan(clusters=40_000, cluster_sizes={"law": "fixed", "size": 5}, G=[[0, 0], [0, 0]])
    direct, rebuilt = (
        replicate_rows(of, "new-clusters", rows, 7, KEY, 1, 0)[["x", "y"]].to_numpy()
        for rows in (True, False)
    )
    direct, rebuilt = (v.reshape(-1, 5, 2).transpose(2, 0, 1) for v in (direct, rebuilt))
    assert ks(rebuilt[0, :, 2], stats.norm()) > 1e-3
    for function in (
        lambda x, y: y[:, 2],
        lambda x, y: (y**3).sum(1),
        lambda x, y: (x**2 * (y - 12 - 2 * x)).sum(1),
        lambda x, y: np.abs(y - y.mean(1, keepdims=True)).max(1),
    ):
        assert ks2(function(*direct), function(*rebuilt)) > 1e-3


def test_slopes_of_clusters_are_what_least_squares_gives():
    of = plan(**sizes(3, 5, 8))
    moments, _ = block(of)
    df = replicate_rows(of, "new-clusters", False, 1, KEY, 8, 5)
    for j, (_, rows) in enumerate(df.groupby("cluster")):
        slope, intercept = np.polyfit(rows.x, rows.y, 1)
        assert moments.slope[5, j] == pytest.approx(slope)
        assert ((rows.y - intercept - slope * rows.x) ** 2).sum() == pytest.approx(
            moments.rss[5, j]
        )
    np.testing.assert_array_equal(moments.slope, divide(moments.s_xy, moments.ss_x, np.nan))


def test_the_key_of_a_condition_opens_its_streams():
    one, other = condition(), condition(sigma2=21)
    first, second = (block(compile_plan(c), key=c.key, scheme=c.scheme)[0] for c in (one, other))
    assert not np.isin(first.x_mean, second.x_mean).any()
