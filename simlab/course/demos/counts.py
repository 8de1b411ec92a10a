"""Tables of counts as clusters: the classical data sets, in the terms of the course."""

from __future__ import annotations

import numpy as np
import pandas as pd

from simlab.moments import Floats, Moments

__all__ = ["correlations", "from_counts"]


def from_counts(df: pd.DataFrame, cluster: str, x: str, n: str, y: str) -> Moments:
    """Moments of 0/1 data that are given as counts; exact, whatever the number of people.

    With N_0, N_1 people at x = 0 and x = 1 in a cluster, and the shares p_0, p_1 of them with
    y = 1, the cluster's line goes through both shares:

        ss_x = N_0N_1/n,   s_xy = ss_x (p_1 − p_0),   rss = N_0p_0(1 − p_0) + N_1p_1(1 − p_1)

    Parameters
    ----------
    df : DataFrame
        Two rows for each cluster.
    cluster, x : str
        Columns of the cluster and of the group; of the two groups, the first is x = 0.
    n, y : str
        Columns of the number of people, and of how many of them have y = 1.

    Returns
    -------
    Moments
        Of one data set, (1, J), in one sector; clusters in the order of their names.
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
