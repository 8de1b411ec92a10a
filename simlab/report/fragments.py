"""Pieces of HTML, in which everything that a user named is escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape

import pandas as pd

from simlab.errors import ArgumentError
from simlab.text.plain import one_line

STYLE = (
    "div.simlab{font-family:sans-serif;max-width:70em}"
    "div.simlab table{border-collapse:collapse;margin:.4em 0 1em}"
    "div.simlab caption{text-align:left;font-weight:bold;padding:.2em 0}"
    "div.simlab th,div.simlab td{padding:.15em .7em;text-align:right;vertical-align:top;"
    "font-variant-numeric:tabular-nums;font-weight:normal}"
    "div.simlab th:first-child,div.simlab td:first-child{text-align:left;padding-left:0}"
    "div.simlab thead th{border-bottom:1px solid currentColor}"
    "div.simlab tr.rule th,div.simlab tr.rule td{border-top:1px solid currentColor}"
    "div.simlab p.note{border-left:.3em solid #c60;padding-left:.6em}"
    "div.simlab pre,div.simlab code{font-family:monospace}"
)

_SUBSCRIPT = re.compile(r"(?<=[^\s_])_(ij|\d?j|\d\d?)(?![\w])")

Format = str | Callable[[object], str]


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
    words: Sequence[int] = (),
) -> str:
    """Write a table whose first column names the rows.

    `rules` are the rows that begin below a line, `words` the columns that are not numbers.
    """
    left = [' class="words"' if i in words else "" for i in range(len(header))]
    head = "".join(
        f'<th scope="col"{of}>{html_text(cell)}</th>' for of, cell in zip(left, header, strict=True)
    )
    body = "\n".join(
        ('<tr class="rule">' if i in rules else "<tr>") + _cells(row, left) + "</tr>"
        for i, row in enumerate(rows)
    )
    title = f"<caption>{html_text(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"


def _cells(row: Sequence[str], left: Sequence[str]) -> str:
    lines = [html_text(cell).replace("\n", "<br/>") for cell in row]
    first = f'<th scope="row"{left[0]}>{lines[0]}</th>'
    return first + "".join(
        f"<td{of}>{cell}</td>" for of, cell in zip(left[1:], lines[1:], strict=True)
    )


def table_tag(
    frame: pd.DataFrame, caption: str = "", formats: Mapping[str, Format] | None = None
) -> str:
    """Write a data frame as a table.

    Parameters
    ----------
    frame : pandas.DataFrame
        The first column names the rows; the index is not shown.
    caption : str
        Above the table.
    formats : mapping of str to str or callable, optional
        By column: a format specification such as ".2f", or a function from a value to words.
        Without one, numbers have four digits. What is missing is left empty.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    ArgumentError
        If there is no column, or formats are for columns that are not there.
    """
    names = [str(name) for name in frame.columns]
    formats = formats or {}
    if not names:
        raise ArgumentError("a table needs a column")
    if unknown := [name for name in formats if name not in names]:
        raise ArgumentError(f"there is no column {unknown[0]!r}; there are {', '.join(names)}")
    numbers = [pd.api.types.is_numeric_dtype(dtype) for dtype in frame.dtypes]
    missing = frame.isna().to_numpy()
    columns = [
        [
            "" if gone else _cell(value, formats.get(name))
            for value, gone in zip(frame.iloc[:, i], missing[:, i], strict=True)
        ]
        for i, name in enumerate(names)
    ]
    rows = list(zip(*columns, strict=True))
    words = [i for i, is_number in enumerate(numbers) if not is_number]
    return f'<div class="wide">{html_table(names, rows, caption, words=words)}</div>'


def _cell(value: object, form: Format | None) -> str:
    if callable(form):
        return form(value)
    if form is None:
        form = ".4g" if pd.api.types.is_float(value) else ""
    return format(value, form)


def code_tag(text: str) -> str:
    """Show a text as it is, such as a configuration: line by line, in letters of one width."""
    return f"<pre><code>{html_text(text)}</code></pre>"
