"""What the replicates of a results Dataset have to say, and what they are measured against."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import xarray as xr

from simlab.errors import check_level

__all__ = [
    "LIMIT",
    "alpha_of",
    "factors_of",
    "indicator",
    "one_of",
    "outcomes_of",
    "source_of",
    "theta_of",
]

LIMIT = "limit"
"""The target that is each estimator's own probability limit."""

_PER_TERM = ("estimate", "std_error", "lower", "upper", "p_value")
_NEEDED = (*_PER_TERM, "status", "dropped", "truth", "limit")
_OK, _SINGULAR = 0, 1


def outcomes_of(ds: xr.Dataset) -> dict[str, xr.DataArray]:
    """What each replicate has to say: estimates only where the fit gave one.

    Raises
    ------
    ValueError
        If `ds` lacks a variable.
    """
    missing = [name for name in _NEEDED if name not in ds]
    if missing:
        raise ValueError(
            f"{source_of(ds)} lacks {', '.join(missing)}: performance is measured on results "
            f"with the variables {', '.join(_NEEDED)}; open a results store"
        )
    status = ds["status"]
    fitted = (status == _OK) | (status == _SINGULAR)
    # A copy of every array is worth avoiding when nothing failed.
    all_fitted = bool(fitted.all())
    outcomes = {v: ds[v] if all_fitted else ds[v].where(fitted) for v in _PER_TERM}
    run = status >= _OK
    return outcomes | {
        "failed": indicator(~fitted, run),
        "singular": indicator(status == _SINGULAR, run),
        "dropped": ds["dropped"].where(fitted),
    }


def indicator(hit: xr.DataArray, known: xr.DataArray) -> xr.DataArray:
    """1 and 0, NaN where unknown."""
    return hit.astype(np.float64).where(known)


def theta_of(ds: xr.Dataset, target: str) -> xr.DataArray:
    """One target: of each term, or the limit of each estimate."""
    return ds["limit"] if target == LIMIT else ds["truth"].sel(target=target, drop=True)


def alpha_of(ds: xr.Dataset) -> float:
    """Level of the terms' tests, 1 − level of the intervals.

    Raises
    ------
    ValueError
        If the level is not between 0 and 1.
    """
    level = ds.attrs.get("level", 0.95)
    # 1 − 0.9 is a little below 0.1; a Monte Carlo p-value of exactly 0.1 must still reject.
    return round(1 - check_level(level, f"{source_of(ds)}: attribute level"), 12)


def source_of(ds: xr.Dataset) -> str:
    """Where a Dataset was read from, for messages."""
    return str(ds.encoding.get("source", "the data set"))


def one_of(field: str, given: str, offered: Iterable[object]) -> None:
    """Refuse a name that is not offered.

    Raises
    ------
    ValueError
        If it is not; names those there are.
    """
    names = [str(name) for name in offered]
    if given not in names:
        raise ValueError(f"{field} {given!r} is unknown; give one of {', '.join(names)}")


def factors_of(measured: xr.Dataset) -> list[str]:
    """Names of the grid's factors: what lies along condition, but for labels of the whole."""
    along = (str(c) for c, v in measured.coords.items() if v.dims == ("condition",))
    return [name for name in along if name not in ("condition", "key")]
