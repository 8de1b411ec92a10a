"""Curves stand where they were measured, with their whiskers, theories and names."""

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest

from simlab.looks import DASHED, STAR, Look
from simlab.plots import Curve, curves, panels

GIVEN = {
    "one": Curve([1, 10, 100], [1.0, 2.0, 3.0], 0.1, ([1, 100], [1.0, 3.0])),
    "two": Curve([1, 10, 100], [3.0, 2.5, 2.9], [0.1, 0.2, 0.3]),
}


@pytest.fixture
def ax():
    return panels("title")[1][0]


def test_points_and_whiskers(ax):
    drawn = curves(GIVEN, ("x", "y"), ax=ax)
    line, _, (whiskers,) = drawn.points["two"]
    assert line.get_xydata().tolist() == [[1, 3], [10, 2.5], [100, 2.9]]
    ends = np.array([segment[:, 1] for segment in whiskers.get_segments()])
    assert ends[:, 1] - ends[:, 0] == pytest.approx(2 * 1.96 * np.array([0.1, 0.2, 0.3]))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "y")


def test_theory_is_a_line_and_points_without_one_are_joined(ax):
    drawn = curves(GIVEN, ("x", "y"), ax=ax)
    assert list(drawn.theories) == ["one"]
    assert drawn.theories["one"].get_xydata().tolist() == [[1, 1], [100, 3]]
    assert drawn.points["one"].lines[0].get_linestyle() == "None"
    assert drawn.points["two"].lines[0].get_linestyle() == "-"


def test_a_colour_can_be_given(ax):
    given = {"one": GIVEN["one"]._replace(look=Look("#123456", STAR, DASHED)), "two": GIVEN["two"]}
    drawn = curves(given, ("x", "y"), ax=ax)
    assert drawn.theories["one"].get_color() == drawn.labels["one"].get_color() == "#123456"
    assert drawn.labels["two"].get_color() != "#123456"


def test_names_stand_at_the_right_ends(ax):
    drawn = curves(GIVEN, ("x", "y"), log=True, ax=ax)
    assert {name: label.xy for name, label in drawn.labels.items()} == {
        "one": (100.0, 3.0), "two": (100.0, 2.9),
    }  # fmt: skip
    assert ax.get_xscale() == "log"
    assert ax.get_xticks().tolist() == [1, 10, 100]


def test_panels_have_their_titles():
    figure, axes = panels("left", "right", size=(6, 3), ratios=(2, 1))
    assert [ax.get_title(loc="left") for ax in axes] == ["left", "right"]
    assert figure.get_size_inches().tolist() == [6, 3]
    figure.draw_without_rendering()
    left, right = (ax.get_position().width for ax in axes)
    assert left > 1.5 * right
