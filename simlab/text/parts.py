"""What a result is shown as: headings, paragraphs, notes, formulas, facts, items and tables.

Whoever shows a result says only what it shows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simlab.text.html import html_symbols, html_table, html_text
from simlab.text.latex import latex, latex_table
from simlab.text.lines import width, wrapped, wrapped_sum
from simlab.text.markdown import markdown, markdown_table
from simlab.text.numbers import p_value
from simlab.text.plain import one_line
from simlab.text.table import text_table

if TYPE_CHECKING:
    import pandas as pd


class Part:
    """Part of a result; how it is written in each format is below."""

    __slots__ = ()

    def text(self) -> str:
        """Lines for a terminal."""
        return _text(self)

    def markdown(self) -> str:
        """Markdown for a page or a notebook."""
        return _markdown(self)

    def latex(self) -> str:
        """LaTeX for a paper."""
        return _latex(self)

    def html(self) -> str:
        """HTML for a page or a notebook."""
        return _html(self)


@dataclass(frozen=True, slots=True)
class Heading(Part):
    """A heading of what follows."""

    words: str


@dataclass(frozen=True, slots=True)
class Paragraph(Part):
    """Words; in text, the indent of the first line and that of the others."""

    words: str
    first: str = ""
    indent: str = "  "


@dataclass(frozen=True, slots=True)
class Note(Paragraph):
    """A note that a reader must not overlook; its words begin with what kind of note it is."""


@dataclass(frozen=True, slots=True)
class Formula(Part):
    """A formula, with a label in front of it; `code` is typed as it stands, the rest is read."""

    words: str
    first: str = "  "
    indent: str = "    "
    code: bool = True

    @property
    def label(self) -> str:
        """The label and a blank; "" without one."""
        label = self.first.strip()
        return f"{label} " if label else ""


@dataclass(frozen=True, slots=True)
class Command(Part):
    """A command to be copied, which is never broken, and a comment on it."""

    line: str
    comment: str


@dataclass(frozen=True, slots=True)
class Facts(Part):
    """Names, and a fact on each of them: beside the name, in one column."""

    facts: Sequence[tuple[str, str]]
    indent: str = ""  # blanks before each line of the text


@dataclass(frozen=True, slots=True)
class Items(Part):
    """Names, and sentences on each of them."""

    items: Sequence[tuple[str, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Table(Part):
    """A small table of texts; cells that are numbers are recognised, and stand on the right."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""  # a line above; "" for none
    names: int = 1  # columns, the first ones, that say what a row is
    breaks: Sequence[int] = ()  # rows that begin a new part
    indent: str = ""  # blanks before each line of the text


def _text(part: Part) -> str:
    """Part as text for a terminal."""
    match part:
        case Heading(words):
            return wrapped(words, "  ", "")
        case Paragraph(words, first, indent):
            return wrapped(words, indent, first)
        case Formula(words, first, indent):
            return wrapped_sum(words, first, indent)
        case Command(line, comment):
            line, comment = one_line(line), one_line(comment)
            whole = f"{line}   # {comment}"
            return whole if len(whole) <= width() else f"{wrapped(comment, '#   ', '# ')}\n{line}"
        case Facts(facts, indent):
            names = [one_line(name) for name, _ in facts]
            longest = max(map(len, names), default=0)
            below = indent + " " * (longest + 2)
            return "\n".join(
                wrapped(fact, below, f"{indent}{name:<{longest}}  ")
                for name, (_, fact) in zip(names, facts, strict=True)
            )
        case Items(items):
            return "\n\n".join(
                "\n".join([wrapped(name), *(wrapped(line, "    ", "  - ") for line in lines)])
                for name, lines in items
            )
    assert isinstance(part, Table)
    table = text_table(part.header, part.rows, part.indent, names=part.names, breaks=part.breaks)
    return f"{wrapped(part.title, '  ', '')}\n\n{table}" if part.title else table


def _markdown(part: Part) -> str:
    """Part as Markdown."""
    match part:
        case Heading(words):
            return f"## {markdown(words)}"
        case Paragraph(words):
            return markdown(words)
        case Formula(words):
            return f"{markdown(part.label)}{_ticked(words)}"
        case Command(line, comment):
            return f"{_ticked(line)} {markdown(comment)}"
        case Facts(facts):
            return "\n".join(f"* **{markdown(name)}**: {markdown(fact)}" for name, fact in facts)
        case Items(items):
            return "\n".join(
                "\n".join([f"* **{markdown(name)}**", *(f"  * {markdown(line)}" for line in lines)])
                for name, lines in items
            )
    assert isinstance(part, Table)
    table = markdown_table(part.header, part.rows)
    return f"### {markdown(part.title)}\n\n{table}" if part.title else table


def _ticked(words: str) -> str:
    """Write code, in which no mark is read; as many ticks around it as it needs."""
    line = one_line(words)
    ticks = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    blank = " " * ("`" in line)
    return f"{ticks}{blank}{line}{blank}{ticks}"


def _latex(part: Part) -> str:
    """Part as LaTeX."""
    match part:
        case Heading(words):  # a paper has headings of its own
            return f"% {one_line(words)}"
        case Paragraph(words):
            return latex(words)
        case Formula(words):
            return rf"{latex(part.label)}\texttt{{{latex(words)}}}"
        case Command(line, comment):
            return rf"\texttt{{{latex(line)}}} {latex(comment)}"
        case Facts(facts):
            return _description(facts)
        case Items(items):
            return _description([(name, f"{'; '.join(lines)}.") for name, lines in items])
    assert isinstance(part, Table)
    table = latex_table(part.header, part.rows)
    return f"% {one_line(part.title)}\n{table}" if part.title else table


def _description(facts: Sequence[tuple[str, str]]) -> str:
    lines = [rf"\item[{{{latex(name)}}}] {latex(fact)}" for name, fact in facts]
    return "\n".join([r"\begin{description}", *lines, r"\end{description}"]) if lines else ""


def _html(part: Part) -> str:
    """Part as HTML."""
    match part:
        case Heading(words):
            return f"<p><b>{html_text(words)}</b></p>"
        case Note(words):
            return f'<p class="note">{html_text(words)}</p>'
        case Paragraph(words):
            return f"<p>{html_text(words)}</p>"
        case Formula(words):
            shown = f"<code>{html_text(words)}</code>" if part.code else html_symbols(words)
            return f"<p>{html_text(part.label)}{shown}</p>"
        case Command(line, comment):
            return f"<p><code>{html_text(line)}</code> {html_text(comment)}</p>"
        case Facts(facts):
            return _terms([(name, [fact]) for name, fact in facts])
        case Items(items):
            return _terms(items)
    assert isinstance(part, Table)
    rules = [row for row in part.breaks if 0 < row < len(part.rows)]
    return html_table(part.header, part.rows, part.title, rules)


def _terms(items: Sequence[tuple[str, Sequence[str]]]) -> str:
    lines = "".join(
        f"<dt>{html_text(name)}</dt>" + "".join(f"<dd>{html_text(x)}</dd>" for x in texts)
        for name, texts in items
    )
    return f"<dl>{lines}</dl>" if lines else ""


def frame_table(
    frame: pd.DataFrame, spec: str = ".4g", title: str = "", **writers: Callable[[float], str]
) -> Table:
    """Make a table of a data frame, its index first; NaN is empty.

    `spec` is the format of numbers; p-values are written as everywhere. `writers` are by column,
    for numbers that are written otherwise.
    """
    writers = {"p_value": p_value, **writers}

    def cell(column: object, value: object) -> str:
        """Text of a cell: numbers by the format of their column, "" for NaN."""
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
