"""What is drawn of a block, from wherever: replicates that can be stacked, and failures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from simlab.moments import Ints, Moments, Rows

__all__ = ["Drawn", "Part"]


class Part(NamedTuple):
    """Replicates of a block that have the same number of clusters in each sector.

    Attributes
    ----------
    where : (b,)
        Their places in the block.
    moments : Moments
        Theirs, (b, J).
    rows : Rows or None
        Theirs, where they were asked for.
    frame : callable
        Rows of a replicate as a data frame of its own, by its place in this part.
    """

    where: Ints
    moments: Moments
    rows: Rows | None
    frame: Callable[[int], pd.DataFrame]


class Drawn(NamedTuple):
    """A block: its parts, and what went wrong in replicates that could not be drawn, by place."""

    parts: tuple[Part, ...]
    errors: Mapping[int, str]

    def only(self, place: int) -> Drawn:
        """Return one replicate as a block of its own."""
        found = []
        for part in self.parts:
            for b in np.flatnonzero(part.where == place).tolist():
                own = slice(b, b + 1)
                rows = part.rows and part.rows._replace(first=part.rows.first[own])
                frame = partial(_shifted, part.frame, b)
                found.append(Part(np.zeros(1, np.int64), part.moments.take(own), rows, frame))
        return Drawn(tuple(found), {0: self.errors[place]} if place in self.errors else {})


def _shifted(frame: Callable[[int], pd.DataFrame], by: int, b: int) -> pd.DataFrame:
    return frame(b + by)
