"""The sampling distributions of all methods, one above the other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle, StepPatch
from numpy.typing import NDArray

from simlab import looks
from simlab.errors import ArgumentError
from simlab.measures import average, measure
from simlab.measures.outcomes import need_replicates
from simlab.methods import look, short
from simlab.plots import lookup, style
from simlab.text.numbers import se_error
from simlab.words import FITTED, TARGETS

HEIGHT = 0.50  # of a strip, where methods are 1 apart
BAR = 0.11  # of a bar of one standard error
LIGHT = 0.5  # opacity of a strip
TAIL = 0.001  # share of the estimates left out of a strip at either end


class Strip(NamedTuple):
    """Artists of one method."""

    density: StepPatch  # histogram of its estimates, of the same height for all methods
    limit: Line2D | None  # tick at its probability limit; None where that is unknown
    # bars of mean ± SE: the empirical SE, and the SE that the method reports (model SE)
    true_se: Rectangle
    reported_se: Rectangle


class Strips(NamedTuple):
    """Artists of `sampling_distributions`."""

    strips: dict[str, Strip]  # by method, from top to bottom
    targets: dict[str, Line2D]  # vertical lines at "beta_within" and "beta_between"


def sampling_distributions(
    ds: xr.Dataset,
    condition: int = 0,
    term: str = "slope",
    ax: Axes | None = None,
) -> Strips:
    """Draw the estimates of every method in one condition, and the honesty of its SE.

    Under each histogram lie two bars of equal centre, the mean of the estimates: one reaches
    ± the true (empirical) SE, the other ± the SE that the method reports. The method is honest
    when they are equally long; by how much the reported one is off, in % of the true one, stands
    at the right. A tick shows the method's probability limit, by which what is off β_W or β_B for
    good is distinguished from what is off by chance.

    Parameters
    ----------
    ds : Dataset
        Results of a study, as for `simlab.measure`.
    condition : int
        Position of the condition.
    term : str
        Methods without it are left out.
    ax : Axes, optional
        To draw on; 10 by 7 inches serve nine methods. By default those of a new figure.

    Returns
    -------
    Strips

    Raises
    ------
    ArgumentError
        If there is no such condition or term, no method has an estimate of it, or the study keeps
        measures only.
    """
    need_replicates(ds, "a picture of sampling distributions")
    lookup.of(ds, "term", term)
    here = ds.isel(condition=[lookup.condition_of(ds, condition)]).sel(term=[term])
    measured = measure(here).isel(condition=0, term=0)
    here = here.isel(condition=0, term=0)
    methods = lookup.having(measured["empirical_se"])
    if not methods:
        raise ArgumentError(f"no method has two estimates of {term!r} in condition {condition}")
    estimates = {name: _estimates(here, name) for name in methods}
    ax = style.axes_of(ax)
    strips = {
        name: _strip(ax, float(row), estimates[name], here, measured.sel(estimator=name))
        for row, name in enumerate(methods)
    }
    edges = np.concatenate([strip.density.get_data()[1] for strip in strips.values()])
    ax.set_xlim(*style.around(edges, 0.03))
    targets = _targets(ax, here)
    style.frame(ax, f"estimate of the {term}", "")
    style.rows(ax, [short(name) for name in methods], 0.75)
    ax.annotate(
        "error of the\nreported SE", (1.015, 1.01), xycoords="axes fraction",
        ha="left", va="bottom", fontsize=style.TEXT - 2, color=looks.QUIET,
    )  # fmt: skip
    _legend(ax, max(map(len, estimates.values())))
    return Strips(strips, targets)


def _estimates(here: xr.Dataset, method: str) -> NDArray[np.float64]:
    """The estimates that `measure` counts: of fits that are ok or singular."""
    one = here.sel(estimator=method)
    kept = one["status"].isin(FITTED) & one["estimate"].notnull()
    return np.asarray(one["estimate"].values[kept.values])


def _strip(
    ax: Axes, row: float, values: NDArray[np.float64], here: xr.Dataset, measured: xr.Dataset
) -> Strip:
    """Draw one method: histogram, limit, and bars of true and reported SE."""
    low, high = np.quantile(values, [TAIL, 1 - TAIL])
    counts, edges = np.histogram(values[(low <= values) & (values <= high)], bins="auto")
    # The y axis points down: a strip rises from its row to smaller values.
    density = ax.stairs(
        row - HEIGHT * counts / counts.max(), edges, baseline=row, fill=True, alpha=LIGHT,
        color=look(str(measured["estimator"].values)).color,
    )  # fmt: skip
    mean = float(average(values).value)
    true_se, reported_se = (
        _bar(ax, mean, row + offset, float(measured[name]), color)
        for name, offset, color in (
            ("empirical_se", 0.05, looks.INK), ("model_se", 0.07 + BAR, looks.REPORTED)
        )
    )  # fmt: skip
    limit = None
    at = float(here["limit"].sel(estimator=measured["estimator"]))
    if not np.isnan(at):
        ends = (row, row - HEIGHT - 0.04)
        (limit,) = ax.plot([at, at], ends, color=looks.INK, lw=2, solid_capstyle="butt")
    off = se_error(float(measured["relative_error"]), digits=0)
    style.at_right(ax, off, row + 0.03, x=1.015, size=style.TEXT)
    return Strip(density, limit, true_se, reported_se)


def _bar(ax: Axes, mean: float, top: float, se: float, color: str) -> Rectangle:
    """Draw a bar of ± one standard error about the mean."""
    bar = Rectangle((mean - se, top), 2 * se, BAR, facecolor=color, linewidth=0)
    ax.add_patch(bar)
    return bar


def _targets(ax: Axes, here: xr.Dataset) -> dict[str, Line2D]:
    """Vertical lines at β_W and β_B, behind the strips; one label where the two are one."""
    symbols = {name: style.TARGETS[name] for name in TARGETS}
    truth = {name: float(here["truth"].sel(target=name)) for name in symbols}
    if one := bool(np.isclose(truth["beta_within"], truth["beta_between"])):
        symbols = dict.fromkeys(symbols, (r"$\beta_W = \beta_B$", looks.INK))
    lines = {}
    for name, at in truth.items():
        if np.isnan(at):
            continue
        symbol, color = symbols[name]
        lines[name] = ax.axvline(at, color=color, lw=2, ls=(0, (4, 2)), zorder=0.5)
        if one and name == "beta_between":
            continue
        ax.annotate(
            f"{symbol[:-1]} = {at:.3g}$", (at, 1.01), xycoords=("data", "axes fraction"),
            ha="center", va="bottom", fontsize=style.TEXT + 2, color=color,
        )  # fmt: skip
    return lines


def _legend(ax: Axes, n: int) -> None:
    """Explain the artists, below the Axes."""
    handles = [
        Patch(color=looks.QUIET, alpha=LIGHT, label=f"{n:,} estimates"),
        Line2D([], [], color=looks.INK, lw=2, marker="|", ls="", ms=14, mew=2,
               label="probability limit"),
        Patch(color=looks.INK, label="mean ± true SE"),
        Patch(color=looks.REPORTED, label="mean ± reported SE"),
    ]  # fmt: skip
    style.legend(ax, handles, 4, 0.11, handlelength=1.2, columnspacing=1.4, handletextpad=0.5)
