"""One measure of every method, each a lolly with the Monte Carlo interval around its head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from simlab import looks
from simlab.methods import look, short
from simlab.plots import style
from simlab.plots.canvas import axes_or_new
from simlab.plots.lookup import condition_of, methods, one_measure
from simlab.text.numbers import decimals

BESIDE_ONE = ("efficiency",)
NOMINAL = ("coverage", "bias_eliminated_coverage")


class Lollies(NamedTuple):
    """What `lolly` has drawn.

    Attributes
    ----------
    heads : dict of str to Line2D
        Each method's marker at its value, from top to bottom.
    sticks : LineCollection
        From the reference to the heads.
    brackets : tuple of Line2D
        The parentheses "(" and ")" at the ends of the 95 % Monte Carlo intervals.
    reference : Line2D
        Vertical line where a perfect method would be.
    """

    heads: dict[str, Line2D]
    sticks: LineCollection
    brackets: tuple[Line2D, Line2D]
    reference: Line2D


def lolly(
    measured: xr.Dataset,
    measure: str,
    condition: int = 0,
    term: str = "slope",
    target: str = "beta_within",
    reference: float | None = None,
    estimators: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Lollies:
    """Draw one measure of every method in one condition.

    Parameters
    ----------
    measured : Dataset
        From `simlab.measure`.
    measure : str
        A measure with a Monte Carlo standard error, such as "bias", "coverage", "relative_error".
    condition : int
        Position of the condition.
    term : str
        Methods without it are left out. No matter for a measure of whole fits, such as "failures".
    target : str
        For measures that have one.
    reference : float, optional
        Where the sticks begin: by default the level of the intervals for coverage, 1 for
        efficiency, 0 otherwise.
    estimators : sequence of str, optional
        Which methods, in which order; by default all that have the measure.
    ax : Axes, optional
        To draw on. By default those of a new figure.

    Returns
    -------
    Lollies

    Raises
    ------
    ArgumentError
        If there is no such measure, condition, term, target or method, or no method has a value.

    Notes
    -----
    ``lolly`` of R's rsimsum, which also marks the Monte Carlo interval with parentheses.
    """
    here = one_measure(measured, measure, term, target)
    here = here.isel(condition=condition_of(measured, condition))
    names = methods(here[measure], estimators)
    value, mcse, low, high = (
        here[measure + part].sel(estimator=names).values for part in ("", "_mcse", "_low", "_high")
    )
    start = _reference(measured, measure) if reference is None else reference
    rows = np.arange(len(names))
    ax = axes_or_new(ax)
    line = ax.axvline(start, color=looks.INK, lw=1.6, zorder=0.5)
    sticks = ax.hlines(rows, start, value, color=looks.STRIP, lw=4, zorder=1)
    heads = {name: _head(ax, look(name), at) for name, *at in zip(names, value, rows, strict=True)}
    opening, closing = (
        ax.plot(at, rows, ls="", marker=sign, ms=15, mew=0.4, color=looks.INK, zorder=3)[0]
        for at, sign in ((low, "$($"), (high, "$)$"))
    )
    _words(ax, names, measured[measure].attrs)
    _numbers(ax, value, style.Z * mcse)
    return Lollies(heads, sticks, (opening, closing), line)


def _head(ax: Axes, seen: looks.Look, at: Sequence[float]) -> Line2D:
    return ax.plot(*at, color=seen.color, marker=seen.marker.plot, ms=7, ls="", zorder=2)[0]


def _reference(measured: xr.Dataset, measure: str) -> float:
    if measure in NOMINAL:
        return float(measured.attrs.get("level", 0.95))
    return 1.0 if measure in BESIDE_ONE else 0.0


def _words(ax: Axes, names: list[str], attrs: dict[str, str]) -> None:
    ax.set_yticks(range(len(names)), [short(name) for name in names])
    ax.set_ylim(len(names) - 0.5, -0.6)
    unit = f" ({attrs['units']})" if attrs["units"] == "%" else ""
    style.frame(ax, attrs["long_name"] + unit, "")
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def _numbers(ax: Axes, value: np.ndarray, margin: np.ndarray) -> None:
    """Values at the right, with the decimals that the widest interval makes meaningful."""
    widest = np.nanmax(margin, initial=0.0)
    least = max(1 - int(np.floor(np.log10(widest))), 0) if widest > 0 else 3
    ax.annotate(
        "value ± 1.96 MCSE", (1.02, 1.0), xycoords="axes fraction", va="bottom",
        ha="left", fontsize=style.TEXT - 2, color=looks.QUIET,
    )  # fmt: skip
    for row, (v, m) in enumerate(zip(value, margin, strict=True)):
        digits = decimals(m, least)
        ax.annotate(
            f"{v:z.{digits}f} ± {m:.{digits}f}".replace("-", "−"), (1.02, row),
            xycoords=("axes fraction", "data"), ha="left", va="center",
            fontsize=style.TEXT - 1, color=looks.INK,
        )  # fmt: skip
