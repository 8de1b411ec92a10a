"""One data set in data space, with the three lines of the course through it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

import simlab
from simlab.config import Study
from simlab.estimators import REGISTRY, Sample
from simlab.estimators.lines import fit_clusters
from simlab.moments import Moments, from_rows
from simlab.plots import ClusterLines, data_space

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_counts", "draw_sample", "slopes"]

LINES = ("ecological", "pooled", "fixed_effects_common")
"""The methods that draw the lines."""


def slopes(m: Moments) -> dict[str, float]:
    """Return the three slopes of one data set, by method."""
    return {name: _term(m, name, "slope") for name in LINES}


def _term(m: Moments, method: str, kind: str) -> float:
    found = REGISTRY[method]
    return float(found.fit(Sample(m)).estimate[0, [str(k) for k in found.kinds].index(kind)])


def _lines(m: Moments) -> dict[str, tuple[float, float]]:
    """Intercept and slope of the three lines; that within clusters goes through the grand mean."""
    of = slopes(m)
    x, y = (float(np.average(v, weights=m.n)) for v in (m.x_mean, m.y_mean))
    through_means = _term(m, "ecological", "intercept")
    intercepts = {name: y - slope * x for name, slope in of.items()} | {"ecological": through_means}
    return {name: (intercepts[name], slope) for name, slope in of.items()}


def draw_sample(
    ax: Axes, study: Study, condition: int = 0, names: tuple[str, str] = ("x", "y")
) -> None:
    """Draw the first sample of a condition of a study."""
    df = simlab.replicate(study, condition)
    x, y = df["x"].to_numpy(), df["y"].to_numpy()
    codes, labels = df["cluster"].factorize()
    m = from_rows(x, y, codes.astype(np.int64), np.zeros(len(labels), dtype=np.int64))
    by_cluster = df.groupby(codes)["x"]
    own = _own(m, labels, by_cluster.min(), by_cluster.max())
    data_space(
        x, y, df["cluster"], clusters=own, lines=_lines(m), names=names,
        unit="student", level2="school", ax=ax)  # fmt: skip


def draw_counts(
    ax: Axes, m: Moments, names: tuple[str, str], unit: str, level2: str, ticks: tuple[str, str]
) -> None:
    """Draw a table of counts: the shares at x = 0 and x = 1 in each cluster, joined by its line."""
    J = m.n.shape[1]
    own = _own(m, np.arange(J), np.zeros(J), np.ones(J))
    low = np.asarray(own.intercept)
    y = np.concatenate([low, low + np.asarray(own.slope)])
    data_space(
        np.repeat([0.0, 1.0], J), y, np.tile(np.arange(J), 2), clusters=own,
        lines=_lines(m), names=names, unit=unit, level2=level2, ax=ax)  # fmt: skip
    ax.set_xticks([0, 0.5, 1], [f"0\n{ticks[0]}", "0.5", f"1\n{ticks[1]}"])


def _own(m: Moments, labels: ArrayLike, low: ArrayLike, high: ArrayLike) -> ClusterLines:
    own = fit_clusters(m)
    return ClusterLines(labels, own.intercept[0], own.slope[0], low, high, m.x_mean[0], m.y_mean[0])
