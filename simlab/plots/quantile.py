"""Uniform quantile plots: the values of a variable, lined up from shortest to tallest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from simlab import looks
from simlab.data.frames import Data, as_pandas
from simlab.errors import ArgumentError
from simlab.plots import style
from simlab.plots.canvas import figure_or_new

SMALL = style.TEXT - 2
NAMED = 6  # levels of a categorical variable that have room for their names


class Quantiles(NamedTuple):
    """What is drawn of one variable: a dot for each value, or a step for each level."""

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
    figure = figure_or_new(figure)
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
    there = values.dropna()
    numbers = pd.api.types.is_numeric_dtype(there) and not pd.api.types.is_bool_dtype(there)
    drawn = _numbers(ax, there) if numbers else _levels(ax, there)
    style.frame(ax, "", "", SMALL)
    if not numbers:
        ax.set_yticks([])
    ax.set_title(style.plain(values.name), loc="left", fontsize=style.TEXT)
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 0.5, 1], ["0", "½", "1"])
    if missing := len(values) - len(there):
        ax.annotate(
            f"{missing} missing", (1, 1.02), xycoords="axes fraction", ha="right", va="bottom",
            fontsize=SMALL - 1, color=looks.QUIET,
        )  # fmt: skip
    return drawn


def _numbers(ax: Axes, values: pd.Series) -> Line2D:
    ordered = np.sort(values.to_numpy(dtype=float))
    fraction = (np.arange(len(ordered)) + 0.5) / max(len(ordered), 1)
    (dots,) = ax.plot(
        fraction, ordered, ls="", marker=".", ms=3, color=looks.CLUSTERS, rasterized=True
    )
    if len(ordered):
        ax.axhline(ordered.mean(), color=looks.QUIET, lw=1, ls=(0, (4, 2)), zorder=0.5)
    return dots


def _levels(ax: Axes, values: pd.Series) -> LineCollection:
    """A horizontal step for each level, in the order of the levels."""
    counts = values.astype("category").cat.remove_unused_categories().value_counts(sort=False)
    ends = np.concatenate([[0.0], np.cumsum(counts.to_numpy()) / max(len(values), 1)])
    steps = ax.hlines(range(len(counts)), ends[:-1], ends[1:], color=looks.CLUSTERS, lw=4)
    ax.set_ylim(-0.5, len(counts) - 0.3)
    if len(counts) > NAMED:
        ax.annotate(
            f"{len(counts)} levels", (0.05, 0.95), xycoords="axes fraction", ha="left", va="top",
            fontsize=SMALL - 1, color=looks.INK,
        )  # fmt: skip
        return steps
    for row, (level, count) in enumerate(counts.items()):
        left = ends[row] + ends[row + 1] < 1  # the name begins or ends with the step
        ax.annotate(
            style.plain(f"{level} {count / len(values):.0%}".replace("%", " %")),
            (ends[row] if left else ends[row + 1], row), xytext=(3 if left else -3, 5),
            textcoords="offset points", ha="left" if left else "right", va="bottom",
            fontsize=SMALL - 1, color=looks.INK,
        )  # fmt: skip
    return steps
