"""Random effects of a fit: predictions, coefficients of the clusters, residuals of level 2."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from simlab.fitting.identified import unknown_effects
from simlab.fitting.record import Fit
from simlab.mixed.effects import Effects, effects, in_user_units, own_coefficients
from simlab.moments import Floats, divide
from simlab.text import Paragraph, Part, Printable, frame_table

FLAT = 1e-8  # of the largest: what has less variance than this has none but rounding
SHOWN = 10  # clusters in a printed table


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RandomEffects(Printable):
    """Empirical best linear unbiased predictions û_j (EBLUPs) of J clusters.

    All variances take Ĝ and σ̂² as known, in squared units of the response (per unit of the
    covariate, for a slope).
    """

    # û_j, (J, r); clusters in order of first appearance, columns by random effect
    estimate: pd.DataFrame
    # (J, r, r), Var(u_j | y, γ) = (G⁻¹ + Z_j'Z_j/σ²)⁻¹: lme4's ``condVar``; takes γ̂ for γ
    conditional_variance: Floats
    # (J, r, r), Var(û_j − u_j), with the uncertainty of γ̂: for intervals of u_j
    prediction_variance: Floats
    # (J, r, r), Var(û_j) = Ĝ − Var(û_j − u_j): for residuals. Less than G: the EBLUPs are shrunken
    variance: Floats

    def to_frame(self) -> pd.DataFrame:
        """One row per cluster and effect, the effects of a cluster one after the other.

        Columns ``cluster``, ``effect``, ``estimate``, ``conditional_sd``, ``prediction_sd``.
        """
        J, r = self.estimate.shape
        return pd.DataFrame(
            {
                "cluster": self.estimate.index.repeat(r),
                "effect": list(self.estimate.columns) * J,
                "estimate": self.estimate.to_numpy().ravel(),
                "conditional_sd": _sd(self.conditional_variance).ravel(),
                "prediction_sd": _sd(self.prediction_variance).ravel(),
            }
        )

    def parts(self) -> list[Part | list[Part]]:
        """The first clusters, with the standard deviations of their errors."""
        J = len(self.estimate)
        sd = _sd(self.prediction_variance[:SHOWN])
        top = self.estimate.iloc[:SHOWN]
        cells = {
            name: [f"{u:.4g} ({s:.3g})" for u, s in zip(top[name], sd[:, a], strict=True)]
            for a, name in enumerate(top.columns)
        }
        head = f"Random effects of {J} clusters: EBLUP (standard deviation of its error)"
        shown: list[Part] = [Paragraph(head), frame_table(pd.DataFrame(cells, index=top.index))]
        if J > SHOWN:
            shown.append(Paragraph(f"… and {J - SHOWN} more; to_frame() has them all"))
        return [shown]


def ranef(fit: Fit) -> RandomEffects:
    """Predict the random effects.

        û_j = Ĝ Z_j'V_j⁻¹(y_j − X_jγ̂),
        Var(û_j − u_j) = (G⁻¹ + Z_j'Z_j/σ²)⁻¹ + D_j Var(γ̂) D_j',   D_j = G Z_j'V_j⁻¹X_j

    (Henderson 1975, Biometrics 31:423), in a form that allows a singular G.
    """
    e = of_fit(fit)
    estimate = pd.DataFrame(e.u, index=clusters(fit), columns=list(fit.design.random_names))
    return RandomEffects(estimate, e.conditional, e.prediction, e.variance)


def coef(fit: Fit) -> pd.DataFrame:
    """Coefficients of each cluster, γ̂ + û_j.

    Returns
    -------
    pd.DataFrame
        (J, distinct names): the fixed effects, then random effects that are not among them, which
        stand alone (their mean is 0). A fixed effect that does not vary is the same in all rows.
    """
    u = ranef(fit).estimate
    out = pd.DataFrame({name: np.full(len(u), g) for name, g in fit.fixef.items()}, index=u.index)
    for name in u.columns:
        out[name] = out[name] + u[name] if name in out else u[name]
    return out


def blue(fit: Fit) -> pd.DataFrame:
    """Least squares of each cluster by itself: y_j on Z_j, (Z_j'Z_j)⁻¹Z_j'y_j.

    What `coef` shrinks, if the fixed part has no other covariates: those do not enter here.

    Returns
    -------
    pd.DataFrame
        (J, r); NaN in a cluster that cannot tell its coefficients apart, because it has too few
        rows or a covariate does not vary in it.
    """
    estimate = own_coefficients(fit.clusters).estimate
    return pd.DataFrame(estimate, index=clusters(fit), columns=list(fit.design.random_names))


def blue_variance(fit: Fit) -> Floats:
    """Sampling variance σ̂²(Z_j'Z_j)⁻¹ of `blue` by the fit's σ̂², (J, r, r); NaN where `blue` is."""
    return fit.sigma2 * own_coefficients(fit.clusters).unscaled


def level2_residuals(fit: Fit) -> pd.DataFrame:
    """EBLUPs as residuals of level 2, and how far each cluster is out.

    A standardised residual is û_j over its own standard deviation √Var(û_j), not over √G: the
    EBLUPs of small clusters are shrunken more. The distance over all random effects is

        d_j² = û_j'Var(û_j)⁻¹û_j ~ χ² with as many df as Var(û_j) has rank

    (Snijders & Berkhof 2008, in *Handbook of Multilevel Analysis*, ch. 3; residual files of HLM
    have d_j for the same purpose), and depends neither on shrinkage nor on the coding of Z.

    One row per cluster: of each random effect its EBLUP, ``<name>``, and ``<name> / sd``, NaN where
    it cannot vary; ``distance`` = d_j²; ``df``, fewer than r if G is singular or the cluster has
    too few rows; ``p``, the χ² probability of a larger distance, NaN where df is 0.
    """
    e = of_fit(fit)
    scale = np.sqrt(np.diag(fit.G_chosen))
    sd = np.where(_sd(e.variance) > np.sqrt(FLAT) * scale, _sd(e.variance), 0.0)
    standard = divide(e.u, sd, np.nan)
    out = pd.DataFrame(index=clusters(fit))
    for a, name in enumerate(fit.design.random_names):
        out[name] = e.u[:, a]
        out[f"{name} / sd"] = standard[:, a]
    values, vectors = np.linalg.eigh(e.variance_v)
    values[values <= FLAT * values.max(initial=0.0)] = 0.0
    along = (e.v[:, None, :] @ vectors)[:, 0, :]
    out["distance"] = divide(along**2, values).sum(axis=1)
    out["df"] = (values > 0).sum(axis=1)
    out["p"] = np.where(out["df"] > 0, chdtrc(np.maximum(out["df"], 1), out["distance"]), np.nan)
    return out


def of_fit(fit: Fit) -> Effects:
    """Effects of a fit as arrays, in the user's units; NaN where the data cannot tell."""
    e = in_user_units(effects(fit.optimum), fit.clusters.units)
    unknown = unknown_effects(fit.clusters)
    if not unknown.any():
        return e
    pairs = unknown[:, :, None] | unknown[:, None, :]
    return e._replace(
        u=np.where(unknown, np.nan, e.u),
        D=np.where(unknown[:, :, None], np.nan, e.D),
        conditional=np.where(pairs, np.nan, e.conditional),
        prediction=np.where(pairs, np.nan, e.prediction),
        variance=np.where(pairs, np.nan, e.variance),
    )


def clusters(fit: Fit) -> pd.Index:
    """Labels of the clusters, under the name of their column."""
    return fit.design.clusters.rename(fit.design.cluster_name)


def _sd(variance: Floats) -> Floats:
    """Roots of the diagonals, (J, r); rounding below 0 is 0."""
    return np.sqrt(np.maximum(np.diagonal(variance, axis1=1, axis2=2), 0.0))
