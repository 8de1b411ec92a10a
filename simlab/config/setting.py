"""The setting of one condition: its population, and how that is sampled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from simlab.words import NEW, Scheme

from .errors import ConfigError
from .generated import Generated, spelled_out
from .population import Population
from .section import BROKEN, Finding, Section
from .values import canonical

__all__ = ["Setting", "declared"]


def _shape(population: object) -> str:
    """Return the tag of the kind of population; brackets mark tags in paths."""
    if isinstance(population, Mapping):
        return "<generated>" if "generator" in population else "<declared>"
    return "<generated>" if isinstance(population, Generated) else "<declared>"


def _also_a_path(schema: dict[str, Any]) -> None:
    """Tell editors that an import path alone is a population too."""
    schema["oneOf"].append({"type": "string", "pattern": ":"})


class Setting(Section):
    """All that determines the draws of a condition, but for the random stream."""

    scheme: Scheme = Field(
        NEW,
        description="Whether each replicate draws new clusters, or new rows in the same ones.",
    )
    draw: Literal["auto", "moments", "rows"] = Field(
        "auto",
        description="Draw rows or sufficient statistics; auto takes the latter where exact.",
    )
    population: Annotated[
        Annotated[Population, Tag("<declared>")] | Annotated[Generated, Tag("<generated>")],
        Discriminator(_shape),
        BeforeValidator(spelled_out),
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
    """Return a population that is declared field by field.

    Raises
    ------
    ConfigError
        If a generator draws it.
    """
    if isinstance(population, Generated):
        message = f"{population.generator} draws it; what is asked needs one declared by its fields"
        raise ConfigError.of("population", message)
    return population
