"""The summary of methods: one row per method, numbers beside words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import xarray as xr

from simlab.course.methods import course_of
from simlab.measures.doubts import MARK
from simlab.tables import notes, words
from simlab.tables.extent import what_was_run
from simlab.tables.failed import failure_lines
from simlab.text import Heading, Items, Paragraph, Part, PrintableFrame, Table
from simlab.verdicts import Summary, Verdict, judge
from simlab.verdicts.view import View
from simlab.words import NEW, SYMBOLS


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MethodsTable(PrintableFrame):
    """The summary of methods: one row per method; see `methods_table`.

    Attributes
    ----------
    frame : DataFrame
        Words, numbers and marks of each method.
    study, sector : str
        Names; no sector is "".
    notes : tuple of str
        Conditions that the columns speak of, and what is true of all rows.
    failed : tuple of str
        Methods that failed, and why.
    run : tuple of str
        What was run, and what is unfinished.
    """

    frame: pd.DataFrame
    study: str
    sector: str
    notes: tuple[str, ...]
    failed: tuple[str, ...]
    run: tuple[str, ...]

    def parts(self) -> list[Part | list[Part]]:
        """A word, its number and a mark for each question; sentences; what they mean."""
        rows = self.frame.to_dict("records")
        cells = [words.cells(row) for row in rows]
        sentences = [(str(row["label"]), words.sentences(row)) for row in rows]
        doubt = any(MARK in cell for row in cells for cell in row)
        notes = (f"{note}." for note in self.notes)
        about = [words.explained(doubt), *self.failed, *notes, *self.run]
        title = f"Summary of methods: {self.study}"
        return [
            Heading(f"{title}, sector {self.sector}" if self.sector else title),
            Table(words.HEADER, cells),
            *([Items(sentences)] if sentences else []),
            *map(Paragraph, about),
        ]


def methods_table(ds: xr.Dataset, sector: str | None = None) -> MethodsTable:
    """Judge the methods of a study as the course's summary does, with measured numbers.

    Parameters
    ----------
    ds : Dataset
        Results of a study, from `simlab.run` or `simlab.open_dataset`.
    sector : str, optional
        Whose slopes; by default the first sector's.

    Returns
    -------
    MethodsTable
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


def tabulated(ds: xr.Dataset, summary: Summary) -> MethodsTable:
    """Return the table of `methods_table` from verdicts that are there."""
    return MethodsTable(
        pd.DataFrame([_row(verdict, summary.view) for verdict in summary.rows]),
        summary.study,
        summary.sector,
        tuple(notes.of_all(summary.view)),
        tuple(failure_lines(ds)),
        what_was_run(ds, notes.of_run(ds, summary.view)),
    )


def _row(v: Verdict, view: View) -> dict[str, Any]:
    row = _judged(v) | notes.positions(view)
    at = row["condition"] if row["condition"] >= 0 else max(row["condition_same"], 0)
    row |= {"n": notes.estimates(view, at, v.method), "failed": view.failed(at, v.method)}
    conditions = range(len(view.places.scheme))
    if all(view.failed(c, v.method) == 1 for c in conditions):
        row = {name: "failed" if word == "not studied here" else word for name, word in row.items()}
    return row


def _judged(v: Verdict) -> dict[str, Any]:
    course = course_of(v.method)
    aim, eff = v.estimand, v.efficiency
    row: dict[str, Any] = {
        "method": v.method,
        "label": v.label,
        "estimates": aim.word,
        **notes.with_mcse("lambda", aim.share),
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
            f"consistent_{key}_course": c.said or course.consistent.get((c.target, c.sweep), "—"),
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
