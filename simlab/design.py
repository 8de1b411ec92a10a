"""Factor grid → conditions, each with a key that depends on nothing but its own content.

The key opens a condition's random streams: other levels, or another spelling, change none of them.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from .config import (
    MISSING,
    ConfigError,
    Finding,
    FrozenMap,
    Generated,
    GridLevel,
    Population,
    Setting,
    Study,
    canonical,
    flow,
    locate,
    lookup,
    number,
    plain,
    settle,
    substitute,
    unfold,
)

Level = int | float | str


@dataclass(frozen=True, slots=True)
class Condition:
    """One cell of the grid: a population and how it is sampled."""

    index: int  # position among the conditions of the study, from 0
    # 32 hexadecimal digits: the start of the SHA-256 of the canonical JSON of population, scheme
    # and draw, with defaults filled
    key: str
    # level of every factor of the study; NaN where the condition has no such field (the mean of
    # cluster sizes that are fixed, say)
    levels: Mapping[str, Level]
    population: Population | Generated
    scheme: str  # what a replicate draws anew
    draw: str  # whether rows or sufficient statistics are drawn


def factors(study: Study) -> tuple[str, ...]:
    """Return the dotted paths that the grid of a study varies, in order of first appearance."""
    return tuple(dict.fromkeys(path for _, levels in unfold(study.grid) for path in levels))


def conditions(study: Study) -> tuple[Condition, ...]:
    """Return the conditions of a study: the union of its factorials, or itself, each once.

    ConfigError names levels that are right alone and do not fit together.
    """
    distinct: dict[str, Setting] = {}
    names: dict[tuple[str, str], str] = {}
    for setting, levels in _cells(study):
        digest = hashlib.sha256(setting.content().encode("ascii"))
        distinct.setdefault(digest.hexdigest()[:32], setting)
        for path, level in levels.items():
            if level.label is not None:
                names.setdefault((path, canonical(lookup(setting, path))), level.label)
    paths = factors(study)
    return tuple(
        Condition(
            index=index,
            key=key,
            levels=FrozenMap({path: _label(setting, path, names) for path in paths}),
            population=setting.population,
            scheme=setting.scheme,
            draw=setting.draw,
        )
        for index, (key, setting) in enumerate(distinct.items())
    )


def _cells(study: Study) -> list[tuple[Setting, dict[str, GridLevel]]]:
    """Return every cell of every factorial, after checking that all of them fit."""
    written = plain(study)
    base = {name: written[name] for name in Setting.model_fields}
    cells: list[tuple[Setting, dict[str, GridLevel]]] = []
    misfits: list[Finding] = []
    for loc, factorial in unfold(study.grid):
        for chosen in product(*factorial.values()):
            levels = dict(zip(factorial, chosen, strict=True))
            changes = {path: plain(level.value) for path, level in levels.items()}
            setting = settle(substitute(base, changes))
            if isinstance(setting, Setting):
                cells.append((setting, levels))
                continue
            named = ", ".join(
                f"{p}: {level.label or flow(level.value)}" for p, level in levels.items()
            )
            misfits += (
                Finding(("grid", *loc), f"[{named}] does not fit together: {finding}")
                for finding in setting
            )
    if misfits:
        raise ConfigError(locate(study, misfits))
    return cells


def _label(setting: Setting, path: str, names: Mapping[tuple[str, str], str]) -> Level:
    """Label of a condition's level of a factor: its name in the grid, a number, or YAML."""
    value = lookup(setting, path)
    if value is None:  # left to its default, which depends on other fields
        value = lookup(setting.filled(), path)
    if value is None or value is MISSING:
        return math.nan
    if (name := names.get((path, canonical(value)))) is not None:
        return name
    if isinstance(value, str):
        return value
    return number(value) if isinstance(value, int | float) else flow(value)
