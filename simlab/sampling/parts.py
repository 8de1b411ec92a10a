"""What is drawn of a block, from wherever: replicates that can be stacked, and failures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

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

    def at(self, i: int) -> Part:
        """Return the one replicate at i of this part, as that of a block of its own."""
        one = slice(i, i + 1)
        rows = self.rows and self.rows._replace(first=self.rows.first[one])
        return Part(np.zeros(1, np.int64), self.moments.take(one), rows, lambda _: self.frame(i))


class Drawn(NamedTuple):
    """A block of replicates.

    Attributes
    ----------
    parts : tuple of Part
        Those that could be drawn.
    errors : mapping of int to str
        What went wrong in the others, by place.
    warnings : mapping of int to tuple of str, optional
        What a generator warned of, by place.
    """

    parts: tuple[Part, ...]
    errors: Mapping[int, str]
    warnings: Mapping[int, tuple[str, ...]] = MappingProxyType({})

    def at(self, b: int) -> Drawn:
        """Return the one replicate at b, as a block of its own."""
        parts = [
            part.at(i) for part in self.parts for i in np.flatnonzero(part.where == b).tolist()
        ]
        told: tuple[Mapping[int, Any], ...] = self.errors, self.warnings
        return Drawn(tuple(parts), *({0: texts[b]} if b in texts else {} for texts in told))
