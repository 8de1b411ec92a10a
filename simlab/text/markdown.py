"""Text and tables in Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from simlab.text.plain import one_line
from simlab.text.table import number_columns

_MARKS = re.compile(
    r"[\\`*|$]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # not inside a word, where it is none: n_sim
    r"|<(?=[\w/!?])|&(?=#?\w+;)|\](?=[(\[:])|~(?=\S)|(?<=\S)~"
    r"|^(?:#(?=#*(?:\s|$))|>|[+-](?=\s|$))|^(?<=\d)[.)](?=\s)"
)


def markdown(text: object) -> str:
    """Escape what Markdown, HTML inside it and mathematics would read as marks of their own."""
    return _MARKS.sub(r"\\\g<0>", one_line(text))


def markdown_cell(text: str) -> str:
    """Write the text of a cell; line breaks become ``<br>``."""
    return "<br>".join(map(markdown, text.split("\n")))


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a pipe table, columns of numbers on the right."""
    ruler = ["---:" if number else "---" for number in number_columns(header, rows)]
    lines = [[*map(markdown_cell, header)], ruler, *([*map(markdown_cell, row)] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
