"""Pictures of data, of shrinkage and of one school, held by where their artists lie."""

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import simlab
from simlab import pictures
from simlab.data import DataError, hs
from simlab.plots import (
    ClusterLines,
    quantiles,
    school_beta_space,
    school_data_space,
    shrinkage,
    shrinkage_space,
    three_means,
    trellis,
)

GAMMA, G, SIGMA2 = np.array([12.0, 2.0]), np.array([[16.0, 8.0], [8.0, 25.0]]), 20.0


@pytest.fixture
def ax():
    return Figure(figsize=(9, 6)).subplots()


@pytest.fixture
def figure():
    return Figure(figsize=(10, 8))


def school(seed=10):
    return pictures.school(GAMMA, G, SIGMA2, np.linspace(-1.5, 2, 23), seed)


def form(points, center, covariance):
    away = np.asarray(points) - center
    return np.einsum("ij,jk,ik->i", away, np.linalg.inv(covariance), away)


# ---------------------------------------------------------------- lines of clusters


def test_cluster_lines_are_those_of_least_squares():
    df = hs()
    lines = pictures.cluster_lines(df, "mathach", "ses", "school")
    assert set(lines) == set(ClusterLines._fields)
    for line, (name, rows) in zip(
        lines.itertuples(), df.groupby("school", sort=False), strict=True
    ):
        slope, intercept = np.polyfit(rows["ses"], rows["mathach"], 1)
        assert line.cluster == name
        assert (line.intercept, line.slope) == pytest.approx((intercept, slope))
        assert (line.low, line.high) == (rows["ses"].min(), rows["ses"].max())
        assert (line.x_mean, line.y_mean) == pytest.approx(
            (rows["ses"].mean(), rows["mathach"].mean())
        )


def test_a_line_needs_two_values_of_x():
    df = pd.DataFrame({"c": ["a", "a", "b", "b"], "x": [1.0, 1, 0, 2], "y": [0.0, 1, 1, 5]})
    lines = pictures.cluster_lines(df, "y", "x", "c")
    assert np.isnan(lines["slope"][0])
    assert lines["slope"][1] == 2


def test_an_offset_of_x_takes_no_digits():
    df = hs()
    far = pictures.cluster_lines(df.assign(ses=df["ses"] + 1e6), "mathach", "ses", "school")
    near = pictures.cluster_lines(df, "mathach", "ses", "school")
    assert far["slope"].to_numpy() == pytest.approx(near["slope"].to_numpy(), rel=1e-7)


# ---------------------------------------------------------------- trellis


def test_panels_rise_in_mean_x_within_their_group(figure):
    df = hs()
    drawn = trellis(pictures.panels(df, "mathach", "ses", "school", "sector"), figure)
    sector = df.groupby("school")["sector"].first()
    mean = df.groupby("school")["ses"].mean()
    order = pd.DataFrame({"sector": sector, "mean": mean}).sort_values(["sector", "mean"])
    assert list(drawn) == order.index.tolist()
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert [title for title in titles if title] == ["Catholic", "Public"]
    assert drawn[order.index[21]].ax.get_title(loc="left") == "Public"


def test_a_panel_has_its_rows_and_its_line(figure):
    df = hs()
    drawn = trellis(pictures.panels(df, "mathach", "ses", "school"), figure)
    rows = df[df["school"] == "1317"]
    panel = drawn["1317"]
    assert np.asarray(panel.points[""].get_offsets()) == pytest.approx(
        rows[["ses", "mathach"]].to_numpy()
    )
    slope, intercept = np.polyfit(rows["ses"], rows["mathach"], 1)
    x, y = panel.lines[""].get_data()
    assert x.tolist() == [rows["ses"].min(), rows["ses"].max()]
    assert y == pytest.approx(intercept + slope * x)
    assert "1317" in [text.get_text() for text in panel.ax.texts]


def test_each_sex_has_a_line_of_its_own(figure):
    df = hs()
    drawn = trellis(pictures.panels(df, "mathach", "ses", "school", "sector", "sex"), figure)
    for name, rows in df.groupby("school"):
        assert set(drawn[name].lines) == set(rows["sex"])
    rows = df[(df["school"] == "8854") & (df["sex"] == "Male")]
    slope = np.polyfit(rows["ses"], rows["mathach"], 1)[0]
    x, y = drawn["8854"].lines["Male"].get_data()
    assert np.diff(y) / np.diff(x) == pytest.approx(slope)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Female", "Male"]


def test_a_cluster_with_one_x_has_no_line(figure):
    df = pd.DataFrame({"c": ["a", "a", "b", "b"], "x": [1.0, 1, 0, 2], "y": [0.0, 1, 1, 5]})
    drawn = trellis(pictures.panels(df, "y", "x", "c"), figure, columns=2)
    assert drawn["a"].lines == {}
    assert len(drawn["a"].points[""].get_offsets()) == 2
    assert list(drawn["b"].lines) == [""]


def test_a_dollar_is_a_dollar(figure):
    df = hs().rename(columns={"ses": "$income"}).replace({"school": {"1317": "$a$"}})
    drawn = trellis(pictures.panels(df, "mathach", "$income", "school"), figure)
    assert figure.get_supxlabel() == r"\$income"
    assert r"\$a\$" in [text.get_text() for text in drawn["$a$"].ax.texts]


def test_a_group_is_one_of_whole_clusters():
    with pytest.raises(DataError, match="'sex' varies within clusters of 'school'") as caught:
        pictures.panels(hs(), "mathach", "ses", "school", "sex")
    assert "\n" not in str(caught.value)


def test_columns_that_are_not_there():
    with pytest.raises(DataError, match="no column 'sees'"):
        pictures.panels(hs(), "mathach", "sees", "school")
    with pytest.raises(DataError, match="not a number"):
        pictures.panels(hs(), "sex", "ses", "school")


# ---------------------------------------------------------------- quantiles


def test_values_are_lined_up(figure):
    df = hs().loc[:, ["mathach", "sex", "school"]]
    df.loc[:9, "mathach"] = np.nan
    drawn = quantiles(df, figure)
    fraction, values = drawn["mathach"].values.get_data()
    n = len(df) - 10
    assert fraction == pytest.approx((np.arange(n) + 0.5) / n)
    assert values.tolist() == sorted(df["mathach"].dropna())
    assert "10 missing" in [text.get_text() for text in drawn["mathach"].ax.texts]


def test_levels_are_as_long_as_their_shares(figure):
    df = hs()
    drawn = quantiles(df[["sex", "school"]], figure)
    steps = np.array([path.vertices for path in drawn["sex"].values.get_paths()])
    female = (df["sex"] == "Female").mean()
    assert steps[:, :, 0] == pytest.approx(np.array([[0, female], [female, 1]]))
    words = [text.get_text() for text in drawn["sex"].ax.texts]
    assert words == [f"Female {female:.0%}"[:-1] + " %", f"Male {1 - female:.0%}"[:-1] + " %"]
    assert [text.get_text() for text in drawn["school"].ax.texts] == ["40 levels"]


def test_nothing_to_line_up(figure):
    with pytest.raises(ValueError, match="a data frame with columns"):
        quantiles(pd.DataFrame(), figure)


# ---------------------------------------------------------------- one school


def test_the_estimate_is_least_squares():
    one = school()
    assert one.beta_hat[::-1] == pytest.approx(np.polyfit(one.x, one.y, 1))
    X = np.column_stack([np.ones(23), one.x])
    assert one.sampling == pytest.approx(SIGMA2 * np.linalg.inv(X.T @ X))
    assert pytest.approx(G + one.sampling) == one.V


def test_schools_vary_as_the_ellipses_say():
    """P(χ²₂ < 1) = 39.3 % lie within radius 1, each about its own centre; estimates do not within
    G's, which is smaller than V's."""
    many = [school(seed) for seed in range(2000)]
    beta, beta_hat = (
        np.array([getattr(one, name) for one in many]) for name in ("beta", "beta_hat")
    )
    inside = 1 - np.exp(-0.5)
    tolerance = 4 * np.sqrt(inside * (1 - inside) / len(many))
    for points, covariance in (
        (beta - GAMMA, G),
        (beta_hat - beta, many[0].sampling),
        (beta_hat - GAMMA, many[0].V),
    ):
        assert (form(points, 0, covariance) < 1).mean() == pytest.approx(inside, abs=tolerance)
    assert (form(beta_hat - beta, 0, many[0].sampling / 1.5) < 1).mean() < inside - tolerance


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_a_step_in_data_space_shows_what_was_told(ax, step):
    one = school()
    drawn = school_data_space(one, step, ax=ax)
    shown = [drawn.population, drawn.true, drawn.points, drawn.estimated]
    assert [artist is not None for artist in shown] == [step > last for last in range(4)]
    lines = [(drawn.population, one.gamma), (drawn.true, one.beta), (drawn.estimated, one.beta_hat)]
    for line, beta in lines:
        if line is not None:
            x, y = line.get_data()
            assert y == pytest.approx(beta[0] + beta[1] * x)


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 6])
def test_a_step_in_beta_space_shows_what_was_told(ax, step):
    one = school()
    drawn = school_beta_space(one, step, ax=ax)
    assert [artist is not None for artist in drawn] == [step > last for last in range(6)]
    for line, center, covariance in (
        (drawn.G, one.gamma, one.G),
        (drawn.sampling, one.beta, one.sampling),
        (drawn.V, one.gamma, one.V),
    ):
        if line is not None:
            points = np.column_stack(line.get_data())
            assert form(points, center, covariance) == pytest.approx(1)


@pytest.mark.parametrize(("draw", "steps"), [(school_data_space, 4), (school_beta_space, 6)])
def test_all_steps_have_the_same_limits(draw, steps):
    limits = set()
    for step in range(1, steps + 1):
        ax = Figure().subplots()
        draw(school(), step, ax=ax)
        limits.add((*ax.get_xlim(), *ax.get_ylim()))
    assert len(limits) == 1
    with pytest.raises(ValueError, match=f"steps 1 to {steps}, and no step 0"):
        draw(school(), 0, ax=ax)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"gamma": [1.0]}, "2 and 2 × 2 numbers"),
        ({"G": [[1.0, 2.0], [2.0, 1.0]]}, "no negative eigenvalue"),
        ({"sigma2": 0.0}, "above 0"),
        ({"gamma": [1.0, np.nan]}, "finite"),
        ({"x": [1.0, 1.0]}, "two different values"),
    ],
)
def test_a_school_there_is_not(wrong, message):
    given = {"gamma": GAMMA, "G": G, "sigma2": SIGMA2, "x": [0.0, 1.0, 2.0]}
    with pytest.raises(DataError, match=message):
        pictures.school(**(given | wrong))


# ---------------------------------------------------------------- shrinkage


def test_arrows_lead_from_blue_to_blup(ax):
    blue, blup = pd.Series([1.0, 5.0, np.nan]), pd.Series([2.0, 4.0, 3.0])
    drawn = shrinkage(blue, blup, pd.Series([3, 9, 1]), gls=3.0, ax=ax)
    arrows = np.array([path.vertices for path in drawn.arrows.get_paths()])
    assert arrows.tolist() == [[[3, 1], [3, 2]], [[9, 5], [9, 4]]]
    assert drawn.blue.get_ydata().tolist() == [1, 5]
    assert drawn.blup.get_ydata().tolist() == [2, 4]
    assert drawn.gls.get_ydata()[0] == 3


def test_clusters_are_found_by_name(ax):
    blue, n = pd.Series({"a": 1.0, "b": 5.0}), pd.Series({"b": 9, "a": 3})
    drawn = shrinkage(blue, blue, n, gls=3.0, ax=ax)
    assert drawn.blue.get_xdata().tolist() == [3, 9]
    with pytest.raises(ValueError, match="give series by cluster"):
        shrinkage(blue, blue, pd.Series({"c": 1}), gls=3.0, ax=ax)


def test_the_ellipse_of_G_is_about_the_mean(ax):
    fit = simlab.fit("mathach ~ ses + (ses | school)", hs())
    drawn = shrinkage_space(fit.blue(), fit.coef(), fit.fixef, fit.G, ax=ax)
    assert np.column_stack(drawn.blue.get_data()) == pytest.approx(fit.blue().to_numpy())
    assert np.column_stack(drawn.blup.get_data()) == pytest.approx(fit.coef().to_numpy())
    assert np.column_stack(drawn.gls.get_data())[0] == pytest.approx(fit.gamma)
    outline = np.column_stack(drawn.dispersion.get_data())
    assert form(outline, fit.gamma, fit.G_matrix) == pytest.approx(1)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("intercept", "ses")
    assert shrinkage_space(fit.blue(), fit.coef(), fit.fixef, ax=ax).dispersion is None


def test_beta_space_has_two_axes(ax):
    one = pd.DataFrame({"(Intercept)": [1.0]})
    with pytest.raises(ValueError, match="two axes"):
        shrinkage_space(one, one, [0, 0], ax=ax)


def test_three_means_have_two_intervals_each(ax):
    df = hs()
    table = simlab.three_means(df["mathach"], df["school"]).table
    drawn = three_means(table, name="mathach", level2="school", ax=ax)
    for which, row in table.iterrows():
        assert drawn.heads[which].get_xdata()[0] == row["estimate"]
        for bar, se in ((drawn.these, row["se_these"]), (drawn.population, row["se_population"])):
            ends = bar[which].get_xdata()
            assert np.ptp(ends) == pytest.approx(2 * 1.96 * se)
            assert np.mean(ends) == pytest.approx(row["estimate"])
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["mean of students", "mean of schools", "GLS"]
    with pytest.raises(ValueError, match="lacks se_these"):
        three_means(table.drop(columns="se_these"), ax=ax)
