"""What a picture needs of a Dataset, looked up and checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from simlab.errors import ArgumentError, check_known
from simlab.measures import measure
from simlab.measures.outcomes import need_replicates
from simlab.plots import style
from simlab.words import FITTED


class Replicates(NamedTuple):
    """Estimates of one term by one method, and what was measured of them.

    Attributes
    ----------
    estimate, std_error, df, lower, upper : ndarray of float, shape (replicates,)
        Of the fits that gave an interval; df is infinite where the study has none.
    target : float
        What the intervals should cover.
    covers : ndarray of bool, shape (replicates,)
        Whether they do.
    measured : Dataset
        From `simlab.measure`, for this method, condition and term; dimension target.
    """

    estimate: NDArray[np.float64]
    std_error: NDArray[np.float64]
    df: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    target: float
    covers: NDArray[np.bool_]
    measured: xr.Dataset


def replicates(
    ds: xr.Dataset, estimator: str, condition: int, term: str, target: str
) -> Replicates:
    """Look up one method in one condition.

    Raises
    ------
    ArgumentError
        If there is no such estimator, condition, term or target; the method has no interval for
        the term; the target is not known there; or the study keeps measures only.
    """
    need_replicates(ds, "a picture of replicates")
    for dim, label in (("estimator", estimator), ("term", term)):
        style.of(ds, dim, label)
    if target != "limit":
        style.of(ds, "target", target)
    here = ds.isel(condition=[condition_of(ds, condition)])
    here = here.sel(estimator=[estimator], term=[term])
    measured = measure(here).isel(condition=0, estimator=0, term=0)
    one = here.isel(condition=0, estimator=0, term=0)
    kept = (one["status"].isin(FITTED) & one["upper"].notnull()).values
    if not kept.any():
        raise ArgumentError(f"{estimator!r} has no interval for {term!r} in condition {condition}")
    at = float(one["limit"] if target == "limit" else one["truth"].sel(target=target))
    if np.isnan(at):
        raise ArgumentError(f"the {target} of {term!r} is not known in condition {condition}")
    estimate, std_error, lower, upper = (
        one[name].values[kept] for name in ("estimate", "std_error", "lower", "upper")
    )
    df = one["df"].values[kept] if "df" in one else np.full(len(lower), np.inf)
    covers = (lower <= at) & (at <= upper)
    return Replicates(estimate, std_error, df, lower, upper, at, covers, measured)


def condition_of(data: xr.Dataset, condition: int) -> int:
    """Return the position of a condition after checking that the Dataset has it.

    Raises
    ------
    ArgumentError
        If it has not.
    """
    there = data.sizes["condition"]
    if not -there <= condition < there:
        raise ArgumentError(f"there are {there} conditions, but no number {condition}")
    return condition


def one_measure(measured: xr.Dataset, measure: str, term: str, target: str) -> xr.Dataset:
    """Return a measure and its MCSE, of one term and target where it has those.

    Returns
    -------
    Dataset
        Variables `measure`, and `measure` with _mcse, _low and _high; dimensions condition and
        estimator.

    Raises
    ------
    ArgumentError
        If there is no such measure, term or target.
    """
    offered = [str(name) for name in measured.data_vars if f"{name}_mcse" in measured]
    check_known("measure", measure, offered)
    here = measured[[f"{measure}{part}" for part in ("", "_mcse", "_low", "_high")]]
    for dim, label in (("term", term), ("target", target)):
        if dim in here[measure].dims:
            here = here.sel({dim: style.of(measured, dim, label)})
    return here


def methods(values: xr.DataArray, estimators: Sequence[str] | None) -> list[str]:
    """Return the methods to draw: those asked for, or all that have a value.

    Raises
    ------
    ArgumentError
        If a method that was asked for is unknown or has no value, or none has one.
    """
    there = style.having(values)
    names = (
        there
        if estimators is None
        else [style.of(values.coords, "estimator", e) for e in estimators]
    )
    what = values.attrs.get("long_name", values.name)
    if not names:
        raise ArgumentError(f"no method has a {what} here")
    if lacking := [name for name in names if name not in there]:
        raise ArgumentError(f"{', '.join(lacking)}: no {what} here; leave out what has none")
    return names
