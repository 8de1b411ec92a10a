"""Each cluster rotated onto its own random effects.

With the QR decomposition Z_j = Q_j K_j' (Q_j orthonormal, K_j r × r lower
triangular) a cluster of any size collapses to r pseudo-observations

    x̃_j = Q_j'X_j,  ỹ_j = Q_j'y_j,   ỹ_j ~ (x̃_j γ, σ² (I + K_j'ΔK_j)),   Δ = G/σ²,

and a remainder, orthogonal to Z_j, whose rows are independent with variance σ²
whatever G is. The remainders of all clusters enter as one sum. Every term of
the likelihood is then a sum of positive parts: nothing cancels, however large
n_j or the variance ratio (mathematics: Bates & Pinheiro 1998, Computational
methods for multilevel modelling).

Fixed effects may be a separate set per sector, X = diag(X_1 … X_S), with G and
σ² common: the cost does not grow with S.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.kernels import inner, kernel
from simlab.moments import Floats, Ints


class Rotated(NamedTuple):
    """One data set of J clusters, rotated.

    Attributes
    ----------
    K : (J, r, r)
        Z_j'Z_j = K_j K_j'.
    xy : (J, r, k + 1)
        x̃_j beside ỹ_j.
    rest : (S, k + 1, k + 1)
        Σ of the cross-products of [X y] orthogonal to Z_j, per sector.
    starts : (S + 1,)
        Sector s holds the clusters ``starts[s]:starts[s + 1]``.
    n_rows : (1,)
        N, the number of rows.
    blocks : (r,)
        Random effects with the same number are correlated, others are not.
    axes : (r, r)
        Rows: the user's random effects as combinations of these, but for their sizes.
    """

    K: Floats
    xy: Floats
    rest: Floats
    starts: Ints
    n_rows: Floats
    blocks: Ints
    axes: Floats


def allocate(starts: Ints, r: int, k: int, blocks: Ints | None = None) -> Rotated:
    """Return room for a data set with r random effects and k fixed effects in each sector."""
    J, S = int(starts[-1]), len(starts) - 1
    return Rotated(
        K=np.zeros((J, r, r)),
        xy=np.zeros((J, r, k + 1)),
        rest=np.zeros((S, k + 1, k + 1)),
        starts=starts,
        n_rows=np.zeros(1),
        blocks=np.zeros(r, dtype=np.int64) if blocks is None else blocks,
        axes=np.eye(r),
    )


@inner
def fill_line(
    n: Floats,
    x: Floats,
    y: Floats,
    ss_x: Floats,
    s_xy: Floats,
    rss: Floats,
    contextual: bool,
    out: Rotated,
) -> None:
    """Rotate as `rotate_line` does, for other kernels."""
    of_all, xy_of_all = out.K, out.xy
    k = xy_of_all.shape[2] - 1
    for j in range(n.size):
        K, xy = of_all[j], xy_of_all[j]
        root_n, root_ss = np.sqrt(n[j]), np.sqrt(ss_x[j])
        K[0, 0] = xy[0, 0] = root_n
        K[1, 0] = xy[0, 1] = root_n * x[j]
        K[1, 1] = xy[1, 1] = root_ss
        K[0, 1] = xy[1, 0] = 0.0
        if contextual:
            xy[0, 2] = root_n * x[j]
            xy[1, 2] = 0.0
        xy[0, k] = root_n * y[j]
        xy[1, k] = s_xy[j] / root_ss if root_ss > 0.0 else 0.0
    out.n_rows[0] = 0.0
    for s in range(out.starts.size - 1):
        for a in range(k + 1):
            for b in range(k + 1):
                out.rest[s, a, b] = 0.0
        for j in range(out.starts[s], out.starts[s + 1]):
            out.rest[s, k, k] += rss[j]
            out.n_rows[0] += n[j]


@kernel
def rotate_line(
    n: Floats,
    x: Floats,
    y: Floats,
    ss_x: Floats,
    s_xy: Floats,
    rss: Floats,
    contextual: bool,
    out: Rotated,
) -> None:
    """Rotate one replicate of the random-slope model, from its moments, in place.

    Z_j = [1, x], X_j = [1, x] or [1, x, x̄_j], so Q_j = [1/√n, (x − x̄_j)/√ss_x]:

        K_j' = [[√n, √n x̄_j], [0, √ss_x]],  ỹ_j = (√n ȳ_j, s_xy/√ss_x),  remainder Σ rss_j.

    Parameters
    ----------
    n, x, y, ss_x, s_xy, rss : (J,)
        As in `Moments`, x and y about the origin that the fit is to use.
    contextual : bool
        Whether x̄_j is a third fixed effect.
    out : Rotated
        With r = 2 and k = 2 + contextual.
    """
    fill_line(n, x, y, ss_x, s_xy, rss, contextual, out)
