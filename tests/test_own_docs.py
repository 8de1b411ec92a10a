"""What "Estimators and populations of your own" says is run, and what it prints is compared."""

import re
from pathlib import Path

import numpy as np
import pytest

import simlab
from simlab import data
from simlab.comparison import cluster_moments
from simlab.custom.addresses import locate_object
from simlab.estimators.base import Sample

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = "".join((DOCS / name).read_text("utf-8") for name in ("your_own.md", "your_own_code.md"))
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.M | re.S)
FILES = {text.split("\n", 1)[0].removeprefix("# "): text for kind, text in BLOCKS if kind != "text"}
PRINTED = {  # what stands after each script
    name: BLOCKS[i + 1][1]
    for i, (_, text) in enumerate(BLOCKS)
    for name in [text.split("\n", 1)[0].removeprefix("# ")]
    if BLOCKS[i + 1 : i + 2] and BLOCKS[i + 1][0] == "text"
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text.split("\n", 1)[1], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_has_scripts():
    assert list(PRINTED) == ["tails.py", "popular.py", "tutored.py", "signs.py", "failures.py"]


@pytest.mark.parametrize("script", PRINTED)
def test_a_script_prints_what_the_page_says(folder, capsys, script):
    exec(compile(FILES[script], script, "exec"), {})
    assert capsys.readouterr().out.splitlines() == PRINTED[script].splitlines()


def test_swamy_reproduces_the_reference(folder):
    """Values of R for hs, as in "Adding a method": direct algebra, so 1e-10 relative."""
    swamy = locate_object("mymethods:swamy", folder).load()
    moments = cluster_moments(data.hs(), "mathach", "ses", "school", None).moments
    result = swamy(Sample(moments))
    numbers = [float(np.squeeze(v)) for term in ("intercept", "slope") for v in result[term]]
    reference = [12.5727608309363, 0.439365036791453, 2.35799102712286, 0.255336797721774]
    assert numbers == pytest.approx(reference, rel=1e-10)


def test_the_generator_tells_its_truth(folder):
    """Of equal weights: a mean of all schools' true slopes; of students: another (the control)."""
    s = simlab.load(folder / "popular.yaml")
    slopes, sizes = [], []
    for r in range(150):
        df = simlab.replicate(s, 1, r)
        for _, own in df.groupby("cluster"):
            slopes.append(np.polyfit(own.x, own.y, 1)[0])
            sizes.append(len(own))
    error = np.std(slopes) / len(slopes) ** 0.5
    assert abs(np.mean(slopes) - 2) < 4 * error
    assert np.average(slopes, weights=sizes) - 2 > 8 * error
