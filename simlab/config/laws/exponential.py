"""The exponential law less its mean 1."""

from __future__ import annotations

from typing import Literal

from numpy.random import Generator
from pydantic import Field

from simlab.moments import Floats

from .standard import Open, StandardLaw

__all__ = ["LAW"]


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


LAW = Exponential
