"""Hypotheses about the fixed effects, from the ways in which people write them, to a matrix."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from simlab.errors import did_you_mean
from simlab.fitting.errors import FitError
from simlab.moments import Floats

Hypothesis: TypeAlias = (
    "str | re.Pattern[str] | Mapping[str, float] | pd.Series[float] | pd.DataFrame | ArrayLike"
)
"""See `read` for what each means; a list of the first four stacks their rows."""

LABEL = 60
"""Characters beyond which a row is numbered instead of written out."""


class Contrasts(NamedTuple):
    """Rows of weights of the p coefficients."""

    L: Floats  # (q, p)
    labels: list[str]  # what each row says
    notes: tuple[str, ...]  # how a string was understood, where it could be understood otherwise


def read(L: Hypothesis, names: Sequence[str], terms: Mapping[str, Sequence[int]]) -> Contrasts:
    """Read a hypothesis about p coefficients.

    * array, (q, p) or (p,): weights;
    * DataFrame: a row for each contrast, columns that are coefficients (0 where absent);
    * dict or Series, coefficient → weight: one contrast;
    * str: the coefficient of that name; or else a regular expression, for all coefficients in
      whose names it occurs; or else a term of the formula, `terms` being term → coefficients;
    * compiled regular expression: all coefficients in whose names it occurs;
    * list of the last three.

    FitError for an unknown name, a weight that is not finite, another shape, or a row of zeros.
    """
    if isinstance(L, pd.DataFrame):
        result = _frame(L, names)
    elif isinstance(L, str | re.Pattern | Mapping | pd.Series):
        result = _piece(L, names, terms)
    elif isinstance(L, list | tuple) and any(
        isinstance(part, str | re.Pattern | Mapping | pd.Series) for part in L
    ):
        parts = [_piece(part, names, terms) for part in L]
        result = Contrasts(
            np.concatenate([part.L for part in parts]),
            [label for part in parts for label in part.labels],
            tuple(note for part in parts for note in part.notes),
        )
    else:
        result = _array(L, names)
    if not np.isfinite(result.L).all():
        row = int(np.argmin(np.isfinite(result.L).all(axis=1)))
        raise FitError(f"row {result.labels[row]!r} of L has a weight that is not a finite number")
    empty = ~(result.L != 0).any(axis=1)
    if empty.any():
        raise FitError(
            f"row {int(np.argmax(empty)) + 1} of L has no weight other than 0; remove it"
        )
    return result


def _array(L: object, names: Sequence[str]) -> Contrasts:
    """Contrasts of a matrix of weights, a row for each."""
    p = len(names)
    try:
        matrix = np.array(L, dtype=float)
    except (TypeError, ValueError) as error:
        raise FitError(
            f"L is {type(L).__name__}, and cannot be read as a matrix of numbers; give weights of "
            f"the {p} coefficients, names, or a dict of names and weights"
        ) from error
    if matrix.ndim not in (1, 2) or matrix.shape[-1] != p or not matrix.size:
        raise FitError(
            f"L has shape {matrix.shape}; it must be ({p},) or (q, {p}), one weight for each of "
            f"the coefficients {', '.join(names)}"
        )
    matrix = np.atleast_2d(matrix)
    return Contrasts(matrix, _labels(matrix, names), ())


def _frame(L: pd.DataFrame, names: Sequence[str]) -> Contrasts:
    """Contrasts of a data frame, whose columns name coefficients."""
    columns = [str(column) for column in L.columns]
    _known(columns, names)
    if len(set(columns)) < len(columns) or not len(L):
        raise FitError("L must have at least one row, and each coefficient in one column at most")
    matrix = np.zeros((len(L), len(names)))
    matrix[:, [list(names).index(c) for c in columns]] = _array(L.to_numpy(), columns).L
    default = isinstance(L.index, pd.RangeIndex)
    return Contrasts(matrix, _labels(matrix, names) if default else [str(i) for i in L.index], ())


def _piece(part: object, names: Sequence[str], terms: Mapping[str, Sequence[int]]) -> Contrasts:
    """Contrasts of one part of a list: a name, a pattern, or names with weights."""
    if isinstance(part, str):
        return _text(part, names, terms)
    if isinstance(part, re.Pattern):
        matched = [i for i, name in enumerate(names) if part.search(name)]
        return _rows(matched, names, part.pattern)
    if not isinstance(part, Mapping | pd.Series):
        raise FitError(
            f"a list of hypotheses holds {part!r}; it may hold names, patterns and dicts"
        )
    weights = dict(part.items())
    _known([str(name) for name in weights], names)
    return _array([weights.get(name, 0.0) for name in names], names)


def _text(text: str, names: Sequence[str], terms: Mapping[str, Sequence[int]]) -> Contrasts:
    """Read a string: a coefficient, a pattern, a term, in this order; say what else it could be."""
    try:
        matched = [i for i, name in enumerate(names) if re.search(text, name)]
    except re.error:
        matched = []
    matched = matched if text else []
    if text in names:
        others = [names[i] for i in matched if names[i] != text]
        note = (
            f"{text!r} is the coefficient of that name; re.compile({text!r}) tests it together "
            f"with {', '.join(others)}"
        )
        return _rows([list(names).index(text)], names, text, (note,) if others else ())
    term = list(terms.get(text, ()))
    if matched and term and set(term) != set(matched):
        own = ", ".join(repr(names[i]) for i in term)
        note = (
            f"{text!r} is read as a pattern, for all coefficients in whose names it occurs; for "
            f"the term alone give [{own}]"
        )
        return _rows(matched, names, text, (note,))
    return _rows(matched or term, names, text, (), terms)


def _rows(
    positions: Sequence[int], names: Sequence[str], text: str, notes: tuple[str, ...] = (),
    terms: Iterable[str] = (),
) -> Contrasts:  # fmt: skip
    """Contrasts that a text names: each of these coefficients is 0."""
    if not positions:
        raise FitError(
            f"no coefficient or term is called {text!r}, and none matches it as a pattern"
            f"{did_you_mean(text, [*names, *terms]) or '.'} Coefficients: {', '.join(names)}"
        )
    return Contrasts(np.eye(len(names))[list(positions)], [names[i] for i in positions], notes)


def _known(given: Sequence[str], names: Sequence[str]) -> None:
    """Refuse names that no coefficient has."""
    for name in given:
        if name not in names:
            hint = did_you_mean(name, names) or "."
            raise FitError(f"no coefficient {name!r}{hint} Coefficients: {', '.join(names)}")


def _labels(matrix: Floats, names: Sequence[str]) -> list[str]:
    """Write each row as a sum, or number it where that is long."""
    labels = []
    for number, row in enumerate(matrix, start=1):
        text = signed_sum(
            (weight, f"{'' if abs(weight) == 1 else f'{abs(weight):.6g}*'}{name}")
            for weight, name in zip(row, names, strict=True)
            if weight != 0
        )
        labels.append(text if 0 < len(text) <= LABEL else f"row {number}")
    return labels


def signed_sum(terms: Iterable[tuple[float, str]]) -> str:
    """Write a sum of terms, each a text with the number whose sign it has."""
    text = ""
    for value, term in terms:
        sign = (" − " if value < 0 else " + ") if text else ("−" if value < 0 else "")
        text += f"{sign}{term}"
    return text
