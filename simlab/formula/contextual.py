"""Cluster means and deviations in a formula, ``cvar(x, g)`` and ``dvar(x, g)``.

In the data of a model they are computed. In new data the mean of a cluster is the one that it has
in the data of the model, or one that is given: as a column that has the name of the column of the
design, ``"cvar(x, g)"``. Rows of new data never make a mean, for they are no sample of a cluster.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simlab.data import DataError
from simlab.formula.functions import bind
from simlab.formula.nodes import Binary, Call, Column, Node, Unary, columns, shown, spelled
from simlab.formula.values import Factor, Matrix, Table, Value, label, numbers
from simlab.moments import Floats, Ints

FUNCTIONS = frozenset({"cvar", "dvar"})


class Means(NamedTuple):
    """Cluster means of k columns.

    Attributes
    ----------
    labels : pd.Index
        The J clusters.
    origin : (k,)
        A number near the mean of each column.
    deviation : (J, k)
        Cluster means about the origin; NaN where a cluster has no value.
    levels : tuple
        Levels of the factor that the columns indicate; () for numbers.
    names : tuple of str
        What is added to the name of the function for each column; () for a single number.
    """

    labels: pd.Index
    origin: Floats
    deviation: Floats
    levels: tuple[Hashable, ...]
    names: tuple[str, ...]

    def shape(self, values: Floats) -> Value:
        """Return k columns, (N, k), as the value of an expression."""
        return Matrix(values, self.names) if self.names else values[:, 0]


class Parts(NamedTuple):
    """The variable whose means are taken, as k columns of numbers (N,), NaN where missing."""

    columns: list[Floats]
    levels: tuple[Hashable, ...]
    names: tuple[str, ...]


def parts(x: Value, known: Means | None, text: str, source: str) -> Parts:
    """Columns of a number, of a matrix, or indicators of the levels of a factor but the first.

    Parameters
    ----------
    x
        Value of the variable.
    known
        The means in the data of the model, whose levels count; None where these are the data.
    text, source
        What messages call the function and the data.

    Raises
    ------
    DataError
        If a factor has one level, or the variable was of another kind in the data of the model.
    """
    plain, levels = numbers(x), () if known is None else known.levels
    if plain is not None and not levels:
        return Parts([plain], (), ())
    if isinstance(x, Matrix):
        return Parts(list(x.values.T), (), x.labels)
    if known is not None and isinstance(x, Factor) != bool(levels):
        kinds = ("levels", "numbers") if isinstance(x, Factor) else ("numbers", "levels")
        raise DataError(
            f"{source}: {shown(text)} is of {kinds[0]} and was of {kinds[1]} in the data of the "
            "model"
        )
    assert isinstance(x, Factor)
    if known is None:
        levels = _used(x)
    if len(levels) < 2:
        raise DataError(f"{source}: {shown(text)}: the factor has fewer than two levels")
    columns = [_indicator(x, level) for level in levels[1:]]
    return Parts(columns, levels, tuple(map(label, levels[1:])))


def learn(x: Parts, codes: Ints, labels: pd.Index) -> Means:
    """Mean of each column in each cluster, over the rows where x and the cluster are present.

    It is taken about an origin near x, so that an offset of 1e8 costs no digits.

    Parameters
    ----------
    x : Parts
    codes : (N,)
        Cluster of each row, −1 where missing.
    labels
        The J clusters that the codes number.
    """
    J, k = len(labels), len(x.columns)
    origin, deviation = np.zeros(k), np.full((J, k), np.nan)
    for a, column in enumerate(x.columns):
        present = ~np.isnan(column) & (codes >= 0)
        everywhere = bool(present.all())
        group, values = (codes, column) if everywhere else (codes[present], column[present])
        if len(values):
            origin[a] = values.mean()
        n = np.bincount(group, minlength=J)
        with np.errstate(invalid="ignore", divide="ignore"):
            deviation[:, a] = np.bincount(group, values - origin[a], minlength=J) / n
    return Means(labels, origin, deviation, x.levels, x.names)


def of_rows(means: Means, codes: Ints) -> Floats:
    """Means of the clusters of rows about the origin, (N, k); NaN where the code is −1."""
    out = means.deviation[codes]
    out[codes < 0] = np.nan
    return out


def within(x: Parts, means: Means, context: Floats) -> Floats:
    """Deviation of x from its cluster mean, which is given about the origin, (N, k)."""
    out = np.empty(context.shape)
    for a, column in enumerate(x.columns):
        np.subtract(column, means.origin[a], out=out[:, a])
        out[:, a] -= context[:, a]
    return out


# ---------------------------------------------------------------- new rows


def of_new_rows(call: Call, means: Means, table: Table) -> Floats:
    """Means of the clusters of new rows about the origin, (M, k).

    Parameters
    ----------
    call
        ``cvar(x, g)`` or ``dvar(x, g)``.
    means
        Those in the data of the model.
    table
        The new rows, with the clusters or the means, or both; a mean that is given counts.

    Raises
    ------
    DataError
        If the mean of a row is neither known nor given.
    """
    grouping = tuple(columns(bind(call)["cluster"]))
    text = spelled(_cvar(call))
    known = np.full((len(table), len(means.origin)), np.nan)
    if table.has(grouping):
        codes, labels = table.group(grouping)
        if len(labels) and not _same_kind(means.labels.dtype, labels.dtype):
            raise DataError(
                f"{table.source}: {grouping[0]!r} is {labels.dtype} and was {means.labels.dtype} "
                "in the data of the model; convert it, or clusters cannot be recognised"
            )
        places = np.append(means.labels.get_indexer(labels), -1)[codes]
        known = of_rows(means, places)
    supplied = given(text, means, table)
    context = np.where(np.isnan(supplied), known, supplied - means.origin)
    absent = np.asarray(np.isnan(context).any(axis=1))
    if absent.any():
        raise _unknown(text, means, table, grouping, absent)
    return context


def _unknown(
    text: str, means: Means, table: Table, grouping: tuple[str, ...], absent: NDArray[np.bool_]
) -> DataError:
    """Error for rows whose cluster mean is not known, with what to give instead."""
    keys = names(text, means)
    words = f"a column {keys[0]!r}" if len(keys) == 1 else f"columns {', '.join(map(repr, keys))}"
    how = f"give {words} of the new data, or at={{{keys[0]!r}: value}}"
    lacking = [name for name in grouping if not table.has((name,))]
    if lacking:
        return DataError(
            f"{table.source}: no column {lacking[0]!r} for the cluster, from which {text} would be "
            f"known: {how}"
        )
    row, (codes, labels) = int(np.argmax(absent)), table.group(grouping)
    value = "missing"
    if codes[row] >= 0:
        level = labels[codes[row]]
        value = f"{level!r}" if isinstance(level, str) else f"{level}"
        value += f", which has no {text} in the data of the model"
    more = f" ({int(absent.sum())} such rows)" if absent.sum() > 1 else ""
    return DataError(f"{table.where(row)}: {':'.join(grouping)} is {value}{more}: {how}")


def given(text: str, means: Means, table: Table) -> Floats:
    """Columns of new data that have the names of a function's columns, (M, k); NaN where not.

    Raises
    ------
    DataError
        If only some of them are there, or one does not hold numbers.
    """
    present = [column_named(key, table.df.columns) for key in names(text, means)]
    out = np.full((len(table), len(present)), np.nan)
    there = [key for key in present if key is not None]
    if there and len(there) < len(present):
        lacking = next(k for k, f in zip(names(text, means), present, strict=True) if f is None)
        raise DataError(f"{table.source}: column {there[0]!r} is there and {lacking!r} is not")
    table.require(("formula", key) for key in there)
    for a, key in enumerate(there):
        values = numbers(table.value(key))
        if values is None:
            raise DataError(f"{table.source}: column {key!r} does not hold numbers")
        out[:, a] = values
    return out


def names(text: str, means: Means) -> list[str]:
    """Names of the columns of a function, as in the design."""
    return [text + name for name in means.names or ("",)]


def column_named(key: str, columns: Iterable[object]) -> str | None:
    """Name among some that is the same but for spaces; None if there is none."""
    every = [str(column) for column in columns]
    if key in every:
        return key
    same = [column for column in every if column.replace(" ", "") == key.replace(" ", "")]
    return same[0] if len(same) == 1 else None


def may_be_given(node: Node, state: dict[str, Any]) -> Iterator[str]:
    """Columns that new data may have for the functions ``cvar`` and ``dvar`` in an expression."""
    match node:
        case Unary(_, operand):
            yield from may_be_given(operand, state)
        case Binary(_, left, right):
            yield from may_be_given(left, state)
            yield from may_be_given(right, state)
        case Call(function, arguments):
            if function in FUNCTIONS:
                for call in dict.fromkeys((_cvar(node), node)):
                    yield from names(spelled(call), state[spelled(node)])
            for _, argument in arguments:
                yield from may_be_given(argument, state)


def needed(node: Node, state: dict[str, Any], table: Table) -> Iterator[str]:
    """Columns of new data that an expression needs, but for the clusters of `cvar` and `dvar`."""
    match node:
        case Column(name):
            yield name
        case Unary(_, operand):
            yield from needed(operand, state, table)
        case Binary(_, left, right):
            yield from needed(left, state, table)
            yield from needed(right, state, table)
        case Call(function, arguments):
            if function in FUNCTIONS:
                text = spelled(node)
                if function == "dvar" and np.isnan(given(text, state[text], table)).any():
                    yield from needed(bind(node)["x"], state, table)
                return
            for _, argument in arguments:
                yield from needed(argument, state, table)


def _cvar(call: Call) -> Call:
    return Call("cvar", call.arguments)


def _same_kind(a: Any, b: Any) -> bool:
    return (getattr(a, "kind", "O") in "iuf") == (getattr(b, "kind", "O") in "iuf")


def _used(factor: Factor) -> tuple[Any, ...]:
    counts = np.bincount(factor.codes + 1, minlength=len(factor.levels) + 1)[1:]
    return tuple(level for level, n in zip(factor.levels, counts, strict=True) if n)


def _indicator(factor: Factor, level: object) -> Floats:
    """Indicator of a level, NaN where the value is missing."""
    code = factor.levels.index(level) if level in factor.levels else -2
    out: Floats = (factor.codes == code).astype(float)
    out[factor.codes < 0] = np.nan
    return out
