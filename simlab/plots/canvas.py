"""Empty figures, for those who may not name matplotlib."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
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
    found = figure.subplots(1, columns, **grid)
    axes = np.array([found] if isinstance(found, Axes) else found, dtype=object)
    return figure, axes


def axes_or_new(ax: Axes | None) -> Axes:
    """Return the Axes that were given, or those of a new figure of pyplot's."""
    if ax is not None:
        return ax
    new: Axes = figure_or_new(None).subplots()
    return new


def figure_or_new(figure: Figure | SubFigure | None) -> Figure | SubFigure:
    """Return the figure that was given, or a new one of pyplot's, which notebooks show."""
    if figure is not None:
        return figure
    from matplotlib import pyplot  # heavy, and not needed where a figure is given

    return pyplot.figure(figsize=(10, 6), layout="constrained")
