"""Three means of the same clusters, and how surely each is known, for two questions."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from simlab import looks
from simlab.errors import ArgumentError
from simlab.plots import style


class Means(NamedTuple):
    """Artists of `three_means`."""

    heads: dict[str, Line2D]  # the means, by row of the table
    # ± 1.96 SE for the mean of these clusters, thick, and for that of their population, thin
    these: dict[str, Line2D]
    population: dict[str, Line2D]


def three_means(
    table: pd.DataFrame,
    name: str = "mean",
    level2: str = "cluster",
    ax: Axes | None = None,
) -> Means:
    """Draw the mean of rows, the mean of cluster means, and the mixed model's.

    Parameters
    ----------
    table : pandas.DataFrame
        `simlab.three_means(...).table`: estimate, se_these, se_population.
    name : str
        Of the response.
    level2 : str
        What the legend calls a cluster.
    ax : Axes, optional
        To draw on; 9 by 4 inches. By default those of a new figure.

    Returns
    -------
    Means

    Raises
    ------
    ArgumentError
        If the table lacks a column.
    """
    needed = ("estimate", "se_these", "se_population")
    if missing := [column for column in needed if column not in table]:
        raise ArgumentError(f"the table of means lacks {', '.join(missing)}")
    heads, these, population = {}, {}, {}
    values = table[list(needed)].to_numpy(dtype=float)
    ax = style.axes_of(ax)
    for row, (key, (at, near, far)) in enumerate(zip(table.index.astype(str), values, strict=True)):
        color = looks.look_of_group(row).color
        population[key] = _bar(ax, at, style.Z * far, row, color, 1.6)
        these[key] = _bar(ax, at, style.Z * near, row, color, 6.0)
        (heads[key],) = ax.plot(
            [at], [row], "o", color=looks.PAPER, mec=color, mew=2.4, ms=10, zorder=3
        )
        ax.annotate(
            f"{at:.2f}", (at, row), xytext=(0, 9), textcoords="offset points", ha="center",
            va="bottom", fontsize=style.SMALL, color=color,
        )  # fmt: skip
    rows = [f"mean of {which}" if which != "GLS" else "GLS" for which in heads]
    style.frame(ax, name, "")
    style.rows(ax, [style.plain(row) for row in rows], 0.6)
    these_words = style.plain(f"± 1.96 SE for these {level2}s")
    handles = [
        Line2D([], [], color=looks.QUIET, lw=6, alpha=0.45, label=these_words),
        Line2D([], [], color=looks.QUIET, lw=1.6, label="for their population"),
    ]
    style.legend(ax, handles, 2, 0.16)
    return Means(heads, these, population)


def _bar(ax: Axes, at: float, half: float, row: int, color: str, width: float) -> Line2D:
    """Draw a bar of ± half about the mean."""
    (bar,) = ax.plot(
        [at - half, at + half], [row, row], color=color, lw=width, solid_capstyle="butt", zorder=2,
        alpha=1.0 if width < 2 else 0.45,
    )  # fmt: skip
    return bar
