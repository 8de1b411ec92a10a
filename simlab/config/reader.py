"""Reader and writer of a study's YAML file; errors name line and column."""

from __future__ import annotations

import io
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML

from simlab.errors import ConfigError, Problem
from simlab.files import WAITING, TooLong, Unread, content

from .document import LARGEST, TOO_LARGE, read
from .section import Finding, findings
from .study import Study
from .values import keys, plain

ORDER = (
    "name", "description", "seed", "replicates", "block", "keep", "common_random_numbers", "level",
    "estimators", "measures", "tests", "population", "scheme", "draw", "grid", "parallel",
    "verdicts",
)  # fmt: skip
"""What a study says of itself comes first, then what is sampled, then what is varied."""


def load(path: str | Path, **known: Collection[str]) -> Study:
    """Read a study from a YAML file, from whose folder relative data paths start.

    Names are checked where the known ones are given, as `known_estimators`, `known_tests` and
    `known_measures`. ConfigError has everything that is wrong with the file, each at its line and
    column.
    """
    path, file = Path(path), str(path)

    def waiting() -> None:
        """Say that the file is a pipe of which nothing comes yet."""
        print(f"simlab: {file}: {WAITING}", file=sys.stderr, flush=True)

    try:
        text = content(path, 4 * LARGEST, waiting).decode("utf-8-sig")
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
    study = loads(text, file, **known)
    return study.origin(text, file, path.parent)


def loads(text: str, source: str = "<string>", **known: Collection[str]) -> Study:
    """Read a study from YAML text, which messages call `source`; else as `load`."""
    document = read(text, source)
    if document.problems:
        raise ConfigError(document.problems)
    try:
        study = Study.model_validate(document.value, context=known)
    except ValidationError as error:
        problems = map(document.problem, findings(error))
        raise ConfigError(sorted(problems, key=lambda p: (p.line or 0, p.column or 0))) from None
    return study.origin(text, source, None)


def locate(study: Study, wrong: Iterable[Finding]) -> list[Problem]:
    """Return findings made after reading as problems, where they stand in the study's text.

    Those of a study built in Python, which has no text, have no line.
    """
    if study.text:
        return [*map(read(study.text, study.file).problem, wrong)]
    return [finding.problem(study.file) for finding in wrong]


def dumps(study: Study, comment: str = "") -> str:
    """Write a study as YAML text, below the lines of a comment; `loads` makes an equal study of it.

    Sections that are as by default are left out; numbers are written with all their digits.
    """
    written = _written(study)
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None  # lists of numbers in one line, mappings in several
    yaml.allow_unicode = True
    yaml.width = 96
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    stream = io.StringIO()
    yaml.dump({field: written[field] for field in ORDER if field in written}, stream)
    above = "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines())
    return above + ("\n" if above else "") + stream.getvalue()


def _written(section: BaseModel) -> dict[str, Any]:
    """Fields of a section in their order, without what is None and sections at their default."""
    result: dict[str, Any] = {}
    for key, name in keys(type(section)).items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            if value != type(section).model_fields[name].default:
                result[key] = _written(value)
        elif value is not None:
            result[key] = plain(value)
    return result


def _unreadable(file: str, message: str) -> ConfigError:
    return ConfigError([Finding((), message).problem(file)])
