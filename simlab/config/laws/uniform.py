"""The uniform law on [−√3, √3)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from simlab.moments import Floats

from .standard import Open, StandardLaw

__all__ = ["LAW"]


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


LAW = Uniform
