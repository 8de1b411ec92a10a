"""The setting of one condition: its population, declared or generated, and how that is sampled.

Import paths, ``module:name``, are checked in their shape only: reading a study runs no code.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    ValidationInfo,
)

from simlab.errors import ConfigError
from simlab.words import NEW, Scheme

from .population import Covariance, PerSector, Population
from .section import (
    BROKEN,
    LONGEST_NAME,
    Amount,
    Finding,
    PositiveAmount,
    Section,
    Sorted,
    Text,
    refusal,
    refused,
    shown,
    unknown,
)
from .values import FrozenMap, canonical, freeze

_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


def import_path(name: str) -> str:
    """Return an import path as it is; ValueError if it has not the form ``module:name``."""
    if not _PATH.fullmatch(name):
        raise ValueError(f"must be an import path such as mymodule:name, not {shown(name)}")
    if len(name.partition(":")[0].encode()) > LONGEST_NAME:
        raise ValueError(f"names a module by more than {LONGEST_NAME} bytes: {shown(name)}")
    return name


def known(what: str) -> AfterValidator:
    """Refuse a name that is not among `known_WHATs` of the context, where it has them."""

    def check(name: str, info: ValidationInfo) -> str:
        """Return the name, or import path, as it is."""
        if what != "test" and ":" in name:  # the user's own, imported when the study is run
            return import_path(name)
        names = (info.context or {}).get(f"known_{what}s")
        if names is not None and name not in names:
            raise ValueError(unknown(what, name, names))
        return name

    return AfterValidator(check)


def spelled_out(population: object) -> Any:
    """Return a population as it was written, an import path alone as the mapping it stands for."""
    return {"generator": population} if isinstance(population, str) else population


def _drawn_or_declared(population: object) -> Any:
    """Return a population spelled out; one that a function draws has no fields of its own."""
    population = spelled_out(population)
    if isinstance(population, Mapping) and "generator" in population:
        both = [name for name in population if name in Population.model_fields]
        if both:
            message = (
                f"a population with a generator has no {', '.join(both)}: the function draws it"
            )
            raise refusal([Finding((both[0],), message, at_key=True)])
    return population


def _finite(value: Any) -> Any:
    """Return a parameter as it is; NaN is no value that can be compared, nor written as JSON."""
    inside = value.values() if isinstance(value, Mapping) else value
    for entry in inside if isinstance(value, Mapping | tuple) else ():
        _finite(entry)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"must be a finite number, not {shown(value)}")
    return value


class Truth(Section):
    """True values of a population that a generator draws; those not given are not known."""

    beta_within: PerSector[Amount] | None = Field(
        None, description="β_W, which the slope is compared with; may be given per sector."
    )
    beta_between: PerSector[Amount] | None = Field(
        None, description="β_B, which the slope is compared with; may be given per sector."
    )
    intercept: PerSector[Amount] | None = Field(
        None, description="What the intercept is compared with; may be given per sector."
    )
    G: Covariance | None = Field(
        None, description="Covariance matrix of (u_0j, u_1j), for gls_oracle."
    )
    sigma2: PositiveAmount | None = Field(None, description="σ², for gls_oracle.")
    terms: Sorted[Amount] | None = Field(
        None, description="What other terms of your estimators are compared with."
    )


class Generated(Section):
    """A population drawn by a function: ``generator(rng, **parameters)`` returns one replicate."""

    generator: Annotated[Text, AfterValidator(import_path)] = Field(
        description="Import path of the function, mymodule:name."
    )
    parameters: Sorted[Annotated[Any, AfterValidator(freeze), AfterValidator(_finite)]] = Field(
        default_factory=FrozenMap,
        description="What the function is given beside its random stream.",
    )
    truth: Truth | None = Field(
        None, description="What is true of the population; by default what the function declares."
    )

    def filled(self) -> Generated:
        """Return what determines the draws: the population without its true values."""
        return self.model_copy(update={"truth": None})


def read_truth(raw: object, source: str) -> Truth:
    """Return what a generator says is true, if it is a mapping of numbers with these names."""
    try:
        return Truth.model_validate(raw)
    except ValidationError as error:
        raise refused(error, source) from None


def _shape(population: object) -> str:
    """Return the tag of the kind of population."""
    if isinstance(population, Mapping):
        return "<generated>" if "generator" in population else "<declared>"
    return "<generated>" if isinstance(population, Generated) else "<declared>"


def _also_a_path(schema: dict[str, Any]) -> None:
    """Schema for editors in which an import path alone is a population too."""
    schema["oneOf"].append({"type": "string", "pattern": ":"})


class Setting(Section):
    """Everything that determines the draws of a condition, but for the random stream."""

    scheme: Scheme = Field(
        NEW, description="Whether each replicate draws new clusters, or new rows in the same ones."
    )
    draw: Literal["auto", "moments", "rows"] = Field(
        "auto", description="Draw rows or sufficient statistics; auto takes the latter where exact."
    )
    population: Annotated[
        Annotated[Population, Tag("<declared>")] | Annotated[Generated, Tag("<generated>")],
        Discriminator(_shape),
        BeforeValidator(_drawn_or_declared),
    ] = Field(
        description="The population that is sampled: its fields, or the import path of a function "
        "that draws it.",
        json_schema_extra=_also_a_path,
    )

    @classmethod
    def across(cls, raw: Mapping[str, Any]) -> Iterable[Finding]:
        """Refuse to ask of a generator how it should draw."""
        if _shape(spelled_out(raw.get("population"))) == "<generated>":
            for field, default in (("scheme", NEW), ("draw", "auto")):
                if raw.get(field, default) not in (default, BROKEN):
                    message = "must be left out: a generator draws what it draws"
                    yield Finding((field,), message, True)

    def filled(self) -> Setting:
        """Return the same setting with the defaults of its population written out."""
        return Setting(scheme=self.scheme, draw=self.draw, population=self.population.filled())

    def content(self) -> str:
        """Return the canonical JSON text that is the same for every spelling of the setting."""
        return canonical(self.filled())


def declared(population: Population | Generated) -> Population:
    """Return a population that is declared field by field; ConfigError if a generator draws it."""
    if isinstance(population, Generated):
        message = f"{population.generator} draws it; what is asked needs one declared by its fields"
        raise ConfigError.of("population", message)
    return population
