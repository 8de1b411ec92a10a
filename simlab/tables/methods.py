"""The summary of methods: one row per method, of numbers and words."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import xarray as xr

from simlab.course.methods import course_of
from simlab.measures.doubts import MARK
from simlab.tables import conditions, notes
from simlab.tables.failed import failure_lines
from simlab.tables.notes import StudyTable, study_table, what_was_run
from simlab.tables.sizes import size_table
from simlab.text import Items, Part, Table
from simlab.text.numbers import plus_minus, se_error
from simlab.verdicts import Summary, Verdict, judge
from simlab.verdicts.view import View
from simlab.words import NEW, SYMBOLS

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


def methods_table(ds: xr.Dataset, sector: str | None = None) -> StudyTable:
    """Judge the methods of a study as the course's summary does, with measured numbers.

    Parameters
    ----------
    ds : Dataset
        Results of a study, from `simlab.run` or `simlab.open_dataset`.
    sector : str, optional
        Whose slopes; by default the first sector's.

    Returns
    -------
    StudyTable
        Its frame has one row per method, without the oracle. For the question Q: the measured word
        `Q`, the course's words `Q_course`, and `Q_mark` (✓ agrees, ≈ the truth is finer, ✗
        disagrees, ? undecided, empty when there is nothing to compare).

        estimates
            with lambda, lambda_mcse, lambda_theory of β_W + λ(β_B − β_W).
        consistent_W_J, consistent_W_n, consistent_B_J, consistent_B_n
            for β_W and β_B as schools get more numerous (J) and larger (n), with bias_*,
            bias_*_mcse and the margin_* it is judged by (unit of the slope), and replicates_*
            that would decide what is undecided.
        efficient
            with efficiency, efficiency_mcse (at the base condition) and efficient_where.
        honest_new, honest_same
            with se_error_*, se_error_*_mcse (%), coverage_*, coverage_*_mcse (a share),
            replicates_honest_*; honest_new_where.
        condition, condition_J, condition_n, condition_same
            Positions of the conditions that the numbers are of: the base, which all others but
            consistent_*_J, consistent_*_n and honest_same are about; the ends of the two sweeps;
            the base for the same schools. −1 where there is none.
        n, failed
            Replicates of the base condition with an estimate, and the share of those without.
        notes
            Sentences, one a line.

        Where there is no verdict, the word says why: "failed" (the method, in every replicate),
        "too few" (fewer than 100 replicates), "not measured" (see `simlab.measures.doubts`), "not
        studied here".

    Raises
    ------
    ArgumentError
        When there is no such sector, or no slope to judge.
    """
    return tabulated(ds, judge(ds, sector))


def tabulated(ds: xr.Dataset, summary: Summary) -> StudyTable:
    """Return the table of `methods_table` from verdicts that are there."""
    view = summary.view
    frame = pd.DataFrame([_row(verdict, view) for verdict in summary.rows])
    rows = frame.to_dict("records")
    cells = [_cells(row) for row in rows]
    sentences = [(str(row["label"]), _sentences(row)) for row in rows]
    doubt = any(MARK in cell for row in cells for cell in row)
    about = [
        _explained(doubt),
        *failure_lines(ds),
        *(f"{note}." for note in notes.of_all(view)),
        *what_was_run(ds, notes.of_run(ds, view)),
    ]
    tables: list[Part] = [Table(HEADER, cells), *([Items(sentences)] if sentences else [])]
    title = "Summary of methods"
    return study_table(title, ds, frame, tables, about, summary.sector)


def study_tables(ds: xr.Dataset, sector: str | None = None) -> StudyTable:
    """Tabulate a study: its methods, the conditions beyond the summary, the sizes of its tests.

    `sector` is whose slopes; by default the first sector's. ArgumentError when there is no such
    sector, or no slope to judge.
    """
    summary = judge(ds, sector)
    seen = summary.view
    each = None
    if not notes.speaks_of(seen).issuperset(range(ds.sizes["condition"])):
        each = conditions.tabulated(ds, summary.sector, seen)
    tables = [tabulated(ds, summary), *([each] if each else [])]
    tables += [size_table(ds)] if "test" in ds.dims else []
    return StudyTable(tables[0].frame, tuple(part for table in tables for part in table.parts()))


def _row(v: Verdict, view: View) -> dict[str, Any]:
    """Row of a method; where all its fits failed, with "failed" for every verdict."""
    row = _judged(v) | notes.positions(view)
    at = row["condition"] if row["condition"] >= 0 else max(row["condition_same"], 0)
    row |= {"n": notes.estimates(view, at, v.method), "failed": view.failed(at, v.method)}
    conditions = range(len(view.places.scheme))
    if all(view.failed(c, v.method) == 1 for c in conditions):
        row = {name: "failed" if word == "not studied here" else word for name, word in row.items()}
    return row


def _judged(v: Verdict) -> dict[str, Any]:
    """Columns of a method's verdicts: words, numbers, and the marks of the course."""
    course = course_of(v.method)
    aim, eff = v.estimand, v.efficiency
    row: dict[str, Any] = {
        "method": v.method,
        "label": v.label,
        "estimates": aim.word,
        **notes.with_mcse("lambda", aim.weight),
        "lambda_theory": aim.theory,
        "estimates_course": course.words("estimates"),
        "estimates_mark": aim.mark,
    }
    for c in v.consistency:
        key = f"{SYMBOLS[c.target][-1]}_{notes.SWEEPS[c.sweep]}"
        row |= {
            f"consistent_{key}": c.word,
            **notes.with_mcse(f"bias_{key}", c.bias),
            f"margin_{key}": c.margin,
            f"unit_{key}": c.unit,
            f"replicates_{key}": c.needed,
            f"consistent_{key}_course": c.course or course.consistent.get((c.target, c.sweep), "—"),
            f"consistent_{key}_mark": c.mark,
        }
    row |= {
        "efficient": eff.word,
        **notes.with_mcse("efficiency", eff.base),
        "efficient_where": eff.where,
        "efficient_course": course.words("efficient"),
        "efficient_mark": eff.mark,
    }
    for h in v.honesty:
        key = "new" if h.scheme == NEW else "same"
        row |= {
            f"honest_{key}": h.word,
            **notes.with_mcse(f"se_error_{key}", h.error),
            **notes.with_mcse(f"coverage_{key}", h.coverage),
            f"replicates_honest_{key}": h.needed,
            f"honest_{key}_mark": h.mark,
        }
    row |= {
        "honest_new_where": next((h.where for h in v.honesty if h.where), ""),
        "honest_course": course.words("honest"),
        "notes": "\n".join(v.sentences),
    }
    return row


def _explained(doubt: bool) -> str:
    """Say what the columns mean, and the mark of what may not be measured."""
    return (
        f"{LEGEND}. {notes.N_SIM}. "
        "λ: the slope estimates β_W + λ(β_B − β_W), measured, and as J→∞ in theory. "
        "J→∞, n→∞: bias as schools get more numerous, larger, in % of |β_B − β_W|. "
        "Efficient?: variance of the best estimator of the same target over that of the method. "
        "Honest?: relative error of the standard error, and how often the interval covers."
        + (f" {MARK}: the estimate may have no variance." if doubt else "")
    )


def _sentences(row: dict[Any, Any]) -> list[str]:
    """The course's words, where it has any, then the measured sentences."""
    words = [
        f"{name} {row[f'{column}_course']}"
        for name, column in (
            ("estimates", "estimates"), ("efficient?", "efficient"), ("honest?", "honest")
        )
        if row[f"{column}_course"] != "—"
    ]  # fmt: skip
    course = f"the course: {'; '.join(words)}" if words else "not in the course"
    return [course, *(line for line in str(row["notes"]).split("\n") if line)]


def _cells(row: dict[Any, Any]) -> list[str]:
    """Write the row of a method, a cell for each of `HEADER`."""
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
    """Cell of what a method estimates: the word, λ, and its theory."""
    lines = [_marked(row["estimates"], row["estimates_mark"])]
    if not math.isnan(row["lambda"]):
        lines.append(plus_minus(row["lambda"], row["lambda_mcse"], 3))
        lines += [] if math.isnan(row["lambda_theory"]) else [f"theory {row['lambda_theory']:.3f}"]
    return "\n".join([*lines, f"n_sim = {row['n']:,}"])


def _both_sweeps(row: dict[Any, Any], target: str) -> str:
    """Cell of the consistency for one target, over both sweeps."""
    cells = [_consistent(row, f"{target}_{sweep}") for sweep in "Jn"]
    words = {row[f"consistent_{target}_{sweep}"] for sweep in "Jn"}
    nothing = len(words) == 1 and words <= {"not studied here", "failed"}
    return words.pop() if nothing else "\n".join(cells)


def _consistent(row: dict[Any, Any], key: str) -> str:
    """Lines on one sweep: the word, and the bias in % of its unit."""
    word = row[f"consistent_{key}"]
    way = f"{key[-1]}→∞"
    if math.isnan(row[f"bias_{key}"]):
        return f"{way} {_marked(word, '')}"
    unit = row[f"unit_{key}"] / 100
    number = plus_minus(row[f"bias_{key}"] / unit, row[f"bias_{key}_mcse"] / unit, 2, plus=True)
    return f"{way} {_marked(word, row[f'consistent_{key}_mark'])}\n{number}"


def _efficient(row: dict[Any, Any]) -> str:
    """Cell of the efficiency: the word and the number."""
    word = _marked(row["efficient"], row["efficient_mark"])
    if math.isnan(row["efficiency"]):  # the base alone is not measured
        return word
    return f"{word}\n{plus_minus(row['efficiency'], row['efficiency_mcse'], 3)}"


def _honest(row: dict[Any, Any], key: str) -> str:
    """Cell of the honesty under a scheme: the word, the SE's error, and coverage."""
    lines = [_marked(row[f"honest_{key}"], row[f"honest_{key}_mark"])]
    if not math.isnan(row[f"se_error_{key}"]):
        lines.append(se_error(row[f"se_error_{key}"], row[f"se_error_{key}_mcse"], unit=""))
    if row[f"honest_{key}"] != "too few" and not math.isnan(covers := row[f"coverage_{key}"]):
        lines.append(f"covers {100 * covers:.0f} %")
    return "\n".join(lines)


def _marked(word: str, mark: str) -> str:
    return f"{word} {MARK if word == 'not measured' else mark}".rstrip()
