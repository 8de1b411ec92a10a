"""Results in a Zarr v3 store: preallocated, one chunk per block, continued after any interruption.

A block's arrays are written first and its ``done`` flag last, each as a file of its own that
appears whole or not at all. So a flag is never damaged by writing another, and every block that
says done is complete. Nothing is compressed: estimates are noise to a compressor. The store opens
in plain ``xarray.open_zarr(path, consolidated=False)`` too, where labels appear as integer codes
with their names in ``labels``; Zarr v3 has no consolidated metadata, so none is written.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from simlab.results import chunks, messages
from simlab.results.layout import (
    BLOCK_CHUNK,
    StoreError,
    check_root,
    chunk_shape,
    lay_out,
    read_done,
    read_schema,
)
from simlab.results.memory import MemoryResults
from simlab.results.messages import BlockMessages, Message
from simlab.results.schema import Block, Schema


class ZarrResults:
    """Results of a study in a folder.

    Made by `create`, `open` or `open_results`. One process writes to a store at a time.
    """

    __slots__ = ("_done", "_schema", "path")

    def __init__(self, path: Path, schema: Schema, done: NDArray[np.bool_]) -> None:
        self.path = path
        self._schema = schema
        self._done = done

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
        path = Path(path)
        if not _is_free(path):
            check_root(path)
            if not overwrite:
                raise StoreError(f"{path}: exists; choose another --out, or give --overwrite")
        draft = path.absolute().with_name(f".{path.absolute().name}.{uuid.uuid4().hex}")
        with _disk(path, "choose another --out"):
            try:
                draft.parent.mkdir(parents=True, exist_ok=True)
                lay_out(draft, schema)
                if path.exists():
                    shutil.rmtree(path)
                draft.rename(path)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        return cls(path, schema, np.zeros(schema.shape(("condition", "block")), dtype=np.bool_))

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
        schema = read_schema(path)
        return cls(path, schema, read_done(path, schema))

    @property
    def schema(self) -> Schema:
        """The shape of the Dataset."""
        return self._schema

    @property
    def done(self) -> NDArray[np.bool_]:
        """(condition, block) True where the block has been written; a copy."""
        return self._done.copy()

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
        with _disk(self.path, "blocks already done are safe: mend this and run again"):
            if self._done[at]:
                flag.unlink(missing_ok=True)
                self._done[at] = False
            for name, variable in self._schema.variables.items():
                values = np.asarray(getattr(block, name), dtype=variable.dtype)[np.newaxis]
                shape = chunk_shape(self._schema, variable)
                chunks.write(self._file(name, *at), values, shape, variable.fill)
            chunks.write(
                self._file("seconds", *at), np.full(BLOCK_CHUNK, block.seconds), BLOCK_CHUNK, np.nan
            )
            messages.write(self._told(*at), block.messages)
            chunks.write(flag, np.ones(BLOCK_CHUNK, dtype=np.bool_), BLOCK_CHUNK, False)
        self._done[at] = True

    def read(self, condition: int, number: int) -> Block:
        """Read one finished block, bit for bit as it was written.

        Raises
        ------
        StoreError
            If a chunk is missing or damaged; names the array, the chunk and the cure.
        """
        rows = self._schema.rows(number)
        b = rows.stop - rows.start
        arrays: dict[str, Any] = {}
        for name, variable in self._schema.variables.items():
            chunk = self._chunk(
                name, (condition, number), variable.dtype, chunk_shape(self._schema, variable)
            )
            cut = (b, *self._schema.shape(variable.dims))
            arrays[name] = chunk[0][tuple(map(slice, cut))]
        seconds = self._chunk("seconds", (condition, number), np.dtype(np.float64), BLOCK_CHUNK)
        told = self._messages(condition, number)
        return Block(condition, number, **arrays, seconds=float(seconds[0, 0]), messages=told)

    def messages(self) -> tuple[Message, ...]:
        """What went wrong in each fit with the status ERROR, by condition and replicate.

        Raises
        ------
        StoreError
            If they cannot be read.
        """
        return tuple(
            Message(c, self._schema.rows(number).start + b, estimator, text)
            for c, number in np.argwhere(self._done).tolist()
            for b, estimator, text in self._messages(c, number)
        )

    def dataset(self) -> xr.Dataset:
        """Everything written so far, loaded; NaN, and status -1, elsewhere.

        The same, bit for bit, as the Dataset of a `MemoryResults` given the same blocks.

        Raises
        ------
        StoreError
            If a chunk is missing or damaged.
        """
        memory = MemoryResults(self._schema)
        for condition, number in np.argwhere(self._done).tolist():
            memory.write(self.read(condition, number))
        return memory.dataset(copy=False)

    def _file(self, name: str, condition: int, number: int) -> Path:
        variables = self._schema.variables
        rest = len(variables[name].dims) if name in variables else 0
        return self.path / name / chunks.key(condition, number, *(0,) * rest)

    def _told(self, condition: int, number: int) -> Path:
        return self.path / "status" / f"{chunks.key(condition, number)}.messages.json"

    def _messages(self, condition: int, number: int) -> BlockMessages:
        file = self._told(condition, number)
        try:
            return messages.read(file)
        except (OSError, ValueError) as error:
            flag = self._file("done", condition, number)
            raise StoreError(
                f"{self.path}: {file.name} of array 'status' cannot be read ({error}); to have "
                f"this block run again, delete {flag} and repeat the run"
            ) from error

    def _chunk(
        self, name: str, at: tuple[int, int], dtype: np.dtype[Any], shape: tuple[int, ...]
    ) -> NDArray[Any]:
        file = self._file(name, *at)
        try:
            return chunks.read(file, dtype, shape)
        except (chunks.ChunkError, OSError) as error:
            raise StoreError(
                f"{self.path}: array {name!r}, chunk {file.name} {error}; to have this "
                f"block run again, delete {self._file('done', *at)} and repeat the run"
            ) from error


def open_results(path: str | Path, schema: Schema) -> ZarrResults:
    """Create a store, or continue the one that is there if it belongs to the same study.

    Raises
    ------
    StoreError
        If `path` holds something else, or a store of another study; says what differs.
    """
    path = Path(path)
    if _is_free(path):
        return ZarrResults.create(path, schema)
    results = ZarrResults.open(path)
    if found := _differences(results.schema, schema):
        more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
        raise StoreError(
            f"{path}: holds another study ({'; '.join(found[:3])}{more}): "
            "choose another --out, or give --overwrite"
        )
    return results


def open_dataset(path: str | Path) -> xr.Dataset:
    """Load a study's Dataset, with labels as strings, from the store at `path`.

    Raises
    ------
    StoreError
        If there is no readable results store at `path`, or one of its chunks is damaged.
    """
    return ZarrResults.open(path).dataset()


def _is_free(path: Path) -> bool:
    with _disk(path, "choose another --out"):
        return not path.exists() or (path.is_dir() and not any(path.iterdir()))


@contextmanager
def _disk(path: Path, advice: str) -> Iterator[None]:
    """Turn what the disk refuses into one line."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written: {error.strerror or error}; {advice}"
        ) from error


def _differences(there: Schema, here: Schema) -> list[str]:
    """What keeps `here` from continuing `there`; keys and fingerprint only if nothing plainer."""
    shapes = _shape_facts(there), _shape_facts(here)
    identities = (there.fingerprint, there.keys), (here.fingerprint, here.keys)
    if shapes[0] == shapes[1] and identities[0] == identities[1]:
        return []
    old, new = (
        {**_settings(schema), **shape} for schema, shape in zip((there, here), shapes, strict=True)
    )
    found = [
        f"{name} is {_short(old.get(name))} there, {_short(new.get(name))} here"
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    ]
    if found:
        return found
    if there.keys != here.keys:
        return [f"condition keys are {_short(there.keys)} there, {_short(here.keys)} here"]
    return [f"fingerprint is {there.fingerprint} there, {here.fingerprint} here"]


def _shape_facts(schema: Schema) -> dict[str, object]:
    return {
        "number of conditions": len(schema.keys),
        "number of replicates": schema.replicates,
        "block size": schema.block,
        "estimators": schema.estimators,
        "terms": schema.terms,
        "mixed estimators": schema.mixed,
        "kinds of p-value": schema.kinds,
    }


def _settings(schema: Schema) -> dict[str, object]:
    """The seed and every setting of the config, by dotted path."""
    config = schema.attrs.get("config", "")
    try:
        tree = json.loads(str(config))
    except json.JSONDecodeError:
        tree = {"config": config}
    code = json.loads(str(schema.attrs.get("code", "{}")))
    written = {f"code of {path}": f"{digest:.12}…" for path, digest in code.items()}
    return {**dict(_leaves(tree)), "seed": schema.attrs.get("seed"), **written}


def _leaves(tree: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(tree, dict):
        for name, branch in tree.items():
            yield from _leaves(branch, f"{path}.{name}" if path else name)
    else:
        yield path or "config", tree


def _short(value: object) -> str:
    text = "absent" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
