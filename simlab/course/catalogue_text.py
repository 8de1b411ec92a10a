"""The catalogue as a person reads it: names, formulas, equations, then the estimates together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from simlab.report.fragments import html_block, html_symbols, html_table, html_text
from simlab.text import one_line, text_table, wrapped, wrapped_sum
from simlab.text.numbers import number

if TYPE_CHECKING:
    from simlab.course.catalogue import Catalogue, Model

_FAILED = "unfitted"  # in the place of the first estimate
_TRADITIONAL = 7  # the first models; the others have cluster means, hence other coefficients
_INDENT = " " * 15


def model_text(model: Model) -> str:
    """One model: name, formulas, equations."""
    lines = [wrapped(f"{model.name:<4} {model.title}", indent=" " * 5, first="")]
    for label, text in _described(model):
        lines.append(wrapped_sum(one_line(text), f"     {label:<10}", _INDENT + "  "))
    if model.fit is None:
        lines.append(wrapped(f"not fitted: {model.reason}", indent=_INDENT, first=" " * 5))
    return "\n".join(lines)


def catalogue_text(found: Catalogue) -> str:
    """The whole catalogue."""
    title = wrapped(one_line(_title(found)), "  ", "")
    parts = [title, "\n".join(wrapped(line, "    ", "  ") for line in found.where)]
    parts += [model_text(model) for model in found]
    parts.append(wrapped(f"Estimates by {found.method}, with standard errors in parentheses"))
    frame = found.to_frame()
    for columns in (frame.columns[:_TRADITIONAL], frame.columns[_TRADITIONAL:]):
        rows, rules = _rows(frame[columns], found, "")
        parts.append(text_table(["", *map(str, columns)], rows, "  ", breaks=rules[1:]))
    parts += [wrapped(f"Note: {note}", "      ", "") for note in [*found.notes, *_advice(found)]]
    return "\n\n".join(parts)


def catalogue_html(found: Catalogue) -> str:
    """The same as one block of HTML, with the estimates in a single table."""
    models = []
    for model in found:
        pairs = [(label, text) for label, text in _described(model)]
        body = "".join(
            f"<tr><td>{html_text(label)}</td><td style='text-align:left'>"
            + (f"<code>{html_text(text)}</code>" if i < 2 else html_symbols(text))
            + "</td></tr>"
            for i, (label, text) in enumerate(pairs)
        )
        caption = f"{html_text(model.name)}: {html_text(model.title)}"
        models.append(f"<table><caption>{caption}</caption><tbody>{body}</tbody></table>")
    frame = found.to_frame()
    rows, rules = _rows(frame, found, "\n")
    caption = f"Estimates by {found.method}, with standard errors in parentheses"
    notes = [f'<p class="note">{html_text(n)}</p>' for n in [*found.notes, *_advice(found)]]
    where = "".join(f"<p>{html_symbols(line)}</p>" for line in found.where)
    table = html_table(["", *map(str, frame.columns)], rows, caption, rules)
    return html_block(f"<p><b>{html_text(_title(found))}</b></p>", where, *models, table, *notes)


# ---------------------------------------------------------------- parts


def _title(found: Catalogue) -> str:
    y, x, w, cluster = found.roles
    return (
        f"Ten models of {y} by {x} (level 1) and {w} (level 2): "
        f"{found.N} rows in {found.J} clusters of {cluster}"
    )


def _described(model: Model) -> list[tuple[str, str]]:
    equations = model.equations
    first, *others = equations.level2
    return [
        ("lme4", model.formula),
        ("nlme", f"{model.fixed}, random = {model.random}"),
        ("level 1", equations.level1),
        ("level 2", first),
        *(("", line) for line in others),
        ("combined", equations.combined),
    ]


def _advice(found: Catalogue) -> list[str]:
    if found.method == "ML":
        return []
    return [
        "restricted log-likelihoods, AIC and BIC compare models with the same fixed part only: "
        "m3 with m4, m5 with m6, m8 with m9; method ML compares all"
    ]


def _rows(
    frame: pd.DataFrame, found: Catalogue, joint: str
) -> tuple[list[list[str]], tuple[int, ...]]:
    """Rows of the table and those that begin a part; `joint` joins estimate and standard error."""
    shown = frame.dropna(how="all")
    cells = {name: _cells(frame[name]) for name in frame.columns}
    rows: list[list[str]] = []
    rules: list[int] = []
    before = ""
    for key in shown.index:
        line = [cells[name].get(key, "") for name in frame.columns]
        if key[0] != before:
            rules.append(len(rows))
            before = key[0]
        if joint and key[2] == "std_error":
            pairs = zip(rows[-1], ["", *line], strict=True)
            rows[-1] = [f"{above}{joint}{below}" if below else above for above, below in pairs]
        else:
            rows.append([_label(key), *line])
    rows = rows or [[""] * (1 + len(frame.columns))]
    for place, name in enumerate(frame.columns):
        model = found[str(name)]
        if model.fit is None:
            rows[0][place + 1] = _FAILED + (f": {model.reason}" if joint else "")
    return rows, tuple(rules)


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
