"""What a result is shown as: headings, paragraphs, notes, formulas, items and tables.

Each part knows how it stands in text, Markdown, LaTeX and HTML; whoever shows a result says only
what it shows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from simlab.text.html import html_symbols, html_table, html_text
from simlab.text.latex import latex, latex_table
from simlab.text.lines import wrapped, wrapped_sum
from simlab.text.markdown import markdown, markdown_table
from simlab.text.numbers import p_value
from simlab.text.plain import one_line
from simlab.text.table import text_table

if TYPE_CHECKING:
    import pandas as pd


class Part(Protocol):
    """A part of what is shown, in four formats."""

    def text(self) -> str:
        """Lines for a terminal."""

    def markdown(self) -> str:
        """Markdown for a page or a notebook."""

    def latex(self) -> str:
        """LaTeX for a paper."""

    def html(self) -> str:
        """HTML for a page or a notebook."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of what follows."""

    words: str

    def text(self) -> str:
        """One paragraph."""
        return wrapped(self.words, "  ", "")

    def markdown(self) -> str:
        """A heading of the second level."""
        return f"## {markdown(self.words)}"

    def latex(self) -> str:
        """A comment, for a paper has headings of its own."""
        return f"% {one_line(self.words)}"

    def html(self) -> str:
        """A paragraph in bold."""
        return f"<p><b>{html_text(self.words)}</b></p>"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Words; in text, the indent of the first line and that of the others."""

    words: str
    first: str = ""
    indent: str = "  "

    def text(self) -> str:
        """Lines that are broken between words."""
        return wrapped(self.words, self.indent, self.first)

    def markdown(self) -> str:
        """The words, escaped."""
        return markdown(self.words)

    def latex(self) -> str:
        """The words, escaped."""
        return latex(self.words)

    def html(self) -> str:
        """A paragraph."""
        return f"<p>{html_text(self.words)}</p>"


@dataclass(frozen=True, slots=True)
class Note(Paragraph):
    """A note that a reader must not overlook; its words begin with what kind of note it is."""

    def html(self) -> str:
        """A paragraph with a line on its left."""
        return f'<p class="note">{html_text(self.words)}</p>'


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula, with a label in front of it; `code` is typed as it stands, the rest is read."""

    words: str
    first: str = "  "
    indent: str = "    "
    code: bool = True

    def text(self) -> str:
        """Lines that are broken before a plus only."""
        return wrapped_sum(self.words, self.first, self.indent)

    def markdown(self) -> str:
        """Code, for Markdown would read marks in it; as many marks around it as it needs."""
        line = one_line(self.words)
        ticks = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
        blank = " " * ("`" in line)
        return f"{markdown(self._label())}{ticks}{blank}{line}{blank}{ticks}"

    def latex(self) -> str:
        """Letters of one width."""
        return rf"{latex(self._label())}\texttt{{{latex(self.words)}}}"

    def html(self) -> str:
        """Code, or a formula with its subscripts."""
        shown = f"<code>{html_text(self.words)}</code>" if self.code else html_symbols(self.words)
        return f"<p>{html_text(self._label())}{shown}</p>"

    def _label(self) -> str:
        label = self.first.strip()
        return f"{label} " if label else ""


@dataclass(frozen=True, slots=True)
class Items:
    """Names, and sentences on each of them."""

    items: Sequence[tuple[str, Sequence[str]]]

    def text(self) -> str:
        """Each name in a line, its sentences below it."""
        return "\n\n".join(
            "\n".join([wrapped(name), *(wrapped(line, "    ", "  - ") for line in lines)])
            for name, lines in self.items
        )

    def markdown(self) -> str:
        """A list of lists."""
        return "\n".join(
            "\n".join([f"* **{markdown(name)}**", *(f"  * {markdown(line)}" for line in lines)])
            for name, lines in self.items
        )

    def latex(self) -> str:
        """A description."""
        lines = [
            rf"\item[{{{latex(name)}}}] {latex('; '.join(told))}." for name, told in self.items
        ]
        return "\n".join([r"\begin{description}", *lines, r"\end{description}"] if lines else [])

    def html(self) -> str:
        """A description."""
        lines = "".join(
            f"<dt>{html_text(name)}</dt>" + "".join(f"<dd>{html_text(line)}</dd>" for line in told)
            for name, told in self.items
        )
        return f"<dl>{lines}</dl>" if lines else ""


@dataclass(frozen=True, slots=True)
class Table:
    """A small table of texts.

    Attributes
    ----------
    header, rows : sequences of str
        Names of the columns, and cells; numbers are recognised, and stand on the right.
    title : str
        A line above; "" for none.
    names : int
        Number of columns, the first ones, that say what a row is.
    breaks : sequence of int
        Rows that begin a new part.
    indent : str
        Blanks before each line of the text.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    names: int = 1
    breaks: Sequence[int] = ()
    indent: str = ""

    def text(self) -> str:
        """The title, and the table as wide as there is room."""
        told = text_table(self.header, self.rows, self.indent, names=self.names, breaks=self.breaks)
        return f"{wrapped(self.title, '  ', '')}\n\n{told}" if self.title else told

    def markdown(self) -> str:
        """A pipe table under its title."""
        table = markdown_table(self.header, self.rows)
        return f"### {markdown(self.title)}\n\n{table}" if self.title else table

    def latex(self) -> str:
        """A booktabs tabular, with its title in a comment."""
        table = latex_table(self.header, self.rows)
        return f"% {one_line(self.title)}\n{table}" if self.title else table

    def html(self) -> str:
        """A table with a caption."""
        rules = [row for row in self.breaks if 0 < row < len(self.rows)]
        return html_table(self.header, self.rows, self.title, rules)


def frame_table(
    frame: pd.DataFrame, spec: str = ".4g", title: str = "", **writers: Callable[[float], str]
) -> Table:
    """Make a table of a data frame, its index first.

    Parameters
    ----------
    frame : DataFrame
        Numbers and texts.
    spec : str
        Format of numbers; NaN is empty.
    title : str
        A line above; "" for none.
    **writers : callable
        By column, what writes its numbers otherwise; p-values are written as everywhere.

    Returns
    -------
    Table
    """
    writers = {"p_value": p_value, **writers}

    def cell(column: object, value: object) -> str:
        if not isinstance(value, float):
            return str(value)
        return "" if math.isnan(value) else writers.get(str(column), f"{{:{spec}}}".format)(value)

    index = frame.index.to_frame(index=False)
    header = ["" if name is None else str(name) for name in frame.index.names]
    rows = [
        [*map(str, names), *(cell(c, v) for c, v in zip(frame.columns, values, strict=True))]
        for names, values in zip(
            index.itertuples(index=False), frame.itertuples(index=False), strict=True
        )
    ]
    return Table([*header, *map(str, frame.columns)], rows, title, names=len(header))
