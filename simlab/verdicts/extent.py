"""How much was run, in words: conditions and replicates."""

from __future__ import annotations

import json

import numpy as np
import xarray as xr

from simlab.measures.outcomes import planned_replicates
from simlab.performance.moments import Counts

_MAXIMUM, _UNDEFINED = 1, 2


def replicates_of(ds: xr.Dataset) -> Counts:
    """Replicates that each condition has, (condition,)."""
    if "replicates" in ds:  # of results that keep measures only
        return np.asarray(ds["replicates"].values, dtype=np.int64)
    run = (ds["status"] >= 0).any("estimator")
    return np.asarray(run.sum("replicate").values, dtype=np.int64)


def extent(ds: xr.Dataset) -> str:
    """Say how many conditions and replicates a study has; and, if it was to stop, where it did.

    Parameters
    ----------
    ds : Dataset
        Results of a study. `stopped` (condition) is there if its conditions stop when a measure is
        known, and `ds.attrs["config"]` then says which.
    """
    C, R = ds.sizes["condition"], planned_replicates(ds)
    conditions = f"{C} condition{'s' * (C > 1)}"
    if "stopped" not in ds:
        return f"{conditions} × {R:,} replicates"
    n = replicates_of(ds)
    few, many = int(n.min()), int(n.max())
    each = f"{many:,}" if few == many else f"{few:,} to {many:,}"
    until = json.loads(ds.attrs["config"])["replicates"]["until"]
    said = f"{conditions} × {each} replicates, until MCSE({until['measure']}) ≤ {until['mcse']:g}"
    why = ds["stopped"].values
    notes = [
        f"{count} {words}"
        for count, words in (
            (int((why == _MAXIMUM).sum()), "stopped at the maximum"),
            (int((why == _UNDEFINED).sum()), "where it is not defined"),
            (int((why < 0).sum()), "not finished"),
        )
        if count
    ]
    return f"{said} ({'; '.join(notes)})" if notes else said
