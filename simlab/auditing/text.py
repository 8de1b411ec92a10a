"""An audit as a person reads it in a terminal: the answer first, then why."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.text import Text

from simlab.auditing.findings import Findings
from simlab.auditing.studies import QUESTIONS
from simlab.auditing.verdicts import (
    BIAS,
    TRUSTED,
    Row,
    by_method,
    coverage_bounds,
    rows_of,
)  # fmt: skip
from simlab.methods import short
from simlab.text import TIE, Heading, Paragraph, Part, Table, parts_text
from simlab.text.numbers import counted, number, plus_minus, se_error, signed
from simlab.words import NEW, SAME, SYMBOLS, TARGETS, places_of

STYLE = {"yes": "green", "safe": "cyan", "no": "red"}
MOST = 4  # methods named in the answer


def coloured(parts: Sequence[Part | list[Part]]) -> Text:
    """Return parts of a report for a terminal: headings bold, verdicts in colours."""
    shown_parts = []
    for part in parts:
        shown = Text(parts_text([part]))
        title = part.title if isinstance(part, Table) else ""
        if isinstance(part, Table) and any(name.endswith("?") for name in part.header):
            for word, style in STYLE.items():
                shown.highlight_regex(rf"(?<!\S){word}\??(?!\S)", style)
        bold = len(shown) if isinstance(part, Heading) else len(Heading(title).text())
        shown.stylize("bold", 0, bold)
        shown_parts.append(shown)
    return Text("\n\n").join(shown_parts)


def report(audit: Findings) -> list[Part | list[Part]]:
    """Return the whole report: the answer, a table for each slope, numbers and advice."""
    places = places_of(audit.subject.groups)
    parts = [*answer(audit), *(_overview(audit, place) for place in places)]
    for question in QUESTIONS:
        advised = advice(audit, question, places[0])
        title = f"Advice for {question_text(audit, question)}"
        parts += [_numbers(audit, question, places[0]), Table(["Method", "advice"], advised, title)]
    return [*parts, Heading("How to read it"), Paragraph(explained(audit), indent="")]


def answer(audit: Findings) -> list[Part | list[Part]]:
    """Return the short answer: what was audited, reversals, and which methods to trust."""
    s = audit.subject
    group = f", by {s.roles.group}" if s.roles.group else ""
    title = f"Audit of {s.source}: {s.roles.y} on {s.roles.x} in {s.roles.cluster}{group}"
    paradoxes = (Heading(str(paradox)) for paradox in audit.paradox)
    return [Heading(title), [*map(Paragraph, about(audit))], *paradoxes, _trusted(audit)]


def question_text(audit: Findings, question: str) -> str:
    """Name a question in the words of the data."""
    cluster = audit.subject.roles.cluster
    return {NEW: f"other clusters ({cluster})", SAME: f"the same clusters ({cluster}), other rows"}[
        question
    ]


def about(audit: Findings) -> list[str]:
    """Say what was audited and what is taken for true."""
    s, p = audit.subject, audit.subject.parameters
    left_out = ""
    if s.dropped:
        counts = ", ".join(f"{column} {count}" for column, count in s.missing.items())
        left_out = f"; {counted(s.dropped, 'row')} with missing values left out ({counts})"
    slopes = "; ".join(
        f"{name + ': ' if name else ''}β_W {within:.4g}, β_B {between:.4g}"
        for name, within, between in zip(s.groups, p.within, p.between, strict=True)
    )
    sd = [math.sqrt(v) for v in (p.G[0, 0], p.G[1, 1], p.sigma2)]
    return [
        f"{len(s.rows):,} rows in {s.clusters} clusters{left_out}.",
        f"Taken for true, from the HLM with context: {slopes}; sd of intercepts {sd[0]:.3g}, "
        f"of slopes {sd[1]:.3g}, of residuals {sd[2]:.3g}.",
    ]


def _trusted(audit: Findings) -> Table:
    """Table of the methods to trust, the most precise first."""
    everywhere = " (in every group, and for their difference)" if audit.subject.roles.group else ""
    rows = [
        [
            question_text(audit, question), SYMBOLS[target],
            ", ".join(_method(row) for row in rows[:MOST]) or "no method",
        ]
        for question, target, rows in trusted(audit)
    ]  # fmt: skip
    header = ["for", "slope", "methods, the most precise first"]
    return Table(header, rows, f"Which methods to trust{everywhere}", names=2)


def trusted(audit: Findings) -> list[tuple[str, str, list[Row]]]:
    """Question, target, and the methods to trust, the most precise first."""
    grouped: dict[tuple[str, str], list[Row]] = {}
    for row in rows_of(audit.answer):
        grouped.setdefault((row["question"], row["target"]), []).append(row)
    return [(*at, [r for r in rows if r["verdict"] in TRUSTED]) for at, rows in grouped.items()]


def _method(row: Row) -> str:
    """Name of a method, with its certainty."""
    wide = "wide, " if row["verdict"] == "safe" else ""
    sure = "" if math.isnan(row["certainty"]) else f"{100 * row['certainty']:.0f} %"
    inside = f"{wide}{sure}".removesuffix(", ")
    return short(row["method"]) + (f" ({inside})" if inside else "")


def _overview(audit: Findings, place: str) -> Table:
    """One slope: what each method says, and whether to believe it."""
    header = ["Method", "estimate", "SE", "λ"]
    header += [f"{q}:\n{part}" for q in ("other", "same") for part in ("SE, %", "β_W?", "β_B?")]
    table = []
    for label, own in _lines([r for r in rows_of(audit.verdicts) if r["place"] == place]):
        first = own[0]
        cells = [
            label,
            _number(first["estimate"], first["std_error"]),
            _number(first["std_error"], first["std_error"]),
            signed(first["lambda"], 2),
        ]
        for question in QUESTIONS:
            part = {row["target"]: row for row in own if row["question"] == question}
            cells.append(se_error(next(iter(part.values()))["relative_error"], digits=0, unit=""))
            cells += [_verdict(part[t]) if t in part else "" for t in TARGETS]
        table.append(cells)
    title = f"{_slope(audit, place)}: estimates and verdicts"
    return Table(header, table, title)


def _numbers(audit: Findings, question: str, place: str) -> Table:
    """The measured numbers behind the verdicts of one question."""
    header = ["Method", "SE:\nerror, %", "SE:\ncovers", "β_W:\nbias", "β_W:\ncovers",
              "β_B:\nbias", "β_B:\ncovers", "efficiency"]  # fmt: skip
    table = []
    for label, own in _lines(rows_at(audit, question, place)):
        first, part = own[0], {row["target"]: row for row in own}
        error = se_error(first["relative_error"], first["relative_error_mcse"], unit="")
        cells = [label, error, _share(first["own_coverage"])]
        for target, name in (("beta_within", "bias_within"), ("beta_between", "bias_between")):
            row = part.get(target)
            cells += ["", ""] if row is None else [_pm(row, name), _share(row["coverage"])]
        table.append([*cells, _pm(first, "efficiency")])
    title = f"{_slope(audit, place)}, {question_text(audit, question)}: ± is one Monte Carlo SE"
    return Table(header, table, title)


def advice(audit: Findings, question: str, place: str) -> list[list[str]]:
    """Every method with its advice for one question and slope."""
    own = by_method(rows_at(audit, question, place)).values()
    return [[short(first["method"]), first["advice"]] for first, *_ in own]


def rows_at(audit: Findings, question: str, place: str) -> list[Row]:
    """Verdicts of one question and slope."""
    rows = rows_of(audit.verdicts)
    return [row for row in rows if (row["question"], row["place"]) == (question, place)]


def explained(audit: Findings) -> str:
    """Say what the words and numbers of the report mean."""
    low, high = (f"{100 * bound:g} %" for bound in coverage_bounds(audit.study.level))
    sure = (
        f" Certainty, in %: the share of {audit.draws} parameter sets, drawn from the sampling "
        "distribution of the fit, in which the same is found."
        if audit.draws
        else ""
    )
    return (
        f"yes: bias at most {BIAS:g} true SE and the {100 * audit.study.level:g} % interval covers "
        f"{low} to {high}; safe: covers more, so it is wider than need be; ?: Monte Carlo error "
        "alone could turn it. λ: the method estimates β_W + λ(β_B − β_W), for other clusters. SE, "
        "%: error of the reported SE, in % of the true one. Bias: in true SEs. Covers: what the "
        "method estimates, then the target. Efficiency: variance of the best unbiased estimate of "
        "the same thing over the method's. For the same clusters, β_W is the mean of their slopes "
        "and β_B the slope of their means."
        f"{sure} {audit.study.replicates:,} replicates for each question, seed {audit.study.seed}."
    )


def _lines(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Label and rows of each line of a table: two for a method whose β_B has a term of its own."""
    lines: list[tuple[str, list[Row]]] = []
    for own in by_method(rows).values():
        label = short(own[0]["method"])
        aims = [row for row in own if row["target"] in TARGETS]
        for i, term in enumerate(dict.fromkeys(row["term"] for row in aims)):
            name = f"  {label}: β_B" if i else label
            lines.append((name, [row for row in aims if row["term"] == term]))
    return lines


def _slope(audit: Findings, place: str) -> str:
    x = audit.subject.roles.x
    return f"Slope of {x}, {place}" if place else f"Slope of {x}"


def _verdict(row: Row) -> str:
    """Cell of a verdict."""
    word = str(row["verdict"])
    if word == "not estimable":
        return "–"
    sure = "" if math.isnan(row["certainty"]) else f"{TIE}{100 * row['certainty']:.0f}"
    return word + ("" if row["decided"] else "?") + sure


def _share(value: float) -> str:
    return "" if math.isnan(value) else f"{100 * value:.1f}"


def _pm(row: Row, name: str) -> str:
    return plus_minus(row[name], row[f"{name}_mcse"], 2 - (abs(row[name]) >= 10))


def _number(value: float, unit: float) -> str:
    """A number with three significant digits of its standard error."""
    return number(value, unit, digits=3).replace("-", "−")
