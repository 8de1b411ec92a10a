"""From a YAML file to a study, with the line and column of everything that is wrong.

The document is composed into nodes, which know where they stand, and turned into plain values
here: only what YAML 1.2 calls null, bool, int, float, text, list and mapping.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StreamMark, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.tokens import (
    BlockEndToken,
    BlockMappingStartToken,
    BlockSequenceStartToken,
    DirectiveToken,
    FlowMappingEndToken,
    FlowMappingStartToken,
    FlowSequenceEndToken,
    FlowSequenceStartToken,
    TagToken,
)

from .errors import ConfigError, Problem
from .section import Finding, Loc, findings
from .study import Study

__all__ = ["load", "loads", "locate"]

MOST_VALUES = 100_000
"""Values a document may hold once its aliases are written out."""

DEEPEST = 20
"""Levels of nesting a document may have; an alias inside its own anchor nests for ever."""

OPENING = (
    BlockMappingStartToken,
    BlockSequenceStartToken,
    FlowMappingStartToken,
    FlowSequenceStartToken,
)
CLOSING = (BlockEndToken, FlowMappingEndToken, FlowSequenceEndToken)

NUMBERS = (
    "tag:yaml.org,2002:null",
    "tag:yaml.org,2002:bool",
    "tag:yaml.org,2002:int",
    "tag:yaml.org,2002:float",
)


@dataclass(slots=True)
class _Document:
    """The plain value of a YAML text and the marks of its keys and values."""

    file: str
    value: Any = None
    keys: dict[Loc, StreamMark] = field(default_factory=dict)
    values: dict[Loc, StreamMark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    size: int = 0
    yaml: YAML = field(default_factory=lambda: YAML(typ="safe", pure=True))

    def refuse(self, mark: StreamMark | None, message: str, loc: Loc = ()) -> None:
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        self.problems.append(Problem(self.file, line, column, ".".join(map(str, loc)), message))

    def problem(self, found: Finding) -> Problem:
        """Place a finding at its key or value, or at the nearest that the text has."""
        loc = found.loc
        while loc and loc not in self.values:
            loc = loc[:-1]
        mark = self.values.get(loc)
        if found.at_key or loc != found.loc:
            mark = self.keys.get(loc, mark)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return Problem(self.file, line, column, ".".join(map(str, found.loc)), found.message)


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
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _unreadable(file, "is not a text file in UTF-8") from None
    except FileNotFoundError:
        raise _unreadable(file, "no such file") from None
    except IsADirectoryError:
        raise _unreadable(file, "is a folder; name a YAML file in it") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise _unreadable(file, f"cannot be read: {reason}") from None
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
    document = _document(text, source)
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
        return [*map(_document(study.text, study.file).problem, found)]
    return [Problem(study.file, None, None, ".".join(map(str, f.loc)), f.message) for f in found]


def _unreadable(file: str, message: str) -> ConfigError:
    return ConfigError([Problem(file, None, None, "", message)])


def _document(text: str, file: str) -> _Document:
    """Return the plain value of a YAML text with its marks, or with the problems it has."""
    document = _Document(file)
    try:
        _scan(text, document)
        if not document.problems:
            document.yaml.composer.warn_double_anchors = False
            node = document.yaml.compose(text)
            if node is None:
                document.refuse(None, "is empty; a study needs at least a name and a population")
            elif not isinstance(node, MappingNode):
                document.refuse(node.start_mark, "must be a mapping at the top, key: value")
            else:
                document.value = _plain(node, (), document)
    except ReaderError:
        document.refuse(None, "is not a text file")
    except MarkedYAMLError as error:
        what = " ".join(part for part in (error.context, error.problem) if part)
        document.refuse(error.problem_mark or error.context_mark, f"is not valid YAML: {what}")
    except YAMLError as error:
        document.refuse(None, f"is not valid YAML: {error}")
    except RecursionError:
        document.refuse(None, "is nested too deeply")
    return document


def _scan(text: str, document: _Document) -> None:
    """Refuse what composing would quietly act upon: tags, directives, bottomless nesting."""
    depth = 0
    for token in YAML(typ="safe", pure=True).scan(text):
        if isinstance(token, TagToken):
            document.refuse(token.start_mark, "a tag (!) has no meaning here; remove it")
        if isinstance(token, DirectiveToken):
            document.refuse(token.start_mark, "a directive (%) has no place here; remove it")
        depth += isinstance(token, OPENING) - isinstance(token, CLOSING)
        if depth > DEEPEST:
            raise RecursionError


def _plain(node: Node, loc: Loc, document: _Document) -> Any:
    """Return the plain value of a node and note the marks of what it holds."""
    document.size += 1
    if document.size > MOST_VALUES:
        raise YAMLError("it holds too many values once its aliases are written out")
    if len(loc) > DEEPEST:
        raise RecursionError
    mark, key = node.start_mark, document.keys.get(loc)
    # A block, an empty value and an alias have marks away from where a reader looks.
    document.values[loc] = key if key is not None and key.line != mark.line else mark
    if isinstance(node, MappingNode):
        return _mapping(node, loc, document)
    if isinstance(node, SequenceNode):
        return [_plain(entry, (*loc, i), document) for i, entry in enumerate(node.value)]
    return _scalar(node, loc, document)


def _mapping(node: MappingNode, loc: Loc, document: _Document) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            document.refuse(key.start_mark, "a key must be a single word", loc)
            continue
        inner = (*loc, key.value)
        if key.value in result:
            first = document.keys[inner].line + 1
            document.refuse(key.start_mark, f"is given twice, first in line {first}", inner)
            continue
        document.keys[inner] = key.start_mark
        result[key.value] = _plain(value, inner, document)
    return result


def _scalar(node: Node, loc: Loc, document: _Document) -> Any:
    if node.tag not in NUMBERS:
        return node.value
    try:
        return document.yaml.constructor.construct_object(node)
    except (ValueError, OverflowError):
        document.refuse(node.start_mark, "is a number too long to read", loc)
        return None
