"""Observed information about the variance components, and the deviance it comes from.

`deviance` profiles σ² out. With τ = log σ² kept as a parameter, and G = σ²ΛΛ' as before,

    D(Λ, τ) = d(Λ) − ν(1 + log σ̂²(Λ)) + ντ + ν σ̂²(Λ) e^−τ,

and, since ∂σ̂²/∂Λ_i = −a_i/ν,

    ∂D/∂Λ_i = ∂d_i + a_i (1/σ̂² − e^−τ)         ∂²D/∂Λ_i∂τ = a_i e^−τ
    ∂D/∂τ   = ν − ν σ̂² e^−τ                     ∂²D/∂τ²    = ν σ̂² e^−τ
    ∂²D/∂Λ_i∂Λ_k = ∂²d_ik + a_i a_k/(ν σ̂⁴) + (1/σ̂² − e^−τ) ∂a_i/∂Λ_k
    ∂a_i/∂Λ_k    = 2 f_i'Φ f_k − 2 Σ h'E_i P E_k h + 2 δ_bd Σ h_a h_c       i = (a, b), k = (c, d)

with the letters of `deviance`. At the optimum e^τ = σ̂² and the Hessian is

    [[H + a a'/(ν σ̂⁴), a/σ̂²], [a'/σ̂², ν]].

Twice its inverse is the covariance of (Λ̂, τ̂): the same for every parametrisation that is then
reached by the delta method (nlme takes its own parametrisation and finite differences;
Pinheiro & Bates 2000, *Mixed-Effects Models in S and S-PLUS*, §2.4.3).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.mixed.optimum import SINGULAR, Optimum, derive
from simlab.mixed.rotated import Rotated
from simlab.mixed.units import Units
from simlab.mixed.work import Work, allocate_work
from simlab.moments import Floats

LEAST = 1e-14  # eigenvalue, of the largest, below which the information is not positive definite

Entries = tuple[tuple[int, int], ...]


class Unprofiled(NamedTuple):
    """D(Λ, τ) and its derivatives in the free entries of Λ, by columns, and τ.

    Attributes
    ----------
    value : float
        The deviance; NaN where it does not exist.
    gradient, hessian : (m + 1,), (m + 1, m + 1)
        Derivatives.
    """

    value: float
    gradient: Floats
    hessian: Floats


def free_entries(rotated: Rotated) -> Entries:
    """Entries (a, b) of Λ, by columns, that are not 0 by the model."""
    blocks = rotated.blocks
    r = len(blocks)
    return tuple((a, b) for b in range(r) for a in range(b, r) if blocks[a] == blocks[b])


def unprofiled(Lambda: Floats, tau: float, rotated: Rotated, reml: bool, w: Work) -> Unprofiled:
    """Evaluate D(Λ, τ) with exact derivatives, anywhere.

    Parameters
    ----------
    Lambda : (r, r)
        Lower triangular, 0 between blocks.
    tau : float
        log σ².
    rotated : Rotated
        The data, of one sector.
    reml : bool
        Restricted likelihood or not.
    w : Work
        Is filled.

    Returns
    -------
    Unprofiled
    """
    profiled = derive(Lambda, rotated, reml, w)
    r = len(Lambda)
    if np.isnan(profiled):
        return Unprofiled(np.nan, np.zeros(0), np.zeros((0, 0)))
    nu = float(rotated.n_rows[0]) - (w.gamma.shape[1] if reml else 0)
    sigma2 = float(w.sigma2[0])
    ratio = sigma2 * float(np.exp(-tau))
    value = profiled + nu * (tau - float(np.log(sigma2)) + ratio - 1.0)
    blocks = rotated.blocks
    entries = [(a, b) for b in range(r) for a in range(b, r)]
    kept = [i for i, (a, b) in enumerate(entries) if blocks[a] == blocks[b]]
    m, a_i = len(kept), w.a[kept]
    gradient, hessian = np.empty(m + 1), np.empty((m + 1, m + 1))
    away = (1.0 - ratio) / sigma2
    gradient[:m] = w.gradient[kept] + away * a_i
    gradient[m] = nu * (1.0 - ratio)
    hessian[:m, :m] = w.hessian[np.ix_(kept, kept)] + np.outer(a_i, a_i) / (nu * sigma2**2)
    if away != 0.0:
        hessian[:m, :m] += away * _bend(Lambda, [entries[i] for i in kept], kept, w)
    hessian[:m, m] = hessian[m, :m] = a_i * (ratio / sigma2)
    hessian[m, m] = nu * ratio
    return Unprofiled(float(value), gradient, hessian)


def _bend(Lambda: Floats, entries: list[tuple[int, int]], kept: list[int], w: Work) -> Floats:
    """∂a_i/∂Λ_k, (m, m)."""
    r, _, J = w.T.shape
    T, U = np.moveaxis(w.T, 2, 0), np.moveaxis(w.U, 2, 0)
    m = len(entries)
    h = (T.transpose(0, 2, 1) @ U[:, :, -1:])[:, :, 0]
    along = h @ Lambda  # λ_b'h
    Eh = np.zeros((J, r, m))
    for i, (a, b) in enumerate(entries):  # E_ab h = e_a (λ_b'h) + λ_b h_a
        Eh[:, :, i] = h[:, a, None] * Lambda[:, b]
        Eh[:, a, i] += along[:, b]
    root = (T @ Eh).reshape(J * r, m)
    out: Floats = 2.0 * (w.f[0, kept] @ w.phi_f[0, kept].T - root.T @ root)
    hh = h.T @ h
    for i, (a, b) in enumerate(entries):
        for k, (c, d) in enumerate(entries):
            if b == d:
                out[i, k] += 2.0 * hh[a, c]
    return out


def covariance(optimum: Optimum, flat: int = 0) -> Floats:
    """Covariance of (Λ̂, log σ̂), the free entries of Λ by columns, from the observed information.

    Parameters
    ----------
    optimum : Optimum
        A minimum; not at a singular G, where the quadratic says nothing.
    flat : int
        Number of directions along which nothing is known. The generalised inverse that leaves them
        out is right for whatever does not change along them.

    Returns
    -------
    (m + 1, m + 1)
        In the engine's units; NaN if the information is not positive definite.
    """
    rotated, tau = optimum.rotated, float(np.log(optimum.sigma2))
    at_minimum = unprofiled(optimum.Lambda, tau, rotated, optimum.reml, allocate_work(rotated))
    information = at_minimum.hessian
    size = np.sqrt(np.maximum(np.diag(information), 1e-300))
    values, vectors = np.linalg.eigh(information / np.outer(size, size))
    if not values[flat] > LEAST * values[-1]:
        return np.full_like(information, np.nan)
    root = (vectors[:, flat:] / np.sqrt(values[flat:])).T / size
    out: Floats = 2.0 * root.T @ root
    out[-1] /= 2.0  # log σ = τ/2
    out[:, -1] /= 2.0
    return out


class Components(NamedTuple):
    """The variance components in the user's units.

    Attributes
    ----------
    sd : (r,)
        Standard deviations of the random effects.
    pairs : list of (a, b)
        Which of them are correlated, c pairs.
    rho : (c,)
        Their correlations; NaN where one of the two has no variance.
    sigma : float
        σ̂.
    """

    sd: Floats
    pairs: list[tuple[int, int]]
    rho: Floats
    sigma: float


class Transformed(NamedTuple):
    """The variance components on scales without bounds.

    Attributes
    ----------
    estimate : (r + c + 1,)
        log sd, log((1 + ρ)/(1 − ρ)) and log σ, in this order.
    covariance : (r + c + 1, r + c + 1)
        Of the estimates; NaN if the information is not positive definite.
    """

    estimate: Floats
    covariance: Floats


def pairs(rotated: Rotated) -> list[tuple[int, int]]:
    """Pairs a < b of random effects that are correlated, by columns of the lower triangle."""
    blocks = rotated.blocks
    r = len(blocks)
    return [(a, b) for a in range(r) for b in range(a + 1, r) if blocks[a] == blocks[b]]


def components(optimum: Optimum, units: Units) -> Components:
    """Standard deviations, correlations and σ.

    Parameters
    ----------
    optimum : Optimum
        The fit; G may be singular.
    units : Units
        The way to the user's units.

    Returns
    -------
    Components
    """
    G, sigma = user_G(optimum, units), units.s_y * float(np.sqrt(optimum.sigma2))
    sd, both = np.sqrt(np.diag(G)), pairs(optimum.rotated)
    varies = sd > SINGULAR * sigma * np.linalg.norm(units.B, axis=1)
    rho = [G[a, b] / (sd[a] * sd[b]) if varies[a] and varies[b] else np.nan for a, b in both]
    return Components(sd, both, np.clip(np.array(rho), -1.0, 1.0), sigma)


def transformed(optimum: Optimum, units: Units, flat: int = 0) -> Transformed:
    """Variance components on nlme's scales, with their covariance by the delta method.

    With C = BΛ and S = s_y²σ², G_user = S CC'. For entry i = (a, b) of Λ and for log σ

        ∂G_user/∂Λ_i = S (B_a C_b' + C_b B_a'),     ∂G_user/∂log σ = 2 G_user

    (B_a, C_b columns), from which

        ∂log sd_c   = ∂G_cc/(2 G_cc)
        ∂ρ_cd       = ∂G_cd/√(G_cc G_dd) − ρ_cd (∂log sd_c + ∂log sd_d)
        ∂log((1 + ρ)/(1 − ρ)) = 2 ∂ρ/(1 − ρ²).

    Parameters
    ----------
    optimum, units
        As for `components`, with a G that is not singular.
    flat
        As for `covariance`.

    Returns
    -------
    Transformed
    """
    sd, both, rho, sigma = components(optimum, units)
    dG = _jacobian_G(optimum, units)
    d_sd = np.array([g.diagonal() / (2.0 * sd**2) for g in dG]).T
    rows = [*d_sd]
    for (a, b), value in zip(both, rho, strict=True):
        d_rho = dG[:, a, b] / (sd[a] * sd[b]) - value * (d_sd[a] + d_sd[b])
        rows.append(2.0 * d_rho / (1.0 - value**2))
    log_sigma = np.zeros(len(dG))
    log_sigma[-1] = 1.0
    jacobian = np.array([*rows, log_sigma])
    logit = np.log1p(rho) - np.log1p(-rho)
    estimate = np.concatenate([np.log(sd), logit, [np.log(sigma)]])
    return Transformed(estimate, jacobian @ covariance(optimum, flat) @ jacobian.T)


def covariance_G(optimum: Optimum, units: Units) -> Floats:
    """Covariance of (vech Ĝ, σ̂²) in the user's units, vech the lower triangle by columns.

    Parameters
    ----------
    optimum, units
        As for `components`.

    Returns
    -------
    (r(r + 1)/2 + 1, r(r + 1)/2 + 1)
        Rows of entries that are 0 by the model are 0.
    """
    dG, r = _jacobian_G(optimum, units), len(optimum.Lambda)
    rows = [dG[:, a, b] for b in range(r) for a in range(b, r)]
    of_sigma2 = np.zeros(len(dG))
    of_sigma2[-1] = 2.0 * units.s_y**2 * optimum.sigma2
    jacobian = np.array([*rows, of_sigma2])
    out: Floats = jacobian @ covariance(optimum) @ jacobian.T
    return out


def user_G(optimum: Optimum, units: Units) -> Floats:
    """Ĝ in the user's units, (r, r)."""
    C = units.B @ optimum.Lambda
    out: Floats = units.s_y**2 * optimum.sigma2 * (C @ C.T)
    return out


def _jacobian_G(optimum: Optimum, units: Units) -> Floats:
    """∂G_user in the free entries of Λ and log σ, (m + 1, r, r)."""
    B, C = units.B, units.B @ optimum.Lambda
    scale = units.s_y**2 * optimum.sigma2
    half = [scale * np.outer(B[:, a], C[:, b]) for a, b in optimum.free]
    return np.array([*(g + g.T for g in half), 2.0 * user_G(optimum, units)])
