"""From terms to columns: codings of factors by the rules of R, and the names that R gives."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray

from simlab.data import DataError
from simlab.formula.contrasts import TREATMENT, Coding, contrast_matrix, contrast_names
from simlab.formula.terms import Term
from simlab.formula.values import Factor, Matrix, Value
from simlab.moments import Floats

_CHUNK = 8_192  # rows

MAX_COLUMNS = 10_000
"""Columns that a sum of terms may make."""


class Piece(NamedTuple):
    """One variable of a column.

    Attributes
    ----------
    text : str
        The expression.
    label : str or None
        The level that is indicated, or the name of a contrast or of a basis function; None for a
        number.
    contrast : int or None
        Column of the coding matrix of a factor; None for a level that is indicated.
    """

    text: str
    label: str | None
    contrast: int | None = None


Spec = tuple[Piece, ...]
"""A column: the product of its pieces; () is the intercept."""


def name(spec: Spec) -> str:
    """Name of a column as R has it: (Intercept), sectorPublic, ses:sectorPublic."""
    return ":".join(piece.text + (piece.label or "") for piece in spec) or "(Intercept)"


def identity(spec: Spec) -> frozenset[Piece]:
    """Identity of a column, the same for a:b and b:a."""
    return frozenset(spec)


class Kind(NamedTuple):
    """Kind of a variable: the columns that it makes.

    Attributes
    ----------
    labels : tuple of str or None
        Levels of a factor, or what is added to the name of each of several columns; None for a
        number.
    coding : Coding or None
        How a factor enters a design; None for numbers.
    """

    labels: tuple[str, ...] | None = None
    coding: Coding | None = None


NUMBER = Kind()


def kind(value: Value) -> Kind:
    """Kind of a value: the columns that it makes."""
    if isinstance(value, Factor):
        return Kind(value.labels, value.coding)
    return Kind(value.labels) if isinstance(value, Matrix) else NUMBER


def code(terms: Iterable[Term], kinds: Mapping[str, Kind]) -> list[tuple[Term, list[Spec]]]:
    """Columns of every term.

    A factor f of a term T is coded by contrasts (by default all of its levels but the first) if T
    without f is part of a term before it; otherwise by all of its levels. Without an intercept
    the first factor of the first term that has one is coded by all levels. These are the rules of
    R's `terms` and `model.matrix` (Chambers & Hastie 1992, *Statistical Models in S*, 2.4.1).

    Parameters
    ----------
    terms
        As `terms.expand` gives them.
    kinds
        Kind of every factor of the terms, with only the levels that occur.

    Returns
    -------
    list of (Term, list of Spec)
        In the order of R: within a term the first factor runs fastest.

    Raises
    ------
    DataError
        If there are more than `MAX_COLUMNS`.
    """
    ordered, total = list(terms), 0
    full = _full_dummies(ordered, {text for text, kind in kinds.items() if kind.coding is not None})
    out = []
    for term in ordered:
        pieces = [_pieces(text, kinds[text], (term, text) in full) for text in term]
        total += math.prod(map(len, pieces))
        if total > MAX_COLUMNS:
            raise DataError(
                f"the term {':'.join(term)} makes more than {MAX_COLUMNS} columns; is a number or "
                "a name with many values used as a factor?"
            )
        specs = [tuple(reversed(spec)) for spec in itertools.product(*reversed(pieces))]
        out.append((term, specs))
    return out


def _full_dummies(terms: list[Term], factors: set[str]) -> set[tuple[Term, str]]:
    """Factors that need a column for every level in a term, by the rules of R."""
    full = set()
    for i, term in enumerate(terms):
        for text in factors.intersection(term):
            margin = set(term) - {text}
            if margin and not any(margin <= set(before) for before in terms[:i]):
                full.add((term, text))
    if () not in terms:
        first = next(((t, text) for t in terms for text in t if text in factors), None)
        if first is not None:
            full.add(first)
    return full


def _pieces(text: str, kind: Kind, full: bool) -> list[Piece]:
    """Columns of one factor or variable of a term."""
    if kind.coding is None:
        return [Piece(text, label) for label in ((None,) if kind.labels is None else kind.labels)]
    assert kind.labels is not None
    if full:
        return [Piece(text, label) for label in kind.labels]
    coded = contrast_names(kind.coding, kind.labels)
    indicators = kind.coding.name == TREATMENT
    return [Piece(text, label, None if indicators else k) for k, label in enumerate(coded)]


def fill(specs: Iterable[Spec], values: Mapping[str, Value], out: Floats) -> None:
    """Write the columns into `out`, (N, d), some rows at a time so that they stay in the cache."""
    places = {
        text: {label: i for i, label in enumerate(value.labels)}
        for text, value in values.items()
        if isinstance(value, Factor | Matrix)
    }
    columns = [[_piece(piece, values, places) for piece in spec] for spec in specs]
    for start in range(0, len(out), _CHUNK):
        rows = slice(start, start + _CHUNK)
        block = out[rows]
        for k, pieces in enumerate(columns):
            if not pieces:
                block[:, k] = 1.0
            for i, (array, level) in enumerate(pieces):
                part = array[rows] if level is None else array[rows] == level
                if i == 0:
                    block[:, k] = part
                else:
                    block[:, k] *= part


def _piece(
    piece: Piece, values: Mapping[str, Value], places: Mapping[str, Mapping[str, int]]
) -> tuple[NDArray[Any], int | None]:
    """Return the array of a piece, and the code that it indicates if it holds codes."""
    value = values[piece.text]
    if isinstance(value, Factor) and piece.contrast is not None:
        matrix = contrast_matrix(value.coding, tuple(value.labels))
        return matrix[value.codes, piece.contrast], None
    if isinstance(value, Factor):
        return value.codes, places[piece.text][piece.label or ""]
    if isinstance(value, Matrix):
        return value.values[:, places[piece.text][piece.label or ""]], None
    return value, None
