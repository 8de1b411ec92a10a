"""What an unquoted word of YAML stands for: the core schema of YAML 1.2.2, section 10.3.2.

ruamel.yaml reads a little more (``1_000``, ``0b11``) and a little less (``.5e3``) as numbers.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["scalar"]

NAMED: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
BASES: Final = {"0o": 8, "0x": 16}
INTEGER: Final = re.compile(r"[-+]?[0-9]+")
IN_BASE: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
DECIMAL: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def scalar(word: str) -> str | int | float | None:
    """Return the null, truth value or number that a plain scalar is, or else the word itself.

    Raises
    ------
    ValueError
        For a whole number of more digits than Python reads.
    """
    if word in NAMED:
        return NAMED[word]
    if INTEGER.fullmatch(word):
        return int(word)
    if IN_BASE.fullmatch(word):
        return int(word[2:], BASES[word[:2]])
    if DECIMAL.fullmatch(word):
        return float(word)
    if NOT_FINITE.fullmatch(word):
        return float(word.replace(".", ""))
    return word
