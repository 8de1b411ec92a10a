"""Differences between estimators, replicate by replicate."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import xarray as xr

from simlab.measures.outcomes import LIMIT, one_of, theta_of
from simlab.measures.sums import arrays_of, summed
from simlab.performance import MEASURES, PAIRED, Measured, sums_of
from simlab.performance.moments import Moments

Quantity = Literal["bias", "mse", "coverage"]


def paired(
    ds: xr.Dataset,
    reference: str,
    quantity: Quantity = "bias",
    target: str = "beta_within",
) -> xr.Dataset:
    """Difference of each estimator from a reference, replicate by replicate.

    The mean over replicates where both are available of L − L_ref, with MCSE sd(L − L_ref)/√n,
    where L is θ̂ − θ for bias, (θ̂ − θ)² for mse, and 1 if lower ≤ θ ≤ upper, else 0, for coverage.
    Much sharper than the difference of two measures, because both estimators saw the same data.

    Parameters
    ----------
    ds : Dataset
        Results of a study, as for `measure`.
    reference : str
        One of its estimators.
    quantity : {"bias", "mse", "coverage"}
    target : str
        One of the targets of `ds`, or "limit": each estimator's own probability limit.

    Returns
    -------
    Dataset
        value, mcse, n (condition, estimator, term).

    Raises
    ------
    ValueError
        If `ds` lacks a variable, or a name is not among those it offers.
    """
    one_of("reference", reference, ds.estimator.values)
    one_of("quantity", quantity, get_args(Quantity))
    one_of("target", target, [*ds.target.values, LIMIT])
    measure = PAIRED[quantity]
    sums = summed(ds, [measure.stream], reference)
    here = arrays_of(sums.sel(reference=reference, drop=True))
    theta = theta_of(sums).sel(target=target, drop=True)
    other = theta.sel(estimator=reference, drop=True)
    found = sums_of(measure.stream, here)
    if quantity == "coverage":
        place = theta_of(sums)["target"].values.tolist().index(target)
        one = Moments(found.n[..., place], found.mean[..., place, :], found.M[..., place, :])
        measured = measure.measured(one)
    else:
        centre = sums["centre"] + sums["centre"].sel(estimator=reference, drop=True)
        difference, rest = (theta - other, centre - theta - other)
        at = (one.transpose(*_DIMS).values for one in (difference, rest))
        measured = measure.measured(found, next(at), next(at))
    return _labelled(ds, measured, quantity, reference, target)


_DIMS = ("condition", "estimator", "term")


def _labelled(
    ds: xr.Dataset, measured: Measured, quantity: str, reference: str, target: str
) -> xr.Dataset:
    what = f"{quantity} minus that of {reference}, target {target}"
    units = MEASURES[quantity].units
    texts = {
        "value": ("", units, "mean (L − L_ref)"),
        "mcse": ("Monte Carlo standard error: ", units, "sd(L − L_ref)/√n"),
        "n": ("replicates that entered: ", "replicates", "replicates where both are available"),
    }
    variables = {}
    for (name, (prefix, unit, text)), part in zip(texts.items(), measured, strict=True):
        attrs = {"long_name": prefix + what, "units": unit, "definition": text}
        variables[name] = (_DIMS, np.asarray(part), attrs)
    coords = {name: v for name, v in ds.coords.items() if {*v.dims} <= {*_DIMS}}
    attrs = {"quantity": quantity, "reference": reference, "target": target}
    return xr.Dataset(variables, coords=coords, attrs=attrs)
