"""Every fit of a saved study that did not end well."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from simlab.measures.outcomes import need_replicates, one_of
from simlab.measures.sums import keeps_measures
from simlab.results import Status

__all__ = ["failed_fits", "failure_counts", "failures", "tried"]

FAILED = ("not_converged", "not_estimable", "error")
"""Statuses of fits without an estimate."""

WORDS = {int(status): status.name.lower() for status in Status}


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
    wanted = _codes(statuses)
    status = ds["status"].transpose("condition", "replicate", "estimator").values
    c, r, e = np.nonzero(np.isin(status, wanted))
    return pd.DataFrame(
        {
            "condition": c,
            "replicate": r,
            "estimator": ds["estimator"].values[e],
            "status": [WORDS[code] for code in status[c, r, e].tolist()],
            "dropped": ds["dropped"]
            .transpose("condition", "replicate", "estimator")
            .values[c, r, e],
        }
    )


def failure_counts(ds: xr.Dataset, statuses: Sequence[str] | None = None) -> pd.DataFrame:
    """Count the fits whose status is other than ok, of studies that keep measures too.

    Parameters
    ----------
    ds, statuses
        As for `failures`.

    Returns
    -------
    DataFrame
        A row for each that occurs: condition (position), estimator, status, fits.

    Raises
    ------
    ArgumentError
        If there is no such status.
    """
    wanted = _codes(statuses)
    if keeps_measures(ds):
        hits = ds["status_hits"].transpose("condition", "estimator", "status_outcome")
        counts = hits.values[..., wanted]
    else:
        status = ds["status"].transpose("condition", "estimator", "replicate").values
        counts = np.stack([(status == code).sum(axis=-1) for code in wanted], axis=-1)
    c, e, s = np.nonzero(counts)
    return pd.DataFrame(
        {
            "condition": c,
            "estimator": ds["estimator"].values[e],
            "status": [WORDS[wanted[i]] for i in s.tolist()],
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
    counts = failure_counts(ds, FAILED).sort_values("fits", ascending=False)
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


def _codes(statuses: Sequence[str] | None) -> list[int]:
    """The codes of statuses; of all but ok without any."""
    known = [word for word in WORDS.values() if word != "ok"]
    for word in statuses or ():
        one_of("status", word, known)
    return [code for code, word in WORDS.items() if word in (statuses or known)]
