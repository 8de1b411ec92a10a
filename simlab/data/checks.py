"""Columns of a data frame, checked before anything is computed from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simlab.data.errors import literal, row_name
from simlab.errors import DataError, did_you_mean

SIZES = 1e-140, 1e140
"""Of a column's largest number: the squares of others overflow, or vanish."""


def require(data: pd.DataFrame, names: Mapping[str, str], source: str) -> None:
    """Check that the columns asked for exist, each once.

    Parameters
    ----------
    data
        The data.
    names
        Role → column, as in ``{"response": "mathach", "cluster": "school"}``.
    source
        Name of the data in messages.

    Raises
    ------
    DataError
        If columns are missing; names every one with its role, and the nearest column there is.
    """
    columns = [str(column) for column in data.columns]
    wrong = [
        f"no column {name!r} for the {role}{did_you_mean(name, columns)}"
        for role, name in names.items()
        if name not in columns
    ]
    wrong += [
        f"column {name!r} for the {role} occurs {columns.count(name)} times"
        for role, name in names.items()
        if columns.count(name) > 1
    ]
    if wrong:
        told = "; ".join(wrong)
        stop = "" if told.endswith("?") else "."
        raise DataError(f"{source}: {told}{stop} Columns: {', '.join(columns)}")


def numeric(data: pd.DataFrame, column: str, source: str) -> NDArray[np.float64]:
    """Values of a column of numbers.

    Returns
    -------
    (rows,) float64
        NaN where the value is missing; see `complete`.

    Raises
    ------
    DataError
        If there is no such column, or a value is not a number or is infinite; names the first.
    """
    require(data, {"numbers asked for": column}, source)
    values = data[column].astype(object)
    # to_numeric would turn a time into nanoseconds without a word
    timeless = values.mask(values.map(lambda v: isinstance(v, pd.Timestamp | pd.Timedelta)), "time")
    numbers = pd.to_numeric(timeless, errors="coerce").to_numpy(np.float64)
    for bad, what in (
        (np.isnan(numbers) & values.notna().to_numpy(), "which is not a number"),
        (np.isinf(numbers), "which is infinite"),
    ):
        if bad.any():
            first = int(np.argmax(bad))
            raise DataError(
                f"{source}, {row_name(data, first)}: {column} is {literal(values.iloc[first])}, "
                f"{what}"
            )
    return numbers


def check_sizes(D: NDArray[np.float64], names: Iterable[str], source: str) -> None:
    """Refuse columns that cannot be squared: numbers like 1e200, or a product that overflowed.

    Parameters
    ----------
    D : (N, d)
    names
        Of the columns.
    source : str
        Name of the data in messages.

    Raises
    ------
    DataError
        If there is such a column.
    """
    largest = np.maximum(D.max(axis=0), -D.min(axis=0)).tolist()
    for name, size in zip(names, largest, strict=True):
        if size and not SIZES[0] < size < SIZES[1]:
            raise DataError(
                f"{source}: the largest absolute value of {name} is {size:.3g}, which cannot be "
                "squared without loss; take another unit"
            )


def complete(
    data: pd.DataFrame, columns: Iterable[str], source: str
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Keep the rows that have a value in every one of `columns` (listwise deletion).

    Returns
    -------
    data : pd.DataFrame
        The complete rows, with their index.
    dropped : dict
        Column → rows where it is missing, for the columns where any is. A row with two values
        missing counts in both columns, so the counts may add up to more than the rows dropped.

    Raises
    ------
    DataError
        If a column does not exist, or no row is complete.
    """
    names = list(dict.fromkeys(columns))
    require(data, {f"variable {name}": name for name in names}, source)
    missing = data[names].isna()
    dropped = {name: int(missing[name].sum()) for name in names if missing[name].any()}
    kept = data.loc[~missing.any(axis=1).to_numpy()]
    if kept.empty:
        counts = ", ".join(f"{name} {n}" for name, n in dropped.items())
        raise DataError(f"{source}: none of {len(data)} rows is complete; missing: {counts}")
    return kept, dropped
