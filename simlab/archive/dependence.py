"""Failures that depend on the estimate, detected by the estimates of other methods.

A fit that failed has no estimate, but other methods have one of the same sample. Where a method
fails at random, the failed replicates are a random choice, whatever the law of other estimates: the
sum of their ranks has the law of Wilcoxon and of Mann and Whitney (1947, Annals of Mathematical
Statistics 18:50), and so has that of the ranks of their distances from their median. The first
tells of a method that gives up below a threshold, the second of one that gives up far from the
middle. With K such comparisons in a study, Bonferroni's p ≤ level/K accuses a study whose failures
are all at random with a probability of at most the level.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from simlab.measures.outcomes import need_replicates, replicates_of
from simlab.words import FAILED

LEVEL: Final = 0.001
"""Probability of accusing a study whose failures are all at random, at most."""

COLUMNS = ("condition", "estimator", "fits", "other", "term", "of", "failed", "elsewhere", "p")


def dependent_failures(ds: xr.Dataset) -> pd.DataFrame:
    """Compare the estimates of other methods between replicates where a method failed and the rest.

    Returns
    -------
    DataFrame
        A row for each condition and estimator with some fits that failed, and some that did not:
        condition (position), estimator, fits (that failed), and of the comparison with the smallest
        p-value: other (the estimator whose estimates are compared) and term; of, "middle" or
        "spread"; failed and elsewhere, medians of its estimates, or of their distances from their
        median; and p, times the number of comparisons in the study, at most 1. p is NaN, and other
        "", where no other method has estimates in replicates of both kinds.
    """
    need_replicates(ds, "whether failures depend on the estimate")
    names, terms = ([str(x) for x in ds[dim].values] for dim in ("estimator", "term"))
    rows: list[dict[str, Any]] = []
    compared = 0
    for c in range(ds.sizes["condition"]):
        r = replicates_of(ds, c)
        status = r.status
        for e, name in enumerate(names):
            ran = status[e] >= 0
            failed = np.isin(status[e], FAILED)
            if not failed.any() or not (ran & ~failed).any():
                continue
            own = ~np.isnan(r.estimate[e]).all(axis=-1)  # terms
            comparisons = []
            for (o, t), x in _others(r.estimate, e, own):
                for of, y in (("middle", x), ("spread", np.abs(x - np.nanmedian(x)))):
                    if (one := _compared(y, failed, ran & ~failed)) is not None:
                        comparisons.append((one[-1], names[o], terms[t], of, *one[:-1]))
            compared += len(comparisons)
            p, *best = min(comparisons, default=(np.nan, "", "", "", np.nan, np.nan))
            row = (c, name, int(failed.sum()), *best, p)
            rows.append(dict(zip(COLUMNS, row, strict=True)))
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.assign(p=np.minimum(frame["p"].astype(float) * compared, 1.0))


def _others(
    estimate: NDArray[np.float64], e: int, own: NDArray[np.bool_]
) -> Iterator[tuple[tuple[int, int], NDArray[np.float64]]]:
    """Estimates of other methods, of the terms that a method has: (method, term), (b,)."""
    for o in range(len(estimate)):
        for t in np.flatnonzero(own) if o != e else ():
            x = estimate[o, t]
            if not np.isnan(x).all():
                yield (o, int(t)), x


def _compared(
    x: NDArray[np.float64], failed: NDArray[np.bool_], rest: NDArray[np.bool_]
) -> tuple[float, float, float] | None:
    """Both medians, and the p-value of the rank sum; None where one of the two is empty."""
    from scipy.stats import mannwhitneyu  # half a second, of studies with failures only

    there = np.isfinite(x)
    one, other = x[failed & there], x[rest & there]
    if not one.size or not other.size:
        return None
    p = float(mannwhitneyu(one, other, method="asymptotic").pvalue)
    return float(np.median(one)), float(np.median(other)), 1.0 if np.isnan(p) else p
