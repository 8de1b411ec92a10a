"""What is drawn of a block, from wherever: replicates that can be stacked, and failures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from simlab.moments import Ints, Moments, Rows


class Part(NamedTuple):
    """Replicates of a block that have the same number of clusters in each sector."""

    where: Ints  # their indices in the block, (b,)
    moments: Moments  # (b, J)
    rows: Rows | None  # where they were asked for
    # rows of a replicate as a data frame of its own, by its index in this part
    frame: Callable[[int], pd.DataFrame]

    def at(self, i: int) -> Part:
        """Return the one replicate at i of this part, as that of a block of its own."""
        one = slice(i, i + 1)
        rows = self.rows and self.rows._replace(first=self.rows.first[one])
        return Part(np.zeros(1, np.int64), self.moments.take(one), rows, lambda _: self.frame(i))


class Drawn(NamedTuple):
    """A block of replicates."""

    parts: tuple[Part, ...]  # those that could be drawn
    errors: Mapping[int, str]  # what went wrong in the others, by index
    # what a generator warned of, by index
    warnings: Mapping[int, tuple[str, ...]] = MappingProxyType({})

    def at(self, b: int) -> Drawn:
        """Return the one replicate at b, as a block of its own."""
        parts = [
            part.at(i) for part in self.parts for i in np.flatnonzero(part.where == b).tolist()
        ]
        told: tuple[Mapping[int, Any], ...] = self.errors, self.warnings
        return Drawn(tuple(parts), *({0: texts[b]} if b in texts else {} for texts in told))
