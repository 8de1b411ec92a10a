"""A small table of text in four formats: terminal, Markdown, LaTeX, CSV."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from simlab.text import text_table, wrapped

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
    """A small table and what stands above it; the first `names` columns say what a row is."""

    name: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    names: int


def sheet(title: str, parts: Sequence[Titled], about: Sequence[str], format: str) -> str:
    """Put tables under a title, and lines about them beneath, as text, Markdown or LaTeX."""
    if format == "markdown":
        made = [f"### {p.name}\n\n{markdown_table(p.header, p.rows)}" for p in parts]
        return "\n\n".join([f"## {title}", *made, *about])
    if format == "latex":
        made = [f"% {p.name}\n{latex_table(p.header, p.rows)}" for p in parts]
        return "\n\n".join([f"% {title}", *made, *map(latex, about)])
    made = [f"{wrapped(p.name)}\n\n{text_table(p.header, p.rows, names=p.names)}" for p in parts]
    return "\n\n".join([title, *made, *(wrapped(line, "  ", "") for line in about)])


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
