"""How often intervals cover and tests reject, and how wide intervals are."""

from __future__ import annotations

from simlab.performance.accuracy import UNIT
from simlab.performance.measure import Measure
from simlab.performance.streams import CONTAINED, COVERED, REJECTED, WIDTH

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
