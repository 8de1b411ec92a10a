"""Data for the commands, which know what its columns are for: labels, levels or numbers."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from simlab.cli.console import warnings_on_stderr
from simlab.data.checks import literal
from simlab.data.reading import Role, table
from simlab.errors import FormulaError, UsageError
from simlab.formula.functions import bind
from simlab.formula.nodes import (
    Binary,
    Call,
    Column,
    Crossing,
    Node,
    Unary,
    columns,
    same_name,
)
from simlab.formula.tokens import tokenize

FACTORS = ("factor", "C", "as.factor")
CLUSTERED = ("cvar", "dvar")


def by_roles(source: str, *labels: str | None) -> pd.DataFrame:
    """Read data of which some columns, those that are not None, name clusters or groups."""
    with warnings_on_stderr():
        return table(source, lambda name: "label" if name in labels else "number")


def by_formulas(source: str, *formulas: str | None) -> pd.DataFrame:
    """Read data for formulas: what stands behind a bar is a label, in `factor` a level.

    A column that is also computed with is numbers. A formula that cannot be read says nothing here;
    who uses it will say what is wrong.
    """
    if "~" in source and "~" not in str(formulas[0]):
        raise UsageError(f"{literal(source)} is a formula; write the data first, then the formula")
    uses: dict[str, set[Role]] = {}
    for name, role in _uses(formula for formula in formulas if formula is not None):
        uses.setdefault(same_name(name), set()).add(role)

    def role_of(name: str) -> Role:
        """Role of the column of a name: number, label, factor or both."""
        roles = uses.get(same_name(name), {"number"})
        if "number" in roles:
            return "number" if len(roles) == 1 else "both"
        return "label" if "label" in roles else "factor"

    with warnings_on_stderr():
        return table(source, role_of)


def _uses(formulas: Iterable[str]) -> Iterable[tuple[str, Role]]:
    """Columns of formulas, and what each is there for."""
    for formula in formulas:
        try:
            tokens = tokenize(formula)
        except FormulaError:
            continue
        grouping = False
        for token in tokens:
            grouping = token.text in ("|", "||") or (grouping and token.text != ")")
            if token.node is not None and grouping:
                yield from ((name, "label") for name in columns(token.node))
            elif token.node is not None:
                yield from _parts(token.node)


def _parts(node: Node, role: Role = "number") -> Iterable[tuple[str, Role]]:
    """Columns that a formula names, each with the role that it has there."""
    match node:
        case Column(name):
            yield name, role
        case Crossing(names):
            yield from ((name, role) for name in names)
        case Unary(_, operand):
            yield from _parts(operand)
        case Binary(_, left, right):
            yield from _parts(left)
            yield from _parts(right)
        case Call(function, _):
            for parameter, argument in bind(node).items():
                if function in CLUSTERED and parameter == "cluster":
                    yield from _parts(argument, "label")
                else:
                    yield from _parts(argument, "factor" if function in FACTORS else "number")
