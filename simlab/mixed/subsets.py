"""Where to search when there may be a minimum for each set of random effects that vary.

Independent effects (`||`) depend on the origin of the covariates: with x far from 0 a variance of
the slopes can stand for one of the intercepts. And where the fixed effects cannot take up the mean
of a random effect, that mean is either a large variance or is put down to other fixed effects. So
every model in which some effects have no variance is fitted first, the smaller ones before the
larger ones, and each larger one is searched from all those that lack one effect of it. The deviance
of a model is then never above that of one inside it, wherever the covariates begin.

The effects are the user's, u = axes·ũ. Within a block the search works in orthogonal coordinates in
which those of the smaller model come first, then the one that is added, then those that are held
at 0. An effect is added at the size that the data suggest: with P_j = Z'V⁻¹Z at the minimum of the
smaller model, 1/P_dd is the variance of what the clusters say of direction d. It is also added at
sizes far beyond, from where Fisher scoring comes back to what the fixed effects leave. At last all
models with a single effect are joined, as independent effects, and all effects are begun together
at those sizes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.kernels import inner
from simlab.mixed.bearing import take_root
from simlab.mixed.newton import EVALUATE, POLISH, SAME, SEARCH
from simlab.mixed.rotated import Rotated
from simlab.mixed.work import Work
from simlab.moments import Floats, Ints

EXHAUSTIVE = 4  # effects up to which all their subsets are fitted
PASSES = 3  # over the effects, where there are more
DONE = -1
SIZES = (0.7, 2.2, 30.0, 1e3, 1e7)  # standard deviations over their own noise: at which it is added
_REMOVE, _LOOK, _FIRST, _LAST = 0, 1, 2, 6  # what is done with an effect in turn; added five times
_SCORED = 4  # from here on Fisher scoring comes first
NOTHING = 1e-10  # of a unit vector: what those before it leave below this is rounding


class Subsets(NamedTuple):
    """The models that have been fitted, by the set of their effects as bits, and which is next.

    Attributes
    ----------
    values, roots : (S,), (S, r, r)
        The least deviance of each, and a root of Δ there. With more than EXHAUSTIVE effects S = 2:
        none, later all but one of them, and all.
    lowest : (1,)
        Deviance of the whole model when the last pass began.
    unit : (1,)
        Standard deviation of the effect that is added.
    state : (6,)
        The set that is searched, the effect that is added to it, what is done with it, where the
        result belongs, passes so far (−1: nothing is left), and the coordinate of the effect that
        is added.
    """

    values: Floats
    roots: Floats
    lowest: Floats
    unit: Floats
    state: Ints


@inner
def prepare(r: int) -> Subsets:
    """Return room for the models of r effects; the whole model is to be searched first."""
    sets = 1 << r if r <= EXHAUSTIVE else 2
    state = np.array([0, -1, _LAST, sets - 1, 0, 0])
    values, roots = np.full(sets, np.inf), np.zeros((sets, r, r))
    return Subsets(values, roots, np.full(1, np.inf), np.ones(1), state)


@inner
def free(rotated: Rotated, on: int, added: int, w: Work) -> int:
    """Let the effects `on` vary and hold the others at 0; return the coordinate of `added`.

    Fills the basis, the blocks and the data of `w`.
    """
    axes, own = rotated.axes, rotated.blocks
    J, r, k1 = rotated.xy.shape
    coordinate = -1
    taken = np.zeros((r, r))  # rows: the coordinates that have been found
    for block in range(r):
        width = 0
        for a in range(r):
            width += own[a] == block
        count = 0
        for kind in range(3):  # held, then the one that is added, then what is left
            for a in range(r):
                excluded = not (on >> a) & 1
                if own[a] != block or (kind == 0 and not excluded) or (kind == 1 and a != added):
                    continue
                if count == width or (kind == 1 and excluded):
                    continue
                row = taken[count]
                size = 0.0
                for c in range(r):
                    value = axes[a, c] if own[c] == block else 0.0
                    row[c] = (1.0 if a == c else 0.0) if kind == 2 else value
                    size += row[c] * row[c]
                size = np.sqrt(size)
                for _ in range(2):  # Gram–Schmidt, twice
                    for b in range(count):
                        dot = 0.0
                        for c in range(r):
                            dot += row[c] * taken[b, c]
                        for c in range(r):
                            row[c] -= dot * taken[b, c]
                left = 0.0
                for c in range(r):
                    left += row[c] * row[c]
                left = np.sqrt(left)
                if not left > NOTHING * size:
                    continue
                position, seen = 0, 0  # the first of `kind` 0 stands last in the block
                for c in range(r):
                    if own[c] == block:
                        seen += 1
                        if seen == width - count:
                            position = c
                for c in range(r):
                    row[c] /= left
                    w.basis[c, position] = row[c]
                w.blocks[position] = -1 if kind == 0 else block
                if kind == 1:
                    coordinate = position
                count += 1
    for a in range(r):
        for c in range(r):
            for j in range(J):
                w.K[a, c, j] = 0.0
            for e in range(r):
                if w.basis[e, a] != 0.0:
                    for j in range(J):
                        w.K[a, c, j] += w.basis[e, a] * rotated.K[j, e, c]
        for c in range(k1):
            for j in range(J):
                w.xy[a, c, j] = rotated.xy[j, a, c]
    return coordinate


@inner
def propose(rotated: Rotated, s: Subsets, w: Work) -> int:
    """Write into `w.trial` where to search next, in which set; return how, or DONE."""
    state, r = s.state, rotated.K.shape[1]
    exhaustive = r <= EXHAUSTIVE
    whole, last = (1 << r) - 1, len(s.values) - 1
    if state[4] < 0:
        return _all_at_once(s, w)
    if state[2] == _LOOK:
        s.unit[0] = _size(state[5], w)
    state[2] += 1
    if state[2] > _LAST:  # the next effect, or the next set
        state[2] = _REMOVE if state[0] == whole and not exhaustive else _LOOK
        state[1] += 1
        if exhaustive:
            while state[1] == r or not (state[0] >> state[1]) & 1:
                state[1] += 1
                if state[1] >= r:
                    state[0] += 1
                    state[1] = 0
                if state[0] > whole:
                    state[4] = -1
                    _join(rotated, s, w)
                    return POLISH
        elif state[0] != whole and state[1] < r:
            state[0] = 1 << state[1]
        elif state[1] == r:
            if state[0] == whole:
                state[4] += 1
            state[0], state[1], state[2] = whole, 0, _REMOVE
            if state[4] >= PASSES or not s.values[last] < s.lowest[0] - SAME:
                state[3], state[4] = last, -1
                free(rotated, whole, -1, w)
                return _all_at_once(s, w)
            s.lowest[0] = s.values[last]
    added = state[1]
    parent = state[0] & ~(1 << added) if exhaustive else 0
    state[3] = state[0] if exhaustive else last
    if state[2] == _REMOVE:
        s.values[0] = np.inf
        state[3] = 0
        free(rotated, whole & ~(1 << added), -1, w)
        _project(s.roots[last], w, s.roots[0])
    else:
        if state[2] == _LOOK and s.values[parent] < s.values[state[3]]:
            s.values[state[3]] = s.values[parent]
            for a in range(r):
                for b in range(r):
                    s.roots[state[3], a, b] = s.roots[parent, a, b]
        state[5] = free(rotated, state[0], added, w)
    take_root(s.roots[parent], w.basis, w.trial)
    if state[2] == _LOOK:
        return EVALUATE
    if state[2] != _REMOVE:
        d = state[5]
        for a in range(r):
            w.trial[d, a] = 0.0
            if a > d:
                w.trial[a, d] = 0.0
        w.trial[d, d] = SIZES[state[2] - _FIRST] * s.unit[0]
    return SEARCH if state[2] >= _SCORED else POLISH


@inner
def _join(rotated: Rotated, s: Subsets, w: Work) -> None:
    """Start from all the models with one effect together, independent of each other."""
    r = rotated.K.shape[1]
    s.roots[0] = 0.0
    for a in range(r):
        longest, column = -1.0, 0
        for c in range(r):
            size = 0.0
            for b in range(r):
                size += s.roots[1 << a, b, c] * s.roots[1 << a, b, c]
            if size > longest:
                longest, column = size, c
        for b in range(r):
            s.roots[0, b, a] = s.roots[1 << a, b, column]
    free(rotated, (1 << r) - 1, -1, w)
    take_root(s.roots[0], w.basis, w.trial)


@inner
def _all_at_once(s: Subsets, w: Work) -> int:
    """Start with all effects at one of the larger sizes; return how to search, or DONE."""
    r, J = w.K.shape[0], w.K.shape[2]
    number = _SCORED - _FIRST - 1 - s.state[4]
    s.state[4] -= 1
    if number >= len(SIZES):
        return DONE
    for a in range(r):
        square = 0.0
        for c in range(r):
            w.trial[a, c] = 0.0
            for j in range(J):
                square += w.K[a, c, j] * w.K[a, c, j]
        w.trial[a, a] = SIZES[number] * (np.sqrt(J / square) if square > 0.0 else 1.0)
    return SEARCH


@inner
def _project(root: Floats, w: Work, out: Floats) -> None:
    """Write a root of Δ without what is held at 0 in `w`."""
    r = len(root)
    for a in range(r):
        for b in range(r):
            out[a, b] = 0.0
            for c in range(r):
                if w.blocks[c] >= 0:
                    for e in range(r):
                        out[a, b] += w.basis[a, c] * w.basis[e, c] * root[e, b]


@inner
def _size(coordinate: int, w: Work) -> float:
    """1/√P_dd of a coordinate, averaged over the clusters, where `w` was evaluated."""
    square = 0.0
    for c in range(w.T.shape[0]):
        for j in range(w.T.shape[2]):
            square += w.T[c, coordinate, j] * w.T[c, coordinate, j]
    return float(np.sqrt(w.T.shape[2] / square)) if square > 0.0 else 1.0
