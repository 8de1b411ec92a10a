"""Reversals: effects whose sign changes with the level at which one looks.

Robinson (1950, American Sociological Review 15:351): β_W, among the members of a cluster, and β_B,
among clusters, have opposite signs. Simpson (1951, JRSS B 13:238): β_W and the slope of all data
pooled have opposite signs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from simlab.auditing.studies import QUESTIONS
from simlab.auditing.subject import TRUTH, Subject
from simlab.words import NEW, Term

SIGNS = {-1: "negative", 0: "zero", 1: "positive"}


@dataclass(frozen=True, slots=True)
class Paradox:
    """A reversal in the data."""

    name: str  # "Robinson", "Simpson" or "Robinson and Simpson"
    group: str  # "" without groups
    within: int  # signs of β_W, β_B and the pooled slope: −1, 0 or 1
    between: int
    pooled: int
    # share of the data sets drawn from the fit in which the three have these signs
    certainty: float

    def __str__(self) -> str:
        where = f" where the group is {self.group}" if self.group else ""
        return (
            f"{self.name}'s reversal{where}: the effect is {SIGNS[self.within]} within clusters "
            f"(β_W), {SIGNS[self.between]} between them (β_B), {SIGNS[self.pooled]} in pooled "
            f"data; so it is in {100 * self.certainty:.0f} % of data sets drawn from the fit"
        )


def paradoxes(subject: Subject, ds: xr.Dataset) -> tuple[Paradox, ...]:
    """Find the reversals in each group, and by the first study's results how sure they are."""
    estimate = subject.comparison.set_index(["method", "term"])["estimate"]
    drawn = ds["estimate"].isel(condition=QUESTIONS.index(NEW))
    reversals = []
    for group in subject.groups:
        at = group if len(subject.groups) > 1 else ""
        slope, other = str(Term("slope", at)), str(Term("between", at))
        cells = ((TRUTH, slope), (TRUTH, other), ("pooled", slope))
        within, between, pooled = signs = tuple(int(np.sign(estimate[cell])) for cell in cells)
        others = (("Robinson", between), ("Simpson", pooled))
        names = [name for name, other in others if within * other < 0]
        if not names:
            continue
        draws = [np.sign(drawn.sel(estimator=m, term=term).values) for m, term in cells]
        alike = np.all([d == sign for d, sign in zip(draws, signs, strict=True)], axis=0)
        usable = ~np.isnan(draws).any(axis=0)
        certainty = float(alike[usable].mean())
        reversals.append(Paradox(" and ".join(names), group, within, between, pooled, certainty))
    return tuple(reversals)
