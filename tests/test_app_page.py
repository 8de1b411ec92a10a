"""The page without a browser: what is shown, what never is, and what a visitor may send."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import Future
from dataclasses import asdict, replace

import numpy as np
import pytest

pytest.importorskip("panel")

from bokeh.core.validation.check import check_integrity
from bokeh.document import Document
from bokeh.models import ColumnDataSource, Plot

from simlab.app import live, settings, summary, table, waiting
from simlab.app import page as pages
from simlab.app.controls import Controls
from simlab.app.live import Replicates
from simlab.app.settings import PRESETS, RANGES, SEEDS, Settings, allowed

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # of Panel 1.9

HOSTILE = (10**9, -(10**9), 10**400, 1e308, float("inf"), float("-inf"), 1e-300, 0.123456, 7.5)
NO_NUMBERS = (float("nan"), None, True, "5", [5], {"value": 5}, b"5")


@pytest.fixture
def page(monkeypatch):
    """A page whose samples come when they are waited for."""
    made = pages.Page(Document())
    yield made
    made.close()


def sampled(page, count=1000):
    """Wait for samples, and look at them as the page does when it is told."""
    with page._live._state:
        assert page._live._state.wait_for(lambda: page._live._error, 0) is None
    done = threading.Event()
    page._live._arrived = done.set
    while page._live.count < count:
        assert page._live.running
        done.wait(0.05)
    page._look()


def shown(page):
    """Everything with numbers of a population in the pictures."""
    pictures = (page._spaces.data, page._spaces.beta, page._rows.picture, page._zip.picture)
    sources = {r.data_source for p in pictures for r in p.renderers}
    assert all(isinstance(source, ColumnDataSource) for source in sources)
    return [column for source in sources for column in source.data.values() if len(column)]


def blank(page):
    assert shown(page) == []
    assert "<table" not in page._table.object
    assert page._badge.object == ""
    assert not page._live.running
    assert page._live.count == 0
    assert not page._zip.picture.title.text
    axes = [*page._spaces.data.axis, *page._spaces.beta.axis]
    axes += [*page._rows.picture.xaxis, *page._zip.picture.xaxis]
    assert not any(axis.visible for axis in axes)
    assert all(widget.disabled for widget in (*page._acts, *page._save))


def test_the_page_needs_no_package_that_it_does_not_show():
    code = (
        "import sys, simlab.app.page;"
        "print({'matplotlib', 'scipy.stats', 'zarr', 'formulaic'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


def test_bokeh_finds_nothing_wrong_with_the_page(page):
    """The server does not look, to be at once there."""
    document = page._document
    page.template().server_doc(document)
    issues = check_integrity(document.models)
    assert (issues.error, issues.warning) == ([], [])
    document.add_root(Plot())  # control: a picture of nothing
    found = check_integrity(document.models).warning
    assert "MISSING_RENDERERS" in [issue.name for issue in found]


# What a visitor may send


@pytest.mark.parametrize("name", RANGES)
def test_a_number_becomes_one_that_its_slider_offers(name):
    _, start, end, step = RANGES[name]
    before = getattr(PRESETS["High schools"], name)
    for value in HOSTILE:
        result = allowed(name, value, before)
        assert type(result) is type(before)
        assert start <= result <= end
        assert abs((result - start) / step - round((result - start) / step)) < 1e-6
        wanted = min(max(value, start), end)
        assert abs(result - wanted) <= step / 2 + 1e-9  # the nearest
    for value in NO_NUMBERS:
        assert allowed(name, value, before) == before


@pytest.mark.parametrize("preset", PRESETS)
def test_what_the_page_itself_sets_is_allowed(preset):
    for name, value in asdict(PRESETS[preset]).items():
        assert allowed(name, value, "another") in (value, str(value))
        assert allowed(name, value, value) == value


def test_seeds_and_choices_are_those_of_their_controls():
    for value in HOSTILE:
        assert SEEDS[0] <= allowed("seed", value, 7) <= SEEDS[1]
        assert allowed("sectors", value, 1) == 1
    for value in (*NO_NUMBERS, np.arange(3)):
        assert allowed("seed", value, 7) == 7
        assert allowed("sectors", value, 2) == 2
        assert allowed("scheme", value, "new-clusters") == "new-clusters"
    assert allowed("scheme", "same-clusters", "new-clusters") == "same-clusters"


def test_the_widget_goes_back_to_what_is_drawn():
    heard = []
    controls = Controls(Settings(), heard.append)
    controls._widgets["clusters"].value = 10**9
    assert controls._widgets["clusters"].value == heard[-1].clusters == 100
    controls._widgets["sigma"].value = -5.0
    assert controls._widgets["sigma"].value == heard[-1].sigma == 0.0
    controls._widgets["seed"].value = None
    assert controls._widgets["seed"].value == Settings().seed
    assert len(heard) == 3


# What cannot be drawn

IMPOSSIBLE = [
    ({"sigma": 0.0}, "sigma", "σ is 0"),
    ({"x_within": 0.0}, "x_within", "sd of x within schools is 0"),
    ({"sectors": 2, "clusters": 3}, "clusters", "2 schools"),
]


@pytest.mark.parametrize(("fields", "place", "words"), IMPOSSIBLE, ids=str)
def test_what_cannot_be_drawn_stops_the_run_and_leaves_no_number(page, fields, place, words):
    sampled(page)
    assert shown(page)
    page._live.more(live.MOST)
    good = page._controls.settings
    page._controls.fill(replace(good, **fields))
    blank(page)
    assert words in page._table.object
    assert words in page._controls._messages[place].object
    for name in ("sigma2", "within_sd", "population", "must be"):  # words of study files
        assert name not in page._table.object
    # Whatever is pressed or sent now, nothing comes back.
    page._live.more(1000)
    for press in (page._toggle, page._draw_one, page._empty, page._show_all, page._show_options):
        press()
    page._focus.value, page._target.value = "hlm", "β_B"
    page._next(3)
    page._write("yaml")
    page._look()
    blank(page)
    page._controls.fill(good)
    assert page._live.running  # as the run before was
    assert "<table" in page._table.object
    assert not any(widget.disabled for widget in (*page._acts, *page._save))
    assert not page._controls._messages[place].visible
    sampled(page)
    assert shown(page)


def test_every_state_of_the_sliders_is_drawn_or_refused_in_words_of_the_page(page):
    ends = [(name, end) for name, (_, *both, _) in RANGES.items() for end in both]
    for name, value in ends:
        for sectors in (1, 2):
            page._controls.fill(replace(PRESETS["High schools"], **{name: value}, sectors=sectors))
            refused = page._work is None
            assert refused == ("Nothing is drawn" in page._table.object)
            assert not refused or name in settings.WORDS


@pytest.mark.parametrize("error", [MemoryError("no room"), ZeroDivisionError("division by zero")])
def test_an_error_that_nobody_foresaw_leaves_no_number_either(page, monkeypatch, error):
    def broken(*_):
        raise error

    sampled(page)
    monkeypatch.setattr(pages, "draw", broken)
    page._controls.fill(PRESETS["Simpson"])
    blank(page)
    assert str(error) in page._table.object
    monkeypatch.undo()
    page._controls.fill(PRESETS["Singular"])
    assert shown(page)


def test_an_error_of_the_sampling_is_said_and_leaves_no_number(page, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("division by zero")

    sampled(page)
    monkeypatch.setattr(live, "_extend", broken)
    arrived = threading.Event()
    page._live._arrived = arrived.set
    page._live.more(1000)
    assert arrived.wait(60)
    page._look()
    blank(page)
    assert "The sampling has stopped" in page._table.object


def test_an_error_of_a_population_that_has_gone_is_not_that_of_the_next(monkeypatch):
    begun, go = threading.Event(), threading.Event()

    def broken(*_):
        begun.set()
        assert go.wait(60)
        raise ZeroDivisionError

    monkeypatch.setattr(live, "_extend", broken)
    counter = live.Live(lambda: None)
    counter.start(waiting.prepare(settings.study(PRESETS["Robinson"])))
    counter.more(10)
    assert begun.wait(60)
    counter.start(None)
    go.set()
    counter.close()
    counter._thread.join(60)
    assert counter.error is None


# What takes long


def test_the_page_says_that_it_is_working_until_all_is_compiled():
    ready = Future()
    page = pages.Page(Document(), ready)
    assert page._table.object.count("working") == 1
    page._controls.fill(PRESETS["Simpson"])
    blank(page)
    ready.set_result(None)
    page._begin()  # what the visitor's own thread does next
    assert page._settings == PRESETS["Simpson"]
    sampled(page)
    page.close()


def test_what_cannot_be_compiled_is_said():
    ready = Future()
    page = pages.Page(Document(), ready)
    ready.set_exception(RuntimeError("no folder can be written"))
    page._begin()
    blank(page)
    assert "no folder can be written" in page._table.object
    page._controls.fill(PRESETS["Simpson"])
    blank(page)
    page.close()


def test_the_caption_says_how_much_is_still_to_come(page):
    sampled(page)
    assert "working" not in page._table.object
    page._live._goal = 5000
    page._show_live()
    assert "working: 1,000 of 5,000 samples" in page._table.object


def test_one_step_at_a_time_has_the_cores_whoever_asks(monkeypatch):
    at_once, most = [], []

    def step(work, blocks, goal):
        at_once.append(1)
        most.append(len(at_once))
        threading.Event().wait(0.01)
        at_once.pop()
        raise ArithmeticError  # one step is enough

    monkeypatch.setattr(live, "_extend", step)
    work = waiting.prepare(settings.study(PRESETS["Robinson"]))
    counters = [live.Live(lambda: None) for _ in range(8)]
    for counter in counters:
        counter.start(work)
        counter.more(1)
    for counter in counters:
        while counter.running:
            threading.Event().wait(0.01)
        counter.close()
    assert most == [1] * 8


# Numbers of the table


def row(estimate, std_error, lower, upper):
    arrays = (np.tile(values[:, None], (1, 9)) for values in (estimate, std_error, lower, upper))
    drawn = Replicates(*arrays, np.zeros((len(estimate), 9), np.int8))
    made = table.table(summary.summarise(drawn, 0.0), len(estimate), "hlm", "β_W", [0] * 8 + [1])
    return made.split("<tr")[2:]


def test_shares_have_intervals_of_wilson_and_errors_of_se_are_per_cent():
    estimate = np.random.default_rng(1).normal(size=400)
    half = np.full(400, 0.5)
    one, *_, doubted = row(estimate, half, estimate - 9, estimate + 9)
    assert ">100 <small>(&gt; 99)</small>" in one  # Wilson: 400/(400 + 1.96²) = 0.9905
    error = 100 * (0.5 / estimate.std(ddof=1) - 1)
    assert f">−{abs(error):.0f} <small>±" in one
    assert 'title="reported SE 0.500, too small"' in one
    assert one.count("†") == 0
    assert doubted.count("†") == 2  # the SE and its error; no fourth moment, but a mean
    none, *_ = row(estimate, half, estimate + 9, estimate + 10)
    assert ">0 <small>(&lt; 1)</small>" in none
    assert "± 0.0<" not in "".join((one, none))
