"""Errors: `Error` is everything that simlab raises on purpose; and the checks behind them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final

LEVEL_RULE: Final = "must be between 0 and 1, as 0.95"
"""What a confidence level must be, in the words of every message."""

MOST: Final = 10**9
"""The largest count of anything: beyond it a study is a slip of the keyboard, not a plan."""

MOST_WORKERS: Final = 1_000
"""Threads or processes that may be asked for: nobody has so many cores in one machine."""

LONGEST: Final = 200
"""Characters of a misspelt word, or of a field's path, that are worth a look."""

ALIKE: Final = 0.5
"""Share of letters in common, above which the ends of two paths are close."""

LONGEST_TEXT: Final = 2000
"""Characters of a message about data, which may hold anything."""

MOST_SHOWN: Final = 100
"""Problems that an error writes out; a file with more is better mended in steps."""

TIE: Final = "\xa0"
"""The blank at which no line is broken."""


class Error(Exception):
    """Error that the user can mend; one line says what is wrong and what to do."""


class Notice(UserWarning):
    """Something that is no reason to stop, but should be known; one line says what."""


class ArgumentError(Error, ValueError):
    """An argument has a value that it cannot have, or names what is not there."""


class NoSuchError(Error, LookupError):
    """No part of that name or number."""


class UsageError(Error):
    """Command line that asks for what does not exist, or cannot be written."""


class FitError(Error, ValueError):
    """The fit cannot answer this; one line says why and what to do."""


class LevelError(FitError):
    """Confidence level that is no probability; a `FitError`, since fits are asked most often."""


class NoContextError(FitError):
    """The cluster means cannot be added to this model; one line says why."""


class FormulaError(Error, ValueError):
    """A formula cannot be read, or asks for something that is not allowed; one line says what."""


class PopulationError(Error):
    """A population that cannot be sampled as asked; one line names the field and what to do."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.message, self.field = message, field


class DataError(Error):
    """The data cannot be used as asked; one line says which file, line and column, and why."""

    def __str__(self) -> str:
        # Names and values come from the data, where they may hold anything
        text = super().__str__()
        if len(text) > LONGEST_TEXT:
            text = f"{text[: LONGEST_TEXT // 2]}…{text[-LONGEST_TEXT // 2 :]}"
        return one_line(text)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a study."""

    file: str  # as the reader named it; empty for a study built in Python
    # where the offending key or value starts, counted from 1; None when there is no text
    line: int | None
    column: int | None
    field: str  # dotted path, such as ``population.sigma2``; empty for the file as a whole
    message: str  # what is wrong and what to do, in plain words

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        field = self.field if len(self.field) <= LONGEST else f"{self.field[:LONGEST]}…"
        line = ": ".join(part for part in (where, field, self.message) if part)
        return one_line(line)


class ConfigError(Error):
    """A configuration that cannot be used.

    `problems` has everything that is wrong, in the order of the file. ``str()`` gives one line for
    each, or for the first hundred.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)

    @classmethod
    def of(cls, field: str, message: str) -> ConfigError:
        """Return the error of one field of a study, or one setting, that stands in no text."""
        return cls([Problem("", None, None, field, message)])

    def __str__(self) -> str:
        lines = [*map(str, self.problems[:MOST_SHOWN])]
        if (more := len(self.problems) - MOST_SHOWN) > 0:
            lines.append(f"… and {more:,} more problems")
        return "\n".join(lines)


class CustomError(Error):
    """Function of the user that does not fit, or what it returns; one line says what and why."""


class ParallelError(Error):
    """Workers that cannot be had, or are gone; one line says what to do."""


class RunError(Error):
    """A study that cannot go on, perhaps for what the user's code has done; one line says so."""


class StoreError(Error):
    """A store cannot be created, continued, written or read; one line says why and what to do."""


class ChunkError(Error):
    """A chunk is missing, is no file, has the wrong length, or fails its checksum."""


class ExportError(Error):
    """Results cannot be written in a format; one line says why and what to do."""


class AppError(Error):
    """The page cannot be served; one line says why and what to do."""


class ClaimError(Error):
    """The numbers do not bear out a sentence about them."""


def one_line(text: object) -> str:
    """Write a text in one line: what breaks a line becomes a blank, what is not seen an escape."""
    line = str(text)
    if line.isprintable():
        return line
    return "".join(
        c if c.isprintable() or c == TIE else " " if c.isspace() else escaped(c) for c in line
    )


def escaped(c: str) -> str:
    """Write a character as Python's escape of it."""
    number = ord(c)
    if number < 256:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"


def check_known(
    field: str, given: str, offered: Iterable[object], empty: str = "there is none"
) -> None:
    """Refuse a name that is not offered, by an ArgumentError that names those there are.

    `empty` is the message where nothing is offered.
    """
    names = [str(name) for name in offered]
    if given not in names:
        hint = did_you_mean(given, names)
        start = " Give" if hint else "; give"
        offer = f"{start} one of {', '.join(names)}" if names else f"; {empty}"
        raise ArgumentError(f"{field} {given!r} is unknown{hint}{offer}")


def did_you_mean(word: object, options: Iterable[str], otherwise: str = "") -> str:
    """Return the end of a refusal: ``; did you mean 'slope'?``, or what else there is to say.

    As `closest`; `otherwise` is what follows the semicolon where no option is close.
    """
    near = closest(word, options)
    hint = f"did you mean {near!r}?" if near else otherwise
    return hint and f"; {hint}"


def closest(word: object, options: Iterable[str]) -> str:
    """Return the option closest to a misspelt word, or an empty string if none is close.

    The end of a dotted path counts as close to the path.
    """
    if len(str(word)) > LONGEST:
        return ""
    options = list(options)
    known = {option.rpartition(".")[2].casefold(): option for option in options}
    known |= {option.casefold(): option for option in options}
    written = str(word).casefold()
    tails = [option for folded, option in known.items() if folded.endswith(f".{written}")]
    close = difflib.get_close_matches(written, known, n=1)
    if close and "." in written and "." in close[0]:  # paths may have no more than a start alike
        here, there = (path.rpartition(".")[2] for path in (written, close[0]))
        close = close if difflib.SequenceMatcher(None, here, there).ratio() > ALIKE else []
    return tails[0] if tails else known[close[0]] if close else ""


def is_level(value: Any) -> bool:
    """Whether a value is a number between 0 and 1, both excluded; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool) and bool(0 < value < 1)  # type: ignore[operator]


def check_level(level: Any, name: str = "level") -> float:
    """Return a confidence level as a float; LevelError, which names the argument, if it is none."""
    if not is_level(level):
        plain = isinstance(level, Real) and not isinstance(level, bool)
        given = f"{level}" if plain else " ".join(repr(level).split())
        raise LevelError(f"{name} is {given.removesuffix('.0'):.60}; it {LEVEL_RULE}")
    return float(level)
