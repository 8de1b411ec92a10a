"""Functions that learn from the data: centring and scaling, polynomials, splines."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from simlab.formula.splines import Knots, spline
from simlab.formula.values import Matrix
from simlab.moments import Floats

ORTHONORMAL = 1e-7  # by which columns of poly may be off
BASES = frozenset({"poly", "bs", "ns", "cr", "cc"})
"""Functions that make several columns of one."""

_CENTRED: Mapping[str, tuple[bool, bool, int]] = MappingProxyType(
    {"center": (True, False, 1), "scale": (True, True, 1), "standardize": (True, True, 0)}
)


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
        0 and 1 for what is not wanted.

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
    """Columns of a polynomial or spline of formulaic, and what it has learnt."""
    if function == "poly":
        options = {"degree": 1, **options}
        if options["degree"] < 1:
            raise ValueError("degree must be at least 1")
    else:
        options = _centred_splines(function, options)
    state = {} if known is None else copy.deepcopy(known)
    from formulaic.transforms import TRANSFORMS  # formulaic: most formulas do without it

    result = TRANSFORMS[function](x, **options, _state=state)
    made = getattr(result, "__wrapped__", result)
    columns = np.column_stack(list(made.values())) if isinstance(made, dict) else np.asarray(made)
    if not columns.size:
        raise ValueError("has no column; raise df")
    if function == "poly" and known is None and not options.get("raw"):
        off = columns.T @ columns - np.eye(columns.shape[1])
        if not np.abs(off).max() < ORTHONORMAL:
            raise ValueError("polynomials of this degree lose their digits; lower it, or use ns")
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
