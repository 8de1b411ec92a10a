"""Measures of a study that keeps replicates, beside those of one that keeps measures only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from simlab.measures import measure, rejection
from simlab.performance.moments import Floats

__all__ = ["TOLERANCE", "Row", "located", "measures_apart"]

TOLERANCE = 1e-10
"""How far apart two routes to one measure may be, in parts of the measure and its MCSE."""

Row = tuple[str, int, float, str]
"""Variable, cells that differ, largest difference, place of the first."""


def measures_apart(a: xr.Dataset, b: xr.Dataset) -> list[Row]:
    """Compare every measure of two Datasets that have the same conditions and replicates.

    Sums are taken in another order than replicates are, so last digits differ: a measure and its
    MCSE may be `TOLERANCE` of |measure| + MCSE apart. Counts may not.
    """
    readers: list[Callable[[xr.Dataset], xr.Dataset]] = [measure]
    if "null_holds" in a and "null_holds" in b:
        readers.append(rejection)
    rows = []
    for read in readers:
        one, two = read(a), read(b)
        for name in map(str, one.data_vars):
            x, y = one[name], two[name].transpose(*one[name].dims)
            about = name.removesuffix("_mcse")
            room = np.zeros(x.shape)
            if f"{about}_mcse" in one:
                spread = np.nan_to_num(one[f"{about}_mcse"].transpose(*x.dims).values)
                room = TOLERANCE * (np.abs(one[about].transpose(*x.dims).values) + spread)
            row = located(name, x, y, _apart(x.values.astype(float), y.values.astype(float), room))
            rows += [row] if row is not None else []
    return rows


def located(
    name: str, one: xr.DataArray, two: xr.DataArray, differs: NDArray[np.bool_]
) -> Row | None:
    """Say how many cells differ, by how much at most, and where the first is; None without any."""
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


def _apart(x: Floats, y: Floats, room: Floats) -> NDArray[np.bool_]:
    """Cell by cell; NaN is NaN, and an infinity is itself."""
    with np.errstate(invalid="ignore"):
        near = (x == y) | (np.isnan(x) & np.isnan(y)) | (np.abs(x - y) <= room)
    return np.asarray(~near)
