"""The gallery draws what it shows: every line runs, every picture is there, none is left out."""

import importlib.util
import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import pytest
from PIL import Image

import simlab
from simlab import plots

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
REPLICATES = 16
LARGEST = 150_000  # bytes

BY_OTHERS = {"canvas", "ellipse", "radius_of", "panels"}  # which draw nothing by themselves
ELSEWHERE = {"curves", "size"}  # in docs/demos.md and docs/tests.md


@pytest.fixture(scope="module")
def make():
    spec = importlib.util.spec_from_file_location("make_gallery", ROOT / "docs/make_gallery.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_every_line_runs(make, monkeypatch):
    """With fewer replicates than the page, so that it takes seconds."""
    run = simlab.run
    monkeypatch.setattr(simlab, "run", lambda study: run(study.replace(replicates=REPLICATES)))
    monkeypatch.chdir(ROOT)
    text = make.PAGE.read_text("utf-8")
    names = []
    for name, figure in make.drawn(text):
        assert figure.axes, name
        names.append(name)
    assert names == re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)


def test_every_picture_is_there_and_small(make):
    for block in make.blocks(make.PAGE.read_text("utf-8")):
        if block.picture:
            path = make.PAGE.parent / block.picture
            assert path.stat().st_size <= LARGEST, block.picture
            with Image.open(path) as picture:
                assert picture.mode == "P"


def test_no_picture_is_left_out(make):
    drawing = {name for name in plots.__all__ if name.islower()} - BY_OTHERS - ELSEWHERE
    text = make.PAGE.read_text("utf-8")
    assert sorted(name for name in drawing if f"plots.{name}(" not in text) == []


def test_a_figure_keeps_its_colours(make, tmp_path):
    """A palette that drops a rare colour would lose it here."""
    figure = matplotlib.figure.Figure((4, 3))
    ax = figure.subplots()
    ax.plot([0, 1], color="#0072B2", lw=40)
    ax.plot([0.5], [0.2], "s", color="#D55E00", ms=5)
    make.save(figure, tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as picture:
        colours = {colour for _, colour in picture.convert("RGB").getcolors()}
    vermilion = (0xD5, 0x5E, 0x00)
    assert min(max(abs(a - b) for a, b in zip(c, vermilion, strict=True)) for c in colours) < 16
