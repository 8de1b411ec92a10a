"""Cells whose variance may not exist, and which measures then cannot be trusted.

What is known of the population comes first. Student's t has moments of lower order than df alone.
The slope of a cluster of n rows has the variance σ²/ss_x given x, and of ss_x, a multiple of
χ²(n − 1) if x is normal, E ss_x^{−k} exists for 2k < n − 1 alone: methods that average the
clusters' own lines have a variance from n = 4 on, and from n = 6 one that can be measured.
Elsewhere the estimates tell: their kurtosis κ gives S a Monte Carlo standard error of
S√((κ − 1)/(4n)), and where the fourth moment does not exist κ grows with n.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.special import pdtr

from simlab.measures.conditions import config_of, setting_of
from simlab.measures.sums import arrays_of
from simlab.performance.measure import Measure
from simlab.performance.moments import quietly
from simlab.performance.named import sums_of
from simlab.performance.robust import Statistic
from simlab.performance.streams import ESTIMATE

SOUND, UNSURE, NO_VARIANCE = 0, 1, 2
"""Of an estimate: it has a fourth moment, perhaps none, not even a variance."""

SENTENCE = {
    UNSURE: "the variance of this estimate may not exist; its SE is not measured here",
    NO_VARIANCE: "this estimate has no variance; neither its SE nor its bias is measured here",
}

MARK = "†"

OWN_LINES = ("fixed_effects_separate", "two_stage")
WITHIN = ("fixed_effects_separate", "fixed_effects_common", "two_stage")
RARE = 0.05
"""Clusters too small, expected in a condition, below which they are left out of account."""

MANY = 6
"""Rows from which on a cluster's own line has a fourth moment."""

LEAST = 20.0
"""Kurtosis below which nothing is made of it, however few the replicates."""


def doubts(sums: xr.Dataset) -> NDArray[np.int8]:
    """Judge every cell, (condition, estimator, term), from its kurtosis and its population.

    Parameters
    ----------
    sums : Dataset
        From `measures.sums.summed`, with the stream of estimates.
    """
    found = np.where(_peaked(sums), UNSURE, SOUND).astype(np.int8)
    config = config_of(sums)
    if not isinstance(config.get("population"), dict):
        return found
    names = [(str(e), str(t)) for e in sums["estimator"].values for t in sums["term"].values]
    for c in range(len(found)):
        setting = setting_of(sums, config, c)
        known = [known_doubt(setting, *name) for name in names]
        found[c] = np.maximum(found[c], np.reshape(known, found.shape[1:]))
    return found


@quietly
def _peaked(sums: xr.Dataset) -> NDArray[np.bool_]:
    n, _, M = sums_of(ESTIMATE, arrays_of(sums))
    square, fourth = (M[..., ESTIMATE.powers.index(p)] for p in ((2,), (4,)))
    return np.asarray(n * fourth / square**2 > np.maximum(np.sqrt(n), LEAST))


def known_doubt(setting: dict[str, Any], estimator: str, term: str) -> int:
    """Tell what the population alone says of an estimate.

    Parameters
    ----------
    setting : dict
        The configuration of a study of one condition.
    estimator, term : str
    """
    population = setting.get("population")
    if not isinstance(population, dict) or "generator" in population:
        return SOUND
    kind = term.partition("[")[0]
    return max(
        UNSURE if _heavy(population.get("errors")) else SOUND,
        _effects(setting, population, estimator in WITHIN and kind == "slope"),
        _lines(setting, population) if estimator in OWN_LINES else SOUND,
    )


def _heavy(law: Any) -> bool:
    return isinstance(law, dict) and law.get("law") == "student-t" and float(law["df"]) <= 4


def _effects(setting: dict[str, Any], population: dict[str, Any], within: bool) -> int:
    """Random effects matter where clusters are new; the intercept's to no slope within clusters."""
    if setting.get("scheme") == "same-clusters" or not _heavy(population.get("random_effects")):
        return SOUND
    (intercept, _), (_, slope) = population.get("G") or ((1, 0), (0, 1))
    return UNSURE if slope > 0 or (intercept > 0 and not within) else SOUND


def _lines(setting: dict[str, Any], population: dict[str, Any]) -> int:
    """Lines through few rows whose x is drawn: by the smallest cluster of two rows or more."""
    x, sizes = population.get("x") or {}, population.get("cluster_sizes") or {}
    if x.get("law") == "data":
        return SOUND
    few = [int(n) for n in (*sizes.get("sizes", ()), sizes.get("size", MANY)) if n > 1]
    if sizes.get("law") == "poisson":
        few = [n for n in range(int(sizes.get("minimum", 2)), MANY) if _occurs(n, setting, sizes)]
    least = min((n for n in few if n > 1), default=MANY)
    return NO_VARIANCE if least < 4 else UNSURE if least < MANY else SOUND


def _occurs(n: int, setting: dict[str, Any], sizes: dict[str, Any]) -> bool:
    """Whether a condition is likely to have a cluster of n rows or fewer, by Poisson's law."""
    clusters, replicates = setting["population"].get("clusters", 1), setting.get("replicates", 1)
    J = sum(clusters.values()) if isinstance(clusters, dict) else clusters
    R = replicates["max"] if isinstance(replicates, dict) else replicates
    return bool(J * R * pdtr(n, sizes["mean"]) > RARE)


def doubtful(measure: Measure | Statistic, doubt: ArrayLike) -> NDArray[np.bool_]:
    """Whether a measure cannot be trusted where an estimate is in doubt, cell by cell."""
    return np.asarray(np.asarray(doubt) + measure.order > 2)
