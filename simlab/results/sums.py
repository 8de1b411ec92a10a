"""Results of a study that keeps measures: running sums, in memory or in a folder.

The folder is a Zarr group with what is known before the first fit, and the folder ``nodes`` with
one file for each node that has not been merged yet: ``KEY.LEVEL.NUMBER`` of a condition's key and
a `Place`. A file is written beside its place and renamed, with a checksum, and only then the nodes
merged into it are removed. So whoever is killed leaves every block in one node or in two of which
one contains the other, and the inner one is not read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from simlab.errors import ArgumentError, ChunkError, StoreError
from simlab.files import clear
from simlab.performance.named import named
from simlab.performance.node import Node, empty
from simlab.results import chunks
from simlab.results.disk import SAFE, disk
from simlab.results.done import Done
from simlab.results.labelled import dataset_of
from simlab.results.layout import read_schema
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

    __slots__ = (
        "_damaged", "_joined", "_schema", "_stopped", "_tree", "finished", "path", "summing",
    )  # fmt: skip

    def __init__(self, schema: Schema, path: Path | None = None) -> None:
        self.path = path
        if schema.summed is None:
            raise ArgumentError("this study keeps its replicates")
        self.summing = Summing.of(schema, *schema.summed)
        self._schema = schema
        self.finished = Done(schema)
        self._stopped = np.full(len(schema.keys), Stop.NOT_YET, dtype=np.int8)
        self._tree = Tree(self.summing.merge, schema.block)
        self._damaged: dict[Path, str] = {}
        self._joined: set[Place] = set()

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
        places = _places(path, schema)
        while there := set(outermost(places)):
            places -= there
            damaged = {place for place in there if not results._take_up(path, place)}
            # What was merged into a node that is damaged may be there still.
            places = {p for p in places if any(_inside(p, outer) for outer in damaged)}
        results._join()
        return results

    def _take_up(self, path: Path, place: Place) -> bool:
        """Read a node; return whether it could be read."""
        file = _file(path, self._schema, place)
        rows = len(place.blocks) * self._schema.block
        try:
            self._tree.nodes[place] = _read(file, self.summing, rows)
        except (ChunkError, ValueError) as error:
            self._damaged[file] = f"node {file.name} {error}"
            return False
        self.finished.add(place.condition, place.blocks.start, place.blocks.stop)
        return True

    def _join(self) -> None:
        """Merge siblings, whose common node was damaged, again."""
        nodes = self._tree.nodes
        while pairs := [p for p in nodes if not p.number % 2 and self._are_whole(p, p.sibling)]:
            for place in pairs:
                both = nodes.pop(place), nodes.pop(place.sibling)
                nodes[place.parent] = self.summing.merge(*both)
                self._joined.add(place.parent)

    def _are_whole(self, *places: Place) -> bool:
        """Whether nodes are here, and none of their blocks is shorter than the others."""
        nodes, full = self._tree.nodes, self._schema.block
        return all(p in nodes and nodes[p].replicates == full << p.level for p in places)

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
            raise ArgumentError(
                f"block {block.number} of condition {block.condition} is there twice"
            )
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
            for place in self._joined & set(self._tree.nodes):
                self._save(self.path, place, [])
            kept = set(self.files().values())
            with disk(self.path, SAFE):
                files = {Path(e.path) for e in _entries(self.path)}
                files -= {file for file in files if file.is_dir()}
                _remove((files | set(self._damaged)) - kept)
        self._damaged.clear()
        return found

    def files(self) -> dict[Place, Path]:
        """The file of every node."""
        assert self.path is not None
        return {place: _file(self.path, self._schema, place) for place in self._tree.nodes}

    def _save(self, path: Path, place: Place, gone: list[Place]) -> None:
        data = np.frombuffer(to_bytes(self._tree.nodes[place]), dtype=np.uint8)
        with disk(path, SAFE):
            if not (path / NODES).is_dir():
                clear(path / NODES)
                (path / NODES).mkdir()
            chunks.write(_file(path, self._schema, place), data, data.shape, 0)
            _remove(_file(path, self._schema, old) for old in gone)


def _file(path: Path, schema: Schema, place: Place) -> Path:
    return path / NODES / f"{schema.keys[place.condition]}.{place.level}.{place.number}"


def _entries(path: Path) -> Iterator[os.DirEntry[str]]:
    """What there is in the folder of nodes, if it is a folder."""
    if (path / NODES).is_dir():
        with os.scandir(path / NODES) as entries:
            yield from entries


def _places(path: Path, schema: Schema) -> set[Place]:
    """Which nodes there are; files of other studies or half written are none."""
    condition = {key: c for c, key in enumerate(schema.keys)}
    most = schema.blocks_per_condition
    found = set()
    for entry in _entries(path):
        key, *rest = entry.name.split(".")
        numbers = [int(part) for part in rest if len(part) < 20 and part.isdecimal()]
        if key in condition and len(rest) == len(numbers) == 2:
            at = Place(condition[key], *numbers)
            whole = at.level < most.bit_length() and at.blocks.stop <= most
            if whole and _file(path, schema, at).name == entry.name:
                found.add(at)
    return found


def _inside(place: Place, outer: Place) -> bool:
    """Whether a node covers some of the blocks of another."""
    shift = outer.level - place.level
    return place.condition == outer.condition and place.number >> shift == outer.number


def _read(file: Path, summing: Summing, rows: int) -> Node:
    """Read a node of at most so many replicates, which keeps two ends of each interval at most."""
    most = len(to_bytes(empty(summing.outline))) * (1 + rows) + chunks.CHECKSUM_BYTES
    return from_bytes(chunks.checked(file, most), summing.outline)


def _remove(files: Iterable[Path]) -> None:
    for file in files:
        clear(file)
