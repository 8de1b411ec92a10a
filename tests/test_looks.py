"""A method has one name and one look; colours can be told apart, and three mean one thing."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle
from plot_cases import results

from simlab import looks, plots, words
from simlab.estimators import REGISTRY
from simlab.measures import measure
from simlab.methods import METHODS, label, look, short

ROOT = Path(__file__).resolve().parents[1]
COLORS = {name: value for name, value in vars(looks).items() if re.match("#", str(value))}
AREAS = {"PAPER", "GRID", "STRIP", "TINT", "NOTE"}
OWN = "their_methods:shrunken"

# Machado, Oliveira & Fernandes (2009), IEEE TVCG 15:1291, severity 1.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                [0.0193339, 0.1191920, 0.9503041]])  # fmt: skip


def linear(color):
    c = np.array(to_rgb(color))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(color):
    """Contrast with white, of the Web Content Accessibility Guidelines."""
    return 1.05 / (linear(color) @ XYZ[1] + 0.05)


def seen(color, matrix):
    """CIE L*a*b* of a colour as someone sees it."""
    x = XYZ @ np.clip(np.array(matrix) @ linear(color), 0, 1) / [0.95047, 1.0, 1.08883]
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def apart(a, b):
    """Least distance of two colours in L*a*b*, over kinds of colour blindness."""
    return min(np.linalg.norm(seen(a, m) - seen(b, m)) for m in BLINDNESS.values())


def test_contrast_is_that_of_the_guidelines():
    assert contrast("#000000") == pytest.approx(21)
    assert contrast("#767676") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("name", sorted(set(COLORS) - AREAS))
def test_lines_and_words_stand_out_on_white(name):
    assert contrast(COLORS[name]) >= 3


def test_the_colours_of_methods_can_be_told_apart():
    """By any eye, and from the reported SE and the clusters, which stand beside them."""
    shades = {look(name).color for name in METHODS} | {looks.REPORTED, looks.CLUSTERS, looks.MISS}
    for a, b in combinations(sorted(shades), 2):
        assert apart(a, b) >= 8, (a, b)
    assert apart(*looks.SECTORS) > 25
    assert apart("#D55E00", "#B07800") < 8  # a pair that fails


def test_three_colours_mean_one_thing_each():
    shades = {name: look(name).color for name in METHODS}
    for name, method in REGISTRY.items():
        assert (shades[name] == looks.BETWEEN) == (method.estimand == "beta_between")
        if "blue" in hue(shades[name]):
            assert method.estimand == "beta_within"
    others = [*looks.GROUPS, *looks.SPARE, *(one.color for one in looks.P_VALUES.values())]
    for color in (*shades.values(), *others, looks.MISS, looks.CLUSTERS, looks.FOCUS):
        assert color != looks.REPORTED
    assert {looks.WITHIN, looks.BETWEEN}.isdisjoint(others)
    assert set(looks.SECTORS).isdisjoint(shades.values())


def hue(color):
    red, green, blue = to_rgb(color)
    return "blue" if blue > green > red else ""


def test_looks_differ_and_one_estimate_has_one_colour():
    assert len({look(name) for name in METHODS}) == len(METHODS)
    assert len({look(name).marker for name in METHODS}) == len(METHODS)
    for one, other in (("pooled", "pooled_robust"), ("two_stage", "fixed_effects_separate")):
        a, b = look(one), look(other)
        assert a.color == b.color
        assert a.dash != b.dash


def test_a_method_without_a_look_has_one_of_its_own():
    assert label(OWN) == short(OWN) == OWN
    assert look(OWN) == look(OWN)
    names = [f"mine:method_{i}" for i in range(40)]
    assert {look(name).color for name in names} == set(looks.SPARE)
    assert len({look(name) for name in names}) > 20
    assert set(looks.SPARE).isdisjoint(look(name).color for name in METHODS)


def test_the_table_is_the_registry_and_names_differ():
    assert list(METHODS) == list(REGISTRY)
    files = {file.stem for file in (ROOT / "simlab/estimators").glob("*.py")}
    assert set(METHODS) <= files
    for called in (label, short):
        assert len({called(name) for name in METHODS}) == len(METHODS)
    assert set(looks.P_VALUES) == set(words.P_VALUES)


@pytest.mark.parametrize("marker", looks.MARKERS)
def test_markers_are_those_of_both_libraries(marker):
    from bokeh.core.enums import MarkerType

    MarkerStyle(marker.plot)
    assert marker.bokeh in MarkerType
    assert len(marker.sign) == 1


def test_one_module_holds_all_colours():
    """But for the sheet of printed pages, which has its own for dark screens."""
    written = re.compile(r"[\"' :]#(?:[0-9A-Fa-f]{6}|[0-9A-Fa-f]{3})\b")
    for file in [*ROOT.glob("simlab/**/*.*"), *ROOT.glob("experiments/*.py")]:
        own = file.name in ("looks.py", "sheet.css")  # that of pages, which has a dark mode
        if file.suffix in (".py", ".css", ".js", ".html") and not own:
            found = written.findall(file.read_text("utf-8"))
            assert not found, (file, found)
    assert written.search('color="#0072B2"')


def test_every_picture_of_methods_has_their_looks():
    ds = results()
    measured = measure(ds)
    figure = Figure()
    values = [
        plots.lolly(measured, "bias", ax=figure.subplots()).heads,
        {name: bars.lines[0] for (name, _), bars in
         plots.honest_se(measured, {"new": 0}, ax=figure.subplots()).points.items()},
    ]  # fmt: skip
    estimates = {name: plots.Estimate((i, i), np.eye(2)) for i, name in enumerate(values[0])}
    points = plots.beta_space(estimates=estimates, ax=figure.subplots())
    values.append({name: one.point for name, one in points.estimates.items()})
    assert len(values[0]) == 3
    for drawn in values:
        for name, line in drawn.items():
            assert line.get_color() == look(name).color
            assert line.get_marker() == look(name).marker.plot
    crossing = {"hlm": (0, 1), "ecological": (1, 0)}
    lines = plots.data_space([0, 1], [0, 1], [1, 2], lines=crossing, ax=figure.subplots())
    for name, line in lines.lines.items():
        assert line.get_color() == look(name).color
        assert lines.labels[name].get_text() == short(name)
    strips = plots.sampling_distributions(ds, ax=figure.subplots()).strips
    for name, strip in strips.items():
        assert strip.density.get_facecolor()[:3] == pytest.approx(to_rgb(look(name).color))
