"""A fit of one data set: the minimum of the deviance, and what is known there."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from simlab.mixed.bearing import ASKEW
from simlab.mixed.many import minimise
from simlab.mixed.newton import DERIVE, SEARCH
from simlab.mixed.rotated import Rotated
from simlab.mixed.starts import ONCE, restarts_for
from simlab.mixed.work import Work, allocate_work
from simlab.moments import Floats, Ints

SINGULAR = 1e-4  # a standard deviation of a combination of standardised random effects, over σ
ZERO = 1e-8  # a standard deviation over σ that is rounding


class Optimum(NamedTuple):
    """The minimum of the deviance of one data set of one sector, in the engine's units.

    Attributes
    ----------
    rotated : Rotated
        The data, the random effects in their own order.
    Lambda : (r, r)
        Lower triangular; G = σ²ΛΛ'.
    sigma2 : float
        σ̂².
    gamma, phi : (k,), (k, k)
        γ̂ and Φ; Var(γ̂) = σ̂²Φ.
    deviance : float
        −2 log-likelihood.
    reml : bool
        Restricted or not.
    nu : float
        N − k for REML, N for ML.
    evaluations : int
        Of the deviance; negative when the search did not converge.
    work : Work
        Evaluated at Λ, with the derivatives in Λ.
    """

    rotated: Rotated
    Lambda: Floats
    sigma2: float
    gamma: Floats
    phi: Floats
    deviance: float
    reml: bool
    nu: float
    evaluations: int
    work: Work

    @property
    def delta(self) -> Floats:
        """Δ = G/σ², (r, r)."""
        return self.Lambda @ self.Lambda.T

    @property
    def free(self) -> list[tuple[int, int]]:
        """Entries (a, b) of Λ, by columns, that are not 0 by the model."""
        blocks = self.rotated.blocks
        r = len(blocks)
        return [(a, b) for b in range(r) for a in range(b, r) if blocks[a] == blocks[b]]


def optimise(rotated: Rotated, reml: bool, shared: Ints | None = None) -> Optimum:
    """Fit a data set of one sector.

    Parameters
    ----------
    rotated : Rotated
        Is not changed.
    reml : bool
        Restricted likelihood or not.
    shared : (k,), optional
        Which random effect has the column of each fixed effect, as in `rows.Clusters`.

    Returns
    -------
    Optimum
        With `evaluations` negative, and at the best Λ that was met, if the search did
        not converge.
    """
    r = rotated.K.shape[1]
    w, G = allocate_work(rotated), np.zeros((r, r))
    evaluations = minimise(rotated, reml, w, G, SEARCH, restarts_for(rotated, shared))
    Lambda = np.tril(w.trial)
    Lambda *= np.where(np.diag(Lambda) < 0, -1.0, 1.0)
    Lambda[np.linalg.norm(Lambda, axis=1) < ZERO] = 0.0
    Lambda[:, np.linalg.norm(Lambda, axis=0) < ZERO] = 0.0
    return at(rotated, Lambda, reml, evaluations, w)


def at(
    rotated: Rotated, Lambda: Floats, reml: bool, evaluations: int = 0, w: Work | None = None
) -> Optimum:
    """Describe any point Λ as if it were the optimum, in room of its own or in `w`."""
    w = allocate_work(rotated) if w is None else w
    value = derive(Lambda, rotated, reml, w)
    nu = float(rotated.n_rows[0] - (w.gamma.shape[1] if reml else 0))
    return Optimum(
        rotated, Lambda, float(w.sigma2[0]), w.gamma[0], w.phi[0], value, reml, nu, evaluations, w
    )


def derive(Lambda: Floats, rotated: Rotated, reml: bool, w: Work) -> float:
    """Return the deviance at Λ, NaN where there is none, and leave its derivatives in w.

    It is `deviance`, by the kernel that is compiled already.
    """
    w.trial[...] = Lambda
    evaluations = minimise(rotated, reml, w, np.zeros_like(Lambda), DERIVE, ONCE)
    return float(w.value[0]) if evaluations > 0 else np.nan


def triangular(root: Floats) -> Floats:
    """Lower triangular Λ with ΛΛ' = root root', without a square where no pivot is near 0."""
    Lambda: Floats = np.asarray(np.linalg.qr(root.T, mode="r")).T
    pivots, size = np.diag(Lambda), np.linalg.norm(root, axis=1)
    if (np.abs(pivots) <= 1e-7 * size).any() or not size.all():
        return semidefinite_root(root @ root.T)
    out: Floats = np.where(pivots < 0, -1.0, 1.0) * Lambda
    return out


def semidefinite_root(G: Floats) -> Floats:
    """Lower triangular Λ with ΛΛ' = G; a pivot that is rounding becomes 0, and its column too."""
    r = len(G)
    Lambda = np.zeros((r, r))
    for b in range(r):
        pivot = G[b, b] - Lambda[b, :b] @ Lambda[b, :b]
        if pivot > 1e-14 * G[b, b]:
            Lambda[b, b] = np.sqrt(pivot)
            for a in range(b + 1, r):
                Lambda[a, b] = (G[a, b] - Lambda[a, :b] @ Lambda[b, :b]) / Lambda[b, b]
    return Lambda


def far_from_singular(optimum: Optimum, flat: Floats) -> Optimum:
    """Describe another G of the same likelihood, the one with the largest least eigenvalue.

    Parameters
    ----------
    optimum : Optimum
    flat : (f, r, r)
        Directions of G along which nothing is known, f ≥ 1.
    """

    def least(delta: Floats) -> float:
        """Least eigenvalue, negated."""
        return -float(np.linalg.eigvalsh(delta)[0])

    if not np.trace(optimum.delta) > 0:
        return optimum
    delta = moved_along(flat, optimum.delta, least)
    if not least(delta) < least(optimum.delta):
        return optimum
    return at(optimum.rotated, semidefinite_root(delta), optimum.reml, optimum.evaluations)


def moved_along(flat: Floats, G: Floats, loss: Callable[[Floats], float]) -> Floats:
    """Move G, (r, r) and not 0, along flat directions, (f, r, r), to where its loss is least."""
    from scipy.optimize import minimize

    unit = flat / np.linalg.norm(flat, axis=(1, 2), keepdims=True)
    size, start = float(np.trace(G)), np.zeros(len(unit))
    simplex = np.vstack([start, start + 0.1 * size * np.eye(len(unit))])
    options = {"initial_simplex": simplex, "xatol": 1e-9 * size, "fatol": 1e-12 * size}
    moved = minimize(
        lambda t: loss(G + np.tensordot(t, unit, 1)), start, method="Nelder-Mead", options=options
    ).x
    out: Floats = G + np.tensordot(moved, unit, 1)
    return out


def principal_axes(optimum: Optimum) -> Floats | None:
    """Axes along which the random effects of a block are independent; None if these will do.

    Returns
    -------
    (r, r) or None
        Orthogonal; 0 between blocks.
    """
    Lambda, blocks = optimum.Lambda, optimum.rotated.blocks
    below = np.abs(np.tril(Lambda, -1)).max(axis=1)
    if not (below > ASKEW * np.maximum(np.abs(np.diag(Lambda)), 1.0)).any():
        return None
    axes = np.zeros_like(Lambda)
    for block in dict.fromkeys(blocks.tolist()):
        own = np.ix_(blocks == block, blocks == block)
        axes[own] = np.linalg.svd(Lambda[own])[0]
    return axes


def is_singular(optimum: Optimum) -> bool:
    """Whether some combination of random effects has (almost) no variance."""
    return bool(smallest(optimum) < SINGULAR)


def smallest(optimum: Optimum) -> float:
    """Root of the smallest eigenvalue of Δ, the random effects in the engine's units."""
    return float(np.sqrt(max(np.linalg.eigvalsh(optimum.delta)[0], 0.0)))
