"""Every confidence interval of a method, ranked: the zip plot of Morris, White & Crowther."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from scipy.special import stdtr

from simlab import looks
from simlab.errors import ArgumentError
from simlab.methods import short
from simlab.plots import style
from simlab.plots.canvas import axes_or_new
from simlab.plots.lookup import Replicates, replicates
from simlab.text.numbers import percent

TAIL = 0.005  # share of the intervals' ends that may lie beyond the Axes, on either side
FILLED = 300.0  # points: the widths of all lines that are shown add up to this, within limits


class Zip(NamedTuple):
    """What `zipplot` has drawn.

    Attributes
    ----------
    covering, missing : LineCollection
        Intervals that cover the target, and those that miss it.
    target : Line2D
        Vertical line at the target.
    coverage : Line2D
        Horizontal line at the coverage, in per cent.
    mcse : Rectangle
        Band of its 95 % Monte Carlo interval.
    """

    covering: LineCollection
    missing: LineCollection
    target: Line2D
    coverage: Line2D
    mcse: Rectangle


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
    found = replicates(ds, estimator, condition, term, target)
    height = 100 * (_rank(found, by) + 0.5) / len(found.lower)
    width = float(np.clip(FILLED / (zoom * len(height)), 0.5, 3.0))
    ax = axes_or_new(ax)
    covering = _intervals(ax, found, height, found.covers, looks.STRIP, width)
    missing = _intervals(ax, found, height, ~found.covers, looks.MISS, width)
    line = style.mark_target(ax, target, found.target)
    line.set_zorder(3)
    coverage, mcse, low, high = (
        float(found.measured[f"coverage{part}"].sel(target=target))
        for part in ("", "_mcse", "_low", "_high")
    )
    ax.set_xlim(*_limits(found))
    ax.set_ylim(100 * (1 - zoom), 100)
    level, band = _coverage(
        ax, coverage, percent(coverage, style.Z * mcse, (low, high)), (low, high)
    )
    ax.set_title(short(estimator), loc="left", fontsize=style.TEXT + 1, pad=22)
    wide = round(100 * float(ds.attrs.get("level", 0.95)))
    rank = "$|z|$" if by == "z" else "$1 - p$"
    style.frame(ax, f"{wide} % intervals of the {term}", f"centile of {rank}", math=True)
    return Zip(covering, missing, line, level, band)


def _rank(found: Replicates, by: str) -> NDArray[np.int64]:
    """Place of each interval in the order of its distance from the target, from 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.abs(found.estimate - found.target) / found.std_error
    distance = z if by == "z" else -stdtr(found.df, -z)
    return np.argsort(np.argsort(distance, kind="stable"))


def _intervals(
    ax: Axes, found: Replicates, height: NDArray[np.float64], which: NDArray[np.bool_], color: str,
    width: float,
) -> LineCollection:  # fmt: skip
    ends = np.stack([found.lower[which], found.upper[which]], axis=1)
    segments = np.stack([ends, np.repeat(height[which][:, None], 2, axis=1)], axis=2)
    # As pixels, also in a vector file: there may be thousands.
    drawn = LineCollection(list(segments), colors=color, linewidths=width, rasterized=True)
    ax.add_collection(drawn)
    return drawn


def _coverage(
    ax: Axes, coverage: float, words: str, interval: tuple[float, float]
) -> tuple[Line2D, Rectangle]:
    low, high = (100 * end for end in interval)
    band = ax.axhspan(low, high, color=looks.INK, alpha=0.25, lw=0, zorder=2.5)
    line = ax.axhline(100 * coverage, color=looks.INK, lw=1.4, zorder=3)
    bottom, top = ax.get_ylim()
    edge = 0.05 * (top - bottom)
    ax.annotate(
        words.replace(" ", " %\n", 1),
        (1.02, np.clip(100 * coverage, bottom + edge, top - edge)),
        xycoords=("axes fraction", "data"),
        ha="left", va="center", fontsize=style.TEXT - 1, color=looks.INK,
    )  # fmt: skip
    return line, band


def _limits(found: Replicates) -> tuple[float, float]:
    low = min(float(np.quantile(found.lower, TAIL)), found.target)
    high = max(float(np.quantile(found.upper, 1 - TAIL)), found.target)
    margin = 0.03 * (high - low)
    return low - margin, high + margin
