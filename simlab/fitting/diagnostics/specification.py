"""Hausman's test: whether the fit estimates what happens within clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from simlab.errors import NoContextError
from simlab.fitting.diagnostics.mundlak import (
    Contextual,
    WithinFit,
    contextual,
    independent,
    split,
    varying,
    within_fit,
)
from simlab.fitting.errors import FitError, one_of
from simlab.fitting.record import DF, Fit
from simlab.moments import Floats, Ints
from simlab.text import Paragraph, Part, Printable, frame_table

ZERO = 1e-8  # of the within estimator's variance: an eigenvalue of a difference below it is 0
SAME = 1e-7  # of its standard error: estimates that differ by less are the same by construction
Variance = Literal["classical", "model"]


class Quadratic(NamedTuple):
    """The quadratic form d'V⁻d of a difference d."""

    statistic: float  # d'V⁻d; it may be negative when V is not positive
    df: int  # rank of V; 0 if the estimates are the same by construction, as in balanced data
    # from χ² with df; NaN when V has a negative eigenvalue, or there is nothing to test
    p_value: float
    eigenvalues: Floats  # (q,), of V, over the within estimator's variances, ascending
    positive: bool  # whether none of them is negative


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Hausman(Printable):
    """Comparison of a fit with the within estimator: the test that they estimate the same."""

    # per coefficient of a covariate that varies within clusters: within, within_se, fit, fit_se,
    # difference, difference_se (NaN where its variance is negative)
    coefficients: pd.DataFrame
    quadratic: Quadratic | None  # the quadratic form; None if it was not asked for
    # Mundlak's test; None if it was not asked for, or does not exist (see `notes`)
    regression: Contextual | None
    variance: Variance  # how the variance of the difference was computed
    notes: tuple[str, ...]  # what is compared, and which test to trust

    def to_frame(self) -> pd.DataFrame:
        """Both estimates and their difference; see `coefficients`."""
        return self.coefficients

    def parts(self) -> list[Part | list[Part]]:
        """Both estimates and their difference, then the tests."""
        lines = [] if self.quadratic is None else [_describe(self.quadratic)]
        if self.regression is not None:
            added = ", ".join(self.regression.added)
            lines.append(f"Regression form ({added} added): {self.regression.test.joint()}")
        head = "Hausman: the fit beside the within (fixed effects) estimator"
        shown = frame_table(self.coefficients)
        return [[Paragraph(head), shown, *map(Paragraph, [*lines, *self.notes])]]


def hausman(
    fit: Fit,
    kind: Literal["both", "quadratic", "regression"] = "both",
    variance: Variance | None = None,
    df: DF = "satterthwaite",
) -> Hausman:
    """Compare the coefficients of within-varying covariates with the within estimator's.

    The within estimator (cluster dummies, or least squares on the deviations from the cluster
    means) is right about β_W whatever differs between clusters. The fit mixes β_W with β_B. If
    both estimate the same, their difference d is noise, and (Hausman 1978, Econometrica 46:1251)

        H = d'V⁻¹d ~ χ²,   V = Var(b_FE) − Var(b_fit).

    Parameters
    ----------
    fit
        A fit in which some fixed effect varies within clusters.
    kind
        The quadratic form H; or the regression form, which adds the cluster means and tests
        them jointly (Mundlak 1978; see `contextual`) and always exists; or both.
    variance
        Var(b_FE) in V. Both agree where there is only a random intercept and σ² is the same.

        * ``classical``: σ̂²_FE (W'W)⁻¹ with the within estimator's own σ̂². V may come out with
          negative eigenvalues; then H has no χ² distribution, and no p-value is given. (R's plm
          takes |H| and prints a p-value all the same.) With random slopes it is too small.
        * ``model``: (W'W)⁻¹W'V̂W(W'W)⁻¹ with the covariance V̂ of the rows under the fit. b_fit
          being generalised least squares with this V̂, the difference is never negative.

        By default classical for a single random intercept, otherwise model.
    df
        Degrees of freedom of the regression form.

    Raises
    ------
    FitError
        If no fixed effect varies within clusters; if several have the same deviations; if
        N − J leaves no degrees of freedom; or if σ is the rounding of y.
    """
    one_of(kind, ("both", "quadratic", "regression"), "kind")
    one_of(variance, (None, "classical", "model"), "variance")
    simple = fit.design.random_names == ("(Intercept)",)
    variance = variance or ("classical" if simple else "model")
    if fit.no_residual:
        raise FitError("there is no residual variance, and so no standard error to compare by")
    columns, within, model_variance = _within(fit)
    V_within = within.covariance if variance == "classical" else model_variance
    V_fit = fit.covariance[np.ix_(columns, columns)]
    difference = within.b - fit.gamma[columns]
    table = pd.DataFrame(
        {
            "within": within.b,
            "within_se": np.sqrt(np.diag(V_within)),
            "fit": fit.gamma[columns],
            "fit_se": np.sqrt(np.diag(V_fit)),
            "difference": difference,
            "difference_se": _root(np.diag(V_within - V_fit), np.diag(V_within)),
        },
        index=[fit.design.fixed_names[a] for a in columns],
    )
    quadratic = None
    if kind != "regression":
        quadratic = quadratic_form(difference, V_within - V_fit, np.diag(V_within))
    regression, notes = None, [_compared(simple, variance)]
    if kind != "quadratic":
        try:
            regression = contextual(fit, df=df)
        except NoContextError as error:
            notes.append(f"No regression form: {error}.")
    return Hausman(table, quadratic, regression, variance, (*notes, *_trust(quadratic, regression)))


def quadratic_form(difference: Floats, V: Floats, scale: Floats) -> Quadratic:
    """d'V⁻d of d (q,) and its covariance V (q, q), and whether it may be compared with χ².

    Eigenvalues of V are large or small in comparison with the variances `scale`, (q,).
    """
    s = np.sqrt(scale)
    values, vectors = np.linalg.eigh(V / np.outer(s, s))
    used = (np.abs(values) > ZERO) & bool((np.abs(difference / s) > SAME).any())
    along = vectors[:, used].T @ (difference / s)
    statistic, rank = float(np.sum(along**2 / values[used])), int(used.sum())
    positive = bool((values[used] > 0).all())
    p_value = float(chdtrc(rank, statistic)) if positive and rank else np.nan
    return Quadratic(statistic, rank, p_value, values, positive)


def _within(fit: Fit) -> tuple[Ints, WithinFit, Floats]:
    """Columns that vary, their within estimator, and its covariance under the fit's V̂.

    W'VW = σ²[W'W + Σ_j (W_j'Z_j)Δ(Z_j'W_j)], where Δ = G/σ².
    """
    design = fit.design
    X, J, cluster = design.D[:, design.fixed], len(design.clusters), design.cluster
    deviations = split(X, cluster).deviations
    columns = varying(X, deviations)
    names = [design.fixed_names[a] for a in columns]
    if not len(columns):
        raise FitError(
            f"no fixed effect varies within {design.cluster_name}: the within estimator has "
            "nothing to compare"
        )
    W = deviations[:, columns]
    own = independent(W[:, :0], W, np.linalg.norm(W, axis=0))
    if len(own) < len(columns):
        same = [name for i, name in enumerate(names) if i not in own]
        raise FitError(
            f"within {design.cluster_name}, {', '.join(same)} is a combination of the other "
            "columns, and the within estimator cannot tell them apart; write the model with "
            "cvar(x) and dvar(x) instead of x twice"
        )
    y = split(design.y[:, None], cluster).deviations[:, 0]
    within = within_fit(W, y, J)
    if within.df <= 0:
        raise FitError(
            f"{len(W)} rows less {J} clusters and {len(columns)} slopes leave nothing to estimate "
            "σ² from; the within estimator needs more rows in each cluster"
        )
    Z = design.D[:, design.random]
    WZ = np.zeros((J, len(columns), Z.shape[1]))
    for a in range(len(columns)):
        for b in range(Z.shape[1]):
            WZ[:, a, b] = np.bincount(cluster, W[:, a] * Z[:, b])
    between = np.einsum("jar,rs,jbs->ab", WZ, fit.G_chosen, WZ)
    return columns, within, fit.sigma2 * within.cross + within.cross @ between @ within.cross


def _root(variances: Floats, scale: Floats) -> Floats:
    """Square roots; 0 of what is rounding of `scale`, NaN of a negative variance."""
    kept = np.where(np.abs(variances) > ZERO * scale, variances, 0.0)
    out: Floats = np.sqrt(np.where(kept >= 0, kept, np.nan))
    return out


def _describe(q: Quadratic) -> str:
    """Line on the quadratic form, or on why it has no p-value."""
    if q.df == 0:
        return "Quadratic form: the two estimators agree by construction; nothing to test"
    if q.positive:
        return f"Quadratic form: χ² = {q.statistic:.4g} with {q.df} df, p = {q.p_value:.3g}"
    listed = ", ".join(f"{v:.3g}" for v in q.eigenvalues)
    return (
        f"Quadratic form: {q.statistic:.4g}, and no p-value: V_within − V_fit is not positive "
        f"(eigenvalues {listed} of the within estimator's variances)"
    )


def _compared(simple: bool, variance: Variance) -> str:
    """Paragraph on which slopes are compared, and how their variances are taken."""
    if simple:
        how = "each with its own σ²" if variance == "classical" else "both with the fit's variances"
        return f"Compared: one slope for all clusters, by either estimator; {how}."
    text = (
        "Compared: the mean slope of the fit, where clusters' lines differ, with the slope of "
        "parallel lines. Both estimate the same mean slope if u_j has nothing to do with x or its "
        "spread"
    )
    if variance == "model":
        return f"{text}; the within estimator's variance allows for the random slopes."
    return (
        f"{text}. The classical variance of the within estimator leaves the random slopes out, "
        'and is too small: take variance="model".'
    )


def _trust(q: Quadratic | None, regression: Contextual | None) -> tuple[str, ...]:
    """Line on which form to trust."""
    if regression is None:
        return ()
    if q is not None and not q.positive:
        return ("Trust the regression form: the quadratic form has no χ² distribution here.",)
    if q is None or q.df == 0:
        return ("The regression form always exists.",)
    return (
        "Where they disagree trust the regression form: it always exists, and its degrees of "
        "freedom know how few the clusters are.",
    )
