"""Lines of text: how wide the terminal is, and where a line is broken."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Sequence

from simlab.text.plain import one_line

PIPED = 100
"""Columns where there is no terminal, and COLUMNS does not say how many."""

LONGEST = 100  # of a line of prose, on a terminal however wide
TIE = "\u00a0"  # a blank at which no line is broken

MARK = "[✓≈✗?↓↑†]"
_TIED = re.compile(
    rf"(?<=[±×]) | (?=± )|(?<=[=≤≥]) (?=[+\-−]?\d)| (?={MARK}(?:$|\s))"
    r"|(?<=[\d∞]) (?=(?:%|[µm]?s|min|h|[kMG]B|bytes|SE)(?:$|[^\w]))"
    r"|(?<=\d) (?=– \d)|(?<=\d –) (?=\d)"
)
_SETTING = re.compile(r"(?<![^\s(])([\w.]+) = ([^\s=]+?)(?=[,)]|$)")


def width() -> int:
    """Columns to print in: what COLUMNS says, those of the terminal, or `PIPED` without one."""
    return shutil.get_terminal_size((PIPED, 24)).columns


def wrapped(text: str, indent: str = "", first: str | None = None) -> str:
    """Break a text between words; `first` is the indent of its first line."""
    return textwrap.fill(
        tied(one_line(text)), min(width(), LONGEST),
        initial_indent=indent if first is None else first, subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    ).replace(TIE, " ")  # fmt: skip


def wrapped_sum(text: str, first: str, indent: str) -> str:
    """Break a formula or an equation before a plus, or before ``random =``, and nowhere else."""
    whole = one_line(text).replace(" ", TIE).replace(f"{TIE}+{TIE}", f" +{TIE}")
    return wrapped(whole.replace(f",{TIE}random{TIE}=", f", random{TIE}="), indent, first)


def listed(title: str, items: Sequence[str]) -> str:
    """Put items in a row, in which a line is broken between two of them only."""
    return f"{title}: {', '.join(item.replace(' ', TIE) for item in items)}"


def tied(text: str) -> str:
    """Put `TIE` for the blanks that hold a number or a setting together: 0.3 ± 0.1, 5 %, J = 20."""
    return _TIED.sub(TIE, _SETTING.sub(rf"\1{TIE}={TIE}\2", text))
