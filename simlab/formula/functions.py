"""What a formula may call, and with which arguments."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from simlab.errors import FormulaError
from simlab.formula.contrasts import CODINGS
from simlab.formula.nodes import (
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
    columns,
    shown,
    spelled,
)

MATHS = (
    "log", "log2", "log10", "log1p", "exp", "expm1", "sqrt", "abs", "sin", "cos",
)  # fmt: skip
"""Functions of one number, also as ``np.log`` and so on."""

TO_LEVELS = ("C", "factor", "as.factor")
"""Functions that make numbers the levels of a factor."""

_FROM = {"df": "count", "knots": "numbers"}
_ENDS = {"intercept": "flag", "Boundary.knots": "numbers"}
_PATSY = {"df": "count", "lower_bound": "number", "upper_bound": "number", "extrapolation": "text"}
PARAMETERS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        **{name: {"x": "data"} for name in (*MATHS, "I", "center")},
        **{name: {"x": "data", "ref": "coding"} for name in TO_LEVELS[:2]},
        **{name: {"x": "data"} for name in ("as.factor", "as.numeric", "as.character")},
        "scale": {"x": "data", "center": "flag", "scale": "flag", "ddof": "count"},
        "standardize": {"x": "data", "center": "flag", "rescale": "flag", "ddof": "count"},
        "poly": {"x": "data", "degree": "count", "raw": "flag"},
        "ns": {"x": "data", **_FROM, **_ENDS},
        "bs": {"x": "data", **_FROM, "degree": "count", **_ENDS, "extrapolation": "text"},
        **{name: {"x": "data", **_PATSY, "constraints": "text"} for name in ("cr", "cc")},
        **{name: {"x": "data", "cluster": "cluster"} for name in ("cvar", "dvar")},
    }
)
"""Function → parameter → kind of argument, in order."""

ALLOWED = (
    "columns (odd names in back-ticks), numbers, + - * / // % **, comparisons, and the functions "
    + ", ".join(PARAMETERS)
    + ", np.log and the like"
)


def bind(call: Call) -> dict[str, Node]:
    """Arguments of a call by parameter, as checked when the call was read."""
    names = iter(PARAMETERS[call.function])
    return {name or next(names): argument for name, argument in call.arguments}


def checked(call: Call) -> Call:
    """Check the arguments of a call against `PARAMETERS`."""
    parameters = PARAMETERS[call.function]
    text = shown(spelled(call))
    names = [name for name, _ in call.arguments if name]
    unnamed = len(call.arguments) - len(names)
    filled = [*list(parameters)[:unnamed], *names]
    if unnamed > len(parameters) or len(set(filled)) < len(filled) or set(filled) - set(parameters):
        signature = f"{call.function}({', '.join(parameters)})"
        raise FormulaError(f"{text}: the arguments of this function are {signature}")
    required = {name for name, kind in parameters.items() if kind in ("data", "cluster")}
    if absent := sorted(required - set(filled)):
        raise FormulaError(f"{text} lacks its argument {' and '.join(absent)}")
    for name, argument in bind(call).items():
        if not _is(parameters[name], argument):
            raise FormulaError(f"{text}: {name} must be {_KINDS[parameters[name]]}")
    return call


_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "data": "a column or an expression of columns",
        "cluster": "the name of a column, or names joined by ':'",
        "flag": "True or False",
        "count": "a whole number from 0 to 50",
        "number": "a number",
        "numbers": "a number or several, such as c(1, 2.5)",
        "text": "text in quotes",
        "coding": "one of the levels (text in quotes or a number), or " + ", ".join(CODINGS),
    }
)


def _is(kind: str, node: Node) -> bool:
    """Whether a node is an argument of some kind."""
    if kind == "data":
        return not isinstance(node, Crossing) and next(columns(node), None) is not None
    match kind, node:
        case ("cluster", Column() | Crossing()) | ("flag", Flag()) | ("text", Text()):
            return True
        case "number" | "numbers", Number() | Unary(_, Number()):
            return True
        case "numbers", Numbers(values):
            return len(values) > 0
        case "count", Number(value):
            return value == int(value) and 0 <= value <= 50
        case "coding", Text() | Number() | Flag() | Coded():
            return True
    return False
