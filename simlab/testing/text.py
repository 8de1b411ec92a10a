"""Tests by simulation as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlab.text import Formula, Note, Paragraph, Part, Table
from simlab.text.numbers import p_value, statistic

if TYPE_CHECKING:
    from simlab.testing.result import PValue, PValues

COMPARED = {
    "max-T": "max-T compares each T with the greatest T* of every draw, as all have the same "
    "reference distribution in large samples",
    "min-P": "the statistics have different reference distributions, so min-P compares each p with "
    "the least p* of every draw",
}


def one(test: PValue) -> list[Part | list[Part]]:
    """One test: models, statistic, p-value, the other p-values, what each rests on."""
    frame = test.to_frame()
    rows = [
        [str(name), row["law"], statistic(row["statistic"]), p_value(row["p_value"])]
        for name, row in frame[frame["p_value"].notna()].iterrows()
    ]
    return [
        Paragraph(f"Likelihood-ratio test by {test.method}, its p-value by simulation"),
        [
            _model("H0", test.formulas[0]),
            _model("H1", test.formulas[1]),
            Paragraph(f"H0 says: {test.hypothesis}", "  ", "        "),
        ],
        *_notes(test.notes),
        [Paragraph(line, "  ", "    ") for line in _findings(test)],
        Table(["", "law", "statistic", "p"], rows, indent="  "),
        [Paragraph(line, "  ", "    ") for line in _remarks(test)],
    ]


def several(tests: PValues) -> list[Part | list[Part]]:
    """Several tests: their p-values with the adjusted ones, and what these rest on."""
    every = list(tests.tests.values())
    columns = ["p_value", "single_step", "step_down", "holm", "bonferroni"]
    rows = [
        [str(name), statistic(row["statistic"]), *(p_value(row[c]) for c in columns)]
        for name, row in tests.adjusted.iterrows()
    ]
    drawn = f"{every[0].draws:,} draws from H0 for all of them"
    if failures := sum(test.failures for test in every):
        drawn += f"; {failures:,} fits failed, and count as T* ≥ T"
    header = ["", "T", "p", tests.procedure, "step-down", "Holm", "Bonferroni"]
    explained = (
        f"Adjusted for the number of tests: {COMPARED[tests.procedure]}; stepping down does so "
        "among the hypotheses that are left (Westfall & Young 1993). If the null model holds, "
        "the least adjusted p is ≤ α with probability α at most. If only some of the "
        "hypotheses hold, that takes subset pivotality: their T* are distributed as under the "
        "null model. Holm and Bonferroni do not take it."
    )
    return [
        Paragraph(f"Likelihood-ratio tests by {every[0].method}: {drawn}"),
        _model("H0", every[0].formulas[0]),
        Paragraph("What H0 says, by alternative"),
        [
            Paragraph(f"{name}: {test.hypothesis}", "  ", "    ")
            for name, test in tests.tests.items()
        ],
        *_notes(tuple(dict.fromkeys(note for test in every for note in test.notes))),
        Table(header, rows, indent="  "),
        Paragraph(explained, indent=""),
    ]


def _model(name: str, formula: str) -> Formula:
    return Formula(formula, f"  {name}  ", "        ")


def _notes(notes: tuple[str, ...]) -> list[Note]:
    return [Note(f"NOTE: {note}", indent="      ") for note in notes]


def _findings(test: PValue) -> list[str]:
    low, high = (p_value(end) if end else "0" for end in test.interval)
    lines = [
        f"T = D0 − D1 = {statistic(test.statistic)},  p = {p_value(test.p_value)},  "
        f"{100 * test.level:g} % interval {low} to {high}",
        f"{test.exceedances:,} of {test.draws:,} draws from H0 have T* ≥ T",
    ]
    if test.stopped:
        lines[1] += ", where it was to stop (Besag & Clifford 1991)"
    if test.zeros:
        lines.append(f"{100 * test.zeros:.1f} % of the T* are 0")
    if test.failures:
        lines.append(f"in {test.failures:,} draws a fit did not converge; they count as T* ≥ T")
    return lines


def _remarks(test: PValue) -> list[str]:
    """What the other p-values rest on, or why there is none; once for those that share it."""
    remarks = test.references["remark"]
    return [
        f"{', '.join(same.index)}: {remark}."
        for remark, same in remarks.groupby(remarks, sort=False)
    ]
