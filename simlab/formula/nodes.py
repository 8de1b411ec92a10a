"""What an expression of a formula consists of, and how it is written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from simlab.text.plain import one_line

NAME = r"[^\W\d][\w.]*"
"""Pattern of a name that needs no back-ticks; as in R it may have dots."""

TILDES, DASHES = "\u223c\u02dc\uff5e", "\u2013\u2014\u2212"
"""Signs that look like ~ and -, and which word processors put in their place."""

MAX_NAME = 1_000
"""Characters that it may have."""

FLAGS = {"True": True, "False": False, "TRUE": True, "FALSE": False}
"""Python's and R's words for the truth values."""

IN_EXPRESSIONS = frozenset(
    "None and async await else for if in is lambda not or yield".split()  # noqa: SIM905
)
"""Words of Python's expressions; its other keywords may be names of columns."""


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
    """A string, as an argument or next to == or !=."""

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


@dataclass(frozen=True, slots=True)
class Crossing:
    """Combinations of columns, ``a:b``, as a grouping variable."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Numbers:
    """A list of numbers, ``c(1, 2)``."""

    values: tuple[float, ...]


Node = Number | Flag | Text | Column | Unary | Binary | Call | Coded | Crossing | Numbers

COMPARISONS = frozenset(("<", "<=", ">", ">=", "==", "!="))
_TIGHT = {"**": 5, "/": 4, "//": 4, "%": 4, "*": 4, "+": 3, "-": 3}


def columns(node: Node) -> Iterator[str]:
    """Names of the columns in an expression, as they appear, with repeats."""
    match node:
        case Column(name):
            yield name
        case Crossing(names):
            yield from names
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
            return _number(value)
        case Numbers(values):
            return f"c({', '.join(map(_number, values))})"
        case Flag(value) | Text(value):
            return repr(value)
        case Column(name):
            return quoted(name, nested)
        case Crossing(names):
            return ":".join(quoted(name, True) for name in names)
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

    Inside of a call (`nested`) Python reads the names that have no dot.
    """
    plain = is_plain(name)
    if nested and "." not in name:
        plain &= name.isidentifier() and same_name(name) == name
        plain &= name not in IN_EXPRESSIONS and name not in FLAGS
    return name if plain else f"`{name}`"


def is_plain(name: str) -> bool:
    """Whether a name needs no back-ticks; what looks like one of Python's attributes does."""
    return re.fullmatch(NAME, name) is not None and ".__" not in name and len(name) <= MAX_NAME


def same_name(name: str) -> str:
    """The form in which Python reads an identifier (NFKC): µ and μ are one name inside a call."""
    return unicodedata.normalize("NFKC", name)


def shown(text: str, limit: int = 60) -> str:
    """A piece of a formula for a message: on one line, in quotes and not too long."""
    line = one_line(" ".join(text.split()))
    return f"'{line if len(line) <= limit else line[: limit - 1] + '…'}'"


def listed(names: Iterable[str], limit: int = 5) -> str:
    """The first names of a list, and how many more there are."""
    every = list(names)
    more = f", … and {len(every) - limit} more" if len(every) > limit else ""
    return ", ".join(every[:limit]) + more


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def _spelled_binary(operator: str, left: Node, right: Node) -> str:
    """Text of an operation, with parentheses where they are needed."""
    strength = _TIGHT.get(operator, 2)

    def side(node: Node, on_right: bool) -> str:
        """Text of an operand, in parentheses if it binds less."""
        inner = 6
        if isinstance(node, Binary):
            inner = _TIGHT.get(node.operator, 2)
        elif isinstance(node, Unary) or (isinstance(node, Number) and node.value < 0):
            inner = 4 if operator != "**" else 1
        weak = inner < strength or (inner == strength and on_right != (operator == "**"))
        return f"({spelled(node, True)})" if weak else spelled(node, True)

    gap = "" if operator in ("**", "/") else " "
    return f"{side(left, False)}{gap}{operator}{gap}{side(right, True)}"
