"""A formula read, and the columns that it makes of variables of given kinds; remembered.

Nothing here depends on the numbers of the data: the same model of other data has it at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from simlab.errors import FormulaError
from simlab.formula.coding import Kind, Piece, Spec, code, identity, name
from simlab.formula.nodes import Node, columns
from simlab.formula.parser import Parsed, parse
from simlab.formula.terms import Term, expand
from simlab.formula.tokens import tokenize


class Model(NamedTuple):
    """A formula, read.

    Attributes
    ----------
    parsed : Parsed
        Its parts.
    formula : str
        In lme4's spelling.
    response : Node
        Left of ``~``.
    fixed : tuple of Term
        Terms of the fixed part.
    bars : tuple of tuple of Term
        Those of each bar.
    nodes : mapping
        Meaning of every factor of these terms, by its text.
    uses : mapping
        Every column that is used → what for.
    """

    parsed: Parsed
    formula: str
    response: Node
    fixed: tuple[Term, ...]
    bars: tuple[tuple[Term, ...], ...]
    nodes: Mapping[str, Node]
    uses: Mapping[str, str]

    def roles(self, also: Iterable[str] = ()) -> Mapping[str, str]:
        """Every column that is used, or must be there → what for."""
        more = tuple(also)
        return _roles(self.parsed, self.response, self.nodes, more) if more else self.uses


def _roles(
    parsed: Parsed, response: Node, nodes: Mapping[str, Node], also: Iterable[str] = ()
) -> dict[str, str]:
    """Role of each column that a formula names."""
    roles = dict.fromkeys(columns(response), "response")
    for node in nodes.values():
        for column in columns(node):
            roles.setdefault(column, "formula")
    for column in also:
        roles.setdefault(column, "formula")
    return roles | dict.fromkeys(parsed.grouping, "cluster")


def read(formula: str, random: str | None) -> Model:
    """Read a formula; FormulaError if it cannot be read."""
    return _model(parse(formula, random))


@lru_cache(maxsize=512)
def _model(parsed: Parsed) -> Model:
    """Model of a parsed formula, with its terms expanded."""
    fixed, nodes = expand(parsed.fixed)
    bars = []
    for bar in parsed.bars:
        terms, more = expand(bar.terms)
        bars.append(terms)
        nodes |= more
    response = tokenize(parsed.response)[0].node
    assert response is not None
    return Model(
        parsed, parsed.formula, response, fixed, tuple(bars), MappingProxyType(nodes),
        MappingProxyType(_roles(parsed, response, nodes)),
    )  # fmt: skip


class Layout(NamedTuple):
    """Columns of a design: d distinct ones, p of the fixed part and r random effects.

    Attributes
    ----------
    terms : tuple of (Term, tuple of Spec)
        Terms of the fixed part with their columns.
    places : dict
        Term, as users write it → places of its columns among the p. Terms without are absent.
    fixed : tuple of Spec
        Those columns, in order.
    random : tuple of Spec
        Columns of Z.
    blocks : tuple of int
        Random effects with equal numbers are correlated, others independent.
    distinct : tuple of Spec
        Columns of D.
    in_X, in_Z : tuple of int
        Where the columns of X, and of Z, are in D.
    names, fixed_names, random_names : tuple of str
        Of the columns of D, X and Z, as R has them.
    one : int or None
        Column of ones of D.
    twice : str or None
        A name of two columns of X, or of two of Z.
    """

    terms: tuple[tuple[Term, tuple[Spec, ...]], ...]
    places: Mapping[str, tuple[int, ...]]
    fixed: tuple[Spec, ...]
    random: tuple[Spec, ...]
    blocks: tuple[int, ...]
    distinct: tuple[Spec, ...]
    in_X: tuple[int, ...]
    in_Z: tuple[int, ...]
    names: tuple[str, ...]
    fixed_names: tuple[str, ...]
    random_names: tuple[str, ...]
    one: int | None
    twice: str | None


@lru_cache(maxsize=64)
def layout(parsed: Parsed, kinds: tuple[Kind, ...]) -> Layout:
    """Lay out the columns of a model whose variables, in the order of its nodes, are of such kinds.

    Raises
    ------
    DataError
        If there are too many columns.
    FormulaError
        If a random effect occurs twice.
    """
    model = _model(parsed)
    by_text = dict(zip(model.nodes, kinds, strict=True))
    terms = tuple((term, tuple(specs)) for term, specs in code(model.fixed, by_text))
    fixed = tuple(spec for _, specs in terms for spec in specs)
    random, blocks = _random_effects(model, by_text)
    distinct = {identity(spec): spec for spec in (*fixed, *random)}
    index = {key: i for i, key in enumerate(distinct)}
    fixed_names, random_names = tuple(map(name, fixed)), tuple(map(name, random))
    return Layout(
        terms, MappingProxyType(_places(terms)), fixed, random, blocks, tuple(distinct.values()),
        tuple(index[identity(spec)] for spec in fixed),
        tuple(index[identity(spec)] for spec in random),
        tuple(map(name, distinct.values())), fixed_names, random_names,
        index.get(frozenset()), _twice(fixed_names) or _twice(random_names),
    )  # fmt: skip


def _random_effects(
    model: Model, kinds: Mapping[str, Kind]
) -> tuple[tuple[Spec, ...], tuple[int, ...]]:
    """Columns of the random effects, and the block of each; a column may occur once."""
    specs: list[Spec] = []
    blocks: list[int] = []
    for bar, terms in zip(model.parsed.bars, model.bars, strict=True):
        start = len(specs)  # above every number that a column before has
        for i, (_, own) in enumerate(code(terms, kinds)):
            for _ in own:
                blocks.append(len(blocks) if bar.diagonal else start + (not bar.correlated) * i)
            specs += own
    seen: set[frozenset[Piece]] = set()
    for spec in specs:
        if identity(spec) in seen:
            raise FormulaError(
                f"the random effect {name(spec)} occurs twice; write (0 + x | cluster) for a bar "
                "without intercept"
            )
        seen.add(identity(spec))
    number = {block: i for i, block in enumerate(sorted(set(blocks)))}
    return tuple(specs), tuple(number[block] for block in blocks)


def _places(terms: tuple[tuple[Term, tuple[Spec, ...]], ...]) -> dict[str, tuple[int, ...]]:
    """Positions of each term's columns."""
    out, start = {}, 0
    for term, specs in terms:
        if specs:
            out[":".join(term) or "(Intercept)"] = tuple(range(start, start + len(specs)))
        start += len(specs)
    return out


def _twice(names: tuple[str, ...]) -> str | None:
    if len(set(names)) == len(names):
        return None
    return next(text for text in names if names.count(text) > 1)
