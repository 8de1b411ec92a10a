"""What the commands on mixed models do: read, fit, print."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

import pandas as pd

from simlab import data
from simlab.fitting.catalogue import catalogue as ten_models
from simlab.fitting.errors import FitWarning
from simlab.fitting.hypotheses import WaldTest, wald
from simlab.fitting.layout import html_page, html_text, one_line
from simlab.fitting.model import fit as fit_model
from simlab.fitting.result import DF, Method
from simlab.fitting.summary import Summary, summary

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


def fit(
    source: str, formula: str, random: str | None, tests: tuple[str, ...], options: Options
) -> None:
    """Print the summary of a fit, and tests of its fixed effects."""
    df = data.read(source)
    with _warnings_on_stderr():
        fitted = fit_model(
            formula, df, options.method, random=random, missing=options.missing, source=source
        )
    found = summary(fitted, options.df, options.level)
    tested = {term: wald(fitted, term, options.df, level=options.level) for term in tests}
    if options.format == "csv":
        _frame(found, tested).to_csv(sys.stdout, index=False)
    elif options.format == "html":
        told = [f"<pre>{_titled(term, test, escape=True)}</pre>" for term, test in tested.items()]
        print(html_page("\n".join([found._repr_html_(), *told]), formula))
    else:
        told = [_titled(term, test) for term, test in tested.items()]
        print("\n\n".join([str(found), *told]))


def catalogue(
    source: str, roles: tuple[str, str, str, str], method: Method, format: Format
) -> None:
    """Print the ten models of the course."""
    found = ten_models(data.read(source), *roles, method, source=source)
    if format == "csv":
        found.to_frame().reset_index().to_csv(sys.stdout, index=False)
    elif format == "html":
        print(html_page(found._repr_html_(), f"Ten models of {roles[0]}"))
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


@contextmanager
def _warnings_on_stderr() -> Iterator[None]:
    """Say a FitWarning in one line on stderr, without the line of code that it came from."""
    caught: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", FitWarning)
            yield
    finally:
        _tell(caught)


def _tell(caught: list[warnings.WarningMessage]) -> None:
    for warning in caught:
        if issubclass(warning.category, FitWarning):
            print(f"simlab: {one_line(warning.message)}", file=sys.stderr)
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
