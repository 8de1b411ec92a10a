"""Is the reported standard error the true one? All methods against the line of honesty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from simlab import looks
from simlab.errors import ArgumentError
from simlab.measures.conditions import config_of
from simlab.methods import look
from simlab.plots import lookup, style
from simlab.text.numbers import se_error
from simlab.verdicts.places import places

ROOM = 0.08  # of the range of the points, on a logarithmic scale, around them
WIDE = 4.0  # ratio of the limits above which diagonals at ½ and 2, and ticks at 1, 2, 5 serve


class HonestSE(NamedTuple):
    """Artists of `honest_se`."""

    # by method and question: a marker at (true SE, reported SE), whiskers of ± 1.96 Monte Carlo
    # standard errors
    points: dict[tuple[str, str], ErrorbarContainer]
    honesty: Line2D  # where both are equal
    labels: dict[str, Annotation]  # names of the methods, at the first question


def honest_se(
    measured: xr.Dataset,
    conditions: Mapping[str, int] | None = None,
    term: str = "slope",
    estimators: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> HonestSE:
    """Draw the standard error that each method reports against the one that it has.

    On the diagonal a method is honest. Below, it claims more than it knows: its intervals are
    too short. Scales are logarithmic, so that a reported SE that is off by so many per cent is as
    far from the diagonal everywhere.

    Parameters
    ----------
    measured : Dataset
        From `simlab.measure`.
    conditions : mapping of str to int, optional
        Position of a condition, by the question that it answers; the first has filled markers. By
        default the base of the study under new schools, and, if there, under the same schools.
    term : str
        Methods without it are left out.
    estimators : sequence of str, optional
        Which methods; by default all that have the term.
    ax : Axes, optional
        To draw on, 9 by 6 inches with the names. By default those of a new figure.

    Returns
    -------
    HonestSE

    Raises
    ------
    ArgumentError
        If there is no such condition, term or method, or no method has two standard errors
        above 0.
    """
    lookup.of(measured, "term", term)
    wanted = _questions(measured) if conditions is None else dict(conditions)
    if not wanted:
        raise ArgumentError("conditions is empty; name a question, and give its condition")
    at = {
        name: measured.isel(condition=lookup.condition_of(measured, c))
        for name, c in wanted.items()
    }
    first = next(iter(at.values())).sel(term=term)
    names = lookup.methods(first["model_se"], estimators)
    ax = style.axes_of(ax)
    points = {
        (name, question): _point(ax, here.sel(term=term, estimator=name), look(name), q == 0)
        for q, (question, here) in enumerate(at.items())
        for name in names
    }
    honesty = _scales(ax, points)
    style.frame(ax, "true SE", "reported SE")
    ends = {name: _place(points[name, next(iter(at))]) for name in names}
    labels = style.end_labels(ax, ends, {name: look(name).color for name in names})
    if len(at) > 1:
        grey = looks.Look(looks.QUIET, looks.CIRCLE, looks.SOLID)
        fills = [looks.QUIET, *[looks.PAPER] * (len(at) - 1)]
        handles = [
            style.dot(grey, question, mew=1.8, mfc=fill)
            for question, fill in zip(at, fills, strict=True)
        ]
        style.legend(ax, handles, len(at), handletextpad=0.3)
    return HonestSE(points, honesty, labels)


def _questions(measured: xr.Dataset) -> dict[str, int]:
    result = places(measured, config_of(measured))
    known = {"new schools": result.base, "other students of the same schools": result.same}
    return {name: c for name, c in known.items() if c is not None}


def _point(ax: Axes, one: xr.Dataset, seen: looks.Look, filled: bool) -> ErrorbarContainer:
    """Draw reported against true standard error of one method, with whiskers."""
    x, y = float(one["empirical_se"]), float(one["model_se"])
    return ax.errorbar(
        [x], [y], xerr=style.Z * float(one["empirical_se_mcse"]),
        yerr=style.Z * float(one["model_se_mcse"]), color=seen.color, marker=seen.marker.plot, ms=9,
        mfc=seen.color if filled else looks.PAPER, mew=1.8, elinewidth=1.5, zorder=3,
    )  # fmt: skip


def _place(point: ErrorbarContainer) -> tuple[float, float]:
    x, y = (float(np.asarray(values)[0]) for values in point.lines[0].get_data())
    return x, y


def _scales(ax: Axes, points: Mapping[tuple[str, str], ErrorbarContainer]) -> Line2D:
    """Logarithmic scales of one length, with diagonals at simple errors of the reported SE."""
    places = np.array([_place(point) for point in points.values()])
    values = np.log(places[(places > 0).all(axis=1)])
    if not len(values):
        raise ArgumentError("no method has a true and a reported standard error above 0")
    room = ROOM * float(np.ptp(values)) or ROOM
    ax.set(xscale="log", yscale="log")
    low, high = np.exp(values.min() - room), np.exp(values.max() + room)
    ends = np.array([low, high])
    wide = bool(high / low > WIDE)
    for ratio in (0.5, 2.0) if wide else ():
        ax.plot(ends, ratio * ends, color=looks.QUIET, lw=1, ls=(0, (1, 3)), zorder=0.5)
        ax.annotate(
            se_error(100 * (ratio - 1), digits=0), (low / min(ratio, 1), low * max(ratio, 1)),
            xytext=(6, 6), textcoords="offset points", ha="left", va="bottom", rotation=45,
            rotation_mode="anchor", fontsize=style.TEXT - 2, color=looks.QUIET,
        )  # fmt: skip
    (line,) = ax.plot(ends, ends, color=looks.INK, lw=1.6, zorder=0.5)
    ax.set(xlim=ends, ylim=ends, aspect="equal")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)) if wide else MaxNLocator(4))
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_minor_locator(NullLocator())
    return line
