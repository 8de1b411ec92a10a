"""The controls of the page: presets, sliders with a place for what is wrong, buttons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import panel as pn

from simlab import looks
from simlab.app.settings import PRESETS, RANGES, SECTORS, SEEDS, Settings, allowed
from simlab.app.styles import BESIDE_CSS, BUTTON_CSS, SLIDER_CSS
from simlab.methods import METHODS, short
from simlab.text.html import element, html_text
from simlab.words import NEW, SAME

GATHER = 5
"""Milliseconds over which moves of a slider are gathered."""

DIFFERENCES = ("intercept_difference", "slope_difference")


def styled(kind: Any, *sheets: str, **options: Any) -> Any:
    """Return a widget in the style of the page."""
    return kind(stylesheets=[BUTTON_CSS, *sheets], **{"margin": 2, "height": 32, **options})


def button(name: str, **options: Any) -> Any:
    """Return a button in the style of the page."""
    return styled(pn.widgets.Button, name=name, **options)


class Controls:
    """Widgets for every setting, kept equal to one `Settings`.

    `changed` is given the new settings, each within what its control offers, drawable or not.
    """

    def __init__(self, settings: Settings, changed: Callable[[Settings], None]) -> None:
        self._changed = changed
        self._filling = False
        self.settings = settings
        self._widgets: dict[str, Any] = {
            name: _slider(name, getattr(settings, name)) for name in RANGES
        }
        self._widgets["sectors"] = _choice({"one sector": 1, "two sectors": 2}, "Sectors")
        self._widgets["scheme"] = _choice(
            {"new schools": NEW, "same schools": SAME}, "Each sample has"
        )
        self._widgets["seed"] = styled(
            pn.widgets.IntInput, BESIDE_CSS, name="seed", value=settings.seed, start=SEEDS[0],
            end=SEEDS[1], height=34, margin=(2, 8), sizing_mode="stretch_width",
        )  # fmt: skip
        self._messages = {name: _message() for name in self._widgets}
        self.preset = styled(
            pn.widgets.RadioButtonGroup, options=list(PRESETS), value=None, margin=0
        )
        for name, widget in self._widgets.items():
            widget.param.watch(lambda event, name=name: self._moved(name, event.new), "value")
        self.preset.param.watch(lambda event: self._preset(event.new), "value")
        self.column = pn.Column(
            *(part for name in (*RANGES, "sectors", "scheme", "seed")
              for part in (self._widgets[name], self._messages[name])),
            sizing_mode="stretch_width",
        )  # fmt: skip
        self._order()

    def say(self, problems: dict[str, str]) -> None:
        """Show messages, each next to its setting."""
        for name, pane in self._messages.items():
            text = problems.get("" if name == "scheme" and "" in problems else name, "")
            message = element("div", f"⚠ {html_text(text)}", {"role": "alert"}) if text else ""
            if message != pane.object:
                pane.param.update(object=message, visible=bool(text))

    def fill(self, settings: Settings) -> None:
        """Set every widget, and tell of it once."""
        self._filling = True
        for name, value in asdict(settings).items():
            self._widgets[name].value = value
        self._filling = False
        self.settings = settings
        self._order()
        self._changed(settings)

    def _moved(self, name: str, value: Any) -> None:
        """Take the new value of a widget into the settings, within what is allowed."""
        if self._filling:
            return
        within = allowed(name, value, getattr(self.settings, name))
        if within != value:  # the browser sent what its control does not offer
            self._filling = True
            self._widgets[name].value = within
            self._filling = False
        self.settings = Settings(**{**asdict(self.settings), name: within})
        if name == "sectors":
            self._order()
        if self.preset.value is not None and PRESETS[self.preset.value] != self.settings:
            self.preset.value = None
        self._changed(self.settings)

    def _preset(self, name: str | None) -> None:
        if name is not None and PRESETS[name] != self.settings:
            self.fill(PRESETS[name])

    def _order(self) -> None:
        for name in DIFFERENCES:
            self._widgets[name].visible = self.settings.sectors == 2


def _slider(name: str, value: float) -> Any:
    """Slider of a setting."""
    label, start, end, step = RANGES[name]
    kind = pn.widgets.IntSlider if isinstance(value, int) else pn.widgets.FloatSlider
    slider = kind(
        name=label, start=start, end=end, step=step, value=value, sizing_mode="stretch_width",
        stylesheets=[SLIDER_CSS], margin=(0, 12, 0, 8), height=36, bar_color=looks.ACCENT,
    )  # fmt: skip
    # Panel gathers the moves of 50 ms; a hand on a slider sees that. A public setting there is not.
    slider._debounce = GATHER
    return slider


def _choice(options: dict[str, Any], label: str) -> Any:
    """Group of radio buttons."""
    return styled(
        pn.widgets.RadioButtonGroup, name=label, options=options, margin=(1, 8), height=31,
        sizing_mode="stretch_width",
    )  # fmt: skip


def _message() -> Any:
    css = "div { color: var(--miss); font-size: 14px; font-weight: 600; line-height: 1.25; }"
    return pn.pane.HTML("", visible=False, stylesheets=[css], margin=(0, 8))


def focus_select() -> Any:
    """Return the choice of the method that stands out."""
    options = {short(name): name for name in METHODS}
    return styled(
        pn.widgets.Select, name="", options=options, value="pooled", width=160, description=None
    )


def place_options(sectors: int) -> dict[str, int]:
    """Return what may be shown: the sectors, and their difference."""
    if sectors == 1:
        return {"all schools": 0}
    return {SECTORS[0]: 0, SECTORS[1]: 1, f"{SECTORS[1]} − {SECTORS[0]}": 2}
