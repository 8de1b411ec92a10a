"""Ellipses of covariance matrices."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from simlab.errors import ArgumentError, check_level


def ellipse(
    center: ArrayLike, covariance: ArrayLike, radius: float = 1.0, points: int = 181
) -> NDArray[np.float64]:
    """Return points on the ellipse (b − c)'S⁻¹(b − c) = radius².

    Its shadow on an axis is c ± radius·√S_kk: with radius 1 that is one standard deviation. The
    points are c + radius·A(cos φ, sin φ)' with A the symmetric root of S, so that a singular S
    gives a segment, walked to and fro, and S = 0 a point.

    Parameters
    ----------
    center : (2,)
        c.
    covariance : (2, 2)
        S.
    radius : float
        In standard deviations; see `radius_of`.
    points : int
        How many.

    Returns
    -------
    (points, 2)
        The last is the first.

    Raises
    ------
    ArgumentError
        If S is not a symmetric, non-negative definite, finite 2 × 2 matrix.
    """
    S = np.asarray(covariance, dtype=float)
    c = np.asarray(center, dtype=float)
    if S.shape != (2, 2) or c.shape != (2,):
        raise ArgumentError(f"an ellipse needs 2 and 2 × 2 numbers, not {c.shape} and {S.shape}")
    if not np.isfinite(S).all() or not np.allclose(S, S.T, rtol=1e-8, atol=0.0):
        raise ArgumentError("the covariance of an ellipse must be finite and symmetric")
    # In units of the standard deviations, so that their ratio costs no digits.
    sd = np.sqrt(np.maximum(np.diag(S), 0.0))
    unit = np.where(sd > 0, sd, 1.0)
    values, vectors = np.linalg.eigh(S / np.outer(unit, unit))
    if values[0] < -1e-8:
        raise ArgumentError("the covariance of an ellipse must not have a negative eigenvalue")
    root = vectors * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
    angle = np.linspace(0.0, 2 * np.pi, points)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    circle[-1] = circle[0]
    return np.asarray(c + radius * circle @ root * unit)


def radius_of(level: float = 0.95, joint: bool = True) -> float:
    """Return the radius √χ²_{df, level} of a confidence ellipse, for normal estimates.

    Parameters
    ----------
    level : float
        Of confidence.
    joint : bool
        With True (df = 2) the ellipse covers both parameters together; with False (df = 1) each
        of its shadows covers one parameter.

    Raises
    ------
    LevelError
        If the level is not between 0 and 1.
    """
    return float(np.sqrt(special.chdtri(2 if joint else 1, 1 - check_level(level))))
