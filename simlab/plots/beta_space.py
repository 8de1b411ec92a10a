"""Beta space: a line is a point, its intercept and its slope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Polygon
from matplotlib.text import Annotation
from numpy.typing import ArrayLike, NDArray

from simlab import looks
from simlab.pictures import ellipse, radius_of
from simlab.plots import style

FAR = 3.0  # interquartile ranges beyond the quartiles, further than which a point is left out
MARGIN = 0.05
THICK, THIN = 2.4, 1.1  # lines of reported and of true ellipses
ARC = (0, (1, 1.5))  # dashes of the arc


class Estimate(NamedTuple):
    """An estimated line, and how surely."""

    center: ArrayLike  # (2,) intercept and slope; the intercept may be NaN for a method without one
    # (2, 2) the covariance that the method reports: a thick ellipse
    reported: ArrayLike | None = None
    # (2, 2) the covariance of its estimates in repeated samples: a thin ellipse
    true: ArrayLike | None = None
    # colour and marker; by default those of the method that it is named after, or of the place that
    # it has
    look: looks.Look | None = None


class Ellipses(NamedTuple):
    """Artists of one estimate: its point and its ellipses, None where there is none."""

    point: Line2D
    reported: Line2D | None
    true: Line2D | None


class BetaSpace(NamedTuple):
    """Artists of `beta_space`."""

    points: PathCollection | None  # the clusters
    estimates: dict[str, Ellipses]  # the methods
    dispersions: dict[str, Polygon]  # ellipses of G
    labels: dict[str, Annotation]  # names of the methods
    arc: Line2D | None  # where the pooled line may lie


def beta_space(
    clusters: ArrayLike | None = None,
    estimates: Mapping[str, Estimate] | None = None,
    dispersions: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
    *,
    arc: ArrayLike | None = None,
    level: float = 0.95,
    joint: bool = True,
    level2: str = "cluster",
    ax: Axes | None = None,
) -> BetaSpace:
    """Draw slopes over intercepts: of clusters, of methods, and how the true ones are dispersed.

    Ellipses of estimates have radius √χ²_{2, level}, or √χ²_{1, level}, whose shadows on the
    axes are the intervals of the two coefficients. Those of G have radius 1: their shadows are
    γ ± one standard deviation of the clusters' true coefficients.

    Parameters
    ----------
    clusters : (J, 2), optional
        Intercept and slope of each cluster's own least-squares line (BLUEs); NaN where it has
        none. Clusters far off the others are left out, and their number is written.
    estimates : mapping of str to Estimate, optional
        By the method, such as "hlm", which is drawn in its own colour and named by its short
        label; or by another name. One without a slope, NaN, is left out.
    dispersions : mapping of str to (gamma, G), optional
        By what they are called, such as "G about γ".
    arc : (K, 2), optional
        The points between the lines between and within clusters on which the pooled line lies;
        see `simlab.beta_space`.
    level : float
        Of confidence.
    joint : bool
        Whether ellipses cover both coefficients together, or their shadows each.
    level2 : str
        What the legend calls a cluster.
    ax : Axes, optional
        To draw on; 10 by 7 inches leave room for the names. By default those of a new figure.

    Returns
    -------
    BetaSpace

    Raises
    ------
    ArgumentError
        If a covariance is not one, or the level is not between 0 and 1.
    """
    radius = radius_of(level, joint)
    own = np.asarray(np.empty((0, 2)) if clusters is None else clusters, dtype=float)
    own = own[np.isfinite(own).all(axis=1)]
    near = _near(own)
    ax = style.axes_of(ax)
    spreads = {
        name: _dispersion(ax, np.asarray(gamma, dtype=float), ellipse(gamma, G))
        for name, (gamma, G) in (dispersions or {}).items()
    }
    paths = [own[near], *(np.asarray(spread.get_xy()) for spread in spreads.values())]
    points = None
    if len(own):
        points = ax.scatter(
            own[near, 0], own[near, 1], s=30, color=looks.CLUSTERS, alpha=0.7, linewidths=0,
            zorder=2,
        )  # fmt: skip
    shown: dict[str, Ellipses] = {}
    centers: dict[str, NDArray[np.float64]] = {}
    colors: dict[str, str] = {}
    for i, (name, given) in enumerate((estimates or {}).items()):
        center = np.asarray(given[0], dtype=float)
        if np.isfinite(center[1]):
            estimate = Estimate(*given)
            seen = estimate.look or style.look_of(name, i)
            shown[name] = _estimate(ax, estimate, radius, seen)
            centers[name], colors[name] = center, seen.color
            outlines = (line for line in shown[name][1:] if line is not None)
            paths += [center[None], *(np.column_stack(line.get_data()) for line in outlines)]
    way = None
    if arc is not None:
        path = np.asarray(arc, dtype=float)
        (way,) = ax.plot(
            *path.T, color=looks.QUIET, lw=1.6, ls=ARC, zorder=3.5,
            label="where the pooled line can lie",
        )  # fmt: skip
        paths.append(path)
    _limits(ax, np.concatenate(paths))
    style.frame(ax, "intercept", "slope")
    right = ax.get_xlim()[1]
    ends = {
        name: (float(np.nan_to_num(c[0], nan=right)), float(c[1])) for name, c in centers.items()
    }
    labels = style.end_labels(ax, ends, colors)
    if far := int((~near).sum()):
        ax.annotate(
            style.plain(f"not shown: {far} of {len(own)} {level2}s"), (0.99, 0.01),
            xycoords="axes fraction", ha="right", va="bottom", fontsize=style.TEXT - 2,
            color=looks.QUIET,
        )  # fmt: skip
    what = f"{100 * level:g} % ellipse" if joint else f"ellipse with {100 * level:g} % shadows"
    handles: list[Artist] = []
    if len(own):
        cluster = looks.Look(looks.CLUSTERS, looks.CIRCLE, looks.SOLID)
        handles.append(style.dot(cluster, style.plain(f"line of one {level2}"), 6, alpha=0.7))
    handles += [
        Patch(facecolor=looks.STRIP, edgecolor=looks.INK, alpha=0.6, label=style.plain(name))
        for name in spreads
    ]
    for which, width in (("reported", THICK), ("true", THIN)):
        if any(getattr(one, which) is not None for one in shown.values()):
            words = f"{what}, {'as ' * (which == 'reported')}{which}"
            handles.append(Line2D([], [], lw=width, color=looks.QUIET, label=words))
    handles += [] if way is None else [way]
    style.legend(ax, handles, 2, 0.12, columnspacing=1.4, handletextpad=0.5)
    return BetaSpace(points, shown, spreads, labels, way)


def _near(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mask of the points that are not far off the others in either coefficient."""
    if not len(points):
        return np.zeros(0, dtype=bool)
    low, high = np.quantile(points, [0.25, 0.75], axis=0)
    reach = FAR * (high - low)
    return np.asarray(((points >= low - reach) & (points <= high + reach)).all(axis=1))


def _dispersion(ax: Axes, center: NDArray[np.float64], path: NDArray[np.float64]) -> Polygon:
    """Draw the mean and the ellipse of the clusters' lines."""
    ax.plot(*center, marker="+", ms=12, mew=2, color=looks.INK, ls="", zorder=3)
    patch = Polygon(
        path, closed=True, facecolor=(looks.STRIP, 0.35), edgecolor=looks.INK, lw=1.4,
        zorder=1,
    )  # fmt: skip
    ax.add_patch(patch)
    return patch


def _estimate(ax: Axes, estimate: Estimate, radius: float, seen: looks.Look) -> Ellipses:
    """Draw the point of a line with its ellipses; a slope alone is a level."""
    center = np.asarray(estimate.center, dtype=float)
    if np.isnan(center[0]):
        line = ax.axhline(center[1], color=seen.color, lw=1.6, ls=(0, (1, 2)), zorder=3)
        return Ellipses(line, None, None)
    outlines = []
    for covariance, width in ((estimate.reported, THICK), (estimate.true, THIN)):
        path = None if covariance is None else ellipse(center, covariance, radius).T
        outlines.append(
            None
            if path is None
            else ax.plot(*path, color=seen.color, lw=width, ls=seen.dash.plot, zorder=4)[0]
        )
    (point,) = ax.plot(
        *center, marker=seen.marker.plot, ms=9, ls="", color=seen.color, mec=looks.PAPER, mew=1,
        zorder=5,
    )  # fmt: skip
    return Ellipses(point, *outlines)


def _limits(ax: Axes, points: NDArray[np.float64]) -> None:
    """Show everything that is drawn, with a margin."""
    for values, limit in ((points[:, 0], "set_xlim"), (points[:, 1], "set_ylim")):
        known = values[np.isfinite(values)]
        if len(known):
            getattr(ax, limit)(*style.around(known, MARGIN))
