"""Student's t, scaled to variance 1; and χ² with common random numbers."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from simlab.config.section import Real
from simlab.moments import Floats

from .standard import Open, StandardLaw


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


def chi_square(open_stream: Open, df: Floats) -> Floats:
    """Draw χ²(df), 0 where df is 0; df (J, …, B), with common random numbers.

    χ²(df) is twice a gamma variable of shape df/2, by one attempt of Marsaglia and Tsang (2000,
    *ACM Transactions on Mathematical Software* 26:363): dv with v = (1 + cz)³, d = df/2 − 1/3,
    c = 1/√(9d) and z standard normal, accepted if log U < z²/2 + d(1 − v + log v). At the same z
    it grows with df. Where it is refused (5 % at 2 degrees of freedom, less than 1 % from 8 on),
    and below 2, where the method ends, the distribution function is inverted at another uniform.
    What is refused says nothing about that one, so the law stays exact.
    """
    from scipy.special import gammaincinv  # scipy: a study is read without it

    z = open_stream(0).standard_normal(df.shape)
    log_u = np.log1p(-open_stream(1).random(df.shape))
    d = np.maximum(df, 2.0) / 2.0 - 1.0 / 3.0
    root = 1.0 + z / np.sqrt(9.0 * d)
    v = root * root * root
    with np.errstate(invalid="ignore", divide="ignore"):  # v ≤ 0 is refused
        accepted = log_u < 0.5 * z * z + d * (1.0 - v + np.log(v))
    out = 2.0 * d * v
    again = (~accepted | (df < 2.0)) & (df > 0.0)
    out[again] = 2.0 * gammaincinv(df[again] / 2.0, open_stream(2).random(df.shape)[again])
    out[df == 0.0] = 0.0
    return out
