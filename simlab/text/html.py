"""Text and tables in HTML, in which everything that a user named is escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

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


def html_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    caption: str = "",
    rules: Sequence[int] = (),
) -> str:
    """Write a table whose first column names the rows; `rules` are rows that begin below a line."""
    numbers = number_columns(header, rows)
    sides = ["" if number else ' class="words"' for number in numbers]
    head = "".join(
        f'<th scope="col"{side}>{html_text(cell)}</th>'
        for side, cell in zip(sides, header, strict=True)
    ).replace("\n", "<br/>")
    body = "\n".join(
        ('<tr class="rule">' if i in rules else "<tr>") + _cells(row, sides) + "</tr>"
        for i, row in enumerate(rows)
    )
    title = f"<caption>{html_text(caption)}</caption>" if caption else ""
    table = f"<table>{title}<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"
    return f'<div class="wide">{table}</div>'


def _cells(row: Sequence[str], sides: Sequence[str]) -> str:
    first, *others = (html_text(cell).replace("\n", "<br/>") for cell in row)
    return f'<th scope="row"{sides[0]}>{first}</th>' + "".join(
        f"<td{side}>{cell}</td>" for side, cell in zip(sides[1:], others, strict=True)
    )


def code_tag(text: str) -> str:
    """Show a text as it is, such as a configuration: line by line, in letters of one width."""
    return f"<pre><code>{html_text(text)}</code></pre>"
