"""Random streams: each is opened by what it is for, never by who draws from it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

BLOCK, CLUSTERS, ROWS, NULL_DRAWS = 0, 1, 2, 3
"""Purposes: x and ε of a block; clusters; rows that have given moments; draws of a test."""

GENERATOR, METHOD = 8, 9
"""Purposes of the user: what a generator draws; what a method draws beyond its data."""


@dataclass(frozen=True, slots=True)
class Common:
    """The key of all conditions of a study whose random numbers are common."""

    block: int  # replicates of a whole block: so many are drawn, also where a block is cut short

    def __str__(self) -> str:
        return "common"


Key = str | Common
"""What opens the streams of a condition: its own key, 32 hexadecimal digits, or the common one."""

_COMMON = hashlib.sha256(b"common random numbers").hexdigest()[:32]


def stream(seed: int, key: Key, purpose: int, number: int, name: str = "") -> Generator:
    """Return the random stream of one block, the same on every machine and for every worker.

    The number is that of the block, or of the replicate for `ROWS`, `NULL_DRAWS`, `METHOD` and a
    `GENERATOR` of rows; the name that of a test or method: none changes the draws of another.
    """
    named = (int(hashlib.sha256(name.encode()).hexdigest()[:8], 16),) if name else ()
    return stream_at(seed, key, purpose, number, *named)


def stream_at(seed: int, key: Key, purpose: int, number: int, *quantity: int) -> Generator:
    """Return one of the streams of a block, by quantity, sector, and what more is needed."""
    digits = _COMMON if isinstance(key, Common) else key
    words = (int(digits[i : i + 8], 16) for i in range(0, 32, 8))
    sequence = np.random.SeedSequence(seed, spawn_key=(*words, purpose, number, *quantity))
    return Generator(np.random.PCG64DXSM(sequence))
