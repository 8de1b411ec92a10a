"""The size of each kind of p-value against one factor of the grid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import FixedLocator, NullLocator

from simlab import looks
from simlab.errors import ArgumentError
from simlab.plots import style
from simlab.plots.canvas import axes_or_new
from simlab.words import p_value_label

OTHER = looks.Look(looks.QUIET, looks.CIRCLE, looks.SOLID)  # kinds of p-values without a look
SPREAD = 0.025  # between neighbouring kinds, as a share of the logarithmic axis
GAP = 0.075  # of the height of the Axes, between labels


class Sizes(NamedTuple):
    """What `size` has drawn.

    Attributes
    ----------
    lines : dict of str to ErrorbarContainer
        By kind of p-value.
    labels : dict of str to Annotation
        At their right ends.
    nominal : Line2D
        The level that they claim.
    """

    lines: dict[str, ErrorbarContainer]
    labels: dict[str, Annotation]
    nominal: Line2D


def size(
    measured: xr.Dataset,
    test: str,
    nominal: float = 0.05,
    factor: str = "population.clusters",
    at: Mapping[str, object] | None = None,
    ax: Axes | None = None,
) -> Sizes:
    """Draw the size of each kind of p-value of a test against a factor, on a logarithmic axis.

    Only conditions in which the null hypothesis holds are drawn. Whiskers are ± 1.96 Monte Carlo
    standard errors, cut off at 0; the kinds stand side by side, so that they can be told apart.

    Parameters
    ----------
    measured : Dataset
        From `simlab.rejection`.
    test : str
        Which.
    nominal : float
        One of the levels that were measured.
    factor : str
        Dotted path of a factor, whose levels must be positive numbers.
    at : mapping of str to level, optional
        Levels of other factors, where these vary too.
    ax : Axes, optional
        To draw on. By default those of a new figure.

    Returns
    -------
    Sizes

    Raises
    ------
    ArgumentError
        If there is no such test, level or factor, or no condition to draw, or several for one
        level of the factor.
    """
    style.of(measured, "test", test)
    style.of(measured, "nominal", str(nominal))
    here = _along(measured.sel(test=test, nominal=nominal), factor, at or {})
    x = here[factor].values.astype(float)
    if not (x > 0).all():
        raise ArgumentError(f"{factor!r} has levels that are not positive, as a log axis needs")
    known = here["rejection"].notnull().any("condition")
    kinds = [str(kind) for kind in here["kind"].values[known.values]]
    ax = axes_or_new(ax)
    line = ax.axhline(100 * nominal, color=looks.QUIET, lw=1.4, ls=(0, (4, 2)), zorder=0.5)
    step = (x.max() / x.min()) ** SPREAD if len(x) > 1 else 1.0
    lines = {
        kind: _line(ax, kind, x * step ** (i - (len(kinds) - 1) / 2), here.sel(kind=kind))
        for i, kind in enumerate(kinds)
    }
    _axes(ax, x, factor)
    return Sizes(lines, _labels(ax, x.max(), here, kinds), line)


def _along(measured: xr.Dataset, factor: str, at: Mapping[str, object]) -> xr.Dataset:
    """The conditions to draw, by rising level of the factor."""
    for name in (factor, *at):
        if name not in measured.coords or measured[name].dims != ("condition",):
            raise ArgumentError(f"the study does not vary {name!r}")
    kept = measured["null_holds"].values.copy()
    for name, level in at.items():
        kept &= measured[name].values == level
    here = measured.isel(condition=np.flatnonzero(kept)).sortby(factor)
    if here.sizes["condition"] == 0:
        raise ArgumentError("the null hypothesis holds in no such condition")
    if len(set(here[factor].values.tolist())) < here.sizes["condition"]:
        raise ArgumentError(f"several conditions have one level of {factor!r}; say which with at=")
    return here


def _line(ax: Axes, kind: str, x: np.ndarray, here: xr.Dataset) -> ErrorbarContainer:
    seen = looks.P_VALUES.get(kind, OTHER)
    share, low, high = (100 * here[f"rejection{part}"].values for part in ("", "_low", "_high"))
    return ax.errorbar(
        x, share, yerr=(share - low, high - share),
        color=seen.color, marker=seen.marker.plot, lw=2, ms=7, elinewidth=1.6, capsize=0,
        clip_on=False,
    )  # fmt: skip


def _axes(ax: Axes, x: np.ndarray, factor: str) -> None:
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(x.tolist()))
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_ylim(bottom=0)
    ax.set_xlabel(style.FACTORS.get(factor, factor), fontsize=style.TEXT)
    ax.set_ylabel("size in %", fontsize=style.TEXT)
    ax.tick_params(labelsize=style.TEXT, color=looks.QUIET)
    ax.spines[["right", "top"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(looks.QUIET)


def _labels(ax: Axes, x: float, here: xr.Dataset, kinds: list[str]) -> dict[str, Annotation]:
    """Name each line at its right end, labels moved apart where lines end together."""
    low, high = ax.get_ylim()
    ends = [100 * float(here["rejection"].sel(kind=kind)[-1]) for kind in kinds]
    heights = style.apart(ends, GAP * (high - low))
    return {
        kind: ax.annotate(
            p_value_label(kind), (x, height), xytext=(24, 0), textcoords="offset points",
            va="center", fontsize=style.TEXT, color=looks.P_VALUES.get(kind, OTHER).color,
            annotation_clip=False,
        )
        for kind, height in zip(kinds, heights, strict=True)
    }  # fmt: skip
