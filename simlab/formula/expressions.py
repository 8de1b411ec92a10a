"""Expressions such as ``log(x)`` or ``cvar(ses, school)``: a small language, not Python.

A formula may come from a file that nobody here wrote, so nothing of it is ever evaluated as code.
Python's own `ast` only reads the text; what is found is copied, piece by piece, to the nodes below,
and `evaluate` knows these nodes and no others. What has no node cannot be said: attributes,
subscripts, lambdas, comprehensions, f-strings, names that are not columns.
"""

from __future__ import annotations

import ast
import keyword
import math
import re
import warnings
from collections.abc import Mapping
from itertools import zip_longest
from types import MappingProxyType

from simlab.errors import FormulaError
from simlab.formula.contrasts import CODINGS, TREATMENT
from simlab.formula.functions import ALLOWED, MATHS, PARAMETERS, checked
from simlab.formula.nodes import (
    DASHES,
    FLAGS,
    IN_EXPRESSIONS,
    NAME,
    Binary,
    Call,
    Coded,
    Column,
    Crossing,
    Flag,
    Node,
    Number,
    Numbers,
    Text,
    Unary,
    is_plain,
    shown,
    spelled,
)

MAX_DEPTH = 50
"""Levels of nesting that an expression, or the parentheses of a formula, may have."""

MAX_POWER = 100
"""Largest absolute value of a power."""


_ARITHMETIC: Mapping[type[ast.operator], str] = MappingProxyType(
    {
        ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//",
        ast.Mod: "%", ast.Pow: "**",
    }
)  # fmt: skip
_COMPARISON: Mapping[type[ast.cmpop], str] = MappingProxyType(
    {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
)
_COLUMN = rf"(?:{NAME}|`[^`]*`)"
_PIECE = re.compile(
    rf"""
      (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
    | (?P<crossing>{_COLUMN}(?:\s*:\s*{_COLUMN})+)
    | `(?P<odd>[^`]*)`
    | (?P<number>\d[\w.]*)
    | (?P<name>{NAME})(?P<after>\s*\(|\s*=(?!=))?
    | (?P<power>\^)
    | (?P<space>\s+)
    """,
    re.VERBOSE | re.DOTALL,
)

Aliases = dict[str, str | tuple[str, ...]]
"""Identifier that stands for a name in what Python reads → the name, or the names of a crossing."""


def read(text: str) -> Node:
    """Read one expression.

    Parameters
    ----------
    text
        As in a formula: names of columns, also with dots, other odd ones in back-ticks; ``^`` is a
        power and ``TRUE`` is True, as in R.

    Returns
    -------
    Node
        A tree of what is allowed.

    Raises
    ------
    FormulaError
        If the text cannot be read, or has anything else in it; names the piece.
    """
    aliases: Aliases = {}
    source = _PIECE.sub(lambda piece: _as_python(piece, aliases), text).strip()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes in strings, and the like
            tree = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        message = f"{shown(text)} cannot be read: check its parentheses, operators and quotes"
        dash = next((sign for sign in DASHES if sign in source), "")
        hint = f"; {shown(dash)} is a dash, write - instead" if dash else ""
        raise FormulaError(message + hint) from None
    return _node(tree, aliases, MAX_DEPTH)


def column(name: str) -> Column:
    """Name a column without back-ticks.

    Raises
    ------
    FormulaError
        If it is too long, or a part after a dot begins with __, as in no data and many an attack.
    """
    if not is_plain(name):
        raise FormulaError(f"{shown(name)} is not allowed; allowed are {ALLOWED}")
    return Column(name)


def _as_python(piece: re.Match[str], aliases: Aliases) -> str:
    """Write a piece so that Python can read it: names that are no identifiers have an alias."""

    def alias(name: str | tuple[str, ...]) -> str:
        """Name that Python's parser reads in place of one with odd characters."""
        short = f"alias_{len(aliases)}"
        while short in piece.string:
            short += "_"
        aliases[short] = name
        return f" {short} "

    match piece.lastgroup:
        case "odd":
            return alias(piece["odd"])
        case "crossing":
            names = [name.strip() for name in re.findall(_COLUMN, piece["crossing"])]
            if not IN_EXPRESSIONS.intersection(names):
                return alias(tuple(name.strip("`") for name in names))
        case "name" | "after":
            name, after = piece["name"], piece["after"] or ""
            if not after and name in FLAGS:
                return str(FLAGS[name])
            if "." in name or (keyword.iskeyword(name) and name not in IN_EXPRESSIONS):
                return alias(name if after else column(name).name) + after
        case "power":
            return "**"
        case "space":
            return " "
    return piece[0]


def _node(tree: ast.expr, aliases: Aliases, depth: int) -> Node:
    """Copy what is allowed; refuse the rest."""
    if depth == 0:
        raise FormulaError(
            f"an expression is nested more than {MAX_DEPTH} levels deep; simplify it"
        )
    match tree:
        case ast.Constant(value=bool(value)):
            return Flag(value)
        case ast.Constant(value=int(value) | float(value)):
            return _number(value)
        case ast.Constant(value=str(value)):
            return Text(value)
        case ast.Name(id=name):
            meant = aliases.get(name, name)
            if isinstance(meant, str):
                return Column(meant)
        case ast.UnaryOp(op=ast.UAdd() | ast.USub(), operand=operand):
            return Unary(
                "-" if isinstance(tree.op, ast.USub) else "+", _node(operand, aliases, depth - 1)
            )
        case ast.BinOp(op=op, left=left, right=right) if type(op) in _ARITHMETIC:
            operator = _ARITHMETIC[type(op)]
            a, b = _node(left, aliases, depth - 1), _node(right, aliases, depth - 1)
            if operator == "**":
                _check_power(a, b)
            return _not_text(Binary(operator, a, b))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISON:
            operator = _COMPARISON[type(op)]
            a, b = _node(left, aliases, depth - 1), _node(right, aliases, depth - 1)
            node = Binary(operator, a, b)
            return node if operator in ("==", "!=") else _not_text(node)
        case ast.Call(func=func, args=args, keywords=keywords):
            function = _function(func, aliases)
            kinds = PARAMETERS[function]
            places = zip_longest(args, list(kinds.values())[: len(args)])
            unnamed = [("", _argument(a, kind, aliases, depth - 1)) for a, kind in places]
            words = [_original(k.arg or "**", aliases) for k in keywords]
            named = [
                (word, _argument(k.value, kinds.get(word), aliases, depth - 1))
                for word, k in zip(words, keywords, strict=True)
            ]
            return checked(Call(function, (*unnamed, *named)))
    hint = "; in a function, combinations of columns are a cluster, as in cvar(x, a:b)"
    crossing = isinstance(tree, ast.Name)
    raise FormulaError(
        f"{shown(_unparsed(tree, aliases))} is not allowed here{hint if crossing else ''}; "
        f"allowed are {ALLOWED}"
    )


def _unparsed(tree: ast.expr, aliases: Aliases) -> str:
    """Text of a part of an expression, as the user wrote it."""
    try:
        return _original(ast.unparse(tree), aliases)
    except (ValueError, RecursionError):
        return type(tree).__name__


def _original(text: str, aliases: Aliases) -> str:
    """Put the names back in the places of their aliases."""

    def name(match: re.Match[str]) -> str:
        """Name that an alias stands for."""
        meant = aliases.get(match[0], match[0])
        return meant if isinstance(meant, str) else ":".join(meant)

    return re.sub(r"\balias_\d+_*\b", name, text)


def _number(value: float) -> Number:
    """Number as a node; a FormulaError if it is too large."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise FormulaError("a number in the formula is too large")
    return Number(number)


def _check_power(base: Node, power: Node) -> None:
    """Refuse powers that are no plain numbers."""
    size = power.operand if isinstance(power, Unary) else power
    if not isinstance(size, Number) or size.value > MAX_POWER:
        text = shown(spelled(Binary("**", base, power)))
        raise FormulaError(
            f"{text}: a power must be a plain number between {-MAX_POWER} and {MAX_POWER}"
        )


def _not_text(node: Binary) -> Binary:
    """Operation whose operands are no texts."""
    for side in (node.left, node.right):
        if isinstance(side, Text):
            raise FormulaError(
                f"{shown(spelled(node))}: text may only be compared, with == or !=, "
                "or be an argument of a function"
            )
    return node


def _function(func: ast.expr, aliases: Aliases) -> str:
    """Name of a function that a formula may call."""
    name = _unparsed(func, aliases)
    plain = name.removeprefix("np.") if name.removeprefix("np.") in MATHS else name
    if plain in PARAMETERS and isinstance(func, ast.Name):
        return plain
    if isinstance(func, ast.Name) and "." not in name:
        raise FormulaError(
            f"{shown(name)} is not a function that a formula may call (to multiply, write * or "
            f":); allowed are {ALLOWED}"
        )
    raise FormulaError(f"{shown(name)} is not allowed in a formula; allowed are {ALLOWED}")


def _argument(tree: ast.expr, kind: str | None, aliases: Aliases, depth: int) -> Node:
    """Copy an argument; where a coding may stand, ``Sum`` and ``Treatment('a')`` are codings."""
    match tree:
        case ast.Name(id=name) if isinstance(names := aliases.get(name), tuple):
            return Crossing(names)
        case ast.Call(func=ast.Name(id="c"), args=args, keywords=[]):
            return Numbers(tuple(_plain_number(a, aliases, depth - 1) for a in args))
        case ast.Name(id=name) if kind == "coding" and name in CODINGS:
            return Coded(name)
        case ast.Call(func=ast.Name(id=name)) if kind == "coding" and name in CODINGS:
            given = [*tree.args, *(k.value for k in tree.keywords)]
            words = {k.arg for k in tree.keywords} <= {"ref", "reference", "base"}
            level = _node(given[0], aliases, depth - 1) if len(given) == 1 and words else None
            if not given:
                return Coded(name)
            if name == TREATMENT and isinstance(level, Text | Number | Flag):
                return Coded(name, level)
            piece = shown(_unparsed(tree, aliases))
            raise FormulaError(
                f"{piece}: write C(f, {name}), without an argument"
                if name != TREATMENT
                else f"{piece}: write C(f, {name}('a')) with the reference level, text in quotes "
                "or a number"
            )
    return _node(tree, aliases, depth)


def _plain_number(tree: ast.expr, aliases: Aliases, depth: int) -> float:
    """Number among the arguments of c(...)."""
    match _node(tree, aliases, depth):
        case Number(value) | Unary("+", Number(value)):
            return value
        case Unary("-", Number(value)):
            return -value
    raise FormulaError(f"{shown(_unparsed(tree, aliases))}: in c(...) stand numbers")
