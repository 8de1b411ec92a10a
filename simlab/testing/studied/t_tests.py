"""t tests of the slope γ_1 = 0 in a model by REML, with a choice of degrees of freedom.

t = γ̂_1/SE   to the normal law (Wald), to Student's t with Satterthwaite's degrees of freedom,
and with the standard error and the degrees of freedom of Kenward & Roger.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy import special

from simlab.mixed.kenward_roger import kenward_roger, kr_df
from simlab.mixed.many import Responses
from simlab.mixed.optimum import optimise
from simlab.mixed.reduced import Model
from simlab.mixed.rotated import Rotated
from simlab.mixed.satterthwaite import variances
from simlab.words import PValue

T_TESTS: Final[tuple[PValue, ...]] = ("wald", "satterthwaite", "kenward_roger")
SLOPE = np.array([[0.0, 1.0]])


def t_tests(rotated: Rotated) -> dict[PValue, float]:
    """Two-sided p-values of γ_1 = 0; NaN where the search did not end."""
    optimum = optimise(rotated, reml=True)
    if optimum.evaluations < 0:
        return dict.fromkeys(T_TESTS, np.nan)
    estimate, variance, df = np.empty(1), np.empty(1), np.empty(1)
    variances(SLOPE[None], optimum.work, optimum.nu, estimate, variance, df)
    adjustment = kenward_roger(optimum)
    adjusted, kr = float(adjustment.adjusted[1, 1]), float(kr_df(adjustment, SLOPE)[0])
    gamma, own = float(estimate[0]), float(variance[0])
    return {
        "wald": _p_value(gamma, own, np.inf),
        "satterthwaite": _p_value(gamma, own, float(df[0])),
        "kenward_roger": _p_value(gamma, adjusted, kr),
    }


def _p_value(estimate: float, variance: float, df: float) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):  # no row is left over: no p-value
        t = -abs(estimate) / np.sqrt(variance)
    return float(2 * (special.ndtr(t) if np.isinf(df) else special.stdtr(df, t)))


def respond(model: Model, observed: Responses) -> Rotated:
    """Put one response into the clusters of a model."""
    rotated, r = model.rotated, model.rotated.K.shape[1]
    k = rotated.xy.shape[2] - 1
    turned = np.einsum("jab,jb->ja", model.view.turn, observed.e[0])
    xy, rest = rotated.xy.copy(), rotated.rest.copy()
    xy[:, :, k] = turned[:, :r]
    turned[:, :r] = 0.0
    rest[0, :k, k] = rest[0, k, :k] = np.einsum("jac,ja->c", model.view.x_left, turned)
    rest[0, k, k] = observed.rss[0] + (turned**2).sum()
    return rotated._replace(xy=xy, rest=rest)
