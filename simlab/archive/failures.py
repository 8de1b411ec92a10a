"""Every fit of a saved study that did not end well."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from simlab.results import Status

__all__ = ["failures"]

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
    ValueError
        If there is no such status, or the results do not hold replicates.
    """
    if "replicate" not in ds.dims:
        raise ValueError(
            "these results keep measures and no replicates; run the study with keep: replicates"
        )
    known = [word for word in WORDS.values() if word != "ok"]
    for word in statuses or ():
        if word not in known:
            raise ValueError(f"unknown status {word!r}; known are {', '.join(known)}")
    wanted = [code for code, word in WORDS.items() if word in (statuses or known)]
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
