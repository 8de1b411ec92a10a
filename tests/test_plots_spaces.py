"""Lines and ellipses lie where the numbers say; positions are compared to rounding alone."""

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy import special

from simlab.data import hs
from simlab.plots import ClusterLines, Estimate, Line, beta_space, data_space, ellipse, radius_of

S = np.array([[4.0, 1.2], [1.2, 0.81]])
CENTER = np.array([12.0, 2.0])


@pytest.fixture
def ax():
    return Figure(figsize=(10, 7)).subplots()


@pytest.fixture(scope="module")
def rows():
    return hs().astype({"school": str})


@pytest.fixture(scope="module")
def clusters(rows):
    results = []
    for name, d in rows.groupby("school", sort=False):
        slope, intercept = np.polyfit(d["ses"], d["mathach"], 1)
        ses = d["ses"]
        results.append(
            (name, intercept, slope, ses.min(), ses.max(), ses.mean(), d["mathach"].mean())
        )
    return ClusterLines(*map(np.array, zip(*results, strict=True)))


def form(points, center, covariance):
    away = points - center
    return np.einsum("ij,jk,ik->i", away, np.linalg.inv(covariance), away)


# ---------------------------------------------------------------- ellipses


@pytest.mark.parametrize("units", [1.0, 1e-6, 1e5])
def test_points_lie_on_the_ellipse(units):
    scale = np.diag([1.0, units])
    points = ellipse(CENTER, scale @ S @ scale, radius=2.5)
    assert form(points, CENTER, scale @ S @ scale) == pytest.approx(2.5**2, rel=1e-9)
    assert (points[0] == points[-1]).all()


@pytest.mark.parametrize("joint", [True, False])
def test_shadows_are_as_wide_as_stated(joint):
    radius = radius_of(0.95, joint)
    points = ellipse(CENTER, S, radius, points=100_001)
    half = np.ptp(points, axis=0) / 2
    assert half == pytest.approx(radius * np.sqrt(np.diag(S)), rel=1e-8)


def test_radii_are_those_of_the_tables():
    assert radius_of(0.95) == pytest.approx(np.sqrt(5.991465), rel=1e-7)
    assert radius_of(0.95, joint=False) == pytest.approx(1.959964, rel=1e-6)


def test_the_joint_ellipse_holds_95_percent_and_the_one_with_95_shadows_does_not():
    n = 40_000
    draws = np.random.default_rng(3).multivariate_normal(CENTER, S, n)
    squared = form(draws, CENTER, S)
    for joint, share in ((True, 0.95), (False, special.chdtr(2, special.chdtri(1, 0.05)))):
        inside = (squared <= radius_of(0.95, joint) ** 2).mean()
        assert inside == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / n))
        if not joint:
            assert inside < 0.86
            off = np.abs(draws - CENTER) / np.sqrt(np.diag(S))
            covered = (off <= radius_of(0.95, joint)).mean(axis=0)
            assert covered == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / n))


def test_a_singular_covariance_gives_a_segment():
    points = ellipse(CENTER, np.outer([2.0, -1.0], [2.0, -1.0]), radius=3.0)
    away = points - CENTER
    assert away[:, 0] == pytest.approx(-2 * away[:, 1], abs=1e-7)
    assert np.abs(away).max(axis=0) == pytest.approx([6.0, 3.0], rel=1e-3)
    assert ellipse(CENTER, np.zeros((2, 2))) == pytest.approx(np.tile(CENTER, (181, 1)))
    level = ellipse(CENTER, np.diag([4.0, 0.0]))
    assert np.ptp(level, axis=0) == pytest.approx([4.0, 0.0], rel=1e-3)


@pytest.mark.parametrize(
    ("covariance", "message"),
    [
        ([[1.0, 2.0], [2.0, 1.0]], "negative eigenvalue"),
        ([[-1.0, 0.0], [0.0, 1.0]], "negative eigenvalue"),
        ([[1.0, 0.5], [0.4, 1.0]], "symmetric"),
        ([[1.0, np.nan], [np.nan, 1.0]], "finite"),
        (np.eye(3), "2 × 2"),
    ],
)
def test_what_is_no_covariance(covariance, message):
    with pytest.raises(ValueError, match=message):
        ellipse(CENTER, covariance)


# ---------------------------------------------------------------- data space


def test_methods_lines_are_where_they_should_be(ax, rows, clusters):
    lines = {"Pooled": (12.9, 3.1), "Ecological": (12.8, 9.5)}
    drawn = data_space(
        rows["ses"], rows["mathach"], rows["school"], clusters=clusters, lines=lines,
        names=("ses", "mathach"), unit="student", level2="school", ax=ax)  # fmt: skip
    low, high = ax.get_ylim()
    for name, (intercept, slope) in lines.items():
        x, y = drawn.lines[name].get_data()
        assert np.asarray(y) == pytest.approx(intercept + slope * np.asarray(x))
        assert low - 1e-9 <= min(y) <= max(y) <= high + 1e-9
        assert drawn.labels[name].get_text() == name
        assert drawn.labels[name].xy == (x[1], y[1])
    assert drawn.lines["Pooled"].get_xdata()[1] == ax.get_xlim()[1]
    assert drawn.lines["Ecological"].get_xdata()[1] < ax.get_xlim()[1]  # it leaves at the top
    assert len(drawn.points[""].get_offsets()) == len(rows)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("ses", "mathach")
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == ["student", "line of one school", "mean of one school"]


def test_clusters_lines_end_where_their_rows_do(ax, rows, clusters):
    drawn = data_space(rows["ses"], rows["mathach"], rows["school"], clusters=clusters, ax=ax)
    segments = drawn.segments[""].get_segments()
    assert len(segments) == 40
    for j, segment in enumerate(segments):
        assert segment[:, 0] == pytest.approx([clusters.low[j], clusters.high[j]])
        assert segment[:, 1] == pytest.approx(
            clusters.intercept[j] + clusters.slope[j] * segment[:, 0]
        )
    means = np.column_stack([clusters.x_mean, clusters.y_mean])
    assert np.asarray(drawn.means[""].get_offsets()) == pytest.approx(means)


def test_a_cluster_without_a_line_has_its_mean(ax, rows, clusters):
    slope = clusters.slope.copy()
    slope[3] = np.nan
    drawn = data_space(
        rows["ses"], rows["mathach"], rows["school"], clusters=clusters._replace(slope=slope), ax=ax
    )
    assert len(drawn.segments[""].get_segments()) == 39
    assert len(drawn.means[""].get_offsets()) == 40


def test_groups_have_colours_and_keep_their_order(ax, rows, clusters):
    sector = pd.Categorical(rows["sector"], categories=["Public", "Catholic", "Lay"])
    lines = {
        "Pooled, Public": Line(11.0, 3.0, "Public"),
        "HLM, Public": Line(11.0, 2.0, "Public"),
        "Pooled, Catholic": Line(14.0, 1.0, "Catholic"),
        "All": (12.0, 2.5),
    }
    drawn = data_space(
        rows["ses"], rows["mathach"], rows["school"], sector, clusters=clusters, lines=lines, ax=ax
    )
    assert list(drawn.points) == ["Public", "Catholic"]
    sizes = rows["sector"].astype(str).value_counts()
    schools = rows.drop_duplicates("school")["sector"].astype(str).value_counts()
    for name in drawn.points:
        assert len(drawn.points[name].get_offsets()) == sizes[name]
        assert len(drawn.means[name].get_offsets()) == schools[name]
    color = {name: line.get_color() for name, line in drawn.lines.items()}
    assert color["Pooled, Public"] == color["HLM, Public"] != color["Pooled, Catholic"]
    assert color["All"] not in (color["Pooled, Public"], color["Pooled, Catholic"])
    dash = {name: line.get_linestyle() for name, line in drawn.lines.items()}
    assert dash["Pooled, Public"] == dash["Pooled, Catholic"] != dash["HLM, Public"]


def test_lines_that_coincide_are_drawn_once_under_both_names(ax, rows):
    lines = {"Fixed effects": (12.4, 2.2), "Two-stage": (12.4, 2.2), "HLM": (12.7, 2.4)}
    drawn = data_space(rows["ses"], rows["mathach"], rows["school"], lines=lines, ax=ax)
    assert drawn.lines["Fixed effects"] is drawn.lines["Two-stage"]
    assert list(drawn.labels) == list(lines)
    assert len(ax.lines) == 2
    assert drawn.labels["Fixed effects"].get_color() == drawn.labels["Two-stage"].get_color()


def test_equal_lines_of_two_groups_are_both_drawn(ax):
    lines = {"A": Line(1.0, 2.0, "a"), "B": Line(1.0, 2.0, "b")}
    drawn = data_space([0, 1, 2], [1, 3, 5], [1, 1, 2], ["a", "a", "b"], lines=lines, ax=ax)
    assert drawn.lines["A"].get_color() != drawn.lines["B"].get_color()


def test_a_method_without_a_slope_is_left_out(ax):
    lines = {"Pooled": (1.0, 2.0), "Failed": (np.nan, np.nan)}
    assert list(data_space([0, 1], [1, 3], [1, 2], lines=lines, ax=ax).labels) == ["Pooled"]
    estimates = {"Failed": Estimate((np.nan, np.nan)), "HLM": Estimate(CENTER, S)}
    assert list(beta_space(estimates=estimates, ax=ax).estimates) == ["HLM"]


def test_a_dollar_begins_no_mathematics(ax):
    odd = r"$\frac$"
    data_space(
        [0, 1], [1, 3], [1, 2], [odd, odd], lines={odd: (1, 2)}, names=(odd, odd), unit=odd,
        level2=odd, clusters=ClusterLines([1], *([1.0],) * 6), ax=ax)  # fmt: skip
    beta_space([[1, 2]] * 4, {odd: Estimate(CENTER, S)}, {odd: (CENTER, S)}, level2=odd, ax=ax)
    ax.figure.canvas.draw()


def test_names_do_not_overlap(ax, rows):
    lines = {f"method {i}": (12.0 + 0.01 * i, 2.0) for i in range(9)}
    drawn = data_space(rows["ses"], rows["mathach"], rows["school"], lines=lines, ax=ax)
    ax.figure.canvas.draw()
    places = sorted(label.get_position()[1] for label in drawn.labels.values())
    box = Text.get_window_extent(drawn.labels["method 0"])  # the word without the line to it
    assert np.diff(places).min() * ax.get_window_extent().height >= box.height
    assert 0 <= places[0] <= places[-1] <= 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"lines": {"HLM": Line(1, 2, "Lay")}}, "unknown group, 'Lay'"),
        ({"cluster": ["a"]}, "same length"),
        ({"y": [1.0, np.nan]}, "must be finite"),
        (
            {"x": pd.Series([1.0, 2.0]), "cluster": pd.Series(["a", "b"], index=[1, 0])},
            "x and cluster have different indexes",
        ),
        ({"x": [], "y": [], "cluster": []}, "one row or more"),
        ({"clusters": ClusterLines(["z"], *([1.0],) * 6)}, "clusters without rows: z"),
    ],
)
def test_what_cannot_be_drawn(ax, wrong, message):
    given = {"x": [1.0, 2.0], "y": [1.0, 3.0], "cluster": ["a", "b"]} | wrong
    with pytest.raises(ValueError, match=message):
        data_space(**given, ax=ax)


# ---------------------------------------------------------------- beta space


def test_estimates_and_their_ellipses(ax, clusters):
    own = np.column_stack([clusters.intercept, clusters.slope])
    estimates = {"Pooled": Estimate(CENTER, S / 40, S / 10), "HLM": Estimate((12.5, 2.5), S / 30)}
    drawn = beta_space(own, estimates, {"G about γ": (CENTER, S)}, level2="school", ax=ax)
    r2 = radius_of(0.95) ** 2
    pooled, hlm = drawn.estimates["Pooled"], drawn.estimates["HLM"]
    for line, center, V in (
        (pooled.reported, CENTER, S / 40), (pooled.true, CENTER, S / 10),
        (hlm.reported, np.array([12.5, 2.5]), S / 30),
    ):  # fmt: skip
        assert form(np.column_stack(line.get_data()), center, V) == pytest.approx(r2)
    assert hlm.true is None
    assert pooled.reported.get_linewidth() > pooled.true.get_linewidth()
    assert form(drawn.dispersions["G about γ"].get_xy(), CENTER, S) == pytest.approx(1.0)
    for name, one in drawn.estimates.items():
        assert np.ravel(one.point.get_data()) == pytest.approx(np.asarray(estimates[name].center))
        assert drawn.labels[name].get_text() == name
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("intercept", "slope")
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == [
        "line of one school", "G about γ", "95 % ellipse, as reported", "95 % ellipse, true",
    ]  # fmt: skip


def test_ellipses_with_shadows(ax):
    drawn = beta_space(estimates={"HLM": Estimate(CENTER, S)}, level=0.9, joint=False, ax=ax)
    line = drawn.estimates["HLM"].reported
    assert form(np.column_stack(line.get_data()), CENTER, S) == pytest.approx(1.6448536**2)
    assert "90 % shadows" in ax.get_legend().get_texts()[0].get_text()


def test_everything_drawn_is_within_the_axes(ax):
    beta_space(estimates={"HLM": Estimate(CENTER, S)}, dispersions={"G": (CENTER, 9 * S)}, ax=ax)
    points = np.concatenate([ellipse(CENTER, S, radius_of()), ellipse(CENTER, 9 * S)])
    for (low, high), values in zip((ax.get_xlim(), ax.get_ylim()), points.T, strict=True):
        assert low < values.min() < values.max() < high


def test_far_clusters_are_counted_instead_of_shown(ax):
    own = np.random.default_rng(1).normal(CENTER, 1.0, (50, 2))
    own[0] = 12.0, 400.0
    own[1] = np.nan, np.nan
    drawn = beta_space(own, level2="school", ax=ax)
    assert len(drawn.points.get_offsets()) == 48
    assert ax.get_ylim()[1] < 20
    assert "not shown: 1 of 49 schools" in [text.get_text() for text in ax.texts]


def test_a_method_without_an_intercept_is_a_line_at_its_slope(ax):
    drawn = beta_space(
        estimates={"Common slope": Estimate((np.nan, 2.2)), "HLM": Estimate(CENTER, S)}, ax=ax
    )
    assert list(drawn.estimates["Common slope"].point.get_ydata()) == [2.2, 2.2]
    assert drawn.estimates["Common slope"].reported is None
    assert np.ptp(ax.get_xlim()) < 1.2 * 2 * radius_of() * 2  # the ellipse alone says how wide
    assert drawn.labels["Common slope"].xy[1] == 2.2


def test_a_singular_G_is_drawn(ax):
    drawn = beta_space(dispersions={"G": (CENTER, [[4.0, 0.0], [0.0, 0.0]])}, ax=ax)
    assert np.ptp(drawn.dispersions["G"].get_xy()[:, 1]) == 0
