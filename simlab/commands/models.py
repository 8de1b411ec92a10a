"""What the commands on mixed models do: read, fit, print."""

from __future__ import annotations

import sys
from typing import Literal, NamedTuple

import pandas as pd

from simlab.commands import reading
from simlab.commands.console import warnings_on_stderr
from simlab.course.catalogue import catalogue as ten_models
from simlab.fitting.hypotheses import WaldTest, wald
from simlab.fitting.model import fit as fit_model
from simlab.fitting.result import DF, Method, Type
from simlab.fitting.summary import SOURCES, Summary, summary
from simlab.fitting.terms import term_tests
from simlab.report import Section, html_text, page
from simlab.testing.bootstrapping.bootstrap import bootstrap as bootstrapped
from simlab.text import one_line, text_table, wrapped
from simlab.text.numbers import degrees, p_value, statistic
from simlab.text.plain import exact

Format = Literal["text", "html", "csv"]
TYPES: dict[str, Type] = {"3": 3, "2": 2, "1": 1, "marginal": "marginal"}


class Options(NamedTuple):
    """How to fit and how to print.

    Attributes
    ----------
    method : {"REML", "ML"}
        Which likelihood.
    df : str
        Degrees of freedom of the fixed effects.
    level : float
        Of the intervals.
    missing : {"drop", "raise"}
        What to do with rows where a value is missing.
    format : {"text", "html", "csv"}
        What to print.
    """

    method: Method
    df: DF
    level: float
    missing: Literal["drop", "raise"]
    format: Format


class Tests(NamedTuple):
    """Which tests of the fixed effects.

    Attributes
    ----------
    coefficients : tuple of str
        Each is a joint test of the coefficients that it names.
    terms : str or None
        Type of the tests of every term; None for none.
    """

    coefficients: tuple[str, ...]
    terms: Literal["3", "2", "1", "marginal"] | None


class Draws(NamedTuple):
    """How to bootstrap; see `simlab.bootstrap`."""

    draws: int
    kind: Literal["parametric", "clusters"]
    level: float
    seed: int
    jobs: int


def fit(source: str, formula: str, random: str | None, tests: Tests, options: Options) -> None:
    """Print the summary of a fit, and tests of its fixed effects."""
    df = reading.by_formulas(source, formula, random)
    with warnings_on_stderr():
        fitted = fit_model(
            formula, df, options.method, random=random, missing=options.missing, source=source
        )
    found = summary(fitted, options.df, options.level)
    kind = tests.terms
    terms = None if kind is None else term_tests(fitted, options.df, TYPES[kind])
    tested = {
        name: wald(fitted, name, options.df, level=options.level) for name in tests.coefficients
    }
    if options.format == "csv":
        _frame(found, terms, tested).to_csv(exact(sys.stdout), index=False)
        return
    texts = [] if terms is None else [_terms(terms, str(kind), options.df)]
    texts += [_titled(name, test) for name, test in tested.items()]
    if options.format == "html":
        shown = [f"<pre>{html_text(text)}</pre>" for text in texts]
        print(page(formula, [Section("", "\n".join([found._repr_html_(), *shown]))]))
    else:
        print("\n\n".join([str(found), *texts]))


def catalogue(
    source: str, roles: tuple[str, str, str, str], method: Method, format: Format
) -> None:
    """Print the ten models of the course."""
    found = ten_models(reading.by_roles(source, roles[3]), *roles, method, source=source)
    if format == "csv":
        found.to_frame().reset_index().to_csv(exact(sys.stdout), index=False)
    elif format == "html":
        print(page(f"Ten models of {roles[0]}", [Section("", found._repr_html_())]))
    else:
        print(found)


def bootstrap(
    source: str,
    formula: str,
    method: Method,
    statistics: tuple[str, ...],
    how: Draws,
    format: Literal["text", "csv"],
) -> None:
    """Print bootstrap standard errors and intervals of a fit."""
    df = reading.by_formulas(source, formula)
    with warnings_on_stderr():
        fitted = fit_model(formula, df, method, source=source)
    found = bootstrapped(fitted, list(statistics), **how._asdict())
    if format == "csv":
        found.to_frame().to_csv(exact(sys.stdout), index=False)
    else:
        print(found)


def _titled(name: str, test: WaldTest) -> str:
    return "\n".join(map(one_line, [f"Test of {name}", *str(test).split("\n")]))


def _terms(tests: pd.DataFrame, kind: str, df: DF) -> str:
    """Tests of terms as text, notes below."""
    rows = [
        [str(name), str(t.num_df), degrees(t.den_df), statistic(t.F), p_value(t.p_value)]
        for name, t in tests.iterrows()
    ]
    title = f"Tests of terms, {kind if kind == 'marginal' else f'type {kind}'}: {SOURCES[df]}"
    table = text_table(["", "num df", "den df", "F", "p"], rows, "  ")
    notes = [
        wrapped(f"Note: {one_line(name)}: {one_line(note)}", "    ", "  ")
        for name, note in tests.note.items()
        if note
    ]
    return "\n".join([wrapped(title, "  ", ""), "", table, *notes])


def _frame(found: Summary, terms: pd.DataFrame | None, tested: dict[str, WaldTest]) -> pd.DataFrame:
    """The summary, tidy, then one row for each test: F, its degrees of freedom, its p-value."""
    frame = found.to_frame()
    rows = (
        []
        if terms is None
        else [("term", str(n), t.F, t.num_df, t.den_df, t.p_value) for n, t in terms.iterrows()]
    )
    rows += [("test", n, t.F, t.num_df, t.den_df, t.p_value) for n, t in tested.items()]
    if rows:
        frame["num_df"] = float("nan")
    for row in rows:
        cells = dict(
            zip(("part", "term", "statistic", "num_df", "df", "p_value"), row, strict=True)
        )
        frame.loc[len(frame)] = pd.Series(cells).reindex(frame.columns)
    return frame
