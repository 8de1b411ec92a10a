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
import unicodedata
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from types import MappingProxyType

from simlab.formula.contrasts import CODINGS, TREATMENT
from simlab.formula.errors import FormulaError

MAX_DEPTH = 50
"""Levels of nesting that an expression, or the parentheses of a formula, may have."""

MAX_POWER = 100
"""Largest absolute value of a power."""

MATHS = (
    "log", "log2", "log10", "log1p", "exp", "expm1", "sqrt", "abs", "sin", "cos",
)  # fmt: skip
"""Functions of one number, also as ``np.log`` and so on."""

_KNOTS = {"df": "count", "lower_bound": "number", "upper_bound": "number", "extrapolation": "text"}
PARAMETERS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        **{name: {"x": "data"} for name in (*MATHS, "I", "center")},
        **{name: {"x": "data", "ref": "coding"} for name in ("C", "factor")},
        "scale": {"x": "data", "center": "flag", "scale": "flag", "ddof": "count"},
        "standardize": {"x": "data", "center": "flag", "rescale": "flag", "ddof": "count"},
        "poly": {"x": "data", "degree": "count", "raw": "flag"},
        "bs": {
            "x": "data",
            "df": "count",
            "degree": "count",
            "include_intercept": "flag",
            **_KNOTS,
        },
        **{name: {"x": "data", **_KNOTS, "constraints": "text"} for name in ("cr", "cc")},
        **{name: {"x": "data", "cluster": "column"} for name in ("cvar", "dvar")},
    }
)
"""Function → parameter → kind of argument, in order."""

ALLOWED = (
    "columns (odd names in back-ticks), numbers, + - * / // % **, comparisons, and the functions "
    + ", ".join(PARAMETERS)
    + ", np.log and the like"
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number."""

    value: float


@dataclass(frozen=True, slots=True)
class Flag:
    """True or False."""

    value: bool


@dataclass(frozen=True, slots=True)
class Text:
    """A string, as an argument or beside == or !=."""

    value: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the data."""

    name: str


@dataclass(frozen=True, slots=True)
class Unary:
    """+a or -a."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic or a comparison."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Call:
    """A function of `PARAMETERS`, with its arguments in the order of writing, ("", …) unnamed."""

    function: str
    arguments: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Coded:
    """A coding of `contrasts.CODINGS`, with the reference level of treatment coding."""

    coding: str
    reference: Number | Flag | Text | None = None


Node = Number | Flag | Text | Column | Unary | Binary | Call | Coded

_ARITHMETIC: Mapping[type[ast.operator], str] = MappingProxyType(
    {
        ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//",
        ast.Mod: "%", ast.Pow: "**",
    }
)  # fmt: skip
_COMPARISON: Mapping[type[ast.cmpop], str] = MappingProxyType(
    {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
)
COMPARISONS = frozenset(_COMPARISON.values())
_TIGHT = {"**": 5, "/": 4, "//": 4, "%": 4, "*": 4, "+": 3, "-": 3}
_QUOTED = re.compile(r"""`([^`]*)`|("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(\^)|(\s+)""", re.DOTALL)
_PLAIN = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


def read(text: str) -> Node:
    """Read one expression.

    Parameters
    ----------
    text
        As in a formula: names of columns, those that are no identifiers in back-ticks; ``^`` is a
        power, as in R.

    Returns
    -------
    Node
        A tree of what is allowed.

    Raises
    ------
    FormulaError
        If the text cannot be read, or has anything else in it; names the piece.
    """
    odd: dict[str, str] = {}

    def plain(match: re.Match[str]) -> str:
        name, string, power, _ = match.groups()
        if name is not None:
            alias = f"backticked_{len(odd)}"
            while alias in text:
                alias += "_"
            odd[alias] = name
            return f" {alias} "
        return string or ("**" if power else " ")

    source = _QUOTED.sub(plain, text).strip()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes in strings, and the like
            tree = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        message = f"{shown(text)} cannot be read: check its parentheses, operators and quotes"
        raise FormulaError(message) from None
    return _node(tree, odd, MAX_DEPTH)


def columns(node: Node) -> Iterator[str]:
    """Names of the columns in an expression, as they appear, with repeats."""
    match node:
        case Column(name):
            yield name
        case Unary(_, operand):
            yield from columns(operand)
        case Binary(_, left, right):
            yield from columns(left)
            yield from columns(right)
        case Call(_, arguments):
            for _, argument in arguments:
                yield from columns(argument)


def spelled(node: Node, nested: bool = False) -> str:
    """Write an expression in one spelling, ``I(ses**2)``; `nested` in another expression."""
    match node:
        case Number(value):
            return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
        case Flag(value) | Text(value):
            return repr(value)
        case Column(name):
            return quoted(name, nested)
        case Coded(coding, reference):
            return coding if reference is None else f"{coding}({spelled(reference)})"
        case Unary(operator, operand):
            inner = spelled(operand, True)
            tight = not isinstance(operand, Binary) or operand.operator == "**"
            return f"{operator}{inner}" if tight else f"{operator}({inner})"
        case Call(function, arguments):
            parts = [(f"{name}=" if name else "") + spelled(a, True) for name, a in arguments]
            return f"{function}({', '.join(parts)})"
        case Binary(operator, left, right):
            return _spelled_binary(operator, left, right)


def quoted(name: str, nested: bool = False) -> str:
    """Write the name of a column as a formula has it: in back-ticks if it is no plain name.

    Inside of a call (`nested`) a dot would be an attribute, and Python's keywords are no names.
    """
    if nested:
        plain = name.isidentifier() and not keyword.iskeyword(name) and same_name(name) == name
    else:
        plain = _PLAIN.fullmatch(name) is not None and ".__" not in name
    return name if plain else f"`{name}`"


def bind(call: Call) -> dict[str, Node]:
    """Arguments of a call by parameter, as checked when the call was read."""
    names = iter(PARAMETERS[call.function])
    return {name or next(names): argument for name, argument in call.arguments}


def shown(text: str, limit: int = 60) -> str:
    """A piece of a formula for a message: on one line, in quotes and not too long."""
    line = " ".join(text.split())
    line = "".join(c if c.isprintable() else "?" for c in line)
    return f"'{line if len(line) <= limit else line[: limit - 1] + '…'}'"


def listed(names: Iterable[str], limit: int = 5) -> str:
    """The first names of a list, and how many more there are."""
    every = list(names)
    more = f", … and {len(every) - limit} more" if len(every) > limit else ""
    return ", ".join(every[:limit]) + more


def _spelled_binary(operator: str, left: Node, right: Node) -> str:
    strength = _TIGHT.get(operator, 2)

    def side(node: Node, on_right: bool) -> str:
        inner = 6
        if isinstance(node, Binary):
            inner = _TIGHT.get(node.operator, 2)
        elif isinstance(node, Unary) or (isinstance(node, Number) and node.value < 0):
            inner = 4 if operator != "**" else 1
        weak = inner < strength or (inner == strength and on_right != (operator == "**"))
        return f"({spelled(node, True)})" if weak else spelled(node, True)

    gap = "" if operator in ("**", "/") else " "
    return f"{side(left, False)}{gap}{operator}{gap}{side(right, True)}"


def _node(tree: ast.expr, odd: Mapping[str, str], depth: int) -> Node:
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
            return Column(odd.get(name, name))
        case ast.UnaryOp(op=ast.UAdd() | ast.USub(), operand=operand):
            return Unary(
                "-" if isinstance(tree.op, ast.USub) else "+", _node(operand, odd, depth - 1)
            )
        case ast.BinOp(op=op, left=left, right=right) if type(op) in _ARITHMETIC:
            operator = _ARITHMETIC[type(op)]
            a, b = _node(left, odd, depth - 1), _node(right, odd, depth - 1)
            if operator == "**":
                _check_power(a, b)
            return _not_text(Binary(operator, a, b))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISON:
            operator = _COMPARISON[type(op)]
            a, b = _node(left, odd, depth - 1), _node(right, odd, depth - 1)
            node = Binary(operator, a, b)
            return node if operator in ("==", "!=") else _not_text(node)
        case ast.Call(func=func, args=args, keywords=keywords):
            function = _function(func)
            kinds = PARAMETERS[function]
            places = zip_longest(args, list(kinds.values())[: len(args)])
            unnamed = [("", _argument(a, kind, odd, depth - 1)) for a, kind in places]
            named = [
                (k.arg or "**", _argument(k.value, kinds.get(k.arg or ""), odd, depth - 1))
                for k in keywords
            ]
            return _checked(Call(function, (*unnamed, *named)))
    raise _refused(tree)


def _refused(tree: ast.expr) -> FormulaError:
    piece = _unparsed(tree)
    hint = ""
    if isinstance(tree, ast.Attribute) and _PLAIN.fullmatch(piece) and "__" not in piece:
        hint = f" (is it a column? write `{piece}` in back-ticks)"
    return FormulaError(f"{shown(piece)} is not allowed in a formula{hint}; allowed are {ALLOWED}")


def _unparsed(tree: ast.expr) -> str:
    try:
        return ast.unparse(tree)
    except (ValueError, RecursionError):
        return type(tree).__name__


def _number(value: float) -> Number:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise FormulaError("a number in the formula is too large")
    return Number(number)


def _check_power(base: Node, power: Node) -> None:
    size = power.operand if isinstance(power, Unary) else power
    if not isinstance(size, Number) or size.value > MAX_POWER:
        text = shown(spelled(Binary("**", base, power)))
        raise FormulaError(
            f"{text}: a power must be a plain number between {-MAX_POWER} and {MAX_POWER}"
        )


def _not_text(node: Binary) -> Binary:
    for side in (node.left, node.right):
        if isinstance(side, Text):
            raise FormulaError(
                f"{shown(spelled(node))}: text may only be compared, with == or !=, "
                "or be an argument of a function"
            )
    return node


def _function(func: ast.expr) -> str:
    match func:
        case ast.Name(id=name) if name in PARAMETERS:
            return name
        case ast.Attribute(value=ast.Name(id="np"), attr=name) if name in MATHS:
            return name
        case ast.Name(id=name):
            raise FormulaError(
                f"{shown(name)} is not a function that a formula may call (to multiply, write * or "
                f":); allowed are {ALLOWED}"
            )
    raise FormulaError(
        f"{shown(_unparsed(func))} is not allowed in a formula; allowed are {ALLOWED}"
    )


def _argument(tree: ast.expr, kind: str | None, odd: Mapping[str, str], depth: int) -> Node:
    """Copy an argument; where a coding may stand, ``Sum`` and ``Treatment('a')`` are codings."""
    match tree:
        case ast.Name(id=name) if kind == "coding" and name in CODINGS:
            return Coded(name)
        case ast.Call(func=ast.Name(id=name)) if kind == "coding" and name in CODINGS:
            given = [*tree.args, *(k.value for k in tree.keywords)]
            words = {k.arg for k in tree.keywords} <= {"ref", "reference", "base"}
            level = _node(given[0], odd, depth - 1) if len(given) == 1 and words else None
            if not given:
                return Coded(name)
            if name == TREATMENT and isinstance(level, Text | Number | Flag):
                return Coded(name, level)
            raise FormulaError(
                f"{shown(_unparsed(tree))}: write C(f, {name}), without an argument"
                if name != TREATMENT
                else f"{shown(_unparsed(tree))}: write C(f, {name}('a')) with the reference level, "
                "text in quotes or a number"
            )
    return _node(tree, odd, depth)


def _checked(call: Call) -> Call:
    """Check the arguments of a call against `PARAMETERS`."""
    parameters = PARAMETERS[call.function]
    text = shown(spelled(call))
    names = [name for name, _ in call.arguments if name]
    unnamed = len(call.arguments) - len(names)
    filled = [*list(parameters)[:unnamed], *names]
    if unnamed > len(parameters) or len(set(filled)) < len(filled) or set(filled) - set(parameters):
        signature = f"{call.function}({', '.join(parameters)})"
        raise FormulaError(f"{text}: the arguments of this function are {signature}")
    required = {name for name, kind in parameters.items() if kind in ("data", "column")}
    if absent := sorted(required - set(filled)):
        raise FormulaError(f"{text} lacks its argument {' and '.join(absent)}")
    for name, argument in bind(call).items():
        if not _is(parameters[name], argument):
            raise FormulaError(f"{text}: {name} must be {_KINDS[parameters[name]]}")
    return call


_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "data": "a column or an expression of columns",
        "column": "the name of a column",
        "flag": "True or False",
        "count": "a whole number from 0 to 50",
        "number": "a number",
        "text": "text in quotes",
        "coding": "one of the levels (text in quotes or a number), or " + ", ".join(CODINGS),
    }
)


def _is(kind: str, node: Node) -> bool:
    match kind, node:
        case ("data", Text() | Flag() | Number()) | ("column", Call() | Binary() | Unary()):
            return False
        case "data", _:
            return next(columns(node), None) is not None
        case ("column", Column()) | ("flag", Flag()) | ("text", Text()) | ("number", Number()):
            return True
        case "number", Unary(_, Number()):
            return True
        case "count", Number(value):
            return value == int(value) and 0 <= value <= 50
        case "coding", Text() | Number() | Flag() | Coded():
            return True
    return False


def same_name(name: str) -> str:
    """The form in which Python reads an identifier (NFKC): µ and μ are one name inside a call."""
    return unicodedata.normalize("NFKC", name)
