"""From a YAML file to a study, with the line and column of everything that is wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import ValidationError

from simlab.files import WAITING, TooLong, Unread, content

from .document import LARGEST, TOO_LARGE, read
from .errors import ConfigError, Problem
from .section import Finding, findings
from .study import Study

__all__ = ["load", "loads", "locate"]


def load(
    path: str | Path,
    known_estimators: Sequence[str] | None = None,
    known_tests: Sequence[str] | None = None,
    known_measures: Sequence[str] | None = None,
) -> Study:
    """Read a study from a YAML file.

    Parameters
    ----------
    path : str or Path
        The file. Relative data paths in it start from its folder.
    known_estimators, known_tests, known_measures : sequence of str, optional
        Names an estimator, a test and a measure may have; without them they are not checked.

    Returns
    -------
    Study
        The validated study.

    Raises
    ------
    ConfigError
        With everything that is wrong with the file, each at its line and column.
    """
    path, file = Path(path), str(path)
    try:
        text = content(path, 4 * LARGEST, lambda: _waits(file)).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _unreadable(file, "is not a text file in UTF-8") from None
    except FileNotFoundError:
        raise _unreadable(file, "no such file") from None
    except TooLong:
        raise _unreadable(file, TOO_LARGE) from None
    except Unread as error:
        raise _unreadable(file, error.advised("a YAML file")) from None
    except ValueError as error:  # a name that cannot be a file's
        raise _unreadable(file, f"cannot be read: {error}") from None
    study = loads(text, file, known_estimators, known_tests, known_measures)
    return study.origin(text, file, path.parent)


def loads(
    text: str,
    source: str = "<string>",
    known_estimators: Sequence[str] | None = None,
    known_tests: Sequence[str] | None = None,
    known_measures: Sequence[str] | None = None,
) -> Study:
    """Read a study from YAML text.

    Parameters
    ----------
    text : str
        The YAML text.
    source : str
        What to call the text in messages.
    known_estimators, known_tests, known_measures : sequence of str, optional
        Names an estimator, a test and a measure may have; without them they are not checked.

    Returns
    -------
    Study
        The validated study.

    Raises
    ------
    ConfigError
        With everything that is wrong with the text, each at its line and column.
    """
    document = read(text, source)
    if document.problems:
        raise ConfigError(document.problems)
    try:
        known = {
            "known_estimators": known_estimators,
            "known_tests": known_tests,
            "known_measures": known_measures,
        }
        study = Study.model_validate(document.value, context=known)
    except ValidationError as error:
        problems = (document.problem(found) for found in findings(error))
        raise ConfigError(sorted(problems, key=lambda p: (p.line or 0, p.column or 0))) from None
    return study.origin(text, source, None)


def locate(study: Study, found: Iterable[Finding]) -> list[Problem]:
    """Return findings made after reading as problems, placed in the study's text if it has one.

    Parameters
    ----------
    study : Study
        The study; one built in Python has no text and its problems no line.
    found : iterable of Finding
        What is wrong and where, from the top of the study.
    """
    if study.text:
        return [*map(read(study.text, study.file).problem, found)]
    return [Problem(study.file, None, None, ".".join(map(str, f.loc)), f.message) for f in found]


def _waits(file: str) -> None:
    print(f"simlab: {file}: {WAITING}", file=sys.stderr, flush=True)


def _unreadable(file: str, message: str) -> ConfigError:
    return ConfigError([Problem(file, None, None, "", message)])
