"""Data space: rows as points, and the lines that methods draw through them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from numpy.typing import ArrayLike, NDArray

from simlab import looks
from simlab.data.levels import other_rows
from simlab.errors import ArgumentError
from simlab.methods import short
from simlab.plots import style

MARGIN = 0.03  # of the range of the rows, on each side
EARLY = 0.9  # of the width: a line that leaves before it is named where it leaves


class Line(NamedTuple):
    """A line y = intercept + slope·x, of one group of clusters or of all.

    Without a look of its own it has that of the method it is named after, or of its place.
    """

    intercept: float
    slope: float
    group: Hashable | None = None
    look: looks.Look | None = None


class ClusterLines(NamedTuple):
    """Each cluster's least-squares line, where it has one, and its mean. All are (J,)."""

    cluster: ArrayLike  # its name, as in the rows
    # β̂_0j, β̂_1j; NaN where x is constant in a cluster
    intercept: ArrayLike
    slope: ArrayLike
    # least and largest x of the cluster: as far as its line is drawn
    low: ArrayLike
    high: ArrayLike
    # x̄_j, ȳ_j
    x_mean: ArrayLike
    y_mean: ArrayLike


class DataSpace(NamedTuple):
    """Artists of `data_space`."""

    points: dict[str, PathCollection]  # the rows, by group; one group "" without groups
    segments: dict[str, LineCollection]  # the clusters' lines, by group
    means: dict[str, PathCollection]  # the clusters' means, by group
    lines: dict[str, Line2D]  # the methods' lines
    labels: dict[str, Annotation]  # their names


def data_space(
    x: ArrayLike,
    y: ArrayLike,
    cluster: ArrayLike,
    group: ArrayLike | None = None,
    *,
    clusters: ClusterLines | None = None,
    lines: Mapping[str, tuple[float, float] | Line] | None = None,
    names: tuple[str, str] = ("x", "y"),
    unit: str = "row",
    level2: str = "cluster",
    ax: Axes | None = None,
) -> DataSpace:
    """Draw rows, the clusters' own lines behind, and every method's line on top.

    Without groups, colours tell methods apart. With groups, colours are those of the groups:
    a method's line of one group has the group's colour, a line for all of them is black, and
    dashes tell methods apart. Each line bears its name at its right end; lines that coincide
    are drawn once, in one colour, under all their names.

    Parameters
    ----------
    x, y : (N,)
        Of the rows. The limits of the Axes are theirs, and lines end there.
    cluster : (N,)
        Names of the rows' clusters.
    group : (N,), optional
        Names of the groups; the same for all rows of a cluster.
    clusters : ClusterLines, optional
        Lines and means of the clusters, if they are to be drawn.
    lines : mapping of str to (intercept, slope) or Line, optional
        By the method, such as "hlm", which is drawn in its own colour and named by its short
        label; or by another name. One without a slope, NaN, is left out.
    names : tuple of str
        Of x and y.
    unit, level2 : str
        What the legend calls a row and a cluster, such as "student" and "school".
    ax : Axes, optional
        To draw on; 10 by 7 inches leave room for the names. By default those of a new figure.

    Returns
    -------
    DataSpace

    Raises
    ------
    ArgumentError
        If there are no rows, if lengths or the indexes of Series differ, a value is missing, a line
        is of an unknown group, or a cluster has no rows.
    """
    if problem := other_rows({"x": x, "y": y, "cluster": cluster, "group": group}):
        raise ArgumentError(problem)
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    row_group = _groups(group, len(xs))
    row_cluster = pd.Series(np.asarray(cluster))
    if not len(xs) or not len(xs) == len(ys) == len(row_cluster) == len(row_group):
        raise ArgumentError("x, y, cluster and group must have the same length, one row or more")
    if not (np.isfinite(xs).all() and np.isfinite(ys).all()):
        raise ArgumentError("x and y must be finite; leave out the rows where they are missing")
    levels = [str(name) for name in row_group.cat.categories]
    groups = {level: looks.look_of_group(i) for i, level in enumerate(levels)}
    groups = groups if group is not None else {}
    rows, one = (looks.Look(c, looks.CIRCLE, looks.SOLID) for c in (looks.QUIET, looks.CLUSTERS))
    ax = style.axes_of(ax)
    ax.set_xlim(*style.around(xs, MARGIN))
    ax.set_ylim(*style.around(ys, MARGIN))
    points = {
        name: ax.scatter(
            xs[here], ys[here], s=9, marker=groups.get(name, rows).marker.plot, linewidths=0,
            alpha=0.4, color=groups.get(name, rows).color, zorder=1, rasterized=True,
        )
        for name in levels
        if (here := (row_group == name).to_numpy()).any()
    }  # fmt: skip
    segments, means = {}, {}
    if clusters is not None:
        own = dict(zip(row_cluster, row_group.astype(str), strict=True))
        for name in levels:
            here = _members(clusters, own, name)
            seen = groups.get(name, one)
            segments[name] = _segments(ax, clusters, here, seen.color)
            means[name] = ax.scatter(
                np.asarray(clusters.x_mean)[here], np.asarray(clusters.y_mean)[here], s=52,
                marker=seen.marker.plot, color=seen.color, edgecolor=looks.PAPER, linewidths=1,
                zorder=3,
            )  # fmt: skip
    drawn, labels = _methods(ax, lines or {}, groups)
    style.frame(ax, *names)
    handles = [style.dot(rows, style.plain(unit), 4, alpha=0.6)]
    if clusters is not None:
        seen, of_one = rows if groups else one, style.plain(f"of one {level2}")
        handles += [
            Line2D([], [], lw=1.2, color=seen.color, alpha=0.7, label=f"line {of_one}"),
            style.dot(seen, f"mean {of_one}", 8),
        ]
    handles += [style.dot(look, style.plain(name), 8) for name, look in groups.items()]
    style.legend(ax, handles, min(len(handles), 5), 0.12, columnspacing=1.4, handletextpad=0.5)
    return DataSpace(points, segments, means, drawn, labels)


def _groups(group: ArrayLike | None, n: int) -> pd.Series[pd.CategoricalDtype[str]]:
    """Groups of the rows as a categorical of words; an order of categories is kept."""
    if group is None:
        return pd.Series([""] * n, dtype="category")
    result = pd.Series(group).reset_index(drop=True).astype("category")
    return result.cat.remove_unused_categories().cat.rename_categories(str)


def _members(clusters: ClusterLines, own: dict[Hashable, str], name: str) -> NDArray[np.bool_]:
    """Mask of the clusters of the group."""
    names = list(np.asarray(clusters.cluster))
    if unknown := [str(one) for one in names if one not in own]:
        raise ArgumentError(f"clusters without rows: {', '.join(unknown[:5])}")
    return np.array([own[one] == name for one in names])


def _segments(
    ax: Axes, clusters: ClusterLines, here: NDArray[np.bool_], color: str
) -> LineCollection:
    """Draw the line of each cluster over its own range of x."""
    intercept, slope, low, high = (
        np.asarray(values, dtype=float)[here]
        for values in (clusters.intercept, clusters.slope, clusters.low, clusters.high)
    )
    ends = np.stack([low, high], axis=-1)
    heights = intercept[:, None] + slope[:, None] * ends
    paths = np.stack([ends, heights], axis=-1)[np.isfinite(heights).all(axis=-1)]
    drawn = LineCollection(list(paths), colors=color, linewidths=1.0, alpha=0.55, zorder=2)
    ax.add_collection(drawn, autolim=False)
    return drawn


def _methods(
    ax: Axes, lines: Mapping[str, tuple[float, float] | Line], groups: dict[str, looks.Look]
) -> tuple[dict[str, Line2D], dict[str, Annotation]]:
    """Draw the lines of the methods, equal ones once, with their names at the ends."""
    drawn: dict[str, Line2D] = {}
    ends: dict[str, tuple[float, float]] = {}
    shades: dict[str, str] = {}
    first: dict[tuple[object, ...], str] = {}
    count: dict[str, int] = {}
    for i, (name, given) in enumerate(lines.items()):
        line = Line(*given)
        if line.group is not None and str(line.group) not in groups:
            raise ArgumentError(f"{name!r} is a line of an unknown group, {line.group!r}")
        if not np.isfinite([line.intercept, line.slope]).all():
            continue
        x, y = _visible(ax, line)
        ends[name] = (x[1], y[1])
        key = (line.group, *(f"{value:.9g}" for value in (*x, *y)))
        twin = first.setdefault(key, name)
        if twin != name:
            drawn[name], shades[name] = drawn[twin], shades[twin]
            continue
        color, _, dash = line.look or style.look_of(name, i)
        if groups:
            of = "" if line.group is None else str(line.group)
            count[of] = count.get(of, -1) + 1
            dash = looks.DASHES[count[of] % len(looks.DASHES)]
            color = groups[of].color if of else looks.INK
        shades[name] = color
        (drawn[name],) = ax.plot(
            x, y, color=color, ls=dash.plot, lw=2.4, zorder=4, solid_capstyle="butt",
            path_effects=style.halo(4.0),
        )  # fmt: skip
    left, right = ax.get_xlim()
    early = {name: end for name, end in ends.items() if end[0] - left < EARLY * (right - left)}
    late = {name: end for name, end in ends.items() if name not in early}
    names = {name: _name_at(ax, name, end, shades[name]) for name, end in early.items()}
    return drawn, style.end_labels(ax, late, shades) | names


def _name_at(ax: Axes, name: str, end: tuple[float, float], color: str) -> Annotation:
    """Name a line where it leaves the Axes by the top or the bottom, far from the right."""
    up = end[1] < np.mean(ax.get_ylim())
    return ax.annotate(
        style.plain(short(name)), end, xytext=(9, 8 if up else -8), textcoords="offset points",
        ha="left", va="bottom" if up else "top", fontsize=style.TEXT, color=color,
        path_effects=style.halo(4.0), zorder=6,
    )  # fmt: skip


def _visible(ax: Axes, line: Line) -> tuple[list[float], list[float]]:
    """Ends of the part of a line that lies within the Axes; all of it if no part does."""
    x = np.array(ax.get_xlim())
    if line.slope:
        crossing = np.sort((np.array(ax.get_ylim()) - line.intercept) / line.slope)
        inner = np.clip(crossing, *x)
        x = inner if inner[0] < inner[1] else x
    return x.tolist(), (line.intercept + line.slope * x).tolist()
