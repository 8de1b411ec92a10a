"""The page as a visitor meets it, in headless Chromium."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import browser, served, visit

from simlab.app.settings import PRESETS
from simlab.estimators import REGISTRY
from simlab.estimators.base import Known, Sample
from simlab.moments import Floats, from_rows

pytest.importorskip("panel")

SOURCE = """
(name) => {
  const figure = [...Bokeh.index.roots].map(view => view.model.document)
    .filter(document => document != null)
    .map(document => document.get_model_by_name(name)).find(model => model != null);
  return figure.renderers.map(r => Object.fromEntries(
    Object.entries(r.data_source.data).map(([k, v]) => [k, Array.from(v)])));
}
"""
"""Data of every renderer of a figure."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served() as found:
        yield found


@pytest.fixture
def page(chromium: Any, address: str) -> Iterator[Any]:
    page = visit(chromium, address)
    page.wait_for_selector("table.methods[data-count='1000']")
    yield page
    assert page.errors == []
    page.close()


def data(page: Any, figure: str, renderer: int) -> dict[str, list[Any]]:
    return page.evaluate(SOURCE, figure)[renderer]


def wait_until(condition: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def press(page: Any, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def handle(page: Any, label: str) -> Any:
    """The handle of a slider, found by what is written above it."""
    group = page.locator(".bk-input-group", has_text=label)
    return group.locator(".noUi-handle")


def test_nothing_is_asked_of_any_other_place(page: Any, address: str) -> None:
    press(page, "Simpson")
    press(page, "YAML")
    page.wait_for_selector("pre:has-text('beta_between: 4')")
    page.keyboard.press("Escape")
    assert len(page.asked) > 3
    assert [url for url in page.asked if not url.startswith((address, "data:", "blob:"))] == []


def test_the_page_needs_no_scrolling(chromium: Any, address: str) -> None:
    for width, height in ((1280, 720), (1024, 768)):
        page = visit(chromium, address, width, height)
        page.wait_for_selector("table.methods[data-count='1000']")
        press(page, "High schools")
        page.wait_for_selector("text=Public − Cath., slope")
        over = page.evaluate(
            "[...document.querySelectorAll('html, body, section, #table')].filter("
            "e => e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth + 1)"
            ".map(e => `${e.tagName} ${e.id} ${e.scrollHeight} ${e.clientHeight}"
            " ${e.scrollWidth} ${e.clientWidth}`)"
        )
        assert over == [], (width, height)
        page.close()


def test_a_slider_moves_by_keyboard_and_the_sample_with_it(page: Any) -> None:
    press(page, "freeze")
    before = data(page, "data picture", 0)
    handle(page, "γ_0").focus()
    page.keyboard.press("ArrowRight")
    wait_until(lambda: data(page, "data picture", 0)["y"][0] != before["y"][0])
    after = data(page, "data picture", 0)
    # The draws are held: γ_0 moved by one step, and so did every student.
    np.testing.assert_allclose(np.subtract(after["y"], before["y"]), 0.5, atol=1e-9)
    assert after["x"] == before["x"]


def test_an_impossible_value_is_told_and_the_picture_stays(page: Any) -> None:
    before = data(page, "data picture", 0)
    handle(page, "σ  sd of students").focus()
    page.keyboard.press("Home")
    page.wait_for_selector("[role=alert]:has-text('sigma2')")
    assert data(page, "data picture", 0) == before
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("[role=alert]", state="detached")


def test_drawing_one_clearing_and_running(page: Any) -> None:
    press(page, "draw 1")
    page.wait_for_selector("table.methods[data-count='1001']")
    press(page, "clear")
    page.wait_for_selector("table.methods[data-count='0']")
    press(page, "draw 1000")
    page.wait_for_selector("table.methods[data-count='1000']")
    page.get_by_role("button", name="run").click()
    page.wait_for_selector("table.methods:not([data-count='1000'])")
    page.get_by_role("button", name="pause").click()
    page.get_by_role("button", name="run").wait_for()


def test_a_school_is_marked_in_both_spaces(page: Any) -> None:
    number = page.locator("input[type=text]").last
    number.fill("3")
    number.press("Enter")
    wait_until(lambda: len(data(page, "beta picture", -1)["slope"]) == 1)
    schools = data(page, "beta picture", 3)
    at = schools["school"].index(3)
    assert data(page, "beta picture", -1)["slope"] == [schools["slope"][at]]
    students = data(page, "data picture", 0)
    own = [y for y, j in zip(students["y"], students["school"], strict=True) if j == 3]
    assert data(page, "data picture", -1)["y"] == own


def test_the_pictures_are_saved_without_a_server(page: Any, tmp_path: Path) -> None:
    for name, start in (("PNG", b"\x89PNG"), ("SVG", b"<svg")):
        with page.expect_download() as download:
            press(page, name)
        path = tmp_path / name
        download.value.save_as(path)
        content = path.read_bytes()
        assert content.startswith(start)
        assert len(content) > 20_000


# The page that opens from disk


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from simlab.app.lesson import write

    return write(tmp_path_factory.mktemp("lesson") / "lesson.html")


def answer(v: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Python's own lines: the population written out by hand, the estimators from the library."""
    from simlab.app.lesson import normals

    z = normals()
    school = np.repeat(np.arange(len(z.m)), z.n)
    x = v["x_between"] * z.m[school] + v["x_within"] * z.d
    G = np.diag([v["sd_intercepts"] ** 2, v["sd_slopes"] ** 2])
    G[0, 1] = G[1, 0] = v["correlation"] * v["sd_intercepts"] * v["sd_slopes"]
    rho = v["correlation"]
    u0 = v["sd_intercepts"] * z.u0
    u1 = v["sd_slopes"] * (rho * z.u0 + np.sqrt(max(1 - rho**2, 0)) * z.u1)
    context = (np.bincount(school, x) / z.n)[school]
    beta0 = v["gamma0"] + (v["beta_between"] - v["beta_within"]) * context + u0[school]
    y = beta0 + (v["beta_within"] + u1[school]) * x + v["sigma"] * z.e
    moments = from_rows(x, y, school, np.zeros(len(z.m), dtype=int))
    seen = Sample(moments, Known(G, v["sigma"] ** 2))
    names = ("pooled", "fixed_effects_common", "two_stage", "ecological")
    fits = {name: REGISTRY[name].fit(seen).estimate[0] for name in names}
    slope = fits["fixed_effects_common"][0]
    fits["fixed_effects_common"] = np.array([y.mean() - slope * x.mean(), slope])
    fits["gls"] = gls(x, y, school, G, v["sigma"] ** 2)
    return {name: (float(fit[0]), float(fit[1])) for name, fit in fits.items()}


def gls(x: Floats, y: Floats, school: Any, G: Floats, sigma2: float) -> Floats:
    """(X'V⁻¹X)⁻¹X'V⁻¹y from the rows."""
    information, score = np.zeros((2, 2)), np.zeros(2)
    for j in range(school.max() + 1):
        at = school == j
        X = np.column_stack([np.ones(at.sum()), x[at]])
        V = X @ G @ X.T + sigma2 * np.eye(at.sum())
        information += X.T @ np.linalg.solve(V, X)
        score += X.T @ np.linalg.solve(V, y[at])
    return np.linalg.solve(information, score)


SET = """
async (values) => {
  const document = Bokeh.documents[0];
  for (const [name, value] of Object.entries(values)) {
    document.get_model_by_name(name).value = value;
  }
  await new Promise(done => setTimeout(done, 100));  // callbacks run by and by
  return document.get_model_by_name("answer").data;
}
"""


def test_the_lesson_opens_from_disk_and_computes_what_python_does(
    chromium: Any, lesson: Path
) -> None:
    page = visit(chromium, lesson.as_uri())
    page.wait_for_selector("text=Ecological")
    assert [url for url in page.asked if not url.startswith(("file:", "data:"))] == []
    start = {
        name: getattr(PRESETS["Robinson"], name)
        for name in ("beta_within", "beta_between", "gamma0", "sd_intercepts", "sd_slopes",
                     "correlation", "sigma", "x_between", "x_within")
    }  # fmt: skip
    settings = [
        start,
        {**start, "beta_within": 3.0, "sigma": 6.0},
        {**start, "correlation": 1.0, "sd_slopes": 2.0},  # G is singular
        {**start, "sd_intercepts": 0.0, "sd_slopes": 0.0},  # and 0
        {**start, "x_between": 3.0, "x_within": 0.1, "gamma0": 25.0},
    ]
    found = []
    for values in settings:
        shown = page.evaluate(SET, values)
        ours = answer(values)
        for name, intercept, slope in zip(*shown.values(), strict=True):
            assert (intercept, slope) == pytest.approx(ours[name], rel=1e-9, abs=1e-9), name
        found.append(shown["slope"])
    assert all(a != b for a, b in pairwise(found))
    assert page.errors == []
    page.close()


def test_the_lesson_is_one_file(lesson: Path) -> None:
    text = lesson.read_text(encoding="utf-8")
    assert "<script src" not in text
    assert "<link" not in text
    assert os.path.getsize(lesson) < 5_000_000
