"""The Dataset of a study that keeps measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from simlab.performance import AIMS, DIMS, LEVELS, Node
from simlab.results.memory import coordinates, variable_attrs
from simlab.results.schema import Schema, Status, Stop

KEPT = "measures"
_ABSENT = ("mixed", "effect", "effect_")


def dataset_of(
    schema: Schema,
    sums: Sequence[Mapping[str, NDArray[Any]]],
    nodes: Sequence[Node],
    stopped: NDArray[np.int8],
) -> xr.Dataset:
    """Label the sums of every condition.

    Parameters
    ----------
    schema : Schema
        Of the study.
    sums : sequence of mapping
        Of each condition, from `simlab.performance.named`.
    nodes : sequence of Node
        The same, unnamed.
    stopped : ndarray, shape (condition,)
        Why each has no more replicates, a `Stop`.
    """
    variables: dict[str, tuple[Any, ...]] = {
        name: (("condition", *DIMS[name]), np.stack([one[name] for one in sums]))
        for name in sums[0]
    }
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
    labels = {
        "reference": schema.estimators,
        "aim": AIMS,
        "code": [status.name.lower() for status in Status],
        "product": ["aa", "bb", "dd", "ad"],
        **({"nominal": LEVELS} if schema.tests else {}),
    }
    own = {name: (name, np.array(values)) for name, values in labels.items()}
    done = np.array([node.replicates for node in nodes])
    planned = np.where(stopped == Stop.NOT_YET, schema.replicates, done)
    progress = {
        "kept": KEPT,
        "fingerprint": schema.fingerprint,
        "block": schema.block,
        "replicates": schema.replicates,
        "replicates_done": int(done.sum()),
        "replicates_planned": int(planned.sum()),
    }
    return xr.Dataset(variables, coords={**known, **own}, attrs={**schema.attrs, **progress})
