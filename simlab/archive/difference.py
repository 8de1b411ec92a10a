"""How two saved studies differ: in what was asked, in what ran, and in every number."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from simlab.archive.conditions import describe

__all__ = ["Difference", "difference"]

TIMES = ("seconds", "began", "ended")
"""Variables that tell when and how long: no two runs agree in them."""

DIARY = (
    "created",
    "folder",
    "machine",
    "git_revision",
    "replicates_done",
    "fingerprint",
    "config_text",
)
"""Attributes that may differ without a number being another."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two saved studies.

    Attributes
    ----------
    settings : DataFrame
        setting (dotted path), first, second: what was asked, and with what it was run.
    only_first, only_second : tuple of str
        Conditions that the other does not have.
    common : int
        Conditions that both have.
    replicates : int
        Replicates that both have, over all common conditions.
    numbers : DataFrame
        A row for each variable that differs: variable, cells (how many), largest (absolute
        difference; NaN where one is missing), where (the first of them).
    """

    settings: pd.DataFrame
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    common: int
    replicates: int
    numbers: pd.DataFrame

    @property
    def same_numbers(self) -> bool:
        """Whether all that both have is the same, bit for bit."""
        return self.common > 0 and self.numbers.empty


def difference(first: xr.Dataset, second: xr.Dataset) -> Difference:
    """Compare two results Datasets, condition by condition and bit by bit.

    Conditions are matched by their keys, estimators, terms and tests by their names, replicates
    by their numbers; what only one of them has is told and not compared. Times are left out.

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
    for dim in ("estimator", "term", "mixed", "test", "kind"):
        if dim in a.dims and dim in b.dims:
            names = [name for name in a[dim].values if name in set(b[dim].values)]
            a, b = a.sel({dim: names}), b.sel({dim: names})
    count = 0
    if "replicate" in a.dims and "replicate" in b.dims:
        length = min(a.sizes["replicate"], b.sizes["replicate"])
        a, b = (ds.isel(replicate=slice(length)) for ds in (a, b))
        run = [(ds["status"] >= 0).any("estimator") for ds in (a, b)]
        both = run[0].values & run[1].values
        count = int(both.sum())
    else:
        both = np.ones((len(shared), 0), dtype=bool)
    rows = [row for name in a.data_vars if (row := _compare(str(name), a, b, both)) is not None]
    return Difference(
        _settings(first, second),
        tuple(describe(first, c) for c, key in enumerate(keys[0]) if key not in set(keys[1])),
        tuple(describe(second, c) for c, key in enumerate(keys[1]) if key not in set(keys[0])),
        len(shared),
        count,
        pd.DataFrame(rows, columns=["variable", "cells", "largest", "where"]),
    )


def _compare(
    name: str, a: xr.Dataset, b: xr.Dataset, both: NDArray[np.bool_]
) -> tuple[str, int, float, str] | None:
    """One variable; None where it is the same, or only one of the studies has it."""
    if name in TIMES or name not in b or a[name].dims != b[name].dims or "block" in a[name].dims:
        return None
    one, two = a[name], b[name]
    differs = ~_identical(one.values, two.values)
    if one.dims[:2] == ("condition", "replicate"):
        differs &= both.reshape(*both.shape, *(1,) * (one.ndim - 2))
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


def _identical(a: NDArray[np.generic], b: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Cell by cell; NaN is NaN, and 0.0 is not −0.0: these are other bits."""
    if a.dtype != b.dtype or a.dtype.kind != "f":
        return np.asarray(a == b)
    same = (a == b) & (np.signbit(a) == np.signbit(b))
    return np.asarray(same | (np.isnan(a) & np.isnan(b)))


def _settings(first: xr.Dataset, second: xr.Dataset) -> pd.DataFrame:
    """Settings of the configurations, and attributes that can move a number."""
    told = [dict(_leaves(_config(ds))) | _attributes(ds) for ds in (first, second)]
    rows = [
        (name, _short(told[0].get(name)), _short(told[1].get(name)))
        for name in {**told[0], **told[1]}
        if told[0].get(name) != told[1].get(name)
    ]
    return pd.DataFrame(rows, columns=["setting", "first", "second"])


def _config(ds: xr.Dataset) -> object:
    try:
        return json.loads(str(ds.attrs.get("config", "{}")))
    except ValueError:
        return {}


def _attributes(ds: xr.Dataset) -> dict[str, object]:
    left = {*DIARY, "config", "name", "seed", "level", "block", "replicates_planned"}
    return {f"({name})": value for name, value in ds.attrs.items() if name not in left}


def _leaves(tree: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(tree, dict) and tree:
        for name, branch in tree.items():
            yield from _leaves(branch, f"{path}.{name}" if path else str(name))
    else:
        yield path, tree


def _short(value: object) -> str:
    text = "–" if value is None else str(value)
    return text if len(text) <= 48 else f"{text[:45]}..."
