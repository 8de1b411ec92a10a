"""A small table of text in four formats: terminal, Markdown, LaTeX, CSV."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH = 110

_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
    }
)
_SYMBOLS = {
    "β_W": r"$\beta_W$",
    "β_B": r"$\beta_B$",
    "λ": r"$\lambda$",
    "→": r"$\to$",
    "∞": r"$\infty$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": r"$-$",
    "✓": r"$\checkmark$",
    "≈": r"$\approx$",
    "✗": r"$\times$",
    "—": "---",
    "χ²": r"$\chi^2$",
    "β": r"$\beta$",
    "g₁₁": r"$g_{11}$",
    "≤": r"$\le$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
}


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]], width: int = WIDTH) -> str:
    """Lay out a table for a terminal; cells may have several lines."""
    table = Table(box=box.SIMPLE_HEAD, show_lines=False, padding=(0, 1, 0, 0), expand=False)
    for name in header:
        table.add_column(Text(name), overflow="fold")
    for i, row in enumerate(rows):
        tall = any("\n" in cell for cell in row) and i < len(rows) - 1
        table.add_row(*map(Text, row), end_section=False)
        if tall:
            table.add_row()
    return _printed(table, width)


def wide_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table as wide as it needs: a line a row, to be searched and scrolled."""
    width = sum(max(map(len, column)) + 2 for column in zip(header, *rows, strict=True)) + 2
    return text_table(header, rows, width)


def wrapped(line: str, width: int = WIDTH, indent: str = "  ") -> str:
    """Break a line between words, with the later lines indented."""
    pieces = Text(line).wrap(Console(width=width, file=io.StringIO()), width - len(indent))
    return f"\n{indent}".join(piece.plain.rstrip() for piece in pieces)


def _printed(table: Table, width: int) -> str:
    console = Console(
        width=width,
        file=io.StringIO(),
        force_terminal=False,
        color_system=None,
        legacy_windows=False,
    )
    with console.capture() as capture:
        console.print(table)
    lines = (line.rstrip() for line in capture.get().splitlines())
    return "\n".join(lines).strip("\n")


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a pipe table; line breaks within cells become `<br>`."""

    def line(cells: Sequence[str]) -> str:
        safe = (cell.replace("|", r"\|").replace("\n", "<br>") for cell in cells)
        return "| " + " | ".join(safe) + " |"

    return "\n".join([line(header), line(["---"] * len(header)), *map(line, rows)])


def latex(text: str) -> str:
    """Escape text for LaTeX, with the symbols of the field in mathematics."""
    for k, symbol in enumerate(_SYMBOLS):
        text = text.replace(symbol, f"\x00{k}\x01")
    text = text.translate(_LATEX)
    for k, replacement in enumerate(_SYMBOLS.values()):
        text = text.replace(f"\x00{k}\x01", replacement)
    return text


def latex_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    r"""Write a booktabs tabular; needs `booktabs`, `makecell` and `amssymb`."""

    def line(cells: Sequence[str]) -> str:
        made = []
        for cell in cells:
            body = latex(cell)
            made.append(
                r"\makecell[lt]{" + body.replace("\n", r" \\ ") + "}" if "\n" in body else body
            )
        return " & ".join(made) + r" \\"

    return "\n".join(
        [
            r"% needs \usepackage{booktabs,makecell,amssymb}",
            r"\begin{tabular}{" + "l" * len(header) + "}",
            r"\toprule",
            line(header),
            r"\midrule",
            *map(line, rows),
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


class Titled(NamedTuple):
    """A small table and what stands above it."""

    name: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def sheet(title: str, parts: Sequence[Titled], about: Sequence[str], format: str) -> str:
    """Put tables under a title, and lines about them beneath, as text, Markdown or LaTeX."""
    if format == "markdown":
        made = [f"### {p.name}\n\n{markdown_table(p.header, p.rows)}" for p in parts]
        return "\n\n".join([f"## {title}", *made, *about])
    if format == "latex":
        made = [f"% {p.name}\n{latex_table(p.header, p.rows)}" for p in parts]
        return "\n\n".join([f"% {title}", *made, *map(latex, about)])
    made = [f"{p.name}\n\n{text_table(p.header, p.rows)}" for p in parts]
    return "\n\n".join([title, *made, *map(wrapped, about)])


def csv(frame: pd.DataFrame) -> str:
    """Write a data frame with every digit."""
    return frame.to_csv(index=False).rstrip("\n")


def level(value: Any) -> str:
    """Write a level of a factor; nothing where a condition has no such field."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:g}"
    return "" if str(value) == "nan" else str(value)


def sorted_by(frame: pd.DataFrame, factors: Sequence[str]) -> pd.DataFrame:
    """Sort rows by factors, the first of them first: numbers by size, words as they come."""

    def key(column: pd.Series) -> pd.Series:
        numbers = pd.api.types.is_numeric_dtype(column)
        return column if numbers else pd.Series(pd.factorize(column)[0], column.index)

    return frame.sort_values([*factors], kind="stable", key=key) if factors else frame
