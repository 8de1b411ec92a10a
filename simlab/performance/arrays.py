"""Measures of any quantity of replicates, whatever it is: for arrays alone."""

from __future__ import annotations

from typing import Any

from simlab.performance.measure import Measure
from simlab.performance.moments import Floats
from simlab.performance.stream import Counted, Replicates, Stream


def _x(r: Replicates) -> Floats:
    return r.x


def _outcome(r: Replicates) -> Any:
    return r.outcome != 0


def _difference(r: Replicates) -> Floats:
    return r.first - r.second


average = Measure("average", "mean", "any", "mean x", Stream("x", ("x",), _x), mcse="sd(x)/√n")

share = Measure(
    "share", "share of replicates with an outcome", "1", "p", Counted("x", ("outcome",), _outcome),
    share=True, mcse="√(p(1 − p)/n)",
)  # fmt: skip

paired_difference = Measure(
    "paired_difference", "paired difference", "any", "mean (first − second)",
    Stream("x", ("first", "second"), _difference), mcse="sd(first − second)/√n",
)  # fmt: skip
"""Of errors for two biases, squared errors for two MSEs, 0 and 1 for two coverages."""
