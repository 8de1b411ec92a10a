"""Centred moments of some variables, of any order, that can be merged.

With means m_i and Σ over n replicates, M_p = Σ Π_i (x_i − m_i)^{p_i} for powers p = (p_1, …, p_k).
Moved to a point that is d_i below the mean,

    Σ Π (x_i − m_i + d_i)^{p_i} = Σ_{q ≤ p} Π C(p_i, q_i) d_i^{p_i − q_i} M_q,  M_0 = n, M_{e_i} = 0

Two parts are moved to their common mean and added (Chan, Golub & LeVeque 1983, The American
Statistician 37:242, for squares; Pébay 2008, Sandia report SAND2008-6212, for any order). Nothing
is subtracted that is larger than the spread, so no digits are lost, where Σx² − (Σx)²/n loses all
of them once the mean is 1e8 times the spread.
"""

from __future__ import annotations

from functools import cache, reduce
from itertools import product
from math import comb, prod
from operator import mul
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Powers = tuple[tuple[int, ...], ...]

quietly = np.errstate(divide="ignore", invalid="ignore", over="ignore")


class Moments(NamedTuple):
    """Sums over replicates, of any shape (...), of k variables.

    `n` (...): replicates in which all variables are available. `mean` (..., k): 0 where n = 0; of
    what is counted, the hits. `M` (..., q): centred moments of the powers that they were taken for.
    """

    n: Counts
    mean: NDArray[Any]
    M: Floats


@cache
def needed(features: Powers) -> Powers:
    """Powers whose sums give the covariances of some products of powers, and can be merged."""
    pairs = {tuple(map(sum, zip(p, q, strict=True))) for p in features for q in features}
    below = {q for p in (*features, *pairs) for q in product(*(range(e + 1) for e in p))}
    return tuple(sorted((q for q in below if sum(q) > 1), key=lambda q: (sum(q), q)))


@quietly
def moments(x: Floats, powers: Powers) -> Moments:
    """Sum variables (k, ..., b) over their b replicates; NaN is a replicate without a value."""
    unknown = np.isnan(x).any(axis=0)
    n = np.asarray(x.shape[-1] - unknown.sum(axis=-1), dtype=np.int64)
    missing = bool(unknown.any())
    count = np.maximum(n, 1)
    d = np.where(unknown, 0.0, x) if missing else x
    mean = d.sum(axis=-1) / count
    d = d - mean[..., None]
    # The mean has been rounded at the size of x; what that cost is still visible in d.
    rest = np.where(unknown, 0.0, d).sum(axis=-1) / count if missing else d.sum(axis=-1) / count
    rest[~np.isfinite(rest)] = 0.0
    d -= rest[..., None]
    if missing:
        d[:, unknown] = 0.0
    M = [np.einsum("...b,...b->...", *(product_of(d, half) for half in halves(p))) for p in powers]
    blank = np.zeros((*n.shape, 0))
    return Moments(n, np.moveaxis(mean + rest, 0, -1), np.stack(M, axis=-1) if M else blank)


def product_of(d: Floats, power: tuple[int, ...]) -> Floats:
    """Π d_i^{p_i} of deviations (k, ..., b)."""
    factors = [d[i] for i, e in enumerate(power) for _ in range(e)]
    return reduce(mul, factors) if factors else np.ones(d.shape[1:])


@cache
def halves(power: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two powers of about one degree whose product is a power."""
    left, first = sum(power) // 2, []
    for e in power:
        first.append(min(e, left))
        left -= first[-1]
    return tuple(first), tuple(e - f for e, f in zip(power, first, strict=True))


@quietly
def merge(a: Moments, b: Moments, powers: Powers) -> Moments:
    """Put two parts together; the order of a and b matters in the last digit."""
    n = a.n + b.n
    weight = (b.n / np.maximum(n, 1))[..., None]
    delta = b.mean - a.mean
    # Infinite values, as a width may have, have an infinite mean and no spread.
    mean = np.where(np.isfinite(delta), a.mean + delta * weight, a.mean + b.mean)
    M = _moved(a, -delta * weight, powers) + _moved(b, delta * (1 - weight), powers)
    return Moments(n, mean, M)


def _moved(part: Moments, d: Floats, powers: Powers) -> Floats:
    """Moments about a point d below the mean."""
    if not powers:
        return part.M
    terms = _expanded(powers)
    each = np.moveaxis(d, -1, 0)
    known = np.concatenate([part.n[..., None], part.M], axis=-1)
    moves = np.stack([product_of(each, rest) for rest in terms.moves], axis=-1)
    parts = terms.coefficient * moves[..., terms.move] * known[..., terms.moment]
    return np.asarray(np.add.reduceat(parts, terms.start, axis=-1))


class _Terms(NamedTuple):
    """Terms of all powers, one after the other: Π C(p_i, q_i), positions of p − q and of M_q."""

    moves: Powers
    coefficient: Floats
    move: Counts
    moment: Counts
    start: Counts


@cache
def _expanded(powers: Powers) -> _Terms:
    """Expand every power: (x + d)^p = Σ_q C(p, q) d^(p−q) x^q, without q of degree 1, as Σx = 0."""
    index = {p: i + 1 for i, p in enumerate(powers)}  # M_0 stands before them
    moves: dict[tuple[int, ...], int] = {}
    terms: list[tuple[int, int, int]] = []
    start = []
    for p in powers:
        start.append(len(terms))
        for q in reversed([*product(*(range(e + 1) for e in p))]):
            if sum(q) != 1:
                rest = tuple(e - f for e, f in zip(p, q, strict=True))
                at = moves.setdefault(rest, len(moves))
                terms.append((prod(map(comb, p, q)), at, index.get(q, 0)))
    coefficient, move, moment = np.array(terms).T
    return _Terms(tuple(moves), coefficient * 1.0, move, moment, np.array(start))
