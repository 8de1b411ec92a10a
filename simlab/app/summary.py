"""Summary of the replicates so far: measures, histograms, and the last intervals."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from simlab.app.live import Replicates
from simlab.estimators.base import Estimator
from simlab.moments import Floats, Ints
from simlab.performance.arrays import average
from simlab.performance.measure import Measured
from simlab.performance.registry import MEASURES
from simlab.words import term_names

LAST = 100
BINS = 90

Target = Literal["within", "between"]


class Summary(NamedTuple):
    """Performance of each method, (E,) each, about one target."""

    mean: Measured
    bias: Measured
    true_se: Measured
    reported_se: Measured
    se_error: Measured
    coverage: Measured


class Intervals(NamedTuple):
    """A method's last intervals, oldest first."""

    # (L,) L ≤ `LAST`; replicates without an estimate are left out
    estimate: Floats
    lower: Floats
    upper: Floats
    covers: Floats  # (L,) whether the target lies inside


def terms(
    methods: tuple[Estimator, ...], names: tuple[str, ...], sectors: tuple[str, ...],
    place: int, target: Target,
) -> Ints:  # fmt: skip
    """Return which term of each method answers the question, (E,).

    `place` is a sector or a difference of sectors. For β_B it is the between effect where a method
    has one; otherwise the slope, which is all that the method offers.
    """
    positions = []
    for method in methods:
        kind = "between" if target == "between" and "between" in method.kinds else "slope"
        own = term_names((kind,), sectors)
        positions.append(names.index(own[place]))
    return np.array(positions)


def summarise(drawn: Replicates, theta: float) -> Summary:
    """Measure every method about θ, with Monte Carlo standard errors; `drawn` has arrays (N, E)."""
    estimate, std_error, lower, upper = (
        np.ascontiguousarray(values.T)
        for values in (drawn.estimate, drawn.std_error, drawn.lower, drawn.upper)
    )
    targets = np.full(len(estimate), theta)
    return Summary(
        average(estimate), MEASURES["bias"](estimate, targets), MEASURES["empirical_se"](estimate),
        MEASURES["model_se"](std_error), MEASURES["relative_error"](estimate, std_error),
        MEASURES["coverage"](lower, upper, targets),
    )  # fmt: skip


def edges(estimate: Floats, marked: Floats, bins: int = BINS) -> Floats:
    """Return edges of bins that hold nearly all estimates, (N, E), and what is marked, (bins + 1,).

    NaN is passed over.
    """
    values = [v for v in marked if np.isfinite(v)]
    known = estimate[np.isfinite(estimate)]
    if len(known):
        # Tails of one wild method must not flatten the others.
        values += [*np.nanquantile(estimate, [0.005, 0.995], axis=0).ravel()]
    values = [v for v in values if np.isfinite(v)] or [0.0]
    low, high = min(values), max(values)
    margin = 0.12 * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, bins + 1)


def counts(estimate: Floats, at: Floats) -> Ints:
    """Count the estimates, (N, E), in each bin between equidistant edges, (E, bins).

    NaN and what lies outside are not counted.
    """
    bins, E = len(at) - 1, estimate.shape[1]
    with np.errstate(invalid="ignore"):
        position = np.floor((estimate - at[0]) / (at[1] - at[0]))
    inside = (position >= 0) & (position < bins)
    flat = (position + bins * np.arange(E))[inside].astype(np.int64)
    return np.bincount(flat, minlength=E * bins).reshape(E, bins)


def intervals(drawn: Replicates, method: int, theta: float) -> Intervals:
    """Return the last intervals of one method, and which of them cover θ."""
    estimate, lower, upper = (
        values[-LAST:, method] for values in (drawn.estimate, drawn.lower, drawn.upper)
    )
    there = np.isfinite(estimate) & np.isfinite(lower) & np.isfinite(upper)
    estimate, lower, upper = estimate[there], lower[there], upper[there]
    return Intervals(estimate, lower, upper, ((lower <= theta) & (theta <= upper)).astype(float))
