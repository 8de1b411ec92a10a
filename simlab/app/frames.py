"""What part of a space a picture shows: from the population, so that no sample makes it jump."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.app.settings import Settings

__all__ = ["Frames", "Span", "frames", "steady"]

Span = tuple[float, float]
REACH = 3.0
"""Standard deviations on either side."""


class Frames(NamedTuple):
    """Spans of x and y in data space, of intercepts and slopes in beta space."""

    x: Span
    y: Span
    intercept: Span
    slope: Span


def frames(s: Settings) -> Frames:
    """Return spans that hold nearly all of any sample, and the true values.

    Parameters
    ----------
    s : Settings
        The population.
    """
    shifts = (0.0, s.intercept_difference) if s.sectors == 2 else (0.0,)
    turns = (0.0, s.slope_difference) if s.sectors == 2 else (0.0,)
    within, between = s.x_within**2, s.x_between**2
    steepest = max(abs(s.beta_within + turn) for turn in turns)
    highest = max(abs(s.beta_between + turn) for turn in turns)
    line = s.sigma**2 / s.size / max(within, 1e-12)  # variance of a school's own slope
    sd_y = np.sqrt(
        highest**2 * between + steepest**2 * within
        + s.sd_slopes**2 * (within + between) + s.sd_intercepts**2 + s.sigma**2
    )  # fmt: skip
    context = s.beta_between - s.beta_within
    sd_intercept = np.sqrt(
        s.sd_intercepts**2 + context**2 * between + s.sigma**2 / s.size + between * line
    )
    sd_slope = np.sqrt(s.sd_slopes**2 + line)
    low, high = s.gamma0 + min(shifts), s.gamma0 + max(shifts)
    slopes = [b + t for b in (s.beta_within, s.beta_between) for t in turns]
    flat, steep = s.beta_within + min(turns), s.beta_within + max(turns)
    margin = 0.5 + 0.25 * (max(slopes) - min(slopes))  # for the ellipses of the means
    return Frames(
        _around(0.0, 0.0, np.sqrt(within + between)),
        _around(low, high, sd_y),
        _around(low, high, 0.85 * sd_intercept),
        (
            float(min(flat - REACH * sd_slope, min(slopes) - margin)),
            float(max(steep + REACH * sd_slope, max(slopes) + margin)),
        ),
    )


def _around(low: float, high: float, sd: float) -> Span:
    return float(low - REACH * sd), float(high + REACH * sd)


def steady(shown: Span | None, wanted: Span) -> Span:
    """Return the span to show: the one that is shown, unless it cuts or dwarfs what is wanted.

    A slider that moves a line then moves the line and not the axes.

    Parameters
    ----------
    shown : (low, high) or None
        None at first.
    wanted : (low, high)
        What should be seen.
    """
    if shown is None:
        return wanted
    width, slack = wanted[1] - wanted[0], 0.04 * (wanted[1] - wanted[0])
    inside = shown[0] <= wanted[0] + slack and wanted[1] - slack <= shown[1]
    if inside and shown[1] - shown[0] <= 1.6 * width:
        return shown
    return wanted
