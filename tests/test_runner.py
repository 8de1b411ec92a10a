"""The runner's promises: the same bits, the same replicates, and the laws that theory knows.

Thresholds of the statistical tests: 3.5 Monte Carlo standard errors for shares (two-sided 5e-4) and
p > 1e-4 for Kolmogorov–Smirnov; seeds are fixed, so that a test that passes always does. Each has a
control that must fail.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import ks_2samp
from study_cases import asked_for, study

import simlab
from simlab import runner
from simlab.config import ConfigError
from simlab.estimators import METHODS, REGISTRY, Sample, pooled
from simlab.moments import from_rows
from simlab.parallel import Workers
from simlab.results import TIMES, open_results
from simlab.words import Status

SECTORS = {
    "clusters": {"Catholic": 5, "Public": 6},
    "gamma": {"Catholic": [14, 1], "Public": [12, 2]},
    "beta_between": {"Catholic": 4, "Public": 2},
    "x": {"law": "normal", "between_sd": 0.7},
}
GRID = {"population.clusters": [8, 12]}
SMALL = {"cluster_sizes": {"law": "poisson", "mean": 6}}


def numbers(ds):
    """All of a Dataset but when, how long and where it was computed."""
    return ds.drop_vars(TIMES, errors="ignore").drop_attrs()


def assert_same_bits(one, other):
    for name in numbers(one).variables:
        a, b = one[name].values, other[name].values
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()), name


# ---------------------------------------------------------------- the same bits


@pytest.fixture(scope="module")
def base():
    """A study of two conditions and five blocks, the last one short, and its Dataset."""
    s = study(70, block=16, grid=GRID, population=SMALL)
    return s, simlab.run(s, jobs=1)


def test_workers_do_not_matter(base):
    s, ds = base
    for _ in range(3):
        assert_same_bits(simlab.run(s, jobs=2), ds)


def test_order_of_blocks_does_not_matter(base, monkeypatch):
    s, ds = base

    work = runner.prepare(s)

    def shuffled(_, pending):
        pending = list(pending)
        order = np.random.default_rng(0).permutation(len(pending))
        return (runner.run_block(work, *pending[i]) for i in order)

    monkeypatch.setattr(Workers, "do", shuffled)
    assert_same_bits(simlab.run(s), ds)


def test_size_of_slabs_does_not_matter(base, monkeypatch):
    s, ds = base
    monkeypatch.setattr("simlab.runner.block.SLAB", 40)
    assert_same_bits(simlab.run(s, jobs=1), ds)


def test_a_level_added_to_the_grid_changes_no_other_number(base):
    s, ds = base
    more = simlab.run(s.replace(grid={"population.clusters": [5, 12, 8]}), jobs=1)
    assert more.sizes["condition"] == 3
    for c, key in enumerate(ds.key.values):
        (place,) = np.flatnonzero(more.key.values == key)
        assert_same_bits(more.isel(condition=place), ds.isel(condition=c))


def test_estimators_left_out_change_no_other_number(base):
    s, ds = base
    fewer = simlab.run(s.replace(estimators=["hlm", "pooled"]), jobs=1)
    assert fewer.estimator.values.tolist() == ["pooled", "hlm"]
    for name in ("estimate", "std_error", "df", "status"):
        part = ds[name].sel(estimator=fewer.estimator)
        part = part.sel(term=fewer.term) if "term" in part.dims else part
        np.testing.assert_array_equal(fewer[name], part)


def test_more_replicates_begin_with_the_same(base):
    s, ds = base
    longer = simlab.run(s.replace(replicates=90), jobs=1)
    np.testing.assert_array_equal(longer.estimate[:, :70], ds.estimate)


def test_seeds_and_conditions_matter(base):
    """Control: another seed, another condition, another replicate are other numbers."""
    s, ds = base
    other = simlab.run(s.replace(seed=8), jobs=1)
    for a, b in ((other.estimate, ds.estimate), (ds.estimate[0], ds.estimate[1])):
        assert not (a.values == b.values)[..., 0, 1].any()
    assert len(np.unique(ds.estimate.sel(estimator="pooled", term="slope")[0])) == 70


def test_store_and_memory_hold_the_same(base, tmp_path):
    s, ds = base
    stored = simlab.run(s, out=tmp_path / "r.zarr", jobs=2)
    assert_same_bits(stored, ds)
    xr.testing.assert_identical(numbers(stored), numbers(ds))
    xr.testing.assert_identical(numbers(simlab.open_dataset(tmp_path / "r.zarr")), numbers(ds))


def test_an_unfinished_store_is_continued(base, tmp_path, monkeypatch):
    s, ds = base
    work = runner.prepare(s)
    results = open_results(tmp_path / "r", runner.schema_of(work))
    for c, b in ((1, 4), (0, 2), (1, 0)):
        results.write(runner.run_block(work, c, b))
    wanted = asked_for(monkeypatch)
    assert_same_bits(simlab.run(s, out=tmp_path / "r", jobs=2), ds)
    assert sorted(wanted) == [(0, 0), (0, 1), (0, 3), (0, 4), (1, 1), (1, 2), (1, 3)]
    wanted.clear()
    assert_same_bits(simlab.run(s, out=tmp_path / "r"), ds)
    assert wanted == []


def test_progress_is_told():
    class Counter:
        def __init__(self):
            self.told = []

        def start(self, replicates, done):
            self.told.append(("start", replicates, done))

        def advance(self, replicates, failures):
            self.told.append((replicates, failures))

    counter = Counter()
    ds = simlab.run(study(40, block=16, population=SMALL), jobs=1, progress=counter)
    assert counter.told[0] == ("start", 40, 0)
    assert sorted(n for n, _ in counter.told[1:]) == [8, 16, 16]
    failed = int((ds.status >= Status.NOT_CONVERGED).sum())
    assert sum(f for _, f in counter.told[1:]) == failed


# ---------------------------------------------------------------- the Dataset


def test_sectors_have_their_terms_and_truths():
    ds = simlab.run(study(4, population=SECTORS | SMALL), jobs=1)
    kinds = ("intercept", "slope", "between", "contextual")
    places = ("Catholic", "Public", "Public - Catholic")
    assert ds.term.values.tolist() == [f"{kind}[{place}]" for kind in kinds for place in places]
    truth = ds.truth[0].sel(target="beta_within")
    assert truth.sel(term="slope[Public - Catholic]") == 1
    assert truth.sel(term="contextual[Catholic]") == 3
    assert np.isnan(ds.estimate.sel(estimator="two_stage", term="between[Catholic]")).all()
    assert np.isfinite(ds.estimate.sel(estimator="gls_oracle")).all()


def test_estimates_agree_with_their_intervals():
    ds = simlab.run(study(50, level=0.9, population=SMALL), jobs=1)
    ok = np.isfinite(ds.estimate.values)
    assert ((ds.lower <= ds.estimate) & (ds.estimate <= ds.upper)).values[ok].all()
    inside = ((ds.lower <= 0) & (ds.upper >= 0)).values[ok]
    np.testing.assert_array_equal(inside, (ds.p_value.values >= 0.1)[ok])


def test_what_cannot_be_estimated_is_counted_and_not_redrawn():
    """Two clusters of at least one row: lines that are missing, and no exception."""
    population = {"clusters": 3, "cluster_sizes": {"law": "poisson", "mean": 1.2, "minimum": 1}}
    ds = simlab.run(study(200, population=population), jobs=1)
    assert set(np.unique(ds.status)) <= {int(s) for s in Status}
    blank = ds.status == Status.NOT_ESTIMABLE
    assert 0 < float(blank.sel(estimator="two_stage").mean()) < 1
    assert float(ds.dropped.sel(estimator="two_stage").max()) > 0
    for name in ("estimate", "std_error", "df", "lower", "upper", "p_value"):
        assert np.isnan(ds[name].where(blank, drop=False)).values[blank.values].all()


# ---------------------------------------------------------------- replicates rebuilt

REBUILT = {
    "moments": {"population": SMALL},
    "moments, sectors": {"population": SECTORS | SMALL},
    "moments, same clusters": {"population": SMALL, "scheme": "same-clusters"},
    "rows": {"population": SMALL, "draw": "rows"},
    "rows, errors not normal": {
        "population": SECTORS | SMALL | {"errors": {"law": "student-t", "df": 5}}
    },
    "rows, same clusters": {"population": SMALL, "draw": "rows", "scheme": "same-clusters"},
    "x not normal": {"population": SMALL | {"x": {"law": "exponential", "between_sd": 0.5}}},
}


def refit(frame, method, known):
    cluster = pd.factorize(frame.cluster)[0]
    sector = frame.sector.cat.codes.to_numpy()[np.unique(cluster, return_index=True)[1]]
    m = from_rows(frame.x.to_numpy(), frame.y.to_numpy(), cluster, sector)
    return method.fit(Sample(m, known))


@pytest.mark.parametrize("case", REBUILT)
def test_a_replicate_rebuilt_gives_the_stored_estimates(case):
    s = study(40, block=16, grid={"population.sigma2": [4, 20]}, **REBUILT[case])
    ds, work = simlab.run(s, jobs=1), runner.prepare(s)
    for c, r in ((0, 0), (1, 17), (1, 39)):
        frame = simlab.replicate(s, c, r)
        pd.testing.assert_frame_equal(frame, simlab.replicate(s, c, r))
        for e, method in enumerate(METHODS):
            fitted = refit(frame, method, work.jobs[c].known)
            columns = work.columns[method.name]
            assert fitted.status[0] == ds.status.values[c, r, e]
            assert fitted.dropped[0] == ds.dropped.values[c, r, e]
            for ours, name in ((fitted.estimate, "estimate"), (fitted.std_error, "std_error")):
                kept = ds[name].values[c, r, e, columns]
                np.testing.assert_allclose(ours[0], kept, rtol=1e-8, atol=1e-8, err_msg=method.name)
            np.testing.assert_allclose(fitted.df[0], ds.df.values[c, r, e, columns], rtol=1e-4)


def test_another_replicate_is_another():
    """Control: neighbours of the rebuilt replicate do not have its estimates."""
    s = study(40, block=16, population=SMALL)
    ds, frame = simlab.run(s, jobs=1), simlab.replicate(s, 0, 17)
    slope = refit(frame, pooled.METHOD, None).estimate[0, 1]
    same = np.isclose(ds.estimate.sel(estimator="pooled", term="slope")[0], slope, rtol=1e-8)
    assert np.flatnonzero(same).tolist() == [17]


def test_there_is_no_replicate_beyond_the_last():
    for c, r in ((0, 40), (1, 0), (-1, 0), (0, -1)):
        with pytest.raises(simlab.Error, match=f"there is no replicate {r} of condition {c}"):
            simlab.replicate(study(40, population=SMALL), c, r)


# ---------------------------------------------------------------- an estimator that needs rows


def pooled_by_rows(sample):
    """The pooled line again, from rows."""
    rows, seen = sample.rows, pooled.fit(sample)
    slopes = [
        np.polyfit(rows.x[first[0] : first[-1]], rows.y[first[0] : first[-1]], 1)[::-1]
        for first in rows.first
    ]
    return seen._replace(estimate=np.array(slopes))


BY_ROWS = replace(pooled.METHOD, name="by_rows", fit=pooled_by_rows, needs="rows", lambda_=None)


@pytest.fixture
def with_rows(monkeypatch):
    monkeypatch.setattr("simlab.runner.work.METHODS", (*METHODS, BY_ROWS))
    monkeypatch.setattr("simlab.runner.work.REGISTRY", {**REGISTRY, "by_rows": BY_ROWS})


@pytest.mark.parametrize("slab", [40, 2**14])
@pytest.mark.parametrize("scheme", ["new-clusters", "same-clusters"])
def test_an_estimator_that_needs_rows_gets_them(with_rows, monkeypatch, slab, scheme):
    monkeypatch.setattr("simlab.runner.block.SLAB", slab)
    s = study(40, block=16, scheme=scheme, estimators=["pooled", "by_rows"], population=SMALL)
    ds = simlab.run(s, jobs=2)
    one, two = (ds.estimate.sel(estimator=name) for name in ("pooled", "by_rows"))
    assert np.isfinite(one).all()
    np.testing.assert_allclose(one, two, rtol=1e-9)


def test_its_replicates_can_be_rebuilt_too(with_rows):
    s = study(40, block=16, estimators=["pooled", "by_rows"], population=SMALL)
    ds = simlab.run(s, jobs=1)
    slope = refit(simlab.replicate(s, 0, 21), pooled.METHOD, None).estimate[0]
    np.testing.assert_allclose(ds.estimate.values[0, 21, 0], slope, rtol=1e-8)


# ---------------------------------------------------------------- known laws, and controls

LAWS = {
    "clusters": 20,
    "x": {"law": "normal", "mean": 0.5, "between_sd": 1},
    "cluster_sizes": {"law": "poisson", "mean": 20},
}
REPLICATES = 4000


def coverage(ds, estimator, term="slope"):
    """Coverage of β_W, in Monte Carlo standard errors from nominal."""
    part = ds.sel(estimator=estimator, term=term).isel(condition=0)
    usable = np.isfinite(part.lower.values)
    assert usable.mean() > 0.99
    truth = part.truth.sel(target="beta_within")
    share = ((part.lower <= truth) & (truth <= part.upper)).values[usable].mean()
    return (share - 0.95) / np.sqrt(0.95 * 0.05 / usable.sum())


@pytest.fixture(scope="module")
def new_clusters():
    return simlab.run(study(REPLICATES, population=LAWS | {"beta_between": 5}))


@pytest.fixture(scope="module")
def same_clusters():
    fields = {"scheme": "same-clusters", "population": LAWS}
    return simlab.run(study(REPLICATES, **fields))


def test_coverage_is_nominal_where_theory_says_so(new_clusters):
    assert abs(coverage(new_clusters, "two_stage")) < 3.5
    assert abs(coverage(new_clusters, "hlm_contextual")) < 3.5
    assert abs(coverage(new_clusters, "gls_oracle")) < 3.5
    assert abs(coverage(new_clusters, "two_stage", "intercept")) < 3.5


def test_coverage_fails_where_clustering_is_ignored():
    """Control: β_B = β_W, so pooled is unbiased, and yet its standard error is far too small."""
    ds = simlab.run(study(1000, estimators=["pooled", "fixed_effects_common"], population=LAWS))
    for estimator in ds.estimator.values:
        assert coverage(ds, estimator) < -20
        slope = ds.estimate.sel(estimator=estimator, term="slope")[0]
        assert abs(float(slope.mean()) - 2) < 3.5 * float(slope.std()) / np.sqrt(1000)


def test_fixed_effects_answer_the_question_about_these_clusters(new_clusters, same_clusters):
    """Exactly nominal for new rows in the same clusters; control: not for new clusters."""
    assert abs(coverage(same_clusters, "fixed_effects_separate")) < 3.5
    assert abs(coverage(same_clusters, "fixed_effects_separate", "intercept")) < 3.5
    assert coverage(new_clusters, "fixed_effects_separate") < -20
    assert coverage(same_clusters, "two_stage") > 10  # its standard error is for new clusters


def test_no_unbiased_estimator_beats_the_oracle(new_clusters):
    """Aitken: among estimators linear in y and unbiased under context. Control: β_B = β_W, where
    the model without context knows more than the oracle's."""
    slope = new_clusters.estimate.sel(term="slope")[0]
    oracle = float(slope.sel(estimator="gls_oracle").var(ddof=1))
    names = ("two_stage", "fixed_effects_separate", "fixed_effects_common", "hlm_contextual")
    for name in names:
        own = slope.sel(estimator=name)
        rho = np.corrcoef(own, slope.sel(estimator="gls_oracle"))[0, 1]
        ratio = oracle / float(own.var(ddof=1))
        mcse = 2 * ratio * np.sqrt((1 - rho**2) / (REPLICATES - 1))
        assert ratio < 1 + 3.5 * mcse, name
        assert float(abs(own.mean() - 2)) < 3.5 * float(own.std()) / np.sqrt(REPLICATES)
    alike = LAWS | SMALL | {"G": [[1, 0], [0, 0.1]]}  # much to learn from differences of means
    free = simlab.run(study(REPLICATES, estimators=["hlm", "gls_oracle"], population=alike))
    variance = free.estimate.sel(term="slope")[0].var("replicate", ddof=1)
    assert float(variance.sel(estimator="hlm") / variance.sel(estimator="gls_oracle")) < 0.98


def test_the_oracle_knows_its_own_variance(new_clusters):
    part = new_clusters.sel(estimator="gls_oracle").isel(condition=0)
    for term in REGISTRY["gls_oracle"].kinds:
        z = (part.estimate - part.limit).sel(term=term) / part.std_error.sel(term=term)
        assert abs(float((z**2).mean()) - 1) < 3.5 * np.sqrt(2 / REPLICATES)


# ---------------------------------------------------------------- moments and rows, one law


@pytest.fixture(scope="module")
def by_moments():
    return simlab.run(study(2500, draw="moments", population=SECTORS | SMALL))


@pytest.fixture(scope="module")
def by_rows():
    return simlab.run(study(2500, draw="rows", population=SECTORS | SMALL))


def ks(one, other):
    values = [v.values.ravel() for v in (one, other)]
    return ks_2samp(*(v[np.isfinite(v)] for v in values)).pvalue


@pytest.mark.parametrize("estimator", list(REGISTRY))
def test_moments_and_rows_have_one_law(by_moments, by_rows, estimator):
    for term in ("slope[Catholic]", "slope[Public - Catholic]"):
        for name in ("estimate", "std_error", "df"):
            one, two = (
                ds[name].sel(estimator=estimator, term=term) for ds in (by_moments, by_rows)
            )
            if name == "df" and REGISTRY[estimator].oracle:
                assert np.isinf(one).all()
                assert np.isinf(two).all()
            else:
                assert ks(one, two) > 1e-4, (term, name)
    shares = [
        float((ds.status.sel(estimator=estimator) == Status.OK).mean())
        for ds in (by_moments, by_rows)
    ]
    assert abs(shares[0] - shares[1]) < 3.5 * np.sqrt(0.5 / 2500)


@pytest.mark.parametrize("estimator", [m.name for m in METHODS if m.mixed])
def test_variance_components_have_one_law(by_moments, by_rows, estimator):
    for name in ("sigma2", "G"):
        one, two = (ds[name].sel(mixed=estimator) for ds in (by_moments, by_rows))
        if name == "G":
            one, two = (np.abs(v.isel(effect=1, effect_=1)) for v in (one, two))
        assert ks(one, two) > 1e-4
    assert float((by_rows.status.sel(estimator=estimator) == Status.SINGULAR).mean()) > 0


def test_five_percent_of_sigma2_are_noticed(by_moments):
    """Control: the same comparison with σ² = 21 in the place of 20 fails."""
    off = simlab.run(study(2500, draw="rows", population=SECTORS | SMALL | {"sigma2": 21}))
    for estimator in ("hlm", "hlm_contextual"):
        assert ks(*(ds.sigma2.sel(mixed=estimator) for ds in (by_moments, off))) < 1e-4


DATA = "x: {law: data, data: hs, column: COLUMN, cluster: school}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (DATA.replace("COLUMN", "SES"), r"s.yaml:6:24: population.x.data: hs: no column 'SES' for"),
        (DATA.replace("hs", "no.csv"), r"s.yaml:6:24: population.x.data: \S*no.csv: no such file"),
        (
            f"{DATA.replace('COLUMN', 'ses')}\n  context: latent-mean",
            r"s.yaml:7:12: population.con",
        ),
    ],
)
def test_what_does_not_fit_the_data_is_said_of_a_line_of_the_study(line, message, tmp_path):
    path = tmp_path / "s.yaml"
    head = "name: s\nreplicates: 2\npopulation:\n  gamma: [12, 2]\n  G: [[1, 0], [0, 1]]\n"
    path.write_text(f"{head}  {line}\n  sigma2: 1\n")
    with pytest.raises(ConfigError, match=message):
        runner.prepare(simlab.load(path))
