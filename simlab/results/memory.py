"""Results held in memory, and the one place where a Dataset is put together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from simlab.results.done import Done
from simlab.results.messages import KINDS, MESSAGES, WARNINGS, BlockMessages, Message, attributes
from simlab.results.schema import EFFECTS, TEST_VARIABLES, TIMES, VARIABLES, Block, Schema, Stop
from simlab.words import TARGETS, Status


class MemoryResults:
    """Results of a study that need not outlive the session.

    Parameters
    ----------
    schema
        The shape of the Dataset.
    variables
        Which of the variables with a value per replicate to hold; by default all.
    blocks
        Blocks of each condition for which every variable is allocated at once; more as they arrive.
        By default all, or none where conditions stop before they have all.
    """

    __slots__ = ("_arrays", "_room", "_schema", "_stopped", "_told", "_variables", "finished")

    def __init__(
        self, schema: Schema, variables: Collection[str] | None = None, blocks: int | None = None
    ) -> None:
        if blocks is None:
            blocks = 0 if schema.stops else schema.blocks_per_condition
        self._schema = schema
        held = schema.variables if variables is None else variables
        self._variables = {name: v for name, v in schema.variables.items() if name in held}
        self.finished = Done(schema)
        self._room = blocks
        self._arrays = self._allocated()
        self._told: dict[tuple[int, int], dict[str, BlockMessages]] = {}
        self._stopped = np.full(len(schema.keys), Stop.NOT_YET, dtype=np.int8)

    def _allocated(self) -> dict[str, NDArray[Any]]:
        """Every variable, with room for as many blocks as there is, filled as not run."""
        schema = self._schema
        C, replicates = len(schema.keys), schema.end(self._room)
        arrays: dict[str, NDArray[Any]] = {
            name: np.full((C, replicates, *schema.shape(v.dims)), v.fill, v.dtype)
            for name, v in self._variables.items()
        }
        return arrays | {name: np.full((C, self._room), np.nan) for name in TIMES}

    def _make_room(self, blocks: int) -> None:
        """Allocate for so many blocks and a half more, and keep what is there."""
        if blocks <= self._room:
            return
        before = self._arrays
        self._room = min(self._schema.blocks_per_condition, blocks + blocks // 2)
        self._arrays = self._allocated()
        for name, values in before.items():
            self._arrays[name][:, : values.shape[1]] = values

    @property
    def schema(self) -> Schema:
        """The shape of the Dataset."""
        return self._schema

    @property
    def done(self) -> NDArray[np.bool_]:
        """(condition, block) True where the block has been written; a copy."""
        return self.finished.array()

    def write(self, block: Block) -> None:
        """Keep a finished block.

        Raises
        ------
        ValueError
            If the block is not exactly one chunk of the schema.
        """
        self._schema.check(block)
        names = (*self._variables, *TIMES, *KINDS)
        self.fill(block.condition, block.number, {name: getattr(block, name) for name in names})

    def fill(self, condition: int, number: int, values: Mapping[str, Any]) -> None:
        """Keep what is held of a finished block, given by the names of `Block`."""
        rows = self._schema.rows(number)
        self._make_room(number + 1)
        for name in self._variables:
            self._arrays[name][condition, rows] = values[name]
        for name in TIMES:
            self._arrays[name][condition, number] = values.get(name, np.nan)
        self._told[condition, number] = {kind: values[kind] for kind in KINDS}
        self.finished.add(condition, number)

    def messages(self) -> tuple[Message, ...]:
        """What went wrong in each fit with the status error, by condition and replicate."""
        return self._each(MESSAGES)

    def warnings(self) -> tuple[Message, ...]:
        """What the user's code warned of, by condition and replicate."""
        return self._each(WARNINGS)

    def _each(self, kind: str) -> tuple[Message, ...]:
        return tuple(
            Message(c, self._schema.rows(number).start + b, estimator, text)
            for (c, number), told in sorted(self._told.items())
            for b, estimator, text in told[kind]
        )

    def read(self, condition: int, number: int) -> Block:
        """Return a finished block; it shares its memory with these results."""
        rows = self._schema.rows(number)
        found: dict[str, Any] = {
            name: self._arrays[name][condition, rows] for name in self._schema.variables
        }
        found |= {name: float(self._arrays[name][condition, number]) for name in TIMES}
        found |= self._told[condition, number]
        return Block(condition, number, **found)

    def settle(self, condition: int, why: Stop) -> None:
        """Keep why a condition has no more replicates."""
        self._stopped[condition] = why

    def dataset(self, *, copy: bool = True) -> xr.Dataset:
        """Everything up to the last block written; NaN, and status -1, where one is missing.

        Parameters
        ----------
        copy
            If False, the Dataset shares its memory with these results and later writes show in it.

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
        """
        blocks = self.finished.longest()
        replicates = self._schema.end(blocks)
        variables: dict[str, tuple[Any, ...]] = {}
        for name, variable in self._variables.items():
            dims = ("condition", "replicate", *variable.dims)
            variables[name] = (dims, self._arrays[name][:, :replicates], variable_attrs(name))
        for name, dims in self._schema.known.items():
            variables[name] = (dims, getattr(self._schema, name), variable_attrs(name))
        for name in TIMES:
            times = self._arrays[name][:, :blocks]
            variables[name] = (("condition", "block"), times, variable_attrs(name))
        if self._schema.stops:
            variables["stopped"] = (("condition",), self._stopped, variable_attrs("stopped"))
        told = attributes(self.messages(), self.warnings())
        attrs = {**self._schema.attrs, **self._progress(), **told}
        dataset = xr.Dataset(variables, coords=coordinates(self._schema), attrs=attrs)
        return dataset.copy(deep=True) if copy else dataset

    def _progress(self) -> dict[str, str | int]:
        schema, done = self._schema, self.finished.replicates()
        planned = np.where(self._stopped == Stop.NOT_YET, schema.replicates, done)
        short = not schema.stops and self.finished.longest() < schema.blocks_per_condition
        return {
            **({"replicates": schema.replicates} if short else {}),
            "fingerprint": schema.fingerprint,
            "block": schema.block,
            "replicates_done": int(done.sum()),
            "replicates_planned": int(planned.sum()),
        }


def coordinates(schema: Schema) -> dict[str, tuple[str, NDArray[Any]]]:
    """Coordinate → (its dimension, its labels).

    A factor's labels are numbers when every one of its levels is a number, and strings otherwise.
    """
    tests = {"test": schema.tests, "kind": schema.kinds} if schema.tests else {}
    along_condition = {name: _labels(levels) for name, levels in schema.levels.items()}
    return {
        "key": ("condition", _labels(schema.keys)),
        **{name: ("condition", labels) for name, labels in along_condition.items()},
        "estimator": ("estimator", _labels(schema.estimators)),
        "term": ("term", _labels(schema.terms)),
        "target": ("target", _labels(TARGETS)),
        "mixed": ("mixed", _labels(schema.mixed)),
        "effect": ("effect", _labels(EFFECTS)),
        "effect_": ("effect_", _labels(EFFECTS)),
        **{name: (name, _labels(labels)) for name, labels in tests.items()},
    }


def variable_attrs(name: str) -> dict[str, Any]:
    """Attributes of a variable, the same in memory and on disk."""
    if name == "status":
        flags = {"flag_values": [int(s) for s in Status]}
        meanings = {"flag_meanings": " ".join(s.word for s in Status)}
        return {"long_name": VARIABLES[name].long_name, **flags, **meanings}
    if name in TIMES:
        return {"long_name": TIMES[name], "units": "s"}
    if name == "stopped":
        flags = {"flag_values": [int(s) for s in Stop]}
        meanings = {"flag_meanings": " ".join(s.name.lower() for s in Stop)}
        return {"long_name": "why the condition has no more replicates", **flags, **meanings}
    for variables in (VARIABLES, TEST_VARIABLES):
        if name in variables:
            return {"long_name": variables[name].long_name}
    return {
        "null_holds": {"long_name": "True where the null hypothesis of the test is true"},
        "truth": {"long_name": "value of the term in the population"},
        "limit": {"long_name": "probability limit of the estimate"},
        "done": {"long_name": "True where every array of the block has been written"},
    }[name]


def _labels(values: Sequence[float | int | str]) -> NDArray[Any]:
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    if values and numbers:
        return np.asarray(values)
    return np.asarray([str(value) for value in values], dtype=np.str_)
