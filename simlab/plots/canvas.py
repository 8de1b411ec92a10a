"""Empty figures and Axes, for those who may not name matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray


def canvas(
    width: float, height: float, columns: int = 1, **grid: Any
) -> tuple[Figure, NDArray[np.object_]]:
    """Return a new figure with a row of Axes, which belongs to no window.

    Parameters
    ----------
    width, height : float
        Inches.
    columns : int
        How many Axes, side by side.
    **grid
        As for ``Figure.subplots``.

    Returns
    -------
    Figure, (columns,) array of Axes
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    result = figure.subplots(1, columns, **grid)
    axes = np.array([result] if isinstance(result, Axes) else result, dtype=object)
    return figure, axes


def panels(
    *titles: str, size: tuple[float, float] = (17, 8), ratios: Sequence[float] | None = None
) -> tuple[Figure, list[Axes]]:
    """Make Axes side by side, one for each title.

    Parameters
    ----------
    titles : str
        One for each panel.
    size : (width, height)
        Of the figure, in inches.
    ratios : sequence of float, optional
        Relative widths of the panels; equal by default.

    Returns
    -------
    (Figure, list of Axes)
    """
    figure = Figure(figsize=size)
    figure.set_layout_engine("constrained", wspace=0.06, w_pad=0.15, h_pad=0.15)
    axes = figure.subplots(1, len(titles), squeeze=False, width_ratios=ratios)[0]
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title, loc="left", fontsize=17, pad=38)
    return figure, list(axes)
