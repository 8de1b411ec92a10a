"""From a YAML text to nodes, which know where they stand.

The text may be anybody's, so what could do more than name values, or be more than a study needs,
is refused as soon as the parser meets it: tags, directives, nesting without end, too many values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StreamMark
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from simlab.errors import Error

__all__ = [
    "DEEPEST",
    "MOST_VALUES",
    "MappingNode",
    "Node",
    "Refused",
    "ScalarNode",
    "SequenceNode",
    "compose",
]

MOST_VALUES: Final = 50_000
"""Values that a document may hold, also once its aliases are written out."""

DEEPEST: Final = 20
"""Levels of nesting that a document may have; an alias inside its own anchor nests for ever."""


class Refused(Error, MarkedYAMLError):
    """What YAML has and a study must not have."""

    def __init__(self, message: str, mark: StreamMark | None = None) -> None:
        super().__init__(problem=message, problem_mark=mark)


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A single word or text; `plain` if it stands without quotes, and may be a number."""

    mark: StreamMark
    text: str
    plain: bool


@dataclass(frozen=True, slots=True)
class SequenceNode:
    """A list."""

    mark: StreamMark
    entries: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MappingNode:
    """A mapping, with keys as often as they are written."""

    mark: StreamMark
    entries: list[tuple[Node, Node]] = field(default_factory=list)


Node = ScalarNode | SequenceNode | MappingNode


def compose(text: str) -> Node | None:
    """Return the one document of a text, or None if there is none.

    Raises
    ------
    Refused
        For tags, directives, bottomless nesting, too many values, a second document.
    ruamel.yaml.error.YAMLError
        If the text is not YAML.
    """
    events = YAML(typ="safe", pure=True).parse(text)
    next(events)  # the stream starts
    start = next(events)
    if isinstance(start, StreamEndEvent):
        return None
    _check_start(start)
    node = _Composer(events).node(next(events), 0)
    next(events)  # the document ends
    if not isinstance(after := next(events), StreamEndEvent):
        raise Refused("starts another document, where a study is one", after.start_mark)
    return node


def _check_start(start: DocumentStartEvent) -> None:
    if start.version is not None or start.tags:
        raise Refused("a directive (%) above has no place here; remove it", start.start_mark)


class _Composer:
    """Builds the nodes of a document from its events, and keeps those that have an anchor."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str, Node] = {}
        self._size = 0

    def node(self, event: Any, depth: int) -> Node:
        """Return the node that starts with an event."""
        self._size += 1
        if self._size > MOST_VALUES:
            raise Refused(f"holds too many values, more than {MOST_VALUES:,}")
        if depth > DEEPEST:
            raise Refused("is nested too deeply", event.start_mark)
        if isinstance(event, AliasEvent):
            if event.anchor not in self._anchors:
                raise Refused(f"undefined alias {event.anchor!r}", event.start_mark)
            return self._anchors[event.anchor]
        if event.ctag is not None:
            raise Refused("a tag (!) has no meaning here; remove it", event.start_mark)
        if isinstance(event, ScalarEvent):
            return self._kept(event, ScalarNode(event.start_mark, event.value, event.implicit[0]))
        if isinstance(event, MappingStartEvent):
            mapping = MappingNode(event.start_mark)
            self._kept(event, mapping)
            while not isinstance(inner := next(self._events), MappingEndEvent):
                key = self.node(inner, depth + 1)
                mapping.entries.append((key, self.node(next(self._events), depth + 1)))
            return mapping
        sequence = SequenceNode(event.start_mark)
        self._kept(event, sequence)
        while not isinstance(inner := next(self._events), SequenceEndEvent):
            sequence.entries.append(self.node(inner, depth + 1))
        return sequence

    def _kept(self, event: NodeEvent, node: Node) -> Node:
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node
