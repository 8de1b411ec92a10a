"""The lowest of the minima of the deviance: one search, or several where one may not be enough."""

from __future__ import annotations

import numpy as np

from simlab.kernels import inner
from simlab.mixed.bearing import keep_root, take_root
from simlab.mixed.newton import DERIVE, EVALUATE, POLISH, SAME, search
from simlab.mixed.rotated import Rotated
from simlab.mixed.starts import FROM_TRIAL, ONCE, UNLESS_SETTLED, start
from simlab.mixed.subsets import DONE, Subsets, free, prepare, propose
from simlab.mixed.work import Work, load
from simlab.moments import Floats

FAR = 8.0  # deviance from the minimum to a singular G beyond which there is no second minimum
SPARE = 3.0  # rows a cluster, beside its random effects, from which that holds
MANY = 32.0  # effective number of clusters with the same consequence; see docs/design.md
MOST = 10_000  # searches, more than are ever made


@inner
def spare_rows(rotated: Rotated) -> float:
    """Rows beyond those which the random effects take, N − Σ rank Z_j."""
    K, spare = rotated.K, float(rotated.n_rows[0])
    for j in range(K.shape[0]):
        for a in range(K.shape[1]):
            spare -= K[j, a, a] > 0.0
    return spare


@inner
def is_far(spare: float, w: Work) -> bool:
    """Whether Λ is far from singular, in units of deviance, and rows within clusters tell σ²."""
    return bool(w.edge[0] > FAR and spare > SPARE * w.K.shape[2])


@inner
def are_many(w: Work) -> bool:
    """Whether many clusters share the information on every variance, both here and at G = 0."""
    for a in range(w.K.shape[0]):  # noqa: SIM110 - kernels have no generators
        if _few(w.T, a, True) or _few(w.K, a, False):
            return False
    return True


@inner
def _few(root: Floats, a: int, columns: bool) -> bool:
    """Whether (Σ P_j)²/Σ P_j², an effective number of clusters, is small; P_j = Σ_b root_baj²."""
    total = square = 0.0
    for j in range(root.shape[2]):
        value = 0.0
        for b in range(root.shape[0]):
            entry = root[b, a, j] if columns else root[a, b, j]
            value += entry * entry
        total += value
        square += value * value
    return total * total < MANY * square


@inner
def global_search(
    rotated: Rotated, reml: bool, mode: int, restarts: int, w: Work, G: Floats
) -> int:
    """Do as `many.minimise` does, for other kernels.

    Where the data say little, the deviance may have two minima: one of them, nearly
    always, at a singular G. Then models inside this one are searched first, see `subsets`, and the
    best of all is kept.
    """
    r = rotated.K.shape[1]
    once = mode in (EVALUATE, DERIVE) or restarts == FROM_TRIAL
    load(rotated, w)
    s = prepare(r)
    last, total, finishing = len(s.values) - 1, 0, False
    slot = last
    if not once and restarts != ONCE:
        total = _without(rotated, reml, s, w, G)
    if not once:
        start(rotated, w.trial)
    for attempt in range(MOST):
        found = search(rotated, reml, mode, w, G)
        total += abs(found)
        if once or finishing or (attempt == 0 and found == -1):  # -1: there is no deviance
            break
        # What has not converged is a place to start from, if it is lower.
        if mode != EVALUATE and w.value[0] < s.values[slot] - SAME:
            s.values[slot] = w.value[0]
            keep_root(w, s.roots[slot])
        if restarts == ONCE:
            break
        first = attempt == 0 and found > 0 and restarts == UNLESS_SETTLED
        if first and (is_far(spare_rows(rotated), w) or are_many(w)):
            break  # it is beyond doubt the only minimum
        mode = propose(rotated, s, w)
        slot = s.state[3]
        finishing = mode == DONE
        if finishing:
            if s.values[last] == np.inf:
                return -total
            mode = POLISH
            free(rotated, (1 << r) - 1, -1, w)
            take_root(s.roots[last], w.basis, w.trial)
    if once or (found < 0 and not finishing):
        return total if found > 0 else -total
    if found > 0:
        keep_root(w, s.roots[last])
    take_root(s.roots[last], w.identity, w.trial)
    return total if found > 0 else -total


@inner
def _without(rotated: Rotated, reml: bool, s: Subsets, w: Work, G: Floats) -> int:
    """Evaluate G = 0, below which no model may end; return how many evaluations that took."""
    w.trial[:] = 0.0
    found = search(rotated, reml, EVALUATE, w, G)
    if found > 0:
        s.values[0] = s.values[-1] = w.value[0]
    return abs(found)
