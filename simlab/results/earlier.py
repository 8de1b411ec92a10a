"""Blocks of a study before it got more estimators or tests: kept until they have those too.

A store that gets more estimators or tests is laid out anew, and what it was is kept in it, whole,
in the folder ``earlier``. Its blocks are drawn again for what is new alone, and each is written
with what it had. When all are there the folder goes. So whoever is killed on the way loses nothing,
and the same command goes on.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from simlab.results.messages import KINDS
from simlab.results.replicates import ReplicateResults
from simlab.results.schema import Block, Schema

__all__ = ["EARLIER", "Earlier", "Missing"]

EARLIER = "earlier"
_GONE = "earlier.gone"


class Missing(NamedTuple):
    """Names of the estimators and tests that a block lacks that was done before."""

    estimators: tuple[str, ...]
    tests: tuple[str, ...]


class Earlier:
    """Store as it was before it was given more estimators or tests.

    `stores` has the last one first: it may have been given more several times.
    """

    def __init__(self, path: Path, schema: Schema, stores: Sequence[ReplicateResults]) -> None:
        self._path, self._schema, self._stores = path, schema, stores

    @classmethod
    def of(cls, path: Path, schema: Schema) -> Earlier:
        """Find what the store at `path` was; StoreError if that is damaged."""
        shutil.rmtree(path / _GONE, ignore_errors=True)
        stores, folder = [], path / EARLIER
        while folder.is_dir():
            stores.append(ReplicateResults.open(folder))
            folder /= EARLIER
        return cls(path, schema, stores)

    def __bool__(self) -> bool:
        return bool(self._stores)

    def mend(self) -> list[str]:
        """Check every block as `ReplicateResults.mend` does: a damaged one counts as not done."""
        return [text for store in self._stores for text in store.mend()]

    def missing(self, condition: int, number: int) -> Missing | None:
        """Return what a block lacks that was done before; None where it was not."""
        there = self._find(condition, number)
        return None if there is None else self._lacking(there[0])

    def completed(self, block: Block) -> Block:
        """Put what a block had to what it lacked; return one that was not done before as it is.

        StoreError if what it had is damaged.
        """
        there = self._find(block.condition, block.number)
        if there is None:
            return block
        store, condition = there
        missing = self._lacking(store)
        here, before = self._schema, store.read(condition, block.number)
        new = here.along | {"estimator": missing.estimators, "test": missing.tests}
        new["mixed"] = tuple(name for name in here.mixed if name in missing.estimators)
        parts = (before, store.schema.along), (block, new)
        arrays: dict[str, Any] = {}
        for name, variable in here.variables.items():
            shape = (block.replicates, *here.shape(variable.dims))
            arrays[name] = np.full(shape, variable.fill, variable.dtype)
            for part, labels in parts:
                values = getattr(part, name)
                if values is not None:
                    at = [
                        np.array([*map(here.along[dim].index, labels[dim])], dtype=np.int64)
                        for dim in variable.dims
                    ]
                    arrays[name][np.ix_(np.arange(block.replicates), *at)] = values
        arrays |= {kind: tuple(self._in_order(before, block, kind)) for kind in KINDS}
        return replace(block, **arrays, seconds=before.seconds + block.seconds)

    def remove(self) -> None:
        """Forget what the store was: all of it is there."""
        if self._stores:
            os.rename(self._path / EARLIER, self._path / _GONE)
            shutil.rmtree(self._path / _GONE, ignore_errors=True)

    def _lacking(self, store: ReplicateResults) -> Missing:
        """Estimators and tests that an earlier store has not."""
        there = store.schema
        return Missing(
            tuple(name for name in self._schema.estimators if name not in there.estimators),
            tuple(name for name in self._schema.tests if name not in there.tests),
        )

    def _find(self, condition: int, number: int) -> tuple[ReplicateResults, int] | None:
        """Find the store in which a block is done, and its condition there."""
        key, rows = self._schema.keys[condition], self._schema.rows(number)
        for store in self._stores:
            there = store.schema
            if key in there.keys and number < there.blocks_per_condition:
                c = there.keys.index(key)
                if there.rows(number) == rows and (c, number) in store.finished:
                    return store, c
        return None

    def _in_order(self, before: Block, block: Block, kind: str) -> Iterator[tuple[int, str, str]]:
        """Messages of both, by replicate and estimator; those of the generator are in both."""
        index = {name: e for e, name in enumerate(self._schema.estimators)}
        both = dict.fromkeys((*getattr(before, kind), *getattr(block, kind)))
        yield from sorted(both, key=lambda message: (message[0], index.get(message[1], len(index))))
