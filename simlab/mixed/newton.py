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
STEPPED, AT_MINIMUM, TO_PIVOT = 0, 1, 2
VALUE, SHORTENED, CONVERGED = 0, 1, 2  # what `Work.progress` holds


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
def restore(w: Work, G: Floats) -> None:
    """Write σ²ΛΛ' into G, for the random effects as the data have them; `w.trial` receives Λ."""
    keep_root(w, w.trial)
    for a in range(len(G)):
        for b in range(len(G)):
            G[a, b] = 0.0
            for e in range(len(G)):
                G[a, b] += w.trial[a, e] * w.trial[b, e]
            G[a, b] *= w.sigma2[0]
    _copy(w.Lambda, w.trial)


@inner
def begin(w: Work) -> None:
    """Forget an earlier search."""
    w.progress[VALUE], w.progress[SHORTENED], w.progress[CONVERGED] = np.inf, 1.0, 0.0


@inner
def score(evaluations: int, w: Work) -> bool:
    """Go on by a step of Fisher scoring from Λ in `w.trial`; say whether it was the last."""
    m = w.gradient.size
    root, step = w.scratch[:m], w.scratch[m]
    _copy(w.trial, w.Lambda)
    _solve(w.hessian, w.gradient, step, root)
    decrement = 0.0
    for i in range(m):
        decrement += step[i] * w.gradient[i]
    _score(w.Lambda, step, w.trial)
    return decrement < NEAR or evaluations == SCORING


@inner
def newton(proposed: float, evaluations: int, n_rows: float, w: Work) -> int:
    """Go on from the deviance at `w.trial`, with its derivatives in `w`.

    Returns
    -------
    int
        STEPPED when `w.trial` is to be evaluated next; AT_MINIMUM; or TO_PIVOT when the random
        effects in Λ are first to be put in order, and `pivoted` called.
    """
    r, m = len(w.trial), w.gradient.size
    Lambda, trial, root, step, progress = w.Lambda, w.trial, w.scratch[:m], w.scratch[m], w.progress
    value, was_converged = progress[VALUE], progress[CONVERGED] > 0.0
    if not (proposed < value + ROUNDING * (abs(value) + n_rows) or was_converged):
        progress[SHORTENED] *= 0.25
        _step(Lambda, step, progress[SHORTENED], trial)
        return STEPPED
    _copy(trial, Lambda)
    if was_converged:
        w.value[0] = proposed
        edge = Lambda[r - 1, r - 1] * root[m - 1, m - 1]
        w.edge[0] = 0.5 * (edge * edge)
        return AT_MINIMUM
    convex = _solve(w.hessian, w.gradient, step, root)
    decrement = 0.0
    for i in range(m):
        decrement += step[i] * w.gradient[i]
    progress[VALUE], progress[SHORTENED] = proposed, 1.0
    progress[CONVERGED] = 1.0 if convex and decrement < DECREMENT else 0.0
    if evaluations % 10 == 0 or is_askew(Lambda):
        return TO_PIVOT
    _step(Lambda, step, 1.0, trial)
    return STEPPED


@inner
def pivoted(moved: bool, w: Work) -> None:
    """Go on after the random effects were put in order."""
    if moved:
        _copy(w.Lambda, w.trial)
        w.progress[VALUE], w.progress[CONVERGED] = np.inf, 0.0
    else:
        _step(w.Lambda, w.scratch[w.gradient.size], 1.0, w.trial)


@inner
def search(rotated: Rotated, reml: bool, mode: int, w: Work, G: Floats) -> int:
    """Find a minimum of the deviance from the Λ that stands in `w.trial`.

    In the modes SEARCH (scoring first) or POLISH (Newton's steps at once); in the
    others one evaluation at that Λ: γ̂ and Φ (EVALUATE), and the derivatives
    (DERIVE). Returns the number of evaluations, negative when it did not converge;
    `w.value` is then that of the last Λ that Newton's method accepted, or inf.
    """
    begin(w)
    scoring = mode == SEARCH
    for evaluations in range(1, MAX_ITERATIONS + 1):
        turn(w.trial, w.K, w.xy)
        proposed = evaluate(w.trial, rotated, reml, scoring, mode != EVALUATE, w)
        if np.isnan(proposed):
            w.value[0] = w.progress[VALUE]
            return -evaluations
        if mode in (EVALUATE, DERIVE):
            w.value[0] = proposed
            return evaluations
        if scoring:
            scoring = not score(evaluations, w)
            if not scoring:
                pivot(w.trial, w, G)
            continue
        outcome = newton(proposed, evaluations, rotated.n_rows[0], w)
        if outcome == AT_MINIMUM:
            restore(w, G)
            return evaluations
        if outcome == TO_PIVOT:
            pivoted(pivot(w.Lambda, w, G), w)
    w.value[0] = w.progress[VALUE]
    return -MAX_ITERATIONS
