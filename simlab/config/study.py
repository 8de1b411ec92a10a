"""A whole study: what is sampled, how often, what is estimated and tested, how it is judged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    PrivateAttr,
    Tag,
    ValidationError,
)

from simlab.errors import LEVEL_RULE, MOST, MOST_WORKERS, ConfigError, did_you_mean, is_level
from simlab.words import Aim

from .grid import Grid, check, leads, paths
from .section import (
    BROKEN,
    LONGEST_NAME,
    Finding,
    Loc,
    PositiveAmount,
    Real,
    Section,
    Text,
    V,
    refusal,
    refused,
    shape,
    shown,
)
from .setting import Setting, known, spelled_out
from .values import canonical, plain

Number = Annotated[int, Field(strict=True, ge=1, le=MOST)]
FEWEST = 2000
"""Samples before which no condition is judged, if a study does not say."""

Share = Annotated[Real, Field(gt=0, lt=1)]


def _level(value: object) -> object:
    if not is_level(value):
        raise ValueError(f"{LEVEL_RULE}, not {shown(value)}")
    return value


Level = Annotated[Share, BeforeValidator(_level)]


def _unique(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names, each once."""
    first = {name: i for i, name in reversed([*enumerate(names)])}
    twice = [Finding((i,), f"repeats {n!r}") for i, n in enumerate(names) if first[n] < i]
    if twice:
        raise refusal(twice)
    return names


Names = Annotated[tuple[V, ...], AfterValidator(_unique)]
SomeNames = Annotated[tuple[V, ...], Field(min_length=1), AfterValidator(_unique)]


def _some(jobs: int) -> int:
    """Number of workers, or −1 for one per core."""
    if jobs < -1 or jobs == 0:
        raise ValueError(f"must be a number of workers, or -1 for one per core, not {shown(jobs)}")
    if jobs > MOST_WORKERS:
        raise ValueError(
            f"must be at most {MOST_WORKERS:,}, or -1 for one per core, not {shown(jobs)}"
        )
    return jobs


class Tests(Section):
    """Hypotheses tested in every replicate, and the number of Monte Carlo draws."""

    names: SomeNames[Annotated[Text, known("test")]] = Field(description="Names of the tests.")
    draws: Number = Field(
        199,
        description="Draws from the fitted null for each Monte Carlo p-value; a level is attained "
        "exactly where its product with draws + 1 is whole.",
    )
    stop: Number | None = Field(
        None,
        description="Draw no more once this many statistics are as large as the observed one "
        "(Besag & Clifford 1991); by default all are drawn.",
    )

    @classmethod
    def across(cls, raw: Mapping[str, Any]) -> Iterable[Finding]:
        """Refuse a number of exceedances that is never reached."""
        draws, stop = raw.get("draws", cls.model_fields["draws"].default), raw.get("stop")
        if draws is not BROKEN and isinstance(stop, int) and stop > draws:
            yield Finding(("stop",), f"must be at most draws, {draws}, not {stop}")


class Parallel(Section):
    """Place where a study runs; neither the numbers nor what a store holds depend on it."""

    backend: Literal["threading", "loky", "dask"] = Field(
        "threading",
        description="Threads, processes of this machine (loky), or workers of dask, which may be "
        "on other machines.",
    )
    n_jobs: Annotated[int, Field(strict=True), AfterValidator(_some)] = Field(
        -1, description="Threads or processes that are started; -1 for one per core."
    )
    scheduler: Text | None = Field(
        None,
        description="Address of a dask scheduler, tcp://…, or its scheduler file; by default dask "
        "starts n_jobs processes on this machine.",
    )

    @classmethod
    def across(cls, raw: Mapping[str, Any]) -> Iterable[Finding]:
        """Refuse a scheduler that would not be asked."""
        backend = raw.get("backend", cls.model_fields["backend"].default)
        if raw.get("scheduler") is not None and backend not in ("dask", BROKEN):
            yield Finding(("scheduler",), f"is for backend dask, not {backend}", at_key=True)


class Verdicts(Section):
    """Margins and sweeps behind the judgements of the summary table."""

    margin: Share = Field(
        0.05, description="Equivalence margin for bias, as a share of |β_B − β_W|."
    )
    honest_margin: Share = Field(
        0.05, description="A model SE whose relative error is below this is honest."
    )
    efficient_margin: Share = Field(
        0.05, description="An estimator with efficiency above 1 minus this is efficient."
    )
    more_clusters: Text = Field(
        "population.clusters", description="Factor swept towards J → ∞, as a dotted path."
    )
    larger_clusters: Text = Field(
        "population.cluster_sizes.mean", description="Factor swept towards n → ∞, as a dotted path."
    )
    efficiency: Names[Text] = Field(
        (), description="Factors over whose crossing efficiency is reported, as dotted paths."
    )


class Until(Section):
    """The precision that a condition is sampled for: the MCSE of a measure, in its worst cell."""

    measure: Annotated[Text, known("measure")] = Field(
        description="Name of a performance measure, such as coverage; mymodule:name for one "
        "that the study names under measures."
    )
    mcse: PositiveAmount = Field(
        description="A condition is sampled until no Monte Carlo standard error of the measure is "
        "above this, in the unit of the measure."
    )
    estimators: Annotated[tuple[Text, ...], Field(min_length=1)] | None = Field(
        None, description="Estimators that the rule looks at; by default all of the study."
    )
    terms: Annotated[tuple[Text, ...], Field(min_length=1)] | None = Field(
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


class Study(Setting):
    """A study as its file declares it.

    Equality, hash and JSON are of the fields alone, not of `text`, `file` and `base_dir`, its
    origin.
    """

    name: str = Field(
        pattern="^[A-Za-z0-9_-]+$",
        max_length=LONGEST_NAME,
        description="Name of the study: letters, digits, _ and -; files are named so.",
    )
    description: str = Field("", description="What the study is for, in a sentence.")
    seed: Annotated[int, Field(strict=True, ge=0)] = Field(
        0, description="Root of all random streams, a whole number from 0; 0 is a seed."
    )
    sampled: Sampled = Field(
        alias="replicates",
        description="Samples drawn in each condition: how many, or until when and how many at "
        "most.",
    )
    block: Number = Field(256, description="Replicates drawn together from one random stream.")
    common_random_numbers: Annotated[bool, Field(strict=True)] = Field(
        False,
        description="Whether all conditions are drawn from the same random numbers, so that "
        "differences between them are known better.",
    )
    keep: Literal["replicates", "measures"] = Field(
        "replicates",
        description="replicates: keep every estimate. measures: keep running sums of them, which "
        "give every measure, and hardly grow with the number of replicates.",
    )
    level: Level = Field(0.95, description="Confidence level, between 0 and 1.")
    estimators: SomeNames[Annotated[Text, known("estimator")]] | None = Field(
        None,
        description="Names of the estimators to compare, by default all of simlab's; "
        "mymodule:name is one of your own.",
    )
    measures: Names[Annotated[Text, known("own_measure")]] | None = Field(
        None,
        description="Measures to take beside those of every study: mymodule:name is one of your "
        "own; robust ones of simlab by their names.",
    )
    tests: Tests | None = Field(
        None, description="Hypotheses tested in every replicate; by default none."
    )
    grid: Grid | None = Field(
        None,
        description="Dotted path → levels, a full factorial; or a list of such mappings, "
        "of which the union is run. Levels are a list, or a mapping from label to value.",
    )
    parallel: Parallel = Field(Parallel(), description="Where it runs: threads, processes, dask.")
    verdicts: Verdicts = Field(Verdicts(), description="Margins and sweeps of the verdicts.")

    _text: str = PrivateAttr("")
    _file: str = PrivateAttr("")
    _base_dir: Path | None = PrivateAttr(None)

    @property
    def replicates(self) -> int:
        """Samples drawn in each condition; with a rule `until`, the most there may be."""
        return self.sampled.max if isinstance(self.sampled, Replicates) else self.sampled

    @property
    def least(self) -> int:
        """Samples that every condition has; without a rule, all of them."""
        if isinstance(self.sampled, Replicates):
            return min(self.sampled.min or FEWEST, self.sampled.max)
        return self.sampled

    @property
    def until(self) -> Until | None:
        """Rule for when a condition has enough samples; None if they are a number."""
        return self.sampled.until if isinstance(self.sampled, Replicates) else None

    @property
    def text(self) -> str:
        """The configuration as it was written; empty for a study built in Python."""
        return self._text

    @property
    def file(self) -> str:
        """The file as the reader named it; empty for a study built in Python."""
        return self._file

    @property
    def base_dir(self) -> Path | None:
        """Folder from which relative data paths start; None means the current one."""
        return self._base_dir

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Study) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(self.to_json())

    @classmethod
    def across(cls, raw: Mapping[str, Any]) -> Iterable[Finding]:
        """Return what is wrong with the levels of the grid and the factors of the verdicts."""
        yield from super().across(raw)
        base = {name: raw[name] for name in Setting.model_fields if raw.get(name) is not None}
        base["population"] = spelled_out(base.get("population"))
        if raw.get("grid") not in (None, BROKEN):
            for finding in check(raw["grid"], base, cls.fields() - Setting.fields()):
                yield finding._replace(loc=("grid", *finding.loc))
        verdicts = raw.get("verdicts")
        if isinstance(verdicts, Mapping):
            yield from _factors(verdicts, paths(base))

    def origin(self, text: str, file: str, base_dir: Path | None) -> Self:
        """Remember where the study came from, and return it."""
        self._text, self._file, self._base_dir = text, file, base_dir
        return self

    def replace(self, **changes: Any) -> Study:
        """Return a validated copy with some fields changed; ConfigError if they do not fit."""
        return _rebuild({**plain(self), **changes}).origin(self._text, self._file, self._base_dir)

    def at_most(self, replicates: int) -> Study:
        """Return a validated copy with so many samples in each condition, or at most so many."""
        if self.until is None:
            return self.replace(replicates=replicates)
        rule = {"max": replicates, "min": min(self.least, replicates), "until": self.until}
        return self.replace(replicates=rule)

    def to_json(self) -> str:
        """Return canonical JSON: fields sorted, defaults filled, 12 and 12.0 written alike.

        Sectors, factors and named levels keep the order of the file, which carries meaning.
        """
        return canonical(self)

    @classmethod
    def from_json(cls, text: str) -> Study:
        """Return the study that `to_json` wrote; ConfigError if it is no valid one, or not JSON."""
        try:
            raw = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigError.of("", f"is not JSON: {error}") from None
        return _rebuild(raw)


def _factors(verdicts: Mapping[str, Any], known: tuple[str, ...]) -> Iterator[Finding]:
    """Check the paths that verdicts name; a default may name a path this study does not vary."""
    named: list[tuple[Loc, Any]] = [
        ((key,), verdicts.get(key)) for key in ("more_clusters", "larger_clusters")
    ]
    efficiency = verdicts.get("efficiency")
    if isinstance(efficiency, list):
        named += [(("efficiency", i), path) for i, path in enumerate(efficiency)]
    for loc, path in named:
        if path == Verdicts.model_fields[str(loc[0])].default:
            continue
        if isinstance(path, str) and path and not leads(path, known):
            hint = did_you_mean(path, known, "a path is like population.clusters")
            yield Finding(("verdicts", *loc), f"no such path {path!r}{hint}")


def _rebuild(raw: Any) -> Study:
    """Study of plain values, checked; a ConfigError on what is wrong."""
    try:
        return Study.model_validate(raw)
    except ValidationError as error:
        raise refused(error) from None


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a study, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Study.model_json_schema(),
        "title": "simlab study",
    }
