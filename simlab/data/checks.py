"""Columns of a data frame, checked before anything is computed from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simlab.errors import DataError, Notice, did_you_mean

SIZES = 1e-140, 1e140
"""Of a column's largest number: the squares of others overflow, or vanish."""


class DataWarning(Notice):
    """The data may not mean what they are read as; one line says where, and what to do."""


def row_name(df: pd.DataFrame, position: int) -> str:
    """Return what a message calls a row, such as ``line 7``."""
    return f"{df.index.name or 'row'} {df.index[position]}"


def rows_named(df: pd.DataFrame, wrong: NDArray[np.bool_]) -> str:
    """Name the rows that are wrong: ``line 3, 7``."""
    return f"{df.index.name or 'row'} {some(map(str, df.index[wrong].tolist()))}"


def some(words: Iterable[str]) -> str:
    """Join the first five, and say how many more there are."""
    listed = list(words)
    more = f" … and {len(listed) - 5} more" if len(listed) > 5 else ""
    return ", ".join(listed[:5]) + more


def literal(value: object) -> str:
    """Return a value as a message writes it: text in quotes."""
    return repr(value) if isinstance(value, str) else str(value)


def require(data: pd.DataFrame, names: Mapping[str, str], source: str) -> None:
    """Check that the columns asked for exist, each once.

    `names` is role → column, as in ``{"response": "mathach", "cluster": "school"}``. DataError
    names every column that is missing with its role, and the nearest there is; messages call the
    data `source`.
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
        message = "; ".join(wrong)
        stop = "" if message.endswith("?") else "."
        raise DataError(f"{source}: {message}{stop} Columns: {', '.join(columns)}")


def numeric(data: pd.DataFrame, column: str, source: str) -> NDArray[np.float64]:
    """Values of a column of numbers, (rows,) float64; NaN where missing (see `complete`).

    DataError names the first value that is not a number or is infinite, or the column that lacks.
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
    """Refuse columns of D, (N, d), that cannot be squared: 1e200, or a product that overflowed."""
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

    Returns them with their index, and column → rows where it is missing, for the columns where any
    is. A row with two values missing counts in both, so the counts may add up to more than the rows
    dropped. DataError if a column does not exist, or no row is complete.
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


def check_key(df: pd.DataFrame, name: str, source: str, role: str) -> None:
    """Refuse data whose columns are not distinct, or lack the column of a key."""
    if not df.columns.is_unique:
        twice = [literal(c) for c in df.columns[df.columns.duplicated()].unique()]
        raise DataError(f"{source}: columns that occur more than once: {some(twice)}; rename them")
    if not isinstance(name, str) or name not in df.columns:
        columns = [str(c) for c in df.columns]
        hint = did_you_mean(name, columns) or "."
        if name == df.index.name:
            hint = "; it is the index, so use reset_index() before."
        raise DataError(
            f"{source}: no column {name!r} for the {role}{hint} Columns: {', '.join(columns)}"
        )
