"""The methods: one short file each, one line each in the registry."""

from __future__ import annotations

from types import MappingProxyType

from simlab.estimators import (
    ecological,
    fixed_effects_common,
    fixed_effects_separate,
    gls_oracle,
    hlm,
    hlm_contextual,
    pooled,
    pooled_robust,
    two_stage,
)
from simlab.estimators.base import Estimates, Estimator, Known, Sample, term_names

METHODS = (
    pooled.METHOD,
    pooled_robust.METHOD,
    fixed_effects_separate.METHOD,
    fixed_effects_common.METHOD,
    two_stage.METHOD,
    ecological.METHOD,
    hlm.METHOD,
    hlm_contextual.METHOD,
    gls_oracle.METHOD,
)
REGISTRY = MappingProxyType({method.name: method for method in METHODS})

__all__ = ["METHODS", "REGISTRY", "Estimates", "Estimator", "Known", "Sample", "term_names"]
