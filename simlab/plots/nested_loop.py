"""A measure over all conditions of a grid: the nested-loop plot of Rücker & Schwarzer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.patches import StepPatch
from matplotlib.text import Annotation

from simlab import looks
from simlab.errors import ArgumentError
from simlab.measures.conditions import config_of
from simlab.methods import look
from simlab.plots import style
from simlab.plots.lookup import methods, one_measure
from simlab.verdicts.places import Level, Places, places

LOOP, GAP = 0.09, 0.06  # heights of a factor's line and of what is above it, in heights of the data


class NestedLoop(NamedTuple):
    """Artists of `nested_loop`."""

    conditions: list[int]  # positions of the conditions, from left to right
    steps: dict[str, StepPatch]  # by method: its values, one step for each condition
    # by method: the 95 % Monte Carlo interval, with a marker on each step
    whiskers: dict[str, ErrorbarContainer]
    loops: dict[str, StepPatch]  # by factor: the rank of its level in each condition
    labels: dict[str, Annotation]  # names of the methods


def nested_loop(
    measured: xr.Dataset,
    measure: str,
    term: str = "slope",
    target: str = "beta_within",
    factors: Sequence[str] | None = None,
    estimators: Sequence[str] | None = None,
    reference: float | None = 0.0,
    ax: Axes | None = None,
) -> NestedLoop:
    """Draw a measure of every method in every condition, the levels of the factors below.

    Conditions are sorted by the first factor, then by the second, and so on: the last one changes
    fastest, and its effect is seen from step to step.

    Parameters
    ----------
    measured : Dataset
        From `simlab.measure`, of a study whose grid crosses its factors.
    measure : str
        A measure with a Monte Carlo standard error, such as "bias".
    term : str
        Of what.
    target : str
        For measures that have one.
    factors : sequence of str, optional
        Dotted paths, outermost first; by default all factors of the grid in its order. Where a
        condition occurs with several levels of a factor that is left out, each is a step.
    estimators : sequence of str, optional
        Which methods; by default all that have the measure.
    reference : float, optional
        Where to draw a horizontal line; None for no line.
    ax : Axes, optional
        To draw on; 10 by 6 inches serve 40 conditions. By default those of a new figure.

    Returns
    -------
    NestedLoop

    Raises
    ------
    ArgumentError
        If there is no such measure, term, target, factor or method, or no factor at all.

    Notes
    -----
    Rücker & Schwarzer (2014), *BMC Medical Research Methodology* 14:129; ``nlp`` of rsimsum.
    """
    here = one_measure(measured, measure, term, target)
    result = places(measured, config_of(measured))
    chosen = list(result.levels) if factors is None else list(factors)
    if not chosen or (unknown := [name for name in chosen if name not in result.levels]):
        wrong = f"{unknown[0]!r} is no factor of the grid" if chosen else "there is no factor"
        raise ArgumentError(f"{wrong}; its factors: {', '.join(result.levels) or 'none'}")
    names = methods(here[measure], estimators)
    ranks = {name: _ranks(result, name) for name in chosen}
    conditions = sorted(range(len(result.scheme)), key=lambda c: [ranks[f][c] for f in chosen])
    here = here.isel(condition=conditions)
    steps, whiskers = {}, {}
    ax = style.axes_of(ax)
    for name in names:
        one = here.sel(estimator=name)
        bars = one[f"{measure}_low"].values, one[f"{measure}_high"].values
        steps[name], whiskers[name] = _method(ax, one[measure].values, bars, look(name))
    if reference is not None:
        ax.axhline(reference, color=looks.QUIET, lw=1.2, zorder=0.5)
    low, high = ax.get_ylim()
    loops = {
        name: _loop(ax, result, name, [ranks[name][c] for c in conditions], low, high - low, row)
        for row, name in enumerate(chosen)
    }
    _axes(ax, measured[measure].attrs["long_name"], low, high, len(chosen), len(conditions))
    ends = {name: (float(len(conditions)), _last(here[measure], name)) for name in names}
    labels = style.end_labels(ax, ends, {name: look(name).color for name in names})
    return NestedLoop(conditions, steps, whiskers, loops, labels)


def _levels(result: Places, factor: str) -> list[Level]:
    """Levels of a factor: by their size where they have one, else in order of appearance."""
    sizes = dict(zip(result.levels[factor], result.sizes[factor], strict=True))
    if all(size is not None for size in sizes.values()):
        return sorted(sizes, key=lambda level: sizes[level] or 0.0)
    return list(sizes)


def _ranks(result: Places, factor: str) -> list[int]:
    order = _levels(result, factor)
    return [order.index(level) for level in result.levels[factor]]


def _method(
    ax: Axes, values: np.ndarray, ends: tuple[np.ndarray, np.ndarray], seen: looks.Look
) -> tuple[StepPatch, ErrorbarContainer]:
    """Draw one method: steps, and whiskers for the Monte Carlo intervals."""
    steps = ax.stairs(values, baseline=None, color=seen.color, lw=2, ls=seen.dash.plot)
    whiskers = ax.errorbar(
        np.arange(len(values)) + 0.5, values, yerr=(values - ends[0], ends[1] - values), ls="",
        color=seen.color, marker=seen.marker.plot, ms=5, elinewidth=1.5, capsize=2,
    )  # fmt: skip
    return steps, whiskers


def _last(values: xr.DataArray, method: str) -> float:
    """Value of a method in the last condition where it has one."""
    return float(values.sel(estimator=method).dropna("condition")[-1])


def _loop(
    ax: Axes, result: Places, factor: str, ranks: list[int], low: float, height: float, row: int
) -> StepPatch:
    """Line of one factor below the data, the words of its levels above it."""
    base = low - height * (GAP + (row + 1) * (LOOP + GAP) - GAP / 2)
    rise = height * LOOP / 2 / max(*ranks, 1)
    line = ax.stairs(base + rise * np.array(ranks), baseline=None, color=looks.INK, lw=1.4)
    levels = ", ".join(
        f"{level:g}" if isinstance(level, float) else level or "–"
        for level in _levels(result, factor)
    )
    ax.annotate(
        f"{style.FACTORS.get(factor, factor)}: {levels}", (0, base + height * LOOP / 2),
        xytext=(0, 3), textcoords="offset points", ha="left", va="bottom",
        fontsize=style.TEXT - 2, color=looks.INK,
    )  # fmt: skip
    return line


def _axes(ax: Axes, name: str, low: float, high: float, factors: int, conditions: int) -> None:
    """Set limits with room for the loops of the factors below."""
    style.frame(ax, f"{conditions} conditions", name)
    bottom = low - (high - low) * (GAP + factors * (LOOP + GAP))
    ticks = [tick for tick in ax.get_yticks() if low <= tick <= high]
    ax.set_yticks(ticks)
    ax.set_xticks([])
    ax.spines["left"].set_bounds(low, high)
    ax.spines["bottom"].set_visible(False)
    ax.yaxis.label.set_y((high + low - 2 * bottom) / (2 * (high - bottom)))
    ax.set_xlim(0, conditions)
    ax.set_ylim(bottom, high)
