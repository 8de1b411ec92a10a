"""What a law of random effects, errors and x is: mean 0, variance 1, and how it is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from numpy.random import Generator
from pydantic import Field

from simlab.config.section import Positive, Real, Section
from simlab.moments import Floats

Open = Callable[..., Generator]
"""Opens the stream at a place, which is given by whole numbers."""


class StandardLaw(Section):
    """A law with mean 0 and variance 1, scaled by the variance it is used with."""

    law: str

    @property
    def parameters(self) -> tuple[float, float]:
        """The two numbers a and b that `draw` takes; 0 where a law has fewer."""
        return (0.0, 0.0)

    @staticmethod
    def draw(rng: Generator, a: float, b: float, /) -> float:
        """Draw one number; compiled by numba, so with nothing in it but arithmetic and `rng`."""
        raise NotImplementedError

    @staticmethod
    def draw_common(open_stream: Open, shape: tuple[int, ...], a: float, b: float, /) -> Floats:
        """Draw so that conditions stay in step; a law without it is refused there.

        The array is (J, …, B), clusters first and replicates last. A law takes from each of its
        streams one number for each entry, in that order, so that cluster k of replicate b has the
        same numbers whatever the number J of clusters. No law draws until something is accepted:
        streams would fall out of step.
        """
        raise NotImplementedError


class Covariate(StandardLaw):
    """x_ij = m_j + within_sd · d_ij, with m_j ~ N(mean, between_sd²) and d_ij of a standard law."""

    mean: Real = Field(0.0, description="Mean of x over clusters.")
    between_sd: Annotated[Real, Field(ge=0)] = Field(
        0.0, description="Standard deviation of the latent cluster means m_j, at least 0."
    )
    within_sd: Positive = Field(
        1.0, description="Standard deviation of x within a cluster, positive."
    )
