"""Checks of the options that p-values and bootstraps have in common."""

from __future__ import annotations

import numpy as np

from simlab.errors import FitError
from simlab.memory import lacking
from simlab.parallel.batch import check_jobs

NO_RESIDUAL = (
    "there is no residual variance: within each {} the model is exact, and its likelihood means "
    "nothing; there is nothing to draw"
)
COPIES = 6  # arrays of all draws that are there at the same time, about


def check_whole(name: str, value: object, least: int) -> None:
    """Refuse what is no whole number, or below the least that makes sense."""
    if not _is_whole(value) or value < least:  # type: ignore[operator]
        raise FitError(f"{name} is {value!r}; it must be a whole number, {least} or more")


def check_threads(jobs: object) -> None:
    """Refuse a number of threads that cannot be."""
    if not _is_whole(jobs) or jobs == 0:
        raise FitError(f"jobs is {jobs!r}; it must be a number of threads, or -1 for one per core")
    check_jobs(jobs)  # type: ignore[arg-type]


def check_memory(name: str, statistics: int) -> None:
    """Refuse so many statistics of draws as will not fit into memory."""
    if short := lacking(8 * COPIES * statistics):
        raise FitError(f"{name} is too large: {statistics:,} statistics need {short}")


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
