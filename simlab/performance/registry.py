"""The measures of simlab, in the order of their printing."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

from simlab.performance import estimates, frequencies, pairs, robust
from simlab.performance.measure import Measure
from simlab.performance.robust import Statistic
from simlab.performance.streams import APART, BEST, COVERED_ALONE, PAIR, STATUS, TESTS

M = TypeVar("M", Measure, Statistic)


def _by_name(*measures: M) -> Mapping[str, M]:
    return MappingProxyType({measure.name: measure for measure in measures})


MEASURES = _by_name(
    estimates.bias,
    estimates.relative_bias,
    estimates.standardised_bias,
    estimates.empirical_se,
    estimates.mse,
    estimates.rmse,
    estimates.model_se,
    estimates.relative_error,
    frequencies.coverage,
    frequencies.bias_eliminated_coverage,
    frequencies.rejection_rate,
    frequencies.interval_width,
    frequencies.failures,
    frequencies.singular,
    frequencies.dropped_clusters,
)
"""Measures of each estimator."""

COMPARISONS = _by_name(pairs.relative_precision, pairs.efficiency)
"""Measures of an estimator against a reference."""

PAIRED = _by_name(pairs.paired_bias, pairs.paired_mse, pairs.paired_coverage)
"""Differences of an estimator from a reference, replicate by replicate."""

ROBUST = _by_name(
    robust.median_bias,
    robust.robust_se,
    robust.robust_error,
    robust.winsorised_bias,
    robust.winsorised_se,
)
"""Measures that exist where a variance does not, of studies that keep their replicates."""

_OTHERS = (STATUS, PAIR, COVERED_ALONE, APART, BEST, TESTS)

STREAMS = tuple(dict.fromkeys((*(measure.stream for measure in MEASURES.values()), *_OTHERS)))
"""What a study that keeps measures sums."""
