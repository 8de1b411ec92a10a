"""What of the data a model uses: complete rows, the response, levels that occur, clusters."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simlab.data import DataError
from simlab.errors import FormulaError
from simlab.formula.contrasts import MOST_LEVELS
from simlab.formula.design import check_finite
from simlab.formula.evaluate import Scope, evaluate
from simlab.formula.nodes import Column, Node, listed, shown
from simlab.formula.parser import Parsed
from simlab.formula.values import Factor, Matrix, Table, Value, label, numbers
from simlab.moments import Floats, Ints

Bools = NDArray[np.bool_]


def complete_rows(
    table: Table, used: list[str], grouping: tuple[str, ...], policy: str
) -> tuple[Bools | None, dict[str, int]]:
    """Rows without a missing value (None if these are all), and missing values by column."""
    if not len(table):
        raise DataError(f"{table.source}: no rows")
    absent: Bools | None = None
    counts: dict[str, int] = {}
    for column in used:
        empty = table.absent(column, column in grouping)
        if empty is not None:
            counts[column] = int(empty.sum())
            absent = empty if absent is None else absent | empty
    if absent is None:
        return None, counts
    where = listed(f"{column} {n}" for column, n in counts.items())
    if policy == "raise":
        raise DataError(
            f"{table.source}: {int(absent.sum())} of {len(table)} rows have missing values: "
            f"{where}; fill them in, or leave these rows out with missing='drop'"
        )
    if absent.all():
        raise DataError(f"{table.source}: none of {len(table)} rows is complete; missing: {where}")
    return ~absent, counts


def rows_of(value: Value, keep: Bools | None) -> Value:
    """The rows of a value that are kept."""
    if keep is None:
        return value
    if isinstance(value, Factor):
        return replace(value, codes=value.codes[keep])
    if isinstance(value, Matrix):
        return Matrix(value.values[keep], value.labels)
    return value[keep]


def response_of(node: Node, text: str, scope: Scope, keep: Bools | None) -> Floats:
    """The response, if it is a number that varies."""
    value = evaluate(node, scope)
    y = numbers(value)
    if y is None and isinstance(value, Factor):
        row = _not_a_number(value)
        raise DataError(
            f"{scope.table.where(row)}: the response {text} is {value.levels[value.codes[row]]!r}; "
            "it must be a number"
        )
    if y is None:
        raise FormulaError(f"the response {shown(text)} has several columns; it must be one")
    y = np.array(rows_of(y, keep), dtype=np.float64)  # a copy: the data may change later
    if not isinstance(node, Column):
        check_finite({text: y}, scope.table, keep)
    if y.min() == y.max():
        raise DataError(
            f"{scope.table.source}: the response {text} is {y[0]:g} in all {len(y)} rows; there is "
            "nothing to model"
        )
    return y


def _not_a_number(value: Factor) -> int:
    """Find the first row whose level is no number in words, or else the first row."""
    numeric = pd.to_numeric(pd.Series(value.levels, dtype=object), errors="coerce").notna()
    wrong = (value.codes >= 0) & ~numeric.to_numpy()[value.codes]
    return int(np.argmax(wrong if wrong.any() else value.codes >= 0))


def used_levels(value: Value, text: str, source: str) -> Value:
    """Drop the levels that do not occur."""
    if not isinstance(value, Factor):
        return value
    counts = np.bincount(value.codes, minlength=len(value.levels))
    levels = tuple(level for level, n in zip(value.levels, counts, strict=True) if n)
    if len(levels) < 2:
        raise DataError(
            f"{source}: the factor {text} has one level in the rows used, {levels[0]!r}; remove it "
            "from the formula"
        )
    names = [label(level) for level in levels]
    if twice := [written for written, n in Counter(names).items() if n > 1]:
        raise DataError(
            f"{source}: the factor {text} has levels that are both written {twice[0]!r}; rename one"
        )
    if value.coding.name == "Poly" and len(levels) > MOST_LEVELS:
        raise DataError(
            f"{source}: {text} has {len(levels)} levels; polynomials of a degree above "
            f"{MOST_LEVELS - 1} lose their digits: take numbers for levels, and poly(x, degree)"
        )
    if len(levels) == len(value.levels):
        return value
    if value.coding.reference not in (None, *names):
        raise DataError(
            f"{source}: the reference level {value.coding.reference!r} of {text} does not occur in "
            "the rows used; choose another"
        )
    rank: Ints = np.cumsum(counts > 0, dtype=np.int64) - 1
    return replace(value, codes=rank[value.codes], levels=levels)


def clusters_of(table: Table, parsed: Parsed, keep: Bools | None) -> tuple[Ints, pd.Index]:
    """Code of the cluster of each row, and labels of the clusters, of which there are several."""
    codes, labels = table.group(parsed.grouping)
    if keep is not None:
        codes, first = pd.factorize(codes[keep])
        labels = labels[first]
    if len(labels) < 2:
        raise DataError(
            f"{table.source}: {parsed.cluster} has one cluster in the rows used, "
            f"{shown(str(labels[0]))}; a two-level model needs at least two"
        )
    return np.ascontiguousarray(codes, dtype=np.int64), labels
