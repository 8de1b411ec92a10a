"""Page of the laboratory: it connects controls, draws and pictures. One `Page` for each visitor."""

from __future__ import annotations

import io
import json
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import panel as pn

from simlab import looks
from simlab.app import controls as widgets
from simlab.app import facts as known
from simlab.app import summary as measured
from simlab.app.controls import Controls, button, styled
from simlab.app.distributions import Distributions, Zip
from simlab.app.draws import Drawn, draw, prepare
from simlab.app.live import MOST, Live
from simlab.app.pictures import Spaces
from simlab.app.settings import PRESETS, Settings, problems, study
from simlab.app.styles import BADGE_CSS, BESIDE_CSS, BUTTON_CSS, TABLE_CSS, TEXT_CSS
from simlab.app.table import note, table
from simlab.app.texts import python_text, yaml_text
from simlab.app.waiting import COMPILING, call, echo, together
from simlab.design import conditions
from simlab.measures.doubts import known_doubt
from simlab.methods import METHODS
from simlab.runner import Work
from simlab.text.html import element, html_text

FOLDER = Path(__file__).parent
FIRST = "Robinson"
FIRST_DRAWN = 1000
AGAIN = 0.15
"""Seconds after the last move of a slider before sampling starts anew."""

TARGETS = {"β_W": "within", "β_B": "between"}


class _Template(pn.Template):  # type: ignore[misc]  # Panel has no types
    """Looks through the models once, and not after each part that is added: half of the time."""

    def _init_doc(self, doc: Any = None, *options: Any, **named: Any) -> Any:
        document = doc or pn.state.curdoc
        with document.models.freeze():
            return super()._init_doc(document, *options, **named)

    def __repr__(self) -> str:
        """Panel writes one after each part: that of all values of all widgets takes a second."""
        return "the page of simlab"


class Page:
    """Page of one visitor; the document is the visitor's, by default the current one.

    `ready` is the future of `compiled`: until it is done the page says that it is working.
    """

    def __init__(self, document: Any = None, ready: Future[None] | None = None) -> None:
        self._document = document or pn.state.curdoc
        self._ready, self._begun = ready, False
        self._live = Live(self._tell)
        self._called = False
        self._again: tuple[Any, int] | None = None
        self._first = FIRST_DRAWN
        self._replicate = 0
        self._key: str | None = None
        self._settings = PRESETS[FIRST]
        self._work: Work | None = None
        self._drawn: Drawn | None = None
        self._facts: known.Facts | None = None
        self._edges: Any = None
        self._spaces, self._rows, self._zip = Spaces(), Distributions(), Zip()
        self._controls = Controls(PRESETS[FIRST], self._settings_changed)
        self._badge = pn.pane.HTML("", stylesheets=[BADGE_CSS], margin=0)
        self._table = pn.pane.HTML(
            "", stylesheets=[TABLE_CSS], margin=0, sizing_mode="stretch_width"
        )
        self._shown = styled(
            pn.widgets.CheckButtonGroup, value=["ellipses", "blups", "lines"],
            options={"ellipses": "ellipses", "BLUPs": "blups", "lines": "lines"},
        )  # fmt: skip
        self._focus = widgets.focus_select()
        self._place = styled(
            pn.widgets.Select, BESIDE_CSS, name="show", options=widgets.place_options(1), value=0,
            margin=(2, 8), height=34, sizing_mode="stretch_width", visible=False,
        )  # fmt: skip
        self._target = styled(pn.widgets.RadioButtonGroup, options=list(TARGETS), value="β_W")
        self._freeze = styled(pn.widgets.Toggle, name="freeze")
        self._run = button("run ▶", button_type="primary", width=84)
        self._school = styled(
            pn.widgets.IntInput, BESIDE_CSS, name="school", start=0, end=200, width=96
        )
        self._text = pn.pane.HTML("", stylesheets=[TEXT_CSS], sizing_mode="stretch_width")
        self._script = ""
        self._file = pn.widgets.FileDownload(
            callback=lambda: io.StringIO(self._script), filename="on_the_screen.yaml",
            button_type="primary", label="save as a file", stylesheets=[BUTTON_CSS], width=160,
        )  # fmt: skip
        self._echo = echo(self._document)
        self._wire()
        self._controls.preset.value = FIRST
        if ready is None or ready.done():
            self._begin()
        else:
            self._blank(COMPILING)
            ready.add_done_callback(
                lambda _: call(self._document, self._begin, lambda: self._begun)
            )

    def _wire(self) -> None:
        """Connect the widgets with what they do."""
        for widget in (self._shown, self._focus):
            widget.param.watch(lambda _: self._show_options(), "value")
        self._place.param.watch(lambda _: self._show_all(), "value")
        self._target.param.watch(lambda _: self._show_live(fresh=True), "value")
        self._freeze.param.watch(lambda event: self._hold(event.new), "value")
        self._run.on_click(lambda _: self._toggle())
        self._new = button("new sample")
        self._new.on_click(lambda _: self._next(self._replicate + 1))
        self._one, self._many = button("draw 1"), button("draw 1000")
        self._one.on_click(lambda _: self._draw_one())
        self._many.on_click(lambda _: self._live.more(1000))
        self._clear = button("clear")
        self._clear.on_click(lambda _: self._empty())
        self._spaces.point_out(self._school)
        self._save = [button("YAML", width=46, margin=1), button("Python", width=58, margin=1)]
        for save, suffix in zip(self._save, ("yaml", "py"), strict=True):
            save.on_click(lambda _, suffix=suffix: self._write(suffix))
            save.jscallback(clicks="document.getElementById('texts').showModal()")
        pictures = [self._spaces.data, self._spaces.beta, self._rows.picture, self._zip.picture]
        script = (FOLDER / "save.js").read_text(encoding="utf-8")
        for format in ("png", "svg"):
            save = button(format.upper(), width=40, margin=1)
            save.jscallback(
                clicks=f'const format = "{format}";\nconst pictures = [a, b, c, d];\n{script}',
                args=dict(zip("abcd", pictures, strict=True)),
            )
            self._save.append(save)
        self._acts = [self._new, self._one, self._many, self._run, self._clear, self._freeze]

    def template(self) -> Any:
        """Return the page, to be served."""
        css = looks.css() + (FOLDER / "page.css").read_text(encoding="utf-8")
        source = (FOLDER / "page.html").read_text(encoding="utf-8")
        page = _Template(source.replace("{{ css }}", css))
        parts = {
            "presets": self._controls.preset,
            # HTML that is a part by itself would have every visitor load MathJax, 1.8 MB of script.
            "badge": pn.Row(self._badge, margin=0),
            "controls": pn.Column(
                self._controls.column, self._place, sizing_mode="stretch_width", margin=0
            ),
            "save": pn.Row(*self._save, margin=0),
            "sample_bar": pn.FlexBox(self._new, self._freeze, self._shown, self._school, margin=0),
            "data_space": pn.pane.Bokeh(self._spaces.data, sizing_mode="stretch_both"),
            "beta_space": pn.pane.Bokeh(self._spaces.beta, sizing_mode="stretch_both"),
            "live_bar": pn.FlexBox(
                self._one, self._many, self._run, self._clear, self._target, self._focus, margin=0
            ),
            "distributions": pn.pane.Bokeh(self._rows.picture, sizing_mode="stretch_both"),
            "table": pn.Column(self._table, sizing_mode="stretch_width", margin=0),
            "zip": pn.pane.Bokeh(self._zip.picture, sizing_mode="stretch_both"),
            "echo": pn.pane.Bokeh(self._echo),
            "texts": pn.Column(self._file, self._text, sizing_mode="stretch_width"),
        }
        for name, part in parts.items():
            page.add_panel(name, part)
        return page

    def close(self) -> None:
        """End what runs in the background, when the visitor has left."""
        self._live.close()

    # What the visitor does

    def _begin(self) -> None:
        """Show what the controls say by now, once everything is compiled."""
        if self._begun:
            return
        self._begun = True
        failed = self._ready.exception() if self._ready is not None else None
        if failed is not None:
            self._blank(f"simlab cannot compute on this machine: {failed}")
        else:
            self._ready = None
            self._settings_changed(self._controls.settings)

    def _settings_changed(self, settings: Settings) -> None:
        """Prepare, draw and show the new setting; or say what is wrong with it."""
        if self._ready is not None:
            return
        again = self._drawn_so_far()
        self._cancel()
        try:
            work = prepare(study(settings), self._key)
            facts, drawn = known.facts(work), draw(work, self._replicate)
        except Exception as error:  # whatever it is, nothing of the population before may stay
            messages = problems(error)
            self._first = again  # as much is drawn of the next that can be
            self._controls.say(messages)
            self._blank("Nothing is drawn. " + " ".join(messages.values()))
            return
        self._controls.say({})
        self._live.start(work)  # before anything is shown: old samples say nothing of new settings
        self._work, self._facts, self._drawn, self._settings = work, facts, drawn, settings
        self._enable(True)
        options = widgets.place_options(settings.sectors)
        if self._place.options != options:
            with together(self._document):
                self._place.param.update(options=options, value=0, visible=settings.sectors > 1)
        self._show_drawn()
        self._show_badge()
        self._show_live(fresh=True)
        self._start_anew(again)

    def _blank(self, why: str) -> None:
        """Stop, and leave nothing on the screen but the controls and a reason."""
        self._live.start(None)
        self._work = self._facts = self._drawn = None
        with together(self._document):
            for picture in (self._spaces, self._rows, self._zip):
                picture.clear()
            self._badge.object = ""
            self._table.object = note(why)
            self._enable(False)
        self._label()

    def _enable(self, on: bool) -> None:
        for widget in (*self._acts, *self._save):
            if widget.disabled == on:
                widget.disabled = not on

    def _hold(self, on: bool) -> None:
        self._key = self._work.jobs[0].condition.key if on and self._work else None
        if not on:
            self._settings_changed(self._controls.settings)

    def _next(self, replicate: int) -> None:
        self._replicate = replicate
        self._show_sample()
        self._show_live()

    def _empty(self) -> None:
        self._cancel()
        self._restart(0)

    def _draw_one(self) -> None:
        count = self._live.count
        self._live.more(1)
        self._next(count)

    def _toggle(self) -> None:
        """Start or pause the sampling."""
        if self._live.running:
            self._live.pause()
        else:
            self._live.more(MOST)
        self._label()

    def _write(self, suffix: str) -> None:
        """Show what is on the screen as text, in the dialogue that the browser has opened."""
        if self._work is None:
            return
        replicates = max(self._live.count, self._replicate + 1)
        shown = study(self._settings, replicates)
        (own,) = conditions(shown)
        key = None if self._key == own.key else self._key
        write = yaml_text if suffix == "yaml" else python_text
        self._script = write(shown, self._replicate, key)
        self._text.object = element("pre", html_text(self._script))
        self._file.filename = f"on_the_screen.{suffix}"

    # What follows

    def _drawn_so_far(self) -> int:
        """Number of replicates that the setting on the screen has, or was to get."""
        if self._again is not None:
            return self._again[1]
        first, self._first = self._first, 0
        return MOST if self._live.running else max(min(self._live.count, 1000), first)

    def _start_anew(self, again: int) -> None:
        """Sample the new setting as much as the old one was, once the slider rests."""
        if self._document.session_context is None:
            self._restart(again)
            return
        later = self._document.add_timeout_callback(lambda: self._restart(again), int(1000 * AGAIN))
        self._again = (later, again)

    def _cancel(self) -> None:
        if self._again is not None:
            self._document.remove_timeout_callback(self._again[0])
            self._again = None

    def _restart(self, replicates: int) -> None:
        """Sample the setting anew, up to so many replicates."""
        self._again = None
        if self._work is not None:
            self._live.start(self._work)
            self._show_live(fresh=True)
            if replicates:
                self._live.more(replicates)
        self._label()

    def _tell(self) -> None:
        """Called in the background: ask the visitor's own thread to look, once at a time."""
        if not self._called and self._document.session_context is not None:
            self._called = True
            self._document.add_next_tick_callback(self._look)

    def _look(self) -> None:
        """Show what has been sampled; called in the visitor's own thread."""
        self._called = False
        error = self._live.error
        if error is not None:
            self._blank("The sampling has stopped. " + " ".join(problems(error).values()))
            return
        self._show_live()
        self._label()

    def _label(self) -> None:
        self._run.name = "pause ▮▮" if self._live.running else "run ▶"

    def _show_options(self) -> None:
        """Show or hide parts of the pictures."""
        shown = self._shown.value
        self._spaces.options(
            "ellipses" in shown, "blups" in shown, "lines" in shown, self._focus.value
        )
        self._show_live()

    def _show_all(self) -> None:
        self._show_sample()
        self._show_live(fresh=True)

    def _show_badge(self) -> None:
        """Name the paradoxes that the population has."""
        assert self._work is not None
        assert self._facts is not None
        on = known.paradoxes(self._facts, self._work.jobs[0].plan.sectors)
        badges = [
            element(
                "span", f"{element('b', html_text(name))} {html_text(text)}",
                {"class": "badge", "title": f"{name}’s paradox"},
            )
            for name, text in on
        ]  # fmt: skip
        none = element("span", "no paradox here", {"class": "none"})
        self._badge.object = "".join(badges) or none

    def _doubts(self) -> list[int]:
        """Codes of whether the slope of each method has a variance."""
        assert self._work is not None
        setting = json.loads(self._work.study.to_json())
        return [known_doubt(setting, method.name, "slope") for method in self._work.methods]

    def _show_sample(self) -> None:
        if self._work is not None:
            self._drawn = draw(self._work, self._replicate)
            self._show_drawn()

    def _show_drawn(self) -> None:
        """Show the one sample, and the targets."""
        assert self._drawn is not None
        assert self._facts is not None
        with together(self._document):
            self._spaces.show(self._drawn, self._place.value, known.frames(self._settings))
            at = self._place.value
            self._rows.mark(float(self._facts.within[at]), float(self._facts.between[at]))

    def _show_live(self, fresh: bool = False) -> None:
        """Show the sampling distributions, the intervals and the table."""
        if self._work is None or self._facts is None or self._drawn is None:
            return
        work, at, target = self._work, self._place.value, self._target.value
        sectors = work.jobs[0].plan.sectors
        kind = TARGETS[target]
        terms = measured.terms(work.methods, work.terms, sectors, at, kind)  # type: ignore[arg-type]
        drawn = self._live.replicates(terms)
        theta = float(getattr(self._facts, kind)[at])
        summary = measured.summarise(drawn, theta)
        targets = np.array([self._facts.within[at], self._facts.between[at]])
        own = np.array([line.center[at, 1] for line in self._drawn.lines.values()])
        if fresh or self._edges is None or len(drawn.estimate) <= 1000:
            self._edges = measured.edges(drawn.estimate, np.append(targets, own))
        counts = measured.counts(drawn.estimate, self._edges)
        focus = self._focus.value
        last = measured.intervals(drawn, list(METHODS).index(focus), theta)
        with together(self._document):
            self._rows.show(counts, self._edges, summary, own)
            self._zip.show(last, theta, focus, target)
            self._table.object = table(
                summary, len(drawn.estimate), focus, target, self._doubts(), self._live.goal
            )
