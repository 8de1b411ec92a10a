"""`simlab fit`: one mixed model."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from simlab.cli.choices import Page, Words
from simlab.text import one_line, text_table, wrapped
from simlab.text.numbers import degrees, p_value, statistic
from simlab.text.plain import exact

if TYPE_CHECKING:
    import pandas as pd

    from simlab.fitting.hypotheses import WaldTest
    from simlab.fitting.record import Type
    from simlab.fitting.summary import Summary


DF = Literal["satterthwaite", "kenward-roger", "containment", "normal"]
TYPES: dict[str, Type] = {"3": 3, "2": 2, "1": 1, "marginal": "marginal"}


def fit(
    data: str,
    formula: str,
    *,
    ml: bool = False,
    random: str | None = None,
    df: DF = "satterthwaite",
    level: float = 0.95,
    missing: Literal["drop", "raise"] = "drop",
    format: Page = "text",
    test: Words = (),
    anova: Annotated[bool, Parameter(negative="")] = False,
    type: Literal["3", "2", "1", "marginal"] | None = None,
) -> None:
    """Fit a mixed model with two levels, and print its summary.

    Parameters
    ----------
    data
        A CSV file, or hs, or hsb.
    formula
        In quotes: "mathach ~ ses * sector + (1 + ses | school)".
    ml
        Maximum likelihood instead of REML.
    random
        Random effects in nlme's spelling: "~ 1 + ses | school"; the formula then has no bar.
    df
        Degrees of freedom of the fixed effects.
    level
        Confidence level.
    missing
        What to do with rows where a value is missing.
    format
        csv is tidy and has every digit; html is a page.
    test
        Coefficients to be tested jointly, by name, term or regular expression; each word is a test.
    anova
        Test every term of the formula.
    type
        What --anova tests of a term: its effect on means of cells of equal weight (3, the default);
        what it adds to the terms that do not contain it (2), or to those before it (1); its
        coefficients as they are coded (marginal).
    """
    from simlab.cli.console import warnings_on_stderr
    from simlab.cli.reading import by_formulas
    from simlab.fitting.hypotheses import wald
    from simlab.fitting.model import fit as fit_model
    from simlab.fitting.summary import summary
    from simlab.fitting.terms import term_tests
    from simlab.report import Section, html_text, page

    rows = by_formulas(data, formula, random)
    with warnings_on_stderr():
        fitted = fit_model(
            formula, rows, "ML" if ml else "REML", random=random, missing=missing, source=data
        )
    found = summary(fitted, df, level)
    kind = (type or "3") if anova or type else None
    terms = None if kind is None else term_tests(fitted, df, TYPES[kind])
    tested = {name: wald(fitted, name, df, level=level) for name in test}
    if format == "csv":
        _frame(found, terms, tested).to_csv(exact(sys.stdout), index=False)
        return
    texts = [] if terms is None else [_terms(terms, str(kind), df)]
    texts += [_titled(name, test) for name, test in tested.items()]
    if format == "html":
        shown = [f"<pre>{html_text(text)}</pre>" for text in texts]
        print(page(formula, [Section("", "\n".join([found._repr_html_(), *shown]))]))
    else:
        print("\n\n".join([str(found), *texts]))


def _titled(name: str, test: WaldTest) -> str:
    return "\n".join(map(one_line, [f"Test of {name}", *str(test).split("\n")]))


def _terms(tests: pd.DataFrame, kind: str, df: DF) -> str:
    """Tests of terms as text, notes below."""
    from simlab.fitting.summary import SOURCES

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
