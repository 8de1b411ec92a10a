"""Measures of any quantity of replicates, whatever it is: for arrays alone."""

from __future__ import annotations

from simlab.performance.measure import Measure
from simlab.performance.stream import Counted, Stream

average = Measure(
    "average", "mean", "any", "mean x", Stream("x", ("x",), lambda r: r.x), mcse="sd(x)/√n"
)

share = Measure(
    "share", "share of replicates with an outcome", "1", "p",
    Counted("x", ("outcome",), lambda r: r.outcome != 0), share=True, mcse="√(p(1 − p)/n)",
)  # fmt: skip

paired_difference = Measure(
    "paired_difference", "paired difference", "any", "mean (first − second)",
    Stream("x", ("first", "second"), lambda r: r.first - r.second), mcse="sd(first − second)/√n",
)  # fmt: skip
"""Of errors for two biases, squared errors for two MSEs, 0 and 1 for two coverages."""
