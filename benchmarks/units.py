"""Numbers as the report writes them, each in one way."""

from __future__ import annotations

from collections.abc import Callable
from math import floor, log10

from benchmarks.clock import Repeats

US, MS = 1e6, 1e3


def three(value: float) -> str:
    """Three significant digits, in full: 0.0123, 1.23, 12.3, 123, 12,300."""
    rounded = float(f"{value:.3g}")
    digits = 2 - floor(log10(abs(rounded))) if rounded else 0
    return f"{rounded:,.{max(digits, 0)}f}"


def micro(seconds: float) -> str:
    """Microseconds, without the unit: it stands at the head of the column."""
    return three(seconds * US)


def duration(seconds: float) -> str:
    """Seconds with the unit in which they are read best."""
    if seconds < 1e-3:
        return f"{three(seconds * US)} µs"
    return f"{three(seconds * MS)} ms" if seconds < 1 else f"{three(seconds)} s"


def factor(ratio: float) -> str:
    """A ratio."""
    return f"{three(ratio)} ×"


def rate(seconds: float) -> str:
    """How many of these there are in a second."""
    return three(1 / seconds)


def spread(repeats: Repeats, shown: Callable[[float], str]) -> str:
    """From the least repeat to the greatest."""
    return f"{shown(repeats.low)} to {shown(repeats.high)}"
