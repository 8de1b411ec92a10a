"""The labelled measures: the right arrays reach the measures, and failures are never silent.

Everything is compared with the measures called with the arrays of one cell at a time, so the
tolerance is that of sums taken in another order.
"""

import math

import numpy as np
import pytest
import xarray as xr

from simlab import measures
from simlab.measures import measure, paired, tidy
from simlab.words import Status

RTOL = 1e-12
REPLICATES = 80
PER_TERM = ("condition", "replicate", "estimator", "term")
PER_FIT = PER_TERM[:3]
WITH_TARGET = ("bias", "relative_bias", "standardised_bias", "mse", "rmse", "coverage")
PER_TERM_ONLY = (
    "empirical_se",
    "model_se",
    "relative_error",
    "bias_eliminated_coverage",
    "rejection_rate",
    "interval_width",
)
PER_ESTIMATOR = ("failures", "singular", "dropped_clusters")


@pytest.fixture
def study() -> xr.Dataset:
    """3 conditions, 3 estimators, 2 terms; pooled has no "between"; hlm fails now and then.

    Failed fits carry absurd numbers: whoever lets one in will notice.
    """
    rng = np.random.default_rng(42)
    shape = (3, REPLICATES, 3, 2)
    common = rng.standard_normal((3, REPLICATES, 1, 2))
    estimate = 1 + 0.1 * (common + 0.5 * rng.standard_normal(shape))
    std_error = 0.11 * np.sqrt(rng.chisquare(10, shape) / 10)
    status = np.zeros(shape[:3], dtype=np.int8)
    status[0, :5, 2], status[0, 5:7, 2], status[1, ::4, 2] = (
        Status.NOT_CONVERGED,
        Status.NOT_ESTIMABLE,
        Status.SINGULAR,
    )
    failed = status >= Status.NOT_CONVERGED
    estimate[failed], std_error[failed] = 1e6, 1e6
    estimate[:, :, 0, 1], std_error[:, :, 0, 1] = np.nan, np.nan
    std_error[2, 3, 1, 0] = np.nan
    limit = rng.normal(1, 0.05, (3, 3, 2))
    limit[2, 1, 0] = np.nan
    return xr.Dataset(
        {
            "estimate": (PER_TERM, estimate),
            "std_error": (PER_TERM, std_error),
            "df": (PER_TERM, np.full(shape, 10.0)),
            "lower": (PER_TERM, estimate - 1.5 * std_error),
            "upper": (PER_TERM, estimate + 1.5 * std_error),
            "p_value": (PER_TERM, np.where(np.isnan(estimate), np.nan, rng.random(shape))),
            "status": (PER_FIT, status),
            "dropped": (PER_FIT, rng.integers(0, 4, shape[:3], dtype=np.int32)),
            "truth": (("condition", "term", "target"), rng.normal(1, 0.05, (3, 2, 2))),
            "limit": (("condition", "estimator", "term"), limit),
        },
        coords={
            "estimator": ["pooled", "fixed", "hlm"],
            "term": ["slope", "between"],
            "target": ["beta_within", "beta_between"],
            "population.clusters": ("condition", [10, 40, 160]),
            "sampling.scheme": ("condition", ["new", "same", "new"]),
            "key": ("condition", ["a1", "b2", "c3"]),
        },
        attrs={"level": 0.9, "seed": 0},
    )


def cells(study: xr.Dataset):
    """Each (condition, estimator, term) by position, with its arrays over usable replicates."""
    for index in np.ndindex(3, 3, 2):
        c, e, t = index
        usable = study.status.values[c, :, e] < Status.NOT_CONVERGED
        yield (
            index,
            {
                name: study[name].values[c, usable, e, t]
                for name in ("estimate", "std_error", "lower", "upper", "p_value")
            },
        )


def assert_cell(measured: xr.Dataset, name: str, where: dict, expected: measures.Measured) -> None:
    got = [measured[name + part].isel(where).item() for part in ("", "_mcse", "_n")]
    np.testing.assert_allclose(got, expected, rtol=RTOL, err_msg=f"{name} at {where}")


def test_every_cell_is_the_core_of_its_own_replicates(study):
    measured = measure(study)
    for (c, e, t), d in cells(study):
        at = {"condition": c, "estimator": e, "term": t}
        b, s, interval = d["estimate"], d["std_error"], (d["lower"], d["upper"])
        expected = {
            "empirical_se": measures.empirical_se(b),
            "model_se": measures.model_se(s),
            "relative_error": measures.relative_error(b, s),
            "bias_eliminated_coverage": measures.bias_eliminated_coverage(b, *interval),
            "rejection_rate": measures.rejection_rate(d["p_value"], alpha=0.1),
            "interval_width": measures.interval_width(*interval),
        }
        assert tuple(expected) == PER_TERM_ONLY
        for name, one in expected.items():
            assert_cell(measured, name, at, one)
        truth = study.truth.values[c, t]
        for k, theta in enumerate([*truth, study.limit.values[c, e, t]]):
            against = {
                "bias": measures.bias(b, theta),
                "relative_bias": measures.relative_bias(b, theta),
                "standardised_bias": measures.standardised_bias(b, theta),
                "mse": measures.mse(b, theta),
                "rmse": measures.rmse(b, theta),
                "coverage": measures.coverage(*interval, theta),
            }
            assert tuple(against) == WITH_TARGET
            for name, one in against.items():
                assert_cell(measured, name, at | {"target": k}, one)


def test_dimensions_coordinates_and_attrs(study):
    measured = measure(study)
    along = ("condition", "estimator", "term", "target")
    for names, dims in (
        (WITH_TARGET, along),
        (PER_TERM_ONLY, along[:3]),
        (PER_ESTIMATOR, along[:2]),
    ):
        for name in names:
            for part in ("", "_mcse", "_n", "_low", "_high"):
                assert measured[name + part].dims == dims
    assert measured["n"].dims == along[:3]
    assert len(measured.data_vars) == 5 * 15 + 2
    assert measured["doubt"].dims == along[:3]
    assert measured.target.values.tolist() == ["beta_within", "beta_between", "limit"]
    for name in ("population.clusters", "sampling.scheme", "key", "estimator", "term"):
        xr.testing.assert_identical(measured[name].variable, study[name].variable)
    assert measured.attrs == study.attrs
    for v in measured.data_vars.values():
        assert set(v.attrs) == {"long_name", "units", "definition"}
        assert all(v.attrs.values())
    assert measured["rejection_rate"].attrs["definition"].endswith("α = 1 − level")


def test_failures_are_counted_and_enter_nothing_else(study):
    measured = measure(study)
    hlm = measured.sel(estimator="hlm").isel(condition=0)
    assert hlm["failures"] == 7 / REPLICATES
    assert hlm["failures_n"] == REPLICATES
    assert (hlm["n"] == REPLICATES - 7).all()
    assert hlm["dropped_clusters_n"] == REPLICATES - 7
    dropped = measures.average(study.dropped.values[0, 7:, 2])
    assert_cell(measured, "dropped_clusters", {"condition": 0, "estimator": 2}, dropped)
    assert measured["failures"].sum() == hlm["failures"]
    assert measured["empirical_se"].max() < 1


def test_control_a_failed_fit_that_is_called_ok_is_noticed(study):
    study["status"][:] = Status.OK
    assert measure(study)["empirical_se"].max() > 1e5


def test_singular_fits_are_counted_and_kept(study):
    measured = measure(study)
    assert measured["singular"].values[1].tolist() == [0, 0, 0.25]
    assert (measured["n"].sel(estimator="hlm").isel(condition=1) == REPLICATES).all()
    assert measured["singular_mcse"].values[1, 2] == pytest.approx(math.sqrt(0.1875 / REPLICATES))


def test_replicates_that_have_not_run_are_no_outcome(study):
    study["status"][2, 40:] = -1
    measured = measure(study)
    assert (measured["failures_n"][2] == 40).all()
    assert (measured["failures"][2] == 0).all()
    assert (measured["n"].sel(term="slope")[2] == 40).all()


def test_absent_terms_and_unknown_limits_are_nan_with_n_zero(study):
    measured = measure(study)
    absent = measured.sel(estimator="pooled", term="between")
    for name in (*WITH_TARGET, *PER_TERM_ONLY):
        assert np.isnan(absent[name]).all()
        assert (absent[f"{name}_n"] == 0).all()
    unknown = measured.isel(condition=2).sel(estimator="fixed", term="slope")
    assert np.isnan(unknown["bias"].sel(target="limit"))
    assert unknown["bias_n"].values.tolist() == [REPLICATES, REPLICATES, 0]
    # One standard error is missing there, and only what needs it has one replicate less.
    assert unknown["n"] == REPLICATES
    assert unknown["model_se_n"] == unknown["coverage_n"][0] == REPLICATES - 1


def test_level_is_that_of_the_results(study):
    study["p_value"][:] = np.where(np.arange(REPLICATES) % 2, 0.1, 0.07)[None, :, None, None]
    assert (measure(study)["rejection_rate"].sel(estimator="fixed") == 1).all()
    del study.attrs["level"]
    assert (measure(study)["rejection_rate"].sel(estimator="fixed") == 0).all()


def test_reference_adds_precision(study):
    measured = measure(study, reference="fixed")
    for (c, e, t), d in cells(study):
        usable = study.status.values[c, :, e] < Status.NOT_CONVERGED
        ref = study.estimate.values[c, usable, 1, t]
        at = {"condition": c, "estimator": e, "term": t}
        assert_cell(measured, "efficiency", at, measures.efficiency(d["estimate"], ref))
        assert_cell(
            measured, "relative_precision", at, measures.relative_precision(d["estimate"], ref)
        )
    assert "reference" not in measured.variables


def test_input_is_left_alone(study):
    before = study.copy(deep=True)
    measure(study, reference="hlm")
    paired(study, "hlm", "coverage")
    xr.testing.assert_identical(study, before)


def loss(study, quantity, theta, c, e, t):
    b, low, up = (study[v].values[c, :, e, t] for v in ("estimate", "lower", "upper"))
    if quantity == "coverage":
        value = np.where(np.isnan(low + up + theta), np.nan, (low <= theta) & (theta <= up))
    else:
        value = b - theta if quantity == "bias" else (b - theta) ** 2
    return np.where(study.status.values[c, :, e] < Status.NOT_CONVERGED, value, np.nan)


@pytest.mark.parametrize("target", ["beta_within", "beta_between", "limit"])
@pytest.mark.parametrize("quantity", ["bias", "mse", "coverage"])
def test_paired_replicate_by_replicate(study, quantity, target):
    result = paired(study, "hlm", quantity, target)
    assert result["value"].dims == ("condition", "estimator", "term")
    for c, e, t in np.ndindex(3, 3, 2):

        def theta(e, c=c, t=t):
            if target == "limit":
                return study.limit.values[c, e, t]
            return study.truth.sel(target=target).values[c, t]

        each = loss(study, quantity, theta(e), c, e, t)
        expected = measures.average(each - loss(study, quantity, theta(2), c, 2, t))
        got = [result[v].values[c, e, t] for v in ("value", "mcse", "n")]
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-15)
    assert result["n"].isel(condition=0).sel(term="slope").values.tolist() == [REPLICATES - 7] * 3


def test_paired_is_the_difference_of_the_measures_and_sharper(study):
    complete = study.isel(condition=[1])
    result = paired(complete, "hlm").sel(estimator="fixed")
    bias = measure(complete)["bias"].sel(target="beta_within")
    difference = bias.sel(estimator="fixed") - bias.sel(estimator="hlm")
    np.testing.assert_allclose(result["value"], difference, rtol=1e-9)
    mcse = measure(complete)["bias_mcse"].sel(target="beta_within")
    unpaired = np.hypot(mcse.sel(estimator="fixed"), mcse.sel(estimator="hlm"))
    assert (result["mcse"] < 0.7 * unpaired).all()


def test_tidy_has_every_value_once_and_in_order(study):
    measured = measure(study)
    long = tidy(measured)
    factors = ["population.clusters", "sampling.scheme"]
    labels = ["estimator", "term", "target", "measure"]
    columns = {"": "value", "_mcse": "mcse", "_n": "n", "_low": "low", "_high": "high"}
    assert long.columns.tolist() == [*factors, *labels, *columns.values(), "mark"]
    names = [*WITH_TARGET, *PER_TERM_ONLY, *PER_ESTIMATOR]
    assert len(long) == sum(int(measured[name].notnull().sum()) for name in names)
    assert not long.duplicated([*factors, *labels]).any()
    assert long["value"].notna().all()
    assert long["n"].dtype == np.int64
    assert long["population.clusters"].dtype == np.int64
    for row in long.sample(60, random_state=0).to_dict("records"):
        where = {dim: row[dim] for dim in ("estimator", "term", "target") if row[dim]}
        c = [10, 40, 160].index(row["population.clusters"])
        assert row["sampling.scheme"] == ["new", "same", "new"][c]
        for part, column in columns.items():
            assert measured[row["measure"] + part].isel(condition=c).sel(where) == row[column]

    order = {
        "estimator": ["pooled", "fixed", "hlm"],
        "term": ["slope", "between", ""],
        "target": ["beta_within", "beta_between", "limit", ""],
        "measure": [str(v) for v in measured.data_vars],
    }
    rank = (
        long["population.clusters"]
        .to_frame()
        .assign(**{name: long[name].map(values.index) for name, values in order.items()})
    )
    assert rank.equals(rank.sort_values(list(rank.columns), kind="stable"))
    again = tidy(measured)
    assert again.equals(long)


def test_tidy_of_a_part(study):
    measured = measure(study)
    long = tidy(measured)
    slope = tidy(measured.sel(term=["slope"], estimator=["hlm"]))
    expected = long[(long.estimator == "hlm") & long.term.isin(["slope", ""])]
    assert slope.equals(expected.reset_index(drop=True))
    parts = ["coverage" + part for part in ("", "_mcse", "_n", "_low", "_high")]
    coverage = tidy(measured[parts])
    assert coverage.equals(long[long.measure == "coverage"].reset_index(drop=True))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d: measure(d.drop_vars(["status", "limit"])), "lacks status, limit"),
        (
            lambda d: measure(d.assign_attrs(level=95)),
            "attribute level is 95; it must be",
        ),
        (lambda d: measure(d, "OLS"), "reference 'OLS' is unknown; give one of pooled, fixed, hlm"),
        (lambda d: paired(d, "OLS"), "reference 'OLS' is unknown"),
        (lambda d: paired(d, "hlm", "width"), "give one of bias, mse, coverage"),
        (lambda d: paired(d, "hlm", target="x"), "one of beta_within, beta_between, limit"),
        (lambda d: tidy(measure(d).isel(condition=0)), "select with a list"),
        (lambda d: tidy(paired(d, "hlm")), "no measure here"),
        (lambda d: tidy(measure(d).sel(term="slope")), r"such as \.isel\(term=\[0\]\)"),
    ],
)
def test_bad_input_gets_one_clear_message(study, call, message):
    with pytest.raises(ValueError, match=message):
        call(study)


def test_message_names_the_file_the_results_came_from(study):
    study.encoding["source"] = "pilot.zarr"
    with pytest.raises(ValueError, match=r"^pilot\.zarr lacks dropped"):
        measure(study.drop_vars("dropped"))
