"""How two saved studies differ: in what was asked, in what ran, and in every number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from simlab.archive.agreement import Row, located, measures_apart
from simlab.archive.conditions import describe, summary
from simlab.measures.sums import keeps_measures
from simlab.results import TIMES
from simlab.results.differences import compared, recorded_differences

__all__ = ["Difference", "difference"]

VERSIONS = ("versions", "python")
"""Attributes that tell what a study was run with; numbers may depend on it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two saved studies.

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
    exact : bool
        Whether it was compared bit for bit: replicates with replicates, or sums with sums. If not,
        the measures of both were compared, to `agreement.TOLERANCE`.
    """

    settings: pd.DataFrame
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    common: int
    unequal: tuple[str, ...]
    replicates: int
    numbers: pd.DataFrame
    exact: bool

    @property
    def same_numbers(self) -> bool:
        """Whether all that both have is the same, as far as `exact` says."""
        return self.common > len(self.unequal) and self.numbers.empty


def difference(first: xr.Dataset, second: xr.Dataset) -> Difference:
    """Compare two results Datasets, condition by condition and bit by bit.

    Conditions are matched by their keys, estimators, terms and tests by their names, replicates
    by their numbers; what only one of them has is told and not compared. Times are left out. Of
    two studies that keep measures the sums are compared; of one that does and one that keeps
    replicates, the measures.

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
    summed = [keeps_measures(ds) for ds in (first, second)]
    unequal: tuple[str, ...] = ()
    if any(summed):
        n, other = (summary(ds)["replicates"].to_numpy() for ds in (a, b))
        unequal = tuple(describe(a, int(c)) for c in np.flatnonzero(n != other))
        a, b = (ds.isel(condition=np.flatnonzero(n == other)) for ds in (a, b))
        both = np.ones((a.sizes["condition"], 0), dtype=bool)
        count = int(n[n == other].sum())
    else:
        length = min(a.sizes["replicate"], b.sizes["replicate"])
        a, b = (ds.isel(replicate=slice(length)) for ds in (a, b))
        run = [(ds["status"] >= 0).any("estimator") for ds in (a, b)]
        both = run[0].values & run[1].values
        count = int(both.sum())
    exact = all(summed) or not any(summed)
    if exact:
        found = (_compare(str(name), a, b, both) for name in a.data_vars)
        rows = [row for row in found if row is not None]
    else:
        rows = measures_apart(a, b) if a.sizes["condition"] else []
    return Difference(
        _settings(first, second),
        tuple(describe(first, c) for c, key in enumerate(keys[0]) if key not in set(keys[1])),
        tuple(describe(second, c) for c, key in enumerate(keys[1]) if key not in set(keys[0])),
        len(shared),
        unequal,
        count,
        pd.DataFrame(rows, columns=["variable", "cells", "largest", "where"]),
        exact,
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


def identical(a: NDArray[np.generic], b: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Cell by cell; NaN is NaN, and 0.0 is not −0.0: these are other bits."""
    if a.dtype != b.dtype or a.dtype.kind != "f":
        return np.asarray(a == b)
    same = (a == b) & (np.signbit(a) == np.signbit(b))
    return np.asarray(same | (np.isnan(a) & np.isnan(b)))


def _settings(first: xr.Dataset, second: xr.Dataset) -> pd.DataFrame:
    """Configuration, data and code, and the versions of what they were run with."""
    there, here = ({name: ds.attrs.get(name) for name in VERSIONS} for ds in (first, second))
    found = [
        *recorded_differences(first.attrs, second.attrs),
        *compared("versions", there, here),
    ]
    rows = [(one.group, one.name, one.there, one.here) for one in found]
    return pd.DataFrame(rows, columns=["about", "name", "first", "second"])
