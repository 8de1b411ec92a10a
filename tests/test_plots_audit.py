"""Pictures of p-values and of audits: areas are shares, stems end at values."""

from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy import stats

from simlab.looks import MISS, STRIP
from simlab.plots import honesty, null_distribution
from simlab.plots.lollies import CAUTIOUS, CLOSE, MISLEADING, measure_of
from simlab.plots.style import Z

B = 4000


def result_of(**changes):
    rng = np.random.default_rng(5)
    simulated = np.where(rng.random(B) < 0.6, 0.0, rng.chisquare(1, B))
    given = {
        "statistic": 2.5, "simulated": simulated, "p_value": 0.0456, "interval": (0.0391, 0.0523),
        "naive_df": 1, "mixture": ((0.5, 0), (0.5, 1)), "title": "random slope of ses",
    } | changes  # fmt: skip
    return SimpleNamespace(**given)


@pytest.fixture
def ax():
    return Figure(figsize=(9, 6)).subplots()


def area(bars):
    return sum(bar.get_width() * bar.get_height() for bar in bars)


def words(ax):
    return [text.get_text() for text in ax.texts]


# ---------------------------------------------------------------- null distribution


@pytest.mark.parametrize("statistic", [2.5, 0.01, 12.0, 0.0, 500.0])
def test_areas_are_shares_of_the_draws(ax, statistic):
    result = result_of(statistic=statistic)
    drawn = null_distribution(result, ax=ax)
    zeros = (result.simulated == 0).mean()
    assert area([drawn.atom]) == pytest.approx(zeros)
    assert area(drawn.bars) == pytest.approx(1 - zeros)
    counted = [bar for bar in [*drawn.bars, drawn.atom] if is_coloured(bar, MISS)]
    beyond = (result.simulated >= statistic).mean()
    assert area(counted) == pytest.approx(beyond, abs=1e-12)


def is_coloured(bar, color):
    return bar.get_facecolor() == matplotlib.colors.to_rgba(color)


def test_the_share_at_0_is_written_beside_that_of_the_mixture(ax):
    result = result_of()
    drawn = null_distribution(result, ax=ax)
    assert f"{100 * (result.simulated == 0).mean():.1f} % at 0" in words(ax)
    assert "mixture 50 %" in words(ax)
    assert area([drawn.mixture_atom]) == pytest.approx(0.5)
    assert drawn.atom.get_x() + drawn.atom.get_width() < 0
    assert is_coloured(drawn.atom, STRIP)


def test_the_densities_are_those_of_the_tables(ax):
    drawn = null_distribution(
        result_of(mixture=((0.25, 0), (0.5, 1), (0.25, 2)), naive_df=2), ax=ax
    )
    x, y = drawn.naive.get_data()
    assert y == pytest.approx(stats.chi2.pdf(x, 2))
    x, y = drawn.mixture.get_data()
    assert y == pytest.approx(0.5 * stats.chi2.pdf(x, 1) + 0.25 * stats.chi2.pdf(x, 2))


def test_the_observed_statistic_and_its_p_value(ax):
    drawn = null_distribution(result_of(), ax=ax)
    assert list(drawn.observed.get_xdata()) == [2.5, 2.5]
    assert drawn.label.get_text() == "observed 2.5\np = 0.0456\n(0.0391 to 0.0523)"
    assert ax.get_title(loc="left") == "random slope of ses"


def test_a_statistic_far_beyond_the_draws_is_pointed_at(ax):
    drawn = null_distribution(result_of(statistic=500.0), ax=ax)
    assert "500 →" in drawn.label.get_text()
    assert ax.get_xlim()[1] < 50
    assert drawn.observed.get_xdata()[0] == ax.get_xlim()[1]


def test_without_zeros_and_mixture_there_are_no_bars_for_them(ax):
    simulated = np.random.default_rng(2).chisquare(3, B)
    drawn = null_distribution(result_of(simulated=simulated, mixture=(), naive_df=3), ax=ax)
    assert drawn.atom is drawn.mixture_atom is drawn.mixture is None
    assert not any("at 0" in text for text in words(ax))
    assert len(ax.get_legend().get_texts()) == 3


def test_a_draw_that_happens_to_be_0_is_no_point_mass(ax):
    simulated = np.random.default_rng(2).chisquare(1, B)
    simulated[0] = 0.0
    drawn = null_distribution(result_of(simulated=simulated, mixture=()), ax=ax)
    assert drawn.atom is None
    assert area(drawn.bars) == pytest.approx(1.0)


def test_draws_that_could_not_be_fitted_are_told(ax):
    simulated = result_of().simulated
    simulated[:7] = np.nan
    null_distribution(result_of(simulated=simulated), ax=ax)
    assert ax.get_legend().get_texts()[0].get_text() == "4,000 draws from the null, 7 not fitted"


def test_all_draws_at_0(ax):
    drawn = null_distribution(result_of(simulated=np.zeros(99), statistic=0.0, p_value=1.0), ax=ax)
    assert area([drawn.atom]) == pytest.approx(1.0)
    assert area(drawn.bars) == 0


def test_no_draws_at_all(ax):
    with pytest.raises(ValueError, match="no draw has a statistic"):
        null_distribution(result_of(simulated=np.full(3, np.nan)), ax=ax)


# ---------------------------------------------------------------- honesty


def audited():
    rows = [
        ("pooled", "Pooled", "new clusters", "slope", 2.9, -47.4, 0.03),
        ("two_stage", "Two-stage", "new clusters", "slope", 0.02, -1.0, 0.948),
        ("hlm", "HLM", "new clusters", "slope", np.nan, np.nan, np.nan),
        ("pooled", "Pooled", "new clusters", "intercept", 0.0, 0.0, 0.95),
        ("pooled", "Pooled", "same clusters", "slope", 3.0, 0.0, 0.05),
    ]
    columns = ["method", "label", "question", "term", "bias_within", "relative_error", "coverage"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(coverage_mcse=0.005)


@pytest.fixture
def axes():
    return Figure(figsize=(12, 4)).subplots(1, 3)


def test_stems_lead_from_the_aim_to_the_value(axes):
    frame = audited()
    drawn = honesty(frame, "new clusters", axes=axes)
    here = frame[(frame["question"] == "new clusters") & (frame["term"] == "slope")]
    for name, lollies in drawn.lollies.items():
        assert list(lollies) == ["pooled", "two_stage", "hlm"]
        for row, value in enumerate(here[name]):
            lolly = list(lollies.values())[row]
            assert list(lolly.stem.get_ydata()) == [row, row]
            assert lolly.stem.get_xdata() == pytest.approx(
                [measure_of(name).aim, value], nan_ok=True
            )
            assert lolly.head.get_xdata() == pytest.approx([value], nan_ok=True)
    assert [label.get_text() for label in axes[0].get_yticklabels()] == list(here["label"])


def test_whiskers_are_mcse_where_they_are_given(axes):
    drawn = honesty(audited(), "new clusters", axes=axes).lollies
    ends = drawn["coverage"]["two_stage"].whisker.get_xdata()
    assert ends == pytest.approx([0.948 - 0.005 * Z, 0.948 + 0.005 * Z])
    assert drawn["relative_error"]["two_stage"].whisker is None


def test_values_are_written_and_what_is_off_looks_different(axes):
    drawn = honesty(audited(), "new clusters", axes=axes).lollies
    assert drawn["coverage"]["pooled"].text.get_text() == "3.0 ± 0.5 %"
    assert drawn["relative_error"]["pooled"].text.get_text() == "−47.4"
    assert drawn["bias_within"]["pooled"].text.get_text() == "+2.90"
    assert drawn["bias_within"]["hlm"].text.get_text() == "—"
    for one in ("coverage", "relative_error", "bias_within"):
        off, good = drawn[one]["pooled"].head, drawn[one]["two_stage"].head
        assert off.get_color() != good.get_color()
        assert off.get_marker() != good.get_marker()


def test_everything_is_within_the_axes(axes):
    honesty(audited(), "new clusters", axes=axes)
    for ax in axes:
        low, high = ax.get_xlim()
        at = np.concatenate([line.get_xdata() for line in ax.lines])
        assert low < np.nanmin(at) <= np.nanmax(at) < high


@pytest.mark.parametrize(
    ("measure", "value", "look"),
    [
        ("bias_within", -0.3, CLOSE), ("bias_within", -0.5, MISLEADING),
        ("bias_between", 0.5, MISLEADING), ("relative_error", -4.0, CLOSE),
        ("relative_error", -9.0, MISLEADING), ("relative_error", 11.0, CAUTIOUS),
        ("coverage", 0.93, CLOSE), ("coverage", 0.9, MISLEADING), ("coverage", 0.99, CAUTIOUS),
    ],
)  # fmt: skip
def test_what_misleads_looks_different_from_what_is_cautious(measure, value, look):
    assert measure_of(measure).look(value) == look


def test_the_band_of_coverage_follows_the_level(axes):
    drawn = honesty(audited(), "new clusters", level=0.9, axes=axes)
    band = drawn.bands["coverage"]
    assert (band.get_x(), band.get_width()) == pytest.approx((0.85, 0.1))
    assert drawn.lollies["coverage"]["pooled"].stem.get_xdata()[0] == 0.9
    assert axes[2].get_title() == "coverage of 90 % intervals"


def test_one_measure_alone():
    ax = Figure().subplots()
    drawn = honesty(audited(), "same clusters", measures=["coverage"], axes=[ax])
    assert list(drawn.lollies) == ["coverage"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"question": "newclusters"},
            r"did you mean 'new clusters'\? Give one of new clusters, same clusters",
        ),
        (
            {"term": "slop"},
            r"term 'slop' is unknown; did you mean 'slope'\? Give one of slope, intercept",
        ),
        ({"measures": ["cover"]}, "measure 'cover' is unknown"),
        ({"measures": ["coverage"]}, "1 measures need as many Axes, not 3"),
        ({"question": "same clusters", "term": "intercept"}, "no method has the term"),
        ({"frame": pd.concat([audited()] * 2)}, "has two rows"),
    ],
)
def test_what_cannot_be_drawn(axes, wrong, message):
    given = {"frame": audited(), "question": "new clusters"} | wrong
    with pytest.raises(ValueError, match=message):
        honesty(**given, axes=axes)
