"""From draws under the null hypothesis to a p-value and to what is known of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from simlab.moments import Floats

TIE = 1e-8  # of max(1, T): statistics that are nearer to each other are equal but for rounding

Bools = NDArray[np.bool_]


class Estimate(NamedTuple):
    """A Monte Carlo p-value.

    Attributes
    ----------
    p_value : float
        Valid as a test: under H0, P(p ≤ α) ≤ α.
    interval : tuple of float
        For the p-value that infinitely many draws would give, P(T* ≥ T).
    exceedances, draws : int
        Draws with T* ≥ T, and all of them.
    """

    p_value: float
    interval: tuple[float, float]
    exceedances: int
    draws: int


def reaches(simulated: Floats, observed: float | Floats) -> Bools:
    """Whether T* ≥ T, up to rounding; a failed draw (NaN) does, and so can only raise p."""
    least = observed - TIE * np.maximum(1.0, np.abs(observed))
    return np.isnan(simulated) | (simulated >= least)


def estimate(reached: Bools, stop: int | None, level: float) -> Estimate:
    """Estimate the p-value from draws, in their order.

    With all B draws made, g of which reach T, p = (1 + g)/(B + 1), for T is one of B + 1 draws if
    H0 holds (Davison & Hinkley 1997, section 4.2). Where drawing ends with the h-th that reaches T,
    at draw l, p = h/l (Besag & Clifford 1991, Biometrika 78:301).

    The interval is exact (Clopper & Pearson 1934): of g successes in B trials,

        Beta(α/2; g, B − g + 1)   to   Beta(1 − α/2; g + 1, B − g),

    and of l trials up to the h-th success, for which P(L ≥ l) = P(fewer than h in l − 1),

        Beta(α/2; h, l − h + 1)   to   Beta(1 − α/2; h, l − h).

    Parameters
    ----------
    reached : (B,)
        Whether T* ≥ T; with `stop` it ends with the last draw that was wanted.
    stop : int, optional
        h.
    level : float
        Coverage 1 − α.
    """
    g, B = int(reached.sum()), len(reached)
    stopped = stop is not None and g >= stop
    tail = (1 - level) / 2
    lower = float(special.betaincinv(g, B - g + 1, tail)) if g else 0.0
    above = g if stopped else g + 1
    upper = float(special.betaincinv(above, B - g, 1 - tail)) if g < B else 1.0
    p = g / B if stopped else (g + 1) / (B + 1)
    return Estimate(p, (lower, upper), g, B)
