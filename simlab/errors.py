"""Errors that every room may raise, and the checks behind them."""

from __future__ import annotations

from numbers import Real
from typing import Any, Final

LEVEL_RULE: Final = "must be between 0 and 1, as 0.95"
"""What a confidence level must be, in the words of every message."""


class FitError(ValueError):
    """The fit cannot answer this; one line says why and what to do."""


class LevelError(FitError):
    """A confidence level is no probability; a `FitError`, since fits are asked most often."""


def is_level(value: Any) -> bool:
    """Whether a value is a number between 0 and 1, both excluded; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool) and bool(0 < value < 1)  # type: ignore[operator]


def check_level(level: Any, name: str = "level") -> float:
    """Return a confidence level.

    Parameters
    ----------
    level : object
        Value to be checked.
    name : str
        Name of the argument, for the message.

    Returns
    -------
    float
        The level.

    Raises
    ------
    LevelError
        If it is not a number between 0 and 1, both excluded.
    """
    if not is_level(level):
        plain = isinstance(level, Real) and not isinstance(level, bool)
        given = f"{level}" if plain else " ".join(repr(level).split())
        raise LevelError(f"{name} is {given.removesuffix('.0'):.60}; it {LEVEL_RULE}")
    return float(level)
