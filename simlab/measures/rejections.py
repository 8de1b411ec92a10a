"""Rejection rates of the tests of a study: size under the null hypothesis, power elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from simlab.errors import ArgumentError, is_level
from simlab.measures.dataset import variables
from simlab.measures.outcomes import need_replicates
from simlab.measures.sums import keeps_measures
from simlab.performance.frequencies import SHARE
from simlab.performance.measure import Measure
from simlab.performance.moments import Moments
from simlab.performance.named import sums_of
from simlab.performance.streams import LEVELS, TESTS


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
        (condition, test, kind, nominal): rejection p; rejection_mcse √(p(1 − p)/n);
        rejection_n, the replicates in which there is such a p-value; rejection_low and
        rejection_high, Wilson's 95 % interval. NaN where a test has none of the kind.
        (condition, test): null_holds.

    Raises
    ------
    ArgumentError
        If the study has no tests, or a level is not between 0 and 1.
    """
    if "null_holds" not in ds:
        raise ArgumentError("the study tests nothing; name what to test under tests: and run it")
    if not levels or not all(map(is_level, levels)):
        raise ArgumentError(f"levels must be numbers between 0 and 1, not {tuple(levels)}")
    rates = _REJECTION.measured(_counted(ds, levels))
    along = {str(name): v for name, v in ds.coords.items() if v.dims == ("condition",)}
    nominal = xr.DataArray(np.array(levels), dims="nominal")
    coords = {**along, "test": ds["test"], "kind": ds["kind"], "nominal": nominal}
    parts = variables(_REJECTION, rates, (*_DIMS, "nominal"), coords)
    return xr.Dataset(parts, attrs=ds.attrs).assign(null_holds=ds["null_holds"])


_REJECTION = Measure(
    "rejection", "share of replicates with p ≤ the nominal level", "1", "p = share of p-values ≤ α",
    TESTS, share=True, mcse=SHARE,
)  # fmt: skip
_DIMS = ("condition", "test", "kind")


def _counted(ds: xr.Dataset, levels: Sequence[float]) -> Moments:
    """Rejections at nominal levels; of sums, at those that were counted while the study ran."""
    if not keeps_measures(ds):
        p = ds["test_p_value"].transpose(*_DIMS, "replicate").values[..., None, :]
        return TESTS.of_values(np.where(np.isnan(p), np.nan, p <= np.array(levels)[:, None])[None])
    for level in levels:
        if level not in LEVELS:
            counted = ", ".join(f"{known:g}" for known in LEVELS)
            need_replicates(ds, f"rejections at level {level:g} (those at {counted} are counted)")
    here = ds[["test_n", "test_hits"]].transpose(*_DIMS, "nominal", ...)
    here = here.isel(nominal=[LEVELS.index(level) for level in levels])
    return sums_of(TESTS, {str(name): v.values for name, v in here.items()})
