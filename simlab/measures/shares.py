"""A share and its Monte Carlo error as a person reads them: never 0 % ± 0."""

from __future__ import annotations

import math

__all__ = ["decimals", "percent"]


def decimals(error: float, least: int) -> int:
    """Return how many decimals show an error as other than 0, `least` or more."""
    if not (math.isfinite(error) and error > 0):
        return least
    return max(least, -math.floor(math.log10(2 * error)))


def percent(share: float, mcse: float, interval: tuple[float, float], least: int = 1) -> str:
    """Write a share in %, with its MCSE; one that has not varied, with the end of its interval.

    Parameters
    ----------
    share, mcse : float
    interval : (float, float)
        95 % Monte Carlo interval, of `Measure.interval`.
    least : int
        Decimals, or more.
    """
    if math.isnan(share):
        return "–"
    if share in (0, 1):
        far = interval[1] if share == 0 else 1 - interval[0]
        digits = decimals(100 * far, 0)
        return (
            f"0 (< {100 * far:.{digits}f})"
            if share == 0
            else f"100 (> {100 - 100 * far:.{digits}f})"
        )
    digits = decimals(100 * mcse, least)
    return f"{100 * share:.{digits}f} ± {100 * mcse:.{digits}f}"
