"""Blocks of replicates as files of a folder: one chunk an array, and a flag that the block is done.

A block's arrays are written first and its flag last, each as a file of its own that appears whole
or not at all. So a flag is never damaged by writing another, and every block that says done is
complete. Nothing is compressed: estimates are noise to a compressor.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simlab.errors import ChunkError, StoreError
from simlab.files import clear
from simlab.results import chunks, messages
from simlab.results.layout import BLOCK_CHUNK, chunk_shape
from simlab.results.schema import TIMES, Block, Schema

_FLAG = re.compile(r"c\.(0|[1-9][0-9]{0,17})\.(0|[1-9][0-9]{0,17})")
_FLAG_BYTES = 1 + chunks.CHECKSUM_BYTES

At = tuple[int, int]
"""Condition, and number of the block in it."""


class BlockFiles:
    """The files of the blocks in the folder of a study."""

    def __init__(self, path: Path, schema: Schema) -> None:
        self.path, self._schema = path, schema
        self._root = path.absolute()  # for the user's code may go to another folder
        # Older stores have fewer.
        self._times = [name for name in TIMES if (self._root / name).is_dir()]

    def of(self, at: At) -> dict[str, Path]:
        """The file of every array of a block, and of its messages; its flag last."""
        arrays = {name: self._file(name, at) for name in (*self._schema.variables, *self._times)}
        messages_file = self._root / "status" / f"{chunks.key(*at)}.messages.json"
        return {**arrays, "messages": messages_file, "done": self._file("done", at)}

    def _file(self, name: str, at: At) -> Path:
        """File of one array of a block; the whole of its other dimensions is one chunk."""
        variables = self._schema.variables
        rest = len(variables[name].dims) if name in variables else 0
        return self._root / name / chunks.key(*at, *(0,) * rest)

    def write(self, block: Block) -> None:
        """Write a block, then its flag; OSError if the disk refuses."""
        files = self.of((block.condition, block.number))
        for name, variable in self._schema.variables.items():
            values = np.asarray(getattr(block, name), dtype=variable.dtype)[np.newaxis]
            chunks.write(files[name], values, chunk_shape(self._schema, variable), variable.fill)
        for name in self._times:
            chunks.write(files[name], np.full(BLOCK_CHUNK, getattr(block, name)), BLOCK_CHUNK, 0.0)
        messages.write(files["messages"], {kind: getattr(block, kind) for kind in messages.KINDS})
        chunks.write(files["done"], np.ones(BLOCK_CHUNK, dtype=np.bool_), BLOCK_CHUNK, False)

    def read(self, at: At, names: Iterable[str]) -> dict[str, Any]:
        """Read some variables of a block, its times and its messages, by the names of `Block`.

        ChunkError if a chunk is missing or damaged; it names the array.
        """
        files, rows = self.of(at), self._schema.rows(at[1])
        if why := not_done(files["done"]):
            raise ChunkError(why)
        values: dict[str, Any] = {}
        for name in names:
            variable = self._schema.variables[name]
            cut = (rows.stop - rows.start, *self._schema.shape(variable.dims))
            chunk = _chunk(files[name], variable.dtype, chunk_shape(self._schema, variable))
            values[name] = chunk[0][tuple(map(slice, cut))]
        for name in self._times:
            values[name] = float(_chunk(files[name], np.dtype(np.float64), BLOCK_CHUNK)[0, 0])
        try:
            return values | messages.read(files["messages"])
        except ValueError as error:
            raise ChunkError(f"messages of chunk {chunks.key(*at)} {error}") from error

    def unmark(self, at: At) -> None:
        """Take away the flag of a block."""
        clear(self._file("done", at))

    def flags(self) -> Iterator[tuple[At, os.DirEntry[str]]]:
        """Yield what has the name of a flag, with its block: one listing of a folder.

        StoreError if the folder cannot be listed.
        """
        folder, path = self.path / "done", self.path
        conditions, blocks = self._schema.shape(("condition", "block"))
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if named := _FLAG.fullmatch(entry.name):
                        condition, number = map(int, named.groups())
                        if condition < conditions and number < blocks:
                            yield (condition, number), entry
        except OSError as error:
            raise StoreError(
                f"{path}: damaged results store: {folder}, which says what is done, cannot be read "
                f"({error.strerror}); put it back, or name another folder"
            ) from error


def is_flag(entry: os.DirEntry[str]) -> bool:
    """Whether a file may be a flag; its content is read with its block.

    A file of the wrong length, as a power failure may leave, is none.
    """
    try:
        status = entry.stat()
    except OSError:  # a link that leads nowhere
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size == _FLAG_BYTES


def not_done(flag: Path) -> str:
    """Message on what is wrong with a flag; "" of one that says that its block is done."""
    try:
        value = _chunk(flag, np.dtype(np.uint8), BLOCK_CHUNK)[0, 0]
    except ChunkError as error:
        return str(error)
    return f"array 'done', chunk {flag.name} is {value}, not 1" if value != 1 else ""


def _chunk(file: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Read a chunk; the ChunkError names its array."""
    try:
        return chunks.read(file, dtype, shape)
    except ChunkError as error:
        raise ChunkError(f"array {file.parent.name!r}, chunk {file.name} {error}") from error
