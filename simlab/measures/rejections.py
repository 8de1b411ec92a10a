"""How often the tests of a study reject: size where the null hypothesis holds, power elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from simlab.errors import is_level
from simlab.measures import summed
from simlab.performance import LEVELS
from simlab.performance import replicates as core


def rejection(ds: xr.Dataset, levels: Sequence[float] = LEVELS) -> xr.Dataset:
    """Share of replicates in which each p-value is at most the nominal level.

    Where the null hypothesis of a test is true (`null_holds`) the share is its size, and should be
    the nominal level; elsewhere it is its power.

    Parameters
    ----------
    ds : Dataset
        Results of a study with tests: test_p_value (condition, replicate, test, kind), null_holds
        (condition, test).
    levels : sequence of float
        Nominal levels α, between 0 and 1.

    Returns
    -------
    Dataset
        (condition, test, kind, nominal): rejection p, rejection_mcse √(p(1 − p)/n) and
        rejection_n, the replicates in which there is such a p-value; NaN where a test has none of
        the kind. (condition, test): null_holds.

    Raises
    ------
    ValueError
        If the study has no tests, or a level is not between 0 and 1.
    """
    if "null_holds" not in ds:
        raise ValueError("the study tests nothing; name what to test under tests: and run it")
    if not levels or not all(map(is_level, levels)):
        raise ValueError(f"levels must be numbers between 0 and 1, not {tuple(levels)}")
    if summed.keeps_measures(ds):
        each = [summed.rejected(ds, level) for level in levels]
    else:
        p_value = ds["test_p_value"].transpose("condition", "test", "kind", "replicate")
        each = [core.rejection_rate(p_value.values, level) for level in levels]
    dims = ("condition", "test", "kind", "nominal")
    told = {
        "rejection": ("share of replicates with p ≤ the nominal level", "1"),
        "rejection_mcse": ("Monte Carlo standard error of that share", "1"),
        "rejection_n": ("replicates that have the p-value", "replicates"),
    }
    parts = (np.stack(part, axis=-1) for part in zip(*each, strict=True))
    variables = {
        name: (dims, part, {"long_name": words, "units": units})
        for (name, (words, units)), part in zip(told.items(), parts, strict=True)
    }
    along = {name: v for name, v in ds.coords.items() if v.dims == ("condition",)}
    coords = {**along, "test": ds["test"], "kind": ds["kind"], "nominal": np.array(levels)}
    measured = xr.Dataset(variables, coords=coords, attrs=ds.attrs)
    return measured.assign(null_holds=ds["null_holds"])
