"""Random intercepts and slopes, for every replicate of a block.

    y_ij = γ_0s + γ_1s x_ij [+ γ_2s x̄_j] + u_0j + u_1j x_ij + ε_ij

in each sector s, with one G and one σ² for all. The fit runs about the grand
means and in units of the spread of x, where its numbers are of order one; the
answers are carried back, so that adding 1e6 to x or y changes only what it must.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.kernels import compiled, inner, kernel
from simlab.kernels.lanes import flat, n_lanes, read
from simlab.kernels.records import reference
from simlab.mixed.abreast import evaluate
from simlab.mixed.identification import of_columns
from simlab.mixed.newton import EVALUATE, POLISH, SEARCH, restore
from simlab.mixed.optimum import SINGULAR
from simlab.mixed.rotated import Rotated, allocate, fill_line, rotate_line
from simlab.mixed.satterthwaite import approximate, contrast
from simlab.mixed.searches import Searches, load, no_searches, remember, step, try_again
from simlab.mixed.starts import start
from simlab.mixed.work import Abreast, Work, allocate_work, arrange, room_for
from simlab.moments import Floats, Ints, Moments


class Fits(NamedTuple):
    """Fits of B replicates.

    Attributes
    ----------
    estimate, variance, df : (B, T)
        Of each contrast, with Satterthwaite's degrees of freedom.
    G : (B, 2, 2)
        Covariance of the random intercept (at x = 0) and slope.
    sigma2 : (B,)
        Residual variance.
    evaluations : (B,)
        Evaluations of the deviance, negative when it did not converge.
    singular : (B,)
        Whether G is singular.
    """

    estimate: Floats
    variance: Floats
    df: Floats
    G: Floats
    sigma2: Floats
    evaluations: Ints
    singular: Ints


@inner
def _centre(m: Moments, b: int, centred: Floats, rotated: Rotated, k: int) -> tuple[float, ...]:
    """Rotate replicate b about its grand means; return the origin and the scale of x and of y."""
    J = m.n.shape[1]
    n, x_mean, y_mean, own_ss, own_s, own_rss = (
        m.n[b], m.x_mean[b], m.y_mean[b], m.ss_x[b], m.s_xy[b], m.rss[b],
    )  # fmt: skip
    x, y, ss_x, s_xy, rss = centred[0], centred[1], centred[2], centred[3], centred[4]
    N = x0 = y0 = ss = sy = 0.0
    for j in range(J):
        N += n[j]
    for j in range(J):
        x0 += n[j] / N * x_mean[j]
        y0 += n[j] / N * y_mean[j]
    for j in range(J):
        dx, dy = x_mean[j] - x0, y_mean[j] - y0
        ss += own_ss[j] + n[j] * (dx * dx)
        sy += own_rss[j] + n[j] * (dy * dy)
    sx = np.sqrt(ss / N) if ss > 0.0 else 1.0
    sy = np.sqrt(sy / N) if sy > 0.0 else 1.0
    for j in range(J):
        x[j] = (x_mean[j] - x0) / sx
        y[j] = (y_mean[j] - y0) / sy
        ss_x[j] = own_ss[j] / (sx * sx)
        s_xy[j] = own_s[j] / (sx * sy)
        rss[j] = own_rss[j] / (sy * sy)
    fill_line(n, x, y, ss_x, s_xy, rss, k == 3, rotated)
    return x0, sx, y0, sy


@inner
def _carry(contrasts: Floats, x0: float, sx: float, out: Floats) -> None:
    """Write contrasts of (γ_0, γ_1[, γ_2]) at x = 0 as contrasts of the standardised effects."""
    T, S, k = contrasts.shape
    for t in range(T):
        for s in range(S):
            out[t, s, 0] = contrasts[t, s, 0]
            for a in range(1, k):
                out[t, s, a] = (contrasts[t, s, a] - x0 * contrasts[t, s, 0]) / sx


@inner
def _carry_known(known: Floats, x0: float, sx: float, Lambda: Floats) -> None:
    """Factor (g00, g01, g11)/σ² carried to the origin x0: Var of (u_0 + x0 u_1, sx u_1)/σ²."""
    g00, g01, g11 = known[0] / known[3], known[1] / known[3], known[2] / known[3]
    root = np.sqrt(max(g00 + 2.0 * x0 * g01 + x0 * x0 * g11, 0.0))
    Lambda[0, 0], Lambda[0, 1] = root, 0.0
    Lambda[1, 0] = sx * (g01 + x0 * g11) / root if root > 0.0 else 0.0
    Lambda[1, 1] = np.sqrt(max(sx * sx * g11 - Lambda[1, 0] * Lambda[1, 0], 0.0))


@inner
def _report(
    lane: int, b: int, contrasts: Floats, known: Floats, G: Floats, carried: Floats,
    s: Searches, w: Work, a: Abreast, fits: Fits,
) -> None:  # fmt: skip
    """Write the fit of replicate b, in the units of its data."""
    S, k = w.gamma.shape
    x0, sx, y0, sy = s.origin[lane, 0], s.origin[lane, 1], s.origin[lane, 2], s.origin[lane, 3]
    _carry(contrasts, x0, sx, carried)
    for i in range(S):
        for c in range(k):
            w.gamma[i, c] = read(a.gamma, lane, i, c)
            for d in range(k):
                w.phi[i, c, d] = read(a.phi, lane, i, c, d)
    estimate, variance = fits.estimate[b], fits.variance[b]
    if known.size:
        for t in range(contrasts.shape[0]):
            variance[t] = known[3] / (sy * sy) * contrast(carried[t], w, estimate, t)
    else:
        _report_variances(lane, b, x0, sx, sy, G, w, a, fits)
        approximate(carried, w, read(a.nu, lane, 0), estimate, variance, fits.df[b])
    for t in range(contrasts.shape[0]):
        estimate[t] *= sy
        variance[t] *= sy * sy
        for i in range(S):
            estimate[t] += y0 * contrasts[t, i, 0]


@inner
def _report_variances(
    lane: int, b: int, x0: float, sx: float, sy: float, G: Floats, w: Work, a: Abreast, fits: Fits
) -> None:
    """Write Ĝ and σ̂², and gather what Satterthwaite's degrees of freedom need."""
    w.sigma2[0] = read(a.sigma2, lane, 0)
    for e in range(3):
        w.a[e] = read(a.a, lane, e)
        for i in range(w.gamma.shape[0]):
            for c in range(w.gamma.shape[1]):
                for d in range(w.gamma.shape[1]):
                    w.F[i, e, c, d] = read(a.F, lane, i, e, c, d)
    restore(w, G)
    det = G[0, 0] * G[1, 1] - G[0, 1] * G[0, 1]
    largest = 0.5 * (G[0, 0] + G[1, 1] + np.hypot(G[0, 0] - G[1, 1], 2.0 * G[0, 1]))
    least = SINGULAR * SINGULAR * w.sigma2[0]  # as in `optimum.is_singular`
    fits.singular[b] = det <= least * largest
    fits.sigma2[b] = w.sigma2[0] * sy * sy
    unit = sy / sx
    g11 = G[1, 1] * (unit * unit)
    g01 = G[0, 1] * sy * sy / sx - x0 * g11
    fits.G[b, 1, 1] = g11
    fits.G[b, 0, 1] = fits.G[b, 1, 0] = g01
    fits.G[b, 0, 0] = G[0, 0] * sy * sy - 2.0 * x0 * g01 - x0 * x0 * g11


@inner
def _set_out(
    lane: int, mode: int, rotated: Rotated, reml: bool, known: Floats,
    s: Searches, w: Work, a: Abreast,
) -> None:  # fmt: skip
    """Begin the search of the replicate that `rotated` holds."""
    scored = s.scored[s.number[lane]]
    for i in range(2):
        for j in range(2):
            w.basis[i, j] = 1.0 if i == j else 0.0
            if mode == POLISH:
                w.trial[i, j], w.basis[i, j] = scored[2 * i + j], scored[4 + 2 * i + j]
    load(lane, rotated, reml, s, w, a)
    if mode == EVALUATE:
        _carry_known(known, s.origin[lane, 0], s.origin[lane, 1], w.trial)
    elif mode == SEARCH:
        start(rotated, w.trial)
    elif scored[8] < 0.0:
        w.value[0] = np.inf
        try_again(lane, int(scored[8]), s, w, a)
        return
    else:
        s.evaluations[lane] = int(scored[8])
    remember(lane, s, w, a)


@kernel
def _fit(
    m: Moments, contrasts: Floats, reml: bool, known: Floats, first: int, last: int,
    rotated: Rotated, w: Work, centred: Floats, carried: Floats, s: Searches, room: Floats,
    fits: Fits,
) -> None:  # fmt: skip
    """Fit every replicate; with `known` = (g00, g01, g11, σ²) only the fixed effects.

    In the modes from `first` to `last`, each for all replicates: a lane whose replicate is done
    takes the next one.
    """
    S, k = w.gamma.shape
    B, J = m.n.shape
    L = n_lanes()
    G = np.empty((2, 2))
    a = reference(arrange(J, S, k, room))
    m, fits, rotated = reference(m), reference(fits), reference(rotated)
    w, s = reference(w), reference(s)
    for i in range(2):
        for j in range(2):
            a.identity[i, j] = 1.0 if i == j else 0.0
    for mode in range(first, last + 1):
        upcoming = 0
        while True:
            working = 0
            for lane in range(L):
                # A lane that is free takes the next replicate that has a deviance at all.
                while s.number[lane] < 0 and upcoming < B:
                    b = upcoming
                    upcoming += 1
                    if mode == POLISH and s.scored[b, 8] == -1.0:
                        fits.evaluations[b] = -1
                        continue
                    s.number[lane] = b
                    x0, sx, y0, sy = _centre(m, b, centred, rotated, k)
                    s.origin[lane, 0], s.origin[lane, 1] = x0, sx
                    s.origin[lane, 2], s.origin[lane, 3] = y0, sy
                    _set_out(lane, mode, rotated, reml, known, s, w, a)
                working += s.number[lane] >= 0
            if working == 0:
                break
            evaluate(rotated.starts, w.blocks, reml, mode == SEARCH, mode != EVALUATE, a)
            for lane in range(L):
                b = s.number[lane]
                found = step(lane, mode, G, s, w, a) if b >= 0 else 0
                if found == 0:
                    continue
                s.number[lane] = -1
                if mode != SEARCH:
                    fits.evaluations[b] = s.total[lane] * found
                if mode != SEARCH and found > 0:
                    _report(lane, b, contrasts, known, G, carried, s, w, a, fits)


def fit_lines(
    moments: Moments,
    contrasts: Floats,
    reml: bool = True,
    known: tuple[Floats, float] | None = None,
) -> Fits:
    """Fit the random-slope model to every replicate.

    Parameters
    ----------
    moments : Moments
        B replicates of J clusters in S sectors.
    contrasts : (T, S, k)
        Weights of the fixed effects of each sector; k = 2 without and k = 3
        with the cluster mean x̄_j as a fixed effect.
    reml : bool
        REML or ML.
    known : ((2, 2), float), optional
        True G and σ²: generalised least squares with them, nothing else estimated.

    Returns
    -------
    Fits
        Rows of replicates that did not converge are NaN. So are those in which the fixed effects
        take up what the clusters could differ by (REML, G unknown); their `evaluations` are −1.
    """
    B, J = moments.n.shape
    T, S, k = len(contrasts), moments.n_sectors, contrasts.shape[2]
    rotated = allocate(moments.starts, 2, k)
    fits = Fits(
        np.full((B, T), np.nan),
        np.full((B, T), np.nan),
        np.full((B, T), np.nan),
        np.full((B, 2, 2), np.nan),
        np.full(B, np.nan),
        np.zeros(B, dtype=np.int64),
        np.zeros(B, dtype=np.int64),
    )
    truth = np.empty(0)
    if known is not None:
        truth = np.array([known[0][0, 0], known[0][0, 1], known[0][1, 1], known[1]])
    first, last = (SEARCH, POLISH) if known is None else (EVALUATE, EVALUATE)
    with compiled(many=B > 1):
        _fit(
            moments, np.ascontiguousarray(contrasts, dtype=float), reml, truth,
            first, last, rotated, allocate_work(rotated), np.empty((5, J)), np.empty((T, S, k)),
            no_searches(B), flat(room_for(J, S, k)), fits,
        )  # fmt: skip
    if reml and known is None:
        for b in _in_doubt(moments, k):
            if fits.evaluations[b] < 0:
                continue
            of_x = moments.n[b], moments.x_mean[b], moments.ss_x[b]
            if _is_taken_up(*of_x, moments.starts, rotated, k):
                fits.evaluations[b] = -1
                for values in (fits.estimate, fits.variance, fits.df, fits.G, fits.sigma2):
                    values[b] = np.nan
    return fits


def _in_doubt(m: Moments, k: int) -> list[int]:
    """Replicates without more clusters that tell everything than there are fixed effects."""
    full = (m.ss_x > 0) & (m.n > 2)
    return np.flatnonzero(full.sum(axis=1) <= m.n_sectors * k).tolist()


def _is_taken_up(
    n: Floats, x: Floats, ss_x: Floats, starts: Ints, rotated: Rotated, k: int
) -> bool:
    """Whether the fixed effects of a replicate, all (J,), leave G or σ² unknown to REML."""
    N, S = n.sum(), len(starts) - 1
    x = x - (n * x).sum() / N
    sx = np.sqrt((ss_x + n * x**2).sum() / N)
    ones = np.ones_like(x)
    rotate_line(n.astype(float), x / sx, ones, ss_x / sx**2, ones, ones, k == 3, rotated)
    sector = np.repeat(np.arange(S), np.diff(starts))
    own = sector[:, None] == np.arange(S)
    columns = (rotated.xy[:, :, None, :k] * own[:, None, :, None]).reshape(len(x), 2, S * k)
    none = np.zeros((S * k, S * k))
    unknown = of_columns(rotated.K, columns, none, n.astype(np.int64), rotated.blocks)
    return unknown.residual or len(unknown.taken_up) > 0
