"""Results in a Zarr v3 store: preallocated, one chunk per block, continued after any interruption.

A block's arrays are written first and its ``done`` flag last, each as a file of its own that
appears whole or not at all. So a flag is never damaged by writing another, and every block that
says done is complete. Nothing is compressed: estimates are noise to a compressor. The store opens
in plain ``xarray.open_zarr(path, consolidated=False)`` too, where labels appear as integer codes
with their names in ``labels``; Zarr v3 has no consolidated metadata, so none is written.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from simlab.errors import ChunkError, StoreError
from simlab.files import clear
from simlab.memory import lacking
from simlab.results import chunks, messages
from simlab.results.disk import ELSEWHERE, SAFE, disk
from simlab.results.done import Done
from simlab.results.layout import (
    BLOCK_CHUNK,
    check_root,
    chunk_shape,
    lay_out,
    no_flags,
    read_done,
    read_schema,
)
from simlab.results.memory import MemoryResults
from simlab.results.messages import Message
from simlab.results.schema import TIMES, Block, Schema, Stop
from simlab.results.stopped import read_stop, write_stop
from simlab.results.swap import draft_of, former_of, is_free, take_place


class ZarrResults:
    """Results of a study in a folder.

    Made by `create`, `open` or `open_results`. One process writes to a store at a time: who writes
    holds its `locked`.
    """

    __slots__ = ("_schema", "_times", "finished", "path")

    def __init__(self, path: Path, schema: Schema, finished: Done) -> None:
        self.path = path
        self._schema = schema
        self.finished = finished
        self._times = [name for name in TIMES if (path / name).is_dir()]  # older stores have fewer

    @classmethod
    def create(cls, path: str | Path, schema: Schema, overwrite: bool = False) -> Self:
        """Lay out an empty store.

        The folder appears under its name only when all of its metadata is written.

        Parameters
        ----------
        path
            Where; it must not exist, or be an empty folder, or with `overwrite` be an older store.
        schema
            The shape of the Dataset.
        overwrite
            Replace the results store that is there. Nothing but a results store is ever replaced.

        Raises
        ------
        StoreError
            If something else is in the way, or the folder cannot be written.
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
        return cls(path, schema, Done(schema))

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a store that exists, finished or not.

        Raises
        ------
        StoreError
            If there is none, it is not a simlab store, was written in another store version, or its
            metadata is damaged.
        """
        path = Path(path)
        if not path.exists() and former_of(path).exists():
            raise StoreError(
                f"{path}: its extension or replacement was broken off; repeat the run, which "
                "finishes it"
            )
        schema = read_schema(path)
        if schema.summed is not None:
            raise StoreError(f"{path}: keeps measures only; run with keep: replicates")
        return cls(path, schema, read_done(path, schema))

    @property
    def schema(self) -> Schema:
        """The shape of the Dataset."""
        return self._schema

    @property
    def done(self) -> NDArray[np.bool_]:
        """(condition, block) True where the block has been written; a copy."""
        return self.finished.array()

    def write(self, block: Block) -> None:
        """Write a finished block, then its flag.

        Raises
        ------
        ValueError
            If the block is not exactly one chunk of the schema.
        StoreError
            If the disk refuses.
        """
        self._schema.check(block)
        at = (block.condition, block.number)
        flag = self._file("done", *at)
        with disk(self.path, SAFE):
            if at in self.finished:
                clear(flag)
                self.finished.discard(*at)
            for name, variable in self._schema.variables.items():
                values = np.asarray(getattr(block, name), dtype=variable.dtype)[np.newaxis]
                shape = chunk_shape(self._schema, variable)
                chunks.write(self._file(name, *at), values, shape, variable.fill)
            for name in self._times:
                time = np.full(BLOCK_CHUNK, getattr(block, name))
                chunks.write(self._file(name, *at), time, BLOCK_CHUNK, np.nan)
            messages.write(self._told(*at), {k: getattr(block, k) for k in messages.KINDS})
            chunks.write(flag, np.ones(BLOCK_CHUNK, dtype=np.bool_), BLOCK_CHUNK, False)
        self.finished.add(*at)

    def settle(self, condition: int, why: Stop) -> None:
        """Keep why a condition has no more replicates.

        Raises
        ------
        StoreError
            If the disk refuses.
        """
        write_stop(self.path, condition, why)

    def read(self, condition: int, number: int) -> Block:
        """Read one finished block, bit for bit as it was written.

        Raises
        ------
        StoreError
            If a chunk is missing or damaged; names the array, the chunk and the cure.
        """
        return Block(condition, number, **self._read(condition, number, self._schema.variables))

    def messages(self) -> tuple[Message, ...]:
        """What went wrong in each fit with the status error, by condition and replicate.

        Raises
        ------
        StoreError
            If they cannot be read.
        """
        return self._each(messages.MESSAGES)

    def warnings(self) -> tuple[Message, ...]:
        """What the user's code warned of, by condition and replicate.

        Raises
        ------
        StoreError
            If they cannot be read.
        """
        return self._each(messages.WARNINGS)

    def _each(self, kind: str) -> tuple[Message, ...]:
        return tuple(
            Message(c, self._schema.rows(number).start + b, estimator, text)
            for c, number in self.finished
            for b, estimator, text in self._read(c, number, ())[kind]
        )

    def no_flags(self) -> dict[Path, str]:
        """What stands in the place of a flag and is none, so that its block is not done; and why.

        Raises
        ------
        StoreError
            If the folder cannot be read.
        """
        return {file: _why(file) for file in no_flags(self.path, self._schema, self.finished)}

    def mend(self) -> list[str]:
        """Check every finished block; one that is damaged counts as not done from now on.

        After a power failure a file system may have kept a flag and lost what it stands for.

        Returns
        -------
        list of str
            What was found, a text for each damaged block.

        Raises
        ------
        StoreError
            If a flag cannot be taken away.
        """
        found = []
        for flag, why in self.no_flags().items():
            found.append(why)
            with disk(self.path, SAFE):
                clear(flag)
        for condition, number in self.finished:
            flag = self._file("done", condition, number)
            try:
                self._load(condition, number, self._schema.variables)
            except ChunkError as error:
                found.append(str(error))
                with disk(self.path, SAFE):
                    clear(flag)
                self.finished.discard(condition, number)
        return found

    def dataset(self, variables: Collection[str] | None = None) -> xr.Dataset:
        """Everything up to the last block written; NaN, and status -1, where one is missing.

        The same, bit for bit, as the Dataset of a `MemoryResults` given the same blocks.

        Parameters
        ----------
        variables
            Which of the variables with a value per replicate to read; by default all.

        Raises
        ------
        StoreError
            If a chunk is missing or damaged, or all that is done is more than memory holds.
        """
        blocks = self.finished.longest()
        if told := lacking(self._schema.bytes(blocks, variables)):
            raise StoreError(
                f"{self.path}: its {self._schema.end(blocks):,} replicates of each condition take "
                f"{told}; read some of the variables, or measure as you run: keep: measures"
            )
        memory = MemoryResults(self._schema, variables, blocks)
        names = [name for name in self._schema.variables if variables is None or name in variables]
        for condition, number in self.finished:
            memory.fill(condition, number, self._read(condition, number, names))
        if self._schema.stops:
            for condition in range(len(self._schema.keys)):
                memory.settle(condition, read_stop(self.path, condition))
        found = memory.dataset(copy=False)
        found.encoding["source"] = str(self.path)
        return found

    def files(self, condition: int, number: int) -> dict[str, Path]:
        """The file of every array of a block, and of its messages; its flag last."""
        arrays = (*self._schema.variables, *self._times)
        found = {name: self._file(name, condition, number) for name in arrays}
        told, flag = self._told(condition, number), self._file("done", condition, number)
        return {**found, "messages": told, "done": flag}

    def _read(self, condition: int, number: int, names: Iterable[str]) -> dict[str, Any]:
        """Read some variables of one finished block, its times and its messages."""
        try:
            return self._load(condition, number, names)
        except ChunkError as error:
            raise StoreError(
                f"{self.path}: {error}; repeat the run, which computes this block again"
            ) from error

    def _load(self, condition: int, number: int, names: Iterable[str]) -> dict[str, Any]:
        """Do what `_read` does; raises ChunkError."""
        at, rows = (condition, number), self._schema.rows(number)
        arrays: dict[str, Any] = {}
        if why := _why(self._file("done", *at)):
            raise ChunkError(why)
        for name in names:
            variable = self._schema.variables[name]
            shape = chunk_shape(self._schema, variable)
            cut = (rows.stop - rows.start, *self._schema.shape(variable.dims))
            chunk = _chunk(self._file(name, *at), variable.dtype, shape)
            arrays[name] = chunk[0][tuple(map(slice, cut))]
        arrays |= {
            name: float(_chunk(self._file(name, *at), np.dtype(np.float64), BLOCK_CHUNK)[0, 0])
            for name in self._times
        }
        try:
            return arrays | messages.read(self._told(condition, number))
        except ValueError as error:
            raise ChunkError(f"messages of chunk {chunks.key(*at)} {error}") from error

    def _file(self, name: str, condition: int, number: int) -> Path:
        variables = self._schema.variables
        rest = len(variables[name].dims) if name in variables else 0
        return self.path / name / chunks.key(condition, number, *(0,) * rest)

    def _told(self, condition: int, number: int) -> Path:
        return self.path / "status" / f"{chunks.key(condition, number)}.messages.json"


def _why(flag: Path) -> str:
    """What is wrong with a flag."""
    try:
        said = _chunk(flag, np.dtype(np.uint8), BLOCK_CHUNK)[0, 0]
    except ChunkError as error:
        return str(error)
    return f"array 'done', chunk {flag.name} is {said}, not 1" if said != 1 else ""


def _chunk(file: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Read a chunk; the ChunkError names its array."""
    try:
        return chunks.read(file, dtype, shape)
    except ChunkError as error:
        raise ChunkError(f"array {file.parent.name!r}, chunk {file.name} {error}") from error
