"""Wilkinson and Rogers' algebra (1973, Applied Statistics 22:392): from a sum to its terms.

formulaic does the algebra. It is given placeholders for the factors, so it neither reads nor
evaluates anything that the user wrote but operators, and its work is bounded beforehand.
"""

from __future__ import annotations

from typing import Any

from formulaic.parser import DefaultFormulaParser

from simlab.errors import FormulaError
from simlab.formula.nodes import Node, columns, shown
from simlab.formula.tokens import Token, tokenize, written

MAX_TERMS = 20_000
"""Terms that a formula may expand to, before equal ones are merged."""

Term = tuple[str, ...]
"""Texts of the factors of a term, in the order of their first appearance; () is the intercept."""


def expand(text: str) -> tuple[tuple[Term, ...], dict[str, Node]]:
    """Expand one side of a formula, as R's `terms`.

    Parameters
    ----------
    text
        For example ``"ses * sector"``. The intercept is implied; ``0 +`` or ``- 1`` removes it.

    Returns
    -------
    terms : tuple of Term
        The intercept first, then by degree, then in order of appearance.
    factors : dict
        Text of every factor → its meaning, in order of appearance.

    Raises
    ------
    FormulaError
        If the sum has numbers other than 0 and 1, or expands to too many terms.
    """
    tokens = tokenize(text)
    factors: dict[str, Node] = {}
    for token in tokens:
        if token.node is not None:
            factors.setdefault(token.text, token.node)
    place = {factor: i for i, factor in enumerate(factors)}
    _check_numbers(tokens)
    pieces = [f"v{place[t.text]}" if t.node is not None else t.text for t in tokens]
    parser = DefaultFormulaParser(feature_flags=DefaultFormulaParser.FeatureFlags.NONE)
    try:
        tree = parser.get_ast(" ".join(pieces))
        if _bound(tree) > MAX_TERMS:
            message = f"{shown(text)} expands to more than {MAX_TERMS} terms; write fewer crossings"
            raise FormulaError(message)
        structured: Any = parser.get_terms_from_ast(tree, context={})
        found = [tuple(str(f.expr) for f in term.factors) for term in structured.root]
    except FormulaError:
        raise
    except Exception as error:
        raise FormulaError(f"{shown(text)} cannot be read as a sum of terms") from error
    names = list(factors)
    terms = []
    for term in found:
        if "1" in term and len(term) > 1:
            raise FormulaError(f"{shown(text)}: a number cannot be multiplied; use I(2 * x)")
        terms.append(tuple(names[i] for i in sorted(int(f[1:]) for f in term if f != "1")))
    return tuple(sorted(dict.fromkeys(terms), key=len)), {
        name: node for name, node in factors.items() if any(name in term for term in terms)
    }


def used(nodes: dict[str, Node]) -> list[str]:
    """Columns of some factors, in order of appearance."""
    return list(dict.fromkeys(name for node in nodes.values() for name in columns(node)))


def _check_numbers(tokens: list[Token]) -> None:
    """A number is 0 or 1 in a sum, or the power of a sum."""
    before, depth = "", 0
    for i, token in enumerate(tokens):
        depth += (token.text == "(") - (token.text == ")")
        after = tokens[i + 1].text if i + 1 < len(tokens) else ""
        if before == "**" and (
            not token.text.isdigit() or not 1 <= int(token.text) <= 10 or after == "**"
        ):
            raise FormulaError(
                f"{shown(written(tokens))}: a sum may be raised to a whole power from 1 to 10; "
                "for the power of a variable write I(x**2)"
            )
        if before != "**" and token.node is None and token.text.isdigit():
            alone = not {before, after} & {"*", ":", "/", "**"}
            if token.text not in ("0", "1") or not alone or depth:
                raise FormulaError(
                    f"{shown(written(tokens))}: a number may only be 1 or 0, for the intercept or "
                    "its absence, and outside of parentheses; for arithmetic write I(2 * x)"
                )
        before = token.text


def _bound(tree: Any) -> int:
    """Upper bound of the number of products that expanding a tree of formulaic forms."""
    sizes: dict[int, int] = {}
    todo = [tree]
    while todo:
        node = todo[-1]
        arguments = list(getattr(node, "args", ()))
        pending = [a for a in arguments if id(a) not in sizes]
        if pending:
            todo += pending
            continue
        todo.pop()
        size = [sizes[id(a)] for a in arguments]
        symbol = node.operator.symbol if arguments else ""
        if symbol == "**":
            total = size[0] ** int(str(arguments[1]))
        elif symbol == ":":
            total = size[0] * size[1]
        elif symbol == "*":
            total = size[0] + size[1] + size[0] * size[1]
        else:
            total = sum(size) if arguments else 1
        sizes[id(node)] = min(total, MAX_TERMS + 1)
    return sizes[id(tree)]
