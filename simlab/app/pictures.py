"""The two spaces of one sample, in Bokeh: students and lines, and lines as points.

Each picture is made once; what moves afterwards is the data of its sources.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from bokeh.core.properties import field, value
from bokeh.models import CustomJS, HoverTool, Range1d

from simlab import looks
from simlab.app.canvas import canvas, empty, filled, source
from simlab.app.draws import Drawn
from simlab.app.facts import Frames, Span, steady
from simlab.looks import BLUP, CLUSTERS, FOCUS, INK, PAPER, QUIET, SECTORS, STRIP, Look
from simlab.methods import look
from simlab.moments import Floats
from simlab.pictures import ellipse, radius_of

MARKERS = tuple(looks.look_of_group(i).marker.bokeh for i in range(len(SECTORS)))
"""Of the sectors, whose colours are `SECTORS`."""

VARIED = {"line_color": "color", "line_dash": "dash", "line_width": "width"}

SHOW = Path(__file__).with_name("school.js").read_text(encoding="utf-8")
HOVER = "show(cb_data.index.indices.length > 0 ? source.data.school[cb_data.index.indices[0]] : 0);"


class Spaces:
    """Data space and beta space, linked: a school under the pointer is marked in both."""

    def __init__(self) -> None:
        self._spans: list[Span | None] = [None] * 4
        self._ranges = [Range1d(0, 1) for _ in range(4)]
        x, y, intercept, slope = self._ranges
        self.data = canvas("data picture", "x", "y", x_range=x, y_range=y)
        self.beta = canvas("beta picture", "intercept", "slope", x_range=intercept, y_range=slope)
        self.data.title.text = "data space: students and lines"
        self.beta.title.text = "beta space: ● BLUE → △ BLUP, shaded: G"
        self.beta.title.offset = -40  # above the axis, where there is room in a narrow window
        self._students = source("x", "y", "school", "alpha")
        self._lines = source("x0", "y0", "x1", "y1", "school", "alpha", "color")
        self._schools = source("intercept", "slope", "b0", "b1", "school", "marker", "color")
        self._dispersion, self._truth = source("xs", "ys"), source("x", "y")
        # One source for all methods: what the browser gets in one piece, it draws at once.
        self._method_lines = source("xs", "ys", "color", "dash", "width")
        self._rings = source("xs", "ys", "color", "dash", "width")
        self._points = source("x", "y", "marker", "color")
        # The school that is pointed at; its number is the tag, 0 for none.
        self._students_on = source("x", "y")
        self._students_on.tags = [0]
        self._line_on = source("x0", "y0", "x1", "y1")
        self._point_on = source("intercept", "slope", "b0", "b1")
        self._focus = ""
        self._shown: tuple[Drawn, int] | None = None
        self._draw_data()
        self._draw_beta()
        self._link()

    def _draw_data(self) -> None:
        """Draw the artists of data space, from sources that are still empty."""
        p = self.data
        self._dots = p.scatter(
            "x", "y", source=self._students, name="students", marker="circle", size=5,
            fill_color=CLUSTERS, line_color=None, fill_alpha="alpha",
        )  # fmt: skip
        self._school_lines = p.segment(
            "x0", "y0", "x1", "y1", source=self._lines, line_color="color", line_alpha="alpha",
            line_width=1.2,
        )  # fmt: skip
        p.multi_line("xs", "ys", source=self._method_lines, **VARIED)
        p.segment("x0", "y0", "x1", "y1", source=self._line_on, line_color=FOCUS, line_width=3)
        p.scatter("x", "y", source=self._students_on, size=9, fill_color=FOCUS, line_color=PAPER)

    def _draw_beta(self) -> None:
        """Draw the artists of beta space, from sources that are still empty."""
        p = self.beta
        p.patches(
            "xs", "ys", source=self._dispersion, fill_color=STRIP, fill_alpha=0.35,
            line_color=INK, line_width=1.2,
        )  # fmt: skip
        p.scatter(
            "x", "y", source=self._truth, marker="cross", size=16, line_color=INK, line_width=2.5
        )
        self._arrows = p.segment(
            "intercept", "slope", "b0", "b1", source=self._schools, line_color=QUIET, line_width=1.2
        )
        p.scatter(
            "intercept", "slope", source=self._schools, name="schools", marker="marker", size=8,
            fill_color="color", fill_alpha=0.75, line_color=None,
        )  # fmt: skip
        self._blups = p.scatter(
            "b0", "b1", source=self._schools, marker=BLUP.marker.bokeh, size=9, fill_color=PAPER,
            line_color=BLUP.color, line_width=1.2,
        )  # fmt: skip
        self._ellipses = p.multi_line("xs", "ys", source=self._rings, **VARIED)
        p.scatter(
            "x", "y", source=self._points, marker="marker", size=12, fill_color="color",
            line_color=PAPER,
        )  # fmt: skip
        p.segment(
            "intercept", "slope", "b0", "b1", source=self._point_on, line_color=FOCUS,
            line_width=2.5,
        )  # fmt: skip
        p.scatter(
            "intercept", "slope", source=self._point_on, size=13, fill_color=FOCUS, line_color=PAPER
        )

    def _link(self) -> None:
        """Let the pointer over a school, in either space, mark it in both; all in the browser."""
        arguments = self._arguments()
        for picture, data, name in (
            (self.data, self._students, "students"),
            (self.beta, self._schools, "schools"),
        ):
            script = CustomJS(args={**arguments, "source": data}, code=SHOW + HOVER)
            renderers = [r for r in picture.renderers if r.name == name]
            picture.add_tools(
                HoverTool(
                    renderers=renderers, tooltips=[("school", "@school")], callback=script,
                    attachment="above", point_policy="snap_to_data",
                )
            )  # fmt: skip

    def point_out(self, number: Any) -> None:
        """Mark the school whose number a widget holds, as the pointer does."""
        number.jscallback(value=SHOW + "show(cb_obj.value ?? 0);", args=self._arguments())

    def _arguments(self) -> dict[str, Any]:
        """Sources that the scripts of the browser need, by their names there."""
        return {
            "students": self._students, "lines": self._lines, "schools": self._schools,
            "students_on": self._students_on, "line_on": self._line_on, "point_on": self._point_on,
            "focus": self._students_on,
        }  # fmt: skip

    def options(self, ellipses: bool, blups: bool, lines: bool, focus: str) -> None:
        """Say what is drawn besides points, and which method stands out.

        These are confidence ellipses, predictions with their arrows, and the schools' own lines.
        """
        self._ellipses.visible = ellipses
        self._blups.visible = self._arrows.visible = blups
        self._school_lines.visible = lines
        self._focus = focus
        if self._shown is not None:
            self._show_methods(*self._shown)

    def show(self, drawn: Drawn, place: int, wanted: Frames) -> None:
        """Draw a sample, with what is wanted in sight.

        The lines are those of a sector, or of a difference of sectors. Schools of other sectors are
        faint; beta space has no schools when it shows differences.
        """
        for picture in (self.data, self.beta):
            filled(picture)
        S = len(drawn.gamma)
        one = place < S
        mine = drawn.sector == place if one else np.ones(len(drawn.sector), dtype=bool)
        spans = list(wanted)
        if not one:
            spans[2:] = _difference_spans(drawn, place)
        self._frame(spans)
        faint = np.where(mine, 1.0, 0.25)
        markers = np.array(MARKERS)[drawn.sector]
        colors = np.array(SECTORS if S > 1 else [CLUSTERS])[drawn.sector]
        alpha = min(0.5, 450 / len(drawn.x)) * faint[drawn.school]  # a crowd is fainter
        students = {"x": drawn.x, "y": drawn.y, "school": drawn.school + 1, "alpha": alpha}
        # A marker must not be looked up before it is there, nor after it has gone.
        if S == 1:
            self._dots.glyph.update(marker=value(MARKERS[0]), fill_color=value(CLUSTERS))
            self._students.data = students
        else:
            seen = {"marker": markers[drawn.school], "color": colors[drawn.school]}
            self._students.data = students | {name: of.tolist() for name, of in seen.items()}
            self._dots.glyph.update(marker=field("marker"), fill_color=field("color"))
        number = np.arange(1, len(drawn.sector) + 1)
        self._lines.data = _listed(
            **_school_lines(drawn), school=number, alpha=0.5 * faint, color=colors
        )
        at = np.flatnonzero(mine) if one else np.empty(0, dtype=int)
        blue, blup = drawn.blue[at].T, drawn.blup[at].T
        self._schools.data = _listed(
            intercept=blue[0], slope=blue[1], b0=blup[0], b1=blup[1],
            school=number[at], marker=markers[at], color=colors[at],
        )  # fmt: skip
        self._show_truth(drawn, place)
        self._show_methods(drawn, place)
        self._follow(drawn)

    def clear(self) -> None:
        """Take everything off that was drawn of a population."""
        self._shown = None
        for picture in (self.data, self.beta):
            empty(picture, *{renderer.data_source for renderer in picture.renderers})

    def _follow(self, drawn: Drawn) -> None:
        """Mark the school that is pointed at where it now is."""
        j = self._students_on.tags[0]
        if not j:
            return
        own = drawn.school == j - 1
        self._students_on.data = _listed(x=drawn.x[own], y=drawn.y[own])
        for data, shown in ((self._lines, self._line_on), (self._schools, self._point_on)):
            numbers = list(data.data["school"])
            at = [numbers.index(j)] if j in numbers else []
            shown.data = {name: [data.data[name][i] for i in at] for name in shown.data}

    def _frame(self, spans: list[Span]) -> None:
        for i, (span, axis) in enumerate(zip(spans, self._ranges, strict=True)):
            self._spans[i] = shown = steady(self._spans[i], span)
            axis.update(start=shown[0], end=shown[1])

    def _show_truth(self, drawn: Drawn, place: int) -> None:
        """Show γ and the ellipse of G; of a difference of sectors, its γ alone."""
        S = len(drawn.gamma)
        if place < S:
            path = ellipse(drawn.gamma[place], drawn.G)
            self._dispersion.data = {"xs": [path[:, 0].tolist()], "ys": [path[:, 1].tolist()]}
            center = drawn.gamma[place]
        else:
            self._dispersion.data = {"xs": [], "ys": []}
            center = drawn.gamma[place - S + 1] - drawn.gamma[0]
        self._truth.data = _listed(x=center[:1], y=center[1:])

    def _show_methods(self, drawn: Drawn, place: int) -> None:
        """Show each method's line, its point and its reported ellipse."""
        self._shown = drawn, place
        S = len(drawn.gamma)
        ends = np.array([self._ranges[0].start, self._ranges[0].end])
        across = np.array([self._ranges[2].start, self._ranges[2].end])
        radius = radius_of(0.95)
        lines: list[tuple[Floats, Floats, Look, float]] = []
        rings: list[tuple[Floats, Floats, Look, float]] = []
        points: list[tuple[float, float, str, str]] = []
        for name, line in drawn.lines.items():
            seen, width = look(name), 4.0 if name == self._focus else 1.8
            for s in [place] if place < S else range(S):
                lines.append((ends, _path(drawn, s, line.center[s], ends), seen, width))
            center, covariance = line.center[place], line.covariance[place]
            if np.isfinite(covariance).all():
                ring = ellipse(center, covariance, radius, 91)
                rings.append((ring[:, 0], ring[:, 1], seen, width))
            elif np.isnan(center[0]):  # a slope without an intercept is a level
                rings.append((across, np.repeat(center[1], 2), seen, width))
            if np.isfinite(center).all():
                points.append((center[0], center[1], seen.marker.bokeh, seen.color))
        self._method_lines.data = _bundle(lines)
        self._rings.data = _bundle(rings)
        columns = zip(*points, strict=True) if points else ((), (), (), ())
        names = ("x", "y", "marker", "color")
        self._points.data = {name: [*column] for name, column in zip(names, columns, strict=True)}


def _bundle(entries: list[tuple[Floats, Floats, Look, float]]) -> dict[str, list[Any]]:
    """Lines (xs, ys, look, width), those that are finite, column by column."""
    finite = [entry for entry in entries if np.isfinite(entry[1]).all()]
    return {
        "xs": [xs.tolist() for xs, *_ in finite],
        "ys": [ys.tolist() for _, ys, *_ in finite],
        "color": [seen.color for *_, seen, _ in finite],
        "dash": [seen.dash.bokeh for *_, seen, _ in finite],
        "width": [width for *_, width in finite],
    }


def _listed(**columns: Any) -> dict[str, list[Any]]:
    """Write short columns as lists: they travel in one message, and arrays in one each."""
    return {name: np.asarray(column).tolist() for name, column in columns.items()}


def _school_lines(drawn: Drawn) -> dict[str, Floats]:
    """Ends of each school's least-squares line, over its own range of x."""
    first = np.flatnonzero(np.diff(drawn.school, prepend=-1))
    low, high = np.minimum.reduceat(drawn.x, first), np.maximum.reduceat(drawn.x, first)
    intercept, slope = drawn.blue.T
    return {"x0": low, "y0": intercept + slope * low, "x1": high, "y1": intercept + slope * high}


def _path(drawn: Drawn, sector: int, center: Floats, at: Floats) -> Floats:
    """A method's line at some x; a slope alone goes through the mean of its sector's students."""
    intercept, slope = center
    if np.isnan(intercept):
        own = drawn.sector == sector
        n = drawn.n[own]
        x_mean, y_mean = (np.average(v[own], weights=n) for v in (drawn.x_mean, drawn.y_mean))
        intercept = y_mean - slope * x_mean
    return np.asarray(intercept + slope * at)


def _difference_spans(drawn: Drawn, place: int) -> list[Span]:
    """Spans that hold the methods' differences with their ellipses, and zero."""
    radius = radius_of(0.95)
    spans = []
    for k in range(2):
        values = [0.0]
        for line in drawn.lines.values():
            half = radius * np.sqrt(line.covariance[place, k, k])
            center = line.center[place, k]
            values += [v for v in (center - half, center + half) if np.isfinite(v)]
        margin = 0.05 * (max(values) - min(values)) or 1.0
        spans.append((float(min(values) - margin), float(max(values) + margin)))
    return spans
