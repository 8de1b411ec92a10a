"""Where to search when random effects are independent of each other in blocks (`||`).

Such a model depends on the origin of its covariates, and its deviance may have a minimum for each
set of blocks that vary: with x far from 0 a variance of the slopes can stand for one of the
intercepts. So every model in which some blocks have no variance is fitted first, the smaller ones
before the larger ones, and each larger one is searched from all those that lack one block of it.
The deviance of a model is then never above that of one inside it, wherever the covariates begin.

A block is added to a smaller model at the size that its data suggest there: with P_j = Z'V⁻¹Z at
that model's minimum, 1/P_aa is the variance of what the clusters say of effect a alone. It is also
added at a size far beyond, from where Fisher scoring comes back to what the fixed effects leave.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.kernels import inner
from simlab.mixed.bearing import take_root
from simlab.mixed.newton import EVALUATE, POLISH, SAME, SEARCH
from simlab.mixed.starts import FAR_AWAY
from simlab.mixed.work import Work
from simlab.moments import Floats, Ints

EXHAUSTIVE = 4  # blocks up to which all their subsets are fitted
PASSES = 3  # over the blocks, where there are more
DONE = -1
_REMOVE, _LOOK, _FIRST, _LAST = 0, 1, 2, 4  # what is done with a block in turn: it is added thrice
SIZES = (0.7, 2.2, FAR_AWAY)  # at which a block is added


class Subsets(NamedTuple):
    """The models that have been fitted, by the set of their blocks as bits, and which is next.

    Attributes
    ----------
    values, roots : (S,), (S, r, r)
        The least deviance of each, and a root of Δ there. With more than
        EXHAUSTIVE blocks S = 2: the last but for one block, and all.
    lowest : (1,)
        Deviance of the whole model when the last pass began.
    unit : (r,)
        Standard deviation of the block that is added.
    state : (6,)
        The set that is searched, the block that is added to it, what is done with it, where the
        result belongs, passes so far, and the number of blocks.
    """

    values: Floats
    roots: Floats
    lowest: Floats
    unit: Floats
    state: Ints


@inner
def count_blocks(blocks: Ints) -> int:
    """Return the number of blocks of random effects, numbered from 0."""
    return int(np.max(blocks)) + 1


@inner
def prepare(r: int, blocks: int) -> Subsets:
    """Return room for the models of some blocks; the whole model is to be searched first."""
    sets = 1 if blocks == 1 else (1 << blocks if blocks <= EXHAUSTIVE else 2)
    state = np.array([(1 << blocks) - 1, -1, _LAST, sets - 1, 0, blocks])
    if blocks <= EXHAUSTIVE:
        state[0] = 0
    return Subsets(
        np.full(sets, np.inf), np.zeros((sets, r, r)), np.full(1, np.inf), np.ones(r), state
    )


@inner
def hold(own: Ints, on: int, w: Work) -> None:
    """Let the variances of the blocks `on` be free, and hold the others at 0."""
    for a in range(len(own)):
        w.blocks[a] = own[a] if (on >> own[a]) & 1 else -1


@inner
def propose(own: Ints, s: Subsets, w: Work) -> int:
    """Write into `w.trial` where to search next, in which set; return how, or DONE.

    Parameters
    ----------
    own : (r,)
        The blocks of the random effects.
    """
    state, B = s.state, s.state[5]
    exhaustive = B <= EXHAUSTIVE
    whole, last = (1 << B) - 1, len(s.values) - 1
    if state[2] == _LOOK:
        _measure(own, state[1], s.unit, w)
    state[2] += 1
    if state[2] > _LAST:  # the next block, or the next set
        state[2] = _LOOK if exhaustive else _REMOVE
        state[1] += 1
        if exhaustive:
            while state[1] == B or not (state[0] >> state[1]) & 1:
                state[1] += 1
                if state[1] >= B:
                    state[0] += 1
                    state[1] = 0
                if state[0] > whole:
                    return DONE
        elif state[1] == B:
            state[1] = 0
            state[4] += 1
            if state[4] >= PASSES or not s.values[last] < s.lowest[0] - SAME:
                return DONE
            s.lowest[0] = s.values[last]
    block = state[1]
    parent = state[0] & ~(1 << block) if exhaustive else 0
    state[3] = state[0] if exhaustive else last
    hold(own, state[0], w)
    if state[2] == _REMOVE:
        s.values[0] = np.inf
        state[3] = 0
        hold(own, whole & ~(1 << block), w)
        for a in range(len(own)):
            for b in range(len(own)):
                s.roots[0, a, b] = 0.0 if own[a] == block else s.roots[last, a, b]
    elif state[2] == _LOOK and s.values[parent] < s.values[state[3]]:
        s.values[state[3]] = s.values[parent]
        for a in range(len(own)):
            for b in range(len(own)):
                s.roots[state[3], a, b] = s.roots[parent, a, b]
    take_root(s.roots[parent], w.basis, w.trial)
    if state[2] == _LOOK:
        return EVALUATE
    if state[2] != _REMOVE:
        for a in range(len(own)):
            if own[a] == block:
                w.trial[a, a] = SIZES[state[2] - _FIRST] * s.unit[a]
    return SEARCH if state[2] == _LAST else POLISH


@inner
def _measure(own: Ints, block: int, unit: Floats, w: Work) -> None:
    """1/√P_aa of the effects of a block, averaged over the clusters, where `w` was evaluated."""
    J = w.T.shape[2]
    for a in range(len(own)):
        if own[a] == block:
            square = 0.0
            for c in range(len(own)):
                for j in range(J):
                    square += w.T[c, a, j] ** 2
            unit[a] = np.sqrt(J / square) if square > 0.0 else 1.0
