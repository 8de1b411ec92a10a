"""Which blocks of a study are done: memory follows the last of them, not how many were declared."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simlab.results.schema import Schema

_SOME = 2**12
"""Blocks that are looked at together."""


class Done:
    """The blocks of a study that are done.

    Parameters
    ----------
    schema : Schema
        Of the study.
    """

    __slots__ = ("_flags", "_schema")

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._flags = [np.zeros(0, dtype=np.bool_) for _ in schema.keys]

    def add(self, condition: int, first: int, stop: int | None = None) -> None:
        """Count a block as done; with `stop`, all from the first to the one before it."""
        stop = first + 1 if stop is None else stop
        there = self._flags[condition]
        if stop > len(there):
            room = min(stop + stop // 2, self._schema.blocks_per_condition)
            self._flags[condition] = np.zeros(room, dtype=np.bool_)
            self._flags[condition][: len(there)] = there
        self._flags[condition][first:stop] = True

    def discard(self, condition: int, number: int) -> None:
        """Count a block as not done."""
        self._flags[condition][number : number + 1] = False

    def __contains__(self, place: tuple[int, int]) -> bool:
        condition, number = place
        there = self._flags[condition]
        return number < len(there) and bool(there[number])

    def __iter__(self) -> Iterator[tuple[int, int]]:
        for condition in range(len(self._flags)):
            yield from ((condition, number) for number in self.of(condition))

    def of(self, condition: int) -> list[int]:
        """Numbers of the blocks of one condition, in their order."""
        numbers: list[int] = np.flatnonzero(self._flags[condition]).tolist()
        return numbers

    def missing(self, condition: int, end: int) -> Iterator[int]:
        """Yield the numbers below `end` that are not done when their turn comes."""
        for start in range(0, end, _SOME):
            stop = min(start + _SOME, end)
            there = self._flags[condition][start:stop]
            yield from (start + np.flatnonzero(~there)).tolist()
            yield from range(start + len(there), stop)

    def end(self, condition: int) -> int:
        """Number after the last block of one condition; 0 where none is done."""
        there = self._flags[condition]
        return len(there) - int(there[::-1].argmax()) if there.any() else 0

    def longest(self) -> int:
        """Number after the last block of any condition."""
        return max(map(self.end, range(len(self._flags))))

    def replicates(self) -> NDArray[np.int64]:
        """Replicates that each condition has, (condition,)."""
        schema = self._schema
        last = schema.blocks_per_condition - 1
        lacks = schema.block * (last + 1) - schema.replicates  # of the last block
        each = [
            int(flags.sum()) * schema.block - lacks * ((c, last) in self)
            for c, flags in enumerate(self._flags)
        ]
        return np.array(each, dtype=np.int64)

    def array(self) -> NDArray[np.bool_]:
        """(condition, block) True where done: all that were declared."""
        found = np.zeros(self._schema.shape(("condition", "block")), dtype=np.bool_)
        for row, flags in zip(found, self._flags, strict=True):
            row[: len(flags)] = flags
        return found
