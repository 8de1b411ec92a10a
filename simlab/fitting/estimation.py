"""The estimates of a model whose formula has been turned into numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from simlab.data import DataError
from simlab.data.checks import check_largest
from simlab.fitting.identified import ROUNDING, check_identified
from simlab.fitting.record import Fit, Method
from simlab.formula import Design
from simlab.mixed.optimum import (
    Optimum,
    far_from_singular,
    is_singular,
    optimise,
    principal_axes,
)
from simlab.mixed.rows import Clusters, rotate_rows
from simlab.mixed.units import About, loses_digits
from simlab.moments import Floats, Ints
from simlab.products import Products

AGAIN = 4  # how often, at most
DIGITS = 1e-8  # a difference of sums, over these: above it there are digits left
FAR = 1e-10  # of the largest y: a standard deviation of y that leaves too few digits to a residual
ILL = 1e5  # condition number of X beyond which it is the cause to look at first


def estimate(design: Design, method: Method, source: str = "the data") -> Fit:
    """Fit a model.

    Raises
    ------
    DataError
        If y is too large or too small to be squared, there are as many coefficients as rows, or
        no residual is left.
    """
    N, p = len(design.y), len(design.fixed)
    sums = design.sums
    check_largest(sums.largest[-1:], [design.response], source)
    if p >= N:
        raise DataError(
            f"{source}: {N} rows for {p} fixed effects; nothing is left to estimate a variance"
        )
    columns = design.D, design.y, design.cluster, design.fixed, design.random, design.blocks
    clusters = rotate_rows(*columns, sums=sums)
    unknown = check_identified(design, clusters, method == "REML", source)
    optimum = optimise(clusters.rotated, method == "REML", clusters.shared)
    for _ in range(AGAIN):
        better = _better_units(clusters, optimum)
        if better is None:
            break
        clusters = rotate_rows(*columns, better, sums)
        optimum = optimise(clusters.rotated, method == "REML", clusters.shared)
    if len(clusters.identification.flat):
        optimum = far_from_singular(optimum, clusters.identification.flat)
    fitted = Fit(design, clusters, optimum, method, ())
    if _explained(fitted, sums):
        if 0 < float(np.std(design.y)) < FAR * float(sums.largest[-1]):
            raise DataError(
                f"{source}: '{design.response}' is about {np.mean(design.y):.2g} and varies by "
                f"{np.std(design.y):.2g} only, for which numbers have too few digits; subtract "
                "a constant from it"
            )
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


def _explained(fitted: Fit, sums: Products) -> bool:
    """Whether the fixed effects leave nothing of y but rounding."""
    gamma: Floats = fitted.gamma
    rounding = ROUNDING * float(sums.largest[-1])
    if np.sqrt(_surely_left(sums, fitted.design.fixed, gamma) / len(sums.y)) > 10 * rounding:
        return False
    X, y = fitted.design.X, fitted.design.y
    if not np.isfinite(gamma).all():
        gamma = np.asarray(np.linalg.lstsq(X, y)[0], dtype=float)
    return float(np.std(y - X @ gamma)) <= rounding


def _surely_left(sums: Products, fixed: Ints, gamma: Floats) -> float:
    """Sum of squares of y − Xγ about its mean, by cross-products; 0 where most digits are lost."""
    weights = np.zeros(len(sums.cross))
    weights[fixed], weights[-1] = -gamma, 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        terms = weights[:, None] * sums.cross * weights
        left, size = terms.sum(), abs(terms).sum()
    return float(left) if left > DIGITS * size else 0.0


def _better_units(clusters: Clusters, optimum: Optimum) -> About | None:
    """Units in which the fit loses no digits; None if it has not lost any."""
    sigma = np.sqrt(optimum.sigma2)
    if not loses_digits(sigma, optimum.gamma):
        return None
    s_y = clusters.units.s_y
    b, s_y = clusters.pilot + s_y * optimum.gamma, float(s_y * sigma)
    return About(b, s_y, principal_axes(optimum))


def _notes(fitted: Fit) -> tuple[str, ...]:
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
    if fitted.no_residual:
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
            "in Python, fit.near_singularity() names it"
        )
    return tuple(notes)


def _advice(design: Design) -> str:
    """Advice where the search did not converge, by the likely cause."""
    X = design.X / np.maximum(np.abs(design.X).max(axis=0), 1e-300)
    if np.linalg.cond(X) > ILL:
        return "columns of the fixed effects are nearly collinear: leave one out, or rescale them"
    return "try fewer random effects"
