"""Measures of a study that kept running sums in place of replicates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr

from simlab.performance import AIMS, LEVELS, formulas, summed
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


def parts_of(ds: xr.Dataset, name: str, reference: str | None) -> Parts:
    """Value, MCSE and n of one measure of `definitions`, over all that it has."""
    return _MEASURES[name](ds) if name in _MEASURES else _COMPARISONS[name](ds, reference)


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


def _stream(name: str, compute: Callable[[Sums], Measured], ds: xr.Dataset) -> Parts:
    return _apply(lambda *sums: compute(Sums(*sums)), *_by_target(_sums(ds, name)))


def _by_target(parts: Parts) -> Parts:
    return tuple(p.rename(aim="target") if "aim" in p.dims else p for p in parts)


def _bias(ds: xr.Dataset) -> Parts:
    def compute(n: Any, mean: Any, C: Any, centre: Any, theta: Any) -> Measured:
        return summed.bias(Sums(n, mean, C), centre, theta)

    return _apply(compute, *_sums(ds, "estimate"), ds["centre"], _theta(ds))


def _relative_bias(ds: xr.Dataset) -> Parts:
    def compute(value: Any, mcse: Any, n: Any, theta: Any) -> Measured:
        return formulas.relative_bias(Measured(value, mcse, n), theta)

    return _apply(compute, *_bias(ds), _theta(ds))


def _rmse(ds: xr.Dataset) -> Parts:
    parts = _stream("squared_error", summed.average, ds)
    return _apply(lambda *mse: formulas.rmse(Measured(*mse)), *parts)


def _relative_error(ds: xr.Dataset) -> Parts:
    def compute(*sums: Any) -> Measured:
        return summed.relative_error(Sums(*sums[:3]), Sums(*sums[3:]))

    return _apply(compute, *_sums(ds, "estimate_with_se"), *_sums(ds, "variance_with_estimate"))


def _share(hits: str, n: str, ds: xr.Dataset) -> Parts:
    return _apply(formulas.share, *_by_target((ds[hits], ds[n])))


def _held(ds: xr.Dataset) -> Parts:
    return _apply(summed.bias_eliminated_coverage, ds["held"], ds["holdable"])


def _status(codes: list[int], ds: xr.Dataset) -> Parts:
    count = ds["status_count"]
    return _apply(formulas.share, count.isel(code=codes).sum("code"), count.sum("code"))


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


_MEASURES: Mapping[str, Callable[[xr.Dataset], Parts]] = MappingProxyType(
    {
        "bias": _bias,
        "relative_bias": _relative_bias,
        "empirical_se": partial(_stream, "estimate", summed.empirical_se),
        "mse": partial(_stream, "squared_error", summed.average),
        "rmse": _rmse,
        "model_se": partial(_stream, "variance", summed.model_se),
        "relative_error": _relative_error,
        "coverage": partial(_share, "covered", "coverable"),
        "bias_eliminated_coverage": _held,
        "rejection_rate": partial(_share, "rejected", "rejectable"),
        "interval_width": partial(_stream, "width", summed.average),
        "failures": partial(_status, [2, 3, 4]),
        "singular": partial(_status, [1]),
        "dropped_clusters": partial(_stream, "dropped", summed.average),
    }
)

_COMPARISONS: Mapping[str, Callable[[xr.Dataset, str | None], Parts]] = MappingProxyType(
    {"relative_precision": _relative_precision, "efficiency": _efficiency}
)
