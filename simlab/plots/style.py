"""Words, sizes and checks that the plots share; their colours are in `simlab.looks`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patheffects import AbstractPathEffect, Normal, Stroke
from matplotlib.text import Annotation
from numpy.typing import NDArray

from simlab import looks
from simlab.errors import check_known
from simlab.looks import Look, look_of_group
from simlab.methods import METHODS, look, short

TEXT: Final = 13.0
"""Points; on a figure 10 inches wide it can be read from the back of a room."""

Z: Final = 1.96
"""Half-width of a 95 % interval in Monte Carlo standard errors."""

FACTORS: Final = {
    "population.clusters": "number of clusters $J$",
    "population.cluster_sizes.mean": "mean cluster size",
    "population.beta_between": r"$\beta_B$",
    "population.sigma2": r"$\sigma^2$",
}
"""Factors of a grid in words, by their dotted path."""

TARGETS: Final = {
    "beta_within": (r"$\beta_W$", looks.WITHIN),
    "beta_between": (r"$\beta_B$", looks.BETWEEN),
    "limit": ("its limit", looks.INK),
}
"""Symbol and colour of what an estimate is compared with."""


def look_of(name: str, i: int) -> Look:
    """Return the look of the i-th of several things: a method's, where that is its name."""
    return look(name) if name in METHODS else look_of_group(i)


def plain(text: object) -> str:
    """Return a name that a user gave, so that a dollar in it begins no mathematics."""
    return str(text).replace("$", r"\$")


def halo(width: float) -> list[AbstractPathEffect]:
    """Return a white border, for lines and words that cross others."""
    return [Stroke(linewidth=width, foreground=looks.PAPER), Normal()]


def frame(ax: Axes, x: str, y: str, size: float = TEXT, math: bool = False) -> None:
    """Name the axes, in letters that can be read, and keep the frame in the background.

    With `math`, a dollar in a name begins mathematics: for names that no user gave.
    """
    ax.set_xlabel(x if math else plain(x), fontsize=size)
    ax.set_ylabel(y if math else plain(y), fontsize=size)
    ax.tick_params(labelsize=size, color=looks.QUIET)
    ax.spines[["right", "top"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(looks.QUIET)


def around(values: NDArray[np.float64], margin: float) -> tuple[float, float]:
    """Return limits that hold the values, with a share of their range left on each side."""
    low, high = float(values.min()), float(values.max())
    room = margin * (high - low) or 0.5
    return low - room, high + room


def end_labels(
    ax: Axes,
    ends: Mapping[str, tuple[float, float]],
    colors: Mapping[str, str],
    math: bool = False,
) -> dict[str, Annotation]:
    """Name points at the right of the Axes, each joined to its name, no name over another.

    The limits of the Axes must be final. `ends` are points (x, y) in the units of the data; the
    name of a method is written as its short label. With `math`, a dollar in a name begins
    mathematics.
    """
    points = ax.get_window_extent().height * 72 / ax.figure.dpi
    gap = 1.35 * TEXT / points
    to_axes = ax.transScale + ax.transLimits
    heights = apart((float(to_axes.transform(point)[1]) for point in ends.values()), gap)
    # Where names would leave the Axes at one end they are moved together towards the other.
    up = max(-min(heights, default=0.0), 0.0) - max(max(heights, default=1.0) - 1.0, 0.0)
    return {
        name: ax.annotate(
            name if math else plain(short(name)), ends[name], xytext=(1.03, height + up),
            textcoords="axes fraction", ha="left", va="center", fontsize=TEXT,
            color=colors[name], annotation_clip=False,
            arrowprops={
                "arrowstyle": "-", "color": colors[name], "lw": 0.9, "shrinkA": 1, "shrinkB": 1,
                "relpos": (0.0, 0.5),
            },
        )
        for name, height in zip(ends, heights, strict=True)
    }  # fmt: skip


def mark_target(ax: Axes, name: str, at: float) -> Line2D:
    """Draw a dashed vertical line at a target, behind all else, with its symbol on top."""
    symbol, color = TARGETS[name]
    ax.annotate(
        symbol, (at, 1.0), xytext=(0, 2), xycoords=("data", "axes fraction"),
        textcoords="offset points", ha="center", va="bottom", fontsize=TEXT, color=color,
    )  # fmt: skip
    return ax.axvline(at, color=color, lw=2, ls=(0, (4, 2)), zorder=0.5)


def of(data: Mapping[Any, xr.DataArray], dim: str, label: str) -> str:
    """Return a label after checking that the Dataset has it.

    Raises
    ------
    ArgumentError
        If it has not; names those it has.
    """
    check_known(dim, label, data[dim].values)
    return label


def having(values: xr.DataArray) -> list[str]:
    """Estimators that have any value along the other dimensions, in the order of the Dataset."""
    others = [dim for dim in values.dims if dim != "estimator"]
    return [str(name) for name in values.estimator.values[values.notnull().any(others).values]]


def apart(heights: Iterable[float], gap: float) -> list[float]:
    """Move heights as little as it takes for neighbours to be `gap` apart, in their order."""
    wanted = np.array(list(heights), dtype=float)
    order = np.argsort(wanted, kind="stable")
    groups: list[list[float]] = []
    for height in wanted[order]:
        groups.append([height])
        # A group occupies its mean ± half its length; groups that overlap become one.
        while len(groups) > 1 and (
            np.mean(groups[-1]) - np.mean(groups[-2])
            < gap * (len(groups[-1]) + len(groups[-2])) / 2
        ):
            last = groups.pop()
            groups[-1] += last
    placed = [
        np.mean(group) + gap * (i - (len(group) - 1) / 2)
        for group in groups
        for i in range(len(group))
    ]
    result = np.empty(len(wanted))
    result[order] = placed
    return [float(height) for height in result]
