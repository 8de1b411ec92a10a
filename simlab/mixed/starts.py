"""Where the search for the minimum starts."""

from __future__ import annotations

import numpy as np

from simlab.kernels import inner
from simlab.mixed.rotated import Rotated
from simlab.moments import Floats, Ints

FROM_TRIAL, ONCE, UNLESS_SETTLED, ALWAYS = 0, 1, 2, 3  # how often a minimum is searched
TAKEN_UP = 1e-13  # of a random effect's squares: what the fixed effects leave below it is rounding


@inner
def start(rotated: Rotated, Lambda: Floats) -> None:
    """Write a root of a moment estimate of Δ: the spread of the clusters' own coefficients.

    b_j = K_j'⁻¹ỹ_j has Var(b_j) = σ²(Δ + (Z_j'Z_j)⁻¹) about the sector's fixed part;
    σ² comes from the remainders. Variances are floored at a twentieth of the
    sampling variance, since Λ_aa = 0 is stationary whatever the data say.
    """
    of_all, xy, starts, blocks = rotated.K, rotated.xy, rotated.starts, rotated.blocks
    r, k = rotated.K.shape[1], xy.shape[2] - 1
    rss, df, count = 0.0, rotated.n_rows[0], 0.0
    square, noise = np.zeros((r, r)), np.zeros((r, r))
    mean, own, delta, inverse = np.zeros(r), np.zeros(r), np.zeros(r), np.zeros((r, r))
    for s in range(starts.size - 1):
        rss += rotated.rest[s, k, k]
        in_sector = 0.0
        for j in range(starts[s], starts[s + 1]):
            K = of_all[j]
            full = True
            for a in range(r):
                if K[a, a] > 0.0:
                    df -= 1.0
                else:
                    full = False
            if not full:
                continue
            in_sector += 1.0
            for a in range(r - 1, -1, -1):  # K'b = ỹ, and the inverse of K'
                own[a] = xy[j, a, k]
                for e in range(a + 1, r):
                    own[a] -= K[e, a] * own[e]
                own[a] /= K[a, a]
                for c in range(r):
                    inverse[a, c] = 1.0 if a == c else 0.0
                    for e in range(a + 1, r):
                        inverse[a, c] -= K[e, a] * inverse[e, c]
                    inverse[a, c] /= K[a, a]
                delta[a] = 0.0 if in_sector == 1.0 else own[a] - mean[a]
                mean[a] = own[a] if in_sector == 1.0 else mean[a] + delta[a] / in_sector
            for a in range(r):
                for b in range(a + 1):
                    square[a, b] += delta[a] * (own[b] - mean[b])
                    for c in range(r):
                        noise[a, b] += inverse[a, c] * inverse[b, c]
        count += in_sector
    scale = (count - (starts.size - 1)) * rss
    for b in range(r):
        for a in range(r):
            Lambda[a, b] = 1.0 if a == b else 0.0
            if a >= b and scale > 0.0 and df > 0.0:
                value = square[a, b] * df / scale - noise[a, b] / count
                if blocks[a] != blocks[b]:
                    value = 0.0
                if a == b:
                    value = max(value, 0.05 * noise[a, a] / count)
                full_value = value
                for e in range(b):
                    value -= Lambda[a, e] * Lambda[b, e]
                if a == b:
                    Lambda[a, a] = np.sqrt(max(value, 0.05 * full_value))
                else:
                    Lambda[a, b] = value / Lambda[b, b]


def n_starts(r: int) -> int:
    """Return how many starts `start_elsewhere` knows: two for each effect or pair, one near 0."""
    return 2 * r + r * (r - 1) + 1


def restarts_for(rotated: Rotated, shared: Ints | None = None) -> int:
    """Return when to search again in a data set of one sector: ALWAYS, or UNLESS_SETTLED.

    Always where random effects are independent of each other, or where the fixed effects cannot
    take up the mean of a random effect: that has no column among theirs, which `shared` says as in
    `rows.Clusters`, nor is it a combination of them.
    """
    J, r, k = rotated.xy.shape[0], rotated.K.shape[1], rotated.xy.shape[2] - 1
    if (rotated.blocks != rotated.blocks[0]).any():
        return ALWAYS
    if shared is not None and set(range(r)) <= set(shared.tolist()):
        return UNLESS_SETTLED
    x, K = rotated.xy[:, :, :k].reshape(J * r, k), rotated.K.transpose(1, 0, 2).reshape(r, J * r)
    XX, ZX = x.T @ x + rotated.rest[0, :k, :k], K @ x
    ZZ = np.einsum("ai,ai->a", K, K)
    try:
        taken = np.linalg.solve(XX + 1e-15 * np.diag(np.diag(XX)), ZX.T).T
    except np.linalg.LinAlgError:  # squares that are no numbers: nobody knows
        return ALWAYS
    left = ZZ - (ZX * taken).sum(axis=1)
    return ALWAYS if (left > TAKEN_UP * ZZ).any() else UNLESS_SETTLED


@inner
def start_elsewhere(number: int, K: Floats, blocks: Ints, Lambda: Floats) -> None:
    """Write a Λ with one dominating direction, a random effect or a pair of them; or almost 0.

    A second minimum mostly has a singular G, and lies in one of these directions, or is G = 0:
    no fit is worse than the one without random effects. Lengths are such that the variances
    dominate σ² a little, or do not. How many starts find how many minima: docs/design.md.
    K and the blocks as in `Work`.
    """
    r, J = K.shape[0], K.shape[2]
    first, second, sign = 0, 0, 1.0
    nowhere = number == 2 * r + r * (r - 1)
    if number < 2 * r:
        first = second = number >> 1
    elif not nowhere:
        pair = (number - 2 * r) >> 1
        first, second = 0, 1
        for _ in range(pair):
            second += 1
            if second == r:
                first += 1
                second = first + 1
        sign = -1.0 if number & 1 else 1.0
    size = 0.7 if number & 1 else 2.2
    for a in range(r):
        square = 0.0
        for c in range(r):
            for j in range(J):
                square += K[a, c, j] * K[a, c, j]
        unit = size * np.sqrt(J / square) if square > 0.0 else size
        share = 0.0
        if a == first:
            share = 1.0 if first == second else 0.87
        elif a == second:
            share = 0.5 * sign
        for b in range(r):
            Lambda[a, b] = (0.01 if nowhere else 0.1) * unit if a == b else 0.0
        if nowhere:
            continue
        if a == first:
            Lambda[a, a] = share * unit
        elif a == second:
            if blocks[a] == blocks[first]:
                Lambda[a, first] = share * unit
            else:
                Lambda[a, a] = share * unit
