"""Diagnostics of a fit, to be looked at before it is believed: functions of a `MixedFit`."""

from simlab.fitting.diagnostics.influences import influence
from simlab.fitting.diagnostics.mundlak import Contextual, contextual
from simlab.fitting.diagnostics.report import diagnose
from simlab.fitting.diagnostics.singularity import NearSingularity, near_singularity
from simlab.fitting.diagnostics.specification import Hausman, hausman
from simlab.fitting.diagnostics.weighting import ThreeMeans, Weights, three_means, weights

__all__ = [
    "Contextual", "Hausman", "NearSingularity", "ThreeMeans", "Weights", "contextual", "diagnose",
    "hausman", "influence", "near_singularity", "three_means", "weights",
]  # fmt: skip
