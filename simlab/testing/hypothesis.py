"""What a null model says of an alternative, and what that does to the likelihood ratio."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.fitting.anova import IN_SPAN, combination
from simlab.fitting.result import MixedFit
from simlab.moments import Floats
from simlab.testing.exceedance import TIE

SHOWN = 4  # parameters that are listed by name

Mixture = tuple[tuple[float, int], ...]


class Hypothesis(NamedTuple):
    """A null model inside an alternative.

    Attributes
    ----------
    null : MixedFit
        If `linear`, with G = 0.
    linear : bool
        Whether the null model has no random effects.
    alternative : MixedFit
        Of the same rows, by the same method.
    """

    null: MixedFit
    linear: bool
    alternative: MixedFit

    @property
    def gain(self) -> float:
        """D₀ − D₁, how much better the alternative fits; below 0 only if its search failed."""
        return self.null.deviance - self.alternative.deviance

    @property
    def statistic(self) -> float:
        """Likelihood-ratio statistic T, which is the gain; 0 where that is rounding."""
        return self.gain if self.gain > TIE else 0.0

    @property
    def null_random(self) -> tuple[str, ...]:
        """Random effects of the null model."""
        return () if self.linear else self.null.design.random_names

    @property
    def df(self) -> int:
        """Parameters that the alternative has more."""
        null = len(self.null.gamma) + 1 if self.linear else self.null.npar
        return self.alternative.npar - null

    @property
    def q(self) -> int:
        """Fixed effects that the alternative has more."""
        return len(self.alternative.gamma) - len(self.null.gamma)

    @property
    def added(self) -> int:
        """Random effects that the alternative has more."""
        return len(self.alternative.design.random) - len(self.null_random)

    @property
    def fixed_only(self) -> bool:
        """Whether the models differ in their fixed effects alone."""
        return self.df == self.q

    @property
    def mixture(self) -> Mixture:
        """Chi-bar-square law of T with many clusters, as (weight, df); empty where there is none.

        One random effect more, with its covariances and q fixed effects, makes df parameters of
        which one, a variance, is at its boundary and the others are free: what T measures is the
        distance from a half-space, ½χ²(df − 1) + ½χ²(df) (Self & Liang 1987, JASA 82:605, case 6;
        Stram & Lee 1994, Biometrics 50:1171, case 2). Nothing at a boundary is χ²(df) itself.
        With more variances at the boundary the weights depend on the design.
        """
        return ((0.5, self.df - 1), (0.5, self.df)) if self.added == 1 else ()

    @property
    def new_effect(self) -> int | None:
        """Place among the random effects of the alternative of the one that is added, if it is one.

        None also if the null model's random effects are combinations of all of them.
        """
        if self.added != 1:
            return None
        Z = self.alternative.design.Z
        C = None if self.linear else combination(self.null.design.Z, Z)
        unused = [a for a in range(Z.shape[1]) if C is None or np.abs(C[a]).max() <= IN_SPAN]
        return unused[0] if len(unused) == 1 else None

    @property
    def contrasts(self) -> Floats:
        """L, (q, p), with Lγ = 0 where the null model holds: X₀ = XC, and LC = 0."""
        X = self.alternative.design.X
        C = combination(self.null.design.X, X)
        assert C is not None
        L: Floats = np.linalg.svd(C)[0][:, C.shape[1] :].T * np.linalg.norm(X, axis=0)
        return L

    @property
    def says(self) -> str:
        """The hypothesis in words: ``"ses:sectorPublic = 0"``."""
        known = set(self.null.design.fixed_names)
        fixed = [name for name in self.alternative.design.fixed_names if name not in known]
        in_G = [] if self.linear else _entries(self.null)
        random = [name for name in _entries(self.alternative) if name not in in_G]
        return " = ".join(
            [
                *_listed(fixed, self.q, "contrast{s} of the fixed effects"),
                *_listed(random, self.df - self.q, "parameter{s} of G"),
                "0",
            ]
        )


def _entries(fit: MixedFit) -> list[str]:
    """Names of the free entries of G, variances first; the covariance of a and b has one name."""
    names = ["Intercept" if n == "(Intercept)" else n for n in fit.design.random_names]
    free = fit.optimum.free
    pairs = [sorted((names[a], names[b])) for a, b in free if a != b]
    return [f"Var({names[a]})" for a, b in free if a == b] + [f"Cov({a}, {b})" for a, b in pairs]


def _listed(names: list[str], n: int, otherwise: str) -> list[str]:
    """Return n names; a count of them where they are many, or the models are coded apart."""
    return names if len(names) == n <= SHOWN else [f"{n} {otherwise.format(s='s' * (n > 1))}"]
