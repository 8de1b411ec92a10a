"""Searches for the minima of several replicates abreast.

They go on in step: the deviance is evaluated in all lanes at once (`abreast`), and then each search
makes its own next step, with the code that `newton` has for a single one. A replicate that is done
leaves its lane to the next. First all replicates go through Fisher scoring, then through Newton's
method, so that all lanes are in need of the same derivatives.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from simlab.kernels import inner
from simlab.kernels.lanes import LANES, read, write
from simlab.mixed.bearing import keep_root, pivot, take_root
from simlab.mixed.minima import are_many, is_far, spare_rows
from simlab.mixed.newton import (
    AT_MINIMUM,
    EVALUATE,
    MAX_ITERATIONS,
    SAME,
    SEARCH,
    TO_PIVOT,
    VALUE,
    begin,
    newton,
    pivoted,
    score,
)  # fmt: skip
from simlab.mixed.rotated import Rotated
from simlab.mixed.starts import n_starts, start_elsewhere
from simlab.mixed.turning import is_large, turn
from simlab.mixed.work import Abreast, R, Work
from simlab.moments import Floats, Ints

STARTS = n_starts(R)  # elsewhere, after a first minimum that is not settled


class Searches(NamedTuple):
    """What the searches in L lanes remember while those of the others go on.

    Attributes
    ----------
    number : (L,)
        Replicate in each lane, −1 for none.
    attempt, evaluations, total, finishing : (L,)
        Searches of this replicate before this one; evaluations in it, and in all before it; whether
        it is a last one, from the best minimum.
    origin : (L, 4)
        Origin and scale of x and of y.
    rows, spare : (L,)
        N, and rows beyond those which the random effects take.
    best, best_root : (L,), (L, 2, 2)
        Lowest deviance so far, and a root of Δ there.
    trial, Lambda, scratch, basis, progress : (L, …)
        As in `Work`.
    scored : (B, 9)
        Of each replicate, where Fisher scoring ended: Λ, the basis, and the number of evaluations,
        negative where there was no deviance.
    """

    number: Ints
    attempt: Ints
    evaluations: Ints
    total: Ints
    finishing: Ints
    origin: Floats
    rows: Floats
    spare: Floats
    best: Floats
    best_root: Floats
    trial: Floats
    Lambda: Floats
    scratch: Floats
    basis: Floats
    progress: Floats
    scored: Floats


def no_searches(B: int) -> Searches:
    """Return room for the searches of B replicates, none of them begun."""
    f, i = np.zeros, np.zeros((5, LANES), dtype=np.int64)
    matrix = (LANES, 2, 2)
    return Searches(
        i[0] - 1, i[1], i[2], i[3], i[4], f((LANES, 4)), f(LANES), f(LANES), f(LANES), f(matrix),
        f(matrix), f(matrix), f((LANES, 4, 3)), f(matrix), f((LANES, 3)), f((B, 9)),
    )  # fmt: skip


@inner
def _recall(lane: int, s: Searches, w: Work) -> None:
    """Put what a search remembers where the steps of `newton` look for it."""
    for a in range(2):
        for b in range(2):
            w.trial[a, b], w.Lambda[a, b] = s.trial[lane, a, b], s.Lambda[lane, a, b]
            w.basis[a, b] = s.basis[lane, a, b]
    for a in range(4):
        for b in range(3):
            w.scratch[a, b] = s.scratch[lane, a, b]
    for a in range(3):
        w.progress[a] = s.progress[lane, a]


@inner
def remember(lane: int, s: Searches, w: Work, a: Abreast) -> None:
    """Keep it for later, and have Λ in `w.trial` evaluated next."""
    if is_large(w.trial):
        _gather(lane, a.K, w.K)
        _gather(lane, a.xy, w.xy)
        turn(w.trial, w.K, w.xy)
        _scatter(lane, w.K, a.K)
        _scatter(lane, w.xy, a.xy)
    for i in range(2):
        for j in range(2):
            s.trial[lane, i, j], s.Lambda[lane, i, j] = w.trial[i, j], w.Lambda[i, j]
            s.basis[lane, i, j] = w.basis[i, j]
            write(a.Lambda, lane, w.trial[i, j], i, j)
    for i in range(4):
        for j in range(3):
            s.scratch[lane, i, j] = w.scratch[i, j]
    for i in range(3):
        s.progress[lane, i] = w.progress[i]


@inner
def _gather(lane: int, abreast: Any, out: Floats) -> None:
    """Copy the (J, r, c) of a lane to (r, c, J)."""
    for j in range(out.shape[2]):
        for a in range(out.shape[0]):
            for c in range(out.shape[1]):
                out[a, c, j] = read(abreast, lane, j, a, c)


@inner
def _scatter(lane: int, own: Floats, abreast: Any) -> None:
    """Copy (r, c, J) to the (J, r, c) of a lane."""
    for j in range(own.shape[2]):
        for a in range(own.shape[0]):
            for c in range(own.shape[1]):
                write(abreast, lane, own[a, c, j], j, a, c)


@inner
def load(lane: int, rotated: Rotated, reml: bool, s: Searches, w: Work, a: Abreast) -> None:
    """Put the replicate that `rotated` holds into a lane, about the random effects in the basis."""
    J, _, k1 = rotated.xy.shape
    S = rotated.starts.size - 1
    K, xy, of_lane, xy_of_lane = rotated.K, rotated.xy, a.K, a.xy
    b00, b01, b10, b11 = w.basis[0, 0], w.basis[0, 1], w.basis[1, 0], w.basis[1, 1]
    for j in range(J):
        for c in range(2):
            write(of_lane, lane, b00 * K[j, 0, c] + b10 * K[j, 1, c], j, 0, c)
            write(of_lane, lane, b01 * K[j, 0, c] + b11 * K[j, 1, c], j, 1, c)
        for i in range(2):
            for c in range(k1):
                write(xy_of_lane, lane, xy[j, i, c], j, i, c)
    for i in range(S):
        write(a.rss, lane, rotated.rest[i, k1 - 1, k1 - 1], i)
    write(a.nu, lane, rotated.n_rows[0] - (S * (k1 - 1) if reml else 0), 0)
    s.rows[lane], s.spare[lane] = rotated.n_rows[0], spare_rows(rotated)
    s.attempt[lane] = s.evaluations[lane] = s.total[lane] = s.finishing[lane] = 0
    s.best[lane] = np.inf
    begin(w)


@inner
def try_again(lane: int, found: int, s: Searches, w: Work, a: Abreast) -> bool:
    """Begin another search from elsewhere after one ended, unless its minimum is settled.

    After the last of the `STARTS` the best minimum is found again, if that was not the last.
    Returns whether another began.
    """
    attempt = s.attempt[lane]
    s.total[lane] += abs(found)
    if s.finishing[lane] or (attempt == 0 and found == -1):  # -1: there is no deviance
        return False
    better = found > 0 and w.value[0] < s.best[lane] - SAME
    if better:
        s.best[lane] = w.value[0]
        keep_root(w, s.best_root[lane])
    _gather(lane, a.K, w.K)
    if attempt == 0 and found > 0:
        if is_far(s.spare[lane], w):
            return False
        _gather(lane, a.T, w.T)
        if are_many(w):
            return False
    if attempt == STARTS:
        if better or s.best[lane] == np.inf:
            return False
        s.finishing[lane] = 1
        take_root(s.best_root[lane], w.basis, w.trial)
    else:
        start_elsewhere(attempt, w.K, w.blocks, w.trial)
    s.attempt[lane] += 1
    s.evaluations[lane] = 0
    begin(w)
    remember(lane, s, w, a)
    return True


@inner
def step(lane: int, mode: int, G: Floats, s: Searches, w: Work, a: Abreast) -> int:
    """Go on after an evaluation.

    Returns
    -------
    int
        0 while the replicate is not done; else 1 if the last search found a minimum, −1 if not.
    """
    _recall(lane, s, w)
    value = read(a.value, lane, 0)
    s.evaluations[lane] += 1
    evaluations, ended = s.evaluations[lane], 0
    if mode == EVALUATE:
        s.total[lane] = 1
        return -1 if np.isnan(value) else 1
    if np.isnan(value):
        w.value[0] = w.progress[VALUE]
        ended = -evaluations
    else:
        for i in range(3):
            w.gradient[i] = read(a.gradient, lane, i)
            for j in range(3):
                w.hessian[i, j] = read(a.hessian, lane, i, j)
    if mode == SEARCH:
        scored = s.scored[s.number[lane]]
        if ended == 0 and score(evaluations, w):
            _gather(lane, a.K, w.K)
            pivot(w.trial, w, G)
            ended = evaluations
        scored[8] = ended
        if ended == 0:
            remember(lane, s, w, a)
            return 0
        for i in range(2):
            for j in range(2):
                scored[2 * i + j], scored[4 + 2 * i + j] = w.trial[i, j], w.basis[i, j]
        return 1 if ended > 0 else -1
    if ended == 0:
        outcome = newton(value, evaluations, s.rows[lane], w)
        if outcome == AT_MINIMUM:
            ended = evaluations
        elif evaluations == MAX_ITERATIONS:
            w.value[0] = w.progress[VALUE]
            ended = -evaluations
        elif outcome == TO_PIVOT:
            _gather(lane, a.K, w.K)
            moved = pivot(w.Lambda, w, G)
            pivoted(moved, w)
            if moved:
                _scatter(lane, w.K, a.K)
    if ended == 0:
        remember(lane, s, w, a)
        return 0
    if try_again(lane, ended, s, w, a):
        return 0
    return 1 if ended > 0 else -1
