"""Data sets, and careful reading of data from a file.

Whatever is wrong with a file is said in one line that names the file, the line and the column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib.resources import files

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simlab.errors import Error, Notice
from simlab.text.plain import one_line

__all__ = [
    "DATASETS",
    "DataError",
    "DataWarning",
    "berkeley",
    "check_sizes",
    "complete",
    "cvar",
    "dvar",
    "hs",
    "merge_levels",
    "numeric",
    "read",
    "require",
    "up",
    "varying",
]

DATASETS = ("hs", "hsb")
"""Names that `read` knows without a file."""

SIZES = 1e-140, 1e140
"""Of a column's largest number: the squares of others overflow, or vanish."""

_LONGEST = 2000  # characters of a message

_LEVELS = {"sex": ("Female", "Male"), "minority": ("No", "Yes"), "sector": ("Catholic", "Public")}


class DataError(Error):
    """The data cannot be used as asked; one line says which file, line and column, and why."""

    def __str__(self) -> str:
        # Names and values come from the data, where they may hold anything
        text = super().__str__()
        if len(text) > _LONGEST:
            text = f"{text[: _LONGEST // 2]}…{text[-_LONGEST // 2 :]}"
        return one_line(text)


class DataWarning(Notice):
    """The data may not mean what they are read as; one line says where, and what to do."""


def hs(full: bool = False) -> pd.DataFrame:
    """Mathematics achievement of students in American high schools.

    The High School and Beyond data of Bryk & Raudenbush (1992), *Hierarchical Linear Models*: by
    default a subset of 21 Catholic schools with 1,144 students and 19 Public schools with 833.

    Parameters
    ----------
    full
        All schools: 70 Catholic ones with 3,543 students and 90 Public ones with 3,642. The
        rows of the subset are among them, equal and in the same order.

    Returns
    -------
    pd.DataFrame
        1,977 rows, or 7,185; a fresh copy at every call. Per student: ``mathach`` (test score,
        points), ``ses`` (socio-economic status, a composite scale), ``sex`` (Female, Male),
        ``minority`` (No, Yes). Per school: ``school`` (its number, as a string), ``size``
        (students), ``sector`` (Catholic, Public), ``pracad`` (share of students on the academic
        track, 0 to 1), ``disclim`` (disciplinary climate, a composite scale), ``meanses`` (mean
        ses). The three categorical columns have R's level order, the first level being the
        reference.

    Notes
    -----
    From ``MathAchieve`` and ``MathAchSchool`` of the R package nlme, GPL (≥ 2); no column was
    computed here. The subset is equal row by row to ``hs`` of the R package spida2. ``README.md``
    beside this file has each variable's range.
    """
    name = "hsb.csv" if full else "hs.csv"
    with (files(__package__) / name).open(encoding="utf-8") as stream:
        df = pd.read_csv(stream, dtype={"school": str})
    for column, levels in _LEVELS.items():
        df[column] = pd.Categorical(df[column], categories=list(levels))
    return df


def require(df: pd.DataFrame, names: Mapping[str, str], source: str) -> None:
    """Check that the columns asked for exist, each once.

    Parameters
    ----------
    df
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
    columns = [str(column) for column in df.columns]
    wrong = [
        f"no column {name!r} for the {role}{_did_you_mean(name, columns)}"
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


def numeric(df: pd.DataFrame, column: str, source: str) -> NDArray[np.float64]:
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
    require(df, {"numbers asked for": column}, source)
    values = df[column].astype(object)
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
                f"{source}, {_place(df, first)}: {column} is {_shown(values.iloc[first])}, {what}"
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
    df: pd.DataFrame, columns: Iterable[str], source: str
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Keep the rows that have a value in every one of `columns` (listwise deletion).

    Returns
    -------
    df : pd.DataFrame
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
    require(df, {f"variable {name}": name for name in names}, source)
    missing = df[names].isna()
    dropped = {name: int(missing[name].sum()) for name in names if missing[name].any()}
    kept = df.loc[~missing.any(axis=1).to_numpy()]
    if kept.empty:
        counts = ", ".join(f"{name} {n}" for name, n in dropped.items())
        raise DataError(f"{source}: none of {len(df)} rows is complete; missing: {counts}")
    return kept, dropped


def _did_you_mean(name: str, choices: Iterable[str]) -> str:
    lower = {choice.lower(): choice for choice in choices}
    near = get_close_matches(name.lower(), lower, n=1)
    return f"; did you mean {lower[near[0]]!r}?" if near else ""


def _place(df: pd.DataFrame, position: int) -> str:
    return f"{df.index.name or 'row'} {df.index[position]}"


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value)


# They raise DataError, which must be there before they are imported.
from simlab.data.classical import berkeley  # noqa: E402
from simlab.data.levels import cvar, dvar, up, varying  # noqa: E402
from simlab.data.merge import merge_levels  # noqa: E402
from simlab.data.reading import read  # noqa: E402
