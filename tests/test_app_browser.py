"""The page as a visitor meets it, in headless Chromium."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import browser, serving, visit

from simlab import app
from simlab.app.settings import PRESETS
from simlab.estimators import REGISTRY
from simlab.estimators.base import Known, Sample
from simlab.moments import Floats, from_rows

pytestmark = pytest.mark.slow

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


ECHO = """
() => new Promise(done => {
  const echo = [...Bokeh.index.roots].map(view => view.model.document)
    .filter(document => document != null)
    .map(document => document.get_model_by_name("answered")).find(model => model != null);
  const number = echo.value + 1000000;
  echo.properties.tags.change.connect(() => { if (echo.tags[0] === number) { done(); } });
  echo.value = number;
})
"""
"""Resolves when the server has sent a number back, and so has done what came before it."""

MOVE = """
([label, value]) => {
  const document = [...Bokeh.index.roots].map(view => view.model.document).find(d => d != null);
  for (const model of document._all_models.values()) {
    if (model.title === label) { model.value = value; }
  }
}
"""
"""Send a value that no hand could set."""

SEEN = """
(characters) => {
  const ink = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const picture = (text) => {
    ink.font = "40px " + getComputedStyle(document.body).fontFamily;
    ink.clearRect(0, 0, 200, 80);
    ink.fillText(text, 10, 60);
    return ink.getImageData(0, 0, 200, 80).data.join();
  };
  const none = picture(String.fromCodePoint(0x10FFFE));  // no font has it
  return [...characters].filter(c => picture(c) === none);
}
"""
"""Characters that no font of this machine has."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, int]]:
    with serving() as result:
        yield result


@pytest.fixture(scope="module")
def address(server: tuple[str, int]) -> str:
    return server[0]


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


def settled(page: Any) -> None:
    """Wait until the server has done all that was asked of it."""
    page.evaluate(ECHO)


def handle(page: Any, label: str) -> Any:
    """The handle of a slider, found by what is written above it."""
    group = page.locator(".bk-input-group", has_text=label)
    return group.locator(".noUi-handle")


def test_nothing_is_asked_of_any_other_place(page: Any, address: str) -> None:
    press(page, "Simpson")
    press(page, "YAML")
    page.wait_for_selector("pre:has-text('beta_between: -2')")
    page.keyboard.press("Escape")
    assert len(page.asked) > 3
    assert [url for url in page.asked if not url.startswith((address, "data:", "blob:"))] == []


def test_what_is_sampled_while_the_page_loads_is_drawn(chromium: Any, address: str) -> None:
    """And a page without formulas asks for no MathJax."""
    for _ in range(3):
        page = visit(chromium, address)
        page.wait_for_selector("table.methods[data-count='1000']")
        wait_until(lambda page=page: len(data(page, "distributions picture", 0)["left"]) > 0)
        wait_until(lambda page=page: len(data(page, "zip picture", 0)["y"]) > 0)
        assert not any("mathjax" in url for url in page.asked)
        page.close()


def test_the_page_needs_no_scrolling(chromium: Any, address: str) -> None:
    for width, height in ((1366, 768), (1280, 720), (1024, 768)):
        page = visit(chromium, address, width, height)
        page.wait_for_selector("table.methods[data-count='1000']")
        press(page, "High schools")
        page.wait_for_selector("text=Public − Cath., slope")
        over = (
            "[...document.querySelectorAll('html, body, section, #table')].filter("
            "e => e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth + 1)"
            ".map(e => `${e.tagName} ${e.id} ${e.scrollHeight} ${e.clientHeight}"
            " ${e.scrollWidth} ${e.clientWidth}`)"
        )
        wait_until(lambda page=page, over=over: page.evaluate(over) == [])
        page.close()


def test_a_narrow_page_scrolls_and_cuts_nothing_off(chromium: Any, address: str) -> None:
    for width, height in ((800, 600), (480, 800)):
        page = visit(chromium, address, width, height)
        page.wait_for_selector("table.methods[data-count='1000']")
        cut = (
            "[...document.querySelectorAll('main, section, #table')].filter("
            "e => e.scrollWidth > e.clientWidth + 1).map(e => `${e.tagName} ${e.id}`)"
        )
        wait_until(lambda page=page, cut=cut: page.evaluate(cut) == [])
        # What is further down can be scrolled to, and lies on nothing else.
        parts = ["#sample .bar", "#sample .picture", "#repeated .bar", "#repeated .picture"]
        boxes = [page.locator(part).last.bounding_box() for part in (*parts, "#numbers")]
        for above, below in pairwise(boxes):
            assert above["y"] + above["height"] <= below["y"] + 1
        page.locator("table.methods tr").last.scroll_into_view_if_needed()
        assert page.locator("table.methods tr").last.bounding_box()["y"] < height
        page.close()


def test_a_slider_moves_by_keyboard_and_the_sample_with_it(page: Any) -> None:
    press(page, "freeze")
    settled(page)
    before = data(page, "data picture", 0)
    handle(page, "γ_0").focus()
    page.keyboard.press("ArrowRight")
    wait_until(lambda: data(page, "data picture", 0)["y"][0] != before["y"][0])
    after = data(page, "data picture", 0)
    # The draws are held: γ_0 moved by one step, and so did every student.
    np.testing.assert_allclose(np.subtract(after["y"], before["y"]), 0.5, atol=1e-9)
    assert after["x"] == before["x"]


def test_what_cannot_be_drawn_stops_the_run_and_says_why(page: Any) -> None:
    press(page, "run ▶")
    handle(page, "σ  sd of students").focus()
    page.keyboard.press("Home")
    page.wait_for_selector("[role=alert]:has-text('Move σ above 0')")
    page.wait_for_selector("p.note:has-text('Move σ above 0')")
    settled(page)
    assert page.locator("table.methods").count() == 0
    for picture in ("data picture", "beta picture", "distributions picture", "zip picture"):
        for source in page.evaluate(SOURCE, picture):
            assert not any(map(len, source.values())), picture
    assert page.get_by_role("button", name="run").is_disabled()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("[role=alert]", state="detached")
    page.get_by_role("button", name="pause").wait_for()  # it goes on with what can be drawn


def test_nothing_is_drawn_that_no_slider_can_set(chromium: Any, page: Any, address: str) -> None:
    for label, value, shown in (("J  schools", 1e9, 100), ("n  students a school", -5, 2)):
        page.evaluate(MOVE, [label, value])
        wait_until(
            lambda label=label, shown=shown: (
                page.locator(f".bk-input-group:has-text('{label}') .bk-slider-title")
                .inner_text()
                .endswith(f": {shown}")
            )
        )
    settled(page)
    assert max(data(page, "data picture", 0)["school"]) == 100
    press(page, "YAML")
    page.wait_for_selector("pre:has-text('clusters: 100')")
    other = visit(chromium, f"{address}?clusters=1000000000&sigma=0&seed=-1")
    other.wait_for_selector("table.methods[data-count='1000']")
    press(other, "YAML")
    other.wait_for_selector(f"pre:has-text('seed: {PRESETS['Robinson'].seed}')")
    assert other.locator("pre").inner_text().count("clusters: 40") == 1
    other.close()


def test_the_page_says_that_it_is_working_while_the_server_is_busy(
    page: Any, server: tuple[str, int]
) -> None:
    settled(page)
    working = page.locator("#working")
    working.wait_for(state="hidden")
    os.kill(server[1], signal.SIGSTOP)
    try:
        press(page, "new sample")
        working.wait_for(state="visible")
    finally:
        os.kill(server[1], signal.SIGCONT)
    working.wait_for(state="hidden")


def test_the_fonts_of_a_browser_have_every_sign_of_the_page(page: Any) -> None:
    signs = {c for path in Path(app.__file__).parent.glob("*.py") for c in path.read_text("utf-8")}
    signs = {c for c in signs if not c.isspace()}
    assert "▮" in signs
    assert page.evaluate(SEEN, "".join(sorted(signs | {"\ue123"}))) == ["\ue123"]  # for private use


def test_drawing_one_clearing_and_running(page: Any) -> None:
    press(page, "draw 1")
    page.wait_for_selector("table.methods[data-count='1001']")
    press(page, "clear")
    page.wait_for_selector("table.methods[data-count='0']")
    press(page, "draw 1000")
    page.wait_for_selector("table.methods[data-count='1000']")
    page.get_by_role("button", name="run").click()
    page.wait_for_selector("table.methods:not([data-count='1000'])")
    page.get_by_role("button", name=re.compile("pause|run")).click()  # it may have ended by itself
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
(values) => {
  for (const [name, value] of Object.entries(values)) {
    Bokeh.documents[0].get_model_by_name(name).value = value;
  }
}
"""

ANSWER = "() => Bokeh.documents[0].get_model_by_name('answer').data"


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
    results = []
    for values in settings:
        page.evaluate(SET, values)
        ours = {
            name: pytest.approx(line, rel=1e-9, abs=1e-9) for name, line in answer(values).items()
        }

        def agrees(ours: Any = ours) -> bool:  # callbacks run by and by
            name, *lines = page.evaluate(ANSWER).values()
            return dict(zip(name, zip(*lines, strict=True), strict=True)) == ours

        wait_until(agrees)
        results.append(page.evaluate(ANSWER)["slope"])
    assert all(a != b for a, b in pairwise(results))
    assert page.errors == []
    page.close()


def test_the_lesson_is_one_file(lesson: Path) -> None:
    text = lesson.read_text(encoding="utf-8")
    assert "<script src" not in text
    assert "<link" not in text
    assert os.path.getsize(lesson) < 5_000_000
