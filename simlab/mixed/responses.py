"""One model fitted to many responses of the same rows, in the compiled loop of `many`.

The rows are reduced to the d columns D̃ of the design, in the units of `units`, once for all. From
each response its pooled least squares fit is taken off by the QR decomposition X̃ = QR of all rows,
and the rest is scaled:

    y = Qg + s ỹ,   g = Q'y,   s² = |y − Qg|²/N,

so that γ̂ = A(R⁻¹g + sγ̃), G = s²B G̃ B', σ² = s²σ̃², as in `units`. The mean of y goes by itself where
there is an intercept. What is left is the likelihood of ỹ, which sees each cluster through Q_j'ỹ_j
and a sum of squares.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simlab.mixed.many import Responses, refit_responses
from simlab.mixed.optimum import SINGULAR, ZERO
from simlab.mixed.reduced import Model, Reduced, model
from simlab.mixed.rows import Sorted, reduce_responses, sort
from simlab.mixed.units import Frame, combined, loses_digits, standard
from simlab.moments import Floats, Ints
from simlab.products import Products

Bools = NDArray[np.bool_]

NOTHING = 1e-9
"""What the pooled fit leaves, of the largest y, below which it may be rounding."""


class Prepared(NamedTuple):
    """A design, reduced, for any number of responses.

    Attributes
    ----------
    frame : Frame
        Its columns in the engine's units.
    columns : (N, d)
        D̃, those of the frame as they are rotated.
    rows : Sorted
        Rows cluster by cluster.
    Q, back : (N, p), (p, p)
        Of the QR decomposition X̃ = QR, and AR⁻¹: Xγ = Qg for γ = AR⁻¹g.
    model : Model
        The model over the reduced clusters.
    """

    frame: Frame
    columns: Floats
    rows: Sorted
    Q: Floats
    back: Floats
    model: Model


class Fits(NamedTuple):
    """Fits of B responses, in the user's units.

    Attributes
    ----------
    gamma, std_error : (B, p)
        γ̂ and its standard errors.
    G : (B, r, r)
        Ĝ.
    sigma2 : (B,)
        σ̂².
    deviance : (B,)
        −2 log-likelihood (restricted, for REML).
    singular : (B,) bool
        Whether some combination of the random effects has almost no variance.
    sure : (B,) bool
        Whether the search ended at a minimum, in units that lose no digits; where not, a fit by
        itself may say more.
    """

    gamma: Floats
    std_error: Floats
    G: Floats
    sigma2: Floats
    deviance: Floats
    singular: Bools
    sure: Bools


def prepare(
    sums: Products, cluster: Ints, fixed: Ints, random: Ints, blocks: Ints, reml: bool
) -> Prepared:
    """Reduce a design.

    Parameters
    ----------
    sums : Products
        Of its columns D (N, d) and any response.
    cluster : (N,)
        Codes 0 … J−1.
    fixed, random : (p,), (r,)
        Columns of D that are X, and that are Z.
    blocks : (r,)
        Random effects with the same number are correlated.
    reml : bool
        Restricted likelihood or not.
    """
    frame = standard(sums, fixed, random, blocks)
    if frame is None:
        frame = combined(sums.D, sums.y, cluster, fixed, random, blocks)
    columns = (frame.D - frame.centre[:-1]) / frame.scale[:-1]
    Q, triangle = np.linalg.qr(columns[:, frame.fixed])
    Q, rows = np.ascontiguousarray(Q), sort(cluster)
    R = reduce_responses(columns, np.empty((len(Q), 0)), Q, False, rows).R
    one, n = np.eye(columns.shape[1]), rows.first[1:] - rows.first[:-1]
    X, Z = one[:, frame.fixed], one[:, frame.random]
    return Prepared(
        frame, columns, rows, Q, frame.A @ np.linalg.inv(triangle),
        model(Reduced(R, n), X, Z, reml, blocks, axes=frame.B),
    )  # fmt: skip


def fit_responses(prepared: Prepared, Y: Floats, largest: Floats) -> Fits:
    """Fit B responses, Y (N, B), all finite; `largest` (B,) has their largest absolute values."""
    frame, columns, rows, Q, back, made = prepared
    A, B, N = frame.A, frame.B, len(Y)
    mean, g, _, e, rss = reduce_responses(columns, Y, Q, frame.intercept >= 0, rows)
    s = np.sqrt((np.einsum("bjd,bjd->b", e, e) + rss) / N)
    residual = s > NOTHING * largest  # or else the fixed effects may explain y exactly
    s = np.where(residual, s, 1.0)
    e /= s[:, None, None]
    fits = refit_responses(made.rotated, made.view, Responses(e, rss / s**2), made.reml)
    ended = (fits.evaluations > 0) & np.isfinite(fits.deviance) & (fits.sigma2 > 0)
    sigma2 = np.where(ended, fits.sigma2, np.nan)
    gamma = g.T @ back.T + s[:, None] * fits.gamma @ A.T
    if frame.intercept >= 0:
        gamma[:, frame.intercept] += mean
    variance = sigma2[:, None] * np.einsum("pc,bcd,pd->bp", A, fits.phi, A)
    nu = N - (A.shape[1] if made.reml else 0)
    deviance = fits.deviance + 2 * nu * np.log(s)
    if made.reml:
        deviance -= 2 * float(np.linalg.slogdet(A)[1])
    delta = np.where(ended[:, None, None], fits.G / sigma2[:, None, None], 0.0)
    none = np.einsum("baa->ba", delta) < ZERO**2  # no variance but rounding
    own = np.where(none[:, :, None] | none[:, None, :], 0.0, fits.G)
    G = (s**2)[:, None, None] * (B @ own @ B.T)
    lost = loses_digits(np.sqrt(sigma2), fits.gamma)
    return Fits(
        gamma=gamma,
        std_error=s[:, None] * np.sqrt(variance),
        G=(G + G.transpose(0, 2, 1)) / 2,
        sigma2=s**2 * sigma2,
        deviance=deviance,
        singular=np.linalg.eigvalsh(delta)[:, 0] < SINGULAR**2,
        sure=residual & ended & ~lost,
    )
