"""Functions that learn from the data: cluster means, centring and scaling, polynomials, splines."""

from __future__ import annotations

import copy
from collections.abc import Hashable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from formulaic.transforms import TRANSFORMS

from simlab.formula.splines import Knots, spline
from simlab.formula.values import Matrix
from simlab.moments import Floats, Ints

BASES = frozenset({"poly", "bs", "ns", "cr", "cc"})
"""Functions that make several columns of one."""

_CENTRED: Mapping[str, tuple[bool, bool, int]] = MappingProxyType(
    {"center": (True, False, 1), "scale": (True, True, 1), "standardize": (True, True, 0)}
)


class Means(NamedTuple):
    """Cluster means of k columns.

    Attributes
    ----------
    labels : pd.Index
        The J clusters.
    origin : (k,)
        A number near the mean of each column.
    deviation : (J, k)
        Cluster means about the origin; NaN where a cluster has no value.
    levels : tuple
        Levels of the factor that the columns indicate; () for numbers.
    """

    labels: pd.Index
    origin: Floats
    deviation: Floats
    levels: tuple[Hashable, ...]


def cluster_means(
    columns: list[Floats],
    codes: Ints,
    labels: pd.Index,
    levels: tuple[Hashable, ...],
    within: bool,
    known: Means | None,
) -> tuple[Floats, Means]:
    """x̄_j of the cluster of each row, or x − x̄_j.

    A mean is taken over the rows where x and the cluster are present, about an origin near x, so
    that an offset of 1e8 costs no digits.

    Parameters
    ----------
    columns
        k arrays (N,), NaN where missing.
    codes : (N,)
        Cluster of each row, −1 where missing.
    labels
        Labels of the clusters that the codes number.
    levels
        Is kept in the result.
    within
        Return x − x̄_j.
    known
        Means of another data set: they are used for its clusters, and those of the given rows only
        for clusters that it does not have.

    Returns
    -------
    values : (N, k)
        NaN where the cluster is missing.
    means : Means
        `known`, if it was given.
    """
    J = len(labels)
    origin = np.zeros(len(columns)) if known is None else known.origin
    deviation = np.full((J + 1, len(columns)), np.nan)  # row −1 is for a missing cluster
    values = np.empty((len(codes), len(columns)))
    place = None if known is None else known.labels.get_indexer(labels)
    for k, x in enumerate(columns):
        present = ~np.isnan(x) & (codes >= 0)
        everywhere = bool(present.all())
        group, shown = (codes, x) if everywhere else (codes[present], x[present])
        if known is None and len(shown):
            origin[k] = shown.mean()
        n = np.bincount(group, minlength=J)
        with np.errstate(invalid="ignore", divide="ignore"):
            deviation[:J, k] = np.bincount(group, shown - origin[k], minlength=J) / n
        if known is not None and place is not None:
            old = place >= 0
            deviation[:J, k][old] = known.deviation[place[old], k]
        if within:
            np.subtract(x, origin[k], out=values[:, k])
            values[:, k] -= deviation[codes, k]
        else:
            np.add(deviation[codes, k], origin[k], out=values[:, k])
    if known is not None:
        return values, known
    return values, Means(labels, origin, deviation[:J].copy(), levels)


def centred(
    function: str, x: Floats, options: dict[str, Any], known: tuple[float, float] | None
) -> tuple[Floats, tuple[float, float]]:
    """Centre and scale by the mean and the standard deviation of the training data.

    Parameters
    ----------
    function
        ``center``, ``scale`` (n − 1 in the deviation, as R) or ``standardize`` (n, as patsy).
    x : (N,)
        NaN where missing.
    options
        ``center``, ``scale`` or ``rescale`` (True or False) and ``ddof``.
    known
        Mean and deviation, if they are known.

    Returns
    -------
    values : (N,)
        (x − mean)/deviation.
    known : (float, float)
        0 and 1 for what is not asked for.

    Raises
    ------
    ValueError
        If x is constant and is to be scaled.
    """
    shift, rescale, ddof = _CENTRED[function]
    shift = options.get("center", shift)
    rescale = options.get("scale", options.get("rescale", rescale))
    ddof = options.get("ddof", ddof)
    if known is None:
        present = x[~np.isnan(x)]
        if len(present) <= ddof:
            raise ValueError("too few values")
        mean = float(present.mean()) if shift else 0.0
        spread = 1.0
        if rescale:
            # Without centring R scales by the root mean square
            spread = float(np.sqrt(np.sum((present - mean) ** 2) / (len(present) - ddof)))
        if spread <= 4 * np.finfo(float).eps * np.abs(present).max(initial=0.0):
            raise ValueError("a constant cannot be scaled")
        known = mean, spread
    return (x - known[0]) / known[1], known


def basis(
    function: str, x: Floats, options: dict[str, Any], known: Any
) -> tuple[Matrix, dict[str, Any] | Knots]:
    """Basis of polynomials or splines.

    Parameters
    ----------
    function
        ``poly`` (orthonormal, as R's), ``bs`` and ``ns`` (B-splines and natural splines, see
        `splines`), ``cr`` or ``cc`` (natural and cyclic cubic splines by their values at the knots,
        as patsy's and mgcv's). ``cr`` and ``cc`` are centred: their columns have the mean 0 in the
        training data, which takes the constant out of their span as beside an intercept it must be;
        with ``constraints='none'`` they are not.
    x : (N,)
        NaN where missing; such rows are left out and get NaN.
    options
        See `functions.PARAMETERS`.
    known
        State of the basis, if it is known.

    Returns
    -------
    basis : Matrix
        (N, k) with the labels "1" … "k".
    state : dict or Knots
        To be given again for new data.

    Raises
    ------
    ValueError
        If the options make no basis, or x is outside of it.
    """
    present = ~np.isnan(x)
    given = x[present]
    if not given.size:
        raise ValueError("no value is present")
    if known is None and len(np.unique(given)) <= (wanted := max(_size(options), 1)):
        raise ValueError(f"needs more than {wanted} distinct values")
    made, state = (spline if function in ("bs", "ns") else _by_formulaic)(
        function, given, options, known
    )
    values = np.full((len(x), made.shape[1]), np.nan)
    values[present] = made
    return Matrix(values, tuple(str(k + 1) for k in range(made.shape[1]))), state


def _by_formulaic(
    function: str, x: Floats, options: dict[str, Any], known: dict[str, Any] | None
) -> tuple[Floats, dict[str, Any]]:
    if function == "poly":
        options = {"degree": 1, **options}
        if options["degree"] < 1:
            raise ValueError("degree must be at least 1")
    else:
        options = _centred_splines(function, options)
    state = {} if known is None else copy.deepcopy(known)
    result = TRANSFORMS[function](x, **options, _state=state)
    made = getattr(result, "__wrapped__", result)
    columns = np.column_stack(list(made.values())) if isinstance(made, dict) else np.asarray(made)
    if not columns.size:
        raise ValueError("has no column; raise df")
    return columns, state


def _centred_splines(function: str, options: dict[str, Any]) -> dict[str, Any]:
    """Options of formulaic's ``cr`` and ``cc``, which are centred unless it is said otherwise."""
    constraints = options.get("constraints", "center")
    if constraints not in ("center", "none"):
        raise ValueError(f"constraints is {constraints!r}; it must be 'center' or 'none'")
    centre = constraints == "center"
    least = (2 if centre else 3) if function == "cr" else 1
    if "df" not in options:
        raise ValueError("give df, the number of columns")
    if options["df"] < least:
        raise ValueError(f"df is {options['df']}; it must be at least {least}")
    return {**options, "constraints": "center" if centre else None}


def _size(options: dict[str, Any]) -> int:
    return max(int(options.get("df", 0)), int(options.get("degree", 0)))
