"""Numbers of a study, as the demonstrations put them into tables and sentences."""

from __future__ import annotations

from typing import NamedTuple

import xarray as xr

import simlab
from simlab.config import Study
from simlab.course.demos.claims import Number
from simlab.methods import label

__all__ = ["Measured", "measured", "plus_minus"]


class Measured(NamedTuple):
    """A study that was run.

    Attributes
    ----------
    ds : Dataset
        Its estimates, truth and limits.
    measures : Dataset
        Its performance measures.
    """

    ds: xr.Dataset
    measures: xr.Dataset

    def number(
        self, measure: str, estimator: str, *, condition: int = 0, term: str = "slope",
        target: str = "beta_within",
    ) -> Number:  # fmt: skip
        """Return a measure of one estimator, with its Monte Carlo standard error."""
        here = self.measures.isel(condition=condition).sel(estimator=estimator)
        for dim, name in (("term", term), ("target", target)):
            if dim in here[measure].dims:
                here = here.sel({dim: name})
        name = f"{measure.replace('_', ' ')} of {label(estimator)}"
        return Number(name, float(here[measure]), float(here[f"{measure}_mcse"]))

    def estimate(self, estimator: str, *, condition: int = 0, term: str = "slope") -> Number:
        """Return the mean of an estimator's estimates: its bias and what that is a bias of."""
        bias = self.number("bias", estimator, condition=condition, term=term)
        truth = self.truth(condition=condition, term=term)
        return Number(f"mean {term} of {label(estimator)}", bias.value + truth, bias.mcse)

    def truth(
        self, target: str = "beta_within", *, condition: int = 0, term: str = "slope"
    ) -> float:
        """Return the true value of a target."""
        where = self.ds["truth"].isel(condition=condition)
        return float(where.sel(term=term, target=target))

    def limit(self, estimator: str, *, condition: int = 0, term: str = "slope") -> float:
        """Return what an estimator converges to."""
        where = self.ds["limit"].isel(condition=condition)
        return float(where.sel(estimator=estimator, term=term))

    @property
    def conditions(self) -> range:
        """Positions of the conditions."""
        return range(self.ds.sizes["condition"])

    def levels(self, factor: str) -> list[float]:
        """Return the level of a factor in each condition, numbers all."""
        return [float(level) for level in self.ds[factor].values]


def measured(study: Study) -> Measured:
    """Run a study and measure its estimators."""
    ds = simlab.run(study)
    return Measured(ds, simlab.measure(ds))


def plus_minus(number: Number, spec: str = ".2f") -> str:
    """Write a number with its Monte Carlo standard error, to the same digit."""
    return f"{number:{spec}} ± {Number('', number.mcse):{spec.lstrip('+')}}"
