"""Pictures of performance show what was measured. Positions are compared to rounding alone."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from plot_cases import METHODS, SIZES, results

from simlab import looks
from simlab.measures import measure
from simlab.plots import estimate_se, honest_se, lolly, nested_loop, zipplot

N = 400
SIZE = "population.cluster_sizes.mean"


def crossed():
    """Six conditions of two factors, in no order."""
    J = "population.clusters"
    both = xr.concat([results(), results(within=1.9)], dim="condition", data_vars="all")
    both = both.assign_coords({J: ("condition", [40, 40, 40, 10, 10, 10])})
    return measure(both.isel(condition=[5, 0, 3, 1, 4, 2]))


@pytest.fixture
def ax():
    return Figure(figsize=(10, 6)).subplots()


def texts(ax):
    return [text.get_text() for text in ax.texts]


def segments(collection):
    return np.array([path.vertices for path in collection.get_paths()]).reshape(-1, 2, 2)


# ---------------------------------------------------------------- zip


def test_every_interval_is_drawn_once(ax):
    ds = results()
    drawn = zipplot(ds, "hlm", condition=1, ax=ax)
    both = np.concatenate([segments(drawn.covering), segments(drawn.missing)])
    ends = both[np.argsort(both[:, 0, 0]), :, 0]
    one = ds.isel(condition=1).sel(estimator="hlm", term="slope")
    expected = np.column_stack([one["lower"], one["upper"]])
    assert ends == pytest.approx(expected[np.argsort(expected[:, 0])])
    heights = np.sort(both[:, 0, 1])
    assert heights == pytest.approx(100 * (np.arange(N) + 0.5) / N)


def test_the_zip_opens_at_the_coverage(ax):
    """All standard errors are equal here, so rank and coverage agree exactly."""
    ds = results()
    drawn = zipplot(ds, "hlm", target="beta_within", ax=ax)
    measured = (
        measure(ds).isel(condition=0).sel(estimator="hlm", term="slope", target="beta_within")
    )
    coverage, mcse = (100 * float(measured[name]) for name in ("coverage", "coverage_mcse"))
    assert drawn.coverage.get_ydata()[0] == pytest.approx(coverage)
    assert (
        segments(drawn.covering)[:, :, 1].max() < coverage < segments(drawn.missing)[:, :, 1].min()
    )
    low, high = (100 * float(measured[f"coverage_{end}"]) for end in ("low", "high"))
    assert drawn.mcse.get_y() == pytest.approx(low)
    assert low < coverage < high
    assert drawn.mcse.get_height() == pytest.approx(high - low)
    assert high - low == pytest.approx(2 * 1.96 * mcse, rel=0.05)  # Wilson's
    assert drawn.target.get_xdata()[0] == 2
    assert f"{coverage:.1f} %\n± {1.96 * mcse:.1f}" in texts(ax)


@pytest.mark.parametrize(("method", "expected"), [("hlm", 0.9545), ("pooled", 0.6827)])
def test_intervals_of_two_and_of_one_true_se(ax, method, expected):
    """P(|Z| < 2) where the SE is true; the control, whose SE is half of it, has P(|Z| < 1)."""
    drawn = zipplot(results(), method, target="limit", ax=ax)
    share = len(segments(drawn.covering)) / N
    assert share == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / N))


def test_a_failed_fit_has_no_interval(ax):
    drawn = zipplot(results(), "two_stage", ax=ax)
    assert len(segments(drawn.covering)) + len(segments(drawn.missing)) == N - 1


def test_p_values_know_the_degrees_of_freedom(ax):
    """The largest |z| has few degrees of freedom, hence not the smallest p."""
    ds = results(n=6).isel(condition=[1])
    error = np.array([0.0, 0.1, -0.2, 0.3, -1.0, 1.2])
    one = {"estimator": "hlm", "term": "slope"}
    ds["estimate"].loc[one] = 2.0 + error
    ds["lower"].loc[one], ds["upper"].loc[one] = error, 4 + error
    ds["df"] = ds["estimate"].copy(data=np.full(ds["estimate"].shape, np.inf))
    ds["df"].loc[{"replicate": 5}] = 1.0
    top = {}
    for by in ("z", "p"):
        drawn = zipplot(ds, "hlm", by=by, ax=ax)
        result = segments(drawn.covering)
        top[by] = result[np.argmax(result[:, 0, 1]), 0, 0]
    assert top == {"z": 1.2, "p": -1.0}


def test_zoom_shows_the_worst(ax):
    zipplot(results(), "pooled", zoom=0.2, ax=ax)
    assert ax.get_ylim() == (80, 100)
    (words,) = [text for text in ax.texts if "%" in text.get_text()]
    assert 80 < words.xy[1] < 100  # though the coverage is below


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"estimator": "hml"}, r"'hml' is unknown; did you mean 'hlm'\? Give one of pooled"),
        ({"term": "intercept"}, "'hlm' has no interval for 'intercept'"),
        ({"target": "beta"}, "target 'beta' is unknown"),
        ({"target": "limit", "estimator": "two_stage"}, "limit of 'slope' is not known"),
        ({"condition": 7}, "no number 7"),
        ({"by": "rank"}, "by 'z' or by 'p'"),
        ({"zoom": 0.0}, "above 0"),
    ],
)
def test_a_zip_there_is_not(ax, wrong, message):
    with pytest.raises(ValueError, match=message):
        zipplot(results(), **{"estimator": "hlm", **wrong}, ax=ax)


# ---------------------------------------------------------------- estimate against SE


def test_points_beyond_the_cone_miss(ax):
    rng = np.random.default_rng(3)
    ds = results()
    ds["std_error"] = ds["std_error"] * rng.uniform(0.7, 1.3, ds["std_error"].shape)
    for name, sign in (("lower", -2), ("upper", 2)):
        ds[name] = ds["estimate"] + sign * ds["std_error"]
    drawn = estimate_se(ds, "hlm", condition=2, ax=ax)
    one = ds.isel(condition=2).sel(estimator="hlm", term="slope")
    x, y = drawn.cone.get_data()
    assert (x[1], y[1]) == (2, 0)
    assert (x[2] - x[1]) / y[2] == pytest.approx(2)
    outside = np.abs(one["estimate"] - 2) > 2 * one["std_error"]
    for points, which in ((drawn.missing, outside), (drawn.covering, ~outside)):
        expected = np.column_stack([one["estimate"][which], one["std_error"][which]])
        assert np.asarray(points.get_offsets()) == pytest.approx(expected)
    measured = measure(ds).isel(condition=2).sel(estimator="hlm", term="slope")
    assert drawn.true_se.get_ydata()[0] == pytest.approx(float(measured["empirical_se"]))
    assert drawn.reported_se.get_ydata()[0] == pytest.approx(float(measured["model_se"]))


# ---------------------------------------------------------------- lolly


def point(line):
    (x,), (y,) = line.get_data()
    return x, y


@pytest.mark.parametrize(("what", "at"), [("coverage", 0.95), ("bias", 0.0), ("relative_error", 0)])
def test_heads_are_values_and_brackets_their_interval(ax, what, at):
    measured = measure(results())
    drawn = lolly(measured, what, condition=1, ax=ax)
    here = measured.isel(condition=1).sel(term="slope")
    here = here.sel(target="beta_within") if "target" in here[what].dims else here
    value, mcse, low, high = (here[what + p].values for p in ("", "_mcse", "_low", "_high"))
    places = [(float(x), float(y)) for x, y in map(point, drawn.heads.values())]
    assert places == [(pytest.approx(v), row) for row, v in enumerate(value)]
    assert list(drawn.heads) == [str(name) for name in measured["estimator"].values]
    opening, closing = drawn.brackets
    assert opening.get_xdata() == pytest.approx(low)
    assert closing.get_xdata() == pytest.approx(high)
    if what != "coverage":  # whose interval is Wilson's
        assert high - low == pytest.approx(2 * 1.96 * mcse)
    assert drawn.reference.get_xdata()[0] == at
    assert segments(drawn.sticks)[:, :, 0] == pytest.approx(
        np.column_stack([np.full(len(value), at), value])
    )


def test_numbers_have_the_decimals_that_mean_something(ax):
    lolly(measure(results()), "bias", ax=ax)
    ends = [text.split(" ± ") for text in texts(ax) if " ± " in text and "MCSE" not in text]
    assert {len(part.partition(".")[2]) for pair in ends for part in pair} == {3}


def test_a_measure_of_fits_needs_no_term(ax):
    drawn = lolly(measure(results()), "failures", estimators=["two_stage", "pooled"], ax=ax)
    assert [point(head)[0] for head in drawn.heads.values()] == pytest.approx([1 / N, 0])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Two-stage", "Pooled"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"measure": "cover"},
            r"measure 'cover' is unknown; did you mean 'coverage'\? Give one of bias",
        ),
        ({"term": "slop"}, "term 'slop' is unknown"),
        ({"target": "between"}, "target 'between' is unknown"),
        ({"condition": 9}, "no number 9"),
        ({"estimators": []}, "no method has a bias here"),
        ({"estimators": ["hlm"], "term": "intercept"}, "hlm: no bias here"),
    ],
)
def test_a_lolly_there_is_not(ax, wrong, message):
    with pytest.raises(ValueError, match=message):
        lolly(measure(results()), **{"measure": "bias", **wrong}, ax=ax)


# ---------------------------------------------------------------- nested loop


def test_conditions_nest_in_the_order_of_the_factors(ax):
    measured = crossed()
    drawn = nested_loop(measured, "bias", factors=["population.clusters", SIZE], ax=ax)
    ordered = measured.isel(condition=drawn.conditions)
    assert ordered["population.clusters"].values.tolist() == [10, 10, 10, 40, 40, 40]
    assert ordered[SIZE].values.tolist() == SIZES * 2
    bias = ordered.sel(term="slope", target="beta_within")
    for name in METHODS:
        one = bias.sel(estimator=name)
        assert drawn.steps[name].get_data().values == pytest.approx(one["bias"].values)
        whiskers = drawn.whiskers[name].lines[2][0].get_segments()
        assert [np.ptp(ends[:, 1]) for ends in whiskers] == pytest.approx(
            2 * 1.96 * one["bias_mcse"].values
        )
        assert drawn.labels[name].xy == pytest.approx((6, float(one["bias"][-1])))


def test_the_loops_are_steps_below_the_data(ax):
    drawn = nested_loop(crossed(), "bias", factors=["population.clusters", SIZE], ax=ax)
    outer, inner = (line.get_data().values for line in drawn.loops.values())
    assert np.diff(outer).nonzero()[0].tolist() == [2]
    assert np.diff(inner).nonzero()[0].tolist() == [0, 1, 2, 3, 4]
    assert inner.max() < outer.min()
    assert outer.max() < min(steps.get_data().values.min() for steps in drawn.steps.values())
    assert "number of clusters $J$: 10, 40" in texts(ax)
    assert "mean cluster size: 12, 48, 192" in texts(ax)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"factors": ["population.n"]},
            "'population.n' is no factor of the grid; its factors: pop",
        ),
        ({"factors": []}, "there is no factor"),
        ({"estimators": ["hml"]}, "'hml' is unknown"),
    ],
)
def test_a_loop_there_is_not(ax, wrong, message):
    with pytest.raises(ValueError, match=message):
        nested_loop(crossed(), "bias", **wrong, ax=ax)


# ---------------------------------------------------------------- honest SE


def test_points_are_true_and_reported_se(ax):
    measured = measure(results())
    drawn = honest_se(measured, {"new": 0, "same": 2}, ax=ax)
    assert list(drawn.points) == [(name, scheme) for scheme in ("new", "same") for name in METHODS]
    for (name, scheme), point in drawn.points.items():
        one = measured.isel(condition={"new": 0, "same": 2}[scheme])
        one = one.sel(term="slope", estimator=name)
        marker, _, (across, up) = point.lines
        x, y = marker.get_data()
        assert (x[0], y[0]) == pytest.approx((float(one["empirical_se"]), float(one["model_se"])))
        assert np.ptp(across.get_segments()[0][:, 0]) == pytest.approx(
            2 * 1.96 * float(one["empirical_se_mcse"])
        )
        assert np.ptp(up.get_segments()[0][:, 1]) == pytest.approx(
            2 * 1.96 * float(one["model_se_mcse"]), abs=1e-12
        )
        assert (marker.get_markerfacecolor() == looks.PAPER) == (scheme == "same")


def test_the_line_of_honesty_is_the_diagonal(ax):
    drawn = honest_se(measure(results()), ax=ax)
    assert drawn.honesty.get_xdata().tolist() == drawn.honesty.get_ydata().tolist()
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert ax.get_xlim() == ax.get_ylim()
    assert ax.get_aspect() == 1
    assert [label.get_text() for label in drawn.labels.values()] == ["Pooled", "Two-stage", "HLM"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"term": "slop"}, "term 'slop' is unknown"),
        ({"conditions": {"new": 5}}, "no number 5"),
        ({"estimators": []}, "no method has a model standard error here"),
        ({"conditions": {}}, "conditions is empty"),
    ],
)
def test_honesty_there_is_not(ax, wrong, message):
    with pytest.raises(ValueError, match=message):
        honest_se(measure(results()), **wrong, ax=ax)
