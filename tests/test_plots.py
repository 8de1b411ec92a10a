"""What the plots show is what was measured. All positions are compared to rounding alone."""

import inspect

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from plot_cases import METHODS, SIZES, results

from simlab import plots
from simlab.errors import ArgumentError
from simlab.measures import measure
from simlab.plots import bias_sweep, sampling_distributions
from simlab.plots.style import apart


@pytest.fixture
def ax():
    return Figure().subplots()


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_one_strip_for_each_method(ax):
    drawn = sampling_distributions(results(), ax=ax)
    assert list(drawn.strips) == METHODS
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Pooled", "Two-stage", "HLM"]
    for row, strip in enumerate(drawn.strips.values()):
        assert strip.density.get_data().baseline == row


def test_the_targets_are_lines_with_names(ax):
    drawn = sampling_distributions(results(), ax=ax)
    assert drawn.targets["beta_within"].get_xdata()[0] == 2
    assert drawn.targets["beta_between"].get_xdata()[0] == 5
    assert r"$\beta_W = 2$" in texts(ax)
    assert r"$\beta_B = 5$" in texts(ax)


def test_equal_targets_share_a_name(ax):
    sampling_distributions(results(between=2.0), ax=ax)
    assert r"$\beta_W = \beta_B = 2$" in texts(ax)
    assert not any(text.startswith(r"$\beta_W = 2") for text in texts(ax))


def test_the_tick_is_at_the_methods_own_limit(ax):
    strips = sampling_distributions(results(), ax=ax).strips
    assert strips["pooled"].limit.get_xdata()[0] == 3.6
    assert strips["hlm"].limit.get_xdata()[0] == pytest.approx(2.3)
    assert strips["two_stage"].limit is None


def test_the_bars_are_the_two_standard_errors(ax):
    ds = results()
    measured = measure(ds).isel(condition=1).sel(term="slope")
    for name, strip in sampling_distributions(ds, condition=1, ax=ax).strips.items():
        one = measured.sel(estimator=name)
        mean = float(ds["estimate"].isel(condition=1).sel(estimator=name, term="slope").mean())
        for bar, se in ((strip.true_se, one["empirical_se"]), (strip.reported_se, one["model_se"])):
            assert bar.get_width() == pytest.approx(2 * float(se))
            assert bar.get_x() + bar.get_width() / 2 == pytest.approx(mean)
        error = 100 * (float(one["model_se"] / one["empirical_se"]) - 1)
        assert f"{error:+.0f} %".replace("-", "−") in texts(ax)


def test_a_failed_fit_is_not_drawn(ax):
    sampling_distributions(results(), ax=ax)
    assert ax.get_xlim()[1] < 10


def test_a_method_without_the_term_is_left_out(ax):
    assert list(sampling_distributions(results(), term="intercept", ax=ax).strips) == METHODS[:2]


def test_all_estimates_equal(ax):
    ds = results()
    ds["estimate"][:] = 1.0
    assert list(sampling_distributions(ds, ax=ax).strips) == METHODS


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"term": "slop"}, r"unknown; did you mean 'slope'\? Give one of intercept, slope"),
        ({"condition": 3}, "3 cond"),
    ],
)
def test_what_there_is_not(ax, wrong, message):
    with pytest.raises(ValueError, match=message):
        sampling_distributions(results(), **wrong, ax=ax)


def test_sweep_shows_bias_and_its_mcse(ax):
    measured = measure(results())
    drawn = bias_sweep(measured, "population.cluster_sizes.mean", ax=ax)
    assert ax.get_xscale() == "log"
    assert list(drawn.lines) == METHODS
    bias = measured.sel(term="slope", target="beta_within")
    for name, container in drawn.lines.items():
        line, _, (whiskers,) = container
        assert line.get_xdata().tolist() == SIZES
        assert line.get_ydata() == pytest.approx(bias["bias"].sel(estimator=name).values)
        mcse = bias["bias_mcse"].sel(estimator=name).values
        heights = [float(np.ptp(segment[:, 1])) for segment in whiskers.get_segments()]
        assert heights == pytest.approx(2 * 1.96 * mcse)


def test_sweep_labels_are_names_that_do_not_overlap(ax):
    drawn = bias_sweep(
        measure(results()), "population.cluster_sizes.mean", estimators=["hlm", "two_stage"], ax=ax
    )
    assert [label.get_text() for label in drawn.labels.values()] == ["HLM", "Two-stage"]
    heights = [label.xy[1] for label in drawn.labels.values()]
    assert abs(np.diff(heights))[0] >= 0.06 * np.ptp(ax.get_ylim())


@pytest.mark.parametrize(
    ("factor", "options", "message"),
    [
        ("population.clusters", {}, "it sweeps: population.cluster_sizes.mean"),
        ("population.cluster_sizes.mean", {"estimators": ["hml"]}, "'hml' is unknown"),
        ("population.cluster_sizes.mean", {"term": "between"}, "unknown; give one of intercept"),
    ],
)
def test_a_sweep_there_is_not(ax, factor, options, message):
    with pytest.raises(ValueError, match=message):
        bias_sweep(measure(results()), factor, **options, ax=ax)


def test_labels_move_no_further_than_they_must():
    assert apart([0.0, 3.0, 1.0], 0.5) == [0.0, 3.0, 1.0]
    assert apart([1.0, 1.0], 0.5) == pytest.approx([0.75, 1.25])
    assert np.diff(apart([0.0, 0.4, 0.5, 0.45], 0.5)[:2]) > 0


def test_a_picture_without_axes_makes_its_own():
    """Every function that draws on one Axes takes it last, and needs none."""
    taking = {
        name: inspect.signature(getattr(plots, name)).parameters
        for name in plots.__all__
        if name.islower() and "ax" in inspect.signature(getattr(plots, name)).parameters
    }
    assert len(taking) > 15
    assert {name for name, taken in taking.items() if [*taken][-1] != "ax"} == set()
    assert all(taken["ax"].default is None for taken in taking.values())
    own = plots.curves({"a": plots.Curve([1, 2], [3, 4])}, ("x", "y"))
    figure = own.points["a"].lines[0].figure
    assert figure is plt.gcf()
    given, ax = plt.subplots()
    on = plots.curves({"a": plots.Curve([1, 2], [3, 4])}, ("x", "y"), ax=ax)
    assert on.points["a"].lines[0].figure is given
    plt.close("all")
    with pytest.raises(ArgumentError):
        plots.zipplot(results(), "no such method")
    assert plt.get_fignums() == []  # what is refused leaves no empty figure
