"""Precision of a measure after some replicates of a condition: its MCSE in every cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np

from simlab.config import ConfigError, Finding, Study, locate
from simlab.performance.measure import Measure, Measured, cautious
from simlab.performance.moments import Floats
from simlab.performance.named import Named, measured
from simlab.performance.registry import MEASURES
from simlab.words import AIMS, Term


class Cells(NamedTuple):
    """A measure in the cells that a rule looks at, L of them in one row."""

    # value, MCSE and n, (L,); the MCSE of a share is that of `performance.cautious`
    measured: Measured
    names: tuple[str, ...]  # estimator, term and target of each, as far as the measure has them

    @property
    def worst(self) -> float:
        """The largest MCSE; NaN where no cell has one."""
        mcse = self.measured.mcse
        return np.nan if np.isnan(mcse).all() else float(np.nanmax(mcse))


def share_needed(p: Floats, mcse: float) -> Floats:
    """Return the replicates n at which a share p has the MCSE of `performance.cautious`, (...).

    n = p̃(1 − p̃)/mcse², where p̃ depends on n. Each step is the geometric mean of n and of what the
    equation makes of it: at p = 0 and p = 1 the equation alone would jump to and fro.
    """
    n = np.full_like(p, 0.25 / mcse**2)
    for _ in range(50):
        shrunk = (n * p + 2) / (n + 4)
        n = np.sqrt(n * shrunk * (1 - shrunk)) / mcse
    return n


@dataclass(frozen=True)
class Rule:
    """Rule that a study is sampled until, compiled."""

    measure: Measure
    mcse: float  # no cell's Monte Carlo standard error may be above this
    estimators: dict[str, int]  # names and indices of those that are looked at
    terms: dict[str, int]
    targets: tuple[str, ...]

    def cells(self, sums: Named) -> Cells:
        """Measure the cells of one condition from its sums, of `simlab.performance.named`."""
        whole = measured(self.measure, sums)
        indices = {
            "estimator": list(self.estimators.values()),
            "term": list(self.terms.values()),
            "target": [AIMS.index(name) for name in self.targets],
        }
        at = np.ix_(*(indices[dim] for dim in self.measure.dims))
        value, mcse, n = whole.value[at].ravel(), whole.mcse[at].ravel(), whole.n[at].ravel()
        if self.measure.share:
            with np.errstate(invalid="ignore", divide="ignore"):
                mcse = np.where(n > 1, np.fmax(mcse, cautious(value, n)), mcse)
        terms = self.terms if "term" in self.measure.dims else ("",)
        targets = self.targets if "target" in self.measure.dims else ("",)
        each = product(self.estimators, terms, targets)
        names = tuple(", ".join(filter(None, cell)) for cell in each)
        return Cells(Measured(value, mcse, n), names)


def rule_of(
    study: Study, estimators: Sequence[str], terms: Sequence[str], own: Mapping[str, Measure]
) -> Rule | None:
    """Compile what a study is sampled until; None where it is sampled a number of times.

    A rule that names what the study does not have is refused.
    """
    until = study.until
    if until is None:
        return None
    findings = []
    known = {**MEASURES, **own}
    measure = known.get(until.measure)
    if measure is None:
        message = f"unknown measure {until.measure!r}; known are {', '.join(known)}"
        findings.append(Finding(("measure",), message))
    else:
        for name, dim in (("target", "target"), ("terms", "term")):
            if getattr(until, name) is not None and dim not in measure.dims:
                message = f"must be left out: {until.measure} has no {name}"
                findings.append(Finding((name,), message, at_key=True))
    for i, name in enumerate(until.estimators or ()):
        if name not in estimators:
            message = f"{name!r} is not in this study; it has {', '.join(estimators)}"
            findings.append(Finding(("estimators", i), message))
    for i, name in enumerate(until.terms or ()):
        if not any(_is(name, term) for term in terms):
            message = f"no such term {name!r}; there are {', '.join(terms)}"
            findings.append(Finding(("terms", i), message))
    if findings or measure is None:
        above = ("replicates", "until")
        raise ConfigError(locate(study, [f._replace(loc=(*above, *f.loc)) for f in findings]))
    chosen = [t for t in terms if any(_is(name, t) for name in until.terms or terms)]
    return Rule(
        measure,
        until.mcse,
        {e: list(estimators).index(e) for e in until.estimators or estimators},
        {t: list(terms).index(t) for t in chosen},
        (until.target,) if until.target else AIMS,
    )


def _is(name: str, term: str) -> bool:
    """Whether a name means a term: slope means slope[Public] too."""
    return name in (term, Term.parse(term).kind)
