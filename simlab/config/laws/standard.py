"""Standard laws, of random effects, errors and x: mean 0, variance 1; those without parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from simlab.config.section import Amount, PositiveAmount, Section
from simlab.moments import Floats

Open = Callable[..., Generator]
"""Opens the stream at a position, which is given by whole numbers."""


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
        """Draw with common random numbers; a law without it is refused there.

        The array is (J, …, B), clusters first and replicates last. A law takes from each of its
        streams one number for each entry, in that order, so that cluster k of replicate b has the
        same numbers whatever the number J of clusters. No law draws until something is accepted:
        streams would no longer agree.
        """
        raise NotImplementedError


class Covariate(StandardLaw):
    """x_ij = m_j + within_sd · d_ij, with m_j ~ N(mean, between_sd²) and d_ij of a standard law."""

    mean: Amount = Field(0.0, description="Mean of x over clusters.")
    between_sd: Annotated[Amount, Field(ge=0)] = Field(
        0.0, description="Standard deviation of the latent cluster means m_j, at least 0."
    )
    within_sd: PositiveAmount = Field(
        1.0, description="Standard deviation of x within a cluster, positive."
    )


class Normal(StandardLaw):
    """The standard normal law."""

    law: Literal["normal"] = Field("normal", description="Shape of the law.")

    @staticmethod
    def draw(rng: Generator, _a: float, _b: float) -> float:
        """Draw z."""
        return rng.standard_normal()

    @staticmethod
    def draw_common(open_stream: Open, shape: tuple[int, ...], _a: float, _b: float) -> Floats:
        """Draw z."""
        return open_stream().standard_normal(shape)


class Uniform(StandardLaw):
    """The uniform law on [−√3, √3)."""

    law: Literal["uniform"] = Field("uniform", description="Shape of the law.")

    @staticmethod
    def draw(rng: Generator, _a: float, _b: float) -> float:
        """Draw √3 (2u − 1)."""
        return float(np.sqrt(3.0) * (2.0 * rng.random() - 1.0))

    @staticmethod
    def draw_common(open_stream: Open, shape: tuple[int, ...], _a: float, _b: float) -> Floats:
        """Draw √3 (2u − 1)."""
        return np.asarray(np.sqrt(3.0) * (2.0 * open_stream().random(shape) - 1.0))


class Exponential(StandardLaw):
    """The exponential law less its mean 1."""

    law: Literal["exponential"] = Field("exponential", description="Shape of the law.")

    @staticmethod
    def draw(rng: Generator, _a: float, _b: float) -> float:
        """Draw e − 1."""
        return rng.standard_exponential() - 1.0

    @staticmethod
    def draw_common(open_stream: Open, shape: tuple[int, ...], _a: float, _b: float) -> Floats:
        """Draw e − 1."""
        return open_stream().standard_exponential(shape) - 1.0
