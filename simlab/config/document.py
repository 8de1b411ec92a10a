"""Plain values of a YAML text, with the position of each and of everything that is wrong.

What could do more than name values (tags, directives), or be more than a study needs, is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StreamMark, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    NodeEvent,
)
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.parser import Parser
from ruamel.yaml.reader import ReaderError

from simlab.errors import Error, Problem

from .section import Finding, Loc

LARGEST: Final = 400_000
"""Characters that a document may have."""

MOST_VALUES: Final = 50_000
"""Values that a document may hold, also once its aliases are written out."""

DEEPEST: Final = 20
"""Levels of nesting that a document may have; an alias inside its own anchor nests for ever."""

TOO_LARGE: Final = f"is larger than the {LARGEST:,} characters that a study may have"

NAMED: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
BASES: Final = {"0o": 8, "0x": 16}
INTEGER: Final = re.compile(r"[-+]?[0-9]+")
IN_BASE: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
DECIMAL: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


class Refused(Error, MarkedYAMLError):
    """Refusal of what YAML has and a study must not have."""

    def __init__(self, message: str, mark: StreamMark | None = None) -> None:
        super().__init__(problem=message, problem_mark=mark)


class _Checked(Parser):
    """ruamel's parser, which refuses an event before anything is made of it."""

    def __init__(self, loader: Any) -> None:
        super().__init__(loader)
        self._size, self._depth, self._documents = 0, 0, 0
        self._anchors: set[str] = set()

    def get_event(self) -> Any:
        """Return the next event, if a study may have it."""
        event = super().get_event()
        if isinstance(event, NodeEvent):
            self._check_node(event)
        elif isinstance(event, DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                message = "starts another document, where a study is one"
                raise Refused(message, event.start_mark)
            if event.version is not None or event.tags:
                message = "a directive (%) above has no place here; remove it"
                raise Refused(message, event.start_mark)
        self._depth += isinstance(event, CollectionStartEvent)
        self._depth -= isinstance(event, CollectionEndEvent)
        return event

    def _check_node(self, event: Any) -> None:
        """Refuse tags, unknown aliases, depth and size, node by node."""
        self._size += 1
        if self._size > MOST_VALUES:
            raise Refused(f"holds too many values, more than {MOST_VALUES:,}")
        if self._depth > DEEPEST:
            raise Refused("is nested too deeply", event.start_mark)
        if isinstance(event, AliasEvent):
            if event.anchor not in self._anchors:
                raise Refused(f"undefined alias {event.anchor!r}", event.start_mark)
            return
        if event.ctag is not None:
            raise Refused("a tag (!) has no meaning here; remove it", event.start_mark)
        if event.anchor is not None:
            self._anchors.add(event.anchor)


@dataclass(slots=True)
class Document:
    """The plain value of a YAML text and the marks of its keys and values."""

    file: str
    value: Any = None
    keys: dict[Loc, StreamMark] = field(default_factory=dict)
    values: dict[Loc, StreamMark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    size: int = 0

    def refuse(self, mark: StreamMark | None, message: str, loc: Loc = ()) -> None:
        """Note what is wrong at a mark of the text, or with the text as a whole."""
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        self.problems.append(Finding(loc, message).problem(self.file, line, column))

    def problem(self, finding: Finding) -> Problem:
        """Return a finding at its key or value, or at the nearest that the text has."""
        loc = finding.loc
        while loc and loc not in self.values:
            loc = loc[:-1]
        mark = self.values.get(loc)
        if finding.at_key or loc != finding.loc:
            mark = self.keys.get(loc, mark)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return finding.problem(self.file, line, column)


def read(text: str, file: str) -> Document:
    """Return the plain value of a YAML text with its marks, or the problems of `file`."""
    document = Document(file)
    if len(text) > LARGEST:
        document.refuse(None, TOO_LARGE)
        return document
    yaml = YAML(typ="safe", pure=True)
    yaml.Parser = _Checked
    yaml.composer.warn_double_anchors = False
    try:
        node = yaml.compose(text)
        if node is None:
            document.refuse(None, "is empty; a study needs at least a name and a population")
        elif not isinstance(node, MappingNode):
            document.refuse(node.start_mark, "must be a mapping at the top, key: value")
        else:
            document.value = _plain(node, (), document)
    except ReaderError:
        document.refuse(None, "is not a text file")
    except Refused as error:
        document.refuse(error.problem_mark, str(error.problem))
    except MarkedYAMLError as error:
        what = " ".join(part for part in (error.context, error.problem) if part)
        if r"'\t'" in what:
            what = "a tab; indent with spaces"
        document.refuse(error.problem_mark or error.context_mark, f"is not valid YAML: {what}")
    except YAMLError as error:
        document.refuse(None, f"is not valid YAML: {error}")
    return document


def _plain(node: Any, loc: Loc, document: Document) -> Any:
    """Return the plain value of a node and note the marks of what it holds."""
    document.size += 1
    if document.size > MOST_VALUES:
        raise Refused(
            f"holds too many values once its aliases are written out, more than {MOST_VALUES:,}"
        )
    if len(loc) > DEEPEST:
        raise Refused("is nested too deeply")
    mark, key = node.start_mark, document.keys.get(loc)
    # A block, an empty value and an alias have marks away from where a reader looks.
    document.values[loc] = key if key is not None and key.line != mark.line else mark
    if isinstance(node, MappingNode):
        return _mapping(node, loc, document)
    if isinstance(node, SequenceNode):
        return [_plain(entry, (*loc, i), document) for i, entry in enumerate(node.value)]
    if not _is_text(node, loc, document):
        return None
    try:
        return scalar(node.value) if node.style is None else node.value
    except ValueError:
        document.refuse(mark, "is a number too long to read", loc)
        return None


def _mapping(node: MappingNode, loc: Loc, document: Document) -> dict[str, Any]:
    """Plain mapping of a node; keys that are repeated, merged or no words are refused."""
    result: dict[str, Any] = {}
    for key, value in node.value:
        mark = key.start_mark
        if not isinstance(key, ScalarNode):
            document.refuse(mark, "a key must be a single word", loc)
            continue
        inner = (*loc, key.value)
        if key.style is None and key.value == "<<":
            document.refuse(mark, "a merge key (<<) has no meaning here; write its keys", loc)
        elif key.value in result:
            first = document.keys[inner].line + 1
            document.refuse(mark, f"is given twice, first in line {first}", inner)
        elif _is_text(key, loc, document):
            document.keys[inner] = mark
            result[key.value] = _plain(value, inner, document)
    return result


def _is_text(node: ScalarNode, loc: Loc, document: Document) -> bool:
    r"""Refuse what an escape such as "\ud800" or "\0" can say, but no file or terminal can hold."""
    fine = "\0" not in node.value and not any("\ud800" <= c <= "\udfff" for c in node.value)
    if not fine:
        document.refuse(node.start_mark, "holds an escape that stands for no character", loc)
    return fine


def scalar(word: str) -> str | int | float | None:
    """Return what an unquoted word stands for: null, a truth value, a number, or the word itself.

    Core schema of YAML 1.2.2, section 10.3.2; ruamel.yaml reads a little more (``1_000``, ``0b11``)
    and a little less (``.5e3``) as numbers. ValueError for more digits than Python reads.
    """
    if word in NAMED:
        return NAMED[word]
    if INTEGER.fullmatch(word):
        return int(word)
    if IN_BASE.fullmatch(word):
        return int(word[2:], BASES[word[:2]])
    if DECIMAL.fullmatch(word):
        return float(word)
    if NOT_FINITE.fullmatch(word):
        return float(word.replace(".", ""))
    return word
