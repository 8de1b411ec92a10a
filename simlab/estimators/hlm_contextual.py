"""The hierarchical linear model with the cluster mean as a contextual variable.

    y_ij = γ_0s + γ_1s x_ij + γ_2s x̄_j + u_0j + u_1j x_ij + ε_ij   (REML, Satterthwaite),

within effect γ_1, contextual effect γ_2, between effect γ_1 + γ_2.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from simlab.estimators.base import Estimator, none_between
from simlab.estimators.hlm import mixed_estimates

# intercept, slope (within), between, contextual from (γ_0, γ_1, γ_2)
WEIGHTS = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1]], dtype=float)


METHOD = Estimator(
    name="hlm_contextual",
    kinds=("intercept", "slope", "between", "contextual"),
    estimand="beta_within",
    fit=partial(mixed_estimates, weights=WEIGHTS),
    lambda_=none_between,
    mixed=True,
)
