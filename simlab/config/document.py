"""From a YAML text to plain values, with the place of each and of everything that is wrong.

Plain are null, truth values, numbers, text, lists and mappings; nothing else can come of a text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from ruamel.yaml.error import MarkedYAMLError, StreamMark, YAMLError
from ruamel.yaml.reader import ReaderError

from .errors import Problem
from .nodes import (
    DEEPEST,
    MOST_VALUES,
    MappingNode,
    Node,
    Refused,
    ScalarNode,
    SequenceNode,
    compose,
)
from .scalars import scalar
from .section import Finding, Loc

__all__ = ["LARGEST", "TOO_LARGE", "Document", "read"]

LARGEST: Final = 400_000
"""Characters that a document may have."""

TOO_LARGE: Final = f"is larger than the {LARGEST:,} characters that a study may have"


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


def read(text: str, file: str) -> Document:
    """Return the plain value of a YAML text with its marks, or with the problems it has.

    Parameters
    ----------
    text : str
        The text, of at most `LARGEST` characters.
    file : str
        What to call it in problems.
    """
    document = Document(file)
    if len(text) > LARGEST:
        document.refuse(None, TOO_LARGE)
        return document
    try:
        node = compose(text)
        if node is None:
            document.refuse(None, "is empty; a study needs at least a name and a population")
        elif not isinstance(node, MappingNode):
            document.refuse(node.mark, "must be a mapping at the top, key: value")
        else:
            document.value = _plain(node, (), document)
    except ReaderError:
        document.refuse(None, "is not a text file")
    except Refused as error:
        document.refuse(error.problem_mark, str(error.problem))
    except MarkedYAMLError as error:
        what = " ".join(part for part in (error.context, error.problem) if part)
        document.refuse(error.problem_mark or error.context_mark, f"is not valid YAML: {what}")
    except YAMLError as error:
        document.refuse(None, f"is not valid YAML: {error}")
    return document


def _plain(node: Node, loc: Loc, document: Document) -> Any:
    """Return the plain value of a node and note the marks of what it holds."""
    document.size += 1
    if document.size > MOST_VALUES:
        raise Refused(
            f"holds too many values once its aliases are written out, more than {MOST_VALUES:,}"
        )
    if len(loc) > DEEPEST:
        raise Refused("is nested too deeply")
    mark, key = node.mark, document.keys.get(loc)
    # A block, an empty value and an alias have marks away from where a reader looks.
    document.values[loc] = key if key is not None and key.line != mark.line else mark
    if isinstance(node, MappingNode):
        return _mapping(node, loc, document)
    if isinstance(node, SequenceNode):
        return [_plain(entry, (*loc, i), document) for i, entry in enumerate(node.entries)]
    return _scalar(node, loc, document)


def _mapping(node: MappingNode, loc: Loc, document: Document) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in node.entries:
        if not isinstance(key, ScalarNode):
            document.refuse(key.mark, "a key must be a single word", loc)
            continue
        inner = (*loc, key.text)
        if key.plain and key.text == "<<":
            document.refuse(key.mark, "a merge key (<<) has no meaning here; write its keys", loc)
        elif key.text in result:
            first = document.keys[inner].line + 1
            document.refuse(key.mark, f"is given twice, first in line {first}", inner)
        elif _is_text(key, loc, document):
            document.keys[inner] = key.mark
            result[key.text] = _plain(value, inner, document)
    return result


def _scalar(node: ScalarNode, loc: Loc, document: Document) -> str | int | float | None:
    if not _is_text(node, loc, document):
        return None
    try:
        return scalar(node.text) if node.plain else node.text
    except ValueError:
        document.refuse(node.mark, "is a number too long to read", loc)
        return None


def _is_text(node: ScalarNode, loc: Loc, document: Document) -> bool:
    r"""Refuse what an escape such as "\ud800" or "\0" can say, but no file or terminal can hold."""
    fine = "\0" not in node.text and not any("\ud800" <= c <= "\udfff" for c in node.text)
    if not fine:
        document.refuse(node.mark, "holds an escape that stands for no character", loc)
    return fine
