"""The likelihood-ratio statistic of nested models, and its laws in large samples.

    T = D_0 − D_1 ≥ 0,   D the deviance at its minimum under null and alternative.

A variance of 0 lies on the boundary of the parameter space, where T is not χ². With one random
effect more, and with it its covariances and q fixed effects, df parameters are tested of which one
is at its boundary and the others are free: T is the squared distance from a half-space, and tends
to ½χ²(df − 1) + ½χ²(df) as clusters get more numerous (Self & Liang 1987, JASA 82:605, case 6;
Stram & Lee 1994, Biometrics 50:1171, case 2). χ²(0) is the number 0. With more variances at the
boundary the weights depend on the design; with none, χ²(df) itself is the law.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy import special

from simlab.mixed.reduced import WORSE
from simlab.moments import Floats

TIE = 1e-8  # of max(1, T): statistics that are nearer to each other are equal but for rounding

Mixture = tuple[tuple[float, int], ...]


class Restriction(NamedTuple):
    """A null hypothesis by the number of parameters that it takes from the alternative."""

    df: int  # parameters in all
    fixed: int  # fixed effects
    random: int  # variances that are then at their boundary, 0, with all their covariances

    @property
    def fixed_only(self) -> bool:
        """Whether the models differ in their fixed effects alone."""
        return self.df == self.fixed

    @property
    def mixture(self) -> Mixture:
        """Chi-bar-square law of T, as (weight, df); empty where none is needed or known."""
        return ((0.5, self.df - 1), (0.5, self.df)) if self.random == 1 else ()


def statistics(null: Floats, *alternatives: Floats) -> Floats:
    """Return T of B responses and M alternatives, (B, M), from their deviances, each (B,).

    NaN where a fit failed or the alternative fits worse, for then its search missed the maximum.
    """
    T = np.column_stack([null - alternative for alternative in alternatives])
    T[T < -WORSE] = np.nan
    T[T <= TIE] = 0.0  # the two models have one and the same minimum
    return T


def chi2(T: float, df: int) -> float:
    """P(χ²(df) ≥ T)."""
    return float(special.chdtrc(df, T))


def mixture(T: float, law: Iterable[tuple[float, int]]) -> float:
    """P(Σ w χ²(df) ≥ T) of a mixture with these (w, df)."""
    return sum(weight * (chi2(T, df) if df else float(T <= 0)) for weight, df in law)
