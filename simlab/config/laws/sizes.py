"""Laws of cluster sizes: what they have in common, and those that draw nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from simlab.config.section import Finding, Section, Text
from simlab.errors import MOST
from simlab.moments import Floats

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

    def mean_and_largest(self) -> tuple[float, float]:
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

    def mean_and_largest(self) -> tuple[float, float]:
        """Return the mean size, twice: few clusters are much larger."""
        n, probability = self.probabilities()
        mean = float(probability @ n)
        return mean, mean


class FixedSizes(Sizes):
    """n_j = size in every cluster."""

    law: Literal["fixed"] = Field("fixed", description="The same size in every cluster.")
    size: Count = Field(description="Rows in each cluster, at least 1.")

    def fixed(self, J: int) -> Floats:
        """Return the size, J times."""
        return np.full(J, float(self.size))

    def mean_and_largest(self) -> tuple[float, float]:
        """Return the size, twice."""
        return float(self.size), float(self.size)


class ListSizes(Sizes):
    """n_j as listed, sector after sector."""

    law: Literal["list"] = Field("list", description="Sizes listed one by one.")
    sizes: Annotated[tuple[Count, ...], Field(min_length=1)] = Field(
        description="One size per cluster, sector after sector."
    )

    @classmethod
    def misfits(cls, raw: Mapping[str, Any], clusters: int) -> Iterator[Finding]:
        """Refuse a list that has more sizes, or fewer, than there are clusters."""
        if len(raw["sizes"]) != clusters:
            message = f"must have one size per cluster: {clusters}, not {len(raw['sizes'])}"
            yield Finding(("sizes",), message)

    def fixed(self, J: int) -> Floats:
        """Return the sizes, of J clusters."""
        del J
        return np.array(self.sizes, dtype=float)

    def mean_and_largest(self) -> tuple[float, float]:
        """Return the mean and the largest of the sizes."""
        return sum(self.sizes) / len(self.sizes), float(max(self.sizes))


class DataSizes(Sizes):
    """Clusters, sectors and sizes of a data set."""

    law: Literal["data"] = Field("data", description="Sizes found in a data set.")
    data: Text = Field(description="'hs', or a CSV file relative to this one.")
    cluster: Text = Field(description="Column that names the clusters.")
    sector: Text | None = Field(None, description="Column that names the sector of a cluster.")


class DataCovariate(Section):
    """x held at the values of a data set, which then also gives the clusters and their sizes."""

    law: Literal["data"] = Field("data", description="x held at the values of a data set.")
    data: Text = Field(description="'hs', or a CSV file relative to this one.")
    column: Text = Field(description="Column that holds x.")
    cluster: Text = Field(description="Column that names the clusters.")
    sector: Text | None = Field(None, description="Column that names the sector of a cluster.")
