"""Arguments that several commands have: their types, and what the help says of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from simlab.errors import ConfigError
from simlab.text import Format

Printed = Literal["text", "csv"]
Several = Annotated[tuple[str, ...] | None, Parameter(consume_multiple=True, negative="")]
Words = Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="")]

Store = Annotated[Path, Parameter(help="A NAME.zarr folder.")]
Config = Annotated[Path, Parameter(help="The study, a YAML file.")]
Data = Annotated[str, Parameter(help="A CSV file, or hs, or hsb.")]
Y = Annotated[str, Parameter(help="Column of the response.")]
X = Annotated[str, Parameter(help="Column of the covariate.")]
Cluster = Annotated[str, Parameter(help="Column that names the cluster.")]
Group = Annotated[str | None, Parameter(help="Column of a group of clusters, such as a sector.")]
ML = Annotated[bool, Parameter(help="Maximum likelihood instead of REML.")]
Missing = Annotated[
    Literal["drop", "raise"], Parameter(help="What to do with rows where a value is missing.")
]
Level = Annotated[float, Parameter(help="Confidence level.")]
Jobs = Annotated[
    int, Parameter(help="Threads; -1 for one per core. The numbers do not depend on it.")
]
Tidy = Annotated[Format, Parameter(help="csv is tidy and has every digit.")]

OPTIONS = {
    **dict.fromkeys(("replicates", "replicates.max", "replicates.min"), "--replicates"),
    "replicates.until.mcse": "--mcse", "parallel.n_jobs": "--jobs",
    "parallel.scheduler": "--scheduler", "seed": "--seed",
}  # fmt: skip
"""Fields of a study that an option changes."""


@contextmanager
def options_named() -> Iterator[None]:
    """Name the option that was typed where a field that it changed is refused.

    What stands in the study's file has the name of that file, and is left as it is.
    """
    try:
        yield
    except ConfigError as error:
        problems = [
            problem if problem.file else replace(problem, field=OPTIONS.get(field, field))
            for problem in error.problems
            for field in [problem.field]
        ]
        raise ConfigError(dict.fromkeys(problems)) from None
