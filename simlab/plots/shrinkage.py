"""From BLUE to BLUP: how far each cluster is drawn towards the mean of all."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from simlab import looks
from simlab.errors import ArgumentError
from simlab.looks import BLUE, BLUP
from simlab.pictures import ellipse
from simlab.plots import style

MARGIN = 0.05


class Shrinkage(NamedTuple):
    """Artists of shrinkage."""

    # dots at each cluster's own estimate, and at its prediction
    blue: Line2D
    blup: Line2D
    arrows: LineCollection  # from the one to the other
    gls: Line2D  # the estimated mean of all clusters: a line, or in beta space a point
    dispersion: Line2D | None = None  # the ellipse of Ĝ, in beta space


def shrinkage(
    blue: pd.Series[float],
    blup: pd.Series[float],
    n: pd.Series[int],
    gls: float,
    name: str = "estimate",
    level2: str = "cluster",
    ax: Axes | None = None,
) -> Shrinkage:
    """Draw BLUEs and BLUPs against the size of the clusters.

    Parameters
    ----------
    blue, blup : (J,) Series
        By cluster: its own estimate, such as `fit.blue()["(Intercept)"]`, and its prediction,
        such as `fit.coef()["(Intercept)"]`. A cluster without an estimate of its own is left out.
    n : (J,) Series
        Rows of each cluster.
    gls : float
        The estimate for all clusters, such as `fit.fixef["(Intercept)"]`.
    name : str
        Of what is estimated.
    level2 : str
        What a cluster is called.
    ax : Axes, optional
        To draw on. By default those of a new figure.

    Returns
    -------
    Shrinkage

    Raises
    ------
    ArgumentError
        If no cluster has all three.
    """
    rows = pd.DataFrame({"blue": blue, "blup": blup, "n": n}).dropna()
    if rows.empty:
        raise ArgumentError("no cluster has a BLUE, a BLUP and a size; give series by cluster")
    ax = style.axes_of(ax)
    line = ax.axhline(gls, color=looks.INK, lw=2.2, zorder=1)
    arrows, dots = _moves(
        ax, rows[["n", "blue"]].to_numpy(float), rows[["n", "blup"]].to_numpy(float)
    )
    style.frame(ax, f"rows of the {level2}", name)
    _legend(ax, Line2D([], [], color=looks.INK, lw=2.2, label="GLS, of all"))
    return Shrinkage(*dots, arrows, line)


def shrinkage_space(
    blue: pd.DataFrame,
    blup: pd.DataFrame,
    gls: ArrayLike,
    G: ArrayLike | None = None,
    ax: Axes | None = None,
) -> Shrinkage:
    """Draw BLUEs and BLUPs in beta space, and the dispersion ellipse of Ĝ about the mean.

    The ellipse has radius 1: its shadows are γ̂ ± one standard deviation of the true coefficients.
    BLUEs spread further than that, by their own error; BLUPs less.

    Parameters
    ----------
    blue, blup : (J, 2) DataFrame
        Intercept and slope of each cluster, such as `fit.blue()` and `fit.coef()`. Columns are
        those of `blue`. A cluster without a line of its own is left out.
    gls : (2,)
        γ̂.
    G : (2, 2), optional
        Ĝ.
    ax : Axes, optional
        To draw on; 8 by 6 inches. By default those of a new figure.

    Returns
    -------
    Shrinkage

    Raises
    ------
    ArgumentError
        If `blue` has not two columns, `blup` lacks one of them, or no cluster has both.
    """
    names = [str(name) for name in blue.columns]
    if len(names) != 2 or not set(names) <= set(blup.columns):
        raise ArgumentError("beta space has two axes; give BLUEs and BLUPs of two coefficients")
    both = pd.concat([blue, blup[names]], axis=1, join="inner").dropna().to_numpy(float)
    if not len(both):
        raise ArgumentError("no cluster has both a BLUE and a BLUP")
    dispersion = None
    ax = style.axes_of(ax)
    if G is not None:
        path = ellipse(gls, G)
        (dispersion,) = ax.plot(*path.T, color=looks.INK, lw=2, zorder=1)
    (mean,) = ax.plot(*np.asarray(gls, dtype=float)[:, None], "D", color=looks.INK, ms=10, zorder=4)
    arrows, dots = _moves(ax, both[:, :2], both[:, 2:])
    x, y = (name.replace("(Intercept)", "intercept") for name in names)
    style.frame(ax, x, y)
    handle = Line2D([], [], color=looks.INK, marker="D", ms=8, lw=2 if G is not None else 0)
    handle.set_label(r"$\hat\gamma$" + (r", ellipse of $\hat G$" if G is not None else ""))
    _legend(ax, handle)
    return Shrinkage(*dots, arrows, mean, dispersion)


def _moves(
    ax: Axes, start: np.ndarray, end: np.ndarray
) -> tuple[LineCollection, tuple[Line2D, Line2D]]:
    """Draw arrows from the BLUEs to the BLUPs."""
    arrows = LineCollection(
        list(np.stack([start, end], axis=1)), colors=looks.QUIET, lw=1.1, zorder=2
    )
    ax.add_collection(arrows)
    blue, blup = (
        ax.plot(*at.T, ls="", color=color, marker=marker.plot, ms=6.5, mew=0, zorder=3)[0]
        for at, (color, marker, _) in ((start, BLUE), (end, BLUP))
    )
    ax.margins(MARGIN)
    return arrows, (blue, blup)


def _legend(ax: Axes, gls: Line2D) -> None:
    dots = [style.dot(BLUE, "BLUE, its own", 7), style.dot(BLUP, "BLUP, shrunken", 7)]
    style.legend(ax, [*dots, gls], 3, handletextpad=0.4, columnspacing=1.4)
