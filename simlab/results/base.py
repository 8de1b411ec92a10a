"""Results of a study, in memory or in a folder: what does not depend on what is kept of a block."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from simlab.errors import ChunkError, StoreError
from simlab.results import chunks
from simlab.results.disk import ELSEWHERE, SAFE, disk, draft_of, former_of, is_free, take_place
from simlab.results.layout import STOPPED, check_root, lay_out, read_schema
from simlab.results.schema import Schema, Stop

_SOME = 2**12
"""Blocks that are looked at together."""


class DoneBlocks:
    """Flags of the blocks that are done; memory follows the last one, not how many are declared."""

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

    def __contains__(self, block: tuple[int, int]) -> bool:
        condition, number = block
        there = self._flags[condition]
        return number < len(there) and bool(there[number])

    def __iter__(self) -> Iterator[tuple[int, int]]:
        for condition, there in enumerate(self._flags):
            yield from ((condition, number) for number in np.flatnonzero(there).tolist())

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
        result = np.zeros(self._schema.shape(("condition", "block")), dtype=np.bool_)
        for row, flags in zip(result, self._flags, strict=True):
            row[: len(flags)] = flags
        return result


class Results:
    """Destination of the blocks of a study: memory, or a folder that can be continued.

    `ReplicateResults` keeps the blocks, `SumsResults` their sums. One process writes to a folder at
    a time: who writes holds its `locked`.

    Attributes
    ----------
    schema : Schema
        The shape of the Dataset.
    path : Path or None
        The folder, with the metadata of `schema`; None in memory.
    finished : DoneBlocks
        Which blocks have been written.
    """

    SUMS: ClassVar[bool]
    """Whether sums are kept, and no replicates."""

    REFUSED: ClassVar[str]
    """Message for a store of the other kind."""

    def __init__(self, schema: Schema, path: Path | None = None) -> None:
        self.schema, self.path, self.finished = schema, path, DoneBlocks(schema)
        self._stopped = np.full(len(schema.keys), Stop.NOT_YET, dtype=np.int8)
        if path is not None and schema.stops:
            self._stopped[:] = [_read_stop(path, c) for c in range(len(schema.keys))]

    @classmethod
    def create(cls, path: str | Path, schema: Schema, overwrite: bool = False) -> Self:
        """Lay out an empty store; its folder appears when all of its metadata is written.

        StoreError if the folder cannot be written, or something else is at `path` than an empty
        folder or, with `overwrite`, a results store: nothing else is ever replaced.
        """
        path, draft = Path(path), draft_of(Path(path))
        with disk(path, ELSEWHERE):
            if not is_free(path):
                check_root(path)
                if not overwrite:
                    raise StoreError(f"{path}: exists; choose another --out, or give --overwrite")
            try:
                draft.parent.mkdir(parents=True, exist_ok=True)
                lay_out(draft, schema)
                take_place(path)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        return cls(schema, path)

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a store that exists, finished or not.

        StoreError if there is none, it is no simlab store of this kind, was written in another
        store version, or its metadata is damaged.
        """
        path = Path(path)
        if not path.exists() and former_of(path).exists():
            raise StoreError(
                f"{path}: its extension or replacement was broken off; repeat the run, which "
                "finishes it"
            )
        schema = read_schema(path)
        if cls.SUMS is not (schema.summed is not None):
            raise StoreError(f"{path}: {cls.REFUSED}")
        return cls(schema, path)

    @property
    def done(self) -> NDArray[np.bool_]:
        """(condition, block) True where the block has been written; a copy."""
        return self.finished.array()

    def settle(self, condition: int, why: Stop) -> None:
        """Keep why a condition has no more replicates."""
        self._stopped[condition] = why
        if self.path is not None:
            value = np.array([why], dtype=STOPPED)
            with disk(self.path, SAFE):
                chunks.write(_stop_file(self.path, condition), value, (1,), Stop.NOT_YET)


def _read_stop(store: Path, condition: int) -> Stop:
    """Reason why a condition has no more replicates; none in a file that is missing or damaged.

    The next run judges the condition again and writes it anew.
    """
    try:
        return Stop(int(chunks.read(_stop_file(store, condition), STOPPED, (1,))[0]))
    except (ChunkError, ValueError):
        return Stop.NOT_YET


def _stop_file(store: Path, condition: int) -> Path:
    return store / "stopped" / chunks.key(condition)
