"""Types of the columns of a text file: numbers, truth values, text, or labels; one a column.

Nearly numbers (1,5 or 1 000, '7' in quotes, −3 with a typographic minus), and digits that would be
lost, are refused. Of labels 1.5 and 1.50, or 7 and 007, are two.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from simlab.errors import Error

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
PLAIN: Final = (re.compile(r"0|-?[1-9][0-9]{0,18}"), re.compile(r"(0|-?[1-9][0-9]{0,18})\.0"))
"""Spellings of whole numbers that give each number one text; pandas writes 7.0 near gaps."""
NEARLY: Final = re.compile(
    r"[-+]?[\s$€£]*[-+]?"
    r"(\d{1,3}([ .'’]\d{3})+|\d{1,3}(,\d{2,3})+|\d[\d_]*|(?=[.,]\d))"  # with marks of thousands
    r"([.,][\d_]*)?([eEdD][-+]?[\d_]+)?[\s%$€£]*"
    r"|[-+]?0[xX][0-9a-fA-F]+"
)
QUOTED: Final = re.compile(r"""['"`´‘’“”„«»]+(.*?)['"`´‘’“”„«»]+""")
MINUS: Final = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))
ABSENT: Final = frozenset(("na", "nan", "n/a", "null", "none", ".", "-", "--", "?", "*"))


class Unreadable(Error):
    """A field that makes its column neither numbers nor text: its position, and what is wrong."""

    def __init__(self, position: int, message: str) -> None:
        self.position, self.message = position, message
        super().__init__(position, message)


class Clash(NamedTuple):
    """Fields with different texts that are one number, or one truth value."""

    # positions of two of them, the first such pair of the column
    first: int
    second: int
    more: int  # how many other texts are a number that was there before


def clash(fields: Sequence[str], label: bool = False) -> Clash | None:
    """Find different texts that a column of numbers would make one; None of a column of text.

    For numbers that are no labels it is no clash that 0 may have a sign, nor that a truth value may
    be written in capitals.
    """
    at = [i for i, field in enumerate(fields) if field.strip() not in MISSING]
    words = [fields[i].strip() for i in at]
    truth = label and all(word in TRUTH for word in words)
    values = [TRUTH[word] for word in words] if truth else _numbers(words)
    if values is None or len(set(values)) == len(set(words)):
        return None
    texts: dict[float, dict[str, int]] = {}
    for i, word, value in zip(at, words, values, strict=True):
        text = word.lstrip("-") if value == 0 and not label else word
        texts.setdefault(value, {}).setdefault(text, i)
    twins = [list(positions.values()) for positions in texts.values() if len(positions) > 1]
    if not twins:
        return None
    first, second, *_ = min(twins, key=lambda positions: positions[1])
    return Clash(first, second, sum(len(positions) - 1 for positions in twins) - 1)


def typed(fields: Sequence[str], label: bool = False) -> pd.Series[Any]:
    """Return a column as whole numbers, numbers, truth values or text, less the space around them.

    Labels are text unless all are whole numbers in one spelling, 7 or 7.0, that no number would
    make one. Missing values are NaN, with which whole numbers are float64, and truth values
    objects.

    Unreadable if all values look like numbers but some are in a spelling that is not read, or are
    whole numbers that the column cannot hold; if a quote does not begin its field; of labels, if
    all are numbers but for signs such as ``.`` or ``?``, which may be missing values.
    """
    words = [field.strip() for field in fields]
    present = [word for word in words if word not in MISSING]
    if label and present and not _plain(present, len(present) < len(words)):
        _check_text(fields, words, label)
        return _text(words)
    if present and all(word in TRUTH for word in present):
        return pd.Series([TRUTH.get(word, np.nan) for word in words])
    numbers = _numbers(present)
    if numbers is None:
        _check_text(fields, words)
        return _text(words)
    if len(present) == len(words) and all(_fits(number) for number in numbers):
        return pd.Series(np.array(numbers, dtype=np.int64))
    _check_digits(words)
    values = np.full(len(words), np.nan)
    values[[word not in MISSING for word in words]] = [float(word) for word in present]
    return pd.Series(values)


def _text(words: Sequence[str]) -> pd.Series[Any]:
    return pd.Series([np.nan if word in MISSING else word for word in words])


def _plain(words: Sequence[str], gaps: bool) -> bool:
    """Whether labels are distinct and whole as what `typed` makes of them, with gaps or without."""
    if all(word in TRUTH for word in words):
        return len(set(words)) == len({TRUTH[word] for word in words})
    for spelling, exact in zip(PLAIN, (not gaps, False), strict=True):
        if all(map(spelling.fullmatch, words)):
            numbers = [int(word.removesuffix(".0")) for word in words]
            return all(map(_fits, numbers)) if exact else all(abs(n) <= 2**53 for n in numbers)
    return False


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
        if len(word) <= 15 or not WHOLE.fullmatch(word):
            continue
        if len(word) >= 300 or int(float(word)) != int(word):
            message = "a whole number that would lose digits; put a letter before a label"
            raise Unreadable(position, f"is {_shown(word)}, {message}")


def _check_text(fields: Sequence[str], words: Sequence[str], label: bool = False) -> None:
    """Refuse text that is numbers after all, and quotes that are not read as quotes.

    Labels may be numbers in any spelling.
    """
    odd, digits = None, False
    for position, word in enumerate(words):
        if word in MISSING or _numbers((word,)) is not None:
            digits |= word not in MISSING
            continue
        plain = unicodedata.normalize("NFKC", word).translate(MINUS)
        if quoted := QUOTED.fullmatch(plain):
            plain = quoted[1].strip()
        if NEARLY.fullmatch(plain):
            digits = True
            if label:
                continue
        elif plain.casefold() not in ABSENT:
            break
        odd = position if odd is None else odd
    else:
        if odd is not None and digits:
            how = "not read as a number; write numbers like 1234.5, missing ones NA"
            if label:
                how = "among numbers perhaps a missing label; write NA for a missing one"
            raise Unreadable(odd, f"is {_shown(words[odd])}, which is {how}")
    for position, field in enumerate(fields):
        if field[:1].isspace() and field.lstrip()[:1] == '"':
            message = "where a quote comes after a space; remove the space"
            raise Unreadable(position, f"is {_shown(field)}, {message}")


def _shown(word: str) -> str:
    return repr(word if len(word) <= 40 else f"{word[:37]}...")
