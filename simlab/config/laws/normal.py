"""The standard normal law."""

from __future__ import annotations

from typing import Literal

from numpy.random import Generator
from pydantic import Field

from simlab.moments import Floats

from .standard import Open, StandardLaw

__all__ = ["LAW"]


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


LAW = Normal
