"""Student's t, scaled to variance 1."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from simlab.config.section import Real
from simlab.moments import Floats

from .chi_square import chi_square
from .standard import Open, StandardLaw

__all__ = ["LAW"]


class StudentT(StandardLaw):
    """Student's t, scaled to variance 1: z √((df − 2)/χ²_df)."""

    law: Literal["student-t"] = Field("student-t", description="Student's t.")
    df: Annotated[Real, Field(gt=2)] = Field(description="Degrees of freedom, above 2.")

    @property
    def parameters(self) -> tuple[float, float]:
        """The degrees of freedom, and no other."""
        return float(self.df), 0.0

    @staticmethod
    def draw(rng: Generator, a: float, _b: float) -> float:
        """Draw z √((a − 2)/χ²_a)."""
        return float(rng.standard_normal() * np.sqrt((a - 2.0) / rng.chisquare(a)))

    @staticmethod
    def draw_common(open_stream: Open, shape: tuple[int, ...], a: float, _b: float) -> Floats:
        """Draw with the z that a normal law has from the same stream."""
        z = open_stream().standard_normal(shape)
        z *= np.sqrt((a - 2.0) / chi_square(open_stream, np.full(shape, a)))
        return z


LAW = StudentT
