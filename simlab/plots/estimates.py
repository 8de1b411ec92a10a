"""The estimate of every replicate against the standard error that it reported."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from simlab import looks
from simlab.methods import short
from simlab.plots import style
from simlab.plots.canvas import axes_or_new
from simlab.plots.lookup import Replicates, replicates

TAIL = 0.002  # share of the points that may lie beyond the Axes, on each of its sides


class Scatter(NamedTuple):
    """What `estimate_se` has drawn.

    Attributes
    ----------
    covering, missing : PathCollection
        Replicates whose interval covers the target, and those whose interval misses it.
    target : Line2D
        Vertical line at the target.
    cone : Line2D
        Where |θ̂ − θ| is the typical half-width of an interval with that standard error.
    true_se, reported_se : Line2D
        Horizontal lines at the empirical SE and at the SE that the method reports (model SE).
    """

    covering: PathCollection
    missing: PathCollection
    target: Line2D
    cone: Line2D
    true_se: Line2D
    reported_se: Line2D


def estimate_se(
    ds: xr.Dataset,
    estimator: str,
    condition: int = 0,
    term: str = "slope",
    target: str = "beta_within",
    ax: Axes | None = None,
) -> Scatter:
    """Draw estimates against their standard errors, and the cone inside which intervals cover.

    An interval θ̂ ± k s covers θ when s ≥ |θ̂ − θ|/k: above the cone with its tip at θ. The line at
    the true SE shows where the points should be, that at the reported SE where they are.

    Parameters
    ----------
    ds : Dataset
        Results of a study, as for `simlab.measure`.
    estimator : str
        Whose estimates.
    condition : int
        Position of the condition.
    term : str
        Of what.
    target : {"beta_within", "beta_between", "limit"}
        θ.
    ax : Axes, optional
        To draw on. By default those of a new figure.

    Returns
    -------
    Scatter

    Raises
    ------
    ArgumentError
        If there is no such method, condition, term or target.
    """
    found = replicates(ds, estimator, condition, term, target)
    ax = axes_or_new(ax)
    covering = _points(ax, found, found.covers, looks.CLUSTERS, "o")
    missing = _points(ax, found, ~found.covers, looks.MISS, "^")
    x, y = _limits(found)
    cone = _cone(ax, found, y[1])
    true, reported = (float(found.measured[name]) for name in ("empirical_se", "model_se"))
    true_se = _level(ax, true, "true SE", looks.INK, above=true > reported)
    reported_se = _level(ax, reported, "reported SE", looks.REPORTED, above=true <= reported)
    line = style.mark_target(ax, target, found.target)
    ax.set_xlim(*x)
    ax.set_ylim(*y)
    ax.set_title(short(estimator), loc="left", fontsize=style.TEXT + 1, pad=22)
    style.frame(ax, f"estimate of the {term}", "its standard error")
    return Scatter(covering, missing, line, cone, true_se, reported_se)


def _points(
    ax: Axes, found: Replicates, which: NDArray[np.bool_], color: str, marker: str
) -> PathCollection:
    return ax.scatter(
        found.estimate[which], found.std_error[which], s=7, color=color, alpha=0.6, linewidths=0,
        marker=marker, rasterized=True,
    )  # fmt: skip


def _cone(ax: Axes, found: Replicates, top: float) -> Line2D:
    with np.errstate(divide="ignore", invalid="ignore"):
        k = float(np.nanmedian((found.upper - found.lower) / (2 * found.std_error)))
    ends = [found.target - k * top, found.target, found.target + k * top]
    (cone,) = ax.plot(ends, [top, 0, top], color=looks.QUIET, lw=1.4)
    return cone


def _level(ax: Axes, se: float, text: str, color: str, above: bool) -> Line2D:
    """Horizontal line with its name at the right, above or below it."""
    ax.annotate(
        text, (1.01, se), xycoords=("axes fraction", "data"), fontsize=style.TEXT - 1, color=color,
        ha="left", va="bottom" if above else "top", annotation_clip=False,
    )  # fmt: skip
    return ax.axhline(se, color=color, lw=1.8)


def _limits(found: Replicates) -> tuple[tuple[float, float], tuple[float, float]]:
    low, high = (float(q) for q in np.quantile(found.estimate, [TAIL, 1 - TAIL]))
    low, high = min(low, found.target), max(high, found.target)
    top = max(float(np.quantile(found.std_error, 1 - TAIL)), float(found.measured["empirical_se"]))
    margin = 0.04 * (high - low)
    return (low - margin, high + margin), (0.0, 1.08 * top)
