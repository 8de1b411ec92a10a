"""What is true of the terms that a user's estimators have beside those of simlab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from simlab.config import ConfigError, FrozenMap, plain
from simlab.custom.generated import OwnPopulation
from simlab.design import Condition
from simlab.estimators.base import Estimator
from simlab.runner.sources import Source

__all__ = ["true_of_others"]


def true_of_others(
    condition: Condition, source: Source, methods: Sequence[Estimator]
) -> Mapping[str, float]:
    """Truth of the user's terms in one condition, by its population, or else by the estimators.

    Raises
    ------
    ConfigError
        If two estimators say different things of a term that they share, or one cannot tell.
    """
    others = {term for method in methods for term in method.others}
    told: dict[str, float] = {}
    by: dict[str, str] = {}
    population = plain(condition.population)
    for method in methods:
        said = method.truth(population) if callable(method.truth) else method.truth or {}
        for term, value in said.items():
            if told.setdefault(term, value) != value:
                raise ConfigError.of(
                    "estimators",
                    f"{by[term]} says that the truth of {term} is {told[term]:g}, and "
                    f"{method.name} that it is {value:g}; call one of the terms otherwise",
                )
            by.setdefault(term, method.name)
    if isinstance(source, OwnPopulation):
        told |= source.told.terms or {}
    return FrozenMap((term, value) for term, value in told.items() if term in others)
