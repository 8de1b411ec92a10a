"""The basis of the random effects that a search works with.

Any orthogonal combinations of the effects of a block will do. With a leading entry of Λ near 0 the
rows below it can turn against each other without changing G, a valley round which Newton's method
creeps: so the effects that vary most come first. Where they vary far more than σ, and nearly as
one, the small rest would be the difference of large numbers: then the effects are combined to the
principal axes of G.
"""

from __future__ import annotations

import numpy as np

from simlab.kernels import inner
from simlab.mixed.turning import is_large
from simlab.mixed.work import Work
from simlab.moments import Floats

ASKEW = 100.0  # an entry below the diagonal, of that on it or of 1, that calls for other axes
SWEEPS = 30  # of Jacobi's rotations, more than are ever made


@inner
def is_askew(Lambda: Floats) -> bool:
    """Whether a large row of Λ is far from the axes."""
    for a in range(1, len(Lambda)):
        for b in range(a):
            if abs(Lambda[a, b]) > ASKEW * max(abs(Lambda[a, a]), 1.0):
                return True
    return False


@inner
def pivot(Lambda: Floats, w: Work, room: Floats) -> bool:
    """Put the random effects that vary most first; say whether anything moved."""
    return _to_axes(Lambda, w) if is_large(Lambda) else _sort(Lambda, w, room)


@inner
def _rotate(a: int, b: int, cosine: float, sine: float, Lambda: Floats, w: Work) -> None:
    """Turn effects a and b: (c u_a + s u_b, c u_b − s u_a)."""
    K, basis = w.K, w.basis
    r, J = len(Lambda), K.shape[2]
    for c in range(r):
        near, far = Lambda[a, c], Lambda[b, c]
        Lambda[a, c], Lambda[b, c] = cosine * near + sine * far, cosine * far - sine * near
        near, far = basis[c, a], basis[c, b]
        basis[c, a], basis[c, b] = cosine * near + sine * far, cosine * far - sine * near
        for j in range(J):
            near, far = K[a, c, j], K[b, c, j]
            K[a, c, j], K[b, c, j] = cosine * near + sine * far, cosine * far - sine * near


@inner
def _to_axes(Lambda: Floats, w: Work) -> bool:
    """Turn to the principal axes of Δ in each block, by Jacobi's rotations of the rows of Λ."""
    r, moved = len(Lambda), False
    for _ in range(SWEEPS):
        turned = False
        for a in range(r):
            for b in range(a + 1, r):
                if w.blocks[a] != w.blocks[b]:
                    continue
                own = other = product = 0.0
                for c in range(r):
                    own += Lambda[a, c] * Lambda[a, c]
                    other += Lambda[b, c] * Lambda[b, c]
                    product += Lambda[a, c] * Lambda[b, c]
                if product * product <= 1e-28 * own * other and own >= other:
                    continue
                turned = moved = True
                angle = 0.5 * np.arctan2(2.0 * product, own - other)
                _rotate(a, b, np.cos(angle), np.sin(angle), Lambda, w)
        if not turned:
            break
    for a in range(r):
        square = 0.0
        for c in range(r):
            square += Lambda[a, c] * Lambda[a, c]
            Lambda[a, c] = 0.0
        Lambda[a, a] = np.sqrt(square)
    return moved


@inner
def _sort(Lambda: Floats, w: Work, room: Floats) -> bool:
    """Exchange effects of a block until the one that varies most comes first."""
    K, basis, blocks = w.K, w.basis, w.blocks
    r, J, moved = len(Lambda), K.shape[2], False
    for a in range(r):
        for b in range(a + 1, r):
            if blocks[a] != blocks[b]:
                continue
            size_a = size_b = 0.0
            for c in range(r):
                for j in range(J):
                    size_a += K[a, c, j] * K[a, c, j]
                    size_b += K[b, c, j] * K[b, c, j]
            g_a = g_b = 0.0
            for c in range(r):
                g_a += Lambda[a, c] * Lambda[a, c]
                g_b += Lambda[b, c] * Lambda[b, c]
            if size_b * g_b > size_a * g_a:
                moved = True
                for c in range(r):
                    Lambda[a, c], Lambda[b, c] = Lambda[b, c], Lambda[a, c]
                    basis[c, a], basis[c, b] = basis[c, b], basis[c, a]
                    for j in range(J):
                        K[a, c, j], K[b, c, j] = K[b, c, j], K[a, c, j]
    if moved:  # triangular again
        for a in range(r):
            for b in range(a + 1):
                room[a, b] = 1e-4 * (Lambda[a, a] * Lambda[a, a]) if a == b else 0.0
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
def keep_root(w: Work, root: Floats) -> None:
    """Write a root of Δ for the random effects as the data have them."""
    for a in range(len(root)):
        for b in range(len(root)):
            root[a, b] = 0.0
            for e in range(b, len(root)):
                root[a, b] += w.basis[a, e] * w.Lambda[e, b]


@inner
def take_root(root: Floats, basis: Floats, Lambda: Floats) -> None:
    """Write a lower triangular root of the same Δ, for the effects in a basis.

    Columns are turned in pairs, so that nothing is squared. A row of zeros leaves its column to
    the rows below it, and in the end empty.
    """
    r = len(root)
    for a in range(r):
        for b in range(r):
            Lambda[a, b] = 0.0
            for e in range(r):
                Lambda[a, b] += basis[e, a] * root[e, b]
    for a in range(r):
        for c in range(r):
            if c == a or (c < a and Lambda[c, c] != 0.0) or Lambda[a, c] == 0.0:
                continue
            length = np.hypot(Lambda[a, a], Lambda[a, c])
            cosine, sine = Lambda[a, a] / length, Lambda[a, c] / length
            for b in range(a, r):
                near, far = Lambda[b, a], Lambda[b, c]
                Lambda[b, a], Lambda[b, c] = cosine * near + sine * far, cosine * far - sine * near
            Lambda[a, c] = 0.0
