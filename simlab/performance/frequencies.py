"""Measures of frequencies: coverage, rejection, width of intervals, failed fits."""

from __future__ import annotations

from simlab.performance.estimates import UNIT
from simlab.performance.measure import Measure
from simlab.performance.streams import CONTAINED, COVERED, DROPPED, REJECTED, STATUS, WIDTH
from simlab.words import FAILED, Status

SHARE = "√(p(1 − p)/n)"

coverage = Measure(
    "coverage", "coverage of the interval", "1", "p = share of lower ≤ θ ≤ upper", COVERED,
    share=True, mcse=SHARE,
)  # fmt: skip

bias_eliminated_coverage = Measure(
    "bias_eliminated_coverage", "bias-eliminated coverage of the interval", "1",
    "p = share of lower ≤ mean θ̂ ≤ upper", CONTAINED, share=True,
    mcse="ψ = c − p + D a, c = 1 if the interval contains mean θ̂, D the density of lower ends "
    "less that of upper ends there",
)  # fmt: skip

# "≤" because a Monte Carlo p-value takes the value α itself with positive probability, and the
# test that rejects there still has level α.
rejection_rate = Measure(
    "rejection_rate", "rejection rate of the term's null value", "1",
    "p = share of p-values ≤ α = 1 − level", REJECTED, share=True, mcse=SHARE,
)  # fmt: skip

interval_width = Measure(
    "interval_width", "width of the interval", UNIT, "mean (upper − lower)", WIDTH,
    mcse="sd(upper − lower)/√n",
)  # fmt: skip

failures = Measure(
    "failures", "share of replicates without an estimate", "1",
    "p = share with status not_converged, not_estimable or error", STATUS,
    lambda m: m[0] + m[1] + m[2], lambda _: (1.0, 1.0, 1.0),
    tuple(STATUS.features[status] for status in FAILED),
    share=True, mcse=SHARE,
)  # fmt: skip

singular = Measure(
    "singular", "share of replicates with a singular fit", "1", "p = share with status singular",
    STATUS, features=(STATUS.features[Status.SINGULAR],), share=True, mcse=SHARE,
)  # fmt: skip

dropped_clusters = Measure(
    "dropped_clusters", "clusters left out by the estimator", "clusters per replicate",
    "mean number of clusters left out, over replicates with an estimate", DROPPED, mcse="sd/√n",
)  # fmt: skip
