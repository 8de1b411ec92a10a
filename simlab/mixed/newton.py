"""Newton's method on the deviance, over the unconstrained lower triangle Λ.

Turning the sign of a column of Λ changes nothing, so a singular G is an
ordinary stationary point, and is reached quadratically. It may also be a
saddle: the second-order condition is part of convergence, and a saddle is left
by inflating Λ.
"""

from __future__ import annotations

import numpy as np

from simlab.kernels import inner
from simlab.mixed.bearing import is_askew, keep_root, pivot
from simlab.mixed.deviance import evaluate
from simlab.mixed.rotated import Rotated
from simlab.mixed.turning import turn
from simlab.mixed.work import Work
from simlab.moments import Floats

MAX_ITERATIONS = 100
SCORING = 4  # steps of Fisher scoring before Newton's, at most
NEAR = 3.0  # a predicted descent below which scoring has done its work
DECREMENT = 1e-9  # a Newton step from here ends within 1e-9 standard errors
FLAT = 1e-9  # curvature below this share of the largest counts as none
ROUNDING = 1e-13  # of a deviance, relative to its size and to N
SAME = 1e-9  # minima whose deviances differ by less are one
EVALUATE, SEARCH, POLISH, DERIVE = 0, 1, 2, 3


@inner
def _solve(H: Floats, g: Floats, out: Floats, root: Floats) -> bool:
    """Solve H out = g by Cholesky, flat directions damped; leave a saddle.

    Damping is a share of each entry's own curvature, so that it does not depend on the sizes of
    the random effects; an entry without any curvature is held where it is.

    Where the i-th pivot δ is not positive, d = (−H₁₁⁻¹h₁₂, 1, 0 …) has d'Hd = δ:
    `out` is then Newton's step for the entries before i, and along d it is at
    least √(1/5|δ|), over which the deviance falls by 0.1.

    Returns
    -------
    bool
        Whether H is positive definite.
    """
    m = g.size
    for i in range(m):
        damping = FLAT * abs(H[i, i]) if H[i, i] != 0.0 else 1.0
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
                    size += Lambda[a, e] * Lambda[a, e]
                out[a, a] = np.sqrt(max(value, 0.01 * size))
                floored = value < 0.01 * size
            else:
                out[a, b] = 0.0 if floored or out[b, b] == 0.0 else value / out[b, b]
            i += 1


@inner
def _restore(w: Work, root: Floats, G: Floats) -> None:
    """Write σ²ΛΛ' into G, for the random effects as the data have them."""
    keep_root(w, root)
    for a in range(len(G)):
        for b in range(len(G)):
            G[a, b] = 0.0
            for e in range(len(G)):
                G[a, b] += root[a, e] * root[b, e]
            G[a, b] *= w.sigma2[0]


@inner
def search(rotated: Rotated, reml: bool, mode: int, w: Work, G: Floats) -> int:
    """Find a minimum of the deviance from the Λ that stands in `w.trial`.

    In the modes SEARCH (scoring first) or POLISH (Newton's steps at once); in the
    others one evaluation at that Λ: γ̂ and Φ (EVALUATE), and the derivatives
    (DERIVE). Returns the number of evaluations, negative when it did not converge;
    `w.value` is then that of the last Λ that Newton's method accepted, or inf.
    """
    r, m = len(rotated.random), w.gradient.size
    Lambda, trial, root, step = w.Lambda, w.trial, w.scratch[:m], w.scratch[m]
    value, shortened, converged, near = np.inf, 1.0, False, mode >= POLISH
    for evaluations in range(1, MAX_ITERATIONS + 1):
        scoring = evaluations <= SCORING and not near
        turn(trial, w.K, w.xy)
        proposed = evaluate(trial, rotated, reml, scoring, mode != EVALUATE, w)
        if np.isnan(proposed):
            w.value[0] = value
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
            edge = Lambda[r - 1, r - 1] * root[m - 1, m - 1]
            w.edge[0] = 0.5 * (edge * edge)
            _restore(w, trial, G)
            _copy(Lambda, trial)
            return evaluations
        convex = _solve(w.hessian, w.gradient, step, root)
        decrement = 0.0
        for i in range(m):
            decrement += step[i] * w.gradient[i]
        if scoring:
            _score(Lambda, step, trial)
            near = decrement < NEAR or evaluations == SCORING
            if near:
                pivot(trial, w, G)
            continue
        value, shortened = proposed, 1.0
        converged = convex and decrement < DECREMENT
        if (evaluations % 10 == 0 or is_askew(Lambda)) and pivot(Lambda, w, G):
            _copy(Lambda, trial)
            value, converged = np.inf, False
        else:
            _step(Lambda, step, shortened, trial)
    w.value[0] = value
    return -MAX_ITERATIONS
