"""Performance measures from running sums: the measures of `replicates`, without the replicates.

Arrays are those of `named`, of any one shape; the formulas are in `formulas`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.performance import formulas
from simlab.performance.formulas import Measured
from simlab.performance.moments import Counts, Floats

_quietly = np.errstate(divide="ignore", invalid="ignore", over="ignore")


class Sums(NamedTuple):
    """Replicates, mean and centred sum of squares of one stream."""

    n: Counts
    mean: Floats
    C: Floats

    @property
    def variance(self) -> Floats:
        """C/(n − 1); NaN where n < 2."""
        return np.where(self.n > 1, self.C / np.maximum(self.n - 1, 1), np.nan)


@_quietly
def average(x: Sums) -> Measured:
    """Mean of a quantity: squared errors, widths, dropped clusters, differences."""
    return formulas.average(x.mean, x.variance, x.n)


@_quietly
def bias(estimate: Sums, centre: Floats, theta: Floats) -> Measured:
    """Bias of estimates that were summed about `centre`; n is 0 where there is no target."""
    n = np.where(np.isnan(theta), 0, estimate.n)
    return formulas.average(estimate.mean + (centre - theta), estimate.variance, n)


@_quietly
def empirical_se(estimate: Sums) -> Measured:
    """Empirical standard error."""
    return formulas.empirical_se(estimate.variance, estimate.n)


@_quietly
def model_se(V: Sums) -> Measured:
    """Model standard error, of squared standard errors V."""
    return formulas.model_se(V.mean, V.variance, V.n)


@_quietly
def relative_error(estimate: Sums, V: Sums) -> Measured:
    """Relative error of the model SE, both over the replicates that have both."""
    return formulas.relative_error(estimate.variance, V.mean, V.variance, V.n)


@_quietly
def bias_eliminated_coverage(held: Counts, n: Counts) -> Measured:
    """Bias-eliminated coverage; NaN where `held` is −1, not known."""
    p = formulas.share(held, n)
    return Measured(np.where(held < 0, np.nan, p.value), np.where(held < 0, np.nan, p.mcse), n)


@_quietly
def efficiency(n: Counts, C: Floats) -> Measured:
    """Efficiency of a against b, from the centred sums of aa, bb, dd and ad (..., 4), d = a − b.

    With p = √Σaa and q = √Σbb, 1 − ρ = (Σdd − (p − q)²)/(2pq), and p − q comes from
    Σaa − Σbb = 2Σad − Σdd: all terms are of the size of d², so that little is lost where two
    methods nearly agree, as it would be in 1 − (Σab)²/(Σaa Σbb).
    """
    aa, bb, dd, ad = np.moveaxis(C, -1, 0)
    p, q = np.sqrt(aa), np.sqrt(bb)
    one_minus = np.maximum(dd - ((2 * ad - dd) / (p + q)) ** 2, 0.0) / (2 * p * q)
    return formulas.efficiency(aa, bb, one_minus * (2 - one_minus), n)
