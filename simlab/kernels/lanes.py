"""Numbers of several replicates abreast, one in each lane of the processor.

A kernel that fits many data sets of one shape reads like one that fits a single one; each of its
numbers is then the numbers of LANES data sets, and one instruction works on all of them. What
happens in one lane does not depend on the others, so the bits are those of one data set alone.
Interpreted there is one lane, and these are plain numbers in plain arrays.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from simlab.moments import Floats, Ints

LANES = 8
"""Data sets abreast in machine code: two registers of AVX2, one of AVX-512."""


def n_lanes() -> int:
    """Number of lanes there are: 1 here, LANES in machine code."""
    return 1


def take(room: Floats, used: Ints, shape: tuple[int, ...]) -> Any:
    """Array of `shape`, every entry n_lanes() numbers, from `room` beyond what is `used` of it."""
    size = math.prod(shape)
    first = int(used[0])
    used[0] += size
    return room[first : first + size].reshape(shape)


def read(array: Any, _lane: int, *index: int) -> float:
    """Number in one lane of an entry."""
    return float(array[index])


def write(array: Any, _lane: int, value: float, *index: int) -> None:
    """Set the number in one lane of an entry."""
    array[index] = value


def above(x: Any, limit: Any, then: Any, otherwise: Any) -> Any:
    """Return `then` in lanes where x > limit, `otherwise` in the others."""
    return then if x > limit else otherwise


def any_above(x: Any, limit: Any) -> bool:
    """Whether x > limit in any lane."""
    return bool(x > limit)


def all_zero(x: Any) -> bool:
    """Whether x is 0 in every lane."""
    return bool(x == 0.0)


def flat(size: int) -> Floats:
    """Room for `size` numbers in machine code, or interpreted."""
    return np.zeros(size * LANES)
