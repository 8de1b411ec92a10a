"""Units in which every number of a fit is of order one.

The distinct columns D of [X Z] are centred and scaled, and a pooled least
squares fit is taken off y. In those units

    y = Xb + s_y ỹ,   X̃γ̃ = Xγ for γ = Aγ̃,   Z̃ũ = Zu for u = Bũ,

so that γ̂ = b + s_y A γ̃, G = s_y² B G̃ B', σ² = s_y² σ̃². A covariate of size 1e5, or an offset
of 1e8, loses nothing; and what is left of y is small, so that its sum of
squares is not the difference of two large numbers.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simlab.mixed.bases import collinear, orthogonal
from simlab.moments import Floats, Ints
from simlab.products import Products, least_pivot

SMALL = 1e-2  # σ, of that about a pooled fit, below which the fit loses digits
LARGE = 1e-4  # the same, of what the fixed effects add to that fit


class Units(NamedTuple):
    """How the engine's units relate to the user's.

    Attributes
    ----------
    A : (p, p)
        γ = b + s_y A γ̃.
    B : (r, r)
        u = s_y B ũ.
    b : (p,)
        The pooled least squares fit that was taken off y (with a ridge that
        makes it exist always; it need not be exact).
    s_y : float
        Spread of what it leaves.
    """

    A: Floats
    B: Floats
    b: Floats
    s_y: float


class About(NamedTuple):
    """What a fit has shown of the units in which it should have been made.

    Where clusters differ far more than their rows, a pooled fit is not near enough to y: the sums
    of squares that it leaves lose digits. And where their random effects vary nearly as one, these
    are better taken along their principal axes.

    Attributes
    ----------
    b : (p,)
        Fixed effects to take off y, of X̃.
    s_y : float
        σ̂.
    axes : (r, r) or None
        Orthogonal: Z̃ is replaced by Z̃ axes.
    """

    b: Floats
    s_y: float
    axes: Floats | None


def loses_digits(sigma: Floats, gamma: Floats) -> NDArray[np.bool_]:
    """Whether fits with σ̃ (…) and γ̃ (…, k) lose digits in their units, and need other ones."""
    least = np.fmax(SMALL, LARGE * np.abs(gamma).max(axis=-1, initial=0.0))
    out: NDArray[np.bool_] = (sigma > 0) & (sigma < least)
    return out


class Frame(NamedTuple):
    """The columns that are rotated, as (D − centre)/scale, and the way back to the user's.

    Attributes
    ----------
    D : (N, d)
        Columns.
    fixed, random : (p,), (r,)
        Columns of D that are X̃, and that are Z̃.
    centre, scale : (d + 1,)
        Of the columns of [D y].
    A, B : (p, p), (r, r)
        As in `Units`.
    intercept : int
        Which fixed effect is the intercept, −1 without one.
    """

    D: Floats
    fixed: Ints
    random: Ints
    centre: Floats
    scale: Floats
    A: Floats
    B: Floats
    intercept: int


def standard(sums: Products, fixed: Ints, random: Ints, blocks: Ints) -> Frame | None:
    """The columns centred and scaled; None if that leaves some of them nearly collinear.

    A column is centred only where an intercept can take its mean up: among the
    fixed effects, and in its block of random effects.
    """
    (N, d), mean = sums.D.shape, sums.mean.tolist()
    spread = [math.sqrt(square / N) for square in sums.cross.diagonal().tolist()]
    constant = [s <= 1e-12 * abs(m) for s, m in zip(spread, mean, strict=True)]
    intercept = next((c for c in range(d) if constant[c] and mean[c] == 1.0), -1)
    in_X, in_Z, of_block = fixed.tolist(), random.tolist(), blocks.tolist()
    centre = [0.0] * (d + 1)
    if intercept in in_X:
        centre = [0.0 if constant[c] and c < d else m for c, m in enumerate(mean)]
    slopes = [(c, b) for c, b in zip(in_Z, of_block, strict=True) if c != intercept]
    with_intercept = {b for c, b in zip(in_Z, of_block, strict=True) if c == intercept}
    for c, block in slopes:
        if block not in with_intercept:
            centre[c] = 0.0
        elif c not in in_X:
            centre[c] = mean[c]
    if intercept >= 0:
        centre[intercept] = 0.0
    middle = np.array(centre)
    shift = sums.mean - middle
    together = [fixed, *(random[blocks == block] for block in dict.fromkeys(of_block))]
    if any(collinear(least_pivot(sums.cross, chosen, shift, N)) for chosen in together):
        return None
    if any(b in with_intercept and mean[c] != 0.0 == centre[c] for c, b in slopes):
        return None
    scale = np.hypot(spread, shift)
    for c in range(d + 1):
        if constant[c]:
            scale[c] = abs(mean[c]) if mean[c] else 1.0
    A, B = _back(middle, scale, fixed, intercept), _back(middle, scale, random, intercept)
    return Frame(sums.D, fixed, random, middle, scale, A, B, _index(in_X, intercept))


def combined(D: Floats, y: Floats, cluster: Ints, fixed: Ints, random: Ints, blocks: Ints) -> Frame:
    """The columns of X, and those of each block of Z, combined until they are orthogonal."""
    is_one = (D == 1.0).all(axis=0)
    ones = int(np.argmax(is_one)) if is_one.any() else -1
    intercept = _index(fixed.tolist(), ones)
    X = orthogonal(D[:, fixed], intercept, cluster)
    r, p = len(random), len(fixed)
    Z, B = np.empty((len(D), r)), np.zeros((r, r))
    for block in dict.fromkeys(blocks.tolist()):
        own = np.flatnonzero(blocks == block)
        columns = orthogonal(D[:, random[own]], _index(random[own].tolist(), ones))
        Z[:, own], B[np.ix_(own, own)] = columns
    centre, scale = np.zeros(r + p + 1), np.ones(r + p + 1)
    if intercept >= 0:
        centre[-1] = y.mean()
    both = np.ascontiguousarray(np.concatenate([Z, X.values], axis=1))
    order = np.arange(r + p, dtype=np.int64)
    return Frame(both, order[r:], order[:r], centre, scale, X.back, B, intercept)


def turned(frame: Frame, axes: Floats) -> Frame:
    """Replace the random effects by those along other axes."""
    columns = (frame.D - frame.centre[:-1]) / frame.scale[:-1]
    both = np.concatenate([columns[:, frame.random] @ axes, columns[:, frame.fixed]], axis=1)
    r, q = len(axes), both.shape[1]
    centre, order = np.append(np.zeros(q), frame.centre[-1]), np.arange(q, dtype=np.int64)
    return frame._replace(
        D=np.ascontiguousarray(both), random=order[:r], fixed=order[r:], centre=centre,
        scale=np.ones(q + 1), B=frame.B @ axes,
    )  # fmt: skip


def _index(columns: list[int], column: int) -> int:
    """Place of a column among others, −1 if it is not there."""
    return columns.index(column) if column in columns else -1


def pooled(
    cross: Floats, shift: Floats, N: int, scale: Floats, fixed: Ints
) -> tuple[Floats, float]:
    """Pooled least squares in units of `scale`, and the root mean square of its residuals.

    From the cross-products about the means, which are `shift` above the centre.
    """
    unit = scale.copy()
    unit[-1] = 1.0
    gram = (cross + N * (shift[:, None] * shift)) / (unit[:, None] * unit)
    XX, Xy, yy = gram[fixed[:, None], fixed], gram[fixed, -1], float(gram[-1, -1])
    ridged = XX.copy()
    ridged.ravel()[:: len(fixed) + 1] += 1e-10 * XX.trace()
    b = np.linalg.solve(ridged, Xy)
    left = yy - 2 * b @ Xy + b @ XX @ b
    s_y = math.sqrt(max(left, 1e-14 * yy) / N)
    return b, s_y if s_y > 0 else 1.0


def _back(centre: Floats, scale: Floats, chosen: Ints, intercept: int) -> Floats:
    """Coefficients of D's columns from those of D̃'s: x̃c̃ = (x − m)/s · c̃."""
    q, one = len(chosen), _index(chosen.tolist(), intercept)
    back = np.zeros((q, q))
    if one >= 0:
        back[one] = -centre[chosen] / scale[chosen]
    back.ravel()[:: q + 1] = 1.0 / scale[chosen]
    return back
