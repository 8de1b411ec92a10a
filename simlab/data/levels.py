"""Two levels in one data frame: variables of the units, variables of their clusters.

The names are those of the R package spida2 (G. Monette); ``merge.py`` has the way back down.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import infer_dtype, is_complex_dtype, is_numeric_dtype, is_object_dtype

from simlab.data.checks import check_key, coded, literal, numbered, row_name, rows_named
from simlab.data.frames import Data, as_pandas
from simlab.errors import DataError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Column = pd.Series | pd.Index | pd.Categorical | NDArray[Any] | list[Any]

_NUMBERS = ("integer", "floating", "mixed-integer-float", "boolean", "decimal", "empty")


def cvar(x: Column, cluster: Column) -> pd.Series | pd.DataFrame:
    """Cluster mean of x, for every row: a contextual variable.

        x̄_j = o_j + Σ_i (x_ij − o_j)/n_j

    The origin o_j is the cluster's first value, so that a large offset costs no digits and the
    mean of a constant is that constant, exactly. ``cvar`` of spida2.

    Parameters
    ----------
    x : (N,)
        Numbers, truth values (their mean is the share of True) or a categorical. n_j counts the
        values that are there; missing ones are skipped.
    cluster : (N,)
        Label of each row's cluster, of any kind.

    Returns
    -------
    pd.Series or pd.DataFrame
        (N,) float64, in the units of x and with its index and name; or, of a categorical, (N,
        levels − 1), the share of each declared level but the first, occurring or not, so that the
        columns do not change with the rows; drop them before with
        ``x.cat.remove_unused_categories()``. NaN where the cluster is missing, or all of its x.

    Raises
    ------
    DataError
        If x and cluster have different lengths or indexes; x is text, times or infinite; or a
        categorical has fewer than two levels.
    """
    return _parts(x, cluster, "mean")


def dvar(x: Column, cluster: Column) -> pd.Series | pd.DataFrame:
    """Deviation of x from its cluster mean: x centred within its group.

        x_ij − x̄_j = (x_ij − o_j) − Σ_i (x_ij − o_j)/n_j

    It equals ``x - cvar(x, cluster)`` but for rounding: with x near 1e8 that difference has lost
    half of its digits, while this one loses none. Exactly 0 where x is constant in its cluster.

    Parameters
    ----------
    x, cluster : (N,)
        As in `cvar`.

    Returns
    -------
    pd.Series or pd.DataFrame
        As from `cvar`; of a categorical, the indicator of each level but the first less its share.
        NaN also where x is missing.

    Raises
    ------
    DataError
        As `cvar`.
    """
    return _parts(x, cluster, "deviation")


def varying(data: Data, cluster: str) -> dict[Hashable, list[Any]]:
    """Find the variables that vary within clusters: those of level 1.

    Parameters
    ----------
    data
        Long data, one row per unit. Rows without a cluster are ignored.
    cluster
        Column of the cluster's label.

    Returns
    -------
    dict
        Column → labels of the clusters where it has two different values or more, in order of first
        appearance; only the columns that vary. A missing value agrees with any other; in spida2's
        ``varLevel``, which asks the same, it differs.

    Raises
    ------
    DataError
        If `data` is no data frame, has a column twice or no such column, or values in a column
        cannot be compared.
    """
    data = as_pandas(data)
    check_key(data, cluster, "the data", "cluster")
    codes, labels = numbered(data[cluster], cluster)
    result: dict[Hashable, list[Any]] = {}
    for name in data.columns.drop(cluster):
        at = np.unique(codes[_differs(data[name], codes, len(labels))[0]])
        if len(at):
            result[name] = labels[at].tolist()
    return result


def up(data: Data, cluster: str, *, all: bool = False, n: str | None = None) -> pd.DataFrame:
    """One row per cluster, from one row per unit.

    Parameters
    ----------
    data
        Long data, one row per unit.
    cluster
        Column of the cluster's label.
    all
        Also summarise the variables that vary within clusters: numbers by their mean, truth values
        by the share of True, anything else by its mode. Of equally frequent values the mode is the
        first in the order of the levels, or in sorted order where there are no levels.
    n
        Name of a column to add with the number of rows of each cluster, n_j.

    Returns
    -------
    pd.DataFrame
        One row per cluster in order of first appearance, its label the index; the columns that are
        constant in every cluster (or all) in the order of `data`, of the same type but for means.
        Constant means at most one distinct value that is not missing, and that is the value kept:
        what is missing in some rows is taken from the others of the cluster.

    Raises
    ------
    DataError
        If `data` is no data frame, has a column twice or no such column; rows have no cluster; `n`
        is a column already; values cannot be compared; or a number to average is infinite.

    Notes
    -----
    ``up`` of spida2, made from ``gsummary`` of nlme (J. Pinheiro and D. Bates), sorts rows by
    label, leaves out those without a cluster with a warning, and counts a variable with missing
    values in a part of a cluster as varying.
    """
    data = as_pandas(data)
    check_key(data, cluster, "the data", "cluster")
    if n is not None and n in data.columns:
        raise DataError(f"the data have a column {n!r} already; choose another name for n")
    codes, labels = numbered(data[cluster], cluster)
    if (codes < 0).any():
        raise DataError(
            f"{rows_named(data, codes < 0)}: {cluster} is missing; "
            f"leave such rows out with df.dropna(subset=[{cluster!r}])"
        )
    columns: dict[Hashable, Any] = {}
    for name in data.columns.drop(cluster):
        differs, row = _differs(data[name], codes, len(labels))
        if not differs.any():
            columns[name] = data[name].array[row]
        elif all and _is_numeric(data[name]):
            columns[name] = _centred(_numbers(data[name]), codes, len(labels))[0]
        elif all:
            columns[name] = data[name].array[_mode(data[name], codes, row)]
    if n is not None:
        columns[n] = np.bincount(codes, minlength=len(labels))
    return pd.DataFrame(columns, index=labels.rename(cluster))


def _parts(x: Column, cluster: Column, part: str) -> pd.Series | pd.DataFrame:
    """Cluster means for every row, or the deviations from them."""
    values, codes, J = _aligned(x, cluster)

    def of(numbers: Floats) -> Floats:
        """The part of some numbers, for every row."""
        mean, deviation = _centred(numbers, codes, J)
        # code −1, no cluster, takes the NaN at the end
        return np.append(mean, np.nan)[codes] if part == "mean" else deviation

    if not isinstance(values.dtype, pd.CategoricalDtype):
        return pd.Series(of(_numbers(values)), index=values.index, name=values.name)
    levels = values.cat.categories
    if len(levels) < 2:
        raise DataError(f"{_name(values)} has {len(levels)} levels, and a share needs two or more")
    level = values.cat.codes.to_numpy()
    shares = [of(np.where(level < 0, np.nan, level == k)) for k in range(1, len(levels))]
    return pd.DataFrame(np.column_stack(shares), index=values.index, columns=levels[1:])


def _aligned(x: Column, cluster: Column) -> tuple[pd.Series, Ints, int]:
    """Values as a series, the code of each row's cluster, and the number of clusters."""
    for values, what in ((x, "x"), (cluster, "the cluster")):
        if np.ndim(values) != 1:
            raise DataError(f"{what} has {np.ndim(values)} dimensions; give one column")
    if len(x) != len(cluster):
        raise DataError(f"x has {len(x)} values and the cluster {len(cluster)}; give one per row")
    if problem := other_rows({"x": x, "the cluster": cluster}):
        raise DataError(problem)
    index = next((s.index for s in (x, cluster) if isinstance(s, pd.Series)), None)
    series = x if isinstance(x, pd.Series) else pd.Series(x, index=index)
    codes, labels = numbered(cluster, "the cluster")
    return series, codes, len(labels)


def other_rows(columns: Mapping[str, object]) -> str:
    """Say which of some columns are Series of different rows; "" if their indexes are the same.

    What goes by position would join them wrongly, without a word.
    """
    series = {name: s for name, s in columns.items() if isinstance(s, pd.Series)}
    first = next(iter(series), "")
    for name, s in series.items():
        if not s.index.equals(series[first].index):
            return f"{first} and {name} have different indexes; take both from one data frame"
    return ""


def _centred(x: Floats, codes: Ints, J: int) -> tuple[Floats, Floats]:
    """Means (J,) of the clusters and deviations (N,) from them; NaN where there is none."""
    there = (codes >= 0) & ~np.isnan(x)
    group, values = codes[there], x[there]
    origin = np.full(J, np.nan)
    origin[group[::-1]] = values[::-1]  # of a repeated index the last is kept: the first value
    deviation = np.full(len(x), np.nan)
    from_origin = values - origin[group]
    shift = np.bincount(group, from_origin, J) / np.maximum(np.bincount(group, minlength=J), 1)
    deviation[there] = from_origin - shift[group]
    return origin + shift, deviation


def _is_numeric(x: pd.Series) -> bool:
    """Whether the values are real numbers or truth values; of objects, whether each one is."""
    if is_object_dtype(x.dtype):
        return infer_dtype(x, skipna=True) in _NUMBERS
    return is_numeric_dtype(x.dtype) and not is_complex_dtype(x.dtype)


def _numbers(x: pd.Series) -> Floats:
    """Finite float64, NaN where missing, or a message that says what to do."""
    name = _name(x)
    if not _is_numeric(x):
        kind = infer_dtype(x, skipna=True)
        if kind.startswith(("date", "time", "period")):
            advice = "times; turn them into numbers first, such as (x - x.min()).dt.days"
        else:
            shown = next((f" ({literal(v)})" for v in x.dropna().iloc[:1]), "")
            advice = (
                f"no numbers{shown}; make it categorical for the shares of its levels, "
                "x.astype('category'), or numbers with pd.to_numeric(x)"
            )
        raise DataError(f"{name} holds {advice}")
    numbers = x.to_numpy(np.float64, na_value=np.nan)
    if (infinite := np.isinf(numbers)).any():
        first = int(np.argmax(infinite))
        where = row_name(x.to_frame(), first)
        raise DataError(f"{where}: {name} is {numbers[first]}; a mean needs finite numbers")
    return numbers


def _differs(column: pd.Series, codes: Ints, J: int) -> tuple[NDArray[np.bool_], Ints]:
    """Rows that differ from one value of their cluster (N,), and the row of that value (J,)."""
    values, _ = coded(column, column.name)
    in_cluster = codes >= 0
    there = in_cluster & (values >= 0)
    row = np.zeros(J, np.int64)
    for rows in (in_cluster, there):  # a cluster without any value keeps a row of its own
        row[codes[rows]] = np.flatnonzero(rows)
    differs = there.copy()
    differs[there] = values[there] != values[row][codes[there]]
    return differs, row


def _mode(column: pd.Series, codes: Ints, row: Ints) -> Ints:
    """Row (J,) with the most frequent value of each cluster; `row` where all are missing."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        values, n_values = column.cat.codes.to_numpy(np.int64), len(column.cat.categories)
    else:
        values, labels = coded(column, column.name)
        try:
            order = np.argsort(labels.to_numpy(), kind="stable")
        except TypeError:  # values of different kinds have no order but that of appearance
            order = np.arange(len(labels))
        n_values = len(labels)
        values = np.append(np.argsort(order), -1)[values]
    there = np.flatnonzero(values >= 0)
    pair, first, count = np.unique(
        codes[there] * n_values + values[there], return_index=True, return_counts=True
    )
    # the most frequent comes last, and of equals the lower level
    last = np.lexsort((-pair, count))
    out = row.copy()
    out[pair[last] // n_values] = there[first[last]]
    return out


def _name(x: pd.Series) -> str:
    return "x" if x.name is None else str(x.name)
