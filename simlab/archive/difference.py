"""Differences between two saved studies: in their configuration, in what ran, in every number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from simlab.archive.conditions import describe, summary
from simlab.measures.sums import keeps_measures, summed
from simlab.performance.registry import STREAMS
from simlab.results import TIMES
from simlab.results.differences import compared, recorded_differences

__all__ = ["Difference", "difference"]

Row = tuple[str, int, float, str]
"""Variable, number of cells that differ, largest difference, labels of the first."""

VERSIONS = ("versions", "python")
"""Attributes that tell what a study was run with; numbers may depend on it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Differences between two saved studies.

    Attributes
    ----------
    settings : DataFrame
        about (config, data, code, versions), name (dotted path, condition or module), first,
        second: what was asked, and with what it was run.
    only_first, only_second : tuple of str
        Conditions that the other does not have.
    common : int
        Conditions that both have.
    unequal : tuple of str
        Those of them that cannot be compared: one study at least keeps measures only, and they are
        over other numbers of replicates.
    replicates : int
        Replicates that both have, over all conditions that were compared.
    numbers : DataFrame
        A row for each variable that differs: variable, cells (how many), largest (absolute
        difference; NaN where one is missing), where (the first of them).
    """

    settings: pd.DataFrame
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    common: int
    unequal: tuple[str, ...]
    replicates: int
    numbers: pd.DataFrame

    @property
    def same_numbers(self) -> bool:
        """Whether all that both have is the same."""
        return self.common > len(self.unequal) and self.numbers.empty


def difference(first: xr.Dataset, second: xr.Dataset) -> Difference:
    """Compare two results Datasets, condition by condition and bit by bit.

    Conditions are matched by their keys, estimators, terms and tests by their names, replicates
    by their numbers; what only one has is listed and not compared. Times are left out. Where
    a study keeps measures, sums over the replicates are compared.

    Parameters
    ----------
    first, second : Dataset
        Results of two studies, finished or not.

    Returns
    -------
    Difference
    """
    keys = [[str(key) for key in ds["key"].values] for ds in (first, second)]
    shared = [key for key in keys[0] if key in set(keys[1])]
    a, b = (
        ds.isel(condition=[own.index(key) for key in shared])
        for ds, own in zip((first, second), keys, strict=True)
    )
    for dim in ("estimator", "reference", "term", "mixed", "test", "kind"):
        if dim in a.dims and dim in b.dims:
            names = [name for name in a[dim].values if name in set(b[dim].values)]
            a, b = a.sel({dim: names}), b.sel({dim: names})
    unequal: tuple[str, ...] = ()
    if keeps_measures(first) or keeps_measures(second):
        n, other = (summary(ds)["replicates"].to_numpy() for ds in (a, b))
        unequal = tuple(describe(a, int(c)) for c in np.flatnonzero(n != other))
        alike = np.flatnonzero(n == other)
        a, b = (
            summed(ds.isel(condition=alike), STREAMS) if alike.size else xr.Dataset()
            for ds in (a, b)
        )
        both = np.ones((alike.size, 0), dtype=bool)
        count = int(n[n == other].sum())
    else:
        length = min(a.sizes["replicate"], b.sizes["replicate"])
        a, b = (ds.isel(replicate=slice(length)) for ds in (a, b))
        run = [(ds["status"] >= 0).any("estimator") for ds in (a, b)]
        both = run[0].values & run[1].values
        count = int(both.sum())
    compared = (_compare(str(name), a, b, both) for name in a.data_vars)
    rows = [row for row in compared if row is not None]
    return Difference(
        _settings(first, second),
        tuple(describe(first, c) for c, key in enumerate(keys[0]) if key not in set(keys[1])),
        tuple(describe(second, c) for c, key in enumerate(keys[1]) if key not in set(keys[0])),
        len(shared),
        unequal,
        count,
        pd.DataFrame(rows, columns=["variable", "cells", "largest", "where"]),
    )


def _compare(name: str, a: xr.Dataset, b: xr.Dataset, both: NDArray[np.bool_]) -> Row | None:
    """One variable; None where it is the same, or only one of the studies has it."""
    if name in TIMES or name not in b or a[name].dims != b[name].dims or "block" in a[name].dims:
        return None
    one, two = a[name], b[name]
    differs = ~identical(one.values, two.values)
    if one.dims[:2] == ("condition", "replicate"):
        differs &= both.reshape(*both.shape, *(1,) * (one.ndim - 2))
    return located(name, one, two, differs)


def located(
    name: str, one: xr.DataArray, two: xr.DataArray, differs: NDArray[np.bool_]
) -> Row | None:
    """Describe the cells that differ: number, largest difference, the first; None without any."""
    if not differs.any():
        return None
    at = np.unravel_index(int(np.argmax(differs)), differs.shape)
    with np.errstate(invalid="ignore"):
        gaps = np.abs(one.values.astype(float) - two.values.astype(float))[differs]
    largest = float(np.nanmax(gaps)) if np.isfinite(gaps).any() else float("nan")
    labels = (
        f"{dim} {one[dim].values[i]}" if dim in one.coords else f"{dim} {i}"
        for dim, i in zip(one.dims, at, strict=True)
    )
    return name, int(differs.sum()), largest, ", ".join(map(str, labels))


def identical(a: NDArray[np.generic], b: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Cell by cell; NaN is NaN, and 0.0 is not −0.0: these are other bits."""
    if a.dtype != b.dtype or a.dtype.kind != "f":
        return np.asarray(a == b)
    same = (a == b) & (np.signbit(a) == np.signbit(b))
    return np.asarray(same | (np.isnan(a) & np.isnan(b)))


def _settings(first: xr.Dataset, second: xr.Dataset) -> pd.DataFrame:
    """Configuration, data and code, and the versions of what they were run with."""
    there, here = ({name: ds.attrs.get(name) for name in VERSIONS} for ds in (first, second))
    differ = [
        *recorded_differences(first.attrs, second.attrs),
        *compared("versions", there, here),
    ]
    rows = [(one.group, one.name, one.there, one.here) for one in differ]
    return pd.DataFrame(rows, columns=["about", "name", "first", "second"])
