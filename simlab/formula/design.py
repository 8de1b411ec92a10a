"""A formula and its data as arrays, and the same formula on new data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simlab.data import DataError
from simlab.data.frames import Data, as_pandas
from simlab.formula.coding import Spec, fill
from simlab.formula.contextual import column_named, may_be_given, needed
from simlab.formula.contrasts import Coding
from simlab.formula.evaluate import Scope, evaluate
from simlab.formula.nodes import Node, columns, listed, shown
from simlab.formula.rank import Combination
from simlab.formula.terms import Term
from simlab.formula.values import Factor, Matrix, Table, Value, missing, numbers
from simlab.moments import Floats, Ints
from simlab.products import Products, products

Bools = NDArray[np.bool_]


class Columns(NamedTuple):
    """Columns of the fixed part, p that were kept and q that were dropped.

    Attributes
    ----------
    terms : tuple of (Term, tuple of Spec)
        The columns of each term, in order.
    kept : (p + q,) int64
        Place of each of them among the p coefficients; −1 for a dropped one.
    combination : Combination
        The dropped columns as combinations of the kept ones.
    factors : dict
        Levels as text, and coding, of each variable that is a factor.
    """

    terms: tuple[tuple[Term, tuple[Spec, ...]], ...]
    kept: Ints
    combination: Combination
    factors: dict[str, tuple[tuple[str, ...], Coding]]

    def specs(self, dropped: bool = False) -> list[Spec]:
        """Columns that were kept, or dropped, in order."""
        every = (spec for _, specs in self.terms for spec in specs)
        return [spec for spec, k in zip(every, self.kept, strict=True) if (k < 0) == dropped]


class Recipe(NamedTuple):
    """Recipe of a design: all that is needed to make its columns again.

    Attributes
    ----------
    nodes : dict
        The expressions, by their text.
    levels : dict
        Levels of those that are factors.
    fixed : Columns
        Columns of X.
    random : tuple of Spec
        Columns of Z.
    state : dict
        What the functions of the formula have learnt from the training data.
    """

    nodes: dict[str, Node]
    levels: dict[str, tuple[Any, ...]]
    fixed: Columns
    random: tuple[Spec, ...]
    state: dict[str, Any]


class NewRows(NamedTuple):
    """The design of new rows.

    Attributes
    ----------
    X : (M, p)
        Fixed part.
    Z : (M, r)
        Random part.
    clusters : pd.Index or None
        Cluster of each row, as in the data; None if the data have no such column.
    estimable : (M,) bool
        Whether the data of the model let one estimate Xγ in the row: False where a column that was
        dropped is not what the kept ones make of it.
    """

    X: Floats
    Z: Floats
    clusters: pd.Index | None
    estimable: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Numeric arrays of a two-level model; N rows, J clusters, p fixed and r random effects.

    Attributes
    ----------
    D : (N, d)
        The distinct columns of [X Z], C-contiguous: those of X first.
    y : (N,)
        Response.
    cluster : (N,) int64
        Cluster of each row, 0 … J−1, numbered in order of first appearance.
    clusters : pd.Index
        Labels of the J clusters.
    fixed : (p,) int64
        Columns of D that are X, in order.
    random : (r,) int64
        Columns of D that are Z, in order.
    fixed_names, random_names : tuple of str
        As R names them.
    terms : dict
        Term → places of its coefficients among the p. Terms with no coefficient left are absent.
    blocks : (r,) int64
        Random effects with equal numbers are correlated, others independent.
    formula : str
        In lme4's spelling.
    response : str
        Left-hand side of the formula.
    cluster_name : str
        Grouping variable, as in the formula: a column, or ``a:b``.
    grouping : tuple of str
        Columns whose combinations are the clusters.
    rows : pd.Index
        Labels of the N rows in the data.
    missing : dict
        Column → missing values, where there are any. A row may count in several columns.
    dropped_rows : int
        Rows left out because something is missing.
    dropped_columns : tuple of str
        Columns of the fixed part that were linear combinations of columns before them.
    """

    D: Floats
    y: Floats
    cluster: Ints
    clusters: pd.Index
    fixed: Ints
    random: Ints
    fixed_names: tuple[str, ...]
    random_names: tuple[str, ...]
    terms: dict[str, tuple[int, ...]]
    blocks: Ints
    formula: str
    response: str
    cluster_name: str
    grouping: tuple[str, ...]
    rows: pd.Index
    missing: dict[str, int]
    dropped_rows: int
    dropped_columns: tuple[str, ...]
    _recipe: Recipe = field(repr=False)
    _sums: Products | None = field(default=None, repr=False)

    @property
    def columns(self) -> Columns:
        """Columns of the fixed part, the dropped ones included."""
        return self._recipe.fixed

    @property
    def sums(self) -> Products:
        """Means and cross-products of the columns of [D y]."""
        sums = self._sums
        known = sums is not None and sums.D is self.D and sums.y is self.y
        return sums if sums is not None and known else products(self.D, self.y)

    @property
    def X(self) -> Floats:
        """Fixed part, (N, p); a copy."""
        return self.D[:, self.fixed]

    @property
    def Z(self) -> Floats:
        """Random part, (N, r); a copy. Row i belongs to the cluster of row i."""
        return self.D[:, self.random]

    def new(
        self,
        data: Data,
        cluster_required: bool = False,
        at: Mapping[str, Any] | None = None,
    ) -> NewRows:
        """Design of new rows, with levels, centring, bases and cluster means of the training data.

        Parameters
        ----------
        data
            The columns of the right-hand side. The response is not needed; the grouping variable
            only for random effects, `cvar` and `dvar`. These use the mean that a cluster has in the
            training data, also in expressions of them. For another cluster, or without the grouping
            variable, it must be given: by a column with the name of the design's,
            ``"cvar(ses, school)"``. Where it is given and not missing, it is taken for known
            clusters too; so is ``"dvar(ses, school)"``, instead of ses less the mean.
        cluster_required
            Insist on the grouping variable.
        at
            Columns that are the same in all rows and that `data` does not have, by name.

        Returns
        -------
        NewRows
            (X, Z, clusters, estimable), one row for each row of `data`.

        Raises
        ------
        DataError
            If a column is missing or has a missing value, a level is unknown, or a cluster mean is
            neither known nor given.
        """
        source, recipe = "the new data", self._recipe
        table = Table(self._with(as_pandas(data, source), at or {}), source)
        if not len(table):
            raise DataError(f"{table.source}: no rows")
        used = (c for node in recipe.nodes.values() for c in needed(node, recipe.state, table))
        wanted = list(dict.fromkeys(used))
        roles = [("formula", column) for column in wanted if column not in self.grouping]
        roles += [("cluster", c) for c in self.grouping if cluster_required or c in wanted]
        table.require(roles)
        _refuse_missing(table, [column for _, column in roles], self.grouping)
        scope = Scope(table, dict(recipe.state), False, {})
        values: dict[str, Value] = {}
        for text, node in recipe.nodes.items():
            values[text] = _as_trained(evaluate(node, scope), recipe.levels.get(text), text, table)
        check_finite(values, table, None)
        fixed = recipe.fixed
        X, dropped, Z = (
            _filled(specs, values, len(table))
            for specs in (fixed.specs(), fixed.specs(dropped=True), recipe.random)
        )
        estimable = fixed.combination.holds(X, dropped)
        return NewRows(X, Z, _labels(table, self.grouping), estimable)

    def _with(self, df: pd.DataFrame, at: Mapping[str, Any]) -> pd.DataFrame:
        """Add columns that are the same in all rows."""
        nodes, state = self._recipe.nodes.values(), self._recipe.state
        known = [name for node in nodes for name in (*columns(node), *may_be_given(node, state))]
        known = list(dict.fromkeys([*known, *self.grouping]))
        for key, value in at.items():
            name = column_named(str(key), known)
            if name is None:
                raise DataError(f"at: the formula has no {key!r}; it has {listed(known, 20)}")
            if column_named(name, df.columns) is not None:
                raise DataError(f"at: {key!r} is a column of the new data too; leave out one")
            if np.ndim(value) != 0 or pd.isna(value):
                raise DataError(
                    f"at: {key!r} is {value!r:.40}; it must be one value, the same in all rows"
                )
            df = df.assign(**{name: value})
        return df


def _filled(specs: Sequence[Spec], values: Mapping[str, Value], M: int) -> Floats:
    out = np.empty((M, len(specs)))
    fill(specs, values, out)
    return out


def _labels(table: Table, grouping: tuple[str, ...]) -> pd.Index | None:
    """Labels of the rows' clusters; None where the table has no such columns."""
    if not table.has(grouping):
        return None
    table.require(("cluster", name) for name in grouping)
    codes, labels = table.group(grouping)
    if (codes >= 0).all():
        return labels[codes]
    return pd.Index([labels[i] if i >= 0 else None for i in codes], dtype=object)


def check_finite(values: Mapping[str, Value], table: Table, kept: Bools | None) -> None:
    """Refuse values such as log(0) or log(−1).

    Parameters
    ----------
    values
        By text.
    table
        Names the row.
    kept
        Rows of the table that the values belong to; None for all.
    """
    for text, value in values.items():
        if isinstance(value, Factor):
            bad: Bools = value.codes < 0
        else:
            array = value.values if isinstance(value, Matrix) else value
            finite = np.isfinite(array)
            if finite.all():
                continue
            bad = np.asarray(~finite.reshape(len(array), -1).all(axis=1))
        if bad.any():
            row = int(np.argmax(bad))
            if kept is not None:
                row = int(np.flatnonzero(kept)[row])
            raise DataError(
                f"{table.where(row)}: {shown(text)} has no finite value there; check what it is "
                "computed from"
            )


def _refuse_missing(table: Table, names: Iterable[str], grouping: tuple[str, ...]) -> None:
    """Refuse rows with missing values."""
    for name in names:
        named = name in grouping
        absent = table.group((name,))[0] < 0 if named else missing(table.value(name))
        if absent.any():
            row = int(np.argmax(absent))
            raise DataError(
                f"{table.where(row)}: {name} is missing ({int(absent.sum())} missing in all); "
                "drop these rows or fill them in"
            )


def _as_trained(value: Value, levels: tuple[Any, ...] | None, text: str, table: Table) -> Value:
    """Bring a value of new data to the kind and the levels of the training data."""
    if levels is None:
        if not isinstance(value, Factor):
            return value
        result = numbers(value)
        if result is None:
            raise DataError(
                f"{table.where(0)}: {text} is {value.levels[value.codes[0]]!r}, and was a number "
                "in the data of the model"
            )
        return result
    if isinstance(value, Matrix):
        raise DataError(
            f"{table.source}: {text} has several columns, and was a factor in the model"
        )
    if not isinstance(value, Factor):
        distinct, codes = np.unique(value, return_inverse=True)
        value = Factor(codes.astype(np.int64), tuple(distinct.tolist()))
    index = {level: i for i, level in enumerate(levels)}
    rank = np.array([*(index.get(level, -2) for level in value.levels), -1], dtype=np.int64)
    codes = rank[value.codes]
    if (codes == -2).any():
        row = int(np.argmax(codes == -2))
        known = ", ".join(repr(level) for level in levels[:10]) + (
            ", …" if len(levels) > 10 else ""
        )
        raise DataError(
            f"{table.where(row)}: {text} is {value.levels[value.codes[row]]!r}, a level that the "
            f"data of the model do not have; they have {known}"
        )
    return replace(value, codes=codes, levels=levels)
