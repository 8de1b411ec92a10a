"""Why conditions stopped, on disk: one chunk a condition, written when its last round is judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from simlab.errors import ChunkError
from simlab.results import chunks
from simlab.results.disk import SAFE, disk
from simlab.results.layout import STOPPED
from simlab.results.schema import Stop


def write_stop(store: Path, condition: int, why: Stop) -> None:
    """Keep why a condition has no more replicates.

    Raises
    ------
    StoreError
        If the disk refuses.
    """
    with disk(store, SAFE):
        chunks.write(_file(store, condition), np.array([why], dtype=STOPPED), (1,), Stop.NOT_YET)


def read_stop(store: Path, condition: int) -> Stop:
    """Why a condition has no more replicates; a file that is missing or damaged says nothing.

    The next run judges the condition again and writes it anew.
    """
    try:
        return Stop(int(chunks.read(_file(store, condition), STOPPED, (1,))[0]))
    except (ChunkError, ValueError):
        return Stop.NOT_YET


def _file(store: Path, condition: int) -> Path:
    return store / "stopped" / chunks.key(condition)
