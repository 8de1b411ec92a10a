"""The same size in every cluster."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from simlab.moments import Floats

from .sizes import Count, Sizes

__all__ = ["LAW"]


class FixedSizes(Sizes):
    """n_j = size in every cluster."""

    law: Literal["fixed"] = Field("fixed", description="The same size in every cluster.")
    size: Count = Field(description="Rows in each cluster, at least 1.")

    def fixed(self, J: int) -> Floats:
        """Return the size, J times."""
        return np.full(J, float(self.size))

    def extent(self) -> tuple[float, float]:
        """Return the size, twice."""
        return float(self.size), float(self.size)


LAW = FixedSizes
