"""Sampling distributions as they grow, and the zip of the last hundred intervals, in Bokeh."""

from __future__ import annotations

import numpy as np
from bokeh.models import FixedTicker, Range1d, Span

from simlab.app.canvas import canvas, empty, filled, source
from simlab.app.summary import LAST, Intervals, Summary
from simlab.looks import BETWEEN, CLUSTERS, INK, MISS, REPORTED, WITHIN
from simlab.methods import METHODS, look, short
from simlab.moments import Floats, Ints

TALL = 0.66
"""Height of the highest bar, in rows."""


class Distributions:
    """A row for each method: its estimates so far, and what its standard error claims."""

    def __init__(self) -> None:
        names = list(METHODS)
        E = len(names)
        self._marked: tuple[float, float] | None = None
        self._rows = np.arange(E)[::-1].astype(float)
        self._range = Range1d(0, 1)
        self.picture = p = canvas(
            "distributions picture", "", "", x_range=self._range, y_range=(-0.4, E + 0.2)
        )
        self._bars = source("left", "right", "bottom", "top", "color")
        self._strips = source("y", "low", "high", "color")
        self._own = source("x", "y", "marker", "color")
        self._marks = {}
        for name, color, dash in (("within", WITHIN, "solid"), ("between", BETWEEN, "dashed")):
            mark = Span(dimension="height", line_color=color, line_width=2.5, line_dash=dash)
            self._marks[name] = mark
            p.add_layout(mark)
        p.quad(
            "left", "right", "top", "bottom", source=self._bars, fill_color="color",
            fill_alpha=0.55, line_color=None,
        )  # fmt: skip
        p.hbar("y", 0.09, "high", "low", source=self._strips, fill_color="color", line_color=None)
        p.scatter(
            "x", "y", source=self._own, marker="marker", size=11, fill_color="color",
            line_color=INK,
        )  # fmt: skip
        self._names = source("x", "y", "text", "color", "align", "shift")
        p.text(
            "x", "y", "text", source=self._names, text_color="color", text_font_size="16px",
            text_font_style="bold", text_align="align", x_offset="shift", text_baseline="top",
        )  # fmt: skip
        p.title.text = "± 1 SE: black true, orange reported"
        p.yaxis[0].ticker = FixedTicker(ticks=[float(row) + 0.25 for row in self._rows])
        p.yaxis[0].major_label_overrides = {
            float(row) + 0.25: short(name) for row, name in zip(self._rows, names, strict=True)
        }
        p.yaxis[0].major_label_text_font_size = "14px"
        p.yaxis[0].major_tick_line_color = p.yaxis[0].axis_line_color = None
        p.ygrid.grid_line_color = None

    def mark(self, within: float, between: float) -> None:
        """Mark β_W and β_B; NaN is not drawn."""
        if (within, between) == self._marked:
            return
        self._marked = within, between
        for name, value in (("within", within), ("between", between)):
            self._marks[name].update(
                location=value if np.isfinite(value) else 0.0, visible=bool(np.isfinite(value))
            )
        top = len(self._rows) + 0.18
        both = [("β_W", within, WITHIN), ("β_B", between, BETWEEN)]
        if np.isclose(within, between, rtol=1e-9):
            both = [("β_W = β_B", within, WITHIN)]
        both = [entry for entry in both if np.isfinite(entry[1])]
        outwards = [value == max(v for _, v, _ in both) for _, value, _ in both]
        self._names.data = {
            "x": [value for _, value, _ in both], "y": [top] * len(both),
            "text": [text for text, _, _ in both], "color": [color for _, _, color in both],
            "align": ["left" if right else "right" for right in outwards],
            "shift": [6 if right else -6 for right in outwards],
        }  # fmt: skip

    def show(self, counts: Ints, edges: Floats, summary: Summary, own: Floats) -> None:
        """Draw what has been counted: counts (E, bins) between edges (bins + 1,); and the summary.

        `own` are the estimates in the sample that the other pictures show, (E,).
        """
        filled(self.picture)
        self._range.update(start=float(edges[0]), end=float(edges[-1]))
        E, bins = counts.shape
        highest = np.maximum(counts.max(axis=1, keepdims=True), 1)
        bottom = np.repeat(self._rows, bins)
        there = counts.ravel() > 0
        looks = [look(name) for name in METHODS]
        self._bars.data = {
            "left": np.tile(edges[:-1], E)[there],
            "right": np.tile(edges[1:], E)[there],
            "bottom": bottom[there],
            "top": (bottom + TALL * (counts / highest).ravel())[there],
            "color": np.repeat([seen.color for seen in looks], bins)[there].tolist(),
        }
        se = np.concatenate([summary.true_se.value, summary.reported_se.value])
        center = np.tile(summary.mean.value, 2)
        strips = {
            "y": np.concatenate([self._rows - 0.1, self._rows - 0.22]),
            "low": center - se,
            "high": center + se,
            "color": np.repeat([INK, REPORTED], E),
        }
        finite = np.isfinite(strips["low"])
        self._strips.data = {name: column[finite] for name, column in strips.items()}
        self._own.data = {
            "x": own, "y": self._rows + 0.06, "marker": [seen.marker.bokeh for seen in looks],
            "color": [seen.color for seen in looks],
        }  # fmt: skip

    def clear(self) -> None:
        """Take everything off that was drawn of a population."""
        self.mark(np.nan, np.nan)
        empty(self.picture, self._bars, self._strips, self._own)


class Zip:
    """The last hundred intervals of one method, the least surprising at the bottom."""

    def __init__(self) -> None:
        self._range = Range1d(0, 1)
        self.picture = p = canvas("zip picture", "", "", x_range=self._range, y_range=(-1, LAST))
        self._source = source("y", "low", "high", "color", "width")
        self._target = Span(dimension="height", line_color=INK, line_width=2)
        p.segment(
            "low", "y", "high", "y", source=self._source, line_color="color", line_width="width"
        )
        p.add_layout(self._target)
        p.yaxis.visible = False
        p.xaxis[0].ticker.desired_num_ticks = 4
        p.ygrid.grid_line_color = None

    def show(self, last: Intervals, theta: float, name: str, target: str) -> None:
        """Draw intervals of a method, sorted by |estimate − θ| in units of their width.

        They should cover θ, which is called `target`; where it is NaN the picture is empty.
        """
        filled(self.picture)
        L = len(last.estimate)
        label = short(name)
        self._target.update(
            location=theta if np.isfinite(theta) else 0.0, visible=bool(np.isfinite(theta)),
            line_color=WITHIN if target == "β_W" else BETWEEN,
        )  # fmt: skip
        if not L or not np.isfinite(theta):
            self.clear()
            self.picture.title.text = f"{label}\nno intervals yet"
            return
        width = np.maximum(last.upper - last.lower, 1e-300)
        order = np.argsort(np.abs(last.estimate - theta) / width, kind="stable")
        covers = last.covers[order] > 0
        low, high = last.lower[order], last.upper[order]
        self._source.data = {
            "y": np.arange(L), "low": low, "high": high,
            "color": np.where(covers, CLUSTERS, MISS), "width": np.where(covers, 1.0, 2.0),
        }  # fmt: skip
        reach = np.quantile(np.abs(np.concatenate([low, high]) - theta), 0.97) * 1.1
        self._range.update(start=float(theta - reach), end=float(theta + reach))
        self.picture.title.text = f"{label}\n{int(covers.sum())} of {L} cover"

    def clear(self) -> None:
        """Take everything off that was drawn of a population."""
        self._target.visible = False
        empty(self.picture, self._source)
        self.picture.title.text = ""
