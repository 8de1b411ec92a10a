"""Measures of a study that kept running sums in place of replicates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr

from simlab.performance import AIMS, DIMS, LEVELS, formulas, measured, summed
from simlab.performance.definitions import Definition
from simlab.performance.formulas import Measured
from simlab.performance.summed import Sums

Parts = tuple[xr.DataArray, ...]


def keeps_measures(ds: xr.Dataset) -> bool:
    """Whether a Dataset has sums over its replicates, and not the replicates."""
    return ds.attrs.get("kept") == "measures"


def need_replicates(ds: xr.Dataset, what: str) -> None:
    """Refuse a Dataset without replicates.

    Raises
    ------
    ValueError
        If it has sums only; `what` is what needs more.
    """
    if keeps_measures(ds):
        name = ds.encoding.get("source", ds.attrs.get("name", "this study"))
        raise ValueError(f"{what}: {name} keeps measures only; run with keep: replicates")


def planned_replicates(ds: xr.Dataset) -> int:
    """Replicates of each condition, whether they were kept or not."""
    if "replicate" in ds.dims:
        return int(ds.sizes["replicate"])
    return int(ds.attrs["replicates"])


def parts_of(ds: xr.Dataset, definition: Definition, reference: str | None) -> Parts:
    """Value, MCSE and n of one measure, over all that it has."""
    if definition.name in _COMPARISONS:
        return _COMPARISONS[definition.name](ds, reference)
    here = {
        name: ds[name].transpose("condition", *own).values
        for name, own in DIMS.items()
        if name in ds
    }
    dims = ("condition", *definition.dims)
    labels = {name: v for name, v in ds.coords.items() if {*v.dims} <= {*dims} - {"target"}}
    if definition.against_target:
        labels["target"] = ("target", np.array(AIMS))
    theta = _theta(ds).transpose("condition", "estimator", "term", "target").values
    found = measured(definition.name, here, theta)
    return tuple(xr.DataArray(part, dims=dims, coords=labels) for part in found)


def paired_parts(ds: xr.Dataset, reference: str, quantity: str, target: str) -> Parts:
    """Value, MCSE and n of a paired difference of each estimator from a reference."""
    here = ds.sel(reference=reference, drop=True)
    if quantity != "bias":
        name = {"mse": "squared_error", "coverage": "coverage"}[quantity]
        parts = _sums(here, f"{name}_difference")
        return _apply(_average, *(part.sel(aim=target, drop=True) for part in parts))
    n, mean, C = _sums(here, "difference")
    theta = _theta(ds).sel(target=target, drop=True)
    apart = theta - theta.sel(estimator=reference, drop=True)
    # Targets that are not the same, as limits may be, are apart by a constant.
    return _apply(_average, n.where(apart.notnull(), 0), mean - apart, C)


def rejected(ds: xr.Dataset, level: float) -> Measured:
    """Share of rejections of every test and kind at one of the nominal levels that are counted.

    Raises
    ------
    ValueError
        If the level is none of these.
    """
    if level not in LEVELS:
        counted = ", ".join(f"{known:g}" for known in LEVELS)
        need_replicates(ds, f"rejections at level {level:g} (those at {counted} are counted)")
    hits = ds["test_rejected"].isel(nominal=LEVELS.index(level))
    dims = ("condition", "test", "kind")
    return formulas.share(hits.transpose(*dims).values, ds["test_n"].transpose(*dims).values)


def best_efficiency(
    ds: xr.Dataset, condition: int, method: str, term: str, share: float
) -> Measured:
    """Efficiency against the oracle's slope + λ contextual; NaN for a λ that was not foreseen."""
    here = ds.isel(condition=condition).sel(estimator=method, term=term)
    found = np.flatnonzero(here["best_share"].values == share)
    if not found.size:
        return Measured(np.array(np.nan), np.array(np.nan), np.array(0))
    at = here.isel(candidate=found[0])
    return summed.efficiency(at["best_n"].values, at["best_C"].transpose("product").values)


def _sums(ds: xr.Dataset, name: str) -> Parts:
    return tuple(ds[f"{name}_{part}"] for part in Sums._fields)


def _theta(ds: xr.Dataset) -> xr.DataArray:
    """Targets and the limit, (condition, estimator, term, target)."""
    truth = ds["truth"].expand_dims(estimator=ds["estimator"])
    limit = ds["limit"].expand_dims(target=[AIMS[-1]])
    return xr.concat([truth, limit], "target", join="outer")


def _apply(compute: Callable[..., Measured], *arrays: xr.DataArray) -> Parts:
    parts: Parts = xr.apply_ufunc(compute, *arrays, output_core_dims=[[], [], []], keep_attrs=False)
    return parts


def _average(n: Any, mean: Any, C: Any) -> Measured:
    return summed.average(Sums(n, mean, C))


def _efficiency(ds: xr.Dataset, reference: str | None) -> Parts:
    here = ds.sel(reference=reference, drop=True)
    parts: Parts = xr.apply_ufunc(
        summed.efficiency, here["difference_n"], here["pair_C"],
        input_core_dims=[[], ["product"]], output_core_dims=[[], [], []], keep_attrs=False,
    )  # fmt: skip
    return parts


def _relative_precision(ds: xr.Dataset, reference: str | None) -> Parts:
    def compute(*efficiency: Any) -> Measured:
        return formulas.relative_precision(Measured(*efficiency))

    return _apply(compute, *_efficiency(ds, reference))


_COMPARISONS: Mapping[str, Callable[[xr.Dataset, str | None], Parts]] = MappingProxyType(
    {"relative_precision": _relative_precision, "efficiency": _efficiency}
)
