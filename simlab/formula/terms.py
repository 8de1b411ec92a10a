"""Wilkinson and Rogers' algebra (1973, Applied Statistics 22:392): from a sum to its terms."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from functools import lru_cache

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
    terms, factors = _expanded(text)
    return terms, dict(factors)


@lru_cache(maxsize=512)
def _expanded(text: str) -> tuple[tuple[Term, ...], dict[str, Node]]:
    """Terms of a sum, those of fewer factors first, and the factors that they have."""
    tokens = tokenize(text)
    factors: dict[str, Node] = {}
    for token in tokens:
        if token.node is not None:
            factors.setdefault(token.text, token.node)
    _check_numbers(tokens)
    index = {factor: i for i, factor in enumerate(factors)}
    expanded = sorted(_Algebra(text, tokens, index).terms(), key=len)
    names = list(factors)
    terms = tuple(tuple(names[i] for i in sorted(term)) for term in expanded)
    used_factors = set(itertools.chain.from_iterable(terms))
    return terms, {name: node for name, node in factors.items() if name in used_factors}


_Set = dict[frozenset[int], None]
"""Terms as sets of factors, in order; the empty one is the intercept."""

_INTERCEPT: frozenset[int] = frozenset()


class _Algebra:
    """Reads a sum from left to right; each level of precedence is a method.

        a + b, a - b      union and difference
        a * b             a + b + a:b
        a / b             a + (all factors of a):b
        a:b               products of a term of a with one of b
        a ** n            products of n terms of a

    Every method returns terms, and how many there would be if none were equal.
    """

    def __init__(self, text: str, tokens: list[Token], index: dict[str, int]) -> None:
        self._text, self._tokens, self._index, self._at = text, tokens, index, 0

    def terms(self) -> Iterable[frozenset[int]]:
        """Terms of the whole sum, to which the intercept belongs."""
        out, _ = self._sum({_INTERCEPT: None})
        if self._at < len(self._tokens):
            raise FormulaError(f"{shown(self._text)} cannot be read as a sum of terms")
        return out

    def _next(self, *texts: str) -> str:
        """Take the next token if it is one of these operators; else nothing."""
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.node is None and token.text in texts:
                self._at += 1
                return token.text
        return ""

    def _sum(self, terms: _Set) -> tuple[_Set, int]:
        """A sum that is added to some terms; there may be several signs in a row."""
        total, sign = len(terms), "+"
        while True:
            plus = sign == "+"
            while sign := self._next("+", "-"):
                plus ^= sign == "-"
            if zero := self._next("0", "1"):
                more, n = {_INTERCEPT: None}, 1
                plus ^= zero == "0"
            else:
                more, n = self._crossed()
            total = self._bounded(total + n)
            terms = terms | more if plus else {term: None for term in terms if term not in more}
            if not (sign := self._next("+", "-")):
                return terms, total

    def _crossed(self) -> tuple[_Set, int]:
        """Terms of a * b or a / b, and their number before equal ones are merged."""
        a, m = self._product()
        while symbol := self._next("*", "/"):
            b, n = self._product()
            if symbol == "*":
                m = self._bounded(m + n + m * n)
                a = a | b | _products(a, b)
            else:
                m = self._bounded(m + n)
                a = a | _products({_INTERCEPT.union(*a): None}, b)
        return a, m

    def _product(self) -> tuple[_Set, int]:
        """Terms of a:b, and their number."""
        a, m = self._power()
        while self._next(":"):
            b, n = self._power()
            m = self._bounded(m * n)
            a = _products(a, b)
        return a, m

    def _power(self) -> tuple[_Set, int]:
        """Terms of (a + b)**n, and their number."""
        a, m = self._operand()
        if not self._next("**"):
            return a, m
        power = int(self._tokens[self._at].text)
        self._at += 1
        m = self._bounded(m**power)
        out = a
        for _ in range(power - 1):
            out = _products(out, a)
        return out, m

    def _operand(self) -> tuple[_Set, int]:
        """Terms in parentheses, or of one factor, and their number."""
        if self._next("("):
            inside = self._sum({})
            if not self._next(")"):
                raise FormulaError(f"{shown(self._text)} cannot be read as a sum of terms")
            return inside
        token = self._tokens[self._at] if self._at < len(self._tokens) else None
        if token is None or token.node is None:
            raise FormulaError(f"{shown(self._text)} cannot be read as a sum of terms")
        self._at += 1
        return {frozenset({self._index[token.text]}): None}, 1

    def _bounded(self, number: int) -> int:
        """Number of terms, refused if it is too large."""
        if number > MAX_TERMS:
            message = f"{shown(self._text)} expands to more than {MAX_TERMS} terms; "
            raise FormulaError(message + "write fewer crossings")
        return number


def _products(a: _Set, b: _Set) -> _Set:
    return {s | t: None for s, t in itertools.product(a, b)}


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
