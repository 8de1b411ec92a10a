"""The values of expressions on a table.

Functions that learn from the data (cluster means, centring, bases of polynomials and splines)
leave what they learnt in `Scope.state`, under their own text; on new data they use it again. As in
R, they learn from every row where their arguments are present, also from rows that are later left
out because something else is missing there.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import numpy as np

from simlab.data import DataError
from simlab.errors import FormulaError
from simlab.formula.contextual import (
    FUNCTIONS,
    Means,
    Parts,
    given,
    learn,
    of_new_rows,
    of_rows,
    parts,
    within,
)
from simlab.formula.contrasts import Coding
from simlab.formula.functions import MATHS, TO_LEVELS, bind
from simlab.formula.nodes import (
    COMPARISONS,
    Binary,
    Call,
    Coded,
    Column,
    Flag,
    Node,
    Number,
    Numbers,
    Text,
    Unary,
    columns,
    shown,
    spelled,
)
from simlab.formula.transforms import BASES, basis, centred
from simlab.formula.values import LOGICAL, Factor, Matrix, Table, Value, label, missing, numbers
from simlab.moments import Floats, Ints


class Scope(NamedTuple):
    """Scope of an expression: the table, and what was learnt from the data.

    Attributes
    ----------
    table : Table
        The data.
    state : dict
        What functions have learnt, by their text; filled when `training`.
    training : bool
        Whether functions learn.
    cache : dict
        Values already known, by text.
    """

    table: Table
    state: dict[str, Any]
    training: bool
    cache: dict[str, Value]


_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        "+": operator.add, "-": operator.sub, "*": operator.mul, "/": np.divide,
        "//": np.floor_divide, "%": np.mod, "**": np.power,
        "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
        "==": operator.eq, "!=": operator.ne,
    }
)  # fmt: skip


def evaluate(node: Node, scope: Scope) -> Value:
    """Return the value of an expression in every row of the table.

    Raises
    ------
    FormulaError
        If a function is given what it cannot take.
    DataError
        If a column does not hold what is asked of it.
    """
    if isinstance(node, Column):
        return scope.table.value(node.name)
    text = spelled(node)
    if text not in scope.cache:
        with np.errstate(all="ignore"):  # what is not finite is reported with its row
            scope.cache[text] = _value(node, scope)
    return scope.cache[text]


def _value(node: Node, scope: Scope) -> Value:
    """Value of an expression of operators or functions."""
    match node:
        case Unary(sign, operand):
            value = _numbers(operand, scope)
            return -value if sign == "-" else +value
        case Binary(op, left, right):
            return _binary(op, left, right, scope)
        case Call(function, _) if function in MATHS:
            out: Floats = getattr(np, function)(_numbers(bind(node)["x"], scope))
            return out
        case Call():
            return _call(node, scope)
    raise FormulaError(f"{shown(spelled(node))} is not a variable")


def _numbers(node: Node, scope: Scope) -> Floats:
    """Numbers of an expression: one for each row, or a single one for a constant."""
    if isinstance(node, Number):
        return np.asarray(node.value)
    value = numbers(_operand(node, scope))
    if value is None:
        raise DataError(
            f"{scope.table.source}: {shown(spelled(node))} holds levels or several columns, "
            "where the formula needs numbers"
        )
    return value


def _operand(node: Node, scope: Scope) -> Value:
    """An expression, or a constant that is part of one and too cheap to be kept."""
    if isinstance(node, Unary | Binary) and not _has_column(node):
        with np.errstate(all="ignore"):
            return _value(node, scope)
    return evaluate(node, scope)


def _has_column(node: Node) -> bool:
    """Whether an expression depends on the data."""
    match node:
        case Unary(_, operand):
            return _has_column(operand)
        case Binary(_, left, right):
            return _has_column(left) or _has_column(right)
    return isinstance(node, Column | Call)


def _binary(op: str, left: Node, right: Node, scope: Scope) -> Value:
    """Value of an operation; a comparison gives a factor of truth values."""
    if op in COMPARISONS:
        for level, other in ((left, right), (right, left)):
            value = None if isinstance(other, Text | Number | Flag) else _operand(other, scope)
            if isinstance(level, Text | Flag) or (
                isinstance(level, Number) and isinstance(value, Factor) and value.levels != LOGICAL
            ):
                return _is_level(op, level, other, value, scope)
        a, b = _numbers(left, scope), _numbers(right, scope)
        return _logical(_OPERATORS[op](a, b), np.isnan(a) | np.isnan(b))
    out: Floats = _OPERATORS[op](_numbers(left, scope), _numbers(right, scope))
    return out


def _is_level(
    op: str, level: Text | Number | Flag, other: Node, value: Value | None, scope: Scope
) -> Factor:
    """Comparison of a factor with one of its levels."""
    if not isinstance(value, Factor) or op not in ("==", "!="):
        raise DataError(
            f"{scope.table.source}: {shown(spelled(other))} can be compared with "
            f"{spelled(level)} only by == or !=, and only if it holds levels"
        )
    wanted = label(level.value)
    if wanted not in value.labels and scope.training:
        known = ", ".join(value.labels[:10])
        raise DataError(
            f"{scope.table.source}: {shown(spelled(other))} has no level {wanted!r}: {known}"
        )
    equal = value.codes == (value.labels.index(wanted) if wanted in value.labels else -2)
    return _logical(equal if op == "==" else ~equal, value.codes < 0)


def _logical(true: Any, absent: Any) -> Factor:
    codes: Ints = np.where(absent, -1, true).astype(np.int64)
    return Factor(codes, LOGICAL)


def _call(call: Call, scope: Scope) -> Value:
    """Value of a call; a function that learns keeps what it has learnt in the scope."""
    arguments = bind(call)
    if call.function == "I":
        return _operand(arguments["x"], scope)
    if call.function in TO_LEVELS:
        return _factor(call, arguments, scope)
    if call.function in ("as.character", "as.numeric"):
        return _converted(call, evaluate(arguments["x"], scope), scope.table)
    if call.function in FUNCTIONS:
        return _contextual(call, scope)
    options = {name: _constant(node) for name, node in arguments.items() if name != "x"}
    x = _numbers(arguments["x"], scope)
    text = spelled(call)
    if not scope.training and text not in scope.state:
        raise FormulaError(f"{shown(text)} was not part of the model")
    known = None if scope.training else scope.state[text]
    try:
        compute = basis if call.function in BASES else centred
        value, scope.state[text] = compute(call.function, _checked(x, call, scope), options, known)
    except (ValueError, ArithmeticError, KeyError, np.linalg.LinAlgError) as error:
        raise DataError(f"{scope.table.source}: {shown(text)}: {_line(error)}") from error
    return value


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _constant(node: Node) -> Any:
    """Value of an argument that must be a constant."""
    match node:
        case Number(value):
            return int(value) if value.is_integer() else value
        case Unary(sign, Number(value)):
            return -value if sign == "-" else value
        case Flag(value) | Text(value) | Numbers(value):
            return value
    raise FormulaError(f"{shown(spelled(node))} is not a constant")


def _checked(x: Floats, call: Call, scope: Scope) -> Floats:
    """Refuse log(0) and log(−1), which are not missing values and would enter a mean, or not."""
    bad = ~np.isfinite(x)
    if bad.any():
        node = bind(call)["x"]
        for column in columns(node):
            bad &= ~missing(scope.table.value(column))
        if bad.any():
            location = scope.table.where(int(np.argmax(bad)))
            raise DataError(f"{location}: {shown(spelled(node))} has no finite value there")
    return x


def _factor(call: Call, arguments: dict[str, Node], scope: Scope) -> Factor:
    """Levels of a variable; a number has them in order of size."""
    value = evaluate(arguments["x"], scope)
    if isinstance(value, Matrix):
        raise FormulaError(f"{shown(spelled(call))}: several columns cannot be a factor")
    value = _with_levels(value)
    if "ref" not in arguments:
        return value
    coding = _coding(arguments["ref"])
    if scope.training and coding.reference not in (None, *value.labels):
        levels = ", ".join(value.labels[:10])
        raise DataError(
            f"{scope.table.source}: {shown(spelled(call))}: no level {coding.reference!r} among "
            f"{levels}"
        )
    return replace(value, coding=coding)


def _with_levels(value: Floats | Factor) -> Factor:
    """Factor of the values, in rising order."""
    if isinstance(value, Factor):
        return value
    known, codes = np.unique(value, return_inverse=True)
    levels = tuple(known[~np.isnan(known)].tolist())
    return Factor(np.where(np.isnan(value), -1, codes).astype(np.int64), levels)


def _converted(call: Call, value: Value, table: Table) -> Value:
    """as.character: numbers and levels as text. as.numeric: truth values, and numbers in text."""
    if isinstance(value, Matrix):
        raise FormulaError(f"{shown(spelled(call))}: several columns cannot be converted")
    if call.function == "as.character":
        value = _with_levels(value)
        levels = sorted(set(value.labels))
        index = {text: i for i, text in enumerate(levels)}
        rank = np.array([*(index[text] for text in value.labels), -1], dtype=np.int64)
        return Factor(rank[value.codes], tuple(levels), text=True)
    if not isinstance(value, Factor):
        return value
    inner = bind(call)["x"]
    made = isinstance(inner, Call) and inner.function in TO_LEVELS
    if not made and all(type(level) is bool for level in value.levels):
        return cast(Floats, numbers(value))
    if made or not value.text:
        raise DataError(
            f"{table.source}: {shown(spelled(call))}: of categories R would take the positions 1, "
            f"2, …; write as.numeric(as.character({spelled(inner, nested=True)})) for the numbers "
            "that they name"
        )
    parsed = np.array([*map(_number_in, value.labels), np.nan])
    wrong = (value.codes >= 0) & np.isnan(parsed[value.codes])
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"{table.where(row)}: {shown(spelled(call))}: {value.levels[value.codes[row]]!r} is no "
            "number; correct it or set it to missing"
        )
    out: Floats = parsed[value.codes]
    return out


def _number_in(text: str) -> float:
    """Number that a text is, as Python and R write it; NaN if it is none."""
    try:
        number = float(text) if text.isascii() and "_" not in text else np.nan
    except ValueError:
        return np.nan
    return number if np.isfinite(number) else np.nan


def _coding(node: Node) -> Coding:
    """Read the coding of a factor; a level alone is the reference of treatment coding."""
    if isinstance(node, Coded):
        reference = node.reference
        return Coding(node.coding, None if reference is None else label(_constant(reference)))
    return Coding(reference=label(_constant(node)))


def _contextual(call: Call, scope: Scope) -> Value:
    """cvar: the mean of x in the cluster of each row; dvar: x less that mean."""
    text, table, deviation = spelled(call), scope.table, call.function == "dvar"
    arguments = bind(call)
    x, grouping = arguments["x"], tuple(columns(arguments["cluster"]))

    def columns_of_x(known: Means | None) -> Parts:
        """Columns of x, checked for finite values."""
        values = parts(evaluate(x, scope), known, text, table.source)
        return values._replace(columns=[_checked(c, call, scope) for c in values.columns])

    if scope.training:
        own, (codes, labels) = columns_of_x(None), table.group(grouping)
        scope.state[text] = means = learn(own, codes, labels)
        context = of_rows(means, codes)
        return means.shape(within(own, means, context) if deviation else means.origin + context)
    means = cast(Means, scope.state[text])
    supplied = given(text, means, table)
    if np.isnan(supplied).any():
        context = of_new_rows(call, means, table)
        known = within(columns_of_x(means), means, context) if deviation else means.origin + context
        supplied = np.where(np.isnan(supplied), known, supplied)
    return means.shape(supplied)
