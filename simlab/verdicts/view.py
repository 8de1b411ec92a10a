"""One sector of a results Dataset as the verdicts read it: numbers by method and condition."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from simlab.course.methods import course_of
from simlab.errors import ArgumentError, check_known
from simlab.measures import COMPARISONS, MEASURES, measure
from simlab.measures.conditions import config_of
from simlab.measures.doubts import doubtful
from simlab.measures.sums import arrays_of, summed
from simlab.performance.layout import contrast
from simlab.performance.measure import Measure
from simlab.performance.moments import Moments
from simlab.performance.named import dims_of, sums_of
from simlab.performance.registry import STREAMS
from simlab.performance.streams import APART, BEST, STATUS
from simlab.verdicts.judge import LEAST, UNKNOWN, Number, Unjudged
from simlab.verdicts.places import Places, Settings, places, settings_of
from simlab.words import ORACLE, Term, sectors_of

USED = (
    "bias", "empirical_se", "relative_error", "coverage", "bias_eliminated_coverage", "failures"
)  # fmt: skip
"""Measures that the verdicts rest on."""

PER = ("term", "target", "best")
"""What the sums that are read have one value for, but those of fits and pairs."""

LARGER = ("population.cluster_sizes.mean", "population.cluster_sizes.size")
"""Factors by which clusters get larger, where a study has not the one that it names."""


@dataclass(frozen=True, slots=True)
class View:
    """Numbers and truth of one sector, which the verdicts read.

    `sums` are from `measures.sums.summed`, `measured` from `measure`; their terms are "slope",
    "between", "contextual", as far as there.
    """

    sums: xr.Dataset
    measured: xr.Dataset
    truth: xr.DataArray
    limit: xr.DataArray
    places: Places
    settings: Settings

    @property
    def methods(self) -> list[str]:
        """Estimators in the order of the study."""
        return [str(name) for name in self.measured.estimator.values]

    @property
    def judged(self) -> list[str]:
        """Estimators without the oracle, which is a yardstick; it alone if there is no other."""
        return [name for name in self.methods if name != ORACLE] or self.methods

    def target(self, condition: int, target: str) -> float:
        """β_W or β_B of a condition."""
        return float(self.truth.sel(term="slope", target=target)[condition])

    def contrast(self, condition: int) -> float:
        """β_B − β_W of a condition; exactly 0 where it is only rounding."""
        within, between = (self.target(condition, t) for t in self.truth.target.values)
        return contrast(within, between)

    def weight(self, condition: int, method: str) -> float:
        """Return λ of the probability limit; by the method's aim where β_B = β_W."""
        contrast = self.contrast(condition)
        if contrast == 0:
            return float(course_of(method).estimates == "β_B")
        limit = float(self.limit.sel(estimator=method, term="slope")[condition])
        return (limit - self.target(condition, "beta_within")) / contrast

    def number(
        self, name: str, condition: int, method: str, term: str = "slope", target: str = ""
    ) -> Number:
        """Return a measure with its MCSE, its n and its interval."""
        at = {"estimator": method, "term": term} | ({"target": target} if target else {})
        if term not in self.measured.term:
            return UNKNOWN
        value, mcse, n, *interval = (
            self.measured[name + part].sel(at)[condition].item()
            for part in ("", "_mcse", "_n", "_low", "_high")
        )
        ends = (interval[0], interval[1]) if MEASURES[name].share else None
        instead = self._instead(MEASURES[name], condition, (method, term), n=int(n))
        return Number(value, mcse, int(n), ends, instead)

    def _instead(
        self, measure: Measure, condition: int, *cells: tuple[str, str], n: int
    ) -> Unjudged | None:
        """Reason why cells, the first of them a method's, have no verdict; None without one."""
        method = cells[0][0]
        if self.failed(condition, method) == 1:
            return "failed"
        if doubtful(measure, max(self.doubt(condition, *cell) for cell in cells)):
            return "not measured"  # nor would it be by more replicates
        return "too few" if self.ran(condition, method) < LEAST or 0 < n < LEAST else None

    def ran(self, condition: int, method: str) -> int:
        """Return the replicates in which a method was tried."""
        return int(self.measured["failures_n"].sel(estimator=method)[condition])

    def failed(self, condition: int, method: str) -> float:
        """Return the share of them without an estimate; NaN of none."""
        return float(self.measured["failures"].sel(estimator=method)[condition])

    def doubt(self, condition: int, method: str, term: str = "slope") -> int:
        """Code of whether the estimate has a variance; see `measures.doubts`."""
        return int(self.measured["doubt"].sel(estimator=method, term=term)[condition])

    def term_for(self, method: str, target: str) -> str:
        """The term with which a method aims at β_W or β_B."""
        separate = target == "beta_between" and "between" in self.measured.term
        if separate and bool(self.measured["n"].sel(estimator=method, term="between").any()):
            return "between"
        return "slope"

    def has_oracle(self) -> bool:
        """Whether the oracle is one of the methods."""
        return ORACLE in self.methods and "contextual" in self.measured.term

    def efficiency(self, condition: int, method: str, term: str = "slope") -> Number:
        """Variance of the oracle over that of the method, for the same β_W + λ(β_B − β_W)."""
        if not self.has_oracle():
            return UNKNOWN
        weight = self.weight(condition, method) if term == "slope" else 1.0
        here = self.sums[["best_share", *dims_of(BEST)]]
        here = here.isel(condition=[condition]).sel(estimator=method, term=term)
        at = np.flatnonzero(here["best_share"].values[0] == weight)
        if not at.size:
            return UNKNOWN
        best = Moments(*(part[0, at[0]] for part in sums_of(BEST, arrays_of(here))))
        measure = COMPARISONS["efficiency"]
        value, mcse, n = measure.measured(best)
        cells = ((method, term), (ORACLE, "slope"), (ORACLE, "contextual"))
        instead = self._instead(measure, condition, *cells, n=int(n))
        return Number(float(value), float(mcse), int(n), instead=instead)

    def same_estimate(self, first: str, second: str) -> bool:
        """Whether two methods give the same slopes, number by number."""
        here = self.sums.sel(term="slope")
        known = (here["estimate_n"].sel(estimator=[first, second]) > 0).any("condition").all()
        apart = here["apart_hits"].sel(estimator=first, reference=second).any()
        return bool(known and not apart)

    def label(self, condition: int) -> str:
        """Name a condition of the crossing."""
        return self.places.label(condition, self.settings.efficiency)

    def sweep(self, name: str) -> tuple[str, list[int]]:
        """Return the factor and the conditions of "more" or "larger" clusters."""
        s = self.settings
        factors = (s.more_clusters,) if name == "more" else (s.larger_clusters, *LARGER)
        swept = ((f, self.places.sweep(f)) for f in factors)
        return next((one for one in swept if one[1]), ("", []))

    def differ(self, condition: int, what: str) -> bool:
        """Whether clusters differ in "slopes", or in "anything", as far as the study tells."""
        G = self.places.population[condition].get("G")
        if not what or not isinstance(G, list):
            return True
        (a, _), (_, b) = G
        return b > 0 or (what == "anything" and (a > 0 or self.contrast(condition) != 0))


def view(ds: xr.Dataset, sector: str | None = None) -> tuple[str, View]:
    """Select one sector, by default the first, and return its name too.

    ArgumentError when there is no such sector, or no slope to judge.
    """
    known = sectors_of(ds.term.values.tolist())
    chosen = known[0] if sector is None else sector
    if chosen not in known:
        check_known("sector", chosen, filter(None, known), "the study has none: leave it out")
    here = {kind: str(Term(kind, chosen)) for kind in ("slope", "between", "contextual")}
    wanted = [kind for kind, name in here.items() if name in ds.term.values]
    if "slope" not in wanted:
        raise ArgumentError("the results have no slope, so there is nothing to judge methods by")
    sums = summed(ds, (s for s in STREAMS if s.per in PER or s in (APART, STATUS)))
    part = sums.sel(term=[here[kind] for kind in wanted]).assign_coords(term=wanted)
    config = config_of(ds)
    return chosen, View(
        sums=part,
        measured=measure(part, measures=USED),
        truth=part["truth"],
        limit=part["limit"],
        places=places(ds, config),
        settings=settings_of(config),
    )
