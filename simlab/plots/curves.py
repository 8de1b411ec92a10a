"""Measured points, with what theory says of them as a curve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from numpy.typing import ArrayLike

from simlab import looks
from simlab.plots import style


class Curve(NamedTuple):
    """A quantity that was measured in several places."""

    # (n,) where, and what was measured
    x: ArrayLike
    value: ArrayLike
    mcse: ArrayLike = 0.0  # (n,) Monte Carlo standard errors
    theory: tuple[ArrayLike, ArrayLike] | None = None  # (m,) x and y of what theory says
    # colour and marker of the same thing elsewhere; by default those of the method that it is named
    # after, or of the place that it has
    look: looks.Look | None = None


class Curves(NamedTuple):
    """Artists of `curves`, by name; theories only of those that have one."""

    points: dict[str, ErrorbarContainer]
    theories: dict[str, Line2D]
    labels: dict[str, Annotation]


def curves(
    given: Mapping[str, Curve], names: tuple[str, str], log: bool = False, ax: Axes | None = None
) -> Curves:
    """Draw measured points with whiskers of ± 1.96 MCSE, and theory as lines.

    Points without a theory are joined by thin lines. Each name stands at the right end.

    Parameters
    ----------
    given : mapping of str to Curve
        What to draw, by name.
    names : (str, str)
        Of x and y.
    log : bool
        Whether x is logarithmic; its ticks are then at the points.
    ax : Axes, optional
        To draw on. By default those of a new figure.

    Returns
    -------
    Curves
    """
    points, theories = {}, {}
    colors = {}
    ax = style.axes_of(ax)
    for i, (name, curve) in enumerate(given.items()):
        color, marker, _ = curve.look or style.look_of(name, i)
        colors[name] = color
        x, value, mcse = (np.asarray(v, dtype=float) for v in curve[:3])
        points[name] = ax.errorbar(
            x, value, yerr=style.Z * np.broadcast_to(mcse, x.shape), color=color,
            marker=marker.plot, ls="-" if curve.theory is None else "", lw=1.2, ms=7,
            elinewidth=1.6, capsize=3,
        )  # fmt: skip
        if curve.theory is not None:
            (theories[name],) = ax.plot(*curve.theory, color=color, lw=2.2, alpha=0.75, zorder=1.5)
    if log:
        at = np.unique(np.concatenate([np.asarray(c.x, dtype=float) for c in given.values()]))
        style.log_ticks(ax, at, ",g")
    style.frame(ax, *names)
    ax.set_ylim(*ax.get_ylim())  # final, as labels at the ends need
    return Curves(points, theories, style.end_labels(ax, _ends(given), colors))


def _ends(given: Mapping[str, Curve]) -> dict[str, tuple[float, float]]:
    """Return the rightmost point of each: of its theory, where it has one."""
    ends = {}
    for name, curve in given.items():
        where = curve[:2] if curve.theory is None else curve.theory
        x, y = (np.asarray(values, dtype=float) for values in where)
        ends[name] = (float(x[-1]), float(y[-1]))
    return ends
