"""From a formula and a data frame to a fitted model."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from simlab.data import DataError, check_sizes
from simlab.fitting.errors import FitWarning, one_of
from simlab.fitting.identified import ROUNDING, check_identified, no_residual
from simlab.fitting.response import response
from simlab.fitting.result import Method, MixedFit
from simlab.formula import Design, build
from simlab.formula.slips import nearly_numbers
from simlab.mixed.optimum import (
    Optimum,
    far_from_singular,
    is_singular,
    optimise,
    principal_axes,
)
from simlab.mixed.rows import About, Clusters, rotate_rows
from simlab.moments import Floats

SMALL = 1e-2  # σ, of that about a pooled fit, below which the fit is made again
LARGE = 1e-4  # the same, of what the fixed effects add to that fit
AGAIN = 4  # how often, at most
ILL = 1e5  # condition number of X beyond which it is the cause to look at first


def fit(
    formula: str,
    data: pd.DataFrame | Mapping[str, Any],
    method: Method = "REML",
    *,
    random: str | None = None,
    missing: Literal["drop", "raise"] = "drop",
    source: str = "the data",
) -> MixedFit:
    """Fit a linear mixed model with two levels.

        y_j = X_j γ + Z_j u_j + ε_j,   u_j ~ N(0, G),   ε_j ~ N(0, σ²I)

    Parameters
    ----------
    formula : str
        In lme4's notation, ``"mathach ~ ses * sector + (1 + ses | school)"``; `||`
        for uncorrelated random effects; ``(1 | school:year)`` for combinations as
        clusters. ``cvar(ses, school)`` is the mean of ses in the school,
        ``dvar(ses, school)`` the deviation from it; ``ns(ses, 3)`` a natural spline.
        docs/formulas.md has all that a formula may contain.
    data : pandas.DataFrame or dict
        One row per unit.
    method : {"REML", "ML"}
        Restricted or full maximum likelihood.
    random : str, optional
        The random part in nlme's notation, ``"~ 1 + ses | school"``; then `formula`
        has no bar.
    missing : {"drop", "raise"}
        Rows with a missing value are left out, with a warning that counts them; or
        they are an error.
    source : str
        What error messages call the data.

    Returns
    -------
    MixedFit

    Raises
    ------
    FormulaError
        If the formula cannot be read.
    DataError
        If the data do not allow the model; one line says which column, row or
        cluster, and what to do.

    Warns
    -----
    FitWarning
        If rows were left out, columns dropped, or the search did not converge; or if all but
        a few values of a text column are numbers.

    Examples
    --------
    >>> import simlab
    >>> fit = simlab.fit("mathach ~ ses + (1 + ses | school)", simlab.data.hs())
    >>> round(float(fit.fixef["ses"]), 4)
    2.3894
    """
    one_of(method, ("REML", "ML"), "method")
    if isinstance(data, pd.DataFrame):  # before what follows from a slip is called an error
        for slip in nearly_numbers(data, formula, random, source):
            warnings.warn(slip, FitWarning, stacklevel=2)
    fitted = fit_design(build(formula, data, random, missing, source), method, source)
    for note in fitted.notes:
        if not note.startswith("singular"):
            warnings.warn(note, FitWarning, stacklevel=2)
    return fitted


def fit_design(design: Design, method: Method, source: str = "the data") -> MixedFit:
    """Fit a model whose formula has been turned into numbers.

    Raises
    ------
    DataError
        If y is too large or too small to be squared, there are as many coefficients as rows, or
        no residual is left.
    """
    N, p = len(design.y), len(design.fixed)
    check_sizes(design.y[:, None], [design.response], source)
    if p >= N:
        raise DataError(
            f"{source}: {N} rows for {p} fixed effects; nothing is left to estimate a variance"
        )
    columns = design.D, design.y, design.cluster, design.fixed, design.random, design.blocks
    clusters = rotate_rows(*columns)
    unknown = check_identified(design, clusters, method == "REML", source)
    optimum = optimise(clusters.rotated, method == "REML")
    for _ in range(AGAIN):
        better = _better_units(clusters, optimum)
        if better is None:
            break
        clusters = rotate_rows(*columns, better)
        optimum = optimise(clusters.rotated, method == "REML")
    if len(clusters.identification.flat):
        optimum = far_from_singular(optimum, clusters.identification.flat)
    fitted = MixedFit(design, clusters, optimum, method, ())
    if _explained(fitted):
        raise DataError(
            f"{source}: the fixed effects explain '{design.response}' exactly; with no residual "
            "there is no variance to estimate"
        )
    if not np.isfinite(optimum.deviance):
        raise DataError(
            f"{source}: within each {design.cluster_name} the model leaves nothing of "
            f"'{design.response}', so that the likelihood grows without end; use fewer random "
            "effects"
        )
    return replace(fitted, notes=(*_notes(fitted), *unknown))


def _explained(fitted: MixedFit) -> bool:
    """Whether the fixed effects leave nothing of y but rounding."""
    X, y = fitted.design.X, fitted.design.y
    gamma: Floats = fitted.gamma
    if not np.isfinite(gamma).all():
        gamma = np.asarray(np.linalg.lstsq(X, y)[0], dtype=float)
    left = float(np.std(y - X @ gamma))
    return left <= ROUNDING * float(np.abs(y).max())


def _better_units(clusters: Clusters, optimum: Optimum) -> About | None:
    """Units in which the fit loses no digits; None if it has not lost any."""
    sigma = float(np.sqrt(optimum.sigma2))
    if not 0 < sigma < max(SMALL, LARGE * float(np.abs(optimum.gamma).max(initial=0.0))):
        return None
    s_y = clusters.units.s_y
    b, s_y = clusters.pilot + s_y * optimum.gamma, s_y * sigma
    return About(b, s_y, principal_axes(optimum))


def refit(fitted: MixedFit, y: Floats | pd.Series[float] | None, method: Method | None) -> MixedFit:
    """Fit the same model to another response, or by another method.

    Raises
    ------
    FitError
        If y is not one finite number for each row that was used. A Series goes by its index, which
        must be that of the rows; an array goes by position. See `response.response`.
    """
    design = fitted.design
    if y is not None:
        design = replace(design, y=response(y, design.rows))
    return fit_design(design, method or fitted.method)


def _notes(fitted: MixedFit) -> tuple[str, ...]:
    """Return what the user must know."""
    design, optimum, notes = fitted.design, fitted.optimum, []
    if design.dropped_rows:
        counts = ", ".join(f"{name} {n}" for name, n in design.missing.items())
        notes.append(
            f"{design.dropped_rows} of {design.dropped_rows + len(design.y)} rows left out, "
            f"with missing values in: {counts}"
        )
    if design.dropped_columns:
        names = ", ".join(design.dropped_columns)
        notes.append(
            f"fixed effects are rank-deficient: dropped {names}, "
            "a combination of the columns before"
        )
    if no_residual(fitted):
        notes.append(
            f"no residual variance: σ is {fitted.sigma2**0.5:.1g}, the rounding of "
            f"{design.response}; within each cluster the model is exact, and the likelihood and "
            "what follows from it mean nothing"
        )
    if optimum.evaluations < 0:
        notes.append(
            f"no convergence in {-optimum.evaluations} evaluations: do not trust these numbers; "
            f"{_advice(design)}"
        )
    elif is_singular(optimum):
        notes.append(
            "singular fit: some combination of the random effects has no variance; "
            "near_singularity() names it"
        )
    return tuple(notes)


def _advice(design: Design) -> str:
    """What to try where the search did not converge, by what is likely to be the cause."""
    X = design.X / np.maximum(np.abs(design.X).max(axis=0), 1e-300)
    if np.linalg.cond(X) > ILL:
        return "columns of the fixed effects are nearly collinear: leave one out, or rescale them"
    return "try fewer random effects"
