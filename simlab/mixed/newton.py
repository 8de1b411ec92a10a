"""Newton's method on the deviance, over the unconstrained lower triangle Λ.

Turning the sign of a column of Λ changes nothing, so a singular G is an
ordinary stationary point, and is reached quadratically. It may also be a
saddle: the second-order condition is part of convergence, and a saddle is left
by inflating Λ.
"""

from __future__ import annotations

import numpy as np

from simlab.kernels import inner
from simlab.mixed.deviance import evaluate
from simlab.mixed.rotated import Rotated
from simlab.mixed.starts import start, start_elsewhere
from simlab.mixed.work import Work, load
from simlab.moments import Floats, Ints

MAX_ITERATIONS = 100
SCORING = 4  # steps of Fisher scoring before Newton's, at most
NEAR = 3.0  # a predicted descent below which scoring has done its work
DECREMENT = 1e-9  # a Newton step from here ends within 1e-9 standard errors
FLAT = 1e-9  # curvature below this share of the largest counts as none
ROUNDING = 1e-13  # of a deviance, relative to its size and to N
FAR = 8.0  # deviance from the minimum to a singular G beyond which there is no second minimum
MANY = 32.0  # effective number of clusters with the same consequence; see docs/design.md
SAME = 1e-9  # minima whose deviances differ by less are one
EVALUATE, SEARCH, POLISH, DERIVE = 0, 1, 2, 3


@inner
def _solve(H: Floats, g: Floats, out: Floats, root: Floats) -> bool:
    """Solve H out = g by Cholesky, flat directions damped; leave a saddle.

    Where the i-th pivot δ is not positive, d = (−H₁₁⁻¹h₁₂, 1, 0 …) has d'Hd = δ:
    `out` is then Newton's step for the entries before i, and along d it is at
    least √(1/5|δ|), over which the deviance falls by 0.1.

    Returns
    -------
    bool
        Whether H is positive definite.
    """
    m = g.size
    damping = 0.0
    for i in range(m):
        damping = max(damping, FLAT * abs(H[i, i]))
    for i in range(m):
        for j in range(i + 1):
            root[i, j] = H[i, j] + (damping if i == j else 0.0)
            for e in range(j):
                root[i, j] -= root[i, e] * root[j, e]
            if j < i:
                root[i, j] /= root[j, j]
        pivot = root[i, i]
        if pivot > 0.0:
            root[i, i] = np.sqrt(pivot)
            continue
        for a in range(m):
            out[a] = 0.0
        _solve_cholesky(root, g, out, i)
        slope = g[i]
        root[i, i] = 1.0
        for a in range(i - 1, -1, -1):  # d, kept in the column i of root
            root[a, i] = -root[i, a]
            for e in range(a + 1, i):
                root[a, i] -= root[e, a] * root[e, i]
            root[a, i] /= root[a, a]
            slope += root[a, i] * g[a]
        length = max(abs(slope) / max(-pivot, damping), np.sqrt(0.2 / max(-pivot, damping)))
        for a in range(i + 1):
            out[a] += root[a, i] * (length if slope >= 0.0 else -length)
        return False
    _solve_cholesky(root, g, out, m)
    return True


@inner
def _solve_cholesky(root: Floats, g: Floats, out: Floats, m: int) -> None:
    """Solve the leading m × m part of root·root' out = g."""
    for i in range(m):
        out[i] = g[i]
        for e in range(i):
            out[i] -= root[i, e] * out[e]
        out[i] /= root[i, i]
    for i in range(m - 1, -1, -1):
        for e in range(i + 1, m):
            out[i] -= root[e, i] * out[e]
        out[i] /= root[i, i]


@inner
def _step(Lambda: Floats, direction: Floats, length: float, out: Floats) -> None:
    """Write Λ − length · direction into out."""
    i = 0
    for b in range(Lambda.shape[0]):
        for a in range(Lambda.shape[0]):
            out[a, b] = 0.0
            if a >= b:
                out[a, b] = Lambda[a, b] - length * direction[i]
                i += 1


@inner
def _copy(Lambda: Floats, out: Floats) -> None:
    """Write Λ into out."""
    for a in range(Lambda.shape[0]):
        for b in range(Lambda.shape[0]):
            out[a, b] = Lambda[a, b]


@inner
def _score(Lambda: Floats, step: Floats, out: Floats) -> None:
    """Factor ΛΛ' − the symmetric step into out; a pivot that is not positive becomes small."""
    r = Lambda.shape[0]
    i = 0
    for b in range(r):
        for a in range(b, r):
            value = -step[i] * (2.0 if a == b else 1.0)
            size = 0.0
            for e in range(b + 1):
                value += Lambda[a, e] * Lambda[b, e]
            for e in range(b):
                value -= out[a, e] * out[b, e]
            if a == b:
                for e in range(a + 1):
                    size += Lambda[a, e] ** 2
                out[a, a] = np.sqrt(max(value, 0.01 * size))
                floored = value < 0.01 * size
            else:
                out[a, b] = 0.0 if floored else value / out[b, b]
            i += 1


@inner
def _pivot(Lambda: Floats, K: Floats, order: Ints, blocks: Ints, room: Floats) -> bool:
    """Put the random effects that vary most first; say whether anything moved.

    With a leading entry near 0 the rows below it can turn against each other
    without changing G, a valley round which Newton's method creeps.
    """
    r, J = Lambda.shape[0], K.shape[2]
    moved = False
    for a in range(r):
        for b in range(a + 1, r):
            size_a = size_b = 0.0
            for c in range(r):
                for j in range(J):
                    size_a += K[a, c, j] ** 2
                    size_b += K[b, c, j] ** 2
            g_a = g_b = 0.0
            for c in range(r):
                g_a += Lambda[a, c] ** 2
                g_b += Lambda[b, c] ** 2
            if size_b * g_b > size_a * g_a:
                moved = True
                order[a], order[b] = order[b], order[a]
                blocks[a], blocks[b] = blocks[b], blocks[a]
                for c in range(r):
                    Lambda[a, c], Lambda[b, c] = Lambda[b, c], Lambda[a, c]
                    for j in range(J):
                        K[a, c, j], K[b, c, j] = K[b, c, j], K[a, c, j]
    if moved:  # triangular again
        for a in range(r):
            for b in range(a + 1):
                room[a, b] = 1e-4 * Lambda[a, a] ** 2 if a == b else 0.0
                for c in range(r):
                    room[a, b] += Lambda[a, c] * Lambda[b, c]
        for b in range(r):
            for a in range(r):
                value = room[a, b] if a >= b else 0.0
                if a >= b:
                    for c in range(b):
                        value -= Lambda[a, c] * Lambda[b, c]
                if a == b:
                    value = np.sqrt(max(value, 1e-8 * room[a, a]))
                elif a > b and Lambda[b, b] > 0.0:
                    value /= Lambda[b, b]
                Lambda[a, b] = value
    return moved


@inner
def _restore(Lambda: Floats, sigma2: float, order: Ints, G: Floats) -> None:
    """Write σ²ΛΛ' into G, the random effects in their own order."""
    for a in range(len(Lambda)):
        for b in range(len(Lambda)):
            value = 0.0
            for e in range(min(a, b) + 1):
                value += Lambda[a, e] * Lambda[b, e]
            G[order[a], order[b]] = sigma2 * value


@inner
def search(rotated: Rotated, reml: bool, mode: int, w: Work, G: Floats) -> int:
    """Find a minimum of the deviance from the Λ that stands in `w.trial`.

    In the modes SEARCH (scoring first) or POLISH (Newton's steps at once); in the
    others one evaluation at that Λ: γ̂ and Φ (EVALUATE), and the derivatives
    (DERIVE). Returns the number of evaluations, negative when it did not converge.
    """
    r, m = len(rotated.random), w.gradient.size
    Lambda, trial, root, step = w.Lambda, w.trial, w.scratch[:m], w.scratch[m]
    value, shortened, converged, near = np.inf, 1.0, False, mode >= POLISH
    for evaluations in range(1, MAX_ITERATIONS + 1):
        scoring = evaluations <= SCORING and not near
        proposed = evaluate(trial, rotated, reml, scoring, mode != EVALUATE, w)
        if np.isnan(proposed):
            return -evaluations
        if mode in (EVALUATE, DERIVE):
            w.value[0] = proposed
            return evaluations
        descends = proposed < value + ROUNDING * (abs(value) + rotated.n_rows[0])
        if not (descends or converged):
            shortened *= 0.25
            _step(Lambda, step, shortened, trial)
            continue
        _copy(trial, Lambda)
        if converged:
            w.value[0] = proposed
            w.edge[0] = 0.5 * (Lambda[r - 1, r - 1] * root[m - 1, m - 1]) ** 2
            _restore(Lambda, w.sigma2[0], w.order, G)
            return evaluations
        convex = _solve(w.hessian, w.gradient, step, root)
        decrement = 0.0
        for i in range(m):
            decrement += step[i] * w.gradient[i]
        if scoring:
            _score(Lambda, step, trial)
            near = decrement < NEAR or evaluations == SCORING
            if near:
                _pivot(trial, w.K, w.order, w.blocks, G)
            continue
        value, shortened = proposed, 1.0
        converged = convex and decrement < DECREMENT
        if evaluations % 10 == 0 and _pivot(Lambda, w.K, w.order, w.blocks, G):
            _copy(Lambda, trial)
            value, converged = np.inf, False
        else:
            _step(Lambda, step, shortened, trial)
    return -MAX_ITERATIONS


@inner
def _settled(rotated: Rotated, w: Work) -> bool:
    """Whether the minimum that `w` holds is beyond doubt the only one.

    It is when Λ is far from singular (in units of deviance), or when many
    clusters share the information on every variance, both here and at G = 0.
    """
    if w.edge[0] > FAR:
        return True
    for a in range(len(rotated.random)):  # noqa: SIM110 - kernels have no generators
        if _few(w.T[:, a]) or _few(w.K[a]):
            return False
    return True


@inner
def _few(root: Floats) -> bool:
    """Whether (Σ P_j)²/Σ P_j², an effective number of clusters, is small; P_j = Σ_b root_bj²."""
    total = square = 0.0
    for j in range(root.shape[1]):
        value = 0.0
        for b in range(root.shape[0]):
            value += root[b, j] ** 2
        total += value
        square += value * value
    return total * total < MANY * square


@inner
def global_search(rotated: Rotated, reml: bool, mode: int, starts: int, w: Work, G: Floats) -> int:
    """Do as `many.minimise` does, for other kernels.

    Where the data say little, the deviance may have two minima: one of them, nearly
    always, at a singular G. Then the search starts again from elsewhere, up to
    `starts` times, and the best of all is kept.
    """
    r = len(rotated.random)
    best = np.empty((r, r))
    lowest, total = np.inf, 0
    load(rotated, w)
    if mode == SEARCH and starts >= 0:
        start(rotated, w.trial)
    for attempt in range(starts + 2):
        found = search(rotated, reml, mode, w, G)
        total += abs(found)
        # -1: there is no deviance, wherever one starts
        if mode in (EVALUATE, DERIVE) or starts < 0 or found == -1 or attempt > starts:
            return total if found > 0 else -total
        better = found > 0 and w.value[0] < lowest - SAME
        if better:
            lowest = w.value[0]
            for a in range(r):
                for b in range(r):
                    best[a, b] = G[a, b] / w.sigma2[0]
        if attempt == 0 and found > 0 and _settled(rotated, w):
            return total
        mode = POLISH  # scoring would leap from one valley into another
        if attempt < starts:
            start_elsewhere(attempt, w.K, w.blocks, w.trial)
        elif lowest == np.inf:
            return -total
        elif better:  # the last attempt was the best
            return total
        else:
            _factor_in_order(best, w.order, w.trial)
    return -total


@inner
def _factor_in_order(delta: Floats, order: Ints, Lambda: Floats) -> None:
    """Write a root of Δ, its rows taken in `order`; a pivot that is rounding becomes 0."""
    r = len(order)
    for b in range(r):
        for a in range(r):
            value = delta[order[a], order[b]] if a >= b else 0.0
            if a >= b:
                for c in range(b):
                    value -= Lambda[a, c] * Lambda[b, c]
            if a == b:
                value = np.sqrt(value) if value > 1e-14 * delta[order[a], order[a]] else 0.0
            elif a > b:
                value = value / Lambda[b, b] if Lambda[b, b] > 0.0 else 0.0
            Lambda[a, b] = value
