"""Sums over the replicates of a results Dataset: taken here, or as they ran."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import xarray as xr

from simlab.measures.outcomes import alpha_of, block_of, require
from simlab.performance.layout import Aims, Layout, aims
from simlab.performance.named import named
from simlab.performance.node import PER_TERM, leaf
from simlab.performance.stream import Stream
from simlab.results.labelled import KEPT, labelled
from simlab.results.nodes import Tree

BLOCK = 256
"""Replicates that are summed together where a Dataset does not say in what blocks it was drawn."""


def keeps_measures(ds: xr.Dataset) -> bool:
    """Whether a Dataset has sums over its replicates, and not the replicates."""
    return ds.attrs.get("kept") == KEPT


def summed(ds: xr.Dataset, streams: Iterable[Stream], reference: str = "") -> xr.Dataset:
    """Sum the replicates of every condition, in the same blocks and order as when they ran.

    Returns sums as `labelled` names them, truth and limit; `ds` itself where it has sums.
    Estimators are paired with the reference; by default all are paired. ArgumentError if `ds` lacks
    a variable.
    """
    if keeps_measures(ds):
        return ds
    require(ds)
    layout = _layout_of(ds, tuple(dict.fromkeys(streams)), reference)
    truth = ds["truth"].transpose("condition", "term", "target").values
    limit = ds["limit"].transpose("condition", "estimator", "term").values
    each = [
        _condition(ds.isel(condition=c), layout, aims(layout, truth[c], limit[c]))
        for c in range(ds.sizes["condition"])
    ]
    sums = labelled(layout, each)
    kept = {"truth": ds["truth"], "limit": ds["limit"]}
    along = {k: v for k, v in ds.coords.items() if not {*v.dims} & {"replicate", "block"}}
    return xr.Dataset({**sums.data_vars, **kept}, coords={**along, **sums.coords},
                      attrs={**ds.attrs, "kept": KEPT})  # fmt: skip


def _layout_of(ds: xr.Dataset, streams: tuple[Stream, ...], reference: str) -> Layout:
    """Layout of the sums of a Dataset: an estimator has the terms of which it has any value."""
    names = [str(name) for name in ds["estimator"].values]
    terms = tuple(str(term) for term in ds["term"].values)
    there = np.zeros((len(names), len(terms)), dtype=bool)
    for name in PER_TERM:
        known = ds[name].notnull().any(["condition", "replicate"])
        there |= known.transpose("estimator", "term").values
    has = {
        name: tuple(t for t, known in zip(terms, row, strict=True) if known)
        for name, row in zip(names, there, strict=True)
    }
    sizes = (ds.sizes.get("test", 0), ds.sizes.get("kind", 0))
    return Layout(tuple(names), terms, has, *sizes, alpha_of(ds), streams, reference)


def _condition(one: xr.Dataset, layout: Layout, about: Aims) -> dict[str, Any]:
    """The named sums of one condition."""
    size = int(one.attrs.get("block", BLOCK))
    tree = Tree(layout, size)
    for number, block in enumerate(_blocks(one, size)):
        tree.add(0, number, leaf(block, layout, about))
    return named(tree.total(0), layout, about)


def _blocks(one: xr.Dataset, size: int) -> Iterator[Any]:
    """The replicates of a condition that were run, a block at a time."""
    arrays = block_of(one)
    run = np.atleast_1d((arrays["status"] >= 0).any(axis=1))
    for start in range(0, len(run), size):
        rows = np.flatnonzero(run[start : start + size]) + start
        if rows.size:
            yield {name: values[rows] for name, values in arrays.items()}


def arrays_of(sums: xr.Dataset) -> dict[str, Any]:
    """Named sums as arrays, condition first, in the order of `labelled`."""
    order = (
        "condition", "estimator", "reference", "term", "aim", "candidate", "test", "kind",
        "nominal",
    )  # fmt: skip
    return {
        str(name): sums[name].transpose(*order, ..., missing_dims="ignore").values
        for name in sums.data_vars
        if sums[name].dims[:1] == ("condition",) and name not in ("truth", "limit")
    }
