"""Common random numbers: every condition keeps its own law, and conditions keep in step.

Seeds are fixed. Laws are compared by Kolmogorov–Smirnov tests of level 1e-3, which see a scale that
is 3 % off (the negative controls, p < 1e-6). Gains are held to theory within 4 of their Monte Carlo
standard errors, and beside each stands the same study with streams of its own, whose gain is 1.
Rounding is held to 1e-9 relative to the size of the values.
"""

import numpy as np
import pandas as pd
import pytest
from population_cases import BASE, HELD, SECTORS, plan
from scipy import stats
from study_cases import study

import simlab
from simlab import runner
from simlab.config.laws import chi_square
from simlab.config.laws.poisson import PoissonSizes
from simlab.moments import Moments, from_rows
from simlab.population import LAWS, Law
from simlab.replaying import replay
from simlab.sampling import Common, block_clusters, draw_block, replicate_rows
from simlab.sampling.laws import standardised

KEY = "0123456789abcdef0123456789abcdef"
FIELDS = Moments._fields[:-1]
SCIPY = {
    "normal": stats.norm(),
    "uniform": stats.uniform(-np.sqrt(3), 2 * np.sqrt(3)),
    "exponential": stats.expon(-1),
    "student-t": stats.t(5, scale=np.sqrt(3 / 5)),
}


def law(name):
    return {"law": name, "df": 5} if name == "student-t" else {"law": name}


def sizes(*n):
    return {"clusters": len(n), "cluster_sizes": {"law": "list", "sizes": list(n)}}


def opener(seed=1):
    """A stream for each place, as those of a block."""

    def open_stream(*place):
        return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=place))

    return open_stream


def block(of, scheme="new-clusters", rows=False, size=64, number=0, replicates=None, **more):
    return draw_block(of, scheme, rows, 1, Common(size), number, replicates or size, **more)


def ks(draws, distribution):
    return stats.kstest(np.ravel(draws), distribution.cdf).pvalue


def ks2(one, other):
    return stats.ks_2samp(np.ravel(one), np.ravel(other), method="asymp").pvalue


# --- the laws -----------------------------------------------------------------------------------


@pytest.mark.parametrize("df", [1, 2, 3, 5, 29, 300, 1e6])
def test_chi_square_has_its_law(df):
    drawn = chi_square(opener(), np.full((400, 500), float(df)))
    assert ks(drawn, stats.chi2(df)) > 1e-3
    spread = drawn * 1.03 if df < 30 else df + (drawn - df) * 1.03
    assert ks(spread, stats.chi2(df)) < 1e-6
    assert abs(np.corrcoef(drawn.ravel()[:-1], drawn.ravel()[1:])[0, 1]) < 5 / np.sqrt(drawn.size)


def test_chi_square_of_no_freedom_is_0_and_disturbs_nobody():
    df = np.full((20, 30), 7.0)
    all_seven = chi_square(opener(), df)
    df[3], df[5, 2] = 0, 0
    some = chi_square(opener(), df)
    assert (some[df == 0] == 0).all()
    np.testing.assert_array_equal(some[df > 0], all_seven[df > 0])


@pytest.mark.parametrize(("few", "many", "least"), [(2, 3, 0.90), (2, 5, 0.85), (28, 29, 0.99)])
def test_chi_squares_of_other_freedom_stay_in_step(few, many, least):
    one, other = (chi_square(opener(), np.full((200, 200), float(df))) for df in (few, many))
    apart = chi_square(opener(2), np.full((200, 200), float(many)))
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > least
    assert abs(np.corrcoef(one.ravel(), apart.ravel())[0, 1]) < 5 / 200


@pytest.mark.parametrize("mean", [0.3, 3.0, 30.0, 3e4, 1e8])
def test_poisson_is_the_least_number_from_1_that_reaches_u(mean):
    u = np.concatenate([opener()().random(20_000), [0.0, 1 - 2**-53, 2**-53]])
    n = PoissonSizes(mean=mean, minimum=1).at(u)
    inside = slice(-3)  # at the ends of [0, 1) the table of a large mean ends too
    assert (stats.poisson.cdf(n, mean) >= u)[inside].all()
    assert ((stats.poisson.cdf(n - 1, mean) < u) | (n == 1))[inside].all()
    assert np.isfinite(n).all()
    assert (PoissonSizes(mean=1.1 * mean, minimum=1).at(u) >= n).all()


@pytest.mark.parametrize("name", LAWS)
def test_standardised_laws(name):
    drawn = standardised(opener(), Law(LAWS.index(name), 5.0, 0.0), (400, 500))
    assert ks(drawn, SCIPY[name]) > 1e-3
    assert ks(drawn * 1.03, SCIPY[name]) < 1e-6


def test_student_keeps_the_normals():
    z, near, far = (
        standardised(opener(), Law(LAWS.index(name), df, 0.0), (200, 200)).ravel()
        for name, df in (("normal", 0.0), ("student-t", 5.0), ("student-t", 8.0))
    )
    assert (np.sign(z) == np.sign(near)).all()
    assert np.corrcoef(z, near)[0, 1] > 0.9
    assert np.corrcoef(near, far)[0, 1] > 0.98


CASES = {
    "Poisson": (BASE, {"x": {"mean": 1, "between_sd": 0.5}}),
    "small": (BASE, {**sizes(*[1, 2, 3, 6] * 5), "x": {"between_sd": 0.5}}),
    "sectors": (SECTORS, {"context": "latent-mean", "x": {"between_sd": 1}}),
    "held": (HELD, {}),
    "effects of Student": (BASE, {"random_effects": law("student-t")}),
}
ROWS_ONLY = {
    "not normal": (BASE, {"errors": law("student-t"), "x": law("exponential")}),
    "uniform": (SECTORS, {"errors": law("uniform"), "random_effects": law("exponential")}),
}


@pytest.mark.parametrize(
    ("name", "rows"),
    [(name, rows) for name in CASES for rows in (False, True)]
    + [(name, True) for name in ROWS_ONLY],
)
def test_a_condition_has_the_law_that_it_has_alone(name, rows):
    base, changes = (CASES | ROWS_ONLY)[name]
    of = plan(base, **changes)
    size = 3000
    common, _ = block(of, rows=rows, size=size)
    alone, _ = draw_block(of, "new-clusters", rows, 2, KEY, 0, size)
    # Clusters of one replicate share nothing, nor do replicates: all entries are independent.
    sector = slice(*of.starts[:2])
    for field in FIELDS:
        one, other = (getattr(m, field)[:, sector] for m in (common, alone))
        if name == "held" and field in ("n", "x_mean", "ss_x"):
            np.testing.assert_array_equal(one, other)
        elif name == "held":  # every cluster has a law of its own
            assert min(ks2(one[:, j], other[:, j]) for j in (0, -1)) > 1e-3, field
        else:
            assert ks2(one, other) > 1e-3, field
    for a, b in (("y_mean", "x_mean"), ("s_xy", "ss_x"), ("rss", "y_mean"), ("rss", "ss_x")):
        one, other = (getattr(m, a)[:, sector] * getattr(m, b)[:, sector] for m in (common, alone))
        assert min(ks2(one[:, j], other[:, j]) for j in (0, 2)) > 1e-3, (a, b)


def test_the_comparison_of_laws_sees_a_small_difference():
    common, _ = block(plan(sigma2=20 * 1.05), size=3000)
    alone, _ = draw_block(plan(), "new-clusters", False, 2, KEY, 0, 3000)
    assert ks2(common.rss, alone.rss) < 1e-6


def test_replicates_and_clusters_of_a_condition_are_independent():
    of = plan(**sizes(*[6] * 40), sigma2=1, G=[[1, 0], [0, 1]], x={"between_sd": 1})
    m, _ = block(of, size=4000)
    for field in FIELDS[1:]:
        v = getattr(m, field)
        across = np.corrcoef(v[:, :6].T) - np.eye(6)
        assert np.abs(across).max() < 5 / np.sqrt(4000), field
        along = np.corrcoef(v[:-1].ravel(), v[1:].ravel())[0, 1]
        assert abs(along) < 5 / np.sqrt(v.size), field


# --- in step ------------------------------------------------------------------------------------


def same(one, other, **clusters):
    part = clusters.get("first", slice(None))
    return all(np.array_equal(getattr(one, f)[:, part], getattr(other, f)[:, part]) for f in FIELDS)


@pytest.mark.parametrize("scheme", ["new-clusters", "same-clusters"])
@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("effects", ["normal", "student-t"])
def test_clusters_that_follow_change_none_before(scheme, rows, effects):
    few, many = (
        block(plan(clusters=J, random_effects=law(effects)), scheme, rows)[0] for J in (7, 23)
    )
    assert same(few, many, first=slice(7))
    alone = [
        draw_block(plan(clusters=J), scheme, rows, 1, KEY, 0, 64)[0].y_mean[:, 1] for J in (7, 23)
    ]
    assert (alone[0] != alone[1]).mean() > 0.9  # control


@pytest.mark.parametrize("rows", [False, True])
def test_sectors_of_other_sizes_keep_their_clusters(rows):
    few, many = (
        block(plan(SECTORS, clusters={"Catholic": c, "Public": 4}), rows=rows)[0] for c in (3, 9)
    )
    assert all(
        np.array_equal(getattr(few, f)[:, [0, 1, 2, 3, 6]], getattr(many, f)[:, [0, 1, 2, 9, 12]])
        for f in FIELDS
    )
    assert not np.isin(few.y_mean[:, 0], few.y_mean[:, 3]).any()


@pytest.mark.parametrize("scheme", ["new-clusters", "same-clusters"])
@pytest.mark.parametrize("rows", [False, True])
def test_a_block_cut_short_is_the_beginning_of_a_whole_one(scheme, rows):
    of = plan(errors=law("student-t") if rows else law("normal"))
    whole, _ = block(of, scheme, rows, number=3)
    short, kept = block(of, scheme, rows, number=3, replicates=5, keep_rows=True)
    assert same(short, whole.take(slice(5)))
    assert (kept is not None) is rows
    if kept is not None:
        assert kept.first[-1, -1] == len(kept.y) == short.n.sum()


def test_blocks_and_seeds_differ():
    of = plan()
    first = block(of)[0].y_mean
    assert not np.isin(block(of, number=1)[0].y_mean, first).any()
    assert not np.isin(
        draw_block(of, "new-clusters", False, 2, Common(64), 0, 64)[0].y_mean, first
    ).any()
    same_clusters = [block(of, "same-clusters", number=k)[0] for k in (0, 1)]
    np.testing.assert_array_equal(same_clusters[0].n[0], same_clusters[1].n[5])
    assert not np.isin(same_clusters[0].y_mean, same_clusters[1].y_mean).any()


def test_the_first_rows_of_larger_clusters_are_those_of_smaller_ones():
    few, many = (
        block(plan(**sizes(*[n] * 4), errors=law("exponential")), rows=True, keep_rows=True)[1]
        for n in (5, 12)
    )
    few, many = (rows.x.reshape(64, 4, -1) for rows in (few, many))
    np.testing.assert_array_equal(few, many[..., :5])


def test_larger_means_are_larger_clusters():
    small, large = (
        block_clusters(plan(cluster_sizes={"law": "poisson", "mean": mean}), *rest).n
        for mean, rest in ((10, ARGS), (20, ARGS))
    )
    assert (large > small).mean() > 0.99
    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.98


ARGS = ("new-clusters", 1, Common(64), 0, 64)


def test_other_fixed_effects_leave_all_else():
    one, other = (block(plan(gamma=gamma, x={"between_sd": 1}))[0] for gamma in ([12, 2], [7, 5]))
    for field in ("n", "x_mean", "ss_x", "rss"):
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field))
    np.testing.assert_allclose(other.slope - one.slope, 3, rtol=1e-9)


# --- the rows of one replicate ------------------------------------------------------------------

REBUILT = [
    (BASE, {"x": {"mean": 5, "between_sd": 1}}),
    (BASE, sizes(1, 2, 3, 1, 40)),
    (SECTORS, {"context": "latent-mean"}),
    (HELD, {}),
]


@pytest.mark.parametrize(("base", "changes"), REBUILT)
@pytest.mark.parametrize("scheme", ["new-clusters", "same-clusters"])
@pytest.mark.parametrize("rows", [False, True])
def test_a_replicate_is_rebuilt(base, changes, scheme, rows):
    of = plan(base, **changes)
    for replicate in (0, 3, 9):
        number, b = divmod(replicate, 4)
        moments, kept = block(of, scheme, rows, size=4, number=number, keep_rows=True)
        df = replicate_rows(of, scheme, rows, 1, Common(4), 4, replicate)
        pd.testing.assert_frame_equal(
            df, replicate_rows(of, scheme, rows, 1, Common(4), 4, replicate)
        )
        if kept is not None:
            own = slice(kept.first[b, 0], kept.first[b, -1])
            assert df.x.tolist() == kept.x[own].tolist()
            assert df.y.tolist() == kept.y[own].tolist()
        cluster = pd.factorize(df.cluster)[0]
        sector = df.groupby(cluster).sector.first().cat.codes.to_numpy()
        result = from_rows(df.x.to_numpy(), df.y.to_numpy(), cluster, sector)
        for field in FIELDS:
            expected = getattr(moments.take(slice(b, b + 1)), field)
            got = getattr(result, field)
            scale = 1e-9 * np.abs(expected).max()
            np.testing.assert_allclose(got, expected, rtol=1e-9, atol=scale, err_msg=field)


# --- studies ------------------------------------------------------------------------------------

FIXED = {"cluster_sizes": {"law": "fixed", "size": 12}, "clusters": 10}


def crn(replicates=40, **fields):
    return study(replicates, common_random_numbers=True, block=16, estimators=METHODS, **fields)


METHODS = ["pooled", "two_stage", "hlm"]


@pytest.mark.parametrize("scheme", ["new-clusters", "same-clusters"])
def test_a_study_is_extended_without_changing_a_number(scheme):
    s = crn(scheme=scheme, population=FIXED, grid={"population.clusters": [5, 8]})
    ds = simlab.run(s, jobs=2)
    longer = s.replace(replicates=70, grid={"population.clusters": [11, 8, 5]})
    more = simlab.run(longer, jobs=1)
    for c, other in ((0, 2), (1, 1)):
        for name in ("estimate", "std_error", "status", "truth", "limit"):
            expected, got = ds[name].values[c], more[name].values[other]
            np.testing.assert_array_equal(got[: len(expected)], expected)


def test_the_field_changes_the_numbers_and_no_key():
    s = crn(population=FIXED)
    alone = s.replace(common_random_numbers=False)
    one, other = (simlab.run(each, jobs=1) for each in (s, alone))
    assert one.key.values.tolist() == other.key.values.tolist()
    assert not np.isin(one.estimate.values, other.estimate.values).any()
    assert runner.prepare(s).jobs[0].key == Common(16)


def test_a_replicate_of_a_study_is_rebuilt():
    s = crn(population=FIXED, grid={"population.sigma2": [4, 20]})
    ds = simlab.run(s, jobs=1)
    for c, r in ((0, 0), (1, 17), (1, 39)):
        df = simlab.replicate(s, c, r)
        slope = np.polyfit(df.x, df.y, 1)[0]
        kept = ds.estimate.sel(estimator="pooled", term="slope")
        assert slope == pytest.approx(float(kept[c, r]), rel=1e-9)


@pytest.mark.parametrize("draw", ["moments", "rows"])
def test_a_replicate_of_a_store_is_replayed_bit_for_bit(draw, tmp_path):
    s = crn(population=FIXED, draw=draw, grid={"population.clusters": [5, 8]})
    simlab.run(s, out=tmp_path / "s.zarr", jobs=1)
    for replicate in (0, 17, 39):
        assert replay(tmp_path / "s.zarr", 1, replicate).differs.empty


def test_tests_draw_from_common_numbers_too():
    fields = {
        "tests": {"names": ["random_intercept"], "draws": 19},
        "population": FIXED | {"G": [[0, 0], [0, 0]]},
        "grid": {"population.gamma": [[12, 2], [5, 3]]},
    }
    one, other = simlab.run(crn(**fields), jobs=1).test_p_value.sel(kind="simulated").values
    np.testing.assert_array_equal(one, other)
    alone = simlab.run(crn(**fields).replace(common_random_numbers=False), jobs=1)
    assert (np.diff(alone.test_p_value.sel(kind="simulated"), axis=0) != 0).any()
