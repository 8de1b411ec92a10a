"""The record of a fit: what was fitted, and its estimates in the user's units.

Questions are functions of the record, each in the file of its kind; `MixedFit` has them as methods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from simlab.fitting.identified import ROUNDING, unknown_elements
from simlab.formula import Design
from simlab.mixed.optimum import (
    Optimum,
    at,
    is_singular,
    triangular,
)
from simlab.mixed.rows import Clusters
from simlab.moments import Floats

Method = Literal["REML", "ML"]
DF = Literal["satterthwaite", "kenward-roger", "containment", "normal"]
Type = Literal[1, 2, 3, "marginal"]


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A linear mixed model with two levels, fitted by REML or ML.

        y_j = X_j γ + Z_j u_j + ε_j,   u_j ~ N(0, G),   ε_j ~ N(0, σ²I)

    Attributes
    ----------
    design : Design
        The formula over the data, as numbers.
    clusters : Clusters
        The same, rotated and in the engine's units.
    optimum : Optimum
        Where the deviance is least, in the engine's units.
    method : {"REML", "ML"}
        Which deviance.
    notes : tuple of str
        What the user must know: rows left out, columns dropped, no convergence, a singular fit.
    """

    design: Design
    clusters: Clusters
    optimum: Optimum
    method: Method
    notes: tuple[str, ...]

    # ------------------------------------------------------------ estimates

    @property
    def gamma(self) -> Floats:
        """γ̂, (p,)."""
        units = self.clusters.units
        return units.b + units.s_y * units.A @ self.optimum.gamma

    @property
    def covariance(self) -> Floats:
        """σ̂²(X'V⁻¹X)⁻¹ of γ̂, (p, p); NaN where there is no residual variance."""
        A, s_y = self.clusters.units.A, self.clusters.units.s_y
        if self.no_residual:
            return np.full(A.shape, np.nan)
        return s_y**2 * self.optimum.sigma2 * (A @ self.optimum.phi @ A.T)

    @property
    def G_matrix(self) -> Floats:
        """Ĝ, (r, r); NaN where the data cannot tell."""
        return np.where(unknown_elements(self.clusters), np.nan, self.G_chosen)

    @property
    def G_chosen(self) -> Floats:
        """Ĝ, (r, r), or one of those that have the same likelihood."""
        B, s_y = self.clusters.units.B, self.clusters.units.s_y
        G = s_y**2 * self.optimum.sigma2 * (B @ self.optimum.delta @ B.T)
        return (G + G.T) / 2

    @property
    def fixef(self) -> pd.Series[float]:
        """Fixed effects γ̂, by name."""
        return pd.Series(self.gamma, index=self._names, name="estimate")

    @property
    def std_error(self) -> pd.Series[float]:
        """Their standard errors."""
        return pd.Series(np.sqrt(np.diag(self.covariance)), index=self._names, name="std_error")

    @property
    def vcov(self) -> pd.DataFrame:
        """Their covariance matrix, (p, p)."""
        return pd.DataFrame(self.covariance, index=self._names, columns=self._names)

    @property
    def G(self) -> pd.DataFrame:
        """Covariance of the random effects, (r, r); NaN where the data cannot tell."""
        names = list(self.design.random_names)
        return pd.DataFrame(self.G_matrix, index=names, columns=names)

    @property
    def sigma2(self) -> float:
        """Residual variance σ̂²."""
        return self.optimum.sigma2 * self.clusters.units.s_y**2

    @property
    def theta(self) -> Floats:
        """Lower triangle of Λ by columns, G = σ²ΛΛ', as lme4 has it; (r(r+1)/2,).

        Entries that `||` sets to 0 are left out. NaN where some element of G is.
        """
        Lambda = triangular(self.clusters.units.B @ self.optimum.Lambda)
        Lambda[np.isnan(self.G_matrix).any(axis=1)] = np.nan
        return np.array([Lambda[a, b] for a, b in self.optimum.free])

    @property
    def singular(self) -> bool:
        """Whether a combination of the random effects has no variance."""
        return is_singular(self.optimum)

    @property
    def no_residual(self) -> bool:
        """Whether σ is the rounding of y: within clusters the model is exact."""
        y = self.design.y
        return bool(np.sqrt(self.sigma2) < ROUNDING * max(y.max(), -y.min()))

    @property
    def converged(self) -> bool:
        """Whether the search ended at a minimum."""
        return self.optimum.evaluations > 0

    # ---------------------------------------------------- the fit as a whole

    @property
    def nobs(self) -> int:
        """Rows N that were used."""
        return len(self.design.y)

    @property
    def nclusters(self) -> int:
        """Clusters J."""
        return len(self.design.clusters)

    @property
    def npar(self) -> int:
        """Parameters: p fixed effects, the free entries of G that the data can tell, σ²."""
        unknown = self.clusters.identification.taken_up
        return len(self.gamma) + len(self.optimum.free) - len(unknown) + 1

    @property
    def deviance(self) -> float:
        """−2 log-likelihood (restricted, for REML); NaN where there is no residual variance."""
        if self.no_residual:
            return float("nan")
        o, units = self.optimum, self.clusters.units
        value = o.deviance + 2 * o.nu * float(np.log(units.s_y))
        return value - 2 * float(np.linalg.slogdet(units.A)[1]) if o.reml else value

    @property
    def loglik(self) -> float:
        """Log-likelihood (restricted, for REML)."""
        return -self.deviance / 2

    @property
    def loglik_ols(self) -> float:
        """Log-likelihood of the same fixed part with G = 0; 2(loglik − loglik_ols) tests G."""
        optimum = at(self.clusters.rotated, np.zeros_like(self.optimum.Lambda), self.optimum.reml)
        return self.loglik + (self.optimum.deviance - optimum.deviance) / 2

    @property
    def aic(self) -> float:
        """−2 log L + 2 npar."""
        return self.deviance + 2 * self.npar

    @property
    def bic(self) -> float:
        """−2 log L + npar log N, as lme4; nlme takes log(N − p) for REML."""
        return self.deviance + self.npar * float(np.log(self.nobs))

    @property
    def _names(self) -> list[str]:
        return list(self.design.fixed_names)
