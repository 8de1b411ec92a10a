"""The streams that the measures are made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from simlab.performance.moments import Floats, Powers
from simlab.performance.stream import Counted, MeanContained, Replicates, Stream
from simlab.words import Status

LEVELS = (0.01, 0.05, 0.10)
"""Nominal levels at which the rejections of tests are counted."""

CLOSE, TINY = 1e-10, 1e-12
"""Relative and absolute difference up to which two estimates are the same number."""


def _estimate(r: Replicates) -> Floats:
    return r.estimate - r.centre


def _variance(r: Replicates) -> Floats:
    with np.errstate(over="ignore"):  # what overflows is no number of a measure
        squares: Floats = r.std_error**2
    return squares


def _fit(r: Replicates) -> tuple[Floats, Floats]:
    return r.estimate - r.centre, _variance(r)


def _width(r: Replicates) -> Floats:
    return r.upper - r.lower


def _covers(r: Replicates) -> Any:
    return (r.lower <= r.theta) & (r.theta <= r.upper)


def _interval(r: Replicates) -> tuple[Floats, ...]:
    return tuple(x - r.centre for x in (r.estimate, r.lower, r.upper))


def _rejects(r: Replicates) -> Any:
    return r.p_value <= r.alpha


def _dropped(r: Replicates) -> Floats:
    return r.dropped


def _status(r: Replicates) -> Any:
    return tuple(r.status == status for status in Status)


def _warned(r: Replicates) -> Any:
    return r.warned == 1


def _test(r: Replicates) -> Any:
    return r.test_p_value <= np.array(LEVELS)[:, None]


def _both(own: Replicates, other: Replicates) -> tuple[Floats, Floats]:
    """Sum of two estimates, and their difference, which keeps its digits where they agree."""
    return _estimate(own) + _estimate(other), own.estimate - other.estimate


def _covers_alone(own: Replicates, other: Replicates) -> Any:
    one, two = _covers(own), _covers(other)
    return one & ~two, two & ~one


def _apart(own: Replicates, other: Replicates) -> Any:
    a, b = own.estimate, other.estimate
    same = np.abs(a - b) <= TINY + CLOSE * np.abs(a)
    return ~(same | (a == b) | (np.isnan(a) & np.isnan(b)))


def outcomes(k: int) -> Powers:
    """Return the features of k outcomes: the share of each."""
    return tuple(tuple(int(i == j) for j in range(k)) for i in range(k))


_MEAN_AND_SQUARE = ((1,), (2,))
_INTERVAL = ("lower", "upper")

ESTIMATE = Stream("estimate", ("estimate",), _estimate, _MEAN_AND_SQUARE, degree=(1,))
VARIANCE = Stream("variance", ("std_error",), _variance, degree=(2,))
FIT = Stream("fit", ("estimate", "std_error"), _fit, ((2, 0), (0, 1)), degree=(1, 2))
WIDTH = Stream("width", _INTERVAL, _width, degree=(1,))
COVERED = Counted("covered", (*_INTERVAL, "theta"), _covers, per="target")
CONTAINED = MeanContained("contained", ("estimate", *_INTERVAL), _interval)
REJECTED = Counted("rejected", ("p_value",), _rejects)
STATUS = Counted("status", ("run",), _status, outcomes(len(Status)), "fit")
WARNED = Counted("warned", ("warned",), _warned, per="fit")
"""Fits in which the user's code warned: of studies that have any."""

DROPPED = Stream("dropped", ("dropped",), _dropped, per="fit")
PAIR_FEATURES = ((1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
PAIR = Stream("pair", ("estimate",), _both, PAIR_FEATURES, "pair", degree=(1, 1), odd=(False, True))
COVERED_ALONE = Counted(
    "covered_alone", (*_INTERVAL, "theta"), _covers_alone, outcomes(2), "pair and target"
)
APART = Counted("apart", (), _apart, per="pair")
BEST = Stream("best", ("estimate",), _both, PAIR_FEATURES, "best", degree=(1, 1))
TESTS = Counted("test", ("test_p_value",), _test, per="test")
