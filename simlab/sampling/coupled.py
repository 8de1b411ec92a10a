"""Laws drawn so that conditions stay in step: for the same stream, and for parameters that differ.

Arrays are (J, …, B), clusters first and replicates last. A law takes from each of its streams one
number for each entry, in that order, so that cluster k of replicate b has the same numbers whatever
the number J of clusters. No law draws until something is accepted: streams would fall out of step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.random import Generator
from scipy.special import gammaincinv, pdtr

from simlab.errors import PopulationError
from simlab.moments import Floats
from simlab.population import Law, law_name

__all__ = ["STANDARDISED", "Open", "chi_square", "poisson", "standardised"]

Open = Callable[..., Generator]
"""Opens the stream at a place, which is given by whole numbers."""


def standardised(open_stream: Open, law: Law, shape: tuple[int, ...]) -> Floats:
    """Draw from a law of mean 0 and variance 1.

    Raises
    ------
    PopulationError
        If it is none of `STANDARDISED`.
    """
    name = law_name(law)
    if name not in STANDARDISED:
        raise PopulationError(f"the law {name} cannot be drawn with common random numbers")
    return STANDARDISED[name](open_stream, law, shape)


def _normal(open_stream: Open, _: Law, shape: tuple[int, ...]) -> Floats:
    return open_stream().standard_normal(shape)


def _uniform(open_stream: Open, _: Law, shape: tuple[int, ...]) -> Floats:
    return np.asarray(np.sqrt(3.0) * (2.0 * open_stream().random(shape) - 1.0))


def _exponential(open_stream: Open, _: Law, shape: tuple[int, ...]) -> Floats:
    return open_stream().standard_exponential(shape) - 1.0


def _student_t(open_stream: Open, law: Law, shape: tuple[int, ...]) -> Floats:
    """Draw z √((df − 2)/χ²_df), with the z that a normal law has from the same stream."""
    z = open_stream().standard_normal(shape)
    z *= np.sqrt((law.df - 2.0) / chi_square(open_stream, np.full(shape, law.df)))
    return z


STANDARDISED: Mapping[str, Callable[[Open, Law, tuple[int, ...]], Floats]] = MappingProxyType(
    {
        "normal": _normal, "uniform": _uniform, "exponential": _exponential,
        "student-t": _student_t,
    }
)  # fmt: skip
"""How each law is drawn, by its name."""


def poisson(u: Floats, mean: float) -> Floats:
    """Invert the distribution function: the least k with P(N ≤ k) ≥ u, which grows with the mean.

    Parameters
    ----------
    u : array
        Uniform on [0, 1).
    mean : float
        Of the Poisson law. Beyond 10 standard deviations and 30 of it no u of 53 bits leads.
    """
    reach = 10.0 * np.sqrt(mean)
    k = np.arange(max(0.0, np.floor(mean - reach)), np.ceil(mean + reach) + 31.0)
    least = np.searchsorted(pdtr(k, mean), u)
    return np.asarray(k[least.clip(max=len(k) - 1)])


def chi_square(open_stream: Open, df: Floats) -> Floats:
    """Draw χ²(df), 0 where df is 0.

    χ²(df) is twice a gamma variable of shape df/2, by one attempt of Marsaglia and Tsang (2000,
    *ACM Transactions on Mathematical Software* 26:363): dv with v = (1 + cz)³, d = df/2 − 1/3,
    c = 1/√(9d) and z standard normal, accepted if log U < z²/2 + d(1 − v + log v). At the same z
    it grows with df. Where it is refused (5 % at 2 degrees of freedom, less than 1 % from 8 on),
    and below 2, where the method ends, the distribution function is inverted at another uniform.
    What is refused says nothing about that one, so the law stays exact.

    Parameters
    ----------
    open_stream : Open
        Opens streams by one number more.
    df : (J, …, B)
        Degrees of freedom, at least 0.
    """
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
