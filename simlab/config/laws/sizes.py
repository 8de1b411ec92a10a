"""What a law of cluster sizes is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import numpy as np
from numpy.random import Generator
from pydantic import Field

from simlab.config.section import Finding, Section
from simlab.errors import MOST
from simlab.moments import Floats

__all__ = ["Count", "DrawnSizes", "Sizes"]

Count = Annotated[int, Field(strict=True, ge=1, le=MOST)]


class Sizes(Section):
    """A law of the cluster sizes n_j."""

    law: str

    @classmethod
    def misfits(cls, raw: Mapping[str, Any], clusters: int) -> Iterator[Finding]:
        """Return what of a declaration does not fit the number of clusters."""
        del raw, clusters
        yield from ()

    def fixed(self, J: int) -> Floats:
        """Return the sizes of J clusters; none where they are drawn, or those of data."""
        del J
        return np.empty(0)

    def extent(self) -> tuple[float, float]:
        """Return the mean and the largest size, as far as they are known."""
        return 1.0, 1.0


class DrawnSizes(Sizes):
    """A law from which the size of each cluster is drawn; `probabilities` say all of it."""

    def probabilities(self) -> tuple[Floats, Floats]:
        """Return the sizes there may be, in ascending order, and their probabilities."""
        raise NotImplementedError

    def draw(self, rng: Generator, shape: tuple[int, ...]) -> Floats:
        """Draw sizes from a stream."""
        return self.at(rng.random(shape))

    def at(self, u: Floats) -> Floats:
        """Return the least n with P(n_j ≤ n) > u, of uniforms on [0, 1)."""
        n, probability = self.probabilities()
        least = np.searchsorted(np.cumsum(probability), u, side="right")
        return np.asarray(n[least.clip(max=len(n) - 1)])

    def extent(self) -> tuple[float, float]:
        """Return the mean size, twice: few clusters are much larger."""
        n, probability = self.probabilities()
        mean = float(probability @ n)
        return mean, mean
