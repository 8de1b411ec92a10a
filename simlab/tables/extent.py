"""How much was run, in words: conditions and replicates."""

from __future__ import annotations

import json
from itertools import groupby

import numpy as np
import xarray as xr

from simlab.measures.outcomes import planned_replicates
from simlab.performance.moments import Counts

_MAXIMUM, _UNDEFINED = 1, 2


def replicates_of(ds: xr.Dataset) -> Counts:
    """Replicates that each condition has, (condition,)."""
    if "replicates" in ds:  # of results that keep measures only
        return np.asarray(ds["replicates"].values, dtype=np.int64)
    if "status" not in ds:  # some of the variables of a study
        return np.full(ds.sizes["condition"], planned_replicates(ds))
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
    n = replicates_of(ds)
    few, many = int(n.min()), int(n.max())
    each = f"{many:,}" if few == many else f"{few:,} to {many:,}"
    if "stopped" not in ds:
        return f"{conditions} × {each}{f' of {R:,}' * (few < R)} replicates"
    until = json.loads(ds.attrs["config"])["replicates"]["until"]
    said = f"{conditions} × {each} replicates, until MCSE({until['measure']}) ≤ {until['mcse']:g}"
    why = ds["stopped"].values
    notes = [
        f"{count} {words}"
        for count, words in (
            (int((why == _MAXIMUM).sum()), "stopped at the maximum"),
            (int((why == _UNDEFINED).sum()), "where it is not defined"),
            (int((why < 0).sum()), "unfinished"),
        )
        if count
    ]
    return f"{said} ({'; '.join(notes)})" if notes else said


RUNS = 8
"""Groups of conditions that a line tells apart."""


def unfinished(ds: xr.Dataset) -> str:
    """Say how many replicates the conditions of an unfinished study have; "" of a finished one.

    Conditions with the same number, one after another, are told together.
    """
    n = replicates_of(ds)
    stopped = ds["stopped"].values >= 0 if "stopped" in ds else n >= planned_replicates(ds)
    if stopped.all():
        return ""
    groups = [list(group) for _, group in groupby(range(len(n)), lambda c: (n[c], stopped[c]))]
    told = [f"{_count(n[group[0]])} in {_conditions(group)}" for group in groups[:RUNS]]
    if more := [c for group in groups[RUNS:] for c in group]:
        told.append(f"{n[more].min():,} to {n[more].max():,} in the other {len(more)}")
    complete = f"{stopped.sum()} of {len(n)} conditions are complete"
    return f"unfinished: {complete}; replicates done: {', '.join(told)}"


def _count(n: int) -> str:
    return f"{n:,}" if n else "none"


def _conditions(group: list[int]) -> str:
    first, last = group[0], group[-1]
    return f"condition {first}" if first == last else f"conditions {first} to {last}"


def what_was_run(ds: xr.Dataset, run: str) -> tuple[str, ...]:
    """Return the last lines of a table: what was run, and that it is unfinished if it is."""
    return tuple(f"{text}." for text in (run, unfinished(ds)) if text)
