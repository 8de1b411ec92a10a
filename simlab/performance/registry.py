"""The measures of simlab, in the order of their printing."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

from simlab.performance.accuracy import bias, mse, relative_bias, rmse, standardised_bias
from simlab.performance.fits import dropped_clusters, failures, singular
from simlab.performance.intervals import (
    bias_eliminated_coverage,
    coverage,
    interval_width,
    rejection_rate,
)
from simlab.performance.measure import Measure
from simlab.performance.pairs import (
    efficiency,
    paired_bias,
    paired_coverage,
    paired_mse,
    relative_precision,
)  # fmt: skip
from simlab.performance.robust import (
    Statistic,
    median_bias,
    robust_error,
    robust_se,
    winsorised_bias,
    winsorised_se,
)
from simlab.performance.spread import empirical_se, model_se, relative_error
from simlab.performance.streams import APART, BEST, COVERED_ALONE, PAIR, STATUS, TESTS

M = TypeVar("M", Measure, Statistic)


def _by_name(*measures: M) -> Mapping[str, M]:
    return MappingProxyType({measure.name: measure for measure in measures})


MEASURES = _by_name(
    bias,
    relative_bias,
    standardised_bias,
    empirical_se,
    mse,
    rmse,
    model_se,
    relative_error,
    coverage,
    bias_eliminated_coverage,
    rejection_rate,
    interval_width,
    failures,
    singular,
    dropped_clusters,
)
"""Measures of each estimator."""

COMPARISONS = _by_name(relative_precision, efficiency)
"""Measures of an estimator against a reference."""

PAIRED = _by_name(paired_bias, paired_mse, paired_coverage)
"""Differences of an estimator from a reference, replicate by replicate."""

ROBUST = _by_name(median_bias, robust_se, robust_error, winsorised_bias, winsorised_se)
"""Measures that exist where a variance does not, of studies that keep their replicates."""

STREAMS = tuple(
    dict.fromkeys(
        (
            *(measure.stream for measure in MEASURES.values()),
            STATUS,
            PAIR,
            COVERED_ALONE,
            APART,
            BEST,
            TESTS,
        )
    )
)
"""What a study that keeps measures sums."""
