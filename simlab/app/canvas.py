"""An empty picture of the page, in Bokeh: what all four have in common."""

from __future__ import annotations

from typing import Any

from bokeh.models import Axis, ColumnDataSource
from bokeh.plotting import figure

from simlab.looks import GRID, INK, PAPER, QUIET

TEXT = "15px"


def canvas(name: str, x_label: str, y_label: str, **options: Any) -> figure:
    """Return an empty picture in the style of the page, which scripts find by its name.

    Options are those of `bokeh.plotting.figure`.
    """
    picture = figure(
        name=name, sizing_mode="stretch_both", tools=options.pop("tools", "save"),
        toolbar_location=None, x_axis_label=x_label, y_axis_label=y_label, outline_line_color=None,
        background_fill_color=PAPER, border_fill_color=PAPER, min_border=4, **options,
    )  # fmt: skip
    for axis in (*picture.xaxis, *picture.yaxis):
        axis.axis_label_text_font_size = TEXT
        axis.axis_label_text_font_style = "normal"
        axis.major_label_text_font_size = "13px"
        axis.axis_label_text_color = axis.major_label_text_color = INK
        axis.minor_tick_line_color = None
        axis.axis_line_color = axis.major_tick_line_color = QUIET
    picture.grid.grid_line_color = GRID
    picture.title.text_font_size = "14px"
    picture.title.text_font_style = "normal"
    picture.title.text_color = INK
    return picture


def source(*columns: str) -> ColumnDataSource:
    """Return a source with empty columns."""
    return ColumnDataSource({name: [] for name in columns})


def empty(picture: figure, *sources: ColumnDataSource) -> None:
    """Take everything off a picture: the numbers at its axes too, which `filled` brings back."""
    for axis in _numbered(picture):
        axis.visible = False
    for source in sources:
        source.data = {name: [] for name in source.data}


def filled(picture: figure) -> None:
    """Show the axes of a picture again."""
    for axis in _numbered(picture):
        axis.visible = True


def _numbered(picture: figure) -> list[Axis]:
    """Axes that change with the population: not the names of methods, nor one never shown."""
    return [*picture.xaxis, *(axis for axis in picture.yaxis if axis.axis_label)]
