"""Values of a configuration: frozen while they are used, plain when they are written down.

Spellings of one value (12 and 12.0) have one canonical JSON, on which keys of conditions rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

V_co = TypeVar("V_co", covariant=True)

EXACT = 2**53  # beyond it a float no longer tells neighbouring whole numbers apart


class FrozenMap(Mapping[str, V_co], Generic[V_co]):
    """A mapping that cannot change, hashable and picklable, whose order is part of its value."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, V_co] | Iterable[tuple[str, V_co]] = ()) -> None:
        self._items: dict[str, V_co] = dict(items)

    @classmethod
    def by_name(cls, items: Mapping[str, V_co]) -> FrozenMap[V_co]:
        """Return the entries sorted by name, for a mapping whose order says nothing."""
        return cls(sorted(items.items()))

    def __getitem__(self, key: str) -> V_co:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, FrozenMap):
            return tuple(self._items.items()) == tuple(other._items.items())
        return self._items == other

    def __hash__(self) -> int:
        return hash(tuple(self._items.items()))

    def __repr__(self) -> str:
        return f"FrozenMap({self._items!r})"


def freeze(value: object) -> Any:
    """Return a value read from a file with its lists as tuples and its mappings frozen.

    ValueError for anything but text, numbers, truth values, None, lists and mappings of these.
    """
    if isinstance(value, Mapping):
        return FrozenMap((str(key), freeze(entry)) for key, entry in value.items())
    if isinstance(value, list | tuple):
        return tuple(freeze(entry) for entry in value)
    if value is None or isinstance(value, str | int | float):
        return value
    raise ValueError(f"must be a number, text, a list or a mapping, not {type(value).__name__}")


def number(value: float) -> int | float:
    """Return a number in its one canonical form: 12 for both 12 and 12.0, 0 for -0.0."""
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return int(value)
    return value


def keys(section: type[BaseModel]) -> dict[str, str]:
    """Return the keys of a section in a file, each with the field that holds it."""
    return {field.alias or name: name for name, field in section.model_fields.items()}


def plain(value: object) -> Any:
    """Return dictionaries, lists, text and numbers for a validated value.

    Fields of a section are in alphabetical order, without those that are None. Names the user chose
    (sectors, factors, levels) keep their order, which carries meaning.
    """
    if isinstance(value, float):
        return number(value)
    if value is None or isinstance(value, str | int):  # most of what there is, so asked first
        return value
    if isinstance(value, BaseModel):
        fields = ((key, getattr(value, name)) for key, name in sorted(keys(type(value)).items()))
        return {key: plain(entry) for key, entry in fields if entry is not None}
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value


def canonical(value: object) -> str:
    """Return the canonical JSON text (ASCII, no spaces) of a validated value."""
    return json.dumps(plain(value), separators=(",", ":"))


def flow(value: object) -> str:
    """Return a value as compact flow YAML such as ``{law: fixed, size: 30}``.

    Of a section it has the law and what differs from the defaults: equal values, equal texts.
    """
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        entries = {name: getattr(value, name) for name in sorted(fields, key="law".__ne__)}
        value = {
            name: entry
            for name, entry in entries.items()
            if entry is not None and (name == "law" or entry != fields[name].default)
        }
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flow(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str):
        return value
    return json.dumps(number(value) if isinstance(value, float) else value)
