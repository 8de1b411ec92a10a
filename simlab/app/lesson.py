"""One page that opens from disk: the closed-form part of the laboratory, without a server.

Stored standard normals and the sliders give a sample of schools of one size. The lines that need no
iteration (pooled, fixed effects, two-stage, ecological) and, with the true variances, generalised
least squares and BLUPs are computed in the browser by `lesson.js`. All that the page needs, Bokeh
included, is in the file.
"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from simlab.app.server import require
from simlab.app.settings import PRESETS, RANGES, Settings
from simlab.errors import AppError
from simlab.looks import ACCENT, BLUE, BLUP, CLUSTERS, INK, PAPER, QUIET, STRIP, css
from simlab.methods import look, short
from simlab.moments import Floats

FOLDER = Path(__file__).parent
SCHOOLS, STUDENTS, SEED = 12, 15, 20261123
SLIDERS = (
    "beta_within", "beta_between", "gamma0", "sd_intercepts", "sd_slopes", "correlation", "sigma",
    "x_between", "x_within",
)  # fmt: skip
LEAST = MappingProxyType({"sigma": 0.1, "x_within": 0.1, "x_between": 0.1})
"""Values below which there is no line to be drawn."""

LINES = MappingProxyType(
    {
        **{m: short(m) for m in ("pooled", "fixed_effects_common", "two_stage", "ecological")},
        "gls": f"{short('hlm')}, known variances",
    }
)
"""The page's lines: all but that of GLS are methods, by their names."""

LOOKS = MappingProxyType({name: look("hlm" if name == "gls" else name) for name in LINES})

TABLE_CSS = """
:host { font-size: 16px; color: var(--ink); line-height: 1.35; }
h1 { font-size: 22px; margin: 8px 0 0; } p { margin: 6px 0; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 400; } thead th { font-weight: 700; }
td, thead th + th { text-align: right; font-variant-numeric: tabular-nums; }
td, th { padding: 3px 6px; border-bottom: 1px solid var(--line); white-space: nowrap; }
.paradox { color: var(--miss); font-weight: 700; min-height: 46px; }
"""
WIDGET_CSS = """
.bk-slider-title { font-size: 15px; color: var(--ink); }
.bk-btn { font-size: 14px; color: var(--ink); padding: 4px 6px; }
.noUi-handle:focus-visible, .bk-btn:focus-visible { outline: 3px solid var(--accent); }
"""


HEADING = """
<h1>One sample, five lines</h1>
<p>12 schools of 15 students. The draws stay the same while a slider moves: what changes is what
the slider does, and not chance.</p>
"""


class Normals(NamedTuple):
    """Independent standard normals: of schools, (J,) each, and of students, (J n,) each."""

    m: Floats
    u0: Floats
    u1: Floats
    d: Floats
    e: Floats
    n: int


def normals() -> Normals:
    """Return the normals that the page stores."""
    rng = np.random.Generator(np.random.PCG64DXSM(SEED))
    m, u0, u1 = rng.standard_normal((3, SCHOOLS))
    d, e = rng.standard_normal((2, SCHOOLS * STUDENTS))
    return Normals(m, u0, u1, d, e, STUDENTS)


def write(path: str | Path) -> Path:
    """Write the page to a file; an AppError if Bokeh is not there, or it cannot be."""
    require("bokeh")
    from bokeh.embed import components
    from bokeh.resources import Resources

    # Not by Bokeh's own templates, which are other ones once Panel has been imported.
    raw = Resources(mode="inline", components=["bokeh", "bokeh-widgets"]).js_raw
    scripts = "\n".join(f"<script>{code}</script>" for code in raw)
    content, places = components(_document().roots)
    page = (FOLDER / "lesson.html").read_text(encoding="utf-8")
    parts = {"css": css(), "places": "\n".join(places), "content": content, "scripts": scripts}
    for name, part in parts.items():
        page = page.replace(f"{{{{ {name} }}}}", part)
    path = Path(path)
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise AppError(f"{path}: cannot be written ({error.strerror})") from None
    return path


def _document() -> Any:
    """Document of the page: pictures, sliders, table, and the script that moves them."""
    from bokeh.document import Document
    from bokeh.layouts import column, row
    from bokeh.models import ColumnDataSource, CustomJS, Div, InlineStyleSheet, Range1d

    from simlab.app.canvas import canvas  # bokeh

    start = PRESETS["Robinson"]
    sheet = InlineStyleSheet(css=WIDGET_CSS)
    sliders = {name: _slider(name, start, sheet) for name in SLIDERS}
    x_range, y_range, intercepts = Range1d(-7, 7), Range1d(), Range1d()
    tools = {"tools": "save,pan,wheel_zoom,reset"}
    data = canvas("data picture", "x", "y", x_range=x_range, y_range=y_range, **tools)
    beta = canvas(
        "beta picture", "intercept", "slope", x_range=intercepts, y_range=(-8, 10), **tools
    )
    data.title.text = "data space: students and lines"
    beta.title.text = "beta space: ● BLUE → △ BLUP, shaded: G"
    for picture in (data, beta):
        picture.toolbar_location = "right"
        picture.toolbar.logo = None
        picture.sizing_mode = "stretch_both"
    sources = _draw(data, beta)
    table = Div(text="", name="table", stylesheets=[InlineStyleSheet(css=TABLE_CSS)], width=350)
    answer = ColumnDataSource({"name": [], "intercept": [], "slope": []}, name="answer")
    stored = normals()
    z = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in stored._asdict().items()}
    script = CustomJS(
        args={
            **sources, "sliders": sliders, "z": z, "frame": x_range, "table": table,
            "heights": {"y": y_range, "intercept": intercepts},
            "answer": answer,
            "colors": {name: seen.color for name, seen in LOOKS.items()},
            "signs": {name: seen.marker.sign for name, seen in LOOKS.items()},
            "labels": dict(LINES),
        },
        code=(FOLDER / "lesson.js").read_text(encoding="utf-8"),
    )  # fmt: skip
    for slider in sliders.values():
        slider.js_on_change("value", script)
    sheets = [InlineStyleSheet(css=TABLE_CSS)]
    left = column(_presets(sliders, sheet), *sliders.values(), width=270)
    middle = column(data, beta, sizing_mode="stretch_both", min_width=300)
    right = column(Div(text=HEADING, stylesheets=sheets), table, width=350)
    document = Document()
    whole = {"height": "calc(100vh - 12px)"}  # margins are not part of it
    document.add_root(row(left, middle, right, sizing_mode="stretch_both", styles=whole))
    # A source that nothing draws must be a root, or the page would not keep it.
    document.add_root(answer)
    document.js_on_event("document_ready", script)
    return document


def _slider(name: str, start: Settings, sheet: Any) -> Any:
    """Slider of a setting."""
    from bokeh.models import Slider

    label, low, high, step = RANGES[name]
    return Slider(
        title=label, start=max(low, LEAST.get(name, low)), end=high, step=step, name=name,
        value=getattr(start, name), stylesheets=[sheet], sizing_mode="stretch_width", height=38,
        bar_color=ACCENT,
    )  # fmt: skip


def _presets(sliders: dict[str, Any], sheet: Any) -> Any:
    """Buttons that set all sliders at once."""
    from bokeh.layouts import row
    from bokeh.models import Button, CustomJS

    buttons = []
    for preset in ("Robinson", "Simpson", "Slides example"):
        values = {n: max(getattr(PRESETS[preset], n), LEAST.get(n, -np.inf)) for n in SLIDERS}
        button = Button(label=preset, stylesheets=[sheet], height=32, margin=(4, 2))
        code = (
            "for (const [name, value] of Object.entries(values)) { sliders[name].value = value; }"
        )
        button.js_on_click(CustomJS(args={"sliders": sliders, "values": values}, code=code))
        buttons.append(button)
    return row(*buttons)


def _draw(data: Any, beta: Any) -> dict[str, Any]:
    """Draw empty sources, to be filled by the script; return them by its names."""
    from bokeh.models import ColumnDataSource

    students = ColumnDataSource({"x": [], "y": [], "school": []})
    schools = ColumnDataSource({"intercept": [], "slope": [], "b0": [], "b1": [], "school": []})
    school_lines = ColumnDataSource({"xs": [], "ys": [], "school": []})
    dispersion = ColumnDataSource({"x": [], "y": []})
    data.scatter(
        "x", "y", source=students, size=6, fill_color=CLUSTERS, fill_alpha=0.5, line_color=None
    )
    data.multi_line("xs", "ys", source=school_lines, line_color=CLUSTERS, line_width=1.3)
    beta.patch("x", "y", source=dispersion, fill_color=STRIP, fill_alpha=0.35, line_color=INK)
    beta.segment("intercept", "slope", "b0", "b1", source=schools, line_color=QUIET)
    beta.scatter(
        "intercept", "slope", source=schools, size=9, fill_color=BLUE.color, line_color=None
    )
    beta.scatter(
        "b0", "b1", source=schools, marker=BLUP.marker.bokeh, size=11, fill_color=PAPER,
        line_color=BLUP.color,
    )  # fmt: skip
    shown, points = {}, {}
    for name, (color, marker, dash) in LOOKS.items():
        shown[name] = ColumnDataSource({"x": [], "y": []})
        points[name] = ColumnDataSource({"x": [], "y": []})
        data.line(
            "x", "y", source=shown[name], line_color=color, line_dash=dash.bokeh, line_width=3
        )
        beta.scatter(
            "x", "y", source=points[name], marker=marker.bokeh, size=15, fill_color=color,
            line_color=PAPER,
        )  # fmt: skip
    return {
        "students": students, "schools": schools, "school_lines": school_lines,
        "dispersion": dispersion, "shown": shown, "points": points,
    }  # fmt: skip
