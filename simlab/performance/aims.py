"""What a condition's estimates are compared with, all of it known before the first fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simlab.performance.moments import Floats

if TYPE_CHECKING:
    from simlab.performance.outline import Outline


@dataclass(frozen=True, slots=True)
class Aims:
    """Targets of the L cells of one condition.

    Attributes
    ----------
    theta : (L, 3)
        β_W, β_B and the cell's own probability limit; NaN where there is none.
    centre : (L,)
        A number near the estimates, about which they are summed.
    share : (R,)
        λ of the oracle's best estimate that goes with each cell of `Outline.best`.
    """

    theta: Floats
    centre: Floats
    share: Floats


def aims(outline: Outline, truth: Floats, limit: Floats) -> Aims:
    """Find the targets of one condition, from its truth (T, 2) and its limits (E, T)."""
    e, t = outline.cells
    theta = np.column_stack([truth[t], limit[e, t]])
    centre = np.zeros(len(e))
    for column in (0, 1, 2):  # the limit is nearest, and comes last to stay
        known = np.isfinite(theta[:, column])
        centre[known] = theta[known, column]
    own, _, _, candidate = outline.best
    share = [
        1.0 if c else mixture(limit[e[i], t[i]], *truth[t[i]])
        for i, c in zip(own, candidate, strict=True)
    ]
    return Aims(theta, centre, np.array(share, dtype=np.float64))


def contrast(within: float, between: float) -> float:
    """β_B − β_W; exactly 0 where it is only rounding."""
    return 0.0 if np.isclose(between, within, rtol=1e-12, atol=0) else between - within


def mixture(limit: float, within: float, between: float) -> float:
    """λ of a limit β_W + λ(β_B − β_W); 0 where β_B = β_W."""
    difference = contrast(within, between)
    return float((limit - within) / difference) if difference else 0.0
