"""A fitted model: what was fitted, and everything that one can ask of it.

The object holds; numbers happen in functions. Each method is one call into the
room where it lives: `effects`, `hypotheses`, `intervals`, `prediction`, `diagnostics`, `summary`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from simlab.formula import Design
from simlab.mixed.optimum import (
    Optimum,
    at,
    is_singular,
    triangular,
)
from simlab.mixed.rows import Clusters
from simlab.moments import Floats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from simlab.fitting.contrasts import Hypothesis
    from simlab.fitting.diagnostics import (
        Contextual,
        Hausman,
        NearSingularity,
        ThreeMeans,
        Weights,
    )
    from simlab.fitting.effects import RandomEffects
    from simlab.fitting.hypotheses import WaldTest
    from simlab.fitting.intervals import Kind, VarCorr, Which
    from simlab.fitting.prediction import Interval
    from simlab.fitting.prediction import Kind as Residual
    from simlab.fitting.prediction_rows import Level
    from simlab.fitting.summary import Summary

Method = Literal["REML", "ML"]
DF = Literal["satterthwaite", "kenward-roger", "containment", "normal"]
Type = Literal[1, 2, 3, "marginal"]


@dataclass(frozen=True, slots=True, eq=False)
class MixedFit:
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
        """σ̂²(X'V⁻¹X)⁻¹ of γ̂, (p, p)."""
        A, s_y = self.clusters.units.A, self.clusters.units.s_y
        return s_y**2 * self.optimum.sigma2 * (A @ self.optimum.phi @ A.T)

    @property
    def G_matrix(self) -> Floats:
        """Ĝ, (r, r); NaN where the data cannot tell."""
        from simlab.fitting.identified import unknown_elements

        return np.where(unknown_elements(self), np.nan, self.G_chosen)

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
        """−2 log-likelihood (restricted, for REML)."""
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

    # ------------------------------------------------------------ what one asks of it

    def ranef(self) -> RandomEffects:
        """EBLUPs with their conditional and prediction variances; see `effects.ranef`."""
        from simlab.fitting.effects import ranef

        return ranef(self)

    def coef(self) -> pd.DataFrame:
        """Coefficients of each cluster, γ̂ + û_j; see `effects.coef`."""
        from simlab.fitting.effects import coef

        return coef(self)

    def blue(self) -> pd.DataFrame:
        """Least-squares coefficients of each cluster by itself; see `effects.blue`."""
        from simlab.fitting.effects import blue

        return blue(self)

    def table(self, df: DF = "satterthwaite") -> pd.DataFrame:
        """Fixed effects with standard errors, df, t and p; see `hypotheses.table`."""
        from simlab.fitting.hypotheses import table

        return table(self, df)

    def conf_int(
        self,
        level: float = 0.95,
        kind: Kind = "wald",
        df: DF = "satterthwaite",
        which: Which = "all",
    ) -> pd.DataFrame:
        """Confidence intervals, Wald's or of the profile likelihood; see `intervals.conf_int`."""
        from simlab.fitting.intervals import conf_int

        return conf_int(self, level, kind, df, which)

    def profile(
        self, which: str | Iterable[str] = "all", points: int = 31, level: float = 0.99
    ) -> pd.DataFrame:
        """Profiles of parameters, for plotting; see `intervals.profile`."""
        from simlab.fitting.intervals import profile

        return profile(self, which, points, level)

    def varcorr(self, level: float = 0.95, method: Kind = "wald") -> VarCorr:
        """Standard deviations, correlations and σ with intervals; see `intervals.varcorr`."""
        from simlab.fitting.intervals import varcorr

        return varcorr(self, level, method)

    def wald(
        self,
        L: Hypothesis,
        df: DF = "satterthwaite",
        rhs: ArrayLike = 0.0,
        level: float = 0.95,
    ) -> WaldTest:
        """Test Lγ = rhs, for weights, a term, or names that match; see `hypotheses.wald`."""
        from simlab.fitting.hypotheses import wald

        return wald(self, L, df, rhs, level)

    def anova(self, *others: MixedFit, type: Type = 3, df: DF = "satterthwaite") -> pd.DataFrame:
        """Likelihood-ratio tests against other fits, or tests of every term; see `anova.anova`."""
        from simlab.fitting.anova import anova

        return anova(self, *others, type=type, df=df)

    def fitted(self, level: Level = 1) -> pd.Series[float]:
        """Fitted values, of the population (0) or of the clusters (1); see `prediction.fitted`."""
        from simlab.fitting.prediction import fitted

        return fitted(self, level)

    def residuals(
        self, level: Level | None = None, kind: Residual = "response"
    ) -> pd.Series[float]:
        """Residuals of several kinds; see `prediction.residuals`."""
        from simlab.fitting.prediction import residuals

        return residuals(self, level, kind)

    def predict(
        self,
        newdata: pd.DataFrame | Mapping[str, Any] | None = None,
        level: Level | None = None,
        interval: Interval | None = None,
        conf: float = 0.95,
        at: Mapping[str, Any] | None = None,
    ) -> pd.Series[float] | pd.DataFrame:
        """Predictions, for known and new clusters; see `prediction.predict`."""
        from simlab.fitting.prediction import predict

        return predict(self, newdata, level, interval, conf, at)

    def simulate(self, n: int = 1, seed: int = 0, conditional: bool = False) -> pd.DataFrame:
        """Draw n responses from the fitted model, (N, n); see `prediction.simulate`."""
        from simlab.fitting.prediction import simulate

        return simulate(self, n, seed, conditional)

    def refit(
        self, y: Floats | pd.Series[float] | None = None, method: Method | None = None
    ) -> MixedFit:
        """Fit the same model to another response, or by another method; see `model.refit`."""
        from simlab.fitting.model import refit

        return refit(self, y, method)

    def r2(self) -> pd.Series[float]:
        """Marginal and conditional R²; see `prediction.r2`."""
        from simlab.fitting.prediction import r2

        return r2(self)

    def icc(self) -> pd.Series[float]:
        """Intraclass correlation; see `prediction.icc`."""
        from simlab.fitting.prediction import icc

        return icc(self)

    def summary(
        self, df: DF = "satterthwaite", level: float = 0.95, correlation: bool = False
    ) -> Summary:
        """Everything on one page, as text and HTML; see `summary.summary`."""
        from simlab.fitting.summary import summary

        return summary(self, df, level, correlation)

    # ------------------------------------------------------------ diagnostics

    def hausman(
        self,
        kind: Literal["both", "quadratic", "regression"] = "both",
        variance: Literal["classical", "model"] | None = None,
        df: DF = "satterthwaite",
    ) -> Hausman:
        """Hausman's test, by its quadratic form and by regression; see `diagnostics.hausman`."""
        from simlab.fitting.diagnostics import hausman

        return hausman(self, kind, variance, df)

    def contextual(
        self, x: str | Sequence[str] | None = None, df: DF = "satterthwaite"
    ) -> Contextual:
        """Mundlak's test of contextual effects; see `diagnostics.contextual`."""
        from simlab.fitting.diagnostics import contextual

        return contextual(self, x, df)

    def influence(self, clusters: Sequence[Hashable] | None = None) -> pd.DataFrame:
        """Influence of each cluster, by exact deletion; see `diagnostics.influence`."""
        from simlab.fitting.diagnostics import influence

        return influence(self, clusters)

    def near_singularity(self) -> NearSingularity:
        """Which combination of random effects (almost) vanishes; see `diagnostics`."""
        from simlab.fitting.diagnostics import near_singularity

        return near_singularity(self)

    def weights(self) -> Weights:
        """Weight of each cluster in γ̂; see `diagnostics.weights`."""
        from simlab.fitting.diagnostics import weights

        return weights(self)

    def three_means(self) -> ThreeMeans:
        """Mean of students, mean of schools, and GLS; see `diagnostics.three_means`."""
        from simlab.fitting.diagnostics import three_means

        return three_means(self)

    def diagnose(self) -> str:
        """Tell in a few paragraphs what the diagnostics say; see `diagnostics.diagnose`."""
        from simlab.fitting.diagnostics import diagnose

        return diagnose(self)

    def __str__(self) -> str:
        from simlab.fitting.summary import brief

        return brief(self)

    def __repr__(self) -> str:
        from simlab.fitting.summary import brief

        return brief(self)

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()
