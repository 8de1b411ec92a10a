"""Values of rows by a fit: fitted values, residuals, predictions, new responses, variances.

They are of the population, Xγ̂ (level 0 in nlme), or of the cluster, Xγ̂ + Z_jû_j (level 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import ndtri

from simlab.data.frames import Data, as_pandas
from simlab.errors import check_level
from simlab.fitting.errors import FitError, one_of
from simlab.fitting.identified import unknown_rows
from simlab.fitting.prediction_rows import Of, new_rows, training
from simlab.fitting.record import Fit
from simlab.mixed.effects import whiten
from simlab.mixed.rows import sort
from simlab.moments import divide

Kind = Literal["response", "pearson", "studentized", "normalized"]
Interval = Literal["confidence", "prediction"]

NO_VARIANCE = 1e-10  # of σ²: a residual with less variance than this is 0 but for rounding


def fitted(fit: Fit, of: Of = "cluster") -> pd.Series[float]:
    """Fitted values of the population, Xγ̂, or of the clusters, Xγ̂ + Zû.

    Returns
    -------
    pd.Series
        (N,), in units of the response; the index is that of the rows that were used.

    Raises
    ------
    FitError
        If `of` is neither.
    """
    one_of(of, ("population", "cluster"), "of")
    rows = training(fit, of)
    return pd.Series(rows.mean(), index=rows.labels, name="fitted")


def residuals(fit: Fit, of: Of | None = None, kind: Kind = "response") -> pd.Series[float]:
    """Residuals of the rows.

    Parameters
    ----------
    of
        ``"population"``: y − Xγ̂; ``"cluster"``: y − Xγ̂ − Zû. By default of the cluster, and
        normalized ones of the population.
    kind
        ``"response"``
            In units of the response.
        ``"pearson"``
            Divided by σ̂, either way, as in nlme.
        ``"studentized"``
            Divided by their own standard deviation, the variance components taken as known:

                population:  Var(y_i − x_i'γ̂) = z_i'Gz_i + σ² − x_i'Var(γ̂)x_i
                cluster:     σ² − z_i'Cz_i − w_i'Var(γ̂)w_i,  C = Var(u_j | y, γ),
                             w_i = x_i − D_j'z_i

            (Nobre & Singer 2007, Biometrical Journal 49:863). NaN where that is 0.
        ``"normalized"``
            L_j⁻¹(y_j − X_jγ̂), V_j = Z_jGZ_j' + σ²I = L_jL_j' with L_j lower triangular, the rows
            of a cluster in the order of the data: what the rows before it do not predict, over
            its standard deviation. Independent N(0, 1) if the model holds (but for γ̂ and V̂).
            They are of the population only.

    Returns
    -------
    pd.Series
        (N,), with the index of the rows that were used.

    Raises
    ------
    FitError
        If there is no such kind, or `of` is neither.
    """
    one_of(of, (None, "population", "cluster"), "of")
    one_of(kind, ("response", "pearson", "studentized", "normalized"), "kind")
    if kind == "normalized" and of == "cluster":
        raise FitError(
            "normalized residuals are of the population; leave of= out, or ask for pearson"
        )
    about = of or ("population" if kind == "normalized" else "cluster")
    rows = training(fit, about)
    e = fit.design.y - rows.mean()
    sigma = float(np.sqrt(fit.sigma2))
    if kind == "pearson":
        e = e / sigma
    elif kind == "studentized":
        sign = 1.0 if about == "population" else -1.0
        variance = fit.sigma2 + sign * rows.random_variance()
        variance -= rows.variance_of_mean()
        sd = np.sqrt(np.where(variance > NO_VARIANCE * fit.sigma2, variance, 0.0))
        e = divide(e, sd, np.nan)
    elif kind == "normalized":
        Z = fit.clusters.units.s_y * rows.Z_engine @ rows.random.root
        out = np.empty(len(e))
        whiten(e, np.ascontiguousarray(Z), sigma, *sort(fit.design.cluster), out)
        e = out
    return pd.Series(e, index=rows.labels, name="residual")


def predict(
    fit: Fit,
    newdata: Data | None = None,
    of: Of | None = None,
    interval: Interval | None = None,
    level: float = 0.95,
    at: Mapping[str, Any] | None = None,
) -> pd.Series[float] | pd.DataFrame:
    """Predict rows, of the data or new ones.

    With C_j = Var(u_j | y, γ), D_j = GZ_j'V_j⁻¹X_j and w = x − D_j'z, the variance of the error is

        population:       x'Var(γ̂)x             (confidence),   + z'Gz + σ²  (prediction)
        known cluster j:  w'Var(γ̂)w + z'C_jz    (confidence),   + σ²         (prediction)

    (Henderson 1975, Biometrics 31:423): the interval for the mean response, or for a new row, of
    an unknown cluster or of this one. Intervals are x'γ̂ (+ z'û_j) ∓ the normal quantile times the
    root; the variance components are taken as known, so with few clusters they are too short.

    Parameters
    ----------
    newdata
        The columns of the right-hand side, and the grouping variable where clusters are known;
        by default the rows that were fitted. ``cvar(x, g)`` is the mean that the cluster has in
        the data of the model. For a new cluster, or for the effect of a context that a known one
        does not have, it is given as a column ``"cvar(x, g)"``; see `Design.new`.
    of
        ``"population"``, or ``"cluster"``: with û_j, every cluster being one that the fit knows.
        By default of the cluster where it is known, and of the population elsewhere.
    interval, level
        Whether to give one, and for what; its confidence level.
    at
        Columns that are the same in all rows of `newdata`, as ``{"cvar(ses, school)": 0.5}``.

    Returns
    -------
    pd.Series or pd.DataFrame
        The predictions; with `interval`, columns ``fit``, ``lower``, ``upper``. Index as in
        `newdata`. NaN where the data do not let one estimate Xγ, such as a combination of levels
        that does not occur, in a model with their interaction (FitWarning). ``attrs["note"]`` says
        which rows are predicted for the population for want of a cluster, and which are not
        estimable.

    Raises
    ------
    DataError
        If `newdata` lacks what is needed; see `Design.new`.
    FitError
        If rows are to be predicted for a cluster that is unknown, there is no such option, or `at`
        is without `newdata`.
    """
    one_of(of, (None, "population", "cluster"), "of")
    one_of(interval, (None, "confidence", "prediction"), "interval")
    level = check_level(level)
    note = ""
    if newdata is not None:
        rows, note = new_rows(fit, as_pandas(newdata, "the new data"), of, at)
    elif at:
        raise FitError("at= is of new data; give these too")
    else:
        rows = training(fit, of or "cluster")
    mean = rows.mean()
    unknown = unknown_rows(fit.clusters, rows.Z_engine, rows.cluster)
    mean[unknown & (rows.cluster >= 0)] = np.nan
    out: pd.Series[float] | pd.DataFrame
    if interval is None:
        out = pd.Series(mean, index=rows.labels, name="fit")
    else:
        known, between = rows.cluster >= 0, rows.random_variance()
        variance = rows.variance_of_mean() + np.where(known, between, 0.0)
        if interval == "prediction":
            variance += np.where(known, 0.0, between) + fit.sigma2
            variance[unknown] = np.nan
        half = ndtri((1 + level) / 2) * np.sqrt(variance)
        out = pd.DataFrame(
            {"fit": mean, "lower": mean - half, "upper": mean + half}, index=rows.labels
        )
    if note:
        out.attrs["note"] = note
    return out


def simulate(fit: Fit, n: int = 1, seed: int = 0, conditional: bool = False) -> pd.DataFrame:
    """Draw responses from the fitted model.

        y = Xγ̂ + Zu + ε,   u_j ~ N(0, Ĝ),   ε ~ N(0, σ̂²I)

    Parameters
    ----------
    n
        Number of replicates.
    seed
        The same seed gives the same responses; the first replicates do not depend on `n`.
    conditional
        Keep the clusters: û_j instead of a new u_j.

    Returns
    -------
    pd.DataFrame
        (N, n): rows with the index of those that were used, one column for each replicate.

    Raises
    ------
    FitError
        If `n` is not positive or `seed` is negative.
    """
    for name, value, least in (("n", n, 1), ("seed", seed, 0)):
        if not isinstance(value, int | np.integer) or value < least:
            raise FitError(f"{name} is {value}; it must be a whole number, at least {least}")
    rng = np.random.Generator(np.random.PCG64DXSM(seed))
    rows = training(fit, "cluster")
    fixed_part = rows if conditional else rows._replace(cluster=np.full_like(rows.cluster, -1))
    mean = fixed_part.mean()
    Z = fit.clusters.units.s_y * rows.Z_engine @ rows.random.root
    sigma = np.sqrt(fit.sigma2)
    out = np.empty((n, len(mean)))
    for i in range(n):
        out[i] = mean
        if not conditional:
            v = rng.standard_normal(rows.random.v.shape)
            out[i] += np.einsum("ia,ia->i", Z, v[rows.cluster])
        out[i] += sigma * rng.standard_normal(len(mean))
    replicates = pd.RangeIndex(n, name="replicate")
    return pd.DataFrame(out.T, index=rows.labels, columns=replicates, copy=False)


def r2(fit: Fit) -> pd.Series[float]:
    """Shares of variance explained.

        marginal = s_f²/(s_f² + s_u² + σ²),   conditional = (s_f² + s_u²)/(s_f² + s_u² + σ²)

    s_f² is the variance of Xγ̂ over the rows (over N − 1, as in R), s_u² the mean of z_i'Gz_i over
    the rows: g_00 for a random intercept (Nakagawa & Schielzeth 2013, Methods in Ecology and
    Evolution 4:133; with random slopes Johnson 2014, the same journal 5:944).

    Returns
    -------
    pd.Series
        ``marginal``, by the fixed effects; ``conditional``, by fixed and random effects.
    """
    fixed = float(np.var(fitted(fit, "population").to_numpy(), ddof=1))
    random = _mean_random_variance(fit)
    total = fixed + random + fit.sigma2
    return pd.Series({"marginal": fixed / total, "conditional": (fixed + random) / total})


def r2_levels(fit: Fit, null: Fit) -> pd.Series[float]:
    """Proportional reduction of the prediction error at either level, ``level1`` and ``level2``.

        level1 = 1 − (σ² + g_00)/(σ_0² + g_00,0),   level2 = 1 − (σ²/ñ + g_00)/(σ_0²/ñ + g_00,0)

    with ñ the harmonic mean of the n_j (Snijders & Bosker 1994, Sociological Methods & Research
    22:342). Defined for random intercepts; with random slopes its authors advise to fit the fixed
    part again with a random intercept. It may be negative: then the fixed part is misspecified.
    `null`, of the same rows, is mostly ``y ~ 1 + (1 | g)``. FitError if one has other random
    effects, or the models are of different rows.
    """
    for name, one in (("fit", fit), ("null", null)):
        if one.design.random_names != ("(Intercept)",):
            has = ", ".join(one.design.random_names)
            raise FitError(
                f"{name} has the random effects {has}; refit it with a random intercept only"
            )
    same = np.array_equal(fit.design.y, null.design.y) and np.array_equal(
        fit.design.cluster, null.design.cluster
    )
    if not same:
        raise FitError("fit and null are of different rows; fit both to the same complete rows")
    n = len(fit.clusters.n) / (1 / fit.clusters.n).sum()
    out = {}
    for level, weight in (("level1", 1.0), ("level2", 1 / n)):
        ours, theirs = (weight * m.sigma2 + m.G_matrix[0, 0] for m in (fit, null))
        out[level] = 1 - ours / theirs
    return pd.Series(out)


def icc(fit: Fit) -> pd.Series[float]:
    """Intraclass correlation: the share of the clusters in the variance that Xγ leaves.

    Returns
    -------
    pd.Series
        ``intercept`` = g_00/(g_00 + σ²), where all other random covariates are 0; NaN without a
        random intercept. ``mean`` = s_u²/(s_u² + σ²) with s_u² the mean of z_i'Gz_i over the
        rows, which does not depend on where covariates have their 0. With a random intercept
        alone the two are the same number.
    """
    names = fit.design.random_names
    g00 = np.nan
    if "(Intercept)" in names:
        a = names.index("(Intercept)")
        g00 = float(fit.G_matrix[a, a])
    random = _mean_random_variance(fit)
    return pd.Series(
        {"intercept": g00 / (g00 + fit.sigma2), "mean": random / (random + fit.sigma2)}
    )


def _mean_random_variance(fit: Fit) -> float:
    """Mean of z_i'Gz_i over the rows."""
    return float(training(fit, "population").random_variance().mean())
