"""Every fit of a saved study that did not end well."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from simlab.archive.conditions import status_counts
from simlab.errors import check_known
from simlab.measures.outcomes import need_replicates
from simlab.measures.sums import keeps_measures
from simlab.words import FAILED, Status

__all__ = ["failed_fits", "failure_counts", "failures", "tried"]


def failures(ds: xr.Dataset, statuses: Sequence[str] | None = None) -> pd.DataFrame:
    """List the fits whose status is other than ok.

    Parameters
    ----------
    ds : Dataset
        Results of a study.
    statuses : sequence of str, optional
        Only these; by default every status but ok.

    Returns
    -------
    DataFrame
        A row for each: condition (position), replicate, estimator, status, dropped (clusters left
        out); in the order of condition and replicate.

    Raises
    ------
    ArgumentError
        If there is no such status, or the results do not hold replicates.
    """
    need_replicates(ds, "a list of failures")
    wanted = _statuses(statuses)
    status, dropped = (
        ds[name].transpose("condition", "replicate", "estimator").values
        for name in ("status", "dropped")
    )
    c, r, e = np.nonzero(np.isin(status, wanted))
    return pd.DataFrame(
        {
            "condition": c,
            "replicate": r,
            "estimator": ds["estimator"].values[e],
            "status": [Status(code).word for code in status[c, r, e].tolist()],
            "dropped": dropped[c, r, e],
        }
    )


def failure_counts(ds: xr.Dataset, statuses: Sequence[str] | None = None) -> pd.DataFrame:
    """Count the fits whose status is other than ok, of studies that keep measures too.

    Returns
    -------
    DataFrame
        A row for each that occurs: condition (position), estimator, status, fits.
    """
    wanted = _statuses(statuses)
    counts = status_counts(ds)[..., wanted]
    c, e, s = np.nonzero(counts)
    return pd.DataFrame(
        {
            "condition": c,
            "estimator": ds["estimator"].values[e],
            "status": [wanted[i].word for i in s.tolist()],
            "fits": counts[c, e, s],
        }
    )


def failed_fits(ds: xr.Dataset) -> pd.DataFrame:
    """Count the fits without an estimate.

    Returns
    -------
    DataFrame
        A row for each condition and estimator that has any: condition, estimator, fits, status
        (their most frequent), replicates (in which the estimator was tried), share.
    """
    counts = failure_counts(ds, [status.word for status in FAILED]).sort_values(
        "fits", ascending=False
    )
    each = counts.groupby(["condition", "estimator"], as_index=False).agg(
        {"fits": "sum", "status": "first"}
    )
    c, names = (xr.DataArray(each[by].to_numpy(), dims="fit") for by in ("condition", "estimator"))
    replicates = tried(ds).isel(condition=c).sel(estimator=names).values
    return each.assign(replicates=replicates, share=each["fits"] / replicates)


def tried(ds: xr.Dataset) -> xr.DataArray:
    """Count the replicates in which each estimator was tried, (condition, estimator)."""
    n = ds["status_n"] if keeps_measures(ds) else (ds["status"] >= 0).sum("replicate")
    return n.transpose("condition", "estimator")


def _statuses(words: Sequence[str] | None) -> list[Status]:
    """The statuses of some words; all but ok without any."""
    known = {status.word: status for status in Status if status is not Status.OK}
    for word in words or ():
        check_known("status", word, known)
    return [status for word, status in known.items() if word in (words or known)]
