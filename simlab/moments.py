"""The sufficient statistics: counts, means and centred cross-products of every cluster.

They are about the cluster's own mean, never raw: with a mean of 1e8 a raw sum of squares has no
correct digit left.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Moments(NamedTuple):
    """Moments of B replicates of J clusters with one covariate x.

    Clusters of one sector stand side by side. `rss` is kept instead of the sum
    of squares of y because it can be drawn, and because
    ``ss_y = s_xy²/ss_x + rss`` loses nothing while its converse cancels.
    """

    # (B, J), the number of rows n_j and the means x̄_j, ȳ_j
    n: Floats
    x_mean: Floats
    y_mean: Floats
    ss_x: Floats  # (B, J), Σ (x_ij − x̄_j)²; exactly 0 where x is constant in a cluster
    s_xy: Floats  # (B, J), Σ (x_ij − x̄_j)(y_ij − ȳ_j); 0 where ss_x is 0
    # (B, J), residual sum of squares about the cluster's own least-squares line (about its mean
    # where ss_x is 0)
    rss: Floats
    starts: Ints  # (S + 1,), sector s holds the clusters starts[s]:starts[s + 1]

    @property
    def n_sectors(self) -> int:
        """Number of sectors S."""
        return len(self.starts) - 1

    @property
    def clusters(self) -> Ints:
        """Number of clusters of each sector, (S,)."""
        return np.diff(self.starts)

    @property
    def s_xy_root(self) -> Floats:
        """s_xy/√ss_x, the component of y along the deviations of x; 0 where ss_x is 0. (B, J)."""
        return divide(self.s_xy, np.sqrt(self.ss_x))

    @property
    def slope(self) -> Floats:
        """Least-squares slope of each cluster, NaN where x is constant. (B, J)."""
        return divide(self.s_xy, self.ss_x, np.nan)

    def take(self, replicates: slice) -> Moments:
        """Return the moments of some of the replicates, as views."""
        return Moments._make([*(field[replicates] for field in self[:-1]), self.starts])

    def moved(self, x: float, y: float) -> Moments:
        """Return the moments of the data with x and y added to every row."""
        return self._replace(x_mean=self.x_mean + x, y_mean=self.y_mean + y)

    def sum(self, values: Floats) -> Floats:
        """Sum (B, J) values over the clusters of each sector: (B, S)."""
        sums: Floats = np.add.reduceat(values, self.starts[:-1], axis=-1)
        return sums

    def spread(self, values: Floats) -> Floats:
        """Give each cluster its sector's value: (B, S) to an array that broadcasts to (B, J)."""
        return values if self.n_sectors == 1 else np.repeat(values, self.clusters, axis=-1)


class Rows(NamedTuple):
    """Rows of B replicates, cluster after cluster, replicate after replicate."""

    x: Floats  # (N,), covariate of all rows of the block
    y: Floats  # (N,), response
    first: Ints  # (B, J + 1), cluster j of replicate b has the rows first[b, j]:first[b, j + 1]


def divide(a: Floats, b: Floats, otherwise: float = 0.0) -> Floats:
    """Return a/b, and `otherwise` where b is 0."""
    out = np.full(np.broadcast_shapes(np.shape(a), np.shape(b)), otherwise)
    np.divide(a, b, out=out, where=b > 0)
    return out


def from_rows(
    x: Floats, y: Floats, cluster: Ints, sector: Ints, origin: tuple[float, float] = (0.0, 0.0)
) -> Moments:
    """Moments of one data set, as a block of one replicate.

    Rows x, y, (N,), are in any order, `cluster` (N,) is 0 … J−1, numbered sector after sector, and
    `sector` (J,) that of each cluster, non-decreasing, 0 … S−1. The means are about the point
    `origin` (x, y): near the grand means, they lose no digit.
    """
    n = np.bincount(cluster).astype(float)

    def centred(values: Floats, about: float) -> tuple[Floats, Floats]:
        """Means of the clusters about a value, and the deviations from them."""
        grand = values.mean()
        mean = np.bincount(cluster, values - grand) / n
        deviation = (values - grand) - mean[cluster]
        return (grand - about) + mean, deviation

    x_mean, dx = centred(x, origin[0])
    y_mean, dy = centred(y, origin[1])
    # Rounding in the mean of a constant must not pass for variation.
    beyond = np.abs(dx) > 4 * np.finfo(float).eps * np.abs(x).max(initial=0.0)
    dx[(np.bincount(cluster, beyond) == 0)[cluster]] = 0.0
    ss_x: Floats = np.bincount(cluster, dx * dx).astype(float)
    s_xy: Floats = np.bincount(cluster, dx * dy).astype(float)
    slope = divide(s_xy, ss_x)
    rss = np.bincount(cluster, (dy - slope[cluster] * dx) ** 2).astype(float)
    rss[n <= 1 + (ss_x > 0)] = 0.0
    starts = np.searchsorted(sector, np.arange(sector.max() + 2))
    fields = [np.ascontiguousarray(v[None, :]) for v in (n, x_mean, y_mean, ss_x, s_xy, rss)]
    return Moments._make([*fields, starts.astype(np.int64)])
