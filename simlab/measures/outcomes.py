"""Replicates of a results Dataset as arrays, and the targets that they are measured against."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from simlab.errors import ArgumentError, check_level
from simlab.performance.node import PER_TERM, replicates
from simlab.performance.stream import Replicates
from simlab.words import LIMIT

"""The target that is each estimator's own probability limit."""

_NEEDED = (*PER_TERM, "status", "dropped", "truth", "limit")


def require(ds: xr.Dataset) -> None:
    """Refuse a Dataset without replicates or another variable that measures need."""
    missing = [name for name in _NEEDED if name not in ds]
    if missing:
        raise ArgumentError(
            f"{source_of(ds)} lacks {', '.join(missing)}: performance is measured on results "
            f"with the variables {', '.join(_NEEDED)}; open a results store"
        )


def need_replicates(ds: xr.Dataset, what: str) -> None:
    """Refuse, with an ArgumentError, a Dataset that has sums only; `what` is what needs more."""
    if ds.attrs.get("kept") == "measures":
        name = ds.encoding.get("source", ds.attrs.get("name", "this study"))
        raise ArgumentError(f"{what}: {name} keeps measures only; run with keep: replicates")


def block_of(one: xr.Dataset) -> dict[str, Any]:
    """Arrays of the replicates of one condition, replicates first."""
    dims: dict[str, tuple[str, ...]] = dict.fromkeys(PER_TERM, ("estimator", "term"))
    dims |= dict.fromkeys(("status", "dropped"), ("estimator",))
    if "test_p_value" in one:
        dims["test_p_value"] = ("test", "kind")
    return {name: one[name].transpose("replicate", *along).values for name, along in dims.items()}


def replicates_of(ds: xr.Dataset, condition: int, theta: xr.DataArray | None = None) -> Replicates:
    """Replicates of a condition, (estimator, term, b): estimates of fits that did well.

    They are compared with `theta` (condition, estimator, term), by default with 0.
    """
    arrays = replicates(block_of(ds.isel(condition=condition)), alpha_of(ds)).arrays
    target = np.zeros((*arrays["estimate"].shape[:2], 1))
    if theta is not None:
        target = theta.isel(condition=condition).transpose("estimator", "term").values[..., None]
    centre = np.where(np.isnan(target), 0.0, target)
    return Replicates({**arrays, "theta": target, "centre": centre}, alpha_of(ds))


def theta_of(ds: xr.Dataset) -> xr.DataArray:
    """Targets and the limit, (condition, estimator, term, target)."""
    truth = ds["truth"].expand_dims(estimator=ds["estimator"])
    limit = ds["limit"].expand_dims(target=[LIMIT])
    theta = xr.concat([truth, limit], "target", join="outer")
    return theta.transpose("condition", "estimator", "term", "target")


def alpha_of(ds: xr.Dataset) -> float:
    """Level of the terms' tests, 1 − level of the intervals."""
    level = ds.attrs.get("level", 0.95)
    # 1 − 0.9 is a little below 0.1; a Monte Carlo p-value of exactly 0.1 must still reject.
    return round(1 - check_level(level, f"{source_of(ds)}: attribute level"), 12)


def planned_replicates(ds: xr.Dataset) -> int:
    """Replicates of each condition, whether they were kept, or run, or not."""
    if "replicates" in ds.attrs:
        return int(ds.attrs["replicates"])
    return int(ds.sizes["replicate"])


def source_of(ds: xr.Dataset) -> str:
    """Path that a Dataset was read from, for messages."""
    return str(ds.encoding.get("source", "the data set"))


def factors_of(measured: xr.Dataset) -> list[str]:
    """Names of the grid's factors: what lies along condition, but for labels of the whole."""
    along = (str(c) for c, v in measured.coords.items() if v.dims == ("condition",))
    return [name for name in along if name not in ("condition", "key")]
