"""An audit as one HTML file: the answer, pictures, numbers, advice, and the configuration."""

from __future__ import annotations

import math
from importlib.metadata import version

from simlab.auditing.advice import aims_of, bias_of
from simlab.auditing.findings import Findings
from simlab.auditing.pictures import beta_picture, data_picture, honesty_picture
from simlab.auditing.studies import QUESTIONS
from simlab.auditing.text import about, advice, explained, question_text, rows_at, trusted
from simlab.auditing.verdicts import TRUSTED, Row
from simlab.methods import short
from simlab.text import Note, Paragraph, Part, Table
from simlab.text.figures import figure_tag
from simlab.text.html import code_tag, html_text
from simlab.text.numbers import number, se_error, signed
from simlab.text.page import Section, page
from simlab.words import SYMBOLS, places_of

GROUPS = 4  # drawn; a page with more is read by nobody


def html(audit: Findings) -> str:
    """Return the page: self-contained, for a file."""
    s = audit.subject
    places = places_of(s.groups)
    sections = [Section("Which methods to trust", _answer(audit))]
    for group in s.groups[:GROUPS]:
        sections.append(Section(f"The data{f': {group}' if group else ''}", _data(audit, group)))
    for question in QUESTIONS:
        of = f", slope of {s.roles.x}, {places[0]}" if places[0] else ""
        table = Table(["method", "advice"], advice(audit, question, places[0]), f"Advice{of}")
        body = _figures(audit, question) + table.html()
        body += "".join(_numbers(audit, question, place) for place in places)
        sections.append(Section(f"For {question_text(audit, question)}", body))
    sections += [
        Section("How to read it", f"<p>{html_text(explained(audit))}</p>"),
        Section("The configuration that reproduces it", _config(audit)),
    ]
    title = f"Audit of {s.source}: {s.roles.y} on {s.roles.x}"
    footer = (
        f"simlab {version('simlab')}; {audit.study.replicates:,} replicates for each question, "
        f"{audit.draws} parameter sets drawn, seed {audit.study.seed}."
    )
    return page(title, sections, footer)


def _answer(audit: Findings) -> str:
    """Paragraphs, paradoxes, and the table of methods to be trusted, in HTML."""
    rows = [
        [
            question_text(audit, question),
            SYMBOLS[target],
            ", ".join(map(_method, methods)) or "no method",
        ]
        for question, target, methods in trusted(audit)
    ]
    where = " in every group and for their difference" if len(audit.subject.groups) > 1 else ""
    header = ["question", "slope", "methods, the most accurate first"]
    notes = (Note(f"{methods}.") for methods in audit.paradox)
    parts: list[Part] = [
        *map(Paragraph, about(audit)),
        *notes,
        Table(header, rows, f"To be trusted{where}"),
    ]
    return "\n".join(part.html() for part in parts)


def _method(row: Row) -> str:
    sure = row["certainty"]
    return str(row["label"]) + ("" if math.isnan(sure) else f" ({100 * sure:.0f} %)")


def _data(audit: Findings, group: str) -> str:
    """Pictures of one group, in data space and in beta space, each described in words."""
    roles = audit.subject.roles
    where = f" where {roles.group} is {group}" if group and roles.group else ""
    return figure_tag(
        data_picture(audit, group),
        f"Scatter plot of {roles.y} over {roles.x}{where}, with the line of each {roles.cluster} "
        "and of each method.",
        f"Data space: every row, the least-squares line and the mean of each {roles.cluster}, and "
        "the line of each method.",
    ) + figure_tag(
        beta_picture(audit, group),
        f"Slopes over intercepts{where}: one point for each {roles.cluster} and each method, "
        "with ellipses of confidence.",
        "Beta space: every line is a point, its intercept and its slope. Where the dashed ellipse "
        "is larger than the solid one of the same colour, the method reports too small a standard "
        "error for other clusters.",
    )


def _figures(audit: Findings, question: str) -> str:
    """Pictures of bias, honesty and coverage, one for each slope."""
    tags = []
    for place in places_of(audit.subject.groups):
        of = f", {place}" if place else ""
        tags.append(
            figure_tag(
                honesty_picture(audit, question, place),
                f"Bias, error of the standard error and coverage of each method for β_W{of}.",
                f"Slope of {audit.subject.roles.x}{of}, as an estimate of β_W. Bands: a bias of "
                "0.4 SE, a standard error that is 5 % off, intervals that miss half to one and a "
                "half times as often as they should. Squares are cautious, diamonds mislead; "
                "whiskers are 95 % Monte Carlo intervals.",
            )
        )
    return "".join(tags)


def _numbers(audit: Findings, question: str, place: str) -> str:
    """Table of the measures of one slope, in HTML."""
    rows = [
        [
            short(row["method"]),
            SYMBOLS[row["target"]],
            number(row["estimate"]),
            number(row["std_error"], digits=3),
            signed(row["lambda"], 2),
            se_error(row["relative_error"], digits=0, unit=""),
            signed(bias_of(row), 2),
            _percent(row["coverage"], 1),
            signed(row["efficiency"], 2),
            row["verdict"] + ("" if row["decided"] else "?"),
            _percent(row["certainty"], 0),
        ]
        for row in rows_at(audit, question, place)
        if row["target"] in aims_of(row["method"]) or row["verdict"] in TRUSTED
    ]
    of = f", {place}" if place else ""
    header = [
        "method", "for", "estimate", "SE", "λ", "SE, %", "bias, SE", "covers", "efficiency",
        "trust", "certainty",
    ]  # fmt: skip
    return Table(header, rows, f"Slope of {audit.subject.roles.x}{of}").html()


def _percent(share: float, digits: int) -> str:
    return "" if math.isnan(share) else f"{100 * share:.{digits}f} %"


def _config(audit: Findings) -> str:
    dropped = "<p>The data named in it are the complete rows.</p>" if audit.subject.dropped else ""
    return (
        "<p>The study of the parameters as estimated; <code>simlab run</code> gives the very same "
        f"estimates.</p>{dropped}{code_tag(audit.config)}"
    )
