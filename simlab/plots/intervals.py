"""Every replicate of a method: its intervals as a zip, and its estimates against their SE."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from scipy.special import stdtr

from simlab import looks
from simlab.errors import ArgumentError
from simlab.measures import measure
from simlab.measures.outcomes import need_replicates
from simlab.methods import short
from simlab.plots import lookup, style
from simlab.text.numbers import percent
from simlab.words import FITTED

TAIL = 0.002  # share of the points that may lie beyond the Axes, on each of its sides
ENDS = 0.005  # share of the intervals' ends that may lie beyond the Axes, on either side
FILLED = 300.0  # points: the widths of all lines that are shown add up to this, within limits


class Replicates(NamedTuple):
    """Estimates of one term by one method, and what was measured of them."""

    # (replicates,) of the fits that gave an interval; df is infinite where the study has none
    estimate: NDArray[np.float64]
    std_error: NDArray[np.float64]
    df: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    target: float  # what the intervals should cover
    covers: NDArray[np.bool_]  # (replicates,) whether they do
    # from `simlab.measure`, for this method, condition and term; dimension target
    measured: xr.Dataset


def replicates(
    ds: xr.Dataset, estimator: str, condition: int, term: str, target: str
) -> Replicates:
    """Look up one method in one condition.

    An ArgumentError says that there is no such estimator, condition, term or target, that the
    method has no interval for the term, that the target is not known there, or that the study keeps
    measures only.
    """
    need_replicates(ds, "a picture of replicates")
    for dim, label in (("estimator", estimator), ("term", term)):
        lookup.of(ds, dim, label)
    if target != "limit":
        lookup.of(ds, "target", target)
    here = ds.isel(condition=[lookup.condition_of(ds, condition)])
    here = here.sel(estimator=[estimator], term=[term])
    measured = measure(here).isel(condition=0, estimator=0, term=0)
    one = here.isel(condition=0, estimator=0, term=0)
    kept = (one["status"].isin(FITTED) & one["upper"].notnull()).values
    if not kept.any():
        raise ArgumentError(f"{estimator!r} has no interval for {term!r} in condition {condition}")
    at = float(one["limit"] if target == "limit" else one["truth"].sel(target=target))
    if np.isnan(at):
        raise ArgumentError(f"the {target} of {term!r} is not known in condition {condition}")
    estimate, std_error, lower, upper = (
        one[name].values[kept] for name in ("estimate", "std_error", "lower", "upper")
    )
    df = one["df"].values[kept] if "df" in one else np.full(len(lower), np.inf)
    covers = (lower <= at) & (at <= upper)
    return Replicates(estimate, std_error, df, lower, upper, at, covers, measured)


class Scatter(NamedTuple):
    """Artists of `estimate_se`."""

    # replicates whose interval covers the target, and those whose interval misses it
    covering: PathCollection
    missing: PathCollection
    target: Line2D  # vertical line at the target
    cone: Line2D  # where |θ̂ − θ| is the typical half-width of an interval with that standard error
    # horizontal lines at the empirical SE and at the SE that the method reports (model SE)
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
    result = replicates(ds, estimator, condition, term, target)
    ax = style.axes_of(ax)
    covering = _points(ax, result, result.covers, looks.CLUSTERS, "o")
    missing = _points(ax, result, ~result.covers, looks.MISS, "^")
    x, y = _around(result)
    cone = _cone(ax, result, y[1])
    true, reported = (float(result.measured[name]) for name in ("empirical_se", "model_se"))
    true_se = _level(ax, true, "true SE", looks.INK, above=true > reported)
    reported_se = _level(ax, reported, "reported SE", looks.REPORTED, above=true <= reported)
    line = style.mark_target(ax, target, result.target)
    ax.set_xlim(*x)
    ax.set_ylim(*y)
    ax.set_title(short(estimator), loc="left", fontsize=style.TEXT + 1, pad=22)
    style.frame(ax, f"estimate of the {term}", "its standard error")
    return Scatter(covering, missing, line, cone, true_se, reported_se)


def _points(
    ax: Axes, result: Replicates, which: NDArray[np.bool_], color: str, marker: str
) -> PathCollection:
    """Draw some of the replicates."""
    return ax.scatter(
        result.estimate[which], result.std_error[which], s=7, color=color, alpha=0.6, linewidths=0,
        marker=marker, rasterized=True,
    )  # fmt: skip


def _cone(ax: Axes, result: Replicates, top: float) -> Line2D:
    """Draw the cone inside which intervals cover: |θ̂ − θ| ≤ k s, k the median multiplier."""
    with np.errstate(divide="ignore", invalid="ignore"):
        k = float(np.nanmedian((result.upper - result.lower) / (2 * result.std_error)))
    ends = [result.target - k * top, result.target, result.target + k * top]
    (cone,) = ax.plot(ends, [top, 0, top], color=looks.QUIET, lw=1.4)
    return cone


def _level(ax: Axes, se: float, text: str, color: str, above: bool) -> Line2D:
    """Horizontal line with its name at the right, above or below it."""
    ax.annotate(
        text, (1.01, se), xycoords=("axes fraction", "data"), fontsize=style.SMALL, color=color,
        ha="left", va="bottom" if above else "top", annotation_clip=False,
    )  # fmt: skip
    return ax.axhline(se, color=color, lw=1.8)


def _around(result: Replicates) -> tuple[tuple[float, float], tuple[float, float]]:
    """Limits of the axes, which hold the target and nearly all points."""
    low, high = (float(q) for q in np.quantile(result.estimate, [TAIL, 1 - TAIL]))
    low, high = min(low, result.target), max(high, result.target)
    top = max(
        float(np.quantile(result.std_error, 1 - TAIL)), float(result.measured["empirical_se"])
    )
    return style.around(np.array([low, high]), 0.04), (0.0, 1.08 * top)


class Zip(NamedTuple):
    """Artists of `zipplot`."""

    # intervals that cover the target, and those that miss it
    covering: LineCollection
    missing: LineCollection
    target: Line2D  # vertical line at the target
    coverage: Line2D  # horizontal line at the coverage, in per cent
    mcse: Rectangle  # band of its 95 % Monte Carlo interval


def zipplot(
    ds: xr.Dataset,
    estimator: str,
    condition: int = 0,
    term: str = "slope",
    target: str = "beta_within",
    by: Literal["z", "p"] = "z",
    zoom: float = 1.0,
    ax: Axes | None = None,
) -> Zip:
    """Draw the confidence interval of every replicate, the worst on top.

    Intervals are ranked by |z| = |θ̂ − θ|/s, or by the p-value of θ, which differ where the
    degrees of freedom do. In a method whose intervals are honest, colours change at 95 on the
    axis of centiles, and misses lie on either side of θ alike.

    Parameters
    ----------
    ds : Dataset
        Results of a study, as for `simlab.measure`.
    estimator : str
        Whose intervals.
    condition : int
        Position of the condition.
    term : str
        Of what.
    target : {"beta_within", "beta_between", "limit"}
        θ, which the intervals should cover; "limit" is the method's own probability limit.
    by : {"z", "p"}
        What ranks them.
    zoom : float
        Share of the centiles that is shown, from the top: 0.2 shows the worst fifth.
    ax : Axes, optional
        To draw on; narrow ones, side by side, compare methods. By default those of a new figure.

    Returns
    -------
    Zip

    Raises
    ------
    ArgumentError
        If there is no such method, condition, term or target; `by` is neither z nor p; or `zoom`
        is not above 0 and at most 1.

    Notes
    -----
    Morris, White & Crowther (2019), *Statistics in Medicine* 38:2074; ``zipplot`` of R's rsimsum,
    whose `zoom` this is too.
    """
    if by not in ("z", "p"):
        raise ArgumentError(f"by is {by!r}; rank the intervals by 'z' or by 'p'")
    if not 0 < zoom <= 1:
        raise ArgumentError(f"zoom is {zoom}; give the share to show, above 0 and at most 1")
    result = replicates(ds, estimator, condition, term, target)
    height = 100 * (_rank(result, by) + 0.5) / len(result.lower)
    width = float(np.clip(FILLED / (zoom * len(height)), 0.5, 3.0))
    ax = style.axes_of(ax)
    covering = _intervals(ax, result, height, result.covers, looks.STRIP, width)
    missing = _intervals(ax, result, height, ~result.covers, looks.MISS, width)
    line = style.mark_target(ax, target, result.target)
    line.set_zorder(3)
    coverage, mcse, low, high = (
        float(result.measured[f"coverage{part}"].sel(target=target))
        for part in ("", "_mcse", "_low", "_high")
    )
    ax.set_xlim(*_limits(result))
    ax.set_ylim(100 * (1 - zoom), 100)
    level, band = _coverage(
        ax, coverage, percent(coverage, style.Z * mcse, (low, high)), (low, high)
    )
    ax.set_title(short(estimator), loc="left", fontsize=style.TEXT + 1, pad=22)
    wide = round(100 * float(ds.attrs.get("level", 0.95)))
    rank = "$|z|$" if by == "z" else "$1 - p$"
    style.frame(ax, f"{wide} % intervals of the {term}", f"centile of {rank}", math=True)
    return Zip(covering, missing, line, level, band)


def _rank(result: Replicates, by: str) -> NDArray[np.int64]:
    """Place of each interval in the order of its distance from the target, from 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.abs(result.estimate - result.target) / result.std_error
    distance = z if by == "z" else -stdtr(result.df, -z)
    return np.argsort(np.argsort(distance, kind="stable"))


def _intervals(
    ax: Axes, result: Replicates, height: NDArray[np.float64], which: NDArray[np.bool_], color: str,
    width: float,
) -> LineCollection:  # fmt: skip
    """Draw some of the intervals, at their heights."""
    ends = np.stack([result.lower[which], result.upper[which]], axis=1)
    segments = np.stack([ends, np.repeat(height[which][:, None], 2, axis=1)], axis=2)
    # As pixels, also in a vector file: there may be thousands.
    drawn = LineCollection(list(segments), colors=color, linewidths=width, rasterized=True)
    ax.add_collection(drawn)
    return drawn


def _coverage(
    ax: Axes, coverage: float, words: str, interval: tuple[float, float]
) -> tuple[Line2D, Rectangle]:
    """Draw the coverage as a line, with its Monte Carlo interval."""
    low, high = (100 * end for end in interval)
    band = ax.axhspan(low, high, color=looks.INK, alpha=0.25, lw=0, zorder=2.5)
    line = ax.axhline(100 * coverage, color=looks.INK, lw=1.4, zorder=3)
    bottom, top = ax.get_ylim()
    edge = 0.05 * (top - bottom)
    height = float(np.clip(100 * coverage, bottom + edge, top - edge))
    style.at_right(ax, words.replace(" ", " %\n", 1), height)
    return line, band


def _limits(result: Replicates) -> tuple[float, float]:
    low = min(float(np.quantile(result.lower, ENDS)), result.target)
    high = max(float(np.quantile(result.upper, 1 - ENDS)), result.target)
    return style.around(np.array([low, high]), 0.03)
