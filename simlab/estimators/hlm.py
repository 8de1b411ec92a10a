"""The hierarchical linear model by REML: random intercept and slope, no context.

    y_ij = γ_0s + γ_1s x_ij + u_0j + u_1j x_ij + ε_ij,   Satterthwaite degrees of freedom.

Its slope is a mixture of β_W and β_B, closer to β_W than the pooled slope. The
weight of β_B has no closed form; `simlab.limits` computes it.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from simlab.estimators.base import (
    Estimates,
    Estimator,
    Known,
    Sample,
    contrasts,
)
from simlab.mixed.lines import fit_lines
from simlab.moments import Floats
from simlab.words import Status

WEIGHTS = np.eye(2)  # intercept, slope from (γ_0, γ_1)


def mixed_estimates(sample: Sample, weights: Floats, known: Known | None = None) -> Estimates:
    """Fit the mixed model and report weighted coefficients, (K, k) at x = 0, of each sector.

    With `known` variances, by generalised least squares; df are then infinite.
    """
    m, x0, y0 = sample.centred
    there = weights.copy()
    there[:, 1:] -= x0 * weights[:, :1]  # γ_0 is what it is at x0, less x0 (γ_1 + γ_2)
    L = contrasts(there, m.n_sectors)
    if known is not None:
        known = known._replace(G=_carried(known.G, x0))
    fits = fit_lines(m, L, known=known)
    estimate = fits.estimate + y0 * L[:, :, 0].sum(axis=1)
    with np.errstate(invalid="ignore"):
        std_error = np.sqrt(fits.variance)
    missing = np.asarray(~np.isfinite(std_error).all(axis=-1))
    estimate[missing] = std_error[missing] = np.nan  # an estimate without its error is none
    # A deviance that cannot be evaluated once is a model that these data do not identify.
    status = np.select(
        [fits.evaluations == -1, missing, fits.singular > 0],
        [Status.NOT_ESTIMABLE, Status.NOT_CONVERGED, Status.SINGULAR],
        Status.OK,
    ).astype(np.int8)
    df = fits.df if known is None else np.where(missing[:, None], np.nan, np.inf)
    dropped = np.zeros(len(status), dtype=np.int32)
    if known is not None:
        df = np.broadcast_to(df, fits.df.shape)
        return Estimates(estimate, std_error, df, status, dropped)
    G = _carried(fits.G, -x0)
    return Estimates(estimate, std_error, df, status, dropped, G, fits.sigma2)


def _carried(G: Floats, x: float) -> Floats:
    """Covariance (…, 2, 2) of (u_0 + x u_1, u_1)."""
    T = np.array([[1.0, x], [0.0, 1.0]])
    return T @ G @ T.T if x else G


METHOD = Estimator(
    name="hlm",
    kinds=("intercept", "slope"),
    estimand="beta_within",
    fit=partial(mixed_estimates, weights=WEIGHTS),
    mixed=True,
)
