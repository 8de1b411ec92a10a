"""From rows to rotated clusters, in the units of `units`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.kernels import inner, kernel, loop
from simlab.mixed.identification import Identification, identification
from simlab.mixed.rotated import Rotated, allocate
from simlab.mixed.units import About, Units, combined, pooled, standard, turned
from simlab.moments import Floats, Ints
from simlab.products import Products, products

DEGENERATE = 1e-12  # of a column's length: what is left below it, given those before, is rounding


class Sorted(NamedTuple):
    """Rows cluster by cluster: cluster j has ``rows[first[j]:first[j + 1]]``."""

    rows: Ints
    first: Ints


def sort(cluster: Ints) -> Sorted:
    """Sort rows by cluster, stably; (N,) codes 0 … J−1, each of which occurs."""
    rows, first = np.empty(len(cluster), np.int64), np.zeros(int(cluster.max()) + 2, np.int64)
    _sort(cluster, rows, first)
    return Sorted(rows, first)


@kernel
def _sort(cluster: Ints, rows: Ints, first: Ints) -> None:
    """Fill `rows` and `first`, which is 0: count, then put each row behind those before it."""
    J = first.size - 1
    for i in range(cluster.size):
        first[cluster[i]] += 1
    end = cluster.size
    for j in range(J, -1, -1):
        end -= first[j]
        first[j] = end
    for i in range(cluster.size):
        j = cluster[i]
        rows[first[j]] = i
        first[j] += 1
    for j in range(J, 0, -1):
        first[j] = first[j - 1]
    first[0] = 0


@inner
def _reflect(E: Floats, n: int, step: int, width: int, dot: Floats) -> float:
    """Householder: zero column `step` below its diagonal in n rows; apply to columns after it."""
    square = 0.0
    for i in range(step, n):
        square += E[i, step] * E[i, step]
    diagonal = np.sqrt(square)
    if E[step, step] > 0.0:
        diagonal = -diagonal
    v = E[step, step] - diagonal  # the reflection's vector is (v, E[step + 1:, step])
    norm = 0.5 * (square - E[step, step] * E[step, step] + v * v)
    for c in range(step + 1, width):
        dot[c] = v * E[step, c]
    for i in range(step + 1, n):
        for c in range(step + 1, width):
            dot[c] += E[i, step] * E[i, c]
    for c in range(step + 1, width):
        dot[c] /= norm
        E[step, c] -= dot[c] * v
    for i in range(step + 1, n):
        for c in range(step + 1, width):
            E[i, c] -= dot[c] * E[i, step]
    return float(diagonal)


@kernel
def _rotate(
    D: Floats, y: Floats, sorted_rows: Ints, first: Ints, centre: Floats, scale: Floats,
    pilot: Floats, columns: Ints, fixed: Ints, r: int,
    E: Floats, K: Floats, xy: Floats, rest: Floats,
) -> None:  # fmt: skip
    """Fill K, xy and rest of every cluster; see `rotate_rows`.

    E holds one cluster: its columns of D̃ in the order `columns`, the r random
    ones first, then y. `fixed` says which of E's columns are X.
    """
    d, k, last = columns.size, fixed.size, D.shape[1]
    dot = np.empty(d + 1)
    for j in range(first.size - 1):
        n = first[j + 1] - first[j]
        for i in range(n):
            row = sorted_rows[first[j] + i]
            value = y[row] - centre[last]
            for a in range(d):
                c = columns[a]
                E[i, a] = (D[row, c] - centre[c]) / scale[c]
                value -= pilot[a] * E[i, a]
            E[i, d] = value / scale[last]
        for a in range(r):
            for c in range(r):
                K[j, a, c] = 0.0
            for c in range(k + 1):
                xy[j, a, c] = 0.0
        used = 0
        for a in range(min(r, n)):
            whole = left = 0.0
            for i in range(n):
                if i < a:
                    whole += E[i, a] * E[i, a]
                else:
                    left += E[i, a] * E[i, a]
            used = a + 1
            for i in range(a):
                K[j, a, i] = E[i, a]
            if left > DEGENERATE * DEGENERATE * (whole + left):
                diagonal = _reflect(E, n, a, d + 1, dot)
                K[j, a, a] = diagonal
        for a in range(used, r):  # fewer rows than random effects
            for i in range(n):
                K[j, a, i] = E[i, a]
        for a in range(used):
            for c in range(k):
                e = fixed[c]
                xy[j, a, c] = K[j, e, a] if e < r else E[a, e]
            xy[j, a, k] = E[a, d]
            if K[j, a, a] < 0.0:  # a positive diagonal
                for c in range(r):
                    K[j, c, a] = -K[j, c, a]
                for c in range(k + 1):
                    xy[j, a, c] = -xy[j, a, c]
        for a in range(k + 1):
            for c in range(a + 1):
                value = 0.0
                e, f = (fixed[a] if a < k else d), fixed[c] if c < k else d
                if e >= r and f >= r:
                    for i in range(used, n):
                        value += E[i, e] * E[i, f]
                rest[j, a, c] = rest[j, c, a] = value


class Clusters(NamedTuple):
    """Rotated clusters, and the remainder of each of them.

    Attributes
    ----------
    rotated : Rotated
        One sector, in the engine's units.
    rest : (J, k + 1, k + 1)
        Cross-products of [X̃ ỹ] orthogonal to Z_j; `rotated.rest` is their sum.
    n : (J,)
        Rows of each cluster.
    units : Units
        The way back.
    pilot : (k,)
        The fit that was taken off y: Xb = X̃ pilot, but for the mean of y.
    shared : (k,)
        Which column of Z̃ is this one of X̃; −1 where none is.
    identification : Identification
        What the design leaves unknown of G.
    """

    rotated: Rotated
    rest: Floats
    n: Ints
    units: Units
    pilot: Floats
    shared: Ints
    identification: Identification


def rotate_rows(
    D: Floats, y: Floats, cluster: Ints, fixed: Ints, random: Ints, blocks: Ints | None = None,
    about: About | None = None, sums: Products | None = None,
) -> Clusters:  # fmt: skip
    """Rotate the rows of a data set, at a cost of a few passes.

    Parameters
    ----------
    D : (N, d)
        The distinct columns of [X Z].
    y : (N,)
        Response.
    cluster : (N,)
        Codes 0 … J−1.
    fixed, random : (p,), (r,)
        Columns of D that are X, and that are Z.
    blocks : (r,), optional
        Random effects with the same number are correlated; all, by default.
    about : About, optional
        A fit of the same rows, in the units that they have without it.
    sums : Products, optional
        Of the columns of [D y], where they are known.

    Returns
    -------
    Clusters
    """
    blocks = np.zeros(len(random), dtype=np.int64) if blocks is None else blocks
    if sums is None or sums.D is not D or sums.y is not y:
        sums = products(D, y)
    frame = standard(sums, fixed, random, blocks)
    if frame is None:
        frame = combined(D, y, cluster, fixed, random, blocks)
        sums = products(frame.D, y)
    axes = None if about is None else about.axes
    if axes is not None:
        frame = turned(frame, axes)
        sums = products(frame.D, y)
    fixed, random = frame.fixed, frame.random
    centre, scale = frame.centre, frame.scale
    chosen = list(dict.fromkeys([*random.tolist(), *fixed.tolist()]))
    place = {c: a for a, c in enumerate(chosen)}
    places = [place[c] for c in fixed.tolist()]
    columns, in_E = np.array(chosen, dtype=np.int64), np.array(places, dtype=np.int64)
    if about is None:
        b, s_y = pooled(sums.cross, sums.mean - centre, len(y), scale, fixed)
    else:
        b, s_y = about.b, about.s_y
    pilot = np.zeros(len(columns))
    pilot[in_E] = b
    rows, first = sort(cluster)
    n = first[1:] - first[:-1]
    r, k = len(random), len(fixed)
    out = allocate(np.array([0, len(n)]), r, k, blocks.copy())
    out.axes[:] = frame.B
    rest = np.empty((len(n), k + 1, k + 1))
    scale[-1] = s_y
    _rotate(
        frame.D, y, rows, first, centre, scale, pilot, columns, in_E, r,
        np.empty((int(n.max()), len(columns) + 1)), out.K, out.xy, rest,
    )  # fmt: skip
    out.rest[0] = rest.sum(axis=0)
    out.n_rows[0] = len(y)
    user_b = frame.A @ b
    if frame.intercept >= 0:
        user_b[frame.intercept] += centre[-1]
    shared = np.array([a if a < r else -1 for a in places], dtype=np.int64)
    units = Units(frame.A, frame.B, user_b, s_y)
    return Clusters(out, rest, n, units, b, shared, identification(out, n))


def reduce_rows(D: Floats, y: Floats, cluster: Ints) -> tuple[Floats, Floats, Floats, Ints]:
    """Triangular factor of each cluster's D_j = Q_jR_j, and the response in its directions.

    Parameters
    ----------
    D : (N, d)
        Any columns.
    y : (N,)
        Response.
    cluster : (N,)
        Codes 0 … J−1.

    Returns
    -------
    R, e, rss, n : (J, d, d), (J, d), (J,), (J,)
        R_j, Q_j'y_j, the sum of squares of y_j orthogonal to Q_j, and n_j; entries beyond
        n_j are 0.
    """
    d = D.shape[1]
    rows, first = sort(cluster)
    n = np.diff(first)
    J = len(n)
    K, xy, rest = np.empty((J, d, d)), np.empty((J, d, 1)), np.empty((J, 1, 1))
    columns, zero, one = np.arange(d), np.zeros(d + 1), np.ones(d + 1)
    _rotate(
        D, y, rows, first, zero, one, np.zeros(d), columns, columns[:0], d,
        np.empty((int(n.max()), d + 1)), K, xy, rest,
    )  # fmt: skip
    return np.ascontiguousarray(K.transpose(0, 2, 1)), xy[:, :, 0].copy(), rest[:, 0, 0].copy(), n


@loop
def _reduce(
    D: Floats, Y: Floats, Q: Floats, centred: bool, sorted_rows: Ints, first: Ints, E: Floats,
    mean: Floats, g: Floats, R: Floats, e: Floats, rss: Floats,
) -> None:  # fmt: skip
    """Fill `ReducedResponses`, which are 0. E holds one cluster: D_j beside Y_j."""
    d, (N, B), p = D.shape[1], Y.shape, Q.shape[1]
    dot = np.empty(d + B)
    if centred:
        for i in range(N):
            for b in range(B):
                mean[b] += Y[i, b]
        for b in range(B):
            mean[b] /= N
    for i in range(N):
        for a in range(p):
            for b in range(B):
                g[a, b] += Q[i, a] * (Y[i, b] - mean[b])
    for j in range(first.size - 1):
        n = first[j + 1] - first[j]
        for i in range(n):
            row = sorted_rows[first[j] + i]
            for a in range(d):
                E[i, a] = D[row, a]
            for b in range(B):
                E[i, d + b] = Y[row, b] - mean[b]
            for a in range(p):
                for b in range(B):
                    E[i, d + b] -= Q[row, a] * g[a, b]
        used = min(d, n)
        for a in range(used):
            whole = left = 0.0
            for i in range(n):
                if i < a:
                    whole += E[i, a] * E[i, a]
                    R[j, i, a] = E[i, a]
                else:
                    left += E[i, a] * E[i, a]
            if left > DEGENERATE * DEGENERATE * (whole + left):
                R[j, a, a] = _reflect(E, n, a, d + B, dot)
        for a in range(used, d):  # fewer rows than columns
            for i in range(n):
                R[j, i, a] = E[i, a]
        for i in range(used):
            for b in range(B):
                e[b, j, i] = E[i, d + b]
        for i in range(used, n):
            for b in range(B):
                rss[b] += E[i, d + b] * E[i, d + b]


class ReducedResponses(NamedTuple):
    """B responses less their pooled fit, Y − mean − Qg, reduced to d columns of each cluster.

    Attributes
    ----------
    mean, g : (B,), (p, B)
        What was taken off.
    R : (J, d, d)
        R_j of D_j = Q_jR_j, whose diagonal may have any sign; rows beyond n_j are 0.
    e : (B, J, d)
        What is left of y_j in the directions of Q_j, 0 in those beyond n_j.
    rss : (B,)
        Its sum of squares orthogonal to all Q_j.
    """

    mean: Floats
    g: Floats
    R: Floats
    e: Floats
    rss: Floats


def reduce_responses(
    D: Floats, Y: Floats, Q: Floats, centred: bool, sorted_rows: Sorted
) -> ReducedResponses:
    """Do as `reduce_rows` does, for B responses at once, less their pooled fit.

    Parameters
    ----------
    D : (N, d)
        Any columns.
    Y : (N, B)
        Responses.
    Q : (N, p)
        Orthonormal columns, whose fit is taken off.
    centred : bool
        Whether the means are taken off first.
    sorted_rows : Sorted
        Rows cluster by cluster.
    """
    d, B, p = D.shape[1], Y.shape[1], Q.shape[1]
    rows, first = sorted_rows
    J, most = len(first) - 1, int((first[1:] - first[:-1]).max())
    out = ReducedResponses(
        np.zeros(B), np.zeros((p, B)), np.zeros((J, d, d)), np.zeros((B, J, d)), np.zeros(B)
    )
    _reduce(D, Y, Q, centred, rows, first, np.empty((most, d + B)), *out)
    return out
