"""A formula cut into operators, numbers and factors."""

from __future__ import annotations

import re
from typing import NamedTuple

from simlab.errors import FormulaError
from simlab.formula.expressions import MAX_DEPTH, column, read
from simlab.formula.functions import PARAMETERS
from simlab.formula.nodes import (
    DASHES,
    NAME,
    TILDES,
    Column,
    Node,
    columns,
    shown,
    spelled,
)

MAX_LENGTH = 10_000
"""Characters that a formula may have."""

MAX_FACTORS = 1_000
"""Names and calls that a formula may have."""

COVARIANCES = ("us", "diag")
"""Structures of the covariance of random effects that a formula may name, as in lme4 2."""


class Token(NamedTuple):
    """A piece of a formula.

    Attributes
    ----------
    text : str
        As it is to be written.
    node : Node or None
        What a factor means; None for an operator, a parenthesis, a number, or one of `COVARIANCES`
        before its parenthesis.
    """

    text: str
    node: Node | None = None

    @property
    def operand(self) -> bool:
        """Whether it is a factor or a number."""
        return self.node is not None or self.text.isdigit()

    @property
    def covariance(self) -> bool:
        """Whether it names a structure of covariance."""
        return self.node is None and self.text in COVARIANCES


_PIECE = re.compile(
    rf"""\s*(?:
        (?P<odd>`[^`]*`)
      | (?P<name>{NAME})
      | (?P<number>\d+(?![\w.]))
      | (?P<operator>\*\*|\|\||[\^~|+\-*/:()])
    )""",
    re.VERBOSE,
)
_BINARY = frozenset({"+", "-", "*", "/", ":", "**", "|", "||", "~"})
_SPACED = frozenset({"+", "-", "*", "|", "||", "~"})


def tokenize(formula: str) -> list[Token]:
    """Cut a formula, and check that operands and operators alternate.

    Raises
    ------
    FormulaError
        If the formula is empty, too long or not well formed, or a factor is not allowed.
    """
    if len(formula) > MAX_LENGTH:
        raise FormulaError(f"the formula has {len(formula)} characters; at most {MAX_LENGTH}")
    tokens: list[Token] = []
    text, at = formula.rstrip(), 0
    while at < len(text):
        token, at = _next(text, at)
        tokens.append(token)
    if not tokens:
        raise FormulaError("the formula is empty; write for example 'y ~ x + (1 | cluster)'")
    if sum(token.node is not None for token in tokens) > MAX_FACTORS:
        raise FormulaError(f"the formula has more than {MAX_FACTORS} names")
    _check_parentheses(tokens)
    _check_order(tokens)
    return tokens


def written(tokens: list[Token]) -> str:
    """Write tokens in one spelling: ``ses * sector``, ``a:b``, ``(a + b)**2``, ``-1 + x``."""
    out = ""
    operand = False
    for token in tokens:
        if token.text in _SPACED:
            out += f" {token.text} " if operand else token.text
        else:
            out += token.text
        operand = token.operand or token.text == ")"
    return out


def _next(text: str, at: int) -> tuple[Token, int]:
    """Token at a position, and the position after it."""
    piece = _PIECE.match(text, at)
    if piece is None:
        raise FormulaError(_not_allowed(text[:at], text[at:].lstrip()))
    end = piece.end()
    if piece["number"]:
        return Token(str(int(piece["number"][:9]))), end
    if piece["operator"]:
        return Token("**" if piece["operator"] == "^" else piece["operator"]), end
    if piece["odd"]:
        name = piece["odd"][1:-1]
        if not name.strip():
            raise FormulaError("an empty name in back-ticks; write the name of a column")
        return _factor(Column(name)), end
    name = piece["name"]
    opening = re.compile(r"\s*\(").match(text, end)
    if opening is None:
        return _factor(column(name)), end
    start, end = opening.end(), _call_end(text, opening.end())
    separators = _separators(text[start : end - 1]) if name not in PARAMETERS else set()
    if "|" in separators:
        if name in COVARIANCES and "," not in separators:
            return Token(name), start - 1
        raise FormulaError(
            f"{shown(text[piece.start() : end].lstrip())}: random effects are (x | g) or "
            "us(x | g), with any variances and covariances, or (x || g) or diag(x | g), with "
            "variances only; there is no other structure"
        )
    return _factor(read(text[piece.start() : end])), end


def _not_allowed(before: str, text: str) -> str:
    """Message about what begins with no piece of a formula: which sign to write, or what may be."""
    sign = text[0]
    if sign in TILDES or (sign in "=<" and "~" not in before):
        return f"write ~ between the response and the terms, not {shown(sign)}"
    if sign in DASHES:
        return f"{shown(sign)} is a dash; write - instead"
    return f"{shown(text, 30)} is not allowed here; {_CUES}"


_CUES = (
    "a formula has columns (odd names in back-ticks), functions of columns, + - * / : ** ( ) and "
    "random effects such as (1 + x | cluster); arithmetic goes into I(...)"
)


def _factor(node: Node) -> Token:
    if next(columns(node), None) is None:
        raise FormulaError(f"{shown(spelled(node))} has no column of the data in it; remove it")
    return Token(spelled(node), node)


def _call_end(text: str, at: int) -> int:
    """End of a call whose parenthesis opened before `at`, with whatever is attached to it."""
    stack, pairs = [")"], {"(": ")", "[": "]", "{": "}"}
    while at < len(text):
        char = text[at]
        at += 1
        if char in "\"'`":
            close = at
            while close < len(text) and text[close] != char:
                close += 1 + (text[close] == "\\" and char != "`")
            at = close + 1
        elif char in pairs:
            stack.append(pairs[char])
        elif char in ")]}":
            if stack.pop() != char:
                break
            # What follows a call without a gap belongs to it, and is refused with it
            while not stack and (more := re.compile(r"\s*(?:\.\s*\w+|[(\[])").match(text, at)):
                at = more.end()
                if text[at - 1] in pairs:
                    stack.append(pairs[text[at - 1]])
            if not stack:
                return at
    raise FormulaError("a parenthesis or a quote is not closed in the formula")


def _separators(text: str) -> set[str]:
    """Bars and commas of a text, outside of parentheses and quotes."""
    depth, result = 0, set()
    for piece in re.finditer(r"""`[^`]*`|"[^"]*"|'[^']*'|[()|,]""", text):
        depth += (piece[0] == "(") - (piece[0] == ")")
        if piece[0] in "|," and depth == 0:
            result.add(piece[0])
    return result


def _check_parentheses(tokens: list[Token]) -> None:
    """Refuse parentheses that do not match or are nested too deeply."""
    depth = 0
    for token in tokens:
        depth += (token.text == "(") - (token.text == ")")
        if depth < 0:
            raise FormulaError("a closing parenthesis too many in the formula")
        if depth > MAX_DEPTH:
            raise FormulaError(f"parentheses are nested more than {MAX_DEPTH} levels deep")
    if depth:
        raise FormulaError("a parenthesis is not closed in the formula")


def _check_order(tokens: list[Token]) -> None:
    """Operand, operator, operand …; a sign may stand where a sum begins or after + or -."""
    before = ""
    operand = False
    for token in tokens:
        text = token.text
        if token.operand or token.covariance or text == "(":
            if operand:
                raise FormulaError(
                    f"an operator is missing between {shown(before)} and {shown(text)}"
                )
            operand = token.operand
        elif text == ")":
            if not operand:
                raise FormulaError(f"something is missing before ')', after {shown(before)}")
        elif not operand and not (text in "+-~" and before in ("", "(", "~", "|", "||", "+", "-")):
            location = f"after {shown(before)}" if before else "at the start of the formula"
            raise FormulaError(f"a term is missing before {shown(text)}, {location}")
        else:
            operand = False
        before = text
    if not operand:
        raise FormulaError(f"the formula ends with {shown(before)}; a term is missing")
