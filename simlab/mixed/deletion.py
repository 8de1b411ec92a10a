"""The fit without each of the clusters in turn: refitted, not approximated.

Rotated clusters are independent of one another, so to leave one out is to leave
out its K_j, its x̃_j and ỹ_j, and its remainder. Sums over all clusters but one
are made of a sum of those before it and a sum of those after it: nothing is
subtracted, so nothing cancels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.mixed.identification import identification
from simlab.mixed.optimum import Optimum, at, is_singular, optimise
from simlab.moments import Floats, Ints

ALIASED = 1e-11  # of a column's sum of squares in all clusters: what is left below it is rounding


class Deletions(NamedTuple):
    """The fits without each of M clusters, in the engine's units; NaN where there is no such fit.

    Attributes
    ----------
    gamma, phi : (M, k), (M, k, k)
        γ̂₍ⱼ₎ and Φ₍ⱼ₎, Var(γ̂₍ⱼ₎) = σ̂²₍ⱼ₎Φ₍ⱼ₎.
    sigma2, delta : (M,), (M, r, r)
        σ̂²₍ⱼ₎ and Δ̂₍ⱼ₎ = Ĝ₍ⱼ₎/σ̂²₍ⱼ₎.
    displacement : (M,)
        By how much the deviance of all clusters rises from its minimum to the
        estimates without cluster j; see `displacement`.
    evaluations : (M,)
        Of the deviance; negative without convergence, 0 where there was nothing to fit.
    singular : (M,) bool
        Whether Ĝ₍ⱼ₎ is.
    fixed_aliased, random_aliased : (M,)
        The first column of X, of Z, that without the cluster is a combination
        of those before it; −1 if none is.
    unidentified : (M,) bool
        Whether without the cluster the fixed effects take up variances that they did not.
    """

    gamma: Floats
    phi: Floats
    sigma2: Floats
    delta: Floats
    displacement: Floats
    evaluations: Ints
    singular: Ints
    fixed_aliased: Ints
    random_aliased: Ints
    unidentified: Ints


def delete_each(optimum: Optimum, rest: Floats, n: Ints, which: Ints) -> Deletions:
    """Fit without each of some clusters.

    Parameters
    ----------
    optimum : Optimum
        The fit with all of them, J ≥ 2 clusters of one sector.
    rest : (J, k + 1, k + 1)
        Each cluster's cross-products of [X y] orthogonal to Z_j.
    n : (J,)
        Rows of each cluster.
    which : (M,)
        The clusters to leave out, one at a time.

    Returns
    -------
    Deletions
    """
    rotated = optimum.rotated
    (J, r, k1), M = rotated.xy.shape, len(which)
    k = k1 - 1
    x = rotated.xy[:, :, :k]
    fixed_gram = np.einsum("jac,jad->jcd", x, x) + rest[:, :k, :k]
    random_gram = rotated.K @ rotated.K.transpose(0, 2, 1)
    out = Deletions(
        gamma=np.full((M, k), np.nan),
        phi=np.full((M, k, k), np.nan),
        sigma2=np.full(M, np.nan),
        delta=np.full((M, r, r), np.nan),
        displacement=np.full(M, np.nan),
        evaluations=np.zeros(M, dtype=np.int64),
        singular=np.zeros(M, dtype=np.int64),
        fixed_aliased=aliased(_without(fixed_gram)[which], fixed_gram.sum(axis=0)),
        random_aliased=aliased(_without(random_gram)[which], random_gram.sum(axis=0)),
        unidentified=np.zeros(M, dtype=np.int64),
    )
    unknown = len(identification(rotated, n).taken_up)
    rest_without = _without(rest)
    for i, j in enumerate(which.tolist()):
        if out.fixed_aliased[i] >= 0 or out.random_aliased[i] >= 0:
            continue
        keep = np.arange(J) != j
        without = rotated._replace(
            K=rotated.K[keep],
            xy=rotated.xy[keep],
            rest=rest_without[j : j + 1].copy(),
            starts=np.array([0, J - 1]),
            n_rows=rotated.n_rows - n[j],
        )
        left = identification(without, n[keep])
        out.unidentified[i] = left.residual or len(left.taken_up) > unknown
        if out.unidentified[i] and optimum.reml:
            continue
        fit = optimise(without, optimum.reml)
        out.evaluations[i] = fit.evaluations
        if fit.evaluations <= 0:
            continue
        out.gamma[i], out.phi[i], out.sigma2[i] = fit.gamma, fit.phi, fit.sigma2
        out.delta[i], out.singular[i] = fit.delta, is_singular(fit)
        out.displacement[i] = displacement(optimum, fit.Lambda, fit.sigma2, fit.gamma)
    return out


def displacement(optimum: Optimum, Lambda: Floats, sigma2: float, gamma: Floats) -> float:
    """Rise of the deviance from its minimum to other values of the parameters.

        D(Λ, σ², γ) = d(Λ) + ν (log(σ²/σ̂²) − 1) + [ν σ̂² + (γ − γ̂)'Φ⁻¹(γ − γ̂)]/σ²

    with d, σ̂², γ̂ and Φ the profiled deviance and what it is profiled over, at Λ.
    The restricted likelihood has no γ in it: for REML the last term is absent,
    and it is the variances' displacement alone.

    Parameters
    ----------
    optimum : Optimum
        The minimum of d.
    Lambda, sigma2, gamma : (r, r), scalar, (k,)
        The other values.

    Returns
    -------
    float
        D − d(Λ̂) ≥ 0 (Cook 1986, JRSS B 48:133, where it is LD).
    """
    there = at(optimum.rotated, Lambda, optimum.reml)
    squares = there.nu * there.sigma2
    if not optimum.reml:
        step = gamma - there.gamma
        squares += float(step @ np.linalg.solve(there.phi, step))
    log_ratio = float(np.log(sigma2 / there.sigma2))
    profiled = there.deviance - optimum.deviance
    return profiled + there.nu * (log_ratio - 1.0) + squares / sigma2


def _without(terms: Floats) -> Floats:
    """Sum over all clusters but each: (J, …) to (J, …)."""
    before, after = np.zeros_like(terms), np.zeros_like(terms)
    before[1:] = terms[:-1].cumsum(axis=0)
    after[:-1] = terms[:0:-1].cumsum(axis=0)[::-1]
    out: Floats = before + after
    return out


def aliased(grams: Floats, whole: Floats) -> Ints:
    """First column of each Gram matrix (M, k, k) that adds nothing to those before it, or −1.

    By the pivots of its Cholesky factor, beside the columns' lengths in `whole` (k, k).
    """
    M, k = grams.shape[:2]
    first = np.full(M, -1)
    root = np.zeros_like(grams)
    for a in range(k):
        row = grams[:, a, : a + 1].copy()
        for c in range(a + 1):
            row[:, c] -= np.einsum("me,me->m", root[:, a, :c], root[:, c, :c])
            if c < a:
                root[:, a, c] = row[:, c] / root[:, c, c]
        flat = row[:, a] <= ALIASED * whole[a, a]
        first[flat & (first < 0)] = a
        root[:, a, a] = np.sqrt(np.where(flat, np.inf, row[:, a]))
    return first
