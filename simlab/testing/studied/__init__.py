"""Hypotheses that a study tests in every replicate: one short file for each, and one line here.

Each has several kinds of p-value, so that a study can say which of them has the size that it
claims.
"""

from __future__ import annotations

from types import MappingProxyType

from simlab.testing.studied import fixed_slope, random_intercept, random_slope
from simlab.testing.studied.evaluation import Sampling, evaluate
from simlab.testing.studied.hypothesis import Hypothesis

HYPOTHESES = (random_intercept.HYPOTHESIS, random_slope.HYPOTHESIS, fixed_slope.HYPOTHESIS)
REGISTRY = MappingProxyType({hypothesis.name: hypothesis for hypothesis in HYPOTHESES})

__all__ = ["HYPOTHESES", "REGISTRY", "Hypothesis", "Sampling", "evaluate"]
