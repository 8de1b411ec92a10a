"""A least-squares line through each cluster: what two methods start from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simlab.moments import Floats, Moments, divide


class Lines(NamedTuple):
    """Lines of the clusters that have one, that is, in which x varies."""

    usable: Floats  # 1.0 where a line exists, else 0.0, (B, J)
    available: Floats  # number of usable clusters of each sector, (B, S)
    # β̂_0j (at the origin of the moments) and β̂_1j, (B, J); 0 where there is no line
    intercept: Floats
    slope: Floats
    intercept_mean: Floats  # means over the usable clusters, each with the same weight, (B, S)
    slope_mean: Floats
    dropped: NDArray[np.int32]  # clusters without a line, (B,)


def fit_clusters(m: Moments) -> Lines:
    """Fit a line to each cluster: β̂_1j = s_xy/ss_x, β̂_0j = ȳ_j − β̂_1j x̄_j."""
    usable = (m.ss_x > 0).astype(float)
    slope = np.where(usable > 0, m.slope, 0.0)
    intercept = usable * (m.y_mean - slope * m.x_mean)
    available = m.sum(usable)
    divisor = np.where(available > 0, available, np.nan)
    return Lines(
        usable,
        available,
        intercept,
        slope,
        m.sum(intercept) / divisor,
        m.sum(slope) / divisor,
        (usable.shape[-1] - usable.sum(axis=-1)).astype(np.int32),
    )


def inverse_cross_product(m: Moments) -> Floats:
    """(X_j'X_j)⁻¹ = [[1/n + x̄²/ss, −x̄/ss], [−x̄/ss, 1/ss]] of each cluster's own line, (B, J, 2, 2).

    Var(β̂_j) over σ²; NaN where x does not vary.
    """
    inverse = divide(np.ones_like(m.ss_x), m.ss_x, np.nan)
    entries = (1 / m.n + m.x_mean**2 * inverse, -m.x_mean * inverse, inverse)
    return np.stack([entries[i] for i in (0, 1, 1, 2)], axis=-1).reshape(*m.n.shape, 2, 2)
