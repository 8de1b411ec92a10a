"""A figure of one or several panels, each with a title at its left."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure


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
