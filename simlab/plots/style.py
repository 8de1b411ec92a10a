"""Colours, words and checks that the plots share.

The colours are those of Okabe & Ito (2008), "Color Universal Design": they stay apart for readers
with any common colour blindness. Where they tell methods apart, a marker does so too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import xarray as xr

INK: Final = "#222222"
QUIET: Final = "#707070"
STRIP: Final = "#A9CFE8"
REPORTED: Final = "#D55E00"
WITHIN: Final = "#0072B2"
BETWEEN: Final = "#008060"
LINES: Final = ("#008060", "#B07800", "#B2568F", "#0072B2", "#222222", "#56B4E9", "#D55E00")
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "<", ">")

TEXT: Final = 13.0
"""Points; on a figure 10 inches wide it can be read from the back of a room."""

Z: Final = 1.96
"""Half-width of a 95 % interval in Monte Carlo standard errors."""


def of(data: xr.Dataset, dim: str, label: str) -> str:
    """Return a label after checking that the Dataset has it.

    Raises
    ------
    ValueError
        If it has not; names those it has.
    """
    offered = [str(name) for name in data[dim].values]
    if label not in offered:
        raise ValueError(f"{dim} {label!r} is unknown; give one of {', '.join(offered)}")
    return label


def having(values: xr.DataArray) -> list[str]:
    """Estimators that have any value along the other dimensions, in the order of the Dataset."""
    others = [dim for dim in values.dims if dim != "estimator"]
    return [str(name) for name in values.estimator.values[values.notnull().any(others).values]]


def apart(heights: Iterable[float], gap: float) -> list[float]:
    """Move heights as little as it takes for neighbours to be `gap` apart, in their order."""
    wanted = np.array(list(heights), dtype=float)
    order = np.argsort(wanted, kind="stable")
    groups: list[list[float]] = []
    for height in wanted[order]:
        groups.append([height])
        # A group occupies its mean ± half its length; groups that overlap become one.
        while len(groups) > 1 and (
            np.mean(groups[-1]) - np.mean(groups[-2])
            < gap * (len(groups[-1]) + len(groups[-2])) / 2
        ):
            last = groups.pop()
            groups[-1] += last
    placed = [
        np.mean(group) + gap * (i - (len(group) - 1) / 2)
        for group in groups
        for i in range(len(group))
    ]
    result = np.empty(len(wanted))
    result[order] = placed
    return [float(height) for height in result]
