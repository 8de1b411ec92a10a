"""The conditions of a saved study: which one is meant, and what each cost and yielded."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from simlab.errors import ArgumentError, check_known
from simlab.measures.outcomes import factors_of
from simlab.measures.sums import keeps_measures
from simlab.results import Stop, wall_seconds
from simlab.words import Status

__all__ = ["condition_of", "describe", "factor_of", "summary"]


def describe(ds: xr.Dataset, condition: int) -> str:
    """Name a condition by its levels, as `condition_of` reads it; "base" where nothing varies."""
    levels = {name: _shown(ds[name].values[condition]) for name in factors_of(ds)}
    parts = [f"{name}={level}" for name, level in levels.items() if level != "nan"]
    return ", ".join(parts) or "base"


def condition_of(ds: xr.Dataset, text: str) -> int:
    """Position of the condition that is meant.

    `text` is a number from 0, the first digits of a key, or levels such as
    ``population.clusters=20, scheme=same-clusters``; a factor may be called by the last part of its
    path. ArgumentError if no condition is meant, or several are; it names those there are.
    """
    text, count = text.strip(), ds.sizes["condition"]
    if text.isdecimal() and int(text) < count:
        return int(text)
    keys = [str(key) for key in ds["key"].values]
    if "=" in text:
        meant = _with_levels(ds, text)
    else:
        meant = [c for c, key in enumerate(keys) if len(text) >= 4 and key.startswith(text)]
    if len(meant) == 1:
        return meant[0]
    offered = "\n".join(f"  {c:>3}  {describe(ds, c)}" for c in (meant or range(count))[:20])
    what = f"{len(meant)} conditions are" if meant else "no condition is"
    give = "give a number, or levels that single one out"
    raise ArgumentError(f"{what} {text!r}; {give}:\n{offered}")


def factor_of(ds: xr.Dataset, text: str) -> str:
    """Find the factor of the grid that is meant, by its path or, if no other ends so, its end.

    ArgumentError if there is none; it names those there are.
    """
    names = factors_of(ds)
    meant = [name for name in names if name.endswith(f".{text}")]
    if text in names or len(meant) != 1:
        check_known("factor", text, names, "the study has no grid")
        return text
    return meant[0]


def _with_levels(ds: xr.Dataset, text: str) -> list[int]:
    """Positions of the conditions that have all levels of a text such as "J=20, n=5"."""
    meant = list(range(ds.sizes["condition"]))
    for part in text.split(","):
        name, _, level = (piece.strip() for piece in part.partition("="))
        factor = factor_of(ds, name)
        meant = [c for c in meant if _same(ds[factor].values[c], level)]
    return meant


def _same(value: Any, level: str) -> bool:
    """Whether a level is that of a text, as text or as a number."""
    if _shown(value) == level:
        return True
    try:
        return float(value) == float(level)
    except ValueError:
        return False


def _shown(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return "nan" if math.isnan(value) else f"{value:.12g}"
    return str(value)


def summary(ds: xr.Dataset) -> pd.DataFrame:
    """Summarise each condition: what it cost, and how its fits ended.

    Returns
    -------
    DataFrame
        A row for each condition: a column for each factor, then replicates (done), core_seconds,
        wall_seconds (while a block of it was under way; NaN where not recorded, as in a study that
        keeps measures), the number of fits of each status: ok, singular, not_converged,
        not_estimable, error; and stopped, a word, if conditions stop when a measure is known.
    """
    if keeps_measures(ds):
        replicates, seconds = ds["replicates"].values, ds["seconds"].values
    else:
        replicates = (ds["status"] >= 0).any("estimator").sum("replicate").values
        seconds = ds["seconds"].sum("block").values
    table = pd.DataFrame({name: ds[name].values for name in factors_of(ds)}).assign(
        replicates=replicates, core_seconds=seconds, wall_seconds=wall_seconds(ds).values
    )
    counts = status_counts(ds).sum(axis=1)
    table = table.assign(**{one.word: counts[:, i] for i, one in enumerate(Status)})
    if "stopped" in ds:
        words = [Stop(code).name.lower() for code in ds["stopped"].values.tolist()]
        table["stopped"] = np.array(words, dtype=object)
    return table


def status_counts(ds: xr.Dataset) -> NDArray[np.int64]:
    """Fits of each status, (condition, estimator, status)."""
    if keeps_measures(ds):
        return ds["status_hits"].transpose("condition", "estimator", "status_outcome").values
    status = ds["status"].transpose("condition", "estimator", "replicate").values
    return np.stack([(status == one).sum(axis=-1) for one in Status], axis=-1)
