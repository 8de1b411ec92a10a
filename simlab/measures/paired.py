"""Differences between estimators, replicate by replicate."""

from __future__ import annotations

from typing import Literal, get_args

import xarray as xr

from simlab.errors import check_known
from simlab.measures.dataset import measure
from simlab.words import LIMIT

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
    ArgumentError
        If `ds` lacks a variable, or a name is not among those it offers.
    """
    check_known("quantity", quantity, get_args(Quantity))
    check_known("target", target, [*ds.target.values, LIMIT])
    name = f"paired_{quantity}"
    found = measure(ds, reference, [name]).sel(target=target, drop=True)
    parts = {f"{name}{part}": part.strip("_") or "value" for part in ("", "_mcse", "_n")}
    attrs = {"quantity": quantity, "reference": reference, "target": target}
    return found[list(parts)].rename(parts).drop_attrs(deep=False).assign_attrs(attrs)
