"""Several models of one response, drawn together.

Whatever some models fit to the rows of cluster j, they look at y_j only in the
directions of the columns D_j of all their designs together, and at the length
of what is left. With D_j = Q_jR_j a response of any number of rows is

    e_j = Q_j'y_j  (d numbers),   Σ |y_j − Q_je_j|²  (one number for all clusters),

and normal responses are drawn as just these, exactly, at a cost that does not
depend on n_j. Every model then takes from e_j what it needs by an orthogonal
turn, so that all are fitted to the very same draw.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from simlab.mixed.many import Refits, Responses, View, refit_responses
from simlab.mixed.rotated import Rotated, allocate
from simlab.mixed.rows import reduce_rows
from simlab.moments import Floats, Ints

WORSE = 1e-6  # by which the deviance of the larger model may be above that of the smaller one


class Reduced(NamedTuple):
    """Clusters reduced to the d columns of all designs.

    Attributes
    ----------
    R : (J, d, d)
        D_j = Q_jR_j; rows beyond n_j are 0.
    n : (J,)
        Rows of each cluster.
    """

    R: Floats
    n: Ints

    @property
    def noise(self) -> Floats:
        """1 for every direction that a cluster has, 0 beyond its n_j; (J, d)."""
        d = self.R.shape[1]
        return (np.arange(d) < self.n[:, None]).astype(float)

    @property
    def df(self) -> float:
        """Rows less directions: degrees of freedom of the sum of squares that is left."""
        return float(self.n.sum() - self.noise.sum())


class Model(NamedTuple):
    """One model over reduced clusters.

    Attributes
    ----------
    rotated : Rotated
        Its data without a response.
    view : View
        How it takes a response from e.
    reml : bool
        Restricted likelihood or not.
    null : bool
        Whether it has no random effects: G is then held at 0, whatever Z is.
    offset : float
        What to add to its deviances so that those of models of one response compare.
    """

    rotated: Rotated
    view: View
    reml: bool
    null: bool
    offset: float


def reduce(D: Floats, y: Floats, cluster: Ints) -> tuple[Reduced, Responses]:
    """Reduce the rows of a data set, and its response as B = 1.

    Parameters
    ----------
    D : (N, d)
        The distinct columns of all designs.
    y : (N,)
        Response.
    cluster : (N,)
        Codes 0 … J−1.
    """
    R, e, rss, n = reduce_rows(D, y, cluster)
    return Reduced(R, n), Responses(e[None], np.array([rss.sum()]))


def reduce_line(n: Floats, x_mean: Floats, ss_x: Floats) -> Reduced:
    """Reduce clusters with D = [1, x] that are known by their moments, each (J,)."""
    R = np.zeros((len(n), 2, 2))
    root = np.sqrt(n)
    R[:, 0, 0], R[:, 0, 1], R[:, 1, 1] = root, root * x_mean, np.sqrt(ss_x)
    return Reduced(R, n.astype(np.int64))


def line_responses(n: Floats, y_mean: Floats, s_xy: Floats, ss_x: Floats, rss: Floats) -> Responses:
    """Reduce responses that are known by their moments, each (B, J) or, for x and n, (J,)."""
    root = np.sqrt(ss_x)
    slope = np.divide(s_xy, root, out=np.zeros_like(s_xy), where=root > 0)
    e = np.stack([np.sqrt(n) * y_mean, slope], axis=-1)
    return Responses(e, rss.sum(axis=-1))


def model(
    reduced: Reduced,
    X: Floats,
    Z: Floats,
    reml: bool,
    blocks: Ints | None = None,
    null: bool = False,
    axes: Floats | None = None,
) -> Model:
    """Say how a model sees reduced clusters.

    Parameters
    ----------
    reduced : Reduced
        The clusters.
    X, Z : (d, k), (d, r)
        Its fixed and random effects as combinations of the columns of D, r ≥ 1.
    reml : bool
        Restricted likelihood or not.
    blocks : (r,), optional
        Random effects with the same number are correlated; all, by default.
    null : bool
        Hold G at 0.
    axes : (r, r), optional
        As in `Rotated`; the random effects are the user's, by default.
    """
    k, r = X.shape[1], Z.shape[1]
    rotated = allocate(np.array([0, len(reduced.n)]), r, k, blocks)
    if axes is not None:
        rotated.axes[:] = axes
    x, z = reduced.R @ X, reduced.R @ Z
    # The clusters lack directions beyond n_j: rows of zeros, which a reflection leaves alone.
    Q, K = np.linalg.qr(z, mode="complete")
    turn = np.ascontiguousarray(Q.transpose(0, 2, 1))
    x_turned = turn @ x
    rotated.K[:] = K[:, :r].transpose(0, 2, 1)
    rotated.xy[:, :, :k] = x_turned[:, :r]
    x_left = x_turned.copy()
    x_left[:, :r] = 0.0
    rotated.rest[0, :k, :k] = np.einsum("jac,jad->cd", x_left, x_left)
    rotated.n_rows[0] = reduced.n.sum()
    return Model(rotated, View(turn, x_left), reml, null, 0.0)


def draw(rng: Generator, reduced: Reduced, loading: Floats, B: int) -> Responses:
    """Draw B responses y_j = Z_jΛv_j + ε_j, with v and ε standard normal.

    A fixed part and a scale are left to the caller: least squares and
    likelihoods carry both along.

    Parameters
    ----------
    rng : Generator
        The stream to draw from.
    reduced : Reduced
        The clusters.
    loading : (J, d, r)
        R_jZΛ; r = 0 without random effects.
    B : int
        How many.
    """
    J, d, r = loading.shape
    e = rng.standard_normal((B, J, d))
    e *= reduced.noise
    if r:
        e += np.einsum("jar,bjr->bja", loading, rng.standard_normal((B, J, r)))
    rss = rng.chisquare(reduced.df, B) if reduced.df > 0 else np.zeros(B)
    return Responses(e, rss)


def refit(model: Model, responses: Responses) -> Refits:
    """Fit a model to every response; deviances of one response then compare across models."""
    fits = refit_responses(model.rotated, model.view, responses, model.reml, model.null)
    return fits._replace(deviance=fits.deviance + model.offset)
