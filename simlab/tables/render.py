"""The methods table as a person reads it: a word, its number, a mark; then sentences."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import pandas as pd

from simlab.errors import ArgumentError
from simlab.measures.doubts import MARK
from simlab.tables.extent import what_was_run
from simlab.tables.formats import csv, latex, latex_table, markdown_table
from simlab.tables.notes import N_SIM
from simlab.text import text_table, wrapped
from simlab.text.numbers import plus_minus, se_error

Format = Literal["text", "markdown", "latex", "csv"]
LEGEND = "✓ as the course says, ≈ the truth is finer, ✗ otherwise, ? undecided"
HEADER = (
    "Method",
    "Estimates (λ)",
    "Consistent\nfor β_W?\n(bias, %)",
    "Consistent\nfor β_B?\n(bias, %)",
    "Efficient?",
    "Honest?\nnew schools\n(SE error, %)",
    "Honest?\nsame schools\n(SE error, %)",
)


def render(frame: pd.DataFrame, format: Format = "text") -> str:
    """Render the frame of `methods_table`.

    Parameters
    ----------
    frame : DataFrame
        From `methods_table`, whole or some of its rows.
    format : {"text", "markdown", "latex", "csv"}
        `text` fits in the columns that there are, see `layout.width`; `csv` is the frame itself.

    Returns
    -------
    str
        Without a final line break.

    Raises
    ------
    ArgumentError
        When there is no such format.
    """
    check_format(format, get_args(Format))
    if format == "csv":
        return csv(frame)
    rows = [_cells(row) for row in frame.to_dict("records")]
    doubt = any(MARK in cell for row in rows for cell in row)
    title, about = _title(frame), [_explained(doubt), *_notes(frame)]
    sentences = [(str(row["label"]), _sentences(row)) for row in frame.to_dict("records")]
    if format == "markdown":
        return _markdown(title, rows, sentences, about)
    if format == "latex":
        return _latex(title, rows, sentences, about)
    told = [
        "\n".join([name, *(wrapped(s, "    ", "  - ") for s in said)]) for name, said in sentences
    ]
    notes = (wrapped(line, "  ", "") for line in about)
    return "\n\n".join([wrapped(title), text_table(HEADER, rows), *told, *notes])


def check_format(format: str, known: tuple[str, ...]) -> None:
    """Refuse a format that is not known.

    Raises
    ------
    ArgumentError
        Naming those that are.
    """
    if format not in known:
        raise ArgumentError(f"unknown format {format!r}; give one of {', '.join(known)}")


def _markdown(
    title: str, rows: list[list[str]], sentences: list[tuple[str, list[str]]], about: list[str]
) -> str:
    told = ["\n".join([f"* **{name}**", *(f"  * {s}" for s in said)]) for name, said in sentences]
    return "\n\n".join([f"## {title}", markdown_table(HEADER, rows), "\n".join(told), *about])


def _latex(
    title: str, rows: list[list[str]], sentences: list[tuple[str, list[str]]], about: list[str]
) -> str:
    told = [rf"\item[{latex(name)}] {latex('; '.join(said))}." for name, said in sentences]
    items = [r"\begin{description}", *told, r"\end{description}"] if told else []
    return "\n".join([f"% {title}", latex_table(HEADER, rows), "", *items, "", *map(latex, about)])


def _title(frame: pd.DataFrame) -> str:
    sector = frame.attrs.get("sector", "")
    return f"Summary of methods: {frame.attrs.get('study', 'study')}" + (
        f", sector {sector}" if sector else ""
    )


def _explained(doubt: bool) -> str:
    return (
        f"{LEGEND}. {N_SIM}. λ: the slope estimates β_W + λ(β_B − β_W), measured, and as J→∞ in "
        "theory. J→∞, n→∞: bias as schools get more numerous, larger, in % of |β_B − β_W|. "
        "Efficient?: variance of the best estimator of the same target over that of the method. "
        "Honest?: relative error of the standard error, and how often the interval covers."
        + (f" {MARK}: the estimate may have no variance." if doubt else "")
    )


def _notes(frame: pd.DataFrame) -> list[str]:
    notes = (f"{note}." for note in frame.attrs.get("notes", ()))
    return [*frame.attrs.get("failed", ()), *notes, *what_was_run(frame)]


def _sentences(row: dict[Any, Any]) -> list[str]:
    """The course's words, where it has any, then the measured sentences."""
    said = [
        f"{name} {row[f'{column}_course']}"
        for name, column in (
            ("estimates", "estimates"), ("efficient?", "efficient"), ("honest?", "honest")
        )
        if row[f"{column}_course"] != "—"
    ]  # fmt: skip
    course = f"the course: {'; '.join(said)}" if said else "not in the course"
    return [course, *(line for line in str(row["notes"]).split("\n") if line)]


def _cells(row: dict[Any, Any]) -> list[str]:
    return [
        str(row["label"]),
        _estimates(row),
        _both_sweeps(row, "W"),
        _both_sweeps(row, "B"),
        _efficient(row),
        _honest(row, "new"),
        _honest(row, "same"),
    ]


def _estimates(row: dict[Any, Any]) -> str:
    told = [_marked(row["estimates"], row["estimates_mark"])]
    if not math.isnan(row["lambda"]):
        told.append(plus_minus(row["lambda"], row["lambda_mcse"], 3))
        told += [] if math.isnan(row["lambda_theory"]) else [f"theory {row['lambda_theory']:.3f}"]
    return "\n".join([*told, f"n_sim = {row['n']:,}"])


def _both_sweeps(row: dict[Any, Any], target: str) -> str:
    cells = [_consistent(row, f"{target}_{sweep}") for sweep in "Jn"]
    words = {row[f"consistent_{target}_{sweep}"] for sweep in "Jn"}
    nothing = len(words) == 1 and words <= {"not studied here", "failed"}
    return words.pop() if nothing else "\n".join(cells)


def _consistent(row: dict[Any, Any], key: str) -> str:
    word = row[f"consistent_{key}"]
    way = f"{key[-1]}→∞"
    if math.isnan(row[f"bias_{key}"]):
        return f"{way} {_marked(word, '')}"
    unit = row[f"unit_{key}"] / 100
    number = plus_minus(row[f"bias_{key}"] / unit, row[f"bias_{key}_mcse"] / unit, 2, plus=True)
    return f"{way} {_marked(word, row[f'consistent_{key}_mark'])}\n{number}"


def _efficient(row: dict[Any, Any]) -> str:
    word = _marked(row["efficient"], row["efficient_mark"])
    if math.isnan(row["efficiency"]):  # the base alone is not measured
        return word
    return f"{word}\n{plus_minus(row['efficiency'], row['efficiency_mcse'], 3)}"


def _honest(row: dict[Any, Any], key: str) -> str:
    told = [_marked(row[f"honest_{key}"], row[f"honest_{key}_mark"])]
    if not math.isnan(row[f"se_error_{key}"]):
        told.append(se_error(row[f"se_error_{key}"], row[f"se_error_{key}_mcse"], unit=""))
    if row[f"honest_{key}"] != "too few" and not math.isnan(covers := row[f"coverage_{key}"]):
        told.append(f"covers {100 * covers:.0f} %")
    return "\n".join(told)


def _marked(word: str, mark: str) -> str:
    return f"{word} {MARK if word == 'not measured' else mark}".rstrip()
