"""Bias, and the size of tests, against one factor of the grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.lines import Line2D
from matplotlib.text import Annotation

from simlab import looks
from simlab.errors import ArgumentError
from simlab.measures.conditions import config_of
from simlab.methods import look, short
from simlab.plots import lookup, style
from simlab.verdicts.places import places
from simlab.words import p_value_label

OTHER = looks.Look(looks.QUIET, looks.CIRCLE, looks.SOLID)  # kinds of p-values without a look
SPREAD = 0.025  # between neighbouring kinds, as a share of the logarithmic axis


class Sweep(NamedTuple):
    """Artists of `bias_sweep`: a line with whiskers and a label for each method."""

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
    lookup.of(measured, "term", term)
    result = places(measured, config_of(measured))
    conditions = result.sweep(factor)
    if len(conditions) < 2:
        swept = ", ".join(name for name in result.levels if result.sweep(name)) or "none"
        raise ArgumentError(f"the study does not sweep {factor!r}; the factors it sweeps: {swept}")
    x = style.positive([result.sizes[factor][c] for c in conditions], factor)
    here = measured.isel(condition=conditions).sel(term=term, target="beta_within")
    names = lookup.methods(here["bias"], estimators)
    ax = style.axes_of(ax)
    ax.axhline(0.0, color=looks.QUIET, lw=1.2, zorder=0.5)
    lines = {name: _line(ax, look(name), x, here.sel(estimator=name)) for name in names}
    style.log_ticks(ax, x)
    name = style.FACTORS.get(factor, factor)
    style.frame(ax, name, rf"bias of the {term} for $\beta_W$", math=True)
    ends = {name: float(here["bias"].sel(estimator=name)[-1]) for name in names}
    colors = [look(name).color for name in names]
    labels = style.line_labels(ax, x[-1], ends, [*map(short, names)], colors, 0.065, 12)
    return Sweep(lines, labels)


def _line(ax: Axes, seen: looks.Look, x: np.ndarray, here: xr.Dataset) -> ErrorbarContainer:
    """Draw the bias of one method, with whiskers of ±1.96 MCSE."""
    return ax.errorbar(
        x, here["bias"].values, yerr=style.Z * here["bias_mcse"].values,
        color=seen.color, marker=seen.marker.plot, ls=seen.dash.plot, lw=2.2, ms=7,
        elinewidth=1.8, capsize=4, capthick=1.8, clip_on=False,
    )  # fmt: skip


class Sizes(NamedTuple):
    """Artists of `size`."""

    lines: dict[str, ErrorbarContainer]  # by kind of p-value
    labels: dict[str, Annotation]  # at their right ends
    nominal: Line2D  # the level that they claim


def size(
    measured: xr.Dataset,
    test: str,
    nominal: float = 0.05,
    factor: str = "population.clusters",
    at: Mapping[str, object] | None = None,
    ax: Axes | None = None,
) -> Sizes:
    """Draw the size of each kind of p-value of a test against a factor, on a logarithmic axis.

    Only conditions in which the null hypothesis holds are drawn. Whiskers are Wilson's 95 %
    intervals; the kinds stand side by side, so that they can be distinguished.

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
    lookup.of(measured, "test", test)
    lookup.of(measured, "nominal", str(nominal))
    here = _along(measured.sel(test=test, nominal=nominal), factor, at or {})
    x = style.positive(here[factor].values, factor)
    known = here["rejection"].notnull().any("condition")
    kinds = [str(kind) for kind in here["kind"].values[known.values]]
    ax = style.axes_of(ax)
    line = ax.axhline(100 * nominal, color=looks.QUIET, lw=1.4, ls=(0, (4, 2)), zorder=0.5)
    step = (x.max() / x.min()) ** SPREAD if len(x) > 1 else 1.0
    lines = {
        kind: _rejections(ax, kind, x * step ** (i - (len(kinds) - 1) / 2), here.sel(kind=kind))
        for i, kind in enumerate(kinds)
    }
    style.log_ticks(ax, x)
    ax.set_ylim(bottom=0)
    style.frame(ax, style.FACTORS.get(factor, factor), "size in %", math=True)
    ends = {kind: 100 * float(here["rejection"].sel(kind=kind)[-1]) for kind in kinds}
    colors = [looks.P_VALUES.get(kind, OTHER).color for kind in kinds]
    texts = [p_value_label(kind) for kind in kinds]
    return Sizes(lines, style.line_labels(ax, x.max(), ends, texts, colors, 0.075, 24), line)


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


def _rejections(ax: Axes, kind: str, x: np.ndarray, here: xr.Dataset) -> ErrorbarContainer:
    """Draw the rejections of one kind of p-value, in %, with their intervals."""
    seen = looks.P_VALUES.get(kind, OTHER)
    share, low, high = (100 * here[f"rejection{part}"].values for part in ("", "_low", "_high"))
    return ax.errorbar(
        x, share, yerr=(share - low, high - share), color=seen.color, marker=seen.marker.plot,
        lw=2, ms=7, elinewidth=1.6, capsize=0, clip_on=False,
    )  # fmt: skip
