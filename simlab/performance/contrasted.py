"""The difference of a measure between two conditions whose replicates are pairs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from simlab.performance.measure import Measure
from simlab.performance.moments import Counts, Floats, quietly
from simlab.performance.stream import Replicates

ALIKE = 1e-10
"""Part of what each replicate adds, up to which all differences are the same."""


class Contrasted(NamedTuple):
    """The difference of a measure between two conditions, cell by cell, (...).

    `value`, `mcse` and `n` are as in `Measured`; the MCSE is that of pairs of replicates with the
    same number, `mcse_independent` what it would be were the two conditions independent. `gain` is
    how many times as many replicates would then be needed: (mcse_independent/mcse)².
    """

    value: Floats
    mcse: Floats
    n: Counts
    mcse_independent: Floats
    gain: Floats
    gain_mcse: Floats


@quietly
def contrasted(measure: Measure, first: Replicates, second: Replicates) -> Contrasted:
    """Difference of a measure between two conditions, and what their common random numbers gained.

    Arrays are (..., b) in both; replicates of the same number are pairs. With ψ what each replicate
    adds to a measure, the MCSE is √(Σ(ψ_1 − ψ_2)²/(n(n − 1))); were the conditions independent,
    √(Σ(ψ_1² + ψ_2²)/(n(n − 1))). Gain Σ(ψ_1² + ψ_2²)/Σ(ψ_1 − ψ_2)²: 1 for independent conditions,
    above 1 for positively correlated ones. Its MCSE is gain √Σφ² with φ = (ψ_1² + ψ_2²)/Σ(ψ_1² +
    ψ_2²) − (ψ_1 − ψ_2)²/Σ(ψ_1 − ψ_2)². Where all differences are alike to 10 digits the gain is
    infinite, and has no MCSE.
    """
    ok: Any = np.True_
    for r in (first, second):
        ok = ok & ~np.isnan(measure.stream.values(r)).any(axis=0)
        ok = ok & ~np.isnan(r.theta) if measure.against_target else ok
    (one, n, psi), (other, _, phi) = (measure.influence(r, ok) for r in (first, second))
    apart, paired = psi**2 + phi**2, (psi - phi) ** 2
    both, between = np.nansum(apart, axis=-1), np.nansum(paired, axis=-1)
    size = np.maximum(np.abs(psi), np.abs(phi)).max(axis=-1, where=ok & ~np.isnan(psi), initial=0.0)
    alike = between <= n * (ALIKE * size) ** 2
    gain = np.where(alike, np.where(both > 0, np.inf, np.nan), both / between)
    influence = apart / both[..., None] - paired / between[..., None]
    gain_mcse = np.where(alike, np.nan, gain * np.sqrt(np.nansum(influence**2, axis=-1)))
    mcse, independent = (
        np.where(n > 1, np.sqrt(squares / (n * (n - 1))), np.nan) for squares in (between, both)
    )
    value = np.where(n > 0, one - other, np.nan)
    return Contrasted(value, mcse, n, independent, gain, gain_mcse)
