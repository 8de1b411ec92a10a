"""The population of a study, declared field by field."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Final, Literal, TypeGuard

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, PlainSerializer, Tag

from simlab.errors import MOST, closest, did_you_mean

from .laws import (
    COVARIATES,
    SIZES,
    STANDARD,
    ClusterSizes,
    CovariateLaw,
    DataCovariate,
    DataSizes,
    Law,
)
from .section import BROKEN, Amount, Finding, PositiveAmount, Section, Text, V, shape, shown
from .values import FrozenMap

PER_SECTOR = ("clusters", "gamma", "beta_within", "beta_between")
"""The fields that may be a mapping from sector to value."""

NORMAL = STANDARD["normal"].model_validate({})

MOST_SECTORS: Final = 100
"""Sectors that a population may have; contrasts are of all pairs of them."""


def _enough(clusters: int) -> int:
    """Number of clusters, of 2 or more."""
    if clusters < 2:
        raise ValueError(
            "must be at least 2, for a sector has two level-2 coefficients "
            f"(intercept and between slope), not {clusters}"
        )
    return clusters


def _two_by_two(G: Any) -> Any:
    """Matrix of two rows of two entries; numbers are checked later."""
    rows = G if isinstance(G, list | tuple) else ()
    if len(rows) != 2 or any(not isinstance(row, list | tuple) or len(row) != 2 for row in rows):
        raise ValueError(f"must be a 2 × 2 matrix such as [[16, 8], [8, 25]], not {shown(G)}")
    return G


Matrix = tuple[tuple[float, float], tuple[float, float]]


def _covariance(G: Matrix) -> Matrix:
    """Refuse a matrix that is no covariance matrix: λ_min = (a + d)/2 − √(((a − d)/2)² + b²)."""
    (a, b), (c, d) = G
    for i, variance in enumerate((a, d)):
        if variance < 0:
            raise ValueError(f"entry ({i + 1}, {i + 1}) is a variance, not {shown(variance)}")
    if b != c:
        raise ValueError(
            f"must be symmetric, but entry (1, 2) is {shown(b)} and entry (2, 1) is {shown(c)}"
        )
    smallest = (a / 2 + d / 2) - math.hypot(a / 2 - d / 2, b)
    if not smallest >= -1e-12 * (a + d):
        raise ValueError(
            f"must be a covariance matrix, but has the eigenvalue {smallest:.4g}; "
            f"with these variances the covariance is at most {math.sqrt(a) * math.sqrt(d):.4g}"
        )
    return G


Clusters = Annotated[
    int, Field(strict=True, le=MOST, json_schema_extra={"minimum": 2}), AfterValidator(_enough)
]
Covariance = Annotated[
    tuple[tuple[Amount, Amount], tuple[Amount, Amount]],
    BeforeValidator(_two_by_two),
    AfterValidator(_covariance),
]
Gamma = Annotated[tuple[Amount, ...], Field(min_length=1, max_length=2)]

PerSector = Annotated[
    Annotated[V, Tag("<other>")]
    | Annotated[
        Mapping[Text, V],
        Field(min_length=1, max_length=MOST_SECTORS),
        AfterValidator(FrozenMap.by_name),
        PlainSerializer(dict),
        Tag("<mapping>"),
    ],
    Discriminator(shape),
]
"""One value for all sectors, or a mapping from sector to value, whose order says nothing."""

ClustersBySector = Annotated[
    Annotated[Clusters, Tag("<other>")]
    | Annotated[
        Mapping[Text, Clusters],
        Field(min_length=1, max_length=MOST_SECTORS),
        AfterValidator(FrozenMap),
        PlainSerializer(dict),
        Tag("<mapping>"),
    ],
    Discriminator(shape),
]
"""The same, in the order that the sectors have from here on."""


class Population(Section):
    """A two-level population: y_ij = β_0j + β_1j x_ij + ε_ij.

    The level-2 model is β_0j = γ_0 + (β_B − β_W) c_j + u_0j and β_1j = β_W + u_1j, with
    (u_0j, u_1j) ~ (0, G) and ε_ij ~ (0, σ²). The context c_j is the sample mean of x in
    cluster j or its latent mean m_j.
    """

    clusters: ClustersBySector | None = Field(
        None,
        description="Number of clusters, or a mapping from sector to number; "
        "omitted when the clusters come from data.",
    )
    gamma: PerSector[Gamma] = Field(
        description="(γ_0, γ_1) with γ_1 = β_W, or (γ_0) beside beta_within; "
        "may be given per sector."
    )
    beta_within: PerSector[Amount] | None = Field(
        None, description="β_W, the effect of x within clusters; the same as γ_1."
    )
    beta_between: PerSector[Amount] | None = Field(
        None, description="β_B, the effect of x between clusters; by default β_W."
    )
    context: Literal["sample-mean", "latent-mean"] = Field(
        "sample-mean", description="Which cluster mean of x carries β_B − β_W."
    )
    G: Covariance = Field(description="2 × 2 covariance matrix of (u_0j, u_1j); may be singular.")
    sigma2: PositiveAmount = Field(description="σ², the variance of the level-1 errors.")
    cluster_sizes: ClusterSizes | None = Field(
        None, description="Law of the cluster sizes n_j; omitted when x comes from data."
    )
    x: CovariateLaw = Field(
        COVARIATES["normal"].model_validate({}), description="Law of the covariate x."
    )
    errors: Law = Field(NORMAL, description="Law of ε_ij / σ.")
    random_effects: Law = Field(NORMAL, description="Law of the standardised u_j.")

    @classmethod
    def across(cls, raw: Mapping[str, Any]) -> Iterable[Finding]:
        """Return what does not fit between clusters, sizes, x and the coefficients."""
        yield from _sources(raw)
        yield from _slopes(raw)
        yield from _sector_names(raw)

    @property
    def source(self) -> DataCovariate | DataSizes | None:
        """The data set that gives the clusters, or None when they are drawn."""
        if isinstance(self.x, DataCovariate):
            return self.x
        return self.cluster_sizes if isinstance(self.cluster_sizes, DataSizes) else None

    @property
    def sectors(self) -> tuple[str, ...] | None:
        """Names of the sectors in order; None when a data set has yet to name them."""
        if self.source is not None and self.source.sector is not None:
            return None
        return tuple(self.clusters) if isinstance(self.clusters, Mapping) else ("all",)

    def gamma0(self, sector: str) -> float:
        """Return γ_0 of a sector; KeyError if values are per sector and do not name it."""
        return _of(self.gamma, sector)[0]

    def within(self, sector: str) -> float:
        """Return β_W of a sector; KeyError if values are per sector and do not name it."""
        if self.beta_within is None:
            return _of(self.gamma, sector)[1]
        return _of(self.beta_within, sector)

    def between(self, sector: str) -> float:
        """Return β_B of a sector; KeyError if values are per sector and do not name it."""
        if self.beta_between is None:
            return self.within(sector)
        return _of(self.beta_between, sector)

    def filled(self) -> Population:
        """Return the same population with γ, β_W and β_B written out.

        Values that agree in all sectors are written once, so that all spellings give one result.
        """
        named = (self.gamma, self.beta_within, self.beta_between)
        mappings = [tuple(value) for value in named if isinstance(value, Mapping)]
        sectors = self.sectors or (*mappings, ("all",))[0]
        return self.model_copy(
            update={
                "gamma": _once({s: (self.gamma0(s), self.within(s)) for s in sectors}),
                "beta_within": _once({s: self.within(s) for s in sectors}),
                "beta_between": _once({s: self.between(s) for s in sectors}),
            }
        )


def _of(value: Mapping[str, V] | V, sector: str) -> V:
    return value[sector] if isinstance(value, Mapping) else value


def _once(values: Mapping[str, V]) -> FrozenMap[V] | V:
    distinct = set(values.values())
    return distinct.pop() if len(distinct) == 1 else FrozenMap.by_name(values)


def _from_data(raw: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(raw, Mapping) and raw.get("law") == "data"


def _sources(raw: Mapping[str, Any]) -> Iterator[Finding]:
    """Sources of clusters and sizes: drawn, or from one data set."""
    x, sizes, clusters = raw.get("x"), raw.get("cluster_sizes"), raw.get("clusters")
    if _from_data(x) and sizes not in (None, BROKEN):
        yield Finding(("cluster_sizes",), "must be left out: x from data brings its sizes", True)
    if sizes is None and x is not BROKEN and not _from_data(x):
        yield Finding(("cluster_sizes",), "is required, unless x comes from data")
    if _from_data(x) or _from_data(sizes):
        if clusters not in (None, BROKEN):
            yield Finding(("clusters",), "must be left out: the clusters are the data's", True)
    elif clusters is None and BROKEN not in (x, sizes):
        yield Finding(("clusters",), "is required, unless the clusters come from data")
    if isinstance(sizes, Mapping) and clusters not in (None, BROKEN):
        total = sum(clusters.values()) if isinstance(clusters, Mapping) else clusters
        law = SIZES[sizes.get("law", next(iter(SIZES)))]
        for finding in law.misfits(sizes, total):
            yield finding._replace(loc=("cluster_sizes", *finding.loc))


def _slopes(raw: Mapping[str, Any]) -> Iterator[Finding]:
    """γ_1 and β_W are one number: it is given once, or twice alike."""
    gamma, within = raw.get("gamma"), raw.get("beta_within")
    if gamma is None or gamma is BROKEN or within is BROKEN:
        return
    sectors = [value for value in (gamma, within) if isinstance(value, Mapping)]
    for sector in sectors[0] if sectors else ("",):
        inside = isinstance(gamma, Mapping)
        entry = _of(gamma, sector)
        slope = within.get(sector) if isinstance(within, Mapping) else within
        if len(entry) == 1 and within is None:
            yield Finding(
                ("gamma", sector) if inside else ("gamma",),
                "has no γ_1: give two entries, or beta_within",
            )
        if len(entry) == 2 and slope is not None and slope != entry[1]:
            yield Finding(
                ("beta_within", sector) if isinstance(within, Mapping) else ("beta_within",),
                f"is {shown(slope)}, but gamma says γ_1 = {shown(entry[1])}; "
                f"shorten gamma to [{shown(entry[0])}] or leave beta_within out",
            )


def _sector_names(raw: Mapping[str, Any]) -> Iterator[Finding]:
    """Every mapping per sector names the sectors of `clusters`, no more and no fewer."""
    clusters, sources = raw.get("clusters"), (raw.get("x"), raw.get("cluster_sizes"))
    mappings = {f: raw[f] for f in PER_SECTOR[1:] if isinstance(raw.get(f), Mapping)}
    if not mappings or clusters is BROKEN or BROKEN in sources:
        return
    known: Mapping[str, Any] | None = clusters if isinstance(clusters, Mapping) else None
    if any(_from_data(source) and source.get("sector") is not None for source in sources):
        known = next(iter(mappings.values()))
    for field, values in mappings.items():
        if known is None:
            hint = "write clusters per sector, or one value here"
            yield Finding((field,), f"is given per sector, but there are no sectors; {hint}", True)
            continue
        guesses = {name: closest(name, known) for name in values if name not in known}
        for name in guesses:
            hint = did_you_mean(name, known, f"the sectors are {', '.join(known)}")
            yield Finding((field, name), f"unknown sector{hint}", True)
        for name in known:
            if name not in values and name not in guesses.values():
                yield Finding((field,), f"has no value for the sector {name!r}", True)
