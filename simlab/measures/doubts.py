"""Cells whose variance may not exist, and which measures then cannot be trusted.

What is known of the population comes first. Student's t has moments of lower order than df alone.
Given x a slope has the variance σ²/ss_x, and of ss_x, a multiple of χ²(d) if x is normal,
E ss_x^{−k} exists for 2k < d alone: from d = 3 on there is a variance, and from d = 5 one that can
be measured. d is n − 1 of the smallest cluster for methods that average the clusters' own lines,
and J − 1 for effects between J clusters.
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
from simlab.words import ORACLE, SAME, Term

SOUND, UNSURE, NO_VARIANCE = 0, 1, 2
"""Of an estimate: it has a fourth moment, perhaps none, not even a variance."""

SENTENCE = {
    UNSURE: "the variance of this estimate may not exist; its SE is not measured here",
    NO_VARIANCE: "this estimate has no variance; neither its SE nor its bias is measured here",
}

MARK = "†"

OWN_LINES = ("fixed_effects_separate", "two_stage")
BETWEEN = ("hlm_contextual", ORACLE)
WITHIN = ("fixed_effects_separate", "fixed_effects_common", "two_stage")
RARE = 0.05
"""Clusters too small, expected in a condition, below which they are left out of account."""

MANY = 5
"""Degrees of freedom of x from which on a slope has a fourth moment."""

LEAST = 20.0
"""Kurtosis below which nothing is made of it, however few the replicates."""


def doubts(sums: xr.Dataset) -> NDArray[np.int8]:
    """Judge every cell, (condition, estimator, term), from its kurtosis and its population.

    `sums` are from `measures.sums.summed`, with the stream of estimates.
    """
    doubt = np.where(_peaked(sums), UNSURE, SOUND).astype(np.int8)
    config = config_of(sums)
    if not isinstance(config.get("population"), dict):
        return doubt
    names = [(str(e), str(t)) for e in sums["estimator"].values for t in sums["term"].values]
    for c in range(len(doubt)):
        setting = setting_of(sums, config, c)
        known = [known_doubt(setting, *name) for name in names]
        doubt[c] = np.maximum(doubt[c], np.reshape(known, doubt.shape[1:]))
    return doubt


@quietly
def _peaked(sums: xr.Dataset) -> NDArray[np.bool_]:
    """Whether the kurtosis of a cell's estimates is above √n, or `LEAST`, (condition, E, T)."""
    n, _, M = sums_of(ESTIMATE, arrays_of(sums))
    square, fourth = (M[..., ESTIMATE.powers.index(p)] for p in ((2,), (4,)))
    return np.asarray(n * fourth / square**2 > np.maximum(np.sqrt(n), LEAST))


def known_doubt(setting: dict[str, Any], estimator: str, term: str) -> int:
    """Return what is known of an estimate from the population alone, for one condition."""
    population = setting.get("population")
    if not isinstance(population, dict) or "generator" in population:
        return SOUND
    kind = Term.parse(term).kind
    d = _spread(setting, population, estimator, kind)
    return max(
        UNSURE if _heavy(population.get("errors")) or d < MANY else SOUND,
        _effects(setting, population, estimator in WITHIN and kind == "slope"),
        NO_VARIANCE if d < 3 else SOUND,
    )


def _heavy(law: Any) -> bool:
    return isinstance(law, dict) and law.get("law") == "student-t" and float(law["df"]) <= 4


def _effects(setting: dict[str, Any], population: dict[str, Any], within: bool) -> int:
    """Random effects matter where clusters are new; the intercept's to no slope within clusters."""
    if setting.get("scheme") == SAME or not _heavy(population.get("random_effects")):
        return SOUND
    (intercept, _), (_, slope) = population.get("G") or ((1, 0), (0, 1))
    return UNSURE if slope > 0 or (intercept > 0 and not within) else SOUND


def _spread(setting: dict[str, Any], population: dict[str, Any], estimator: str, kind: str) -> int:
    """Degrees of freedom of the x that an estimate divides by; `MANY` where x is not drawn."""
    if (population.get("x") or {}).get("law") == "data":
        return MANY
    if estimator in OWN_LINES:
        return _least(setting, population.get("cluster_sizes") or {}) - 1
    if setting.get("scheme") != SAME and (
        estimator == "ecological" or (estimator in BETWEEN and kind != "slope")
    ):
        return int(min(_clusters(population))) - 1
    return MANY


def _least(setting: dict[str, Any], sizes: dict[str, Any]) -> int:
    """Rows of the smallest cluster that is likely to occur, of those with two or more."""
    few = [int(n) for n in (*sizes.get("sizes", ()), sizes.get("size", MANY + 1))]
    if sizes.get("law") == "poisson":
        few = [n for n in range(int(sizes.get("minimum", 2)), MANY + 1)
               if _occurs(n, setting, sizes)]  # fmt: skip
    return min((n for n in few if n > 1), default=MANY + 1)


def _clusters(population: dict[str, Any]) -> list[float]:
    clusters = population.get("clusters", MANY + 1)
    return list(clusters.values()) if isinstance(clusters, dict) else [clusters]


def _occurs(n: int, setting: dict[str, Any], sizes: dict[str, Any]) -> bool:
    """Whether a condition is likely to have a cluster of n rows or fewer, by Poisson's law."""
    replicates = setting.get("replicates", 1)
    R = replicates["max"] if isinstance(replicates, dict) else replicates
    return bool(sum(_clusters(setting["population"])) * R * pdtr(n, sizes["mean"]) > RARE)


def doubtful(measure: Measure | Statistic, doubt: ArrayLike) -> NDArray[np.bool_]:
    """Whether a measure cannot be trusted where an estimate is in doubt, cell by cell."""
    return np.asarray(np.asarray(doubt) + measure.order > 2)
