"""Standard laws that have no parameter."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from simlab.moments import Floats

from .standard import Open, StandardLaw


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
