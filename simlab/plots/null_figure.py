"""A whole figure of null distributions, one panel for each test."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from simlab.plots.null import Tested, null_distribution


def null_figure(tests: Sequence[Tested]) -> Figure:
    """Draw the null distribution of each test, one under another; see `null_distribution`."""
    figure = Figure(figsize=(9, 6 * len(tests)), layout="constrained")
    for test, ax in zip(tests, figure.subplots(len(tests), squeeze=False)[:, 0], strict=True):
        null_distribution(test, ax=ax)
    return figure
