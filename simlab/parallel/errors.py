"""What can go wrong with workers."""

from __future__ import annotations

from simlab.errors import Error

CONTINUES = "What is finished is kept, and the same command continues it"


class ParallelError(Error):
    """Workers that cannot be had, or are gone; one line says what to do."""
