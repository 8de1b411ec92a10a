"""Pictures of many Axes: a panel for each cluster, and a quantile plot for each variable."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from simlab import looks
from simlab.data.frames import Data, as_pandas
from simlab.errors import ArgumentError
from simlab.looks import BLUE, SECTORS, Look, look_of_group
from simlab.pictures import Panels
from simlab.plots import style

SMALL = style.TEXT - 3.5  # points, for what stands in every panel
MARGIN = 0.06
NAME = 0.2  # of the height of the data: room above it for the name of a cluster
WORDS = style.TEXT - 2
NAMED = 6  # levels of a categorical variable that have room for their names


class Panel(NamedTuple):
    """Artists of one cluster in `trellis`, by the level of the factor within ("" for none)."""

    ax: Axes
    points: dict[str, PathCollection]
    lines: dict[str, Line2D]


def trellis(
    panels: Panels, figure: Figure | SubFigure | None = None, columns: int = 8
) -> dict[Hashable, Panel]:
    """Draw every cluster in a panel of its own, all with the same axes.

    Groups follow each other, each beginning a row; within a group the mean of x rises from panel
    to panel. A cluster in which x does not vary has no line.

    Parameters
    ----------
    panels : Panels
        From `simlab.pictures.panels`.
    figure : Figure or SubFigure, optional
        An empty one; 10 by 8 inches, with a constrained layout, serve 40 clusters. By default a
        new one of pyplot's.
    columns : int
        Panels in a row.

    Returns
    -------
    dict of cluster to Panel

    Raises
    ------
    ArgumentError
        If `columns` is below 1.
    """
    if columns < 1:
        raise ArgumentError(f"columns is {columns}; give 1 or more panels in a row")
    figure = style.figure_of(figure)
    columns = min(columns, max(len(names) for names in panels.order.values()))
    heights = {group: -(-len(names) // columns) for group, names in panels.order.items()}
    axes = figure.subplots(sum(heights.values()), columns, sharex=True, sharey=True, squeeze=False)
    for ax in axes.flat:
        ax.set_visible(False)
    levels = [str(level) for level in panels.rows["by"].cat.categories]
    seen = {level: look_of_group(i + len(SECTORS)) for i, level in enumerate(levels)}
    if len(levels) == 1:
        seen = {levels[0]: BLUE}
    drawn = {}
    top = 0
    for group, names in panels.order.items():
        cells = axes[top : top + heights[group]].flat
        for ax, name in zip(cells, names, strict=False):
            drawn[name] = _panel(ax, panels, name, seen)
        if group:
            axes[top, 0].set_title(
                style.plain(group), loc="left", fontsize=style.TEXT, fontweight="bold"
            )
        top += heights[group]
    _frame(figure, axes, panels)
    if len(levels) > 1:
        _legend(figure, seen)
    return drawn


def _panel(ax: Axes, panels: Panels, name: Hashable, seen: dict[str, Look]) -> Panel:
    """Draw one cluster: its rows, and its lines by level."""
    ax.set_visible(True)
    rows = panels.rows[(panels.rows["cluster"] == name).to_numpy()]
    lines = panels.lines[(panels.lines["cluster"] == name).to_numpy()]
    points, drawn = {}, {}
    for level, (color, marker, _) in seen.items():
        here = rows[(rows["by"].astype(str) == level).to_numpy()]
        if here.empty:
            continue
        points[level] = ax.scatter(
            here["x"], here["y"], s=7, color=color, marker=marker.plot, alpha=0.45, lw=0,
            zorder=1,
        )  # fmt: skip
    numbers = lines[["low", "high", "intercept", "slope"]].to_numpy(dtype=float)
    for level, (low, high, intercept, slope) in zip(lines["by"].astype(str), numbers, strict=True):
        if np.isnan(slope):
            continue
        ends = np.array([low, high])
        (drawn[level],) = ax.plot(
            ends, intercept + slope * ends, color=seen[level].color, lw=2, zorder=2,
            path_effects=style.halo(3.5), solid_capstyle="butt",
        )  # fmt: skip
    ax.annotate(
        style.plain(name), (0.04, 0.96), xycoords="axes fraction", ha="left", va="top",
        fontsize=SMALL, color=looks.INK, path_effects=style.halo(2.5), zorder=3,
    )  # fmt: skip
    return Panel(ax, points, drawn)


def _frame(figure: Figure | SubFigure, axes: np.ndarray, panels: Panels) -> None:
    """Set common limits, and labels at the edge only."""
    first = axes[0, 0]
    first.set_xlim(*style.around(panels.rows["x"].to_numpy(), MARGIN))
    low, high = style.around(panels.rows["y"].to_numpy(), MARGIN)
    first.set_ylim(low, high + NAME * (high - low))
    for (row, column), ax in np.ndenumerate(axes):
        last = not any(below.get_visible() for below in axes[row + 1 :, column])
        ax.tick_params(
            labelsize=SMALL, color=looks.QUIET, labelleft=column == 0, labelbottom=last,
        )  # fmt: skip
        ax.spines[:].set_color(looks.QUIET)
        ax.spines[:].set_linewidth(0.6)
    figure.supxlabel(style.plain(panels.x), fontsize=style.TEXT)
    figure.supylabel(style.plain(panels.y), fontsize=style.TEXT)


def _legend(figure: Figure | SubFigure, seen: dict[str, Look]) -> None:
    """Explain the colours of the levels, above the panels."""
    handles = [
        Line2D([], [], color=color, marker=marker.plot, lw=2, ms=5, label=style.plain(level))
        for level, (color, marker, _) in seen.items()
    ]
    figure.legend(
        handles=handles, loc="outside upper right", ncols=len(handles), frameon=False,
        fontsize=style.SMALL,
    )  # fmt: skip


class Quantiles(NamedTuple):
    """Artists of one variable: a dot for each value, or a step for each level."""

    ax: Axes
    values: Line2D | LineCollection


def quantiles(
    data: Data, figure: Figure | SubFigure | None = None, columns: int = 5
) -> dict[str, Quantiles]:
    """Draw a uniform quantile plot of every variable.

    The i-th smallest of n values stands at (i − ½)/n: half of the values lie left of 0.5. A line
    marks the mean. A variable without numbers has a step for each level, as long as its share.

    Parameters
    ----------
    data : data frame or dict
        The data. Missing values are left out, and their number is written.
    figure : Figure or SubFigure, optional
        An empty one; 10 by 5 inches, with a constrained layout, serve ten variables. By default
        a new one of pyplot's.
    columns : int
        Plots in a row.

    Returns
    -------
    dict of str to Quantiles

    Raises
    ------
    ArgumentError
        If there is no variable, or `columns` is below 1.
    """
    data = as_pandas(data)
    if columns < 1 or data.columns.empty:
        raise ArgumentError("give a data frame with columns, and 1 column of plots or more")
    figure = style.figure_of(figure)
    axes = figure.subplots(
        -(-len(data.columns) // columns), min(columns, len(data.columns)), squeeze=False
    )
    drawn = {
        str(name): Quantiles(ax, _variable(ax, data[name]))
        for ax, name in zip(axes.flat, data.columns, strict=False)
    }
    for ax in axes.flat[len(drawn) :]:
        ax.set_visible(False)
    figure.supxlabel("fraction of the rows", fontsize=style.TEXT)
    return drawn


def _variable(ax: Axes, values: pd.Series) -> Line2D | LineCollection:
    """Draw one variable, with the number of its missing values."""
    there = values.dropna()
    numbers = pd.api.types.is_numeric_dtype(there) and not pd.api.types.is_bool_dtype(there)
    drawn = _numbers(ax, there) if numbers else _steps(ax, there)
    style.frame(ax, "", "", WORDS)
    if not numbers:
        ax.set_yticks([])
    ax.set_title(style.plain(values.name), loc="left", fontsize=style.TEXT)
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 0.5, 1], ["0", "½", "1"])
    if missing := len(values) - len(there):
        ax.annotate(
            f"{missing} missing", (1, 1.02), xycoords="axes fraction", ha="right", va="bottom",
            fontsize=WORDS - 1, color=looks.QUIET,
        )  # fmt: skip
    return drawn


def _numbers(ax: Axes, values: pd.Series) -> Line2D:
    """Draw the values over their ranks, and a line at the mean."""
    ordered = np.sort(values.to_numpy(dtype=float))
    fraction = (np.arange(len(ordered)) + 0.5) / max(len(ordered), 1)
    (dots,) = ax.plot(
        fraction, ordered, ls="", marker=".", ms=3, color=looks.CLUSTERS, rasterized=True
    )
    if len(ordered):
        ax.axhline(ordered.mean(), color=looks.QUIET, lw=1, ls=(0, (4, 2)), zorder=0.5)
    return dots


def _steps(ax: Axes, values: pd.Series) -> LineCollection:
    """A horizontal step for each level, in the order of the levels."""
    counts = values.astype("category").cat.remove_unused_categories().value_counts(sort=False)
    ends = np.concatenate([[0.0], np.cumsum(counts.to_numpy()) / max(len(values), 1)])
    steps = ax.hlines(range(len(counts)), ends[:-1], ends[1:], color=looks.CLUSTERS, lw=4)
    ax.set_ylim(-0.5, len(counts) - 0.3)
    if len(counts) > NAMED:
        ax.annotate(
            f"{len(counts)} levels", (0.05, 0.95), xycoords="axes fraction", ha="left", va="top",
            fontsize=WORDS - 1, color=looks.INK,
        )  # fmt: skip
        return steps
    for row, (level, count) in enumerate(counts.items()):
        left = ends[row] + ends[row + 1] < 1  # the name begins or ends with the step
        ax.annotate(
            style.plain(f"{level} {count / len(values):.0%}".replace("%", " %")),
            (ends[row] if left else ends[row + 1], row), xytext=(3 if left else -3, 5),
            textcoords="offset points", ha="left" if left else "right", va="bottom",
            fontsize=WORDS - 1, color=looks.INK,
        )  # fmt: skip
    return steps
