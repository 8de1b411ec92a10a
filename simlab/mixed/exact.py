"""The exact finite-sample null of the likelihood-ratio test of one variance component.

The alternative has one random effect, y = Xγ + Zu + ε with u ~ N(0, λσ²I), the null model has λ = 0
and is linear. Profiled over γ and σ², twice the log of the likelihood ratio of λ against 0 is,
under the null and in law,

    f(λ) = ν log(S / D(λ)) − Σ log(1 + λξ_k),   D(λ) = R + Σ w_k/(1 + λμ_k),   S = D(0),
    w_k ~ χ²_1,   R ~ χ²_{N−p−K},   all independent,

where μ_1 … μ_K are the eigenvalues of Z'(I − P_X)Z that are not 0; ν = N − p and ξ = μ for the
restricted likelihood; ν = N and ξ the eigenvalues of Z'Z for the full one. The statistic is the
largest f(λ), λ ≥ 0. If the alternative also has q more fixed effects (full likelihood only), it is
that plus N log(1 + χ²_q / S). (Crainiceanu & Ruppert 2004, Journal of the Royal Statistical Society
B 66:165. They write N(λ) = S − D(λ), and count eigenvalues of 0 among the K: it is the same.)

Neither γ, nor σ², nor the unit of Z matters: the law is known before y is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from simlab.mixed.rotated import Rotated
from simlab.mixed.supremum import NullLaw, draw_suprema
from simlab.moments import Floats

ROUNDING = 1e-10  # of the largest ξ: an eigenvalue below it is 0
STEP = 0.25  # of the grid in log(1 + λ): df/d log λ is a sum of logistic curves, which turn slowly
FAR = 100.0  # λ times the smallest eigenvalue at the end of the grid; D is R + A/λ beyond, but for
# 1 %, and then f has one maximum at most


class Eigenvalues(NamedTuple):
    """Eigenvalues on which the null distribution depends.

    Attributes
    ----------
    mu : (K,)
        Eigenvalues of Z'(I − P_X)Z that are not 0, ascending.
    xi : (L,)
        Those of Z'Z, in the order of the clusters.
    N, p : int
        Rows, and rank of X.
    """

    mu: Floats
    xi: Floats
    N: int
    p: int

    @property
    def df(self) -> int:
        """Degrees of freedom that X and Z leave, N − p − K."""
        return self.N - self.p - len(self.mu)


def from_gram(ZZ: Floats, ZX: Floats, XX: Floats, N: int) -> Eigenvalues:
    """Eigenvalues of a random effect of J clusters, from cross-products.

    Parameters
    ----------
    ZZ : (J,)
        Z_j'Z_j; Z'Z is diagonal, since each cluster has a column of its own.
    ZX : (J, k)
        Z_j'X_j.
    XX : (k, k)
        X'X of the fixed part of the alternative. Its columns should be centred where they can
        be, as everywhere with cross-products; they need not be independent.
    N : int
        Number of rows.

    Returns
    -------
    Eigenvalues
        At a cost of O(J³), once.
    """
    length = np.sqrt(np.diag(XX))
    length = np.where(length > 0, length, 1.0)
    size, basis = np.linalg.eigh(XX / np.outer(length, length))
    kept = size > len(size) * np.finfo(float).eps * size.max(initial=0.0)
    projected = (ZX / length) @ (basis[:, kept] / np.sqrt(size[kept]))
    mu = np.linalg.eigvalsh(np.diag(ZZ) - projected @ projected.T)
    smallest = ROUNDING * ZZ.max()
    return Eigenvalues(mu[mu > smallest], ZZ[smallest < ZZ], N, int(kept.sum()))


def eigenvalues(rotated: Rotated, effect: int) -> Eigenvalues:
    """Eigenvalues of one random effect as though it were alone, from rotated clusters.

    Columns are centred and scaled there, and no row is looked at.

    Parameters
    ----------
    rotated : Rotated
        The alternative, of one sector.
    effect : int
        The random effect, by its place; independent of the others.

    Returns
    -------
    Eigenvalues
    """
    K, x = rotated.K[:, effect], rotated.xy[:, :, :-1]
    XX = np.einsum("jak,jal->kl", x, x) + rotated.rest[0, :-1, :-1]
    ZX = np.einsum("ja,jak->jk", K, x)
    return from_gram((K**2).sum(axis=1), ZX, XX, int(rotated.n_rows[0]))


def null_law(eigenvalues: Eigenvalues, reml: bool, q: int = 0) -> NullLaw:
    """Make ready to draw.

    Parameters
    ----------
    eigenvalues : Eigenvalues
        With K > 0 and N − p − K > 0; else the statistic is always 0, or there is none.
    reml : bool
        Restricted likelihood or not.
    q : int
        Fixed effects that the alternative has and the null model has not; 0 if `reml`.

    Returns
    -------
    NullLaw
    """
    mu, xi, N, p = eigenvalues
    unit = xi.max()
    mu, xi = mu / unit, (mu if reml else xi) / unit
    top = np.log1p(FAR / min(mu.min(), xi.min()))
    x = STEP * np.arange(np.ceil(top / STEP) + 1)
    lam = np.expm1(x)
    nu = float(N - p if reml else N)
    slope = (xi[:, None] / (1.0 + np.outer(xi, lam))).sum(axis=0)
    shrunk = 1.0 / (1.0 + np.outer(mu, lam))
    weight = nu * mu[:, None] * shrunk**2 - slope * shrunk
    return NullLaw(mu, xi, nu, float(eigenvalues.df), float(q), x, weight, slope)


def draw(rng: Generator, law: NullLaw, B: int) -> Floats:
    """Draw B statistics under the null hypothesis, (B,); 0 where λ = 0 is most likely."""
    out = np.empty(B)
    draw_suprema(rng, law, out)
    return out
