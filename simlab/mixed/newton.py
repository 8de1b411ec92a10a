"""Newton's method on the deviance, over the unconstrained lower triangle Λ.

Turning the sign of a column of Λ changes nothing, so a singular G is an
ordinary stationary point, and is reached quadratically. It may also be a
saddle: the second-order condition is part of convergence, and a saddle is left
by inflating Λ.
"""

from __future__ import annotations

import numpy as np

from simlab.kernels import inner, kernel
from simlab.mixed.deviance import Work, evaluate
from simlab.mixed.rotated import Rotated
from simlab.moments import Floats, Ints

MAX_ITERATIONS = 100
SCORING = 4  # steps of Fisher scoring before Newton's, at most
NEAR = 3.0  # a predicted descent below which scoring has done its work
DECREMENT = 1e-9  # a Newton step from here ends within 1e-9 standard errors
FLAT = 1e-9  # curvature below this share of the largest counts as none
ROUNDING = 1e-13  # of a deviance, relative to its size and to N


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
def _start(rotated: Rotated, Lambda: Floats) -> None:
    """Write a root of a moment estimate of Δ: the spread of the clusters' own coefficients.

    b_j = K_j'⁻¹ỹ_j has Var(b_j) = σ²(Δ + (Z_j'Z_j)⁻¹) about the sector's fixed part;
    σ² comes from the remainders. Variances are floored at a twentieth of the
    sampling variance, since Λ_aa = 0 is stationary whatever the data say.
    """
    r, k = len(rotated.random), rotated.xy.shape[2] - 1
    rss, df, count = 0.0, rotated.n_rows[0], 0.0
    square, noise = np.zeros((r, r)), np.zeros((r, r))
    mean, own, delta, inverse = np.zeros(r), np.zeros(r), np.zeros(r), np.zeros((r, r))
    for s in range(rotated.starts.size - 1):
        rss += rotated.rest[s, k, k]
        in_sector = 0.0
        for j in range(rotated.starts[s], rotated.starts[s + 1]):
            K = rotated.K[j]
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
                own[a] = rotated.xy[j, a, k]
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
    scale = (count - (rotated.starts.size - 1)) * rss
    for b in range(r):
        for a in range(r):
            Lambda[a, b] = 1.0 if a == b else 0.0
            if a >= b and scale > 0.0 and df > 0.0:
                value = square[a, b] * df / scale - noise[a, b] / count
                if a == b:
                    value = max(value, 0.05 * noise[a, a] / count)
                full_value = value
                for e in range(b):
                    value -= Lambda[a, e] * Lambda[b, e]
                if a == b:
                    Lambda[a, a] = np.sqrt(max(value, 0.05 * full_value))
                else:
                    Lambda[a, b] = value / Lambda[b, b]


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
def _pivot(Lambda: Floats, rotated: Rotated, order: Ints, room: Floats) -> bool:
    """Put the random effects that vary most first; say whether anything moved.

    With a leading entry near 0 the rows below it can turn against each other
    without changing G, a valley round which Newton's method creeps.
    """
    r, J = Lambda.shape[0], rotated.K.shape[0]
    moved = False
    for a in range(r):
        for b in range(a + 1, r):
            size_a = size_b = 0.0
            for j in range(J):
                for c in range(r):
                    size_a += rotated.K[j, a, c] ** 2
                    size_b += rotated.K[j, b, c] ** 2
            g_a = g_b = 0.0
            for c in range(r):
                g_a += Lambda[a, c] ** 2
                g_b += Lambda[b, c] ** 2
            if size_b * g_b > size_a * g_a:
                moved = True
                order[a], order[b] = order[b], order[a]
                for c in range(r):
                    Lambda[a, c], Lambda[b, c] = Lambda[b, c], Lambda[a, c]
                    for j in range(J):
                        K = rotated.K[j]
                        K[a, c], K[b, c] = K[b, c], K[a, c]
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
def search(rotated: Rotated, reml: bool, estimated: bool, w: Work, G: Floats) -> int:
    """Minimise the deviance as `minimise` does, for other kernels.

    Unless variances are to be `estimated`: then γ̂ and Φ at the Λ that stands in `w.trial`.
    """
    r, m = len(rotated.random), w.gradient.size
    Lambda, trial, root, step = w.Lambda, w.trial, w.scratch[:m], w.scratch[m]
    order = np.arange(r)
    if estimated:
        _start(rotated, trial)
    value, shortened, converged, near = np.inf, 1.0, False, False
    for evaluations in range(1, MAX_ITERATIONS + 1):
        scoring = evaluations <= SCORING and not near
        proposed = evaluate(trial, rotated, reml, scoring, estimated, w)
        if np.isnan(proposed):
            return -evaluations
        if not estimated:
            return evaluations
        descends = proposed < value + ROUNDING * (abs(value) + rotated.n_rows[0])
        if not (descends or converged):
            shortened *= 0.25
            _step(Lambda, step, shortened, trial)
            continue
        _copy(trial, Lambda)
        if converged:
            _restore(Lambda, w.sigma2[0], order, G)
            return evaluations
        convex = _solve(w.hessian, w.gradient, step, root)
        decrement = 0.0
        for i in range(m):
            decrement += step[i] * w.gradient[i]
        if scoring:
            _score(Lambda, step, trial)
            near = decrement < NEAR or evaluations == SCORING
            if near:
                _pivot(trial, rotated, order, G)
            continue
        value, shortened = proposed, 1.0
        converged = convex and decrement < DECREMENT
        if evaluations % 10 == 0 and _pivot(Lambda, rotated, order, G):
            _copy(Lambda, trial)
            value, converged = np.inf, False
        else:
            _step(Lambda, step, shortened, trial)
    return -MAX_ITERATIONS


@kernel
def minimise(rotated: Rotated, reml: bool, w: Work, G: Floats) -> int:
    """Minimise the deviance; `w` is left at the minimum.

    Fisher scoring in Δ first: for balanced data it arrives in one step, from
    anywhere. Then Newton in Λ, shortened where a step does not descend.

    Parameters
    ----------
    rotated, reml, w
        See `deviance`. The rows of `rotated.K` may come back reordered.
    G : (r, r)
        Receives the minimiser, σ̂²ΛΛ'.

    Returns
    -------
    int
        Number of evaluations, negative when it did not converge.
    """
    return search(rotated, reml, True, w, G)
