"""Bias against one factor of the grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.text import Annotation
from matplotlib.ticker import FixedLocator, NullLocator

from simlab import looks
from simlab.errors import ArgumentError
from simlab.measures.conditions import config_of
from simlab.methods import look, short
from simlab.plots import style
from simlab.plots.canvas import axes_or_new
from simlab.verdicts.places import places

GAP = 0.065  # of the height of the Axes, between labels


class Sweep(NamedTuple):
    """What `bias_sweep` has drawn: a line with whiskers and a label for each method."""

    lines: dict[str, ErrorbarContainer]
    labels: dict[str, Annotation]


def bias_sweep(
    measured: xr.Dataset,
    factor: str,
    term: str = "slope",
    estimators: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Sweep:
    """Draw the bias for β_W against a swept factor, on a logarithmic axis.

    The conditions are those that differ from the base of the study in this factor alone. Whiskers
    are ± 1.96 Monte Carlo standard errors.

    Parameters
    ----------
    measured : Dataset
        From `simlab.measure`.
    factor : str
        Dotted path of the factor, whose levels must be positive numbers.
    term : str
        Whose bias.
    estimators : sequence of str, optional
        Which methods; by default all that have the term.
    ax : Axes, optional
        To draw on. By default those of a new figure.

    Returns
    -------
    Sweep

    Raises
    ------
    ArgumentError
        If there is no such term or method, no method has the term, or the study does not sweep
        the factor over positive numbers.
    """
    style.of(measured, "term", term)
    found = places(measured, config_of(measured))
    conditions = found.sweep(factor)
    if len(conditions) < 2:
        swept = ", ".join(name for name in found.levels if found.sweep(name)) or "none"
        raise ArgumentError(f"the study does not sweep {factor!r}; the factors it sweeps: {swept}")
    x = np.array([found.sizes[factor][c] for c in conditions], dtype=float)
    if not (x > 0).all():
        raise ArgumentError(f"{factor!r} has levels that are not positive, as a log axis needs")
    here = measured.isel(condition=conditions).sel(term=term, target="beta_within")
    names = style.having(here["bias"])
    if estimators is not None:
        names = [style.of(measured, "estimator", name) for name in estimators]
    if not names:
        raise ArgumentError(f"no method estimates {term!r}")
    ax = axes_or_new(ax)
    ax.axhline(0.0, color=looks.QUIET, lw=1.2, zorder=0.5)
    lines = {name: _line(ax, look(name), x, here.sel(estimator=name)) for name in names}
    _axes(ax, x, factor, term)
    return Sweep(lines, _labels(ax, x[-1], here, names))


def _line(ax: Axes, seen: looks.Look, x: np.ndarray, here: xr.Dataset) -> ErrorbarContainer:
    return ax.errorbar(
        x, here["bias"].values, yerr=style.Z * here["bias_mcse"].values,
        color=seen.color, marker=seen.marker.plot, ls=seen.dash.plot,
        lw=2.2, ms=7, elinewidth=1.8, capsize=4, capthick=1.8, clip_on=False,
    )  # fmt: skip


def _axes(ax: Axes, x: np.ndarray, factor: str, term: str) -> None:
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(x.tolist()))
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.xaxis.set_minor_locator(NullLocator())
    name = style.FACTORS.get(factor, factor)
    style.frame(ax, name, rf"bias of the {term} for $\beta_W$", math=True)


def _labels(ax: Axes, x: float, here: xr.Dataset, names: list[str]) -> dict[str, Annotation]:
    """Name each line at its right end, labels moved apart where lines end together."""
    low, high = ax.get_ylim()
    ends = [float(here["bias"].sel(estimator=name)[-1]) for name in names]
    heights = style.apart(ends, GAP * (high - low))
    return {
        name: ax.annotate(
            short(name), (x, height), xytext=(12, 0), textcoords="offset points",
            va="center", fontsize=style.TEXT, color=look(name).color,
            annotation_clip=False,
        )
        for name, height in zip(names, heights, strict=True)
    }  # fmt: skip
