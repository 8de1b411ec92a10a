"""Names, dimensions and labels of what a Dataset of results has, be it replicates or sums."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from simlab.performance.layout import Layout
from simlab.performance.named import KNOWN, dims_of
from simlab.performance.node import Node
from simlab.performance.streams import LEVELS, WARNED
from simlab.results.schema import TEST_VARIABLES, TIMES, VARIABLES, Schema, Stop
from simlab.words import AIMS, Status

KEPT = "measures"
"""The attribute ``kept`` of a Dataset that has sums and no replicates."""

_ABSENT = ("mixed", "effect", "effect_")
_OF_TESTS = ("test", "kind")


Labelled = tuple[tuple[str, ...], NDArray[Any], dict[str, Any]]
"""Dimensions, values and attributes of a variable."""


def coordinates(schema: Schema) -> dict[str, tuple[str, NDArray[Any]]]:
    """Coordinate → (its dimension, its labels).

    A factor's labels are numbers when every one of its levels is a number, and strings otherwise.
    """
    conditions = {"key": schema.keys, **schema.levels}
    along = {dim: x for dim, x in schema.along.items() if schema.tests or dim not in _OF_TESTS}
    return {
        **{name: ("condition", _labels(x)) for name, x in conditions.items()},
        **{dim: (dim, _labels(x)) for dim, x in along.items()},
    }


_LONG_NAMES = {
    **{name: variable.long_name for name, variable in {**VARIABLES, **TEST_VARIABLES}.items()},
    **TIMES,
    "stopped": "why the condition has no more replicates",
    "null_holds": "True where the null hypothesis of the test is true",
    "truth": "value of the term in the population",
    "limit": "probability limit of the estimate",
    "done": "True where every array of the block has been written",
}
_CODES: Mapping[str, type[IntEnum]] = {"status": Status, "stopped": Stop}


def variable_attrs(name: str) -> dict[str, Any]:
    """Attributes of a variable, the same in memory and on disk."""
    attrs: dict[str, Any] = {"long_name": _LONG_NAMES[name]}
    if name in TIMES:
        attrs["units"] = "s"
    if name in _CODES:
        attrs["flag_values"] = [int(code) for code in _CODES[name]]
        attrs["flag_meanings"] = " ".join(code.name.lower() for code in _CODES[name])
    return attrs


def known_variables(schema: Schema) -> dict[str, Labelled]:
    """Variables known before the first fit."""
    return {
        name: (dims, getattr(schema, name).copy(), variable_attrs(name))
        for name, dims in schema.known.items()
    }


def stopped_variable(schema: Schema, stopped: NDArray[np.int8]) -> dict[str, Labelled]:
    """Reasons why each condition has no more replicates, if they stop when a measure is known."""
    if not schema.stops:
        return {}
    return {"stopped": (("condition",), stopped.copy(), variable_attrs("stopped"))}


def progress(
    schema: Schema, replicates: NDArray[np.int64], stopped: NDArray[np.int8]
) -> dict[str, str | int]:
    """Attributes that say what is done, from the replicates of each condition."""
    planned = np.where(stopped == Stop.NOT_YET, schema.replicates, replicates)
    return {
        "fingerprint": schema.fingerprint,
        "block": schema.block,
        "replicates_done": int(replicates.sum()),
        "replicates_planned": int(planned.sum()),
    }


def _labels(values: Sequence[float | int | str]) -> NDArray[Any]:
    """Labels as an array: numbers if every one is a number, strings otherwise."""
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    if values and numbers:
        return np.asarray(values)
    return np.asarray([str(value) for value in values], dtype=np.str_)


def labelled(layout: Layout, sums: Sequence[Mapping[str, NDArray[Any]]]) -> xr.Dataset:
    """Label the sums of every condition, from `simlab.performance.named`.

    Variables have ``condition`` before the dimensions that `simlab.performance.dims_of` tells of
    each stream. Powers are written without commas: "20" is a square of the first variable.
    """
    dims = {name: own for stream in layout.streams for name, own in dims_of(stream).items()}
    variables = {
        name: (("condition", *own), np.stack([one[name] for one in sums]))
        for name, own in {**dims, **KNOWN}.items()
    }
    labels: dict[str, Sequence[str | float]] = {
        "estimator": layout.estimators, "reference": layout.estimators, "term": layout.terms,
        "aim": AIMS, "nominal": LEVELS, "status_outcome": [s.word for s in Status],
    }  # fmt: skip
    for stream in layout.streams:
        powers = ["".join(map(str, power)) for power in stream.powers]
        labels[f"{stream.name}_power"] = powers
    used = {dim for own, _ in variables.values() for dim in own}
    coords = {name: (name, np.array(own)) for name, own in labels.items() if name in used}
    return xr.Dataset(variables, coords=coords, attrs={"kept": KEPT})


def dataset_of(
    schema: Schema,
    layout: Layout,
    sums: Sequence[Mapping[str, NDArray[Any]]],
    nodes: Sequence[Node],
    stopped: NDArray[np.int8],
) -> xr.Dataset:
    """Put together the Dataset of a study that keeps measures.

    From the sums of each condition, named by `simlab.performance.named` and as nodes, and why each
    condition has no more replicates (condition,).
    """
    variables = known_variables(schema)
    for name, long_name, units in (
        ("replicates", "replicates that were summed", "replicates"),
        ("seconds", "core time of the condition", "s"),
    ):
        values = np.array([getattr(node, name) for node in nodes])
        variables[name] = (("condition",), values, {"long_name": long_name, "units": units})
    ds = labelled(layout, sums)
    attrs = {**schema.attrs, "kept": KEPT, "replicates": schema.replicates}
    attrs |= progress(schema, variables["replicates"][1], stopped)
    if f"{WARNED.name}_hits" in ds:
        hits = ds[f"{WARNED.name}_hits"].sum(["condition", f"{WARNED.name}_outcome"]).values
        counts = {name: n for name, n in zip(layout.estimators, hits.tolist(), strict=True) if n}
        attrs |= {"warned": json.dumps(counts)} if counts else {}
    known = {k: v for k, v in coordinates(schema).items() if k not in _ABSENT}
    return xr.Dataset(
        {**ds.data_vars, **variables, **stopped_variable(schema, stopped)},
        coords={**ds.coords, **known}, attrs=attrs,
    )  # fmt: skip
