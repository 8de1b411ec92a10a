"""How often each condition is sampled: a number, or until a measure is known well enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from simlab.errors import MOST
from simlab.words import Aim

from .section import Finding, Positive, Section, Text, shape
from .setting import known

Number = Annotated[int, Field(strict=True, ge=1, le=MOST)]
FEWEST = 2000
"""Samples before which no condition is judged, if a study does not say."""

Names = Annotated[tuple[Text, ...], Field(min_length=1)]


class Until(Section):
    """The precision that a condition is sampled for: the MCSE of a measure, in its worst cell."""

    measure: Annotated[Text, known("measure")] = Field(
        description="Name of a performance measure, such as coverage; mymodule:name for one "
        "that the study names under measures."
    )
    mcse: Positive = Field(
        description="A condition is sampled until no Monte Carlo standard error of the measure is "
        "above this, in the unit of the measure."
    )
    estimators: Names | None = Field(
        None, description="Estimators that the rule looks at; by default all of the study."
    )
    terms: Names | None = Field(
        None,
        description="Terms that the rule looks at, such as slope, or slope[Public]; by default "
        "all.",
    )
    target: Aim | None = Field(
        None, description="Target of the measure that the rule looks at; by default all."
    )


class Replicates(Section):
    """Samples drawn in each condition until it is known well enough, and how many at most."""

    max: Number = Field(description="Most samples drawn in a condition.")
    min: Number | None = Field(
        None,
        description="Fewest samples drawn in a condition, in whole blocks; by default "
        f"{FEWEST}, or max where that is less.",
    )
    until: Until = Field(description="When a condition has enough samples.")

    @classmethod
    def across(cls, raw: Mapping[str, Any]) -> Iterable[Finding]:
        """Refuse a minimum above the maximum."""
        most, least = raw.get("max"), raw.get("min")
        if isinstance(most, int) and isinstance(least, int) and least > most:
            yield Finding(("min",), f"must be at most max, {most}, not {least}")


Sampled = Annotated[
    Annotated[Number, Tag("<other>")] | Annotated[Replicates, Tag("<mapping>")],
    Discriminator(shape),
]
