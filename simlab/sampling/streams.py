"""Random streams: each is opened by what it is for, never by who draws from it."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

__all__ = ["BLOCK", "CLUSTERS", "ROWS", "stream"]

BLOCK, CLUSTERS, ROWS = 0, 1, 2
"""Purposes: x and ε of a block; clusters; rows that have given moments."""


def stream(seed: int, key: str, purpose: int, number: int) -> Generator:
    """Return the random stream of one block, the same on every machine and for every worker.

    Parameters
    ----------
    seed : int
        Root seed of the study, at least 0.
    key : str
        Key of the condition, 32 hexadecimal digits.
    purpose : int
        `BLOCK`, `CLUSTERS` or `ROWS`.
    number : int
        Number of the block, or of the replicate for `ROWS`.
    """
    words = (int(key[i : i + 8], 16) for i in range(0, 32, 8))
    sequence = np.random.SeedSequence(seed, spawn_key=(*words, purpose, number))
    return Generator(np.random.PCG64DXSM(sequence))
