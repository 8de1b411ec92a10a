"""Errors: `Error` is everything that simlab raises on purpose; and the checks behind them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from numbers import Real
from typing import Any, Final

LEVEL_RULE: Final = "must be between 0 and 1, as 0.95"
"""What a confidence level must be, in the words of every message."""

MOST: Final = 10**9
"""The largest count of anything: beyond it a study is a slip of the keyboard, not a plan."""

MOST_WORKERS: Final = 1_000
"""Threads or processes that may be asked for: nobody has so many cores in one machine."""

LONGEST: Final = 200
"""Characters of a misspelt word that are worth a look."""


class Error(Exception):
    """What the user can mend; one line says what is wrong and what to do."""


class Notice(UserWarning):
    """Something that is no reason to stop, but should be known; one line says what."""


class ArgumentError(Error, ValueError):
    """An argument has a value that it cannot have, or names what is not there."""


class NoSuchError(Error, LookupError):
    """There is no part of that name or number."""


class UsageError(Error):
    """What the command line asks for does not exist, or cannot be written."""


class FitError(Error, ValueError):
    """The fit cannot answer this; one line says why and what to do."""


class LevelError(FitError):
    """A confidence level is no probability; a `FitError`, since fits are asked most often."""


def did_you_mean(word: object, options: Iterable[str]) -> str:
    """Return the option closest to a misspelt word, or an empty string if none is close.

    Parameters
    ----------
    word : object
        What was written.
    options : iterable of str
        What could have been written. The end of a dotted path counts as close to the path.
    """
    if len(str(word)) > LONGEST:
        return ""
    options = list(options)
    known = {option.rpartition(".")[2].casefold(): option for option in options}
    known |= {option.casefold(): option for option in options}
    written = str(word).casefold()
    tails = [option for folded, option in known.items() if folded.endswith(f".{written}")]
    close = difflib.get_close_matches(written, known, n=1)
    return tails[0] if tails else known[close[0]] if close else ""


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
