"""Results held in memory, and the one place where a Dataset is put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from simlab.results.messages import BlockMessages, Message, summary
from simlab.results.schema import (
    EFFECTS,
    TARGETS,
    TEST_VARIABLES,
    TIMES,
    VARIABLES,
    Block,
    Schema,
    Status,
)


class MemoryResults:
    """Results of a study that need not outlive the session.

    Parameters
    ----------
    schema
        The shape of the Dataset; every variable is allocated at once.
    """

    __slots__ = ("_arrays", "_done", "_messages", "_schema")

    def __init__(self, schema: Schema) -> None:
        blocks = schema.shape(("condition", "block"))
        self._schema = schema
        self._done = np.zeros(blocks, dtype=np.bool_)
        self._arrays: dict[str, NDArray[Any]] = {
            name: np.full(
                schema.shape(("condition", "replicate", *variable.dims)),
                variable.fill,
                variable.dtype,
            )
            for name, variable in schema.variables.items()
        }
        for name in TIMES:
            self._arrays[name] = np.full(blocks, np.nan)
        self._messages: dict[tuple[int, int], BlockMessages] = {}

    @property
    def schema(self) -> Schema:
        """The shape of the Dataset."""
        return self._schema

    @property
    def done(self) -> NDArray[np.bool_]:
        """(condition, block) True where the block has been written; a copy."""
        return self._done.copy()

    def write(self, block: Block) -> None:
        """Keep a finished block.

        Raises
        ------
        ValueError
            If the block is not exactly one chunk of the schema.
        """
        self._schema.check(block)
        rows = self._schema.rows(block.number)
        for name in self._schema.variables:
            self._arrays[name][block.condition, rows] = getattr(block, name)
        for name in TIMES:
            self._arrays[name][block.condition, block.number] = getattr(block, name)
        self._messages[block.condition, block.number] = block.messages
        self._done[block.condition, block.number] = True

    def messages(self) -> tuple[Message, ...]:
        """What went wrong in each fit with the status ERROR, by condition and replicate."""
        return tuple(
            Message(c, self._schema.rows(number).start + b, estimator, text)
            for (c, number), told in sorted(self._messages.items())
            for b, estimator, text in told
        )

    def dataset(self, *, copy: bool = True) -> xr.Dataset:
        """Everything written so far; NaN, and status -1, elsewhere.

        Parameters
        ----------
        copy
            If False, the Dataset shares its memory with these results and later writes show in it.

        Returns
        -------
        xr.Dataset
            Dimensions condition, replicate, estimator, term, target, mixed, effect, effect_ and
            block, and test and kind if there are tests; attrs are the schema's, its fingerprint and
            block size, the numbers of replicates done and planned, summed over conditions, and a
            summary of the messages if there are any.
        """
        variables: dict[str, tuple[Any, ...]] = {}
        for name, variable in self._schema.variables.items():
            dims = ("condition", "replicate", *variable.dims)
            variables[name] = (dims, self._arrays[name], variable_attrs(name))
        for name, dims in self._schema.known.items():
            variables[name] = (dims, getattr(self._schema, name), variable_attrs(name))
        for name in TIMES:
            variables[name] = (("condition", "block"), self._arrays[name], variable_attrs(name))
        attrs = {**self._schema.attrs, **self._progress()}
        if messages := self.messages():
            attrs["messages"] = summary(messages)
        dataset = xr.Dataset(variables, coords=coordinates(self._schema), attrs=attrs)
        return dataset.copy(deep=True) if copy else dataset

    def _progress(self) -> dict[str, str | int]:
        schema = self._schema
        rows = [schema.rows(number) for number in range(schema.blocks_per_condition)]
        lengths = np.array([row.stop - row.start for row in rows])
        return {
            "fingerprint": schema.fingerprint,
            "block": schema.block,
            "replicates_done": int((self._done * lengths).sum()),
            "replicates_planned": len(schema.keys) * schema.replicates,
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
        meanings = {"flag_meanings": " ".join(s.name.lower() for s in Status)}
        return {"long_name": VARIABLES[name].long_name, **flags, **meanings}
    if name in TIMES:
        return {"long_name": TIMES[name], "units": "s"}
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
