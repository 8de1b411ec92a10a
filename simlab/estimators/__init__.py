"""The methods: one short file each, one line each in `simlab.methods`."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType

from simlab import methods
from simlab.estimators.base import Estimates, Estimator, Known, Sample

METHODS: tuple[Estimator, ...] = tuple(
    import_module(f"simlab.estimators.{name}").METHOD for name in methods.METHODS
)
REGISTRY = MappingProxyType({method.name: method for method in METHODS})

__all__ = ["METHODS", "REGISTRY", "Estimates", "Estimator", "Known", "Sample"]
