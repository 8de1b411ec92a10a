"""Columns of a data frame and labels of clusters, checked before anything is computed of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

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
        (np.isinf(numbers), "which is infinite; correct it or set it to missing"),
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
    check_largest(np.maximum(D.max(axis=0), -D.min(axis=0)), names, source)


def check_largest(sizes: NDArray[np.float64], names: Iterable[str], source: str) -> None:
    """Refuse columns whose largest absolute values, (d,), cannot be squared."""
    for name, size in zip(names, sizes.tolist(), strict=True):
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
    if not len(data):
        raise DataError(f"{source}: no rows")
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


def numbered(
    labels: Any, name: object, source: str = "the data"
) -> tuple[NDArray[np.int64], pd.Index]:
    """Number the clusters of a column of labels, (N,), in order of first appearance.

    Returns their codes, (N,), 0 … J−1, −1 where a label is missing, and the distinct labels, (J,).
    DataError if labels cannot be compared, or two are written alike (see `check_apart`); it calls
    the column `name` and the data `source`.
    """
    codes, distinct = coded(labels, name)
    check_apart(distinct, name, source)
    return codes, distinct


def coded(values: Any, name: object) -> tuple[NDArray[np.int64], pd.Index]:
    """Number the distinct values in order of first appearance; a missing value is −1."""
    try:
        codes, labels = pd.factorize(pd.Series(values))
    except TypeError as error:
        raise DataError(
            f"the values of {name} cannot be compared ({error}); turn them into text or numbers"
        ) from error
    return codes.astype(np.int64), pd.Index(labels)


def written(label: object) -> str:
    """A label as a reader sees it: 7.0 is '7'."""
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label)


def same_number(label: object) -> float | str:
    """The number that a label is in some spelling, or else its text, without spaces or capitals."""
    text = written(label).strip().casefold()
    try:
        return int(text) if text.lstrip("+-").isdecimal() else float(text)
    except ValueError:
        return text


def check_apart(labels: Iterable[Any], name: object, source: str) -> None:
    """Refuse distinct labels that are written alike: the text ``'7'`` and the number 7.

    Or é as one character, and as an e with an accent that follows it.
    """
    index = labels if isinstance(labels, pd.Index) else pd.Index(labels)
    if isinstance(index, pd.CategoricalIndex):
        index = index.categories
    if isinstance(index.dtype, pd.StringDtype):
        _check_spellings(index.tolist(), name, source)
    if index.dtype != object:
        return
    seen: dict[str, Any] = {}
    for label in index:
        text = written(label)
        if text in seen:
            raise DataError(
                f"{source}: {name} has two labels that are both written {text}: "
                f"{_kind(seen[text])} and {_kind(label)}; make them one kind, such as text, by "
                ".astype(str)"
            )
        seen[text] = label


def _check_spellings(labels: list[str], name: object, source: str) -> None:
    if "".join(labels).isascii():
        return
    seen: dict[str, str] = {}
    for label in labels:
        if (other := seen.setdefault(unicodedata.normalize("NFC", label), label)) != label:
            raise DataError(
                f"{source}: {name} has two labels that look alike, {other!a} and "
                f"{label!a}; spell them alike, by .str.normalize('NFC')"
            )


def _kind(label: object) -> str:
    return f"{type(label).__name__} {literal(label)}"
