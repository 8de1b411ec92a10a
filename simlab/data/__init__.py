"""Data sets, and careful reading of data from a file.

Whatever is wrong with a file is said in one line that names the file, the line and the column.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simlab.data.columns import Unreadable, typed

__all__ = [
    "DATASETS",
    "DataError",
    "berkeley",
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

_LONGEST = 2000  # characters of a message

_LEVELS = {"sex": ("Female", "Male"), "minority": ("No", "Yes"), "sector": ("Catholic", "Public")}


class DataError(Exception):
    """The data cannot be used as asked; one line says which file, line and column, and why."""

    def __str__(self) -> str:
        # Names and values come from the data, where they may hold anything
        text = super().__str__()
        if len(text) > _LONGEST:
            text = f"{text[: _LONGEST // 2]}…{text[-_LONGEST // 2 :]}"
        return "".join(c if c.isprintable() else " " for c in text)


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


def read(name_or_path: str | Path) -> pd.DataFrame:
    """Read a data set by name, or a comma-separated file with a header line.

    Parameters
    ----------
    name_or_path
        One of `DATASETS` (``hs``, or ``hsb`` for all its schools), or the path of a CSV file in
        UTF-8.

    Returns
    -------
    pd.DataFrame
        One row per record. From a file, the index is named ``line`` and holds each record's line in
        the file, so that later messages can name it; blank lines are skipped. A column is numbers,
        truth values (``True``, ``TRUE`` or ``true``) or text, without the space around a field.
        Empty fields and the words that pandas knows, such as ``NA`` and ``None``, are missing.

    Raises
    ------
    DataError
        If there is no such file; or it is empty, not text, or has only a header; or a row has
        more or fewer fields than the header; or a column name occurs twice; or a column holds
        numbers in a spelling that is not read, such as ``1,5`` or ``1 000``, or whole numbers that
        would lose digits.
    """
    if name_or_path in DATASETS:
        return hs(full=name_or_path == "hsb")
    path = Path(name_or_path)
    header, records = _records(_text(path), str(path))
    lines = list(records)
    columns = {}
    for name, fields in zip(header, zip(*records.values(), strict=True), strict=True):
        try:
            columns[name] = typed(fields)
        except Unreadable as error:
            place = f"{path}, line {lines[error.position]}"
            raise DataError(f"{place}: {name} {error.message}") from None
    df = pd.DataFrame(columns)
    df.index = pd.Index(lines, name="line")
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


def _text(path: Path) -> str:
    try:
        if path.is_char_device():
            raise DataError(f"{path}: is a device; name a CSV file")
        text = path.read_bytes().decode("utf-8-sig")  # line ends within quotes stay as they are
    except FileNotFoundError as error:
        near = [*DATASETS, *(str(p) for p in path.parent.glob("*.csv"))]
        hint = _did_you_mean(str(path), near)
        message = f"{path}: no such file{hint}. Data sets: {', '.join(DATASETS)}"
        raise DataError(message) from error
    except UnicodeDecodeError as error:
        message = f"{path}: not UTF-8 text (byte {error.start}); save it as CSV in UTF-8"
        raise DataError(message) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a name that cannot be a file's
        raise DataError(f"{path}: cannot be read: {error}") from error
    if "\0" in text:
        raise DataError(f"{path}: not a text file; save it as CSV in UTF-8")
    return text


def _records(text: str, source: str) -> tuple[list[str], dict[int, list[str]]]:
    """Split a CSV text into its header and its records by line, all of the header's length."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines: dict[int, list[str]] = {}
    try:
        for row in reader:
            if row and not (len(row) == 1 and row[0].isspace()):
                lines[reader.line_num] = row
    except csv.Error as error:
        raise DataError(f"{source}, line {reader.line_num}: {error}") from error
    if not lines:
        raise DataError(f"{source}: the file is empty")
    header = [name.strip() for name in lines.pop(next(iter(lines)))]
    _check_header(header, source)
    if not lines:
        raise DataError(f"{source}: a header and no rows")
    for line, row in lines.items():
        if len(row) != len(header):
            raise DataError(
                f"{source}, line {line}: {len(row)} fields where the header has {len(header)}"
            )
    return header, lines


def _check_header(header: list[str], source: str) -> None:
    twice = [repr(name) for name, n in Counter(header).items() if n > 1]
    if twice:
        raise DataError(f"{source}: column names that occur twice: {', '.join(twice)}; rename them")
    if len(header) == 1 and (separator := next((s for s in ";\t|" if s in header[0]), None)):
        raise DataError(f"{source}: separated by {separator!r}; save it separated by commas")


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
