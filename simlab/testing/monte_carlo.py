"""Monte Carlo p-values: from draws under the null hypothesis to p and to what is known of it.

With all B draws made, g of which reach T, p = (1 + g)/(B + 1), for T is one of B + 1 draws if H0
holds (Davison & Hinkley 1997, section 4.2). Where drawing ends with the h-th that reaches T, at
draw l, p = h/l (Besag & Clifford 1991, Biometrika 78:301). Statistics of 0 are draws like others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import special

from simlab.moments import Floats
from simlab.testing.likelihood_ratio import TIE

Bools = NDArray[np.bool_]


def reaches(simulated: Floats, observed: float | Floats) -> Bools:
    """Whether T* ≥ T, up to rounding; a failed draw (NaN) does, and so can only raise p."""
    least = observed - TIE * np.maximum(1.0, np.abs(observed))
    return np.isnan(simulated) | (simulated >= least)


def until_reached(
    chunks: Iterable[Floats], draws: int, observed: float, stop: int | None
) -> Iterator[Floats]:
    """Pass chunks of T*, (b, M), on until there are B = `draws`.

    With `stop` = h, the draw in which the first column reaches T for the h-th time is the last.
    """
    left, reached = draws, 0
    for chunk in chunks:
        part = chunk[:left]
        left -= len(part)
        if stop is not None:
            so_far = reached + np.cumsum(reaches(part[:, 0], observed))
            part, reached = part[: 1 + int(np.searchsorted(so_far, stop))], int(so_far[-1])
        yield part
        if left <= 0 or (stop is not None and reached >= stop):
            return


def p_value(reached: Bools, stop: int | None = None) -> float:
    """Return p, valid as a test: under H0, P(p ≤ α) ≤ α.

    `reached` says whether T* ≥ T, (B,); with `stop` = h it ends with the last draw that was wanted.
    """
    g, B = int(reached.sum()), len(reached)
    return g / B if stop is not None and g >= stop else (g + 1) / (B + 1)


def interval(reached: Bools, stop: int | None, level: float) -> tuple[float, float]:
    """Return an interval for P(T* ≥ T), the p-value that infinitely many draws would give.

    It is exact (Clopper & Pearson 1934): with 1 − α the level, of g successes in B trials,

        Beta(α/2; g, B − g + 1)   to   Beta(1 − α/2; g + 1, B − g),

    and of l trials up to the h-th success, for which P(L ≥ l) = P(fewer than h in l − 1),

        Beta(α/2; h, l − h + 1)   to   Beta(1 − α/2; h, l − h).
    """
    g, B = int(reached.sum()), len(reached)
    tail = (1 - level) / 2
    lower = float(special.betaincinv(g, B - g + 1, tail)) if g else 0.0
    above = g if stop is not None and g >= stop else g + 1
    upper = float(special.betaincinv(above, B - g, 1 - tail)) if g < B else 1.0
    return lower, upper
