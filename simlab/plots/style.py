"""Words, sizes and checks that the plots share; their colours are in `simlab.looks`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patheffects import AbstractPathEffect, Normal, Stroke
from matplotlib.text import Annotation
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import ArrayLike, NDArray

from simlab import looks
from simlab.errors import ArgumentError
from simlab.looks import Look, look_of_group
from simlab.methods import METHODS, look, short

TEXT: Final = 13.0
"""Points; on a figure 10 inches wide it can be read from the back of a room."""

SMALL: Final = TEXT - 1

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


def axes_of(ax: Axes | None) -> Axes:
    """Return the Axes that were given, or those of a new figure of pyplot's."""
    if ax is not None:
        return ax
    new: Axes = figure_of(None).subplots()
    return new


def figure_of(figure: Figure | SubFigure | None) -> Figure | SubFigure:
    """Return the figure that was given, or a new one of pyplot's, which notebooks show."""
    if figure is not None:
        return figure
    from matplotlib import pyplot  # heavy, and not needed where a figure is given

    return pyplot.figure(figsize=(10, 6), layout="constrained")


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


def rows(ax: Axes, names: Sequence[str], above: float) -> None:
    """Name the rows of a picture, from top to bottom, and leave room above the first."""
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -above)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def log_ticks(ax: Axes, at: ArrayLike, spec: str = "g") -> None:
    """Make x logarithmic, with a tick at each of some numbers and nowhere else."""
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(np.asarray(at, dtype=float).tolist()))
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:{spec}}")
    ax.xaxis.set_minor_locator(NullLocator())


def positive(levels: Iterable[Any], factor: str) -> NDArray[np.float64]:
    """Levels of a factor as the numbers that a logarithmic axis needs; refuse others."""
    x = np.array(list(levels), dtype=float)
    if not (x > 0).all():
        raise ArgumentError(f"{factor!r} has levels that are not positive, as a log axis needs")
    return x


def at_right(
    ax: Axes,
    text: str,
    y: float,
    color: str = looks.INK,
    *,
    x: float = 1.02,
    size: float = TEXT - 1,
) -> Annotation:
    """Write right of the Axes, at the height y of the data."""
    return ax.annotate(
        text, (x, y), xycoords=("axes fraction", "data"), ha="left", va="center", fontsize=size,
        color=color,
    )  # fmt: skip


def dot(look: Look, label: str, ms: float = 9, **options: Any) -> Line2D:
    """Return a marker for a legend."""
    marker = {"ls": "", "marker": look.marker.plot, "color": look.color, "ms": ms}
    return Line2D([], [], label=label, **{**marker, **options})


def legend(
    ax: Axes, handles: Sequence[Artist], ncols: int, below: float | None = None, **spacing: float
) -> None:
    """Explain a picture in its margin: so far below the Axes, or above at the left."""
    options: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.2}
    if below is not None:
        options = {"loc": "upper center", "bbox_to_anchor": (0.5, -below)}
    options |= {"ncols": ncols, "frameon": False, "fontsize": SMALL, **spacing}
    ax.legend(handles=handles, **options)


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


def line_labels(
    ax: Axes, x: float, ends: Mapping[str, float], texts: Sequence[str], colors: Sequence[str],
    gap: float, away: float,
) -> dict[str, Annotation]:  # fmt: skip
    """Name lines where they end, `away` points right of x; `gap` is that of heights of the Axes."""
    low, high = ax.get_ylim()
    heights = apart(ends.values(), gap * (high - low))
    return {
        name: ax.annotate(
            text, (x, height), xytext=(away, 0), textcoords="offset points", va="center",
            fontsize=TEXT, color=color, annotation_clip=False,
        )
        for name, height, text, color in zip(ends, heights, texts, colors, strict=True)
    }  # fmt: skip


def mark_target(ax: Axes, name: str, at: float) -> Line2D:
    """Draw a dashed vertical line at a target, behind all else, with its symbol on top."""
    symbol, color = TARGETS[name]
    ax.annotate(
        symbol, (at, 1.0), xytext=(0, 2), xycoords=("data", "axes fraction"),
        textcoords="offset points", ha="center", va="bottom", fontsize=TEXT, color=color,
    )  # fmt: skip
    return ax.axvline(at, color=color, lw=2, ls=(0, (4, 2)), zorder=0.5)


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
