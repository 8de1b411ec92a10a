"""B-splines and natural cubic splines: `bs` and `ns` of R's package splines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from simlab.moments import Floats

OUTSIDE = ("raise", "extend", "clip")
"""What `bs` may do with values outside of its boundary knots."""


class Knots(NamedTuple):
    """Knots of a spline, learnt from the data.

    Attributes
    ----------
    inner : (k,)
        Knots between the boundary knots, ascending.
    low, high : float
        Boundary knots.
    """

    inner: Floats
    low: float
    high: float


def spline(
    function: str, x: Floats, options: Mapping[str, Any], known: Knots | None
) -> tuple[Floats, Knots]:
    """Basis of a spline, equal to R's column by column.

    Parameters
    ----------
    function
        ``bs``, B-splines of a degree (by default 3); or ``ns``, cubic splines that are straight
        lines outside of the boundary knots. A natural spline is a combination of B-splines whose
        second derivative is 0 at both boundaries: with C (2, m) these derivatives of the m
        B-splines and C' = QR, the basis is B q_3 … q_m (Hastie 1992, *Statistical Models in S*,
        section 7.6).
    x : (N,)
        Finite.
    options
        ``df``, the number of columns, from which there are as many knots at quantiles of x; or
        ``knots``; ``degree``; ``intercept`` (by default no: the first B-spline is left out, so that
        no combination is a constant); ``Boundary.knots``, by default the range of x;
        ``extrapolation``, one of `OUTSIDE`.
    known
        Knots of the training data, if they are known.

    Returns
    -------
    basis : (N, df)
    knots : Knots
        `known`, if it was given.

    Raises
    ------
    ValueError
        If the options make no basis, or `bs` is given values outside of its boundary knots.
    """
    degree, intercept = int(options.get("degree", 3)), bool(options.get("intercept", False))
    if degree < 1:
        raise ValueError("degree must be at least 1")
    least = (1 if function == "ns" else degree) + intercept
    knots = known or _knots(x, options, least, degree)
    if function == "bs":
        x = _inside(x, knots, options.get("extrapolation", "raise"))
    places = np.repeat((knots.low, knots.high), degree + 1)
    places = np.insert(places, degree + 1, knots.inner)
    from scipy.interpolate import BSpline  # scipy.interpolate: most formulas do without it

    splines = BSpline(places, np.eye(len(places) - degree - 1), degree)
    first = 0 if intercept else 1
    if function == "bs":
        return np.asarray(splines(x)[:, first:]), knots
    ends = np.array((knots.low, knots.high))
    near = np.clip(x, *ends)
    basis = splines(near)
    for end, slope in zip(ends, splines(ends, nu=1), strict=True):
        out = (near == end) & (x != end)
        basis[out] += np.outer(x[out] - end, slope)
    Q, _ = np.linalg.qr(splines(ends, nu=2)[:, first:].T, mode="complete")
    return basis[:, first:] @ Q[:, 2:], knots


def _knots(x: Floats, options: Mapping[str, Any], least: int, degree: int) -> Knots:
    """Knots by df, which are quantiles, or as given."""
    ends = np.ravel(options.get("Boundary.knots", (x.min(), x.max()))).astype(float)
    if len(ends) != 2 or ends[0] == ends[1]:
        raise ValueError("Boundary.knots must be two different numbers, such as c(0, 10)")
    low, high = sorted(ends.tolist())
    if "knots" in options and "df" in options:
        raise ValueError("give df or knots, not both")
    inner = np.sort(np.ravel(options.get("knots", ())).astype(float))
    if "df" in options:
        if (count := options["df"] - least) < 0:
            raise ValueError(f"df is {options['df']}; it must be at least {least}")
        within = x[(low <= x) & (x <= high)]
        if count and not len(within):
            raise ValueError(f"no value lies between the boundary knots {low:g} and {high:g}")
        inner = np.quantile(within, np.linspace(0, 1, count + 2)[1:-1]) if count else inner
    if len(inner) and not (low < inner[0] and inner[-1] < high):
        raise ValueError(
            f"the knots {_listed(inner)} do not all lie between the boundary knots {low:g} and "
            f"{high:g}; give fewer, or place them with knots=c(...)"
        )
    if len(inner) and np.unique(inner, return_counts=True)[1].max() > degree:
        raise ValueError(
            f"more than {degree} of the knots {_listed(inner)} coincide; give fewer, or place them "
            "with knots=c(...)"
        )
    return Knots(inner, low, high)


def _listed(knots: Floats) -> str:
    return ", ".join(f"{knot:g}" for knot in knots)


def _inside(x: Floats, knots: Knots, how: str) -> Floats:
    """Values inside the boundary knots, or as `how` treats those outside."""
    if how not in OUTSIDE:
        raise ValueError(f"extrapolation is {how!r}; it must be one of {', '.join(OUTSIDE)}")
    outside = (x < knots.low) | (x > knots.high)
    if how == "raise" and outside.any():
        raise ValueError(
            f"{x[outside][0]:g} lies outside of the boundary knots {knots.low:g} and "
            f"{knots.high:g}; extrapolation='extend' continues the polynomials there, as R does"
        )
    return np.clip(x, knots.low, knots.high) if how == "clip" else x
