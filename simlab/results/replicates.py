"""Results of a study that keeps its replicates: blocks in memory, or files of a Zarr v3 store.

A store opens in plain ``xarray.open_zarr(path, consolidated=False)`` too, where labels appear as
integer codes with their names in ``labels``; Zarr v3 has no consolidated metadata.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from simlab.errors import ChunkError, StoreError
from simlab.files import clear
from simlab.memory import lacking
from simlab.results.base import Results
from simlab.results.blocks import At, BlockFiles, is_flag, not_done
from simlab.results.disk import SAFE, disk
from simlab.results.labelled import (
    coordinates,
    known_variables,
    progress,
    stopped_variable,
    variable_attrs,
)
from simlab.results.messages import KINDS, MESSAGES, WARNINGS, Message, attributes
from simlab.results.schema import TIMES, Block, Schema


class ReplicateResults(Results):
    """The blocks of a study: see `Results`."""

    SUMS = False
    REFUSED = "keeps measures only; run with keep: replicates"

    def __init__(self, schema: Schema, path: Path | None = None) -> None:
        super().__init__(schema, path)
        self._blocks: dict[At, dict[str, Any]] = {}  # in memory
        self._files = None if path is None else BlockFiles(path, schema)
        if self._files is not None:
            for at, entry in self._files.flags():
                if is_flag(entry):
                    self.finished.add(*at)

    def write(self, block: Block) -> None:
        """Keep a finished block.

        ArgumentError if it is not exactly one chunk of the schema; StoreError if the disk refuses.
        """
        self.schema.check(block)
        at = (block.condition, block.number)
        if self._files is None:
            names = (*TIMES, *KINDS)
            self._blocks[at] = {name: getattr(block, name) for name in names} | {
                name: np.array(getattr(block, name), v.dtype)
                for name, v in self.schema.variables.items()
            }
        else:
            with disk(self._files.path, SAFE):
                if at in self.finished:
                    self._files.unmark(at)
                    self.finished.discard(*at)
                self._files.write(block)
        self.finished.add(*at)

    def read(self, condition: int, number: int) -> Block:
        """Return a finished block, bit for bit as it was written.

        StoreError if a chunk is missing or damaged; it names the array, the chunk and the cure.
        """
        return Block(condition, number, **self._read((condition, number), self.schema.variables))

    def _read(self, at: At, names: Iterable[str]) -> dict[str, Any]:
        """Some variables of a finished block, its times and its messages."""
        if self._files is None:
            return self._blocks[at]
        try:
            return self._files.read(at, names)
        except ChunkError as error:
            raise StoreError(
                f"{self.path}: {error}; repeat the run, which computes this block again"
            ) from error

    def messages(self) -> tuple[Message, ...]:
        """Errors of fits with the status error, by condition and replicate."""
        return self._each(MESSAGES, {at: self._read(at, ()) for at in self.finished})

    def warnings(self) -> tuple[Message, ...]:
        """Warnings that the user's code gave, by condition and replicate."""
        return self._each(WARNINGS, {at: self._read(at, ()) for at in self.finished})

    def _each(self, kind: str, blocks: Mapping[At, Mapping[str, Any]]) -> tuple[Message, ...]:
        """Messages of one kind of some blocks, in their order."""
        return tuple(
            Message(c, self.schema.rows(number).start + b, estimator, text)
            for (c, number), block in blocks.items()
            for b, estimator, text in block[kind]
        )

    def no_flags(self) -> dict[Path, str]:
        """Files that have the name of a flag and are none, with what is wrong with each."""
        flags = () if self._files is None else self._files.flags()
        files = sorted(Path(entry.path) for at, entry in flags if at not in self.finished)
        return {file: not_done(file) for file in files}

    def mend(self) -> list[str]:
        """Check every finished block; a damaged one counts as not done, and is reported.

        After a power failure a file system may have kept a flag and lost what it stands for.
        """
        if self._files is None:
            return []
        lost = self.no_flags()
        with disk(self._files.path, SAFE):
            for flag in lost:
                clear(flag)
        damaged = [*lost.values()]
        for at in self.finished:
            try:
                self._files.read(at, self.schema.variables)
            except ChunkError as error:
                damaged.append(str(error))
                with disk(self._files.path, SAFE):
                    self._files.unmark(at)
                self.finished.discard(*at)
        return damaged

    def dataset(self, variables: Collection[str] | None = None) -> xr.Dataset:
        """Everything up to the last block written; NaN, and status -1, where one is missing.

        The same, bit for bit, in memory and in a folder.

        Parameters
        ----------
        variables
            Which of the variables with a value per replicate to read; by default all.

        Returns
        -------
        xr.Dataset
            Dimensions condition, replicate, estimator, term, target, mixed, effect, effect_ and
            block, and test and kind if there are tests; attrs are the schema's, its fingerprint and
            block size, the numbers of replicates done and planned, summed over conditions, and
            summaries of errors and warnings if there are any. Replicates and blocks end with the
            last that is done in any condition; if more were planned, attrs["replicates"] says how
            many in each. Where conditions stop when a measure is known, `stopped` says why each one
            stopped, and what a condition that has stopped planned is what it has.

        Raises
        ------
        StoreError
            If a chunk is missing or damaged, or all that is done is more than memory holds.
        """
        schema, blocks = self.schema, self.finished.longest()
        C, replicates = len(schema.keys), schema.end(blocks)
        if self.path is not None and (needed := lacking(schema.bytes(blocks, variables))):
            raise StoreError(
                f"{self.path}: its {replicates:,} replicates of each condition take "
                f"{needed}; read some of the variables, or measure as you run: keep: measures"
            )
        chosen = {k: v for k, v in schema.variables.items() if variables is None or k in variables}
        arrays: dict[str, NDArray[Any]] = {
            name: np.full((C, replicates, *schema.shape(v.dims)), v.fill, v.dtype)
            for name, v in chosen.items()
        }
        times = {name: np.full((C, blocks), np.nan) for name in TIMES}
        messages: dict[At, dict[str, Any]] = {}
        for at in self.finished:
            condition, number = at
            values = self._read(at, chosen)
            for name in chosen:
                arrays[name][condition, schema.rows(number)] = values[name]
            for name, seconds in times.items():
                seconds[at] = values.get(name, np.nan)
            messages[at] = {kind: values[kind] for kind in KINDS}
        dims = {name: ("condition", "replicate", *v.dims) for name, v in chosen.items()}
        data = {k: (dims[k], x, variable_attrs(k)) for k, x in arrays.items()}
        data |= known_variables(schema)
        for name, x in times.items():
            data[name] = (("condition", "block"), x, variable_attrs(name))
        short = not schema.stops and blocks < schema.blocks_per_condition
        ds = xr.Dataset(
            data | stopped_variable(schema, self._stopped),
            coords=coordinates(schema),
            attrs={
                **schema.attrs,
                **({"replicates": schema.replicates} if short else {}),
                **progress(schema, self.finished.replicates(), self._stopped),
                **attributes(self._each(MESSAGES, messages), self._each(WARNINGS, messages)),
            },
        )
        if self.path is not None:
            ds.encoding["source"] = str(self.path)
        return ds

    def files(self, condition: int, number: int) -> dict[str, Path]:
        """The file of every array of a block in a folder, and of its messages; its flag last."""
        assert self._files is not None
        return self._files.of((condition, number))
