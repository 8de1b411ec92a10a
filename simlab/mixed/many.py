"""One model fitted again and again: to new responses, or to other draws of its clusters.

A bootstrap, a Monte Carlo p-value and a jackknife are loops of this kind. The
loop is compiled, and releases the GIL; a single fit is a loop of one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.kernels import compiled, inner, kernel
from simlab.kernels.records import reference
from simlab.mixed.minima import global_search
from simlab.mixed.newton import EVALUATE, SEARCH
from simlab.mixed.rotated import Rotated, allocate
from simlab.mixed.starts import ONCE, restarts_for
from simlab.mixed.work import Work, allocate_work
from simlab.moments import Floats, Ints

FREE, NULL = SEARCH, EVALUATE
"""G estimated, or held at 0: then the fixed effects and σ² alone are estimated."""


class Responses(NamedTuple):
    """B responses of clusters that stay as they are, reduced as `Reduced` has it.

    Attributes
    ----------
    e : (B, J, d)
        Q_j'y_j, 0 in directions that cluster j lacks.
    rss : (B,)
        Sum of squares of y orthogonal to all the Q_j.
    """

    e: Floats
    rss: Floats


class View(NamedTuple):
    """View of a model on the reduced clusters.

    Attributes
    ----------
    turn : (J, d, d)
        Orthogonal. The first r entries of turn·e are ỹ_j, the others belong to the remainder.
    x_left : (J, d, k)
        x̃ of the remainder, in rows r … d−1.
    """

    turn: Floats
    x_left: Floats


class Pool(NamedTuple):
    """Clusters to draw from: as in `Rotated`, with the remainder and the rows of each.

    Attributes
    ----------
    chosen : (B, J')
        Which J' of the J clusters make each data set.
    K, xy, rest, n : (J, r, r), (J, r, k + 1), (J, k + 1, k + 1), (J,)
        The clusters.
    """

    chosen: Ints
    K: Floats
    xy: Floats
    rest: Floats
    n: Floats


class Refits(NamedTuple):
    """B fits of one model, in the engine's units; NaN where a fit failed.

    Attributes
    ----------
    deviance, sigma2 : (B,)
        −2 log-likelihood and σ̂².
    gamma, phi : (B, k), (B, k, k)
        γ̂, and Var(γ̂) = σ̂²Φ.
    G : (B, r, r)
        Ĝ.
    evaluations : (B,)
        Of the deviance, negative without convergence.
    """

    deviance: Floats
    sigma2: Floats
    gamma: Floats
    phi: Floats
    G: Floats
    evaluations: Ints


def _no_responses() -> Responses:
    return Responses(np.empty((0, 0, 0)), np.empty(0))


def _no_view() -> View:
    return View(np.empty((0, 0, 0)), np.empty((0, 0, 0)))


def _no_pool() -> Pool:
    empty = np.empty((0, 0, 0))
    return Pool(np.empty((0, 0), dtype=np.int64), empty, empty, empty, np.empty(0))


def _room(B: int, r: int, k: int) -> Refits:
    return Refits(
        np.full(B, np.nan), np.full(B, np.nan), np.full((B, k), np.nan),
        np.full((B, k, k), np.nan), np.full((B, r, r), np.nan), np.zeros(B, dtype=np.int64),
    )  # fmt: skip


@inner
def _respond(view: View, e: Floats, rss: float, rotated: Rotated) -> None:
    """Put a response in the place of ỹ and of y in the remainder."""
    xy, turn, x_left = rotated.xy, view.turn, view.x_left
    J, r, k1 = xy.shape
    k, d, rest = k1 - 1, e.shape[1], rotated.rest[0]
    for c in range(k):
        rest[c, k] = rest[k, c] = 0.0
    rest[k, k] = rss
    for j in range(J):
        for a in range(d):
            value = 0.0
            for b in range(d):
                value += turn[j, a, b] * e[j, b]
            if a < r:
                xy[j, a, k] = value
                continue
            rest[k, k] += value * value
            for c in range(k):
                rest[k, c] += x_left[j, a, c] * value
    for c in range(k):
        rest[c, k] = rest[k, c]


@inner
def _draw_clusters(pool: Pool, chosen: Ints, rotated: Rotated) -> None:
    """Put the chosen clusters in the place of all."""
    K, xy, rest = rotated.K, rotated.xy, rotated.rest[0]
    all_K, all_xy, all_rest = pool.K, pool.xy, pool.rest
    J, r, k1 = xy.shape
    rotated.n_rows[0] = 0.0
    for a in range(k1):
        for c in range(k1):
            rest[a, c] = 0.0
    for j in range(J):
        i = chosen[j]
        rotated.n_rows[0] += pool.n[i]
        for a in range(r):
            for c in range(r):
                K[j, a, c] = all_K[i, a, c]
            for c in range(k1):
                xy[j, a, c] = all_xy[i, a, c]
        for a in range(k1):
            for c in range(k1):
                rest[a, c] += all_rest[i, a, c]


@kernel
def _fit(
    rotated: Rotated, reml: bool, w: Work, G: Floats, mode: int, restarts: int,
    responses: Responses, view: View, pool: Pool, out: Refits,
) -> int:  # fmt: skip
    """Fit the data as they are, or to every response, or to every draw of clusters."""
    B, evaluations = len(out.deviance), 0
    rotated, w = reference(rotated), reference(w)
    responses, view, pool, out = (
        reference(responses),
        reference(view),
        reference(pool),
        reference(out),
    )
    r, k = rotated.K.shape[1], w.gamma.shape[1]
    for b in range(max(B, 1)):  # one call of what takes long to compile
        if len(responses.rss) > 0:
            _respond(view, responses.e[b], responses.rss[b], rotated)
        elif B > 0:
            _draw_clusters(pool, pool.chosen[b], rotated)
        evaluations = global_search(rotated, reml, mode, restarts, w, G)
        if B == 0:
            break
        out.evaluations[b] = evaluations
        if evaluations < 0:
            continue
        out.deviance[b], out.sigma2[b] = w.value[0], w.sigma2[0]
        for a in range(k):
            out.gamma[b, a] = w.gamma[0, a]
            for c in range(k):
                out.phi[b, a, c] = w.phi[0, a, c]
        for a in range(r):
            for c in range(r):
                out.G[b, a, c] = G[a, c]
    return evaluations


def minimise(rotated: Rotated, reml: bool, w: Work, G: Floats, mode: int, restarts: int) -> int:
    """Minimise the deviance of one data set; `w` is left at the minimum.

    Fisher scoring in Δ first: for balanced data it arrives in one step, from
    anywhere. Then Newton in Λ, shortened where a step does not descend.

    Parameters
    ----------
    rotated, reml, w
        See `deviance`. In `w` the random effects are those of `w.basis`.
    G : (r, r)
        Receives the minimiser, σ̂²ΛΛ', in their own order.
    mode : int
        SEARCH; or DERIVE, which only evaluates at the Λ in `w.trial`, with the
        deviance left in `w.value`.
    restarts : int
        When to search again where there might be several minima: UNLESS_SETTLED or ALWAYS, which
        `starts.restarts_for` says; ONCE from a moment estimate; FROM_TRIAL once from the Λ in
        `w.trial`.

    Returns
    -------
    int
        Number of evaluations in all, negative when it did not converge. After a SEARCH
        `w.trial` holds Λ of the random effects as the data have them.
    """
    return _fit(rotated, reml, w, G, mode, restarts, *_NOTHING)


_NOTHING = (_no_responses(), _no_view(), _no_pool(), _room(0, 0, 0))


def refit_responses(
    rotated: Rotated, view: View, responses: Responses, reml: bool, null: bool = False
) -> Refits:
    """Fit a model to every response.

    Parameters
    ----------
    rotated : Rotated
        The model's data; what it holds of y is not used, and nothing of it is changed.
    view : View
        How it sees the reduced clusters.
    responses : Responses
        B of them.
    reml : bool
        Restricted likelihood or not.
    null : bool
        Hold G at 0.

    Returns
    -------
    Refits
    """
    _, r, k1 = rotated.xy.shape
    own = rotated._replace(xy=rotated.xy.copy(), rest=rotated.rest.copy())
    out = _room(len(responses.rss), r, k1 - 1)
    if len(out.deviance):
        mode, restarts = (NULL, ONCE) if null else (FREE, restarts_for(rotated))
        _run(own, reml, mode, restarts, responses, view, _no_pool(), out)
    return out


def refit_clusters(rotated: Rotated, rest: Floats, n: Ints, chosen: Ints, reml: bool) -> Refits:
    """Fit a model to other draws of its clusters.

    Parameters
    ----------
    rotated : Rotated
        The model's data, of one sector.
    rest : (J, k + 1, k + 1)
        Each cluster's cross-products of [X y] orthogonal to Z_j.
    n : (J,)
        Rows of each cluster.
    chosen : (B, J')
        The clusters of each data set; one that is drawn twice counts as two.
    reml : bool
        Restricted likelihood or not.

    Returns
    -------
    Refits
    """
    _, r, k1 = rotated.xy.shape
    B, J = chosen.shape
    own = allocate(np.array([0, J]), r, k1 - 1, rotated.blocks)._replace(axes=rotated.axes)
    pool = Pool(
        np.ascontiguousarray(chosen), rotated.K, rotated.xy,
        np.ascontiguousarray(rest), n.astype(float),
    )  # fmt: skip
    out = _room(B, r, k1 - 1)
    if B:
        _run(own, reml, FREE, restarts_for(rotated), _no_responses(), _no_view(), pool, out)
    return out


def _run(
    rotated: Rotated, reml: bool, mode: int, restarts: int,
    responses: Responses, view: View, pool: Pool, out: Refits,
) -> None:  # fmt: skip
    r = rotated.K.shape[1]
    w, G = allocate_work(rotated), np.zeros((r, r))
    w.trial[:] = 0.0
    with compiled():
        _fit(rotated, reml, w, G, mode, restarts, responses, view, pool, out)
