"""Sources of the replicates of a condition: a declared population, or a user's generator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from simlab.custom.generated import OwnPopulation
from simlab.estimators.base import Estimator, Known
from simlab.limits import new_cluster_limits, same_cluster_limits
from simlab.moments import Floats
from simlab.population import Clusters, Plan, truth
from simlab.sampling import (
    ROWS,
    Drawn,
    Key,
    Part,
    block_clusters,
    draw_block,
    keeps_clusters,
    replicate_rows,
    rows_frame,
    rows_given,
    stream,
)


@dataclass(frozen=True, slots=True)
class Declared:
    """A population declared by its fields."""

    plan: Plan
    scheme: str
    by_rows: bool  # whether rows are drawn rather than moments
    known: Known
    block: int  # replicates of a whole block

    @property
    def sectors(self) -> tuple[str, ...]:
        """Names of the sectors."""
        return self.plan.sectors

    def draw(self, seed: int, key: Key, number: int, size: int, keep_rows: bool) -> Drawn:
        """Draw a block; all its replicates have the same clusters in each sector.

        Rows that are wanted of replicates drawn as moments are drawn given these, each from a
        stream of its own: who asks for rows changes no number of those who do not.
        """
        moments, rows = draw_block(
            self.plan, self.scheme, self.by_rows, seed, key, number, size, keep_rows
        )
        if keep_rows and rows is None:
            first = number * self.block
            rows = rows_given(self.plan, moments, lambda b: stream(seed, key, ROWS, first + b))

        def frame(b: int) -> pd.DataFrame:
            """Rows of replicate b of the block."""
            assert rows is not None
            own = slice(rows.first[b, 0], rows.first[b, -1])
            return rows_frame(self.plan, moments.n[b], rows.x[own], rows.y[own])

        return Drawn((Part(np.arange(size), moments, rows, frame),), {})

    def replicate(self, seed: int, key: Key, replicate: int) -> pd.DataFrame:
        """Rebuild the rows of one replicate; see `sampling.replicate_rows`."""
        how = self.plan, self.scheme, self.by_rows
        return replicate_rows(*how, seed, key, self.block, replicate)

    def truth(self, seed: int, key: Key) -> dict[str, Floats]:
        """True values of each kind of term; see `population.truth`."""
        return truth(self.plan, self._kept(seed, key))

    def limits(self, seed: int, key: Key, methods: tuple[Estimator, ...]) -> dict[str, Floats]:
        """Probability limits of each estimator; see `limits`."""
        clusters = self._kept(seed, key)
        if clusters is None:
            return new_cluster_limits(self.plan, methods, self.known)
        return same_cluster_limits(self.plan, methods, clusters)

    def _kept(self, seed: int, key: Key) -> Clusters | None:
        """Return the clusters that all replicates share; None where each draws its own."""
        if not keeps_clusters(self.scheme):
            return None
        return block_clusters(self.plan, self.scheme, seed, key, 0, 1)


Source = Declared | OwnPopulation
"""What the runner asks for replicates and truth; `seed` and `key` open its random streams."""
