"""A population in numbers: arrays and scalars that pass straight into the kernels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from numpy.typing import NDArray

from simlab.config import STANDARD, Population
from simlab.moments import Floats, Ints

LAWS = tuple(STANDARD)
"""Laws standardised to mean 0 and variance 1; the position of a law is its code."""


class Law(NamedTuple):
    """A standardised law: its position in `LAWS`, and its parameters (0 if it has fewer)."""

    code: int
    a: float
    b: float


def law_name(law: Law) -> str:
    """Name of a law; of a code that `LAWS` does not have, its number."""
    return LAWS[law.code] if 0 <= law.code < len(LAWS) else f"number {law.code}"


class RandomX(NamedTuple):
    """x_ij = m_j + within_sd d_ij, m_j ~ N(mean, between_sd²), d_ij of a law; 0 if x is fixed."""

    mean: float
    between_sd: float
    within_sd: float
    law: Law


class FixedX(NamedTuple):
    """x fixed at the values of data; empty where x is random."""

    values: Floats  # cluster j has ``values[first[j]:first[j + 1]]``; (N,), (J + 1,)
    first: Ints
    mean: Floats  # x̄_j and Σ (x_ij − x̄_j)², (J,)
    ss: Floats


class Parameters(NamedTuple):
    """A population as the kernels take it, with J clusters, sector after sector."""

    gamma0: Floats  # γ_0, β_W and β_B − β_W of the cluster's sector, (J,)
    beta_within: Floats
    contextual: Floats
    root: Floats  # lower triangular, root root' = G; (u_0j, u_1j)' = root z; (2, 2)
    effects: Law  # law of z
    sigma: float  # σ, the standard deviation of the errors
    errors: Law  # law of ε/σ
    latent: bool  # whether the context c_j is m_j; otherwise it is x̄_j
    sizes: Floats  # n_j, (J,); empty where they are drawn
    x_fixed: bool  # whether x is fixed at the values of data
    random_x: RandomX  # the covariate, in one of the two
    fixed_x: FixedX


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A population ready to be sampled."""

    population: Population
    sectors: tuple[str, ...]
    # names of the clusters, (J,), sector after sector: those of the data, else 1 … J
    labels: NDArray[Any]
    starts: Ints  # sector s holds the clusters ``starts[s]:starts[s + 1]``, (S + 1,)
    parameters: Parameters

    @property
    def J(self) -> int:
        """Number of clusters over all sectors."""
        return len(self.labels)

    def slices(self) -> list[slice]:
        """Return the clusters of each sector."""
        return [slice(a, b) for a, b in pairwise(self.starts.tolist())]


class Clusters(NamedTuple):
    """Random numbers of J clusters in B replicates, before rows, (B, J); B = 1 if drawn once."""

    n: Floats  # number of rows n_j, whole
    m: Floats  # latent means m_j of x; the means of the data where x is fixed
    u0: Floats  # random effects u_0j (intercept) and u_1j (slope)
    u1: Floats

    def take(self, replicates: slice) -> Clusters:
        """Return the clusters of some of the replicates, as views."""
        return Clusters(*(field[replicates] for field in self))
