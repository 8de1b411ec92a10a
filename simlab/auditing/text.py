"""An audit as a person reads it in a terminal of 100 columns: the answer first, then why."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from simlab.auditing.advice import SYMBOL, short
from simlab.auditing.result import Audit
from simlab.auditing.studies import NEW, QUESTIONS, SAME
from simlab.auditing.verdicts import (
    BIAS,
    TRUSTED,
    Row,
    by_method,
    coverage_bounds,
    places_of,
    rows_of,
)  # fmt: skip
from simlab.fitting.layout import number
from simlab.words import decimals, signed

WIDTH = 100
STYLE = {"yes": "green", "safe": "cyan", "no": "red", "not estimable": "dim"}
MOST = 4  # methods named in the answer


def text(audit: Audit) -> str:
    """Return the whole report as plain text."""
    console = Console(width=WIDTH, file=io.StringIO(), color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(report(audit))
    return "\n".join(line.rstrip() for line in capture.get().splitlines()).strip("\n")


def report(audit: Audit) -> Group:
    """Return the whole report: the answer, a table for each slope, numbers and advice."""
    places = places_of(audit.subject.groups)
    parts: list[RenderableType] = [answer(audit)]
    parts += [_overview(audit, place) for place in places]
    for question in QUESTIONS:
        parts += [_numbers(audit, question, places[0]), _advice(audit, question, places[0])]
    return Group(*parts, Text(explained(audit), "dim"))


def answer(audit: Audit) -> Group:
    """Return the short answer: what was audited, reversals, and which methods to trust."""
    return Group(_title(audit), *_paradox(audit), _trusted(audit))


def asked(audit: Audit, question: str) -> str:
    """Name a question in the words of the data."""
    cluster = audit.subject.roles.cluster
    return {NEW: f"other clusters ({cluster})", SAME: f"the same clusters ({cluster}), other rows"}[
        question
    ]


def about(audit: Audit) -> list[str]:
    """Say what was audited and what is taken for true."""
    s, p = audit.subject, audit.subject.parameters
    left_out = ""
    if s.dropped:
        counts = ", ".join(f"{column} {count}" for column, count in s.missing.items())
        left_out = f"; {s.dropped:,} rows with missing values left out ({counts})"
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


def _title(audit: Audit) -> Group:
    s = audit.subject
    group = f", by {s.roles.group}" if s.roles.group else ""
    title = f"Audit of {s.source}: {s.roles.y} on {s.roles.x} in {s.roles.cluster}{group}"
    return Group(Text(title, "bold"), *map(Text, about(audit)))


def _paradox(audit: Audit) -> list[RenderableType]:
    return [Padding(Text(f"{found}", "bold yellow"), (1, 0, 0, 0)) for found in audit.paradox]


def _trusted(audit: Audit) -> Padding:
    """Which methods to trust, the most precise first."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    everywhere = " (in every group, and for their difference)" if audit.subject.roles.group else ""
    for question, target, rows in trusted(audit):
        methods = [_method(row) for row in rows][:MOST]
        where = asked(audit, question) if target == "beta_within" else ""
        named = Text(", ").join(methods) if methods else Text("no method", STYLE["no"])
        grid.add_row(where, SYMBOL[target], named)
    heading = Text(f"Which methods to trust{everywhere}", "bold")
    return Padding(Group(heading, grid), (1, 0, 1, 0))


def trusted(audit: Audit) -> list[tuple[str, str, list[Row]]]:
    """Question, target, and the methods to trust, the most precise first."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows_of(audit.answer):
        found.setdefault((row["question"], row["target"]), []).append(row)
    return [(*at, [r for r in rows if r["verdict"] in TRUSTED]) for at, rows in found.items()]


def _method(row: Row) -> Text:
    told = Text(short(str(row["label"])), STYLE[row["verdict"]])
    wide = "wide, " if row["verdict"] == "safe" else ""
    sure = "" if math.isnan(row["certainty"]) else _percent(row["certainty"])
    inside = f"{wide}{sure}".removesuffix(", ")
    return told.append(f" ({inside})", "dim") if inside else told


def _overview(audit: Audit, place: str) -> Table:
    """One slope: what each method says, and whether to believe it."""
    table = _table(f"{_slope(audit, place)}: estimates and verdicts")
    for name in ("Method", "estimate", "SE", "λ"):
        table.add_column(name, justify="left" if name == "Method" else "right", no_wrap=True)
    for question in ("other", "same"):
        table.add_column(f"{question}:\nSE, %", justify="right", no_wrap=True)
        table.add_column("\nβ_W?", no_wrap=True)
        table.add_column("\nβ_B?", no_wrap=True)
    rows = [row for row in rows_of(audit.verdicts) if row["place"] == place]
    for label, own in _lines(rows):
        first = own[0]
        cells: list[str | Text] = [
            label,
            _number(first["estimate"], first["std_error"]),
            _number(first["std_error"], first["std_error"]),
            signed(first["lambda"], 2),
        ]
        for question in QUESTIONS:
            part = {row["target"]: row for row in own if row["question"] == question}
            cells.append(signed(next(iter(part.values()))["relative_error"], 0, plus=True))
            cells += [
                _verdict(part[t]) if t in part else "" for t in ("beta_within", "beta_between")
            ]
        table.add_row(*cells)
    return table


def _numbers(audit: Audit, question: str, place: str) -> Table:
    """The measured numbers behind the verdicts of one question."""
    table = _table(f"{_slope(audit, place)}, {asked(audit, question)}: ± is one Monte Carlo SE")
    table.add_column("Method", no_wrap=True)
    for name in ("SE:\nerror, %", "\ncovers", "β_W:\nbias", "\ncovers", "β_B:\nbias",
                 "\ncovers", "\nefficiency"):  # fmt: skip
        table.add_column(name, justify="right", no_wrap=True)
    for label, own in _lines(_here(audit, question, place)):
        first, part = own[0], {row["target"]: row for row in own}
        cells = [label, _pm(first, "relative_error", 1, plus=True), _share(first["own_coverage"])]
        for target, name in (("beta_within", "bias_within"), ("beta_between", "bias_between")):
            row = part.get(target)
            cells += ["", ""] if row is None else [_pm(row, name, 2), _share(row["coverage"])]
        table.add_row(*cells, _pm(first, "efficiency", 2))
    return table


def _advice(audit: Audit, question: str, place: str) -> Padding:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for own in by_method(_here(audit, question, place)).values():
        grid.add_row(f"  {short(own[0]['label'])}", own[0]["advice"])
    return Padding(Group(Text(f"Advice for {asked(audit, question)}", "bold"), grid), (0, 0, 1, 0))


def _here(audit: Audit, question: str, place: str) -> list[Row]:
    rows = rows_of(audit.verdicts)
    return [row for row in rows if (row["question"], row["place"]) == (question, place)]


def explained(audit: Audit) -> str:
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
    found: list[tuple[str, list[Row]]] = []
    for own in by_method(rows).values():
        label = short(own[0]["label"])
        aims = [row for row in own if row["target"] in ("beta_within", "beta_between")]
        for i, term in enumerate(dict.fromkeys(row["term"] for row in aims)):
            name = f"  {label}: β_B" if i else label
            found.append((name, [row for row in aims if row["term"] == term]))
    return found


def _slope(audit: Audit, place: str) -> str:
    x = audit.subject.roles.x
    return f"Slope of {x}, {place}" if place else f"Slope of {x}"


def _table(title: str) -> Table:
    return Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )


def _verdict(row: Row) -> Text:
    word = str(row["verdict"])
    if word == "not estimable":
        return Text("–", STYLE["not estimable"])
    told = Text(word + ("" if row["decided"] else "?"), STYLE[word])
    if not math.isnan(row["certainty"]):
        told.append(f" {100 * row['certainty']:.0f}", "dim")
    return told


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _share(value: float) -> str:
    return "" if math.isnan(value) else f"{100 * value:.1f}"


def _pm(row: Row, name: str, digits: int, plus: bool = False) -> str:
    value, mcse = row[name], row[f"{name}_mcse"]
    if math.isnan(value):
        return ""
    digits = decimals(mcse, digits - (abs(value) >= 10))
    return f"{signed(value, digits, plus)} ±{mcse:.{digits}f}"


def _number(value: float, unit: float) -> str:
    """A number with three significant digits of its standard error."""
    return number(value, unit, digits=3).replace("-", "−")
