"""What the design can tell of G, before any response is looked at.

Cov(y_j) = σ²I + Z_jGZ_j' is linear in φ = (free elements of G, σ²), so two values of φ give the
same law of y if and only if their difference N has Z_jNZ_j' = 0 (and the same σ²) in every
cluster. REML sees K'y alone, K'X = 0: there it is K'ZNZ'K = 0. A direction of either kind is a null
vector of

    I_il = ½ tr(P V_i P V_l),   V_i = ∂V/∂φ_i,   P = V⁻¹  or  V⁻¹ − V⁻¹X(X'V⁻¹X)⁻¹X'V⁻¹,

whatever the positive definite V. Here V has G = σ²I for random effects that are orthogonal over all
rows, so that neither large clusters nor the origin of a covariate hide what the others tell.

A cluster with more rows than random effects, whose Z_j has full rank, tells all of φ. With more
such clusters than fixed effects, these cannot take it up: K'AK = 0 leaves a matrix A no more
positive eigenvalues, nor negative ones, than there are columns of X, and A = ⊕(Z_jNZ_j' + sI) has
one sign or the other at least once in each cluster.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.kernels import kernel
from simlab.mixed.rotated import Rotated
from simlab.moments import Floats, Ints

FULL = 1e-8  # of a column's square in a cluster: what those before it leave below this is nothing
NULL = 1e-11  # eigenvalue of the information, of 1, below which there is none
PART = 1e-6  # of a unit vector: a parameter that takes no part in a direction


class Identification(NamedTuple):
    """Directions of G, in the engine's units, along which nothing is known.

    Attributes
    ----------
    flat : (f, r, r)
        Along which the law of y does not change, symmetric.
    taken_up : (t, r, r)
        Along which that of K'y does not change, `flat` among them: what the fixed effects take up.
    residual : bool
        Whether σ² cannot be told from G.
    exact : bool
        Whether fixed and random effects can fit every row, some of them without random effects to
        spare: then ML has no maximum, for its likelihood grows without bound as σ² goes to 0.
    """

    flat: Floats
    taken_up: Floats
    residual: bool
    exact: bool


def identification(rotated: Rotated, n: Ints) -> Identification:
    """Directions of G that data of this design leave unknown.

    Parameters
    ----------
    rotated : Rotated
        Of one sector; its y is not looked at.
    n : (J,)
        Rows of each cluster.

    Returns
    -------
    Identification
    """
    k = rotated.xy.shape[2] - 1
    return of_columns(rotated.K, rotated.xy[:, :, :k], rotated.rest[0, :k, :k], n, rotated.blocks)


def of_columns(K: Floats, x: Floats, rest: Floats, n: Ints, blocks: Ints) -> Identification:
    """Do as `identification` does, for K_j, x̃_j and X'X of the remainder, as in `Rotated`."""
    J, r, p = x.shape
    nothing = np.zeros((0, r, r))
    if surely_identified(K, n, p):
        return Identification(nothing, nothing, False, False)
    left = int(n.sum() - (np.diagonal(K, axis1=1, axis2=2) > 0).sum())  # rows beside the Z_j
    exact = left > 0 and left <= _rank(rest, np.einsum("jac,jac->c", x, x) + np.diag(rest))
    R = np.linalg.qr(K.transpose(0, 2, 1).reshape(J * r, r), mode="r") / np.sqrt(n.sum())
    K = np.linalg.solve(R.T, K)
    pairs = [(a, b) for b in range(r) for a in range(b, r)]
    free = [(a, b) for a, b in pairs if blocks[a] == blocks[b]]
    before, after = _information(K, x, rest, n, pairs)
    size = np.sqrt(np.where(np.diag(before) > 0, np.diag(before), 1.0))
    moved = np.zeros((len(pairs) + 1, len(free) + 1))  # (free elements, σ²) where `pairs` are
    for i, (a, b) in enumerate(free):
        direction = _symmetric(R[:, a], R[:, b])
        moved[:-1, i] = [direction[a, b] * (1 + (a != b)) for a, b in pairs]
    moved[-1, -1] = 1.0
    moved *= size[:, None]
    scale = np.outer(size, size)
    flat, residual = _among(moved, _null(before / scale), free, r)
    taken_up, _ = _among(moved, _null(after / scale), free, r)
    return Identification(flat, taken_up, residual, exact)


def _rank(gram: Floats, size: Floats) -> int:
    """Rank of what is left of columns by its cross-products, beside the squares of the whole."""
    root = np.sqrt(np.where(size > 0, size, 1.0))
    return int((np.linalg.eigvalsh(gram / np.outer(root, root)) > NULL).sum())


def surely_identified(K: Floats, n: Ints, p: int) -> bool:
    """Whether there are more clusters that tell everything than the p fixed effects."""
    return int(_telling(K, n)) > p


@kernel
def _telling(K: Floats, n: Ints) -> int:
    """Count the clusters with more rows than random effects whose Z_j has full rank."""
    J, r, _ = K.shape
    count = 0
    for j in range(J):
        full = n[j] > r
        for a in range(r):
            square = 0.0
            for c in range(r):
                square += K[j, a, c] * K[j, a, c]
            full = full and K[j, a, a] * K[j, a, a] > FULL * square
        count += full
    return count


def _information(
    K: Floats, x: Floats, rest: Floats, n: Ints, pairs: list[tuple[int, int]]
) -> tuple[Floats, Floats]:
    """Twice the information about (elements of G, σ²) in y, and in K'y; letters of Kenward-Roger.

    With V_j = I + K_j'K_j = LL', S = L⁻¹, T = SK' and U = S x̃ R⁻ᵀ, RR' = X'V⁻¹X,

        A_ab = (t_at_b' + t_bt_a')/2,   A_σ² = SS',
        tr(V⁻¹V_iV⁻¹V_l) = Σ tr A_iA_l,     less 2 Σ tr U'A_iA_lU, plus tr P_iP_l, P_i = Σ U'A_iU.
    """
    J, r, _ = x.shape
    S = np.linalg.inv(np.linalg.cholesky(np.eye(r) + K.transpose(0, 2, 1) @ K))
    T = S @ K.transpose(0, 2, 1)
    of_G = [_symmetric(T[:, :, a].T, T[:, :, b].T).transpose(2, 0, 1) for a, b in pairs]
    A = np.array([*of_G, S @ S.transpose(0, 2, 1)])
    before = np.einsum("ijab,ljab->il", A, A)
    before[-1, -1] += n.sum() - J * r
    x = S @ x
    XX = np.einsum("jac,jad->cd", x, x) + rest
    root = np.linalg.inv(np.linalg.cholesky(XX + 1e-14 * np.diag(np.diag(XX))))
    U, left = x @ root.T, root @ rest @ root.T
    AU = A @ U
    P = np.einsum("jac,ijad->icd", U, AU)
    P[-1] += left
    after = before - 2.0 * np.einsum("ijac,ljac->il", AU, AU) + np.einsum("icd,lcd->il", P, P)
    after[-1, -1] -= 2.0 * np.trace(left)
    return before, after


def _symmetric(a: Floats, b: Floats) -> Floats:
    """(ab' + ba')/2, over any further axes."""
    out: Floats = (a[:, None] * b[None, :] + b[:, None] * a[None, :]) / 2
    return out


def _null(information: Floats) -> Floats:
    """Basis of the null space, in columns."""
    values, vectors = np.linalg.eigh((information + information.T) / 2)
    out: Floats = vectors[:, values < NULL]
    return out


def _among(moved: Floats, null: Floats, free: list[tuple[int, int]], r: int) -> tuple[Floats, bool]:
    """Directions of the free elements of G that lie in a null space, and whether σ² takes part.

    Parameters
    ----------
    moved : (m, f + 1)
        Each free element, and σ², as a direction in the space of the null vectors.
    null : (m, q)
        Null vectors.
    """
    if not null.shape[1]:
        return np.zeros((0, r, r)), False
    length = np.linalg.norm(moved, axis=0)
    unit = moved / length
    _, values, turned = np.linalg.svd(unit - null @ (null.T @ unit), full_matrices=True)
    lying = turned[int((values > PART).sum()) :]
    out = np.zeros((len(lying), r, r))
    for direction, weights in zip(out, lying / length, strict=True):
        for (a, b), weight in zip(free, weights, strict=False):
            direction[a, b] += weight / 2
            direction[b, a] += weight / 2
    return out, bool(np.abs(lying[:, -1]).max(initial=0.0) > PART)
