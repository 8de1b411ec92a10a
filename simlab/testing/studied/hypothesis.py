"""Hypotheses of a study: two models of y by x, and whether the smaller one is true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simlab.mixed.reduced import Model, Reduced, model
from simlab.population import Plan
from simlab.testing.likelihood_ratio import Restriction
from simlab.testing.studied.t_tests import T_TESTS
from simlab.words import PValue


class Effects(NamedTuple):
    """A model of y, by how many leading columns of [1 x] are its effects."""

    fixed: int  # 2 for y ~ x
    random: int  # 1 for (1 | cluster), 2 for (1 + x | cluster); 0 for a linear model

    @property
    def entries(self) -> int:
        """Variances and covariances of its random effects."""
        return self.random * (self.random + 1) // 2


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A null hypothesis that a study can test, as the registry holds it."""

    name: str  # as written in configurations
    null: Effects  # has one random effect at most
    alternative: Effects
    reml: bool  # whether the models are compared by their restricted likelihood
    # whether the null hypothesis is true in a population, of the parameter that is tested; that the
    # rest of the model is right is not asked
    holds: Callable[[Plan], bool]

    @property
    def restriction(self) -> Restriction:
        """Parameters that the alternative has more."""
        fixed = self.alternative.fixed - self.null.fixed
        df = fixed + self.alternative.entries - self.null.entries
        return Restriction(df, fixed, self.alternative.random - self.null.random)

    @property
    def kinds(self) -> tuple[PValue, ...]:
        """Kinds of p-value that there are."""
        if self.restriction.fixed_only:
            return ("chi2", *T_TESTS, "simulated")
        if self.null.random:
            return ("chi2", "mixture", "simulated")
        return ("chi2", "mixture", "exact", "simulated")

    def models(self, reduced: Reduced) -> tuple[Model, Model]:
        """Return null model and alternative over the clusters of a replicate."""
        D, linear = np.eye(2), not self.null.random
        null, large = self.null, self.alternative
        Z = D[:, : large.random if linear else null.random]
        return (
            model(reduced, D[:, : null.fixed], Z, self.reml, null=linear),
            model(reduced, D[:, : large.fixed], D[:, : large.random], self.reml),
        )
