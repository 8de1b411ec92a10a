"""Results of a study that keeps measures: running sums, in memory or in a folder.

The folder is a Zarr group with what is known before the first fit, and the folder ``nodes`` with
one file for each node that has not been merged yet: ``KEY.LEVEL.NUMBER`` of a condition's key and
a `Span`. A file is written under another name and renamed, with a checksum; only then the nodes
merged into it are removed. So whoever is killed leaves every block in one node or in two of which
one contains the other, and the inner one is not read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from simlab.errors import ArgumentError, ChunkError, StoreError
from simlab.files import clear
from simlab.performance.named import named
from simlab.performance.node import Node, empty
from simlab.results import chunks
from simlab.results.base import Results
from simlab.results.disk import SAFE, disk
from simlab.results.labelled import dataset_of
from simlab.results.nodes import Leaf, Span, Summing, Tree, from_bytes, outermost, to_bytes
from simlab.results.schema import Block, Schema

NODES = "nodes"


class SumsResults(Results):
    """Sums of a study's blocks: see `Results`."""

    SUMS = True
    REFUSED = "keeps replicates, not measures; name another folder"

    def __init__(self, schema: Schema, path: Path | None = None) -> None:
        if schema.summed is None:
            raise ArgumentError("this study keeps its replicates")
        super().__init__(schema, path)
        self.summing = Summing.of(schema, *schema.summed)
        self._tree = Tree(self.summing.layout, schema.block)
        self._damaged: dict[Path, str] = {}  # for `mend`
        spans = set() if path is None else _spans(path, schema)
        while path is not None and (there := set(outermost(spans))):
            spans -= there
            damaged = {span for span in there if not self._take_up(path, span)}
            # What was merged into a node that is damaged may be there still.
            spans = {p for p in spans if any(_inside(p, outer) for outer in damaged)}
        self._joined = self._tree.join()

    def _take_up(self, path: Path, span: Span) -> bool:
        """Read a node; return whether it could be read."""
        file = _file(path, self.schema, span)
        rows = len(span.blocks) * self.schema.block
        try:
            self._tree.nodes[span] = _read(file, self.summing, rows)
        except (ChunkError, ValueError) as error:
            self._damaged[file] = f"node {file.name} {error}"
            return False
        self.finished.add(span.condition, span.blocks.start, span.blocks.stop)
        return True

    def write(self, block: Block | Leaf) -> None:
        """Add a finished block, or its sums.

        ArgumentError if it is not one of the study's, or is there already; StoreError if the disk
        refuses.
        """
        if isinstance(block, Block):
            self.schema.check(block)
            block = self.summing.leaf(block)
        at = (block.condition, block.number)
        if at in self.finished:
            raise ArgumentError(
                f"block {block.number} of condition {block.condition} is there twice"
            )
        span, gone = self._tree.add(*at, block.node)
        if self.path is not None:
            self._save(self.path, span, gone)
        self.finished.add(*at)

    def nodes(self, condition: int) -> Node:
        """Sums of one condition, as one node."""
        return self._tree.total(condition)

    def sums(self, condition: int) -> dict[str, NDArray[Any]]:
        """Sums of one condition, as `simlab.performance.named` names them."""
        return named(self.nodes(condition), self.summing.layout, self.summing.aims[condition])

    def dataset(self) -> xr.Dataset:
        """The sums so far, which `simlab.measure` and the tables read like any results.

        Variables are those of `simlab.results.labelled`; truth, limit and null_holds as ever;
        replicates and core seconds of each condition; and `stopped` where conditions stop when a
        measure is known. StoreError if a node is damaged.
        """
        for text in self._damaged.values():
            raise StoreError(f"{self.path}: {text}; repeat the run, which makes it again")
        conditions = range(len(self.schema.keys))
        totals = [self.nodes(condition) for condition in conditions]
        each = [self.sums(condition) for condition in conditions]
        ds = dataset_of(self.schema, self.summing.layout, each, totals, self._stopped)
        if self.path is not None:
            ds.encoding["source"] = str(self.path)
        return ds

    def mend(self) -> list[str]:
        """Remove nodes that are damaged, and what an interrupted run left behind.

        Returns a text for each damaged node; its blocks are not done from now on.
        """
        texts = list(self._damaged.values())
        if self.path is not None:
            for span in self._joined & set(self._tree.nodes):
                self._save(self.path, span, [])
            kept = set(self.files().values())
            with disk(self.path, SAFE):
                files = {Path(e.path) for e in _entries(self.path)}
                files -= {file for file in files if file.is_dir()}
                _remove((files | set(self._damaged)) - kept)
        self._damaged.clear()
        return texts

    def files(self) -> dict[Span, Path]:
        """The file of every node."""
        assert self.path is not None
        return {span: _file(self.path, self.schema, span) for span in self._tree.nodes}

    def _save(self, path: Path, span: Span, gone: list[Span]) -> None:
        """Write a node, then remove the files of those merged into it."""
        data = np.frombuffer(to_bytes(self._tree.nodes[span]), dtype=np.uint8)
        with disk(path, SAFE):
            if not (path / NODES).is_dir():
                clear(path / NODES)
                (path / NODES).mkdir()
            chunks.write(_file(path, self.schema, span), data, data.shape, 0)
            _remove(_file(path, self.schema, old) for old in gone)


def _file(path: Path, schema: Schema, span: Span) -> Path:
    return path / NODES / f"{schema.keys[span.condition]}.{span.level}.{span.number}"


def _entries(path: Path) -> Iterator[os.DirEntry[str]]:
    """Entries of the folder of nodes; none if it is no folder."""
    if (path / NODES).is_dir():
        with os.scandir(path / NODES) as entries:
            yield from entries


def _spans(path: Path, schema: Schema) -> set[Span]:
    """Spans of the nodes of a folder; files of other studies or half written are left out."""
    condition = {key: c for c, key in enumerate(schema.keys)}
    most = schema.blocks_per_condition
    spans = set()
    for entry in _entries(path):
        key, *rest = entry.name.split(".")
        numbers = [int(part) for part in rest if len(part) < 20 and part.isdecimal()]
        if key in condition and len(rest) == len(numbers) == 2:
            at = Span(condition[key], *numbers)
            whole = at.level < most.bit_length() and at.blocks.stop <= most
            if whole and _file(path, schema, at).name == entry.name:
                spans.add(at)
    return spans


def _inside(span: Span, outer: Span) -> bool:
    """Whether a node covers some of the blocks of another."""
    shift = outer.level - span.level
    return span.condition == outer.condition and span.number >> shift == outer.number


def _read(file: Path, summing: Summing, rows: int) -> Node:
    """Read a node of at most so many replicates, which keeps two ends of each interval at most."""
    most = len(to_bytes(empty(summing.layout))) * (1 + rows) + chunks.CHECKSUM_BYTES
    return from_bytes(chunks.checked(file, most), summing.layout)


def _remove(files: Iterable[Path]) -> None:
    for file in files:
        clear(file)
