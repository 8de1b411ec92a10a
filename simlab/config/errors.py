"""What is wrong with a configuration, and where it stands in the file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from simlab.errors import Error, did_you_mean
from simlab.text.plain import one_line

__all__ = ["ConfigError", "Problem", "did_you_mean", "unknown"]

MOST_TOLD: Final = 100
"""Problems that an error writes out; a file with more is better mended in steps."""

LONGEST: Final = 200
"""Characters of a field's path that are worth a look."""


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
        field = self.field if len(self.field) <= LONGEST else f"{self.field[:LONGEST]}…"
        line = ": ".join(part for part in (place, field, self.message) if part)
        return one_line(line)


class ConfigError(Error):
    """A configuration that cannot be used.

    Parameters
    ----------
    problems : iterable of Problem
        Everything that is wrong, in the order of the file. ``str()`` gives one line for each, or
        for the first hundred.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)

    @classmethod
    def of(cls, field: str, message: str) -> ConfigError:
        """Return the error of one field of a study, or one setting, that stands in no text."""
        return cls([Problem("", None, None, field, message)])

    def __str__(self) -> str:
        lines = [*map(str, self.problems[:MOST_TOLD])]
        if (more := len(self.problems) - MOST_TOLD) > 0:
            lines.append(f"… and {more:,} more problems")
        return "\n".join(lines)


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Return the refusal of a name that is not known, with the closest that is, or with all."""
    known = tuple(known)
    guess = did_you_mean(name, known)
    hint = f"did you mean {guess!r}?" if guess else f"known are {', '.join(known)}"
    return f"unknown {what} {name!r}; {hint}"
