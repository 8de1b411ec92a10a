"""Sums over replicates as a labelled Dataset, whether the replicates are kept or not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from simlab.performance.named import KNOWN, dims_of
from simlab.performance.node import Node
from simlab.performance.outline import Outline
from simlab.performance.streams import LEVELS, WARNED
from simlab.results.memory import coordinates, variable_attrs
from simlab.results.schema import Schema, Stop
from simlab.words import AIMS, Status

KEPT = "measures"
"""The attribute ``kept`` of a Dataset that has sums and no replicates."""

_ABSENT = ("mixed", "effect", "effect_")


def labelled(outline: Outline, sums: Sequence[Mapping[str, NDArray[Any]]]) -> xr.Dataset:
    """Label the sums of every condition, from `simlab.performance.named`.

    Variables have ``condition`` before the dimensions that `simlab.performance.dims_of` tells of
    each stream. Powers are written without commas: "20" is a square of the first variable.
    """
    dims = {name: own for stream in outline.streams for name, own in dims_of(stream).items()}
    variables = {
        name: (("condition", *own), np.stack([one[name] for one in sums]))
        for name, own in {**dims, **KNOWN}.items()
    }
    labels: dict[str, Sequence[str | float]] = {
        "estimator": outline.estimators, "reference": outline.estimators, "term": outline.terms,
        "aim": AIMS, "nominal": LEVELS, "status_outcome": [s.word for s in Status],
    }  # fmt: skip
    for stream in outline.streams:
        powers = ["".join(map(str, power)) for power in stream.powers]
        labels[f"{stream.name}_power"] = powers
    used = {dim for own, _ in variables.values() for dim in own}
    coords = {name: (name, np.array(own)) for name, own in labels.items() if name in used}
    return xr.Dataset(variables, coords=coords, attrs={"kept": KEPT})


def dataset_of(
    schema: Schema,
    outline: Outline,
    sums: Sequence[Mapping[str, NDArray[Any]]],
    nodes: Sequence[Node],
    stopped: NDArray[np.int8],
) -> xr.Dataset:
    """Put together the Dataset of a study that keeps measures.

    Parameters
    ----------
    schema : Schema
        Of the study.
    outline : Outline
        What is summed.
    sums : sequence of mapping
        Of each condition, from `simlab.performance.named`.
    nodes : sequence of Node
        The same, unnamed.
    stopped : ndarray, shape (condition,)
        Why each has no more replicates, a `Stop`.
    """
    variables: dict[str, tuple[Any, ...]] = {}
    for name, dims in schema.known.items():
        variables[name] = (dims, getattr(schema, name), variable_attrs(name))
    for name, long_name, units in (
        ("replicates", "replicates that were summed", "replicates"),
        ("seconds", "core time of the condition", "s"),
    ):
        values = np.array([getattr(node, name) for node in nodes])
        variables[name] = ("condition", values, {"long_name": long_name, "units": units})
    if schema.stops:
        variables["stopped"] = ("condition", stopped.copy(), variable_attrs("stopped"))
    known = {k: v for k, v in coordinates(schema).items() if k not in _ABSENT}
    done = np.array([node.replicates for node in nodes])
    planned = np.where(stopped == Stop.NOT_YET, schema.replicates, done)
    progress: dict[str, str | int] = {
        "kept": KEPT,
        "fingerprint": schema.fingerprint,
        "block": schema.block,
        "replicates": schema.replicates,
        "replicates_done": int(done.sum()),
        "replicates_planned": int(planned.sum()),
    }
    found = labelled(outline, sums)
    if f"{WARNED.name}_hits" in found:
        hits = found[f"{WARNED.name}_hits"].sum(["condition", f"{WARNED.name}_outcome"]).values
        counts = {name: n for name, n in zip(outline.estimators, hits.tolist(), strict=True) if n}
        progress |= {"warned": json.dumps(counts)} if counts else {}
    return xr.Dataset(
        {**found.data_vars, **variables}, coords={**found.coords, **known},
        attrs={**schema.attrs, **progress},
    )  # fmt: skip
