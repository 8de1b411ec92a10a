"""`simlab fit`: one mixed model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from simlab.cli.choices import ML, Data, Level, Missing, Words
from simlab.text import Format, Paragraph, Part, Printable

if TYPE_CHECKING:
    import pandas as pd

    from simlab.fitting.anova import Anova
    from simlab.fitting.hypotheses import WaldTest
    from simlab.fitting.record import Type
    from simlab.fitting.summary import Summary


DF = Literal["satterthwaite", "kenward-roger", "containment", "normal"]
TYPES: dict[str, Type] = {"3": 3, "2": 2, "1": 1, "marginal": "marginal"}


def fit(
    data: Data,
    formula: str,
    *,
    ml: ML = False,
    random: str | None = None,
    df: DF = "satterthwaite",
    level: Level = 0.95,
    missing: Missing = "drop",
    format: Format = "text",
    test: Words = (),
    anova: Annotated[bool, Parameter(negative="")] = False,
    type: Literal["3", "2", "1", "marginal"] | None = None,
) -> None:
    """Fit a mixed model with two levels, and print its summary.

    Parameters
    ----------
    formula
        In quotes: "mathach ~ ses * sector + (1 + ses | school)".
    random
        Random effects in nlme's spelling: "~ 1 + ses | school"; the formula then has no bar.
    df
        Degrees of freedom of the fixed effects.
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
    from simlab.cli.console import show, warnings_on_stderr
    from simlab.cli.reading import by_formulas
    from simlab.fitting.hypotheses import wald
    from simlab.fitting.model import fit as fit_model
    from simlab.fitting.summary import summary

    rows = by_formulas(data, formula, random)
    with warnings_on_stderr():
        fitted = fit_model(
            formula, rows, "ML" if ml else "REML", random=random, missing=missing, source=data
        )
    kind = (type or "3") if anova or type else None
    terms = None if kind is None else fitted.anova(type=TYPES[kind], df=df)
    tested = {name: wald(fitted, name, df, level=level) for name in test}
    show(Fitted(summary(fitted, df, level), terms, tested), format, formula)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Fitted(Printable):
    """A summary, and the tests that were asked for."""

    summary: Summary
    terms: Anova | None
    tested: dict[str, WaldTest]

    def parts(self) -> list[Part | list[Part]]:
        """The summary, the tests of terms, then each test of coefficients."""
        shown = self.summary.parts() + ([] if self.terms is None else self.terms.parts())
        for name, test in self.tested.items():
            shown.append([Paragraph(f"Test of {name}"), *test.lines()])
        return shown

    def to_frame(self) -> pd.DataFrame:
        """The summary, tidy, then a row for each test: F, its degrees of freedom, its p-value."""
        frame = self.summary.to_frame()
        tests = {} if self.terms is None else dict(self.terms.frame.iterrows())
        rows = [("term", str(n), t.F, t.num_df, t.den_df, t.p_value) for n, t in tests.items()]
        rows += [("test", n, t.F, t.num_df, t.den_df, t.p_value) for n, t in self.tested.items()]
        if rows:
            frame["num_df"] = float("nan")
        for row in rows:
            cells = dict(
                zip(("part", "term", "statistic", "num_df", "df", "p_value"), row, strict=True)
            )
            frame.loc[len(frame)] = [cells.get(str(name)) for name in frame.columns]
        return frame
