"""Sizes listed one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from simlab.config.section import Finding
from simlab.moments import Floats

from .sizes import Count, Sizes

__all__ = ["LAW"]


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

    def extent(self) -> tuple[float, float]:
        """Return the mean and the largest of the sizes."""
        return sum(self.sizes) / len(self.sizes), float(max(self.sizes))


LAW = ListSizes
