"""Columns of a data frame as what a formula needs: numbers or levels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simlab.data import DataError
from simlab.data.checks import check_apart, require
from simlab.data.frames import stored
from simlab.formula.contrasts import DEFAULT, Coding
from simlab.formula.nodes import same_name
from simlab.moments import Floats, Ints

LOGICAL = (False, True)
"""Levels of a column of True and False."""


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """A variable with levels.

    Attributes
    ----------
    codes : (N,) int64
        Level of each row, −1 where it is missing.
    levels : tuple
        As in the data.
    coding : Coding
        How it enters a design; by default treatment coding, the first level being the reference.
    text : bool
        Whether the levels are text of the data, not categories.
    """

    codes: Ints
    levels: tuple[Hashable, ...]
    coding: Coding = DEFAULT
    text: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """The levels as text."""
        return tuple(label(level) for level in self.levels)


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """Several columns of numbers made from one variable.

    Attributes
    ----------
    values : (N, k)
        NaN where missing.
    labels : tuple of str
        What is added to the name of the expression, for each column.
    """

    values: Floats
    labels: tuple[str, ...]


Value = Floats | Factor | Matrix


def label(level: object) -> str:
    """A level as text: 1.0 is '1'."""
    if isinstance(level, float | np.floating) and float(level).is_integer():
        return str(int(level))
    return str(level)


def numbers(value: Value) -> Floats | None:
    """A value as numbers, True being 1; None if it has none."""
    if isinstance(value, Factor):
        if value.levels != LOGICAL:
            return None
        out = value.codes.astype(float)
        out[value.codes < 0] = np.nan
        return out
    return None if isinstance(value, Matrix) else value


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A data frame, its columns found by name and read once.

    Attributes
    ----------
    df : pd.DataFrame
        The data.
    source : str
        Its name in messages.
    """

    df: pd.DataFrame
    source: str
    _at: dict[str, int] = field(default_factory=dict)  # places of plain columns, once looked for
    _places: dict[str, int] = field(default_factory=dict)  # of all columns, where it takes that
    _series: dict[str, pd.Series] = field(default_factory=dict)
    _read: dict[str, Value] = field(default_factory=dict)
    _groups: dict[tuple[str, ...], tuple[Ints, pd.Index]] = field(default_factory=dict)
    _texts: dict[str, tuple[Ints, Any]] = field(default_factory=dict)
    _whole: set[str] = field(default_factory=set)  # columns that are read and have no missing value

    def __len__(self) -> int:
        return len(self.df)

    def stored(self, name: str) -> Any:
        """Return the values of a column as pandas holds them; see `frames.stored`."""
        return stored(self.df, self._place(name))

    def factorized(self, name: str) -> tuple[Ints, Any]:
        """Return codes and distinct values of a column of text, in order of first appearance."""
        if name not in self._texts:
            codes, distinct = self.stored(name).factorize()
            self._texts[name] = codes.astype(np.int64, copy=False), distinct
        return self._texts[name]

    def series(self, name: str) -> pd.Series:
        """Return the column of that name; Python's spelling of an identifier will do."""
        if name not in self._series:
            plain = self._is_plain(name)
            self._series[name] = self.df[name] if plain else self.df.iloc[:, self._place(name)]
        return self._series[name]

    def _place(self, name: str) -> int:
        """Position of the column of that name."""
        if self._is_plain(name):
            return self._at[name]
        places = self._named()
        same = (n for n in places if same_name(n) == name)
        return places[name if name in places else next(same, name)]

    def _is_plain(self, name: str) -> bool:
        """Whether pandas finds that column as we would: labels are text, and distinct."""
        if name in self._at:
            return True
        columns = self.df.columns
        if not isinstance(columns.dtype, pd.StringDtype) or not columns.is_unique:
            return False
        with suppress(KeyError):
            self._at[name] = cast(int, columns.get_loc(name))
        return name in self._at

    def _named(self) -> dict[str, int]:
        """Place of each column by its name; the first of several with one name."""
        if not self._places:
            for i, label in reversed(list(enumerate(self.df.columns.tolist()))):
                self._places[str(label)] = i
        return self._places

    def require(self, roles: Iterable[tuple[str, str]]) -> None:
        """Check that columns exist, each once.

        Raises
        ------
        DataError
            With the role and the name of every column that does not.
        """
        roles = list(roles)
        if all(self._is_plain(name) for _, name in roles):
            return
        exact = self._named()
        if len(exact) == len(self.df.columns) and all(name in exact for _, name in roles):
            return
        alias = {same_name(name): name for name in exact}
        wanted = {name if name in exact else alias.get(name, name): role for role, name in roles}
        if twice := [n for n in wanted if self.has_twice(n)]:
            raise DataError(
                f"{self.source}: column {twice[0]!r} occurs more than once; rename or drop one"
            )
        alone = Counter(wanted.values())
        named = {
            role if alone[role] == 1 and role != "formula" else f"{role} ({name})": name
            for name, role in wanted.items()
        }
        require(self.df.iloc[:0], named, self.source)

    def where(self, row: int) -> str:
        """Name a row in a message."""
        return f"{self.source}, {self.df.index.name or 'row'} {self.df.index[row]}"

    def value(self, name: str) -> Value:
        """Read a column.

        Raises
        ------
        DataError
            If it holds neither numbers nor levels, or an infinite number; names the row.
        """
        if name not in self._read:
            values = self.stored(name)
            if isinstance(values, np.ndarray) and values.dtype.kind in "fiu":
                self._read[name] = self._finite(np.asarray(values, dtype=np.float64), name)
            else:
                self._read[name] = self._value(self.series(name), name)
        return self._read[name]

    def absent(self, name: str, cluster: bool) -> NDArray[np.bool_] | None:
        """Rows in which a column, or the cluster that it names, is missing; None if none is."""
        if cluster:
            codes = self.group((name,))[0]
            return codes < 0 if codes.min(initial=0) < 0 else None
        value = self.value(name)
        if name in self._whole:
            return None
        empty = missing(value)
        return empty if empty.any() else None

    def has(self, names: Iterable[str]) -> bool:
        """Whether there are such columns."""
        wanted = list(names)
        return all(map(self._is_plain, wanted)) or self._named().keys() >= set(wanted)

    def has_twice(self, name: str) -> bool:
        """Whether several columns have that name."""
        return sum(str(column) == name for column in self.df.columns) > 1

    def group(self, names: tuple[str, ...]) -> tuple[Ints, pd.Index]:
        """Clusters of a column, or the combinations of several that occur.

        Returns
        -------
        codes : (N,) int64
            Numbered in order of first appearance; −1 where one of the columns is missing.
        labels : pd.Index
            As in the column; of combinations "a1:b1", as in R.

        Raises
        ------
        DataError
            If a column cannot name clusters, or two combinations have the same label.
        """
        if names not in self._groups:
            first, *others = names
            self._groups[names] = self._crossed(names) if others else self._coded(first)
        return self._groups[names]

    def _coded(self, name: str) -> tuple[Ints, pd.Index]:
        """Codes and distinct values of a column."""
        if isinstance(self.stored(name).dtype, pd.StringDtype):
            codes, distinct = self.factorized(name)
            labels = pd.Index(distinct)
            check_apart(labels, name, self.source)
            return codes, labels
        column = self.series(name)
        kinds = set(map(type, column)) if column.dtype == object else set()
        if kinds & {bool, np.bool_} and kinds & {int, float}:
            raise DataError(
                f"{self.source}: column {name!r} has True or False among numbers, which would be 1 "
                "and 0; make them one kind, such as text, by .astype(str)"
            )
        try:
            codes, labels = pd.factorize(column)
        except TypeError as error:
            raise DataError(
                f"{self.source}: column {name!r} cannot name clusters: {error}; make it text "
                "or whole numbers"
            ) from error
        if isinstance(labels, pd.CategoricalIndex):
            labels = labels.categories[labels.codes]
        check_apart(labels, name, self.source)
        return codes.astype(np.int64, copy=False), pd.Index(labels)

    def _crossed(self, names: tuple[str, ...]) -> tuple[Ints, pd.Index]:
        """Codes and labels of the combinations of several columns."""
        parts = [self.group((name,)) for name in names]
        present = np.logical_and.reduce([codes >= 0 for codes, _ in parts])
        together = np.zeros(int(present.sum()), dtype=np.int64)
        for codes, labels in parts:  # numbered anew each time, or a product could overflow
            together, _ = pd.factorize(together * len(labels) + codes[present])
        _, rows = np.unique(together, return_index=True)
        texts = [map(label, labels[codes[present][rows]]) for codes, labels in parts]
        crossed = pd.Index([":".join(pieces) for pieces in zip(*texts, strict=True)])
        if crossed.has_duplicates:
            raise DataError(
                f"{self.source}: two combinations of {' and '.join(names)} would both be called "
                f"{crossed[crossed.duplicated()][0]!r}; rename a level"
            )
        codes = np.full(len(present), -1, dtype=np.int64)
        codes[present] = together
        return codes, crossed

    def _value(self, column: pd.Series, name: str) -> Value:
        """Column as numbers or levels."""
        dtype = column.dtype
        if isinstance(dtype, pd.CategoricalDtype):
            codes: Ints = column.cat.codes.to_numpy().astype(np.int64)
            return Factor(codes, tuple(column.cat.categories))
        if pd.api.types.is_object_dtype(dtype):
            column = self._inferred(column, name)
            dtype = column.dtype
        if pd.api.types.is_bool_dtype(dtype):
            missing = column.isna().to_numpy()
            codes = column.fillna(False).to_numpy().astype(np.int64)
            codes[missing] = -1
            return Factor(codes, LOGICAL)
        if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype):
            return self._finite(_floats(column), name)
        if pd.api.types.is_string_dtype(dtype):
            text = isinstance(self.stored(name).dtype, pd.StringDtype)
            codes, levels = self.factorized(name) if text else pd.factorize(column)
            order = np.argsort(np.asarray(levels, dtype=object), kind="stable")
            rank = np.empty(len(order) + 1, np.int64)
            rank[order], rank[-1] = np.arange(len(order)), -1  # a missing value stays −1
            return Factor(rank[codes], tuple(np.asarray(levels, dtype=object)[order]), text=True)
        raise DataError(f"{self.source}: column {name!r} holds {_kind(column)}; {_ADVICE}")

    def _inferred(self, column: pd.Series, name: str) -> pd.Series:
        """Give a column of Python objects its proper kind."""
        kind = pd.api.types.infer_dtype(column, skipna=True)
        if kind == "string":
            return column.astype("str")
        if kind == "boolean":
            return column.astype("boolean")
        if kind in ("integer", "floating", "mixed-integer-float", "decimal", "empty"):
            return column.mask(column.isna(), np.nan).astype(float)  # pd.NA is no number
        present = np.flatnonzero(column.notna().to_numpy())
        is_number = [isinstance(column.iloc[i], int | float | np.number) for i in present]
        odd = present[is_number.index(False)] if False in is_number else present[0]
        value = column.iloc[odd]
        raise DataError(
            f"{self.where(int(odd))}: {name} is {value!r:.60}, where other rows hold other kinds "
            f"of values; {_ADVICE}"
            if any(is_number)
            else f"{self.where(int(odd))}: {name} is {value!r:.60}; {_ADVICE}"
        )

    def _finite(self, values: Floats, name: str) -> Floats:
        """Numbers without infinite ones, which are refused."""
        # One pass in the common case; NaN is a missing value, infinity an error
        if np.isfinite(values).all():
            self._whole.add(name)
            return values
        infinite = np.isinf(values)
        if infinite.any():
            row = int(np.argmax(infinite))
            raise DataError(
                f"{self.where(row)}: {name} is {values[row]}, which is infinite; "
                "correct it or set it to missing"
            )
        return values


_ADVICE = "a formula needs numbers, text, categories or True/False; convert the column"


def _floats(column: pd.Series) -> Floats:
    if isinstance(column.dtype, np.dtype):
        return np.asarray(column.to_numpy(), dtype=np.float64)
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)


def _kind(column: pd.Series) -> str:
    """Words for a kind of values that no formula can use."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return "dates (take for example the days since the first)"
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "m":
        return "durations (take for example .dt.total_seconds())"
    return f"values of kind {column.dtype}"


def missing(value: Value) -> NDArray[np.bool_]:
    """Mask of the rows of a column that have no value."""
    return value.codes < 0 if isinstance(value, Factor) else np.isnan(value)  # type: ignore[arg-type]
