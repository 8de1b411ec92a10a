"""Results of a study that keeps measures: running sums, in memory or in a folder.

The folder is a Zarr group with what is known before the first fit, and the folder ``nodes`` with
one file for each node that has not been merged yet: ``KEY.LEVEL.NUMBER`` of a condition's key and
a `Place`. A file is written beside its place and renamed, with a checksum, and only then the nodes
merged into it are removed. So whoever is killed leaves every block in one node or in two of which
one contains the other, and the inner one is not read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from simlab.performance.named import named
from simlab.performance.node import Node, empty
from simlab.results import chunks
from simlab.results.disk import SAFE, disk
from simlab.results.done import Done
from simlab.results.labelled import dataset_of
from simlab.results.layout import StoreError, read_schema
from simlab.results.messages import Message
from simlab.results.nodes import from_bytes, to_bytes
from simlab.results.schema import Block, Schema, Stop
from simlab.results.stopped import read_stop, write_stop
from simlab.results.store import ZarrResults
from simlab.results.summing import Leaf, Summing
from simlab.results.tree import Place, Tree, outermost

NODES = "nodes"


class SumsResults:
    """Sums of a study's blocks.

    Parameters
    ----------
    schema : Schema
        With `summed`.
    path : Path, optional
        Folder that `create` laid out; in memory when omitted.
    """

    __slots__ = ("_damaged", "_schema", "_stopped", "_tree", "finished", "path", "summing")

    def __init__(self, schema: Schema, path: Path | None = None) -> None:
        self.path = path
        if schema.summed is None:
            raise ValueError("this study keeps its replicates")
        self.summing = Summing.of(schema, *schema.summed)
        self._schema = schema
        self.finished = Done(schema)
        self._stopped = np.full(len(schema.keys), Stop.NOT_YET, dtype=np.int8)
        self._tree = Tree(self.summing.merge, schema.block)
        self._damaged: dict[Path, str] = {}

    @classmethod
    def create(cls, path: str | Path, schema: Schema, overwrite: bool = False) -> Self:
        """Lay out an empty store.

        Raises
        ------
        StoreError
            If something else is in the way, or the folder cannot be written.
        """
        path = Path(path)
        ZarrResults.create(path, schema, overwrite)
        return cls(schema, path)

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a store that exists, finished or not.

        Raises
        ------
        StoreError
            If there is none, it is not a store of sums, or it is damaged.
        """
        path = Path(path)
        schema = read_schema(path)
        if schema.summed is None:
            raise StoreError(f"{path}: keeps replicates, not measures; name another folder")
        return cls.of(path, schema)

    @classmethod
    def of(cls, path: Path, schema: Schema) -> Self:
        """Take up the nodes at `path`, whose metadata are known; damaged ones wait for `mend`."""
        results = cls(schema, path)
        if schema.stops:
            each = range(len(schema.keys))
            results._stopped[:] = [read_stop(path, condition) for condition in each]
        for place in outermost(_places(path, schema)):
            file = _file(path, schema, place)
            try:
                results._tree.nodes[place] = _read(file, results.summing)
                blocks = place.blocks
                results.finished.add(place.condition, blocks.start, blocks.stop)
            except (chunks.ChunkError, OSError, ValueError) as error:
                results._damaged[file] = f"node {file.name} {error}"
        return results

    @property
    def schema(self) -> Schema:
        """The shape of the study."""
        return self._schema

    @property
    def done(self) -> NDArray[np.bool_]:
        """(condition, block) True where the block has been summed; a copy."""
        return self.finished.array()

    def write(self, block: Block | Leaf) -> None:
        """Add a finished block, or its sums.

        Raises
        ------
        ValueError
            If the block is not one of the study's, or is there already.
        StoreError
            If the disk refuses.
        """
        if isinstance(block, Block):
            self._schema.check(block)
            block = self.summing.leaf(block)
        at = (block.condition, block.number)
        if at in self.finished:
            raise ValueError(f"block {block.number} of condition {block.condition} is there twice")
        place, gone = self._tree.add(*at, block.node)
        if self.path is not None:
            self._save(self.path, place, gone)
        self.finished.add(*at)

    def messages(self) -> tuple[Message, ...]:
        """None: what is summed has no replicate that a message could belong to."""
        return ()

    def warnings(self) -> tuple[Message, ...]:
        """None, as of messages."""
        return ()

    def settle(self, condition: int, why: Stop) -> None:
        """Keep why a condition has no more replicates.

        Raises
        ------
        StoreError
            If the disk refuses.
        """
        self._stopped[condition] = why
        if self.path is not None:
            write_stop(self.path, condition, why)

    def nodes(self, condition: int) -> Node:
        """All that is known of one condition."""
        return self._tree.total(condition, empty(self.summing.outline))

    def sums(self, condition: int) -> dict[str, NDArray[Any]]:
        """All that is known of one condition, as `simlab.performance.named` names it."""
        return named(self.nodes(condition), self.summing.outline, self.summing.aims[condition])

    def dataset(self) -> xr.Dataset:
        """The sums so far, which `simlab.measure` and the tables read like any results.

        Variables are those of `simlab.results.labelled`; truth, limit and null_holds as ever;
        replicates and core seconds of each condition; and `stopped` where conditions stop when a
        measure is known.

        Raises
        ------
        StoreError
            If a node is damaged.
        """
        for text in self._damaged.values():
            raise StoreError(f"{self.path}: {text}; repeat the run, which makes it again")
        conditions = range(len(self._schema.keys))
        totals = [self.nodes(condition) for condition in conditions]
        each = [self.sums(condition) for condition in conditions]
        found = dataset_of(self._schema, self.summing.outline, each, totals, self._stopped)
        found.encoding["source"] = str(self.path)
        return found

    def mend(self) -> list[str]:
        """Remove nodes that are damaged, and what an interrupted run left behind.

        Returns
        -------
        list of str
            What was found, a text for each damaged node; its blocks are not done from now on.

        Raises
        ------
        StoreError
            If the disk refuses.
        """
        found = list(self._damaged.values())
        if self.path is not None:
            kept = set(self.files().values())
            with disk(self.path, SAFE), suppress(FileNotFoundError):
                entries = [Path(entry.path) for entry in os.scandir(self.path / NODES)]
                _remove(file for file in entries if file not in kept)
        self._damaged.clear()
        return found

    def files(self) -> dict[Place, Path]:
        """The file of every node."""
        assert self.path is not None
        return {place: _file(self.path, self._schema, place) for place in self._tree.nodes}

    def _save(self, path: Path, place: Place, gone: list[Place]) -> None:
        data = np.frombuffer(to_bytes(self._tree.nodes[place]), dtype=np.uint8)
        with disk(path, SAFE):
            (path / NODES).mkdir(exist_ok=True)
            chunks.write(_file(path, self._schema, place), data, data.shape, 0)
            _remove(_file(path, self._schema, old) for old in gone)


def _file(path: Path, schema: Schema, place: Place) -> Path:
    return path / NODES / f"{schema.keys[place.condition]}.{place.level}.{place.number}"


def _places(path: Path, schema: Schema) -> list[Place]:
    """Which nodes there are; files of other studies or half written are none."""
    condition = {key: c for c, key in enumerate(schema.keys)}
    found = []
    with suppress(FileNotFoundError), os.scandir(path / NODES) as entries:
        for entry in entries:
            key, _, place = entry.name.partition(".")
            level, _, number = place.partition(".")
            if key in condition and level.isdecimal() and number.isdecimal():
                at = Place(condition[key], int(level), int(number))
                if at.blocks.stop <= schema.blocks_per_condition:
                    found.append(at)
    return found


def _read(file: Path, summing: Summing) -> Node:
    size = file.stat().st_size - chunks.CHECKSUM_BYTES
    data: NDArray[Any] = chunks.read(file, np.dtype(np.uint8), (size,))
    return from_bytes(data.tobytes(), summing.outline)


def _remove(files: Iterable[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
