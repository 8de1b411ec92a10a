"""What the commands on mixed models do: read, fit, print."""

from __future__ import annotations

import sys
from typing import Literal, NamedTuple

import pandas as pd

from simlab.commands import reading
from simlab.commands.console import warnings_on_stderr
from simlab.fitting.catalogue import catalogue as ten_models
from simlab.fitting.hypotheses import WaldTest, wald
from simlab.fitting.layout import one_line
from simlab.fitting.model import fit as fit_model
from simlab.fitting.result import DF, Method
from simlab.fitting.summary import Summary, summary
from simlab.report import Section, html_text, page
from simlab.resampling.bootstrapping.bootstrap import bootstrap as bootstrapped

Format = Literal["text", "html", "csv"]


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


class Draws(NamedTuple):
    """How to bootstrap; see `simlab.bootstrap`."""

    draws: int
    kind: Literal["parametric", "clusters"]
    level: float
    seed: int
    jobs: int


def fit(
    source: str, formula: str, random: str | None, tests: tuple[str, ...], options: Options
) -> None:
    """Print the summary of a fit, and tests of its fixed effects."""
    df = reading.by_formulas(source, formula, random)
    with warnings_on_stderr():
        fitted = fit_model(
            formula, df, options.method, random=random, missing=options.missing, source=source
        )
    found = summary(fitted, options.df, options.level)
    tested = {term: wald(fitted, term, options.df, level=options.level) for term in tests}
    if options.format == "csv":
        _frame(found, tested).to_csv(sys.stdout, index=False)
    elif options.format == "html":
        told = [f"<pre>{_titled(term, test, escape=True)}</pre>" for term, test in tested.items()]
        print(page(formula, [Section("", "\n".join([found._repr_html_(), *told]))]))
    else:
        told = [_titled(term, test) for term, test in tested.items()]
        print("\n\n".join([str(found), *told]))


def catalogue(
    source: str, roles: tuple[str, str, str, str], method: Method, format: Format
) -> None:
    """Print the ten models of the course."""
    found = ten_models(reading.by_roles(source, roles[3]), *roles, method, source=source)
    if format == "csv":
        found.to_frame().reset_index().to_csv(sys.stdout, index=False)
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
        found.to_frame().to_csv(sys.stdout, index=False)
    else:
        print(found)


def _titled(term: str, test: WaldTest, escape: bool = False) -> str:
    lines = [f"Test of {term}", *str(test).split("\n")]
    return "\n".join(html_text(line) if escape else one_line(line) for line in lines)


def _frame(found: Summary, tested: dict[str, WaldTest]) -> pd.DataFrame:
    """The summary, tidy, then one row for each test: F, its degrees of freedom, its p-value."""
    frame = found.to_frame()
    if tested:
        frame["num_df"] = float("nan")
    for term, test in tested.items():
        row = {
            "part": "test", "term": term, "statistic": test.F, "num_df": test.num_df,
            "df": test.den_df, "p_value": test.p_value,
        }  # fmt: skip
        frame.loc[len(frame)] = pd.Series(row).reindex(frame.columns)
    return frame
