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
from numpy.typing import NDArray

from simlab.results.messages import KINDS
from simlab.results.schema import EFFECTS, Block, Schema
from simlab.results.store import ZarrResults

__all__ = ["EARLIER", "Earlier", "Missing"]

EARLIER = "earlier"
_GONE = "earlier.gone"


class Missing(NamedTuple):
    """What a block lacks that was done before: estimators and tests by name."""

    estimators: tuple[str, ...]
    tests: tuple[str, ...]


class Earlier:
    """What a store was before it was given more estimators or tests.

    Parameters
    ----------
    path : Path
        The store.
    schema : Schema
        Its shape now.
    stores : sequence of ZarrResults
        What it was, the last one first: it may have been given more several times.
    """

    def __init__(self, path: Path, schema: Schema, stores: Sequence[ZarrResults]) -> None:
        self._path, self._schema, self._stores = path, schema, stores

    @classmethod
    def of(cls, path: Path, schema: Schema) -> Earlier:
        """Find what the store at `path` was.

        Raises
        ------
        StoreError
            If it is damaged.
        """
        shutil.rmtree(path / _GONE, ignore_errors=True)
        stores, folder = [], path / EARLIER
        while folder.is_dir():
            stores.append(ZarrResults.open(folder))
            folder /= EARLIER
        return cls(path, schema, stores)

    def __bool__(self) -> bool:
        return bool(self._stores)

    def mend(self) -> list[str]:
        """Check every block; one that is damaged counts as not done: see `ZarrResults.mend`."""
        return [text for store in self._stores for text in store.mend()]

    def missing(self, condition: int, number: int) -> Missing | None:
        """Return what a block lacks that was done before; None where it was not."""
        found = self._find(condition, number)
        return None if found is None else self._lacking(found[0])

    def completed(self, block: Block) -> Block:
        """Put what a block had to what it lacked; return one that was not done before as it is.

        Raises
        ------
        StoreError
            If what it had is damaged.
        """
        found = self._find(block.condition, block.number)
        if found is None:
            return block
        store, condition = found
        missing = self._lacking(store)
        here, before = self._schema, store.read(condition, block.number)
        parts = (before, _labels(store.schema)), (block, _labels(here, missing))
        arrays: dict[str, Any] = {}
        for name, variable in here.variables.items():
            shape = (block.replicates, *here.shape(variable.dims))
            arrays[name] = np.full(shape, variable.fill, variable.dtype)
            for part, labels in parts:
                values = getattr(part, name)
                if values is not None:
                    at = [_places(_labels(here)[dim], labels[dim]) for dim in variable.dims]
                    arrays[name][np.ix_(np.arange(block.replicates), *at)] = values
        arrays |= {kind: tuple(self._in_order(before, block, kind)) for kind in KINDS}
        return replace(block, **arrays, seconds=before.seconds + block.seconds)

    def remove(self) -> None:
        """Forget what the store was: all of it is there."""
        if self._stores:
            os.rename(self._path / EARLIER, self._path / _GONE)
            shutil.rmtree(self._path / _GONE, ignore_errors=True)

    def _lacking(self, store: ZarrResults) -> Missing:
        """What an earlier store has not."""
        there = store.schema
        return Missing(
            tuple(name for name in self._schema.estimators if name not in there.estimators),
            tuple(name for name in self._schema.tests if name not in there.tests),
        )

    def _find(self, condition: int, number: int) -> tuple[ZarrResults, int] | None:
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
        place = {name: e for e, name in enumerate(self._schema.estimators)}
        both = dict.fromkeys((*getattr(before, kind), *getattr(block, kind)))
        yield from sorted(both, key=lambda told: (told[0], place.get(told[1], len(place))))


def _labels(schema: Schema, only: Missing | None = None) -> dict[str, tuple[str, ...]]:
    """Labels along the dimensions of a block; of one with some estimators and tests only."""
    estimators, tests = (schema.estimators, schema.tests) if only is None else only
    return {
        "estimator": estimators,
        "term": schema.terms,
        "mixed": tuple(name for name in schema.mixed if name in estimators),
        "effect": EFFECTS,
        "effect_": EFFECTS,
        "test": tests,
        "kind": schema.kinds,
    }


def _places(labels: tuple[str, ...], some: tuple[str, ...]) -> NDArray[np.int64]:
    return np.array([labels.index(label) for label in some], dtype=np.int64)
