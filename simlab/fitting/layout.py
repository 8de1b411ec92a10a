"""How numbers and tables of a fit are written as text; nothing is computed here."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Sequence
from itertools import pairwise

from rich.cells import cell_len

WIDTH = 96
_LARGE = 7  # digits before the point, beyond which a number is written with an exponent
_SMALL = 7  # decimals, the same
_TIE = "\u00a0"  # a space at which no line is broken


# ---------------------------------------------------------------- numbers


def number(value: float, unit: float | None = None, digits: int = 4) -> str:
    """Write a number with `digits` significant digits of its unit, such as a standard error.

    Returns
    -------
    str
        Without an exponent where a person reads it easily so; "" for NaN.
    """
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    size = abs(value) if unit is None or not math.isfinite(unit) or unit <= 0 else unit
    if size == 0:
        return "0"
    decimals = max(digits - 1 - math.floor(math.log10(size)), 0)
    if decimals > _SMALL or abs(value) >= 10**_LARGE:
        return f"{value:.{digits - 1}e}"
    text = f"{value:.{decimals}f}"
    return text[1:] if text.startswith("-") and not text.strip("-0.") else text


def statistic(value: float) -> str:
    """Write a t or F value: three decimals, fewer where it is large."""
    if math.isfinite(value) and abs(value) < 1e5:
        return f"{value:.3f}"
    return number(value)


def p_value(p: float) -> str:
    """Write a probability as the rest of simlab does."""
    if math.isnan(p):
        return ""
    return f"{p:.2e}" if p < 1e-4 else f"{p:.5f}"


def degrees(df: float) -> str:
    """Write degrees of freedom; those of the normal law are "∞"."""
    if math.isnan(df):
        return ""
    if math.isinf(df):
        return "∞"
    return f"{df:.0f}" if df == round(df) else f"{df:.2f}"


# ---------------------------------------------------------------- text


def one_line(text: object) -> str:
    """Return the text without line breaks and other characters that would break a table."""
    return "".join(c if c.isprintable() else " " for c in str(text))


def wrapped(text: str, indent: str = "", first: str | None = None, width: int = WIDTH) -> str:
    """Break a text between words; `first` is the indent of its first line."""
    return textwrap.fill(
        text, width, initial_indent=indent if first is None else first, subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def wrapped_sum(text: str, first: str, indent: str, width: int = WIDTH) -> str:
    """Break a formula or an equation before a plus, or before ``random =``, and nowhere else."""
    tied = text.replace(" ", _TIE).replace(f"{_TIE}+{_TIE}", f" +{_TIE}")
    tied = tied.replace(f",{_TIE}random{_TIE}=", f", random{_TIE}=")
    return wrapped(tied, indent, first, width).replace(_TIE, " ")


def text_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    indent: str = "  ",
    breaks: Sequence[int] = (),
    left: bool = False,
) -> str:
    """Lay out columns: the first to the left, the others with their decimal points in a line.

    Rows numbered in `breaks` begin a new part: after an empty line, with an alignment of its own.
    With `left` all columns are words.
    """
    starts = sorted({0, *breaks, len(rows)})
    columns: list[list[str]] = []
    for i in range(len(header)):
        cells = [one_line(row[i]) for row in rows]
        if i and not left:
            cells = [cell for a, b in pairwise(starts) for cell in _aligned(cells[a:b])]
        columns.append(cells)
    widths = [max(map(cell_len, [h, *column])) for h, column in zip(header, columns, strict=True)]
    lines = []
    for place, line in enumerate([tuple(header), *zip(*columns, strict=True)]):
        padded = [
            cell + " " * (w - cell_len(cell))
            if left or i == 0
            else " " * (w - cell_len(cell)) + cell
            for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        ]
        if place - 1 in breaks:
            lines.append("")
        lines.append((indent + "  ".join(padded)).rstrip())
    return "\n".join(lines)


_NUMBER = re.compile(r"\(?-?\d+(\.\d*)?\)?")


def _aligned(cells: list[str]) -> list[str]:
    """Pad numbers on the right to the same length after the point."""

    def tail(cell: str) -> int:
        point = cell.find(".")
        return 0 if point < 0 else len(cell) - point

    plain = [bool(_NUMBER.fullmatch(cell)) for cell in cells]
    longest = max((tail(c) for c, ok in zip(cells, plain, strict=True) if ok), default=0)
    return [
        cell + " " * (longest - tail(cell)) if ok else cell
        for cell, ok in zip(cells, plain, strict=True)
    ]
