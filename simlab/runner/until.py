"""How well a measure is known after some blocks of a condition: its MCSE in every cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simlab.config import ConfigError, Finding, Study, locate
from simlab.performance import AIMS, measured
from simlab.performance.definitions import DEFINITIONS, Definition
from simlab.performance.formulas import Measured
from simlab.performance.moments import Counts, Floats
from simlab.results import Block, Status
from simlab.results.schema import TARGETS

__all__ = ["MEASURES", "Cells", "Rule", "Worst", "rule_of"]

MEASURES = MappingProxyType({d.name: d for d in DEFINITIONS})
"""What a rule may name: the measures with a Monte Carlo standard error."""

SHARES = frozenset(
    {"coverage", "bias_eliminated_coverage", "rejection_rate", "failures", "singular"}
)
"""The measures that are shares p of the replicates, with MCSE √(p(1 − p)/n)."""

LIMIT = AIMS[-1]


class Worst(NamedTuple):
    """The cell that is known least.

    Attributes
    ----------
    mcse : float
        Its Monte Carlo standard error; NaN where no cell has one.
    cell : str
        Its estimator, term and target; empty where there is none.
    """

    mcse: float
    cell: str


class Cells(NamedTuple):
    """A measure in the cells that a rule looks at, L of them in one row.

    Attributes
    ----------
    measured : Measured
        Its value, MCSE and n, (L,). The MCSE of a share is that of `cautious`.
    names : tuple of str
        Estimator, term and target of each, as far as the measure has them.
    """

    measured: Measured
    names: tuple[str, ...]

    def worst(self) -> Worst:
        """Return the cell with the largest MCSE, the first of several; without one, NaN."""
        mcse = self.measured.mcse
        if np.isnan(mcse).all():
            return Worst(np.nan, "")
        place = int(np.nanargmax(mcse))
        return Worst(float(mcse[place]), self.names[place])


def cautious(share: Measured) -> Measured:
    """Return a share with an MCSE that is not 0 where p is 0 or 1.

    √(p̃(1 − p̃)/n) with p̃ = (np + 2)/(n + 4), the share of Agresti and Coull (1998, American
    Statistician 52:119). It is never below √(p(1 − p)/n), which takes a share that has not varied
    yet for one that is known.
    """
    p, mcse, n = share
    with np.errstate(invalid="ignore", divide="ignore"):
        shrunk = (n * p + 2) / (n + 4)
        return Measured(p, np.where(n > 1, np.sqrt(shrunk * (1 - shrunk) / n), mcse), n)


def share_needed(p: Floats, mcse: float) -> Floats:
    """Return the replicates n at which a share p has the MCSE of `cautious`, (...).

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
    """What a study is sampled until, compiled.

    Attributes
    ----------
    definition : Definition
        The measure.
    mcse : float
        No cell's Monte Carlo standard error may be above this.
    alpha : float
        Level of the terms' tests.
    estimators, terms : mapping of str to int
        Names and places of those that are looked at.
    targets : tuple of str
        Targets that are looked at.
    """

    definition: Definition
    mcse: float
    alpha: float
    estimators: dict[str, int]
    terms: dict[str, int]
    targets: tuple[str, ...]

    def cells(self, blocks: Sequence[Block], truth: Floats, limit: Floats) -> Cells:
        """Measure the cells of one condition from its replicates.

        Parameters
        ----------
        blocks : sequence of Block
            Its blocks so far, in their order.
        truth : ndarray, shape (term, target)
            What its terms aim at.
        limit : ndarray, shape (estimator, term)
            What its estimators converge to.
        """
        needs = [self._outcome(name, blocks) for name in self.definition.needs]
        compute = self.definition.compute
        if self.definition.name == "rejection_rate":
            compute = partial(compute, alpha=self.alpha)
        if self.definition.against_target:
            each = [compute(*needs, self._theta(name, truth, limit)) for name in self.targets]
        else:
            each = [compute(*needs)]
        return self._cells(*(np.stack(part, axis=-1) for part in zip(*each, strict=True)))

    def summed(self, sums: Mapping[str, NDArray[Any]], truth: Floats, limit: Floats) -> Cells:
        """Measure the cells of one condition from its sums.

        Parameters
        ----------
        sums : mapping of str to ndarray
            From `simlab.performance.named`.
        truth, limit : ndarray, shape (term, target), (estimator, term)
            As for `cells`.
        """
        aims = np.broadcast_to(truth, (*limit.shape[:1], *truth.shape))
        found = measured(self.definition.name, sums, np.dstack([aims, limit]))
        places = {
            "estimator": list(self.estimators.values()),
            "term": list(self.terms.values()),
            "target": [AIMS.index(name) for name in self.targets],
        }
        at = np.ix_(*(places[dim] for dim in self.definition.dims))
        return self._cells(found.value[at], found.mcse[at], found.n[at])

    def _cells(self, value: Floats, mcse: Floats, n: Counts) -> Cells:
        """Put a measure, by estimator, term and target, in one row."""
        row = Measured(value.ravel(), mcse.ravel(), n.ravel())
        return Cells(cautious(row) if self.definition.name in SHARES else row, self._names())

    def _names(self) -> tuple[str, ...]:
        dims = self.definition.dims
        terms = self.terms if "term" in dims else ("",)
        targets = self.targets if "target" in dims else ("",)
        return tuple(
            ", ".join(filter(None, (estimator, term, target)))
            for estimator in self.estimators
            for term in terms
            for target in targets
        )

    def _outcome(self, name: str, blocks: Sequence[Block]) -> Floats:
        """(estimator, replicate), or (estimator, term, replicate): NaN where a fit gave nothing."""
        methods = list(self.estimators.values())
        status = np.concatenate([block.status[:, methods] for block in blocks]).T
        fitted = status <= Status.SINGULAR
        if name == "failed":
            return np.where(fitted, 0.0, 1.0)
        if name == "singular":
            return np.where(status == Status.SINGULAR, 1.0, 0.0)
        if name == "dropped":
            dropped = np.concatenate([block.dropped[:, methods] for block in blocks]).T
            return np.where(fitted, dropped, np.nan)
        cells = np.ix_(methods, list(self.terms.values()))
        values = np.concatenate([getattr(block, name)[:, *cells] for block in blocks])
        return np.where(fitted[:, None], np.moveaxis(values, 0, -1), np.nan)

    def _theta(self, target: str, truth: Floats, limit: Floats) -> Floats:
        """(estimator, term)."""
        methods, terms = list(self.estimators.values()), list(self.terms.values())
        if target == LIMIT:
            return limit[np.ix_(methods, terms)]
        aims = truth[terms, TARGETS.index(target)]
        return np.broadcast_to(aims, (len(methods), len(terms)))


def rule_of(study: Study, estimators: Sequence[str], terms: Sequence[str]) -> Rule | None:
    """Compile what a study is sampled until; None where it is sampled a number of times.

    Parameters
    ----------
    study : Study
        As declared.
    estimators, terms : sequence of str
        All that it has.

    Raises
    ------
    ConfigError
        When the rule names what the study does not have.
    """
    until = study.until
    if until is None:
        return None
    found = []
    definition = MEASURES.get(until.measure)
    if definition is None:
        message = f"unknown measure {until.measure!r}; known are {', '.join(MEASURES)}"
        found.append(Finding(("measure",), message))
    else:
        for name, dim in (("target", "target"), ("terms", "term")):
            if getattr(until, name) is not None and dim not in definition.dims:
                message = f"must be left out: {until.measure} has no {name}"
                found.append(Finding((name,), message, at_key=True))
    for i, name in enumerate(until.estimators or ()):
        if name not in estimators:
            message = f"{name!r} is not in this study; it has {', '.join(estimators)}"
            found.append(Finding(("estimators", i), message))
    for i, name in enumerate(until.terms or ()):
        if not any(_is(name, term) for term in terms):
            message = f"no such term {name!r}; there are {', '.join(terms)}"
            found.append(Finding(("terms", i), message))
    if found or definition is None:
        above = ("replicates", "until")
        raise ConfigError(locate(study, [f._replace(loc=(*above, *f.loc)) for f in found]))
    chosen = [t for t in terms if any(_is(name, t) for name in until.terms or terms)]
    return Rule(
        definition,
        until.mcse,
        round(1 - study.level, 12),
        {e: list(estimators).index(e) for e in until.estimators or estimators},
        {t: list(terms).index(t) for t in chosen},
        (until.target,) if until.target else (*TARGETS, LIMIT),
    )


def _is(name: str, term: str) -> bool:
    """Whether a name means a term: slope means slope[Public] too."""
    return name in (term, term.split("[", maxsplit=1)[0])
