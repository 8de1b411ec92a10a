"""Results of tests by simulation: one hypothesis, or several that share their draws."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from simlab.errors import NoSuchError
from simlab.fitting.record import Method
from simlab.fitting.result import MixedFit
from simlab.moments import Floats
from simlab.testing.likelihood_ratio import Mixture
from simlab.testing.monte_carlo import Bools, interval, p_value, reaches
from simlab.testing.nested import NestedFits
from simlab.text import Formula, Note, Paragraph, Part, Printable, Table
from simlab.text.numbers import p_value as p_text
from simlab.text.numbers import statistic


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PValue(Printable):
    """A likelihood-ratio test with its Monte Carlo p-value.

    Attributes
    ----------
    nested : NestedFits
        The two models.
    simulated : (B,) array
        T* in the order of the draws; NaN where a fit failed.
    stop : int or None
        Number of draws with T* ≥ T at which the last was to be made.
    level : float
        Coverage of the interval.
    references : pd.DataFrame
        Other p-values; index "reference": law, statistic, num_df, den_df, p_value (NaN where
        there is none), remark.
    """

    nested: NestedFits
    simulated: Floats
    stop: int | None
    level: float
    references: pd.DataFrame

    @property
    def statistic(self) -> float:
        """T = D₀ − D₁, the difference of the deviances; 0 or more."""
        return self.nested.statistic

    @property
    def reached(self) -> Bools:
        """Whether T* ≥ T, draw by draw; so it is where a fit failed, which can only raise p."""
        return reaches(self.simulated, self.statistic)

    @property
    def p_value(self) -> float:
        """(1 + exceedances)/(draws + 1); exceedances/draws if it stopped early."""
        return p_value(self.reached, self.stop)

    @property
    def interval(self) -> tuple[float, float]:
        """Exact interval for P(T* ≥ T), which infinitely many draws would give."""
        return interval(self.reached, self.stop, self.level)

    @property
    def exceedances(self) -> int:
        """Draws with T* ≥ T, failures among them."""
        return int(self.reached.sum())

    @property
    def draws(self) -> int:
        """Draws from the null model."""
        return len(self.simulated)

    @property
    def failures(self) -> int:
        """Draws in which a fit did not converge."""
        return int(np.isnan(self.simulated).sum())

    @property
    def zeros(self) -> float:
        """Share of the draws with T* = 0; they are kept."""
        return float((self.simulated == 0).mean())

    @property
    def stopped(self) -> bool:
        """Whether it ended with the exceedance that was asked for."""
        return self.stop is not None and self.exceedances >= self.stop

    @property
    def method(self) -> Method:
        """Likelihood, REML or ML."""
        return self.nested.alternative.method

    @property
    def fits(self) -> tuple[MixedFit, MixedFit]:
        """Null model (with G = 0 if it is linear) and alternative."""
        return self.nested.null, self.nested.alternative

    @property
    def formulas(self) -> tuple[str, str]:
        """Formulas of null model and alternative."""
        return self.nested.null.design.formula, self.nested.alternative.design.formula

    @property
    def hypothesis(self) -> str:
        """Null hypothesis in words."""
        return self.nested.statement

    @property
    def naive_df(self) -> int:
        """Parameters that the alternative has more."""
        return self.nested.restriction.df

    @property
    def mixture(self) -> Mixture:
        """Chi-bar-square law of T with many clusters; see `Restriction.mixture`."""
        return self.nested.restriction.mixture

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the fits: rows left out, singular fits."""
        return self.nested.notes

    @property
    def title(self) -> str:
        """Title of a picture of it."""
        return f"H0: {self.hypothesis}"

    def to_frame(self) -> pd.DataFrame:
        """The simulated p-value and all others, tidy.

        Returns
        -------
        pd.DataFrame
            Index "reference", "simulated" first; law, statistic, num_df, den_df, p_value, lower,
            upper (ends of the interval), exceedances, draws, failures, zeros, remark.
        """
        own = {
            "law": f"{self.draws:,} draws", "statistic": self.statistic, "p_value": self.p_value,
            "lower": self.interval[0], "upper": self.interval[1], "exceedances": self.exceedances,
            "draws": self.draws, "failures": self.failures, "zeros": self.zeros,
            "remark": f"H0: {self.hypothesis}",
        }  # fmt: skip
        columns = [
            "law", "statistic", "num_df", "den_df", "p_value", "lower", "upper", "exceedances",
            "draws", "failures", "zeros", "remark",
        ]  # fmt: skip
        rows = {"simulated": own} | self.references.to_dict("index")
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis(
            "reference"
        )

    def parts(self) -> list[Part | list[Part]]:
        """Models, statistic, p-values, and what each rests on."""
        return _one(self)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PValues(Printable):
    """Several alternatives of one null model, tested with the same draws.

    Attributes
    ----------
    tests : dict of str to PValue
        One test for every alternative.
    procedure : {"max-T", "min-P"}
        Whether the draws' statistics were compared, or, as these have different reference
        distributions, their p-values.
    adjusted : pd.DataFrame
        Index "alternative"; statistic, p_value (raw), single_step, step_down (adjusted by the
        draws), holm, bonferroni (adjusted by the number of hypotheses).
    """

    tests: dict[str, PValue]
    procedure: str
    adjusted: pd.DataFrame

    def __getitem__(self, name: str) -> PValue:
        if name not in self.tests:
            raise NoSuchError(f"no alternative {name!r}; there are {', '.join(self.tests)}")
        return self.tests[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tests)

    def __len__(self) -> int:
        return len(self.tests)

    def to_frame(self) -> pd.DataFrame:
        """Every p-value, tidy.

        Returns
        -------
        pd.DataFrame
            Index "alternative", "reference"; the columns of `PValue.to_frame`, and in the rows
            "simulated" those of `adjusted`.
        """
        frames = {name: test.to_frame() for name, test in self.tests.items()}
        whole = pd.concat(frames, names=["alternative"])
        added = self.adjusted.drop(columns=["statistic", "p_value"])
        keys = pd.MultiIndex.from_product([added.index, ["simulated"]], names=whole.index.names)
        return whole.join(added.set_axis(keys))

    def parts(self) -> list[Part | list[Part]]:
        """The p-values of all tests, raw and adjusted."""
        return _several(self)


COMPARED = {
    "max-T": "max-T compares each T with the greatest T* of every draw, as all have the same "
    "reference distribution in large samples",
    "min-P": "the statistics have different reference distributions, so min-P compares each p with "
    "the least p* of every draw",
}


def _one(test: PValue) -> list[Part | list[Part]]:
    """One test: models, statistic, p-value, the other p-values, what each rests on."""
    frame = test.to_frame()
    rows = [
        [str(name), row["law"], statistic(row["statistic"]), p_text(row["p_value"])]
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


def _several(tests: PValues) -> list[Part | list[Part]]:
    """Several tests: their p-values with the adjusted ones, and what these rest on."""
    every = list(tests.tests.values())
    columns = ["p_value", "single_step", "step_down", "holm", "bonferroni"]
    rows = [
        [str(name), statistic(row["statistic"]), *(p_text(row[c]) for c in columns)]
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
    """Lines on the statistic, the p-value and the draws."""
    low, high = (p_text(end) if end else "0" for end in test.interval)
    lines = [
        f"T = D0 − D1 = {statistic(test.statistic)},  p = {p_text(test.p_value)},  "
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
    """Remarks on the other p-values, or why there is none; once for those that share one."""
    remarks = test.references["remark"]
    return [
        f"{', '.join(same.index)}: {remark}."
        for remark, same in remarks.groupby(remarks, sort=False)
    ]
