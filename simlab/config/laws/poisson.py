"""Poisson sizes, cut off below."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from simlab.config.section import Positive
from simlab.errors import MOST
from simlab.moments import Floats

from .sizes import Count, DrawnSizes


class PoissonSizes(DrawnSizes):
    """n_j = max(minimum, Poisson(mean)), drawn anew for each cluster."""

    law: Literal["poisson"] = Field("poisson", description="Poisson sizes, cut off below.")
    mean: Annotated[Positive, Field(le=MOST)] = Field(description="Mean of the Poisson law.")
    minimum: Count = Field(2, description="Smallest size: smaller draws are raised to it.")

    def draw(self, rng: Generator, shape: tuple[int, ...]) -> Floats:
        """Draw sizes as numpy draws Poisson numbers."""
        return np.maximum(rng.poisson(self.mean, shape), float(self.minimum))

    def at(self, u: Floats) -> Floats:
        """Return the sizes at uniforms; they grow with the mean.

        The least k with P(N ≤ k) ≥ u. Beyond 10 standard deviations and 30 of the mean no u of 53
        bits leads.
        """
        from scipy.special import pdtr  # scipy: a study is read without it

        reach = 10.0 * np.sqrt(self.mean)
        k = np.arange(max(0.0, np.floor(self.mean - reach)), np.ceil(self.mean + reach) + 31.0)
        least = np.searchsorted(pdtr(k, self.mean), u)
        sizes: Floats = np.maximum(k[least.clip(max=len(k) - 1)], float(self.minimum))
        return sizes

    def probabilities(self) -> tuple[Floats, Floats]:
        """Return sizes and probabilities within 9 standard deviations of the mode.

        Built from the ratios P(k)/P(k − 1) = mean/k, which keep the digits that e^(−λ) λ^k / k!
        loses where the mean λ is large. What is left out sums to less than 1e-14.
        """
        mean = float(self.mean)
        mode, width = np.floor(mean), np.ceil(9 * np.sqrt(mean) + 40)
        below = np.arange(mode, max(mode - width, 0), -1)
        above = np.arange(mode + 1, mode + width + 1)
        k = np.concatenate([below[::-1] - 1, [mode], above])
        weight = np.concatenate([np.cumprod(below / mean)[::-1], [1.0], np.cumprod(mean / above)])
        return np.maximum(k, float(self.minimum)), weight / weight.sum()
