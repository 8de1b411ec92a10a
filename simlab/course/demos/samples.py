"""Data sets behind the demonstrations: all samples of a study, and counts as clusters; drawn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

import simlab
from simlab.config import Study
from simlab.estimators import REGISTRY, Sample
from simlab.estimators.lines import fit_clusters
from simlab.moments import Floats, Moments, from_rows
from simlab.plots import ClusterLines, data_space
from simlab.population import Clusters
from simlab.runner import Room, prepare
from simlab.sampling import block_clusters, draw_block
from simlab.words import SAME

LINES = ("ecological", "pooled", "fixed_effects_common")
"""The methods that draw the lines."""


class Samples(NamedTuple):
    """All replicates of one condition."""

    # of shape (B, J), or (1, J) where they are the same in all replicates. They have the true
    # random effects u_j, which no estimator sees
    clusters: Clusters
    moments: Moments  # of shape (B, J)
    # (n_j,) the response of every cluster of every replicate; empty unless rows were asked for
    y: list[list[Floats]]


def samples(study: Study, condition: int = 0, rows: bool = False) -> Samples:
    """Draw all replicates of one condition again.

    Unless rows are asked for where the study draws moments, they are those on which `simlab.run`
    runs the estimators: random streams are opened by what they are for. With `rows` all is drawn
    row by row, and the responses are kept.
    """
    job = prepare(study, room=Room(kept=study.replicates)).jobs[condition]
    scheme, stream = job.condition.scheme, (study.seed, job.key)
    clusters, moments, y = [], [], []
    for number, first in enumerate(range(0, study.replicates, study.block)):
        size = min(study.block, study.replicates - first)
        clusters.append(block_clusters(job.plan, scheme, *stream, number, size))
        drawn, kept = draw_block(
            job.plan, scheme, rows or job.rows, *stream, number, size, keep_rows=rows
        )
        moments.append(drawn)
        if kept is not None:
            y += [np.split(kept.y[at[0] : at[-1]], at[1:-1] - at[0]) for at in kept.first]
    if scheme == SAME:
        del clusters[1:]
    fields = map(np.concatenate, zip(*(m[:-1] for m in moments), strict=True))
    return Samples(
        Clusters(*map(np.concatenate, zip(*clusters, strict=True))),
        Moments._make([*fields, job.plan.starts]),
        y,
    )


def from_counts(df: pd.DataFrame, cluster: str, x: str, n: str, y: str) -> Moments:
    """Moments of 0/1 data that are given as counts; exact, whatever the number of people.

    With N_0, N_1 people at x = 0 and x = 1 in a cluster, and the shares p_0, p_1 of them with y =
    1, the cluster's line goes through both shares:

        ss_x = N_0N_1/n,   s_xy = ss_x (p_1 − p_0),   rss = N_0p_0(1 − p_0) + N_1p_1(1 − p_1)

    There are two rows for each cluster; of the two groups, the first is x = 0. Columns `n` and `y`
    are the number of people, and of those with y = 1. The moments are of one data set, (1, J), in
    one sector, clusters in the order of their names.
    """
    wide = df.pivot(index=cluster, columns=x, values=[n, y])
    people, cases = (wide[name].to_numpy(dtype=float) for name in (n, y))
    share, N = cases / people, people.sum(axis=1)
    ss_x = people.prod(axis=1) / N
    fields = (
        N, people[:, 1] / N, cases.sum(axis=1) / N, ss_x, ss_x * (share[:, 1] - share[:, 0]),
        (people * share * (1 - share)).sum(axis=1),
    )  # fmt: skip
    return Moments._make([*(field[None] for field in fields), np.array([0, len(N)])])


def correlations(m: Moments) -> tuple[Floats, Floats]:
    """Correlation of x and y over all rows, and over the clusters' means; each (B,).

    The clusters' means count alike, as in Robinson (1950).
    """
    n, x, y = m.n, m.x_mean, m.y_mean
    ss_y = m.s_xy_root**2 + m.rss
    own = [m.ss_x.sum(-1), ss_y.sum(-1), m.s_xy.sum(-1)]
    dx, dy = (v - np.average(v, axis=-1, weights=n)[:, None] for v in (x, y))
    between = [(n * dx * dx).sum(-1), (n * dy * dy).sum(-1), (n * dx * dy).sum(-1)]
    xx, yy, xy = (a + b for a, b in zip(own, between, strict=True))
    ex, ey = (v - v.mean(axis=-1, keepdims=True) for v in (x, y))
    of_means = (ex * ey).sum(-1) / np.sqrt((ex * ex).sum(-1) * (ey * ey).sum(-1))
    return xy / np.sqrt(xx * yy), of_means


def slopes(m: Moments) -> dict[str, float]:
    """Return the three slopes of one data set, by method."""
    return {name: _term(m, name, "slope") for name in LINES}


def _term(m: Moments, method: str, kind: str) -> float:
    result = REGISTRY[method]
    return float(result.fit(Sample(m)).estimate[0, [str(k) for k in result.kinds].index(kind)])


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
