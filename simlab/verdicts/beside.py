"""Two methods side by side in every replicate, kept or summed, as the verdicts ask for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import xarray as xr

from simlab.measures.summed import best_efficiency
from simlab.performance import ORACLE, Measured
from simlab.performance import replicates as core


class Beside(Protocol):
    """What the verdicts need beyond the measures."""

    def efficiency(self, condition: int, method: str, term: str, share: float) -> Measured:
        """Efficiency against the oracle's slope + share × contextual."""

    def same(self, first: str, second: str) -> bool:
        """Whether two methods give the same slopes, number by number."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Replicates that were kept.

    Attributes
    ----------
    estimate : DataArray (condition, replicate, estimator, term)
        NaN where the fit failed.
    """

    estimate: xr.DataArray

    def efficiency(self, condition: int, method: str, term: str, share: float) -> Measured:
        """Efficiency against the oracle's slope + share × contextual."""
        here = self.estimate[condition]
        oracle = here.sel(estimator=ORACLE)
        best = oracle.sel(term="slope") + share * oracle.sel(term="contextual")
        return core.efficiency(here.sel(estimator=method, term=term).values, best.values)

    def same(self, first: str, second: str) -> bool:
        """Whether two methods give the same slopes, number by number."""
        a, b = (self.estimate.sel(estimator=m, term="slope").values for m in (first, second))
        known = bool(np.isfinite(a).any())
        return known and bool(np.allclose(a, b, rtol=1e-10, atol=1e-12, equal_nan=True))


@dataclass(frozen=True, slots=True)
class Summed:
    """Running sums.

    Attributes
    ----------
    sums : Dataset
        Of a study that keeps measures.
    """

    sums: xr.Dataset

    def efficiency(self, condition: int, method: str, term: str, share: float) -> Measured:
        """Efficiency against the oracle's slope + share × contextual."""
        return best_efficiency(self.sums, condition, method, term, share)

    def same(self, first: str, second: str) -> bool:
        """Whether two methods give the same slopes, number by number."""
        here = self.sums.sel(estimator=first, term="slope")
        known = bool((here["estimate_n"] > 0).any())
        return known and not bool(here["apart"].sel(reference=second).any())
