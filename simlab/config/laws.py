"""The random parts of a population: cluster sizes, the covariate, errors, random effects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from simlab.errors import MOST

from .section import Finding, Positive, Real, Section, Text, choice, refusal, shown

__all__ = [
    "ClusterSizes",
    "Covariate",
    "CovariateLaw",
    "DataCovariate",
    "DataSizes",
    "Deviation",
    "FixedSizes",
    "Law",
    "ListSizes",
    "PoissonSizes",
    "StandardLaw",
    "StudentTCovariate",
    "StudentTLaw",
]

Count = Annotated[int, Field(strict=True, ge=1, le=MOST)]
DegreesOfFreedom = Annotated[Real, Field(gt=2)]
PlainLaw = Literal["normal", "uniform", "exponential"]


class PoissonSizes(Section):
    """n_j = max(minimum, Poisson(mean)), drawn anew for each cluster."""

    law: Literal["poisson"] = Field("poisson", description="Poisson sizes, cut off below.")
    mean: Annotated[Positive, Field(le=MOST)] = Field(description="Mean of the Poisson law.")
    minimum: Count = Field(2, description="Smallest size: smaller draws are raised to it.")


class FixedSizes(Section):
    """n_j = size in every cluster."""

    law: Literal["fixed"] = Field("fixed", description="The same size in every cluster.")
    size: Count = Field(description="Rows in each cluster, at least 1.")


class ListSizes(Section):
    """n_j as listed, sector after sector."""

    law: Literal["list"] = Field("list", description="Sizes listed one by one.")
    sizes: Annotated[tuple[Count, ...], Field(min_length=1)] = Field(
        description="One size per cluster, sector after sector."
    )


class DataSizes(Section):
    """Clusters, sectors and sizes of a data set."""

    law: Literal["data"] = Field("data", description="Sizes found in a data set.")
    data: Text = Field(description="'hs', or a CSV file relative to this one.")
    cluster: Text = Field(description="Column that names the clusters.")
    sector: Text | None = Field(None, description="Column that names the sector of a cluster.")


class Deviation(Section):
    """x_ij = m_j + within_sd · d_ij, with m_j ~ N(mean, between_sd²) and d_ij standardised.

    The deviations d_ij have mean 0 and variance 1; a subclass says which law they follow.
    """

    mean: Real = Field(0.0, description="Mean of x over clusters.")
    between_sd: Annotated[Real, Field(ge=0)] = Field(
        0.0, description="Standard deviation of the latent cluster means m_j, at least 0."
    )
    within_sd: Positive = Field(
        1.0, description="Standard deviation of x within a cluster, positive."
    )


class Covariate(Deviation):
    """x whose deviations within clusters are normal, uniform or exponential."""

    law: PlainLaw = Field("normal", description="Law of the deviations within clusters.")


class StudentTCovariate(Deviation):
    """x whose deviations within clusters follow Student's t, scaled to variance 1."""

    law: Literal["student-t"] = Field("student-t", description="Student's t within clusters.")
    df: DegreesOfFreedom = Field(description="Degrees of freedom, above 2.")


class DataCovariate(Section):
    """x held at the values of a data set, which then also gives the clusters and their sizes."""

    law: Literal["data"] = Field("data", description="x held at the values of a data set.")
    data: Text = Field(description="'hs', or a CSV file relative to this one.")
    column: Text = Field(description="Column that holds x.")
    cluster: Text = Field(description="Column that names the clusters.")
    sector: Text | None = Field(None, description="Column that names the sector of a cluster.")


class StandardLaw(Section):
    """A law with mean 0 and variance 1, scaled by the variance it is used with."""

    law: PlainLaw = Field("normal", description="Shape of the law.")


class StudentTLaw(Section):
    """Student's t, scaled to variance 1."""

    law: Literal["student-t"] = Field("student-t", description="Student's t.")
    df: DegreesOfFreedom = Field(description="Degrees of freedom, above 2.")


def _known_law(*laws: str) -> Callable[[Any], Any]:
    """Check `law` before the union looks at the rest; the first law is the default."""

    def check(value: Any) -> Any:
        if isinstance(value, Section):
            return value
        if not isinstance(value, Mapping):
            raise ValueError(f"must be a mapping such as {{law: {laws[0]}}}, not {shown(value)}")
        law = value.get("law", laws[0])
        if law not in laws:
            raise refusal([Finding(("law",), choice(law, laws))])
        return {**value, "law": law}

    return check


def _member(value: Any) -> str:
    """Return the tag of the union member that a law belongs to; brackets mark tags in paths."""
    law = value["law"] if isinstance(value, Mapping) else value.law
    return f"<{'plain' if law in ('normal', 'uniform', 'exponential') else law}>"


ClusterSizes = Annotated[
    Annotated[PoissonSizes, Tag("<poisson>")]
    | Annotated[FixedSizes, Tag("<fixed>")]
    | Annotated[ListSizes, Tag("<list>")]
    | Annotated[DataSizes, Tag("<data>")],
    Discriminator(_member),
    BeforeValidator(_known_law("poisson", "fixed", "list", "data")),
]
CovariateLaw = Annotated[
    Annotated[Covariate, Tag("<plain>")]
    | Annotated[StudentTCovariate, Tag("<student-t>")]
    | Annotated[DataCovariate, Tag("<data>")],
    Discriminator(_member),
    BeforeValidator(_known_law("normal", "uniform", "exponential", "student-t", "data")),
]
Law = Annotated[
    Annotated[StandardLaw, Tag("<plain>")] | Annotated[StudentTLaw, Tag("<student-t>")],
    Discriminator(_member),
    BeforeValidator(_known_law("normal", "uniform", "exponential", "student-t")),
]
