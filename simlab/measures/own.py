"""The measures that a study names beside those that are always taken."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import xarray as xr

from simlab.custom.measures import own_measure
from simlab.measures.conditions import config_of
from simlab.performance.measure import Measure
from simlab.performance.registry import ROBUST
from simlab.performance.robust import Statistic


def own_measures(ds: xr.Dataset) -> Mapping[str, Measure | Statistic]:
    """Return the measures that a study names, by name; the user's are imported.

    Raises
    ------
    CustomError
        If one of them cannot be imported, or is no measure.
    """
    folder = str(ds.attrs.get("folder", ""))
    found: dict[str, Measure | Statistic] = {}
    for name in config_of(ds).get("measures") or ():
        if ":" in name:
            measure = own_measure(name, Path(folder) if folder else None)
            found[measure.name] = measure
        else:
            found[name] = ROBUST[name]
    return found
