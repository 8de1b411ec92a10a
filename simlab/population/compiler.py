"""Compiler of a condition: from its declaration to the plan of its draws."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from simlab.config import DataCovariate, Generated, Population, StandardLaw, declared
from simlab.data.frames import DataSets
from simlab.design import Condition
from simlab.errors import PopulationError
from simlab.moments import Floats, from_rows

from .frame import Frame, frame
from .plan import LAWS, FixedX, Law, Parameters, Plan, RandomX


class _HasPopulation(Protocol):
    @property
    def population(self) -> Population | Generated: ...


def compile_plan(
    condition: Condition, base_dir: Path | None = None, data: DataSets | None = None
) -> Plan:
    """Turn the population of a condition into the numbers that the kernels draw from.

    Relative paths of data start at `base_dir`, by default the current folder; `data` are those in
    memory, by the name that the population gives them.

    Raises
    ------
    PopulationError
        If the population cannot be drawn as asked, or does not fit its data.
    """
    population = declared(condition.population)
    if condition.draw == "moments" and (laws := _row_laws(population)):
        raise PopulationError(
            f"moments are drawn from normal laws only, but {' and '.join(laws)}; write draw: auto",
            "draw",
        )
    if isinstance(population.x, DataCovariate) and population.context == "latent-mean":
        raise PopulationError(
            "x from data has no latent means; write context: sample-mean", "population.context"
        )
    clusters = frame(population, base_dir, data)
    parameters = _parameters(population, clusters)
    return Plan(population, clusters.sectors, clusters.labels, clusters.starts, parameters)


def needs_rows(drawn: _HasPopulation) -> bool:
    """Whether a condition, or its plan, can be drawn only as rows: errors or x are not normal."""
    population = drawn.population
    return isinstance(population, Generated) or bool(_row_laws(population))


def _row_laws(population: Population) -> list[str]:
    """Return the laws from which sufficient statistics cannot be drawn, in words."""
    laws = {"population.errors": population.errors.law}
    if not isinstance(population.x, DataCovariate):
        laws["population.x"] = population.x.law
    return [f"{field} has the law {law}" for field, law in laws.items() if law != "normal"]


def _parameters(population: Population, clusters: Frame) -> Parameters:
    """Numbers of a population for the kernels, cluster by cluster."""
    counts, x, context = np.diff(clusters.starts), population.x, population.context
    if context not in ("latent-mean", "sample-mean"):
        raise PopulationError(f"{context} cannot be drawn", "population.context")

    def spread(values: list[float]) -> Floats:
        """One value for each cluster, from one for each sector."""
        return np.repeat(np.array(values, dtype=float), counts)

    within = [population.within(s) for s in clusters.sectors]
    between = [population.between(s) for s in clusters.sectors]
    random_x = RandomX(0.0, 0.0, 0.0, Law(0, 0.0, 0.0))
    if not isinstance(x, DataCovariate):
        random_x = RandomX(float(x.mean), float(x.between_sd), float(x.within_sd), _law(x))
    return Parameters(
        gamma0=spread([population.gamma0(s) for s in clusters.sectors]),
        beta_within=spread(within),
        contextual=spread([b - w for w, b in zip(within, between, strict=True)]),
        root=_root(population.G),
        effects=_law(population.random_effects),
        sigma=float(np.sqrt(population.sigma2)),
        errors=_law(population.errors),
        latent=context == "latent-mean",
        sizes=clusters.n,
        x_fixed=isinstance(x, DataCovariate),
        random_x=random_x,
        fixed_x=_fixed_x(clusters),
    )


def _root(G: tuple[tuple[float, float], tuple[float, float]]) -> Floats:
    """Return the Cholesky factor of a covariance matrix, singular or not.

    Triangular, so that u_0 has the very law of z. A singular G may miss positive definiteness by
    rounding; the entry below the diagonal is then held to what the variance of u_1 allows.
    """
    (a, b), (_, d) = G
    r, sd = np.sqrt(a), np.sqrt(d)
    below = np.clip(b / r, -sd, sd) if r > 0 else 0.0
    return np.array([[r, 0.0], [below, np.sqrt(max(d - below * below, 0.0))]])


def _law(declared: StandardLaw) -> Law:
    return Law(LAWS.index(declared.law), *declared.parameters)


def _fixed_x(clusters: Frame) -> FixedX:
    """The x of data, cluster after cluster, with the mean and Σ(x − x̄_j)² of each."""
    x = clusters.x
    if not len(x):
        return FixedX(x, np.zeros(1, dtype=np.int64), np.empty(0), np.empty(0))
    first = np.cumsum([0, *clusters.n], dtype=np.int64)
    counts = np.diff(clusters.starts)
    cluster = np.repeat(np.arange(len(clusters.n)), np.diff(first))
    moments = from_rows(x, np.zeros_like(x), cluster, np.repeat(np.arange(len(counts)), counts))
    return FixedX(x, first, moments.x_mean[0], moments.ss_x[0])
