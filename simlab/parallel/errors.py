"""What can go wrong with workers."""

from __future__ import annotations

from simlab.errors import MOST_WORKERS, ParallelError

CONTINUES = "What is finished is kept, and the same command continues it"


def check_jobs(jobs: int) -> int:
    """Return a number of workers; refuse one that cannot be."""
    if jobs > MOST_WORKERS:
        raise ParallelError(
            f"jobs is {jobs:,}; it must be at most {MOST_WORKERS:,}, or -1 for one per core"
        )
    return jobs
