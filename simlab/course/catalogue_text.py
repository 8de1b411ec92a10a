"""The catalogue as a person reads it: names, formulas, equations, then the estimates together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from simlab.text import Formula, Note, Paragraph, Part, Table
from simlab.text.numbers import number

if TYPE_CHECKING:
    from simlab.course.catalogue import Catalogue, Model

_FAILED = "unfitted"  # in the place of the first estimate
_TRADITIONAL = 7  # the first models; the others have cluster means, hence other coefficients
_INDENT = " " * 15


def model_parts(model: Model) -> list[Part]:
    """One model: name, formulas, equations."""
    equations = model.equations
    first, *others = equations.level2
    code = [("lme4", model.formula), ("nlme", f"{model.fixed}, random = {model.random}")]
    symbols = [("level 1", equations.level1), ("level 2", first), *(("", line) for line in others)]
    symbols.append(("combined", equations.combined))
    lines: list[Part] = [Paragraph(f"{model.name:<4} {model.title}", indent=" " * 5)]
    for lines_of, is_code in ((code, True), (symbols, False)):
        lines += [
            Formula(text, f"     {label:<10}", _INDENT + "  ", is_code) for label, text in lines_of
        ]
    if model.fit is None:
        lines.append(Paragraph(f"not fitted: {model.reason}", " " * 5, _INDENT))
    return lines


def catalogue_parts(found: Catalogue) -> list[Part | list[Part]]:
    """The whole catalogue."""
    y, x, w, cluster = found.roles
    title = (
        f"Ten models of {y} by {x} (level 1) and {w} (level 2): "
        f"{found.N} rows in {found.J} clusters of {cluster}"
    )
    parts: list[Part | list[Part]] = [Paragraph(title)]
    parts.append([Paragraph(line, "  ", "    ") for line in found.where])
    parts += [model_parts(model) for model in found]
    caption = f"Estimates by {found.method}, with standard errors in parentheses"
    parts.append(Paragraph(caption, indent=""))
    frame = found.to_frame()
    for columns in (frame.columns[:_TRADITIONAL], frame.columns[_TRADITIONAL:]):
        parts.append(_estimates(frame[columns], found))
    notes = [*found.notes, *_advice(found)]
    return [*parts, *(Note(f"Note: {note}", indent="      ") for note in notes)]


# ---------------------------------------------------------------- estimates


def _advice(found: Catalogue) -> list[str]:
    if found.method == "ML":
        return []
    return [
        "restricted log-likelihoods, AIC and BIC compare models with the same fixed part only: "
        "m3 with m4, m5 with m6, m8 with m9; method ML compares all"
    ]


def _estimates(frame: pd.DataFrame, found: Catalogue) -> Table:
    """Estimates of some models, the fixed, the random and those of the whole in parts."""
    shown = frame.dropna(how="all")
    cells = {name: _cells(frame[name]) for name in frame.columns}
    rows = [[_label(key), *(cells[name].get(key, "") for name in cells)] for key in shown.index]
    rows = rows or [[""] * (1 + len(cells))]
    for column, name in enumerate(cells, 1):
        if found[str(name)].fit is None:
            rows[0][column] = _FAILED
    keys = [key[0] for key in shown.index]
    breaks = [row for row in range(1, len(keys)) if keys[row] != keys[row - 1]]
    return Table(["", *map(str, cells)], rows, breaks=breaks, indent="  ")


def _cells(column: pd.Series[float]) -> dict[tuple[str, str, str], str]:
    """Numbers of one model as text; an estimate has the digits of its standard error."""
    column = column.dropna()
    values = dict(zip(column.index.to_flat_index(), column.to_numpy(), strict=True))
    out: dict[tuple[str, str, str], str] = {}
    for (part, term, quantity), value in values.items():
        key = (part, term, quantity)
        if quantity == "std_error":
            out[key] = f"({number(value)})"
        elif part == "fixed":
            out[key] = number(value, values[part, term, "std_error"])
        elif part == "random":
            out[key] = f"{value:.3f}" if term.startswith("cor(") else number(value)
        else:
            out[key] = f"{value:.0f}" if term == "npar" else f"{value:.2f}"
    return out


def _label(key: tuple[str, str, str]) -> str:
    part, term, quantity = key
    if quantity == "std_error":
        return ""
    if part == "random" and term.startswith("cor("):
        return term.replace("(Intercept)", "1").replace(",", ", ", 1)
    return {"sigma": "sd residual (σ)", "npar": "parameters"}.get(term, term)
