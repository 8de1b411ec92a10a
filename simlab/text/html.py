"""Text and tables in HTML, in which everything that a user named is escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from types import MappingProxyType
from typing import NamedTuple

from simlab.text.plain import one_line
from simlab.text.table import number_columns

STYLE = (
    "div.simlab{font-family:sans-serif;max-width:70em}"
    "div.simlab div.wide{overflow-x:auto}"
    "div.simlab table{border-collapse:collapse;margin:.4em 0 1em}"
    "div.simlab caption{text-align:left;font-weight:bold;padding:.2em 0}"
    "div.simlab th,div.simlab td{padding:.15em .7em;text-align:right;vertical-align:top;"
    "font-variant-numeric:tabular-nums;font-weight:normal}"
    "div.simlab th.words,div.simlab td.words{text-align:left}"
    "div.simlab th:first-child,div.simlab td:first-child{text-align:left;padding-left:0}"
    "div.simlab thead th{border-bottom:1px solid currentColor}"
    "div.simlab tr.rule th,div.simlab tr.rule td{border-top:1px solid currentColor}"
    "div.simlab p.note{border-left:.3em solid currentColor;padding-left:.6em}"
    "div.simlab pre,div.simlab code{font-family:monospace}"
)

NONE: Mapping[str, str] = MappingProxyType({})
"""Attributes of an element that has none."""

_SUBSCRIPT = re.compile(r"(?<=[^\s_])_(ij|\d?j|\d\d?)(?![\w])")


def html_text(text: object) -> str:
    """Escape a text; characters that are not seen are shown as escapes, but for line breaks."""
    return escape("\n".join(map(one_line, str(text).split("\n"))))


def html_symbols(text: str) -> str:
    """Escape a formula, with its subscripts set as such: β_0j."""
    return _SUBSCRIPT.sub(r"<sub>\1</sub>", html_text(text))


def html_block(*parts: str) -> str:
    """Put parts, which are HTML, into one block with its style, as a notebook shows it."""
    return f'<div class="simlab"><style>{STYLE}</style>\n' + "\n".join(parts) + "\n</div>"


class Cell(NamedTuple):
    """A cell that shows more than its words."""

    words: str
    sign: str = ""  # before the words, in a colour; for the eye alone
    color: str = ""
    small: str = ""  # behind the words, in small print
    hint: str = ""  # appears where one points at the words
    about: str = ""  # appears where one points at the cell
    mark: str = ""  # at the end of a cell that stands out
    meaning: str = ""  # of the mark, in words


class Row(NamedTuple):
    """Cells of a row, the first of which names it, and attributes of the row."""

    cells: Sequence[str | Cell]
    attributes: Mapping[str, str] = NONE


def element(tag: str, inside_html: str, attributes: Mapping[str, str] = NONE) -> str:
    """Put HTML into an element; values of attributes are escaped, and left out where empty."""
    given = "".join(f' {name}="{html_text(text)}"' for name, text in attributes.items() if text)
    return f"<{tag}{given}>{inside_html}</{tag}>"


def html_table(
    header: Sequence[str],
    rows: Sequence[Row | Sequence[str]],
    caption: str = "",
    rules: Sequence[int] = (),
    attributes: Mapping[str, str] = NONE,
) -> str:
    """Write a table whose first column names the rows; `rules` are rows that begin below a line."""
    whole = [row if isinstance(row, Row) else Row(row) for row in rows]
    words = [[c.words if isinstance(c, Cell) else c for c in row.cells] for row in whole]
    classes = ["" if number else "words" for number in number_columns(header, words)]
    head = "".join(
        element("th", _lines(cell), {"scope": "col", "class": kind})
        for kind, cell in zip(classes, header, strict=True)
    )
    body = "\n".join(
        element(
            "tr", _cells(row.cells, classes), {"class": "rule"} if i in rules else row.attributes
        )
        for i, row in enumerate(whole)
    )
    title = element("caption", html_text(caption)) if caption else ""
    inside = f"{title}<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>"
    return element("div", element("table", inside, attributes), {"class": "wide"})


def _cells(row: Sequence[str | Cell], classes: Sequence[str]) -> str:
    """Cells of a row, the first one a header."""
    first, *others = (cell if isinstance(cell, Cell) else Cell(cell) for cell in row)
    return _cell("th", first, {"scope": "row", "class": classes[0]}) + "".join(
        _cell("td", cell, {"class": "off" if cell.mark else kind})
        for kind, cell in zip(classes[1:], others, strict=True)
    )


def _cell(tag: str, cell: Cell, attributes: Mapping[str, str]) -> str:
    """Cell with its sign, its small print and its hints."""
    inside = _lines(cell.words)
    if cell.small:
        inside += " " + element("small", html_text(cell.small))
    if cell.hint:
        inside = element("span", inside, {"title": cell.hint})
    if cell.sign:
        seen = {"style": f"color:{cell.color}", "aria-hidden": "true"}
        inside = f"{element('span', html_text(cell.sign), seen)} {inside}"
    if cell.mark:
        inside += " " + element("span", html_text(cell.mark), {"aria-label": cell.meaning})
    about = ", ".join(filter(None, (cell.about, cell.meaning)))
    return element(tag, inside, {**attributes, "title": about})


def _lines(text: str) -> str:
    return html_text(text).replace("\n", "<br/>")


def code_tag(text: str) -> str:
    """Show a text as it is, such as a configuration: line by line, in letters of one width."""
    return element("pre", element("code", html_text(text)))
