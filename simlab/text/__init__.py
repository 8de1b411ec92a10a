"""The one room for text: numbers and lines, tables in five formats, results that print, pages.

A result says in parts what it shows (`Printable.parts`); how a heading, a paragraph, a formula or a
table stands in text, Markdown, LaTeX and HTML, and what must be escaped, is decided here alone.
"""

from simlab.text.lines import PIPED, TIE, listed, width, wrapped, wrapped_sum
from simlab.text.parts import (
    Command,
    Facts,
    Formula,
    Heading,
    Items,
    Note,
    Paragraph,
    Part,
    Table,
    frame_table,
)
from simlab.text.plain import one_line
from simlab.text.printable import Format, Printable, PrintableFrame, parts_text
from simlab.text.table import text_table

__all__ = [
    "PIPED", "TIE", "Command", "Facts", "Format", "Formula", "Heading", "Items", "Note",
    "Paragraph", "Part", "Printable", "PrintableFrame", "Table", "frame_table", "listed",
    "one_line", "parts_text", "text_table", "width", "wrapped", "wrapped_sum",
]  # fmt: skip
