"""Waiting visitors: kernels are compiled once, and the page knows when it has been heard."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import panel as pn
from bokeh.events import DocumentReady
from bokeh.models import CustomJS, Spinner

from simlab.app import facts
from simlab.app.draws import draw, prepare
from simlab.app.settings import PRESETS, study
from simlab.runner import run_block

COMPILING = (
    "working: simlab compiles its kernels, once on this machine; that takes up to a minute. "
    "The page goes on by itself."
)

ANSWER = 80
"""Milliseconds before a number goes back to the page: Panel gathers what a widget says for 50."""

PAUSE, CALLS = 0.5, 600
"""Seconds between calls to a page that is to begin, and how many there are at most."""


def compiled() -> None:
    """Do once what every page does, so that all kernels are compiled afterwards."""
    for settings in PRESETS.values():
        work = prepare(study(settings))
        facts.facts(work)
        draw(work, 0)
    run_block(work, 0, 0)


def echo(document: Any) -> Spinner:
    """Return an invisible widget that sends back what the page sends, after all that came before.

    With it the page shows "working" while it is not heard, whatever keeps the server busy; see
    `waiting.js`.
    """
    widget = Spinner(name="answered", visible=False, value=0)

    def answer(number: Any) -> None:
        """Send the number back."""
        widget.tags = [number]

    def delayed(_: str, __: Any, number: Any) -> None:
        """Answer after a moment, behind everything that came before."""
        document.add_timeout_callback(lambda: answer(number), ANSWER)

    widget.on_change("value", delayed)
    script = Path(__file__).with_name("waiting.js").read_text(encoding="utf-8")
    document.js_on_event(DocumentReady, CustomJS(args={"echo": widget}, code=script))
    return widget


def call(document: Any, begin: Callable[[], None], begun: Callable[[], bool]) -> None:
    """Ask a page to begin until it is heard: a call is lost while the page is on its way."""

    def ask() -> None:
        """Ask a few hundred times at most."""
        for _ in range(CALLS):
            if begun():
                return
            document.add_next_tick_callback(begin)
            time.sleep(PAUSE)

    threading.Thread(target=ask, daemon=True, name="simlab-call").start()


@contextmanager
def together(document: Any) -> Iterator[None]:
    """Send what changes at once.

    Until the browser says that it has the page Panel's `hold` drops what changes, though the
    browser may have asked for the page before.
    """
    if pn.state.loaded:
        with pn.io.hold(document):
            yield
    elif document.callbacks.hold_value:
        yield
    else:
        document.hold()
        try:
            yield
        finally:
            document.unhold()
