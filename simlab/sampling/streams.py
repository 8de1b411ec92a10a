"""Random streams: each is opened by what it is for, never by who draws from it."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.random import Generator

__all__ = ["BLOCK", "CLUSTERS", "GENERATOR", "METHOD", "NULL_DRAWS", "ROWS", "stream"]

BLOCK, CLUSTERS, ROWS, NULL_DRAWS = 0, 1, 2, 3
"""Purposes: x and ε of a block; clusters; rows that have given moments; draws of a test."""

GENERATOR, METHOD = 8, 9
"""Purposes of the user: what a generator draws; what a method draws beyond its data."""


def stream(seed: int, key: str, purpose: int, number: int, name: str = "") -> Generator:
    """Return the random stream of one block, the same on every machine and for every worker.

    Parameters
    ----------
    seed : int
        Root seed of the study, at least 0.
    key : str
        Key of the condition, 32 hexadecimal digits.
    purpose : int
        `BLOCK`, `CLUSTERS`, `ROWS`, `NULL_DRAWS`, `GENERATOR` or `METHOD`.
    number : int
        Number of the block, or of the replicate for `ROWS`, `NULL_DRAWS`, `METHOD` and a
        `GENERATOR` of rows.
    name : str
        Name of the test or method, for `NULL_DRAWS` and `METHOD`: none changes the draws of
        another.
    """
    words = (int(key[i : i + 8], 16) for i in range(0, 32, 8))
    named = (int(hashlib.sha256(name.encode()).hexdigest()[:8], 16),) if name else ()
    sequence = np.random.SeedSequence(seed, spawn_key=(*words, purpose, number, *named))
    return Generator(np.random.PCG64DXSM(sequence))
