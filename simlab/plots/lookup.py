"""Values that a picture takes from a Dataset, looked up and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from simlab.errors import ArgumentError, check_known


def condition_of(data: xr.Dataset, condition: int) -> int:
    """Return the position of a condition after checking that the Dataset has it."""
    there = data.sizes["condition"]
    if not -there <= condition < there:
        raise ArgumentError(f"there are {there} conditions, but no number {condition}")
    return condition


def one_measure(measured: xr.Dataset, measure: str, term: str, target: str) -> xr.Dataset:
    """Return a measure and its MCSE, of one term and target where it has those.

    Variables are `measure`, and `measure` with _mcse, _low and _high; dimensions condition and
    estimator. An ArgumentError names what there is not.
    """
    offered = [str(name) for name in measured.data_vars if f"{name}_mcse" in measured]
    check_known("measure", measure, offered)
    here = measured[[f"{measure}{part}" for part in ("", "_mcse", "_low", "_high")]]
    for dim, label in (("term", term), ("target", target)):
        if dim in here[measure].dims:
            here = here.sel({dim: of(measured, dim, label)})
    return here


def methods(values: xr.DataArray, estimators: Sequence[str] | None) -> list[str]:
    """Return the methods to draw: those asked for, or all that have a value; refuse others."""
    there = having(values)
    names = there
    if estimators is not None:
        names = [of(values.coords, "estimator", name) for name in estimators]
    what = values.attrs.get("long_name", values.name)
    if not names:
        raise ArgumentError(f"no method has a {what} here")
    if lacking := [name for name in names if name not in there]:
        raise ArgumentError(f"{', '.join(lacking)}: no {what} here; leave out what has none")
    return names


def of(data: Mapping[Any, xr.DataArray], dim: str, label: str) -> str:
    """Return a label after checking that the Dataset has it; an error names those that it has."""
    check_known(dim, label, data[dim].values)
    return label


def having(values: xr.DataArray) -> list[str]:
    """Estimators that have any value along the other dimensions, in the order of the Dataset."""
    others = [dim for dim in values.dims if dim != "estimator"]
    return [str(name) for name in values.estimator.values[values.notnull().any(others).values]]
