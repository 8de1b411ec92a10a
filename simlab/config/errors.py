"""What is wrong with a configuration, and where it stands in the file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["ConfigError", "Problem", "did_you_mean", "unknown"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a study.

    Parameters
    ----------
    file : str
        The file as the reader named it; empty for a study built in Python.
    line, column : int or None
        Where the offending key or value starts, counted from 1; None when there is no text.
    field : str
        Dotted path of the field, such as ``population.sigma2``; empty for the file as a whole.
    message : str
        What is wrong and what to do, in plain words.
    """

    file: str
    line: int | None
    column: int | None
    field: str
    message: str

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return ": ".join(part for part in (place, self.field, self.message) if part)


class ConfigError(Exception):
    """A configuration that cannot be used.

    Parameters
    ----------
    problems : iterable of Problem
        Everything that is wrong, in the order of the file. ``str()`` gives one line for each.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


def did_you_mean(word: object, options: Iterable[str]) -> str:
    """Return the option closest to a misspelt word, or an empty string if none is close.

    Parameters
    ----------
    word : object
        What was written.
    options : iterable of str
        What could have been written. The end of a dotted path counts as close to the path.
    """
    known = {option.casefold(): option for option in options}
    written = str(word).casefold()
    tails = [option for folded, option in known.items() if folded.endswith(f".{written}")]
    close = difflib.get_close_matches(written, known, n=1)
    return tails[0] if tails else known[close[0]] if close else ""


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Return the refusal of a name that is not known, with the closest that is, or with all."""
    known = tuple(known)
    guess = did_you_mean(name, known)
    hint = f"did you mean {guess!r}?" if guess else f"known are {', '.join(known)}"
    return f"unknown {what} {name!r}; {hint}"
