"""What a column of a text file holds: numbers, truth values or text.

A whole column is one or the other. Numbers that are not written as Python and R write them (1,5 or
1 000, or −3 with a typographic minus) would make their column text, and a factor in a formula,
without a word. Such a column is refused, and so are whole numbers that would lose digits.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

__all__ = ["MISSING", "Unreadable", "typed"]

MISSING: Final = frozenset(
    (
        "", "NA", "N/A", "n/a", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None", "<NA>",
        "#N/A", "#NA", "#N/A N/A", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN",
    )
)  # fmt: skip
"""Words that stand for a missing value, as in pandas."""

TRUTH: Final = {
    **dict.fromkeys(("True", "TRUE", "true"), True),
    **dict.fromkeys(("False", "FALSE", "false"), False),
}
"""Words that stand for a truth value."""

WHOLE: Final = re.compile(r"[-+]?\d+")
NEARLY: Final = re.compile(
    r"[-+]?[\s$€£]*[-+]?"
    r"(\d{1,3}([ .'’]\d{3})+|\d{1,3}(,\d{2,3})+|\d[\d_]*|(?=[.,]\d))"  # with marks of thousands
    r"([.,][\d_]*)?([eEdD][-+]?[\d_]+)?[\s%$€£]*"
    r"|[-+]?0[xX][0-9a-fA-F]+"
)
MINUS: Final = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))
ABSENT: Final = frozenset(("na", "nan", "n/a", "null", "none", ".", "-", "--", "?", "*"))


class Unreadable(Exception):
    """A field that makes its column neither numbers nor text: its position, and what is wrong."""

    def __init__(self, position: int, message: str) -> None:
        self.position, self.message = position, message
        super().__init__(position, message)


def typed(fields: Sequence[str]) -> pd.Series[Any]:
    """Return a column as whole numbers, numbers, truth values or text.

    Parameters
    ----------
    fields : sequence of str
        The fields as they stand in the file; space around them is no part of them.

    Returns
    -------
    pd.Series
        int64, float64, bool or text. Missing values are NaN, beside which whole numbers are
        float64, and truth values objects.

    Raises
    ------
    Unreadable
        If all values look like numbers but some are in a spelling that is not read, or are whole
        numbers that the column cannot hold; or if a quote does not begin its field.
    """
    words = [field.strip() for field in fields]
    present = [word for word in words if word not in MISSING]
    if present and all(word in TRUTH for word in present):
        return pd.Series([TRUTH.get(word, np.nan) for word in words])
    numbers = _numbers(present)
    if numbers is None:
        _check_text(fields, words)
        return pd.Series([np.nan if word in MISSING else word for word in words])
    if len(present) == len(words) and all(_fits(number) for number in numbers):
        return pd.Series(np.array(numbers, dtype=np.int64))
    _check_digits(words)
    values = np.full(len(words), np.nan)
    values[[word not in MISSING for word in words]] = [float(word) for word in present]
    return pd.Series(values)


def _numbers(words: Sequence[str]) -> Sequence[float] | None:
    """Read words as whole numbers, or else as numbers; None if some are neither."""
    together = "".join(words)
    if not together.isascii() or "_" in together:  # Python reads these, and nobody else does
        return None
    for kind in (int, float):
        try:
            numbers = [kind(word) for word in words]
        except ValueError:
            continue
        return None if kind is float and any(map(math.isnan, numbers)) else numbers
    return None


def _fits(number: float) -> bool:
    return isinstance(number, int) and -(2**63) <= number < 2**63


def _check_digits(words: Sequence[str]) -> None:
    """Refuse whole numbers, perhaps labels, that are no longer themselves as a float."""
    for position, word in enumerate(words):
        if len(word) > 15 and WHOLE.fullmatch(word) and not _exact(word):
            message = "a whole number that would lose digits; put a letter before a label"
            raise Unreadable(position, f"is {_shown(word)}, {message}")


def _exact(word: str) -> bool:
    return len(word) < 300 and int(float(word)) == int(word)


def _check_text(fields: Sequence[str], words: Sequence[str]) -> None:
    """Refuse text that is numbers after all, and quotes that are not read as quotes."""
    odd, digits = None, False
    for position, word in enumerate(words):
        if word in MISSING or _numbers((word,)) is not None:
            digits |= word not in MISSING
            continue
        plain = unicodedata.normalize("NFKC", word).translate(MINUS)
        if NEARLY.fullmatch(plain):
            digits = True
        elif plain.casefold() not in ABSENT:
            break
        odd = position if odd is None else odd
    else:
        if odd is not None and digits:
            how = "which is not read as a number; write numbers like 1234.5, missing ones NA"
            raise Unreadable(odd, f"is {_shown(words[odd])}, {how}")
    for position, field in enumerate(fields):
        if field[:1].isspace() and field.lstrip()[:1] == '"':
            message = "where a quote comes after a space; remove the space"
            raise Unreadable(position, f"is {_shown(field)}, {message}")


def _shown(word: str) -> str:
    return repr(word if len(word) <= 40 else f"{word[:37]}...")
