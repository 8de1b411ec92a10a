"""A population that a function of the user draws, and what is true of it.

Names with a colon are import paths, ``module:name``. Only their shape is checked here: reading a
study imports nothing that it names, and runs no code.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainSerializer, ValidationError

from .errors import ConfigError, Problem
from .population import Covariance, RealBySector
from .section import LONGEST_NAME, Positive, Real, Section, Text, findings, shown
from .values import FrozenMap, freeze

__all__ = ["Generated", "Truth", "import_path", "read_truth", "spelled_out"]

_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


def import_path(name: str) -> str:
    """Return an import path as it is.

    Raises
    ------
    ValueError
        If the name has not the form ``module:name``.
    """
    if not _PATH.fullmatch(name):
        raise ValueError(f"must be an import path such as mymodule:name, not {shown(name)}")
    if len(name.partition(":")[0].encode()) > LONGEST_NAME:
        raise ValueError(f"names a module by more than {LONGEST_NAME} bytes: {shown(name)}")
    return name


def spelled_out(population: object) -> Any:
    """Return a population as it was written, an import path alone as the mapping it stands for."""
    return {"generator": population} if isinstance(population, str) else population


def _finite(value: Any) -> Any:
    """Return a parameter as it is; NaN is no value that can be compared, nor written as JSON."""
    inside = value.values() if isinstance(value, Mapping) else value
    for entry in inside if isinstance(value, Mapping | tuple) else ():
        _finite(entry)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"must be a finite number, not {shown(value)}")
    return value


class Truth(Section):
    """What is true of a population that a generator draws; what is not told is not known."""

    beta_within: RealBySector | None = Field(
        None, description="β_W, which the slope is compared with; may be given per sector."
    )
    beta_between: RealBySector | None = Field(
        None, description="β_B, which the slope is compared with; may be given per sector."
    )
    intercept: RealBySector | None = Field(
        None, description="What the intercept is compared with; may be given per sector."
    )
    G: Covariance | None = Field(
        None, description="Covariance matrix of (u_0j, u_1j), for gls_oracle."
    )
    sigma2: Positive | None = Field(None, description="σ², for gls_oracle.")
    terms: (
        Annotated[Mapping[Text, Real], AfterValidator(FrozenMap.by_name), PlainSerializer(dict)]
        | None
    ) = Field(None, description="What other terms of your estimators are compared with.")


class Generated(Section):
    """A population drawn by a function: ``generator(rng, **parameters)`` returns one replicate."""

    generator: Annotated[Text, AfterValidator(import_path)] = Field(
        description="Import path of the function, mymodule:name."
    )
    parameters: Annotated[
        Mapping[Text, Annotated[Any, AfterValidator(freeze), AfterValidator(_finite)]],
        AfterValidator(FrozenMap.by_name),
        PlainSerializer(dict),
    ] = Field(
        default_factory=FrozenMap,
        description="What the function is given beside its random stream.",
    )
    truth: Truth | None = Field(
        None, description="What is true of the population; by default what the function declares."
    )

    def filled(self) -> Generated:
        """Return what determines the draws: the population without what is said to be true."""
        return self.model_copy(update={"truth": None})


def read_truth(raw: object, source: str) -> Truth:
    """Return what a generator says is true.

    Raises
    ------
    ConfigError
        If that is no mapping of numbers with these names.
    """
    try:
        return Truth.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(
            Problem("", None, None, ".".join(map(str, (source, *found.loc))), found.message)
            for found in findings(error)
        ) from None
