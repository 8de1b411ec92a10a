"""The grid of a study: dotted paths, the settings they lead to, and what is wrong with them.

A grid maps dotted paths to levels, a list or label → value; a list of grids is their union.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Annotated, Any, Final, NamedTuple, get_args

from pydantic import AfterValidator, BaseModel, Discriminator, Field, Tag, ValidationError

from simlab.errors import did_you_mean

from .population import PER_SECTOR, Population
from .section import (
    BROKEN,
    LONGEST_NAME,
    MOST_FINDINGS,
    Finding,
    Loc,
    Ordered,
    Text,
    findings,
    shape,
)
from .setting import Setting
from .values import canonical, freeze

MISSING: Final = object()
"""What `lookup` returns where a setting has no such path."""

PARAMETERS = "population.parameters"

MOST_CELLS: Final = 5_000
"""Conditions that a grid may unfold to."""

MOST_VALUES: Final = 1_000_000
"""Values that the settings of all conditions may hold together."""

Raw = Annotated[Any, AfterValidator(freeze)]


Levels = Annotated[
    Annotated[tuple[Raw, ...], Field(min_length=1), Tag("<other>")]
    | Annotated[Ordered[Text, Raw], Tag("<mapping>")],
    Discriminator(shape),
]
Factorial = Ordered[str, Levels]
Grid = Annotated[
    Annotated[Factorial, Tag("<mapping>")]
    | Annotated[tuple[Factorial, ...], Field(min_length=1), Tag("<other>")],
    Discriminator(shape),
]


class GridLevel(NamedTuple):
    """One level of a factor: its value as written and, if it has one, its label."""

    value: Any
    label: str | None
    loc: Loc


def unfold(grid: object) -> list[tuple[Loc, dict[str, list[GridLevel]]]]:
    """Return the factorials of a grid, each with its location and the levels of its factors.

    The grid is as written or as validated; without one there is one factorial of no factors.
    """
    factorials: list[tuple[Loc, Mapping[str, Any]]] = [((), {})]
    if isinstance(grid, Mapping):
        factorials = [((), grid)]
    elif isinstance(grid, list | tuple):
        factorials = [((i,), factorial) for i, factorial in enumerate(grid)]
    return [
        (loc, {path: _levels(levels, (*loc, path)) for path, levels in factorial.items()})
        for loc, factorial in factorials
    ]


def _levels(levels: Any, loc: Loc) -> list[GridLevel]:
    if isinstance(levels, Mapping):
        return [GridLevel(value, label, (*loc, label)) for label, value in levels.items()]
    return [GridLevel(value, None, (*loc, i)) for i, value in enumerate(levels)]


def paths(base: Mapping[str, Any]) -> tuple[str, ...]:
    """Return every dotted path that a grid may sweep in a study as written.

    Its mappings per sector say which sectors have a path.
    """
    known = list(Setting.model_fields)
    population = base.get("population")
    if isinstance(population, Mapping) and "generator" in population:
        written = population.get("parameters")
        named = written if isinstance(written, Mapping) else {}
        return (*known, "population.generator", PARAMETERS, *(f"{PARAMETERS}.{n}" for n in named))
    if population is BROKEN:
        known.append(PARAMETERS)  # nobody knows which of its paths are meant
    for name, field in Population.model_fields.items():
        written = population.get(name) if isinstance(population, Mapping) else None
        inside = [entry for section in _sections(field.annotation) for entry in section.fields()]
        if name in PER_SECTOR and isinstance(written, Mapping):
            inside = list(written)
        known += [f"population.{name}", *(f"population.{name}.{i}" for i in sorted(set(inside)))]
    return tuple(known)


def leads(path: str, known: Iterable[str]) -> bool:
    """Whether a path leads somewhere, given `paths`; to any parameter, if there are some."""
    return path in known or (path.startswith(f"{PARAMETERS}.") and PARAMETERS in known)


def _sections(annotation: Any) -> Iterator[Any]:
    """Sections among the types that an annotation names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _sections(argument)


def _parts(path: str) -> list[str]:
    return path.split(".", 2)  # the third part may be a sector whose name has dots


def substitute(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of plain settings with values set at dotted paths.

    Parents that are missing (or None) appear as mappings, to be filled with their defaults.
    """
    result = dict(base)
    for path, value in changes.items():
        *parents, last = _parts(path)
        inner = result
        for parent in parents:
            old = inner.get(parent)
            inner[parent] = dict(old) if isinstance(old, Mapping) else {}
            inner = inner[parent]
        inner[last] = value
    return result


def lookup(setting: Setting, path: str) -> Any:
    """Return the validated value at a dotted path, or `MISSING`."""
    value: Any = setting
    for part in _parts(path):
        if isinstance(value, BaseModel):
            value = getattr(value, part) if part in type(value).model_fields else MISSING
        else:
            value = value.get(part, MISSING) if isinstance(value, Mapping) else MISSING
    return value


def check(grid: object, base: Mapping[str, Any], fixed: Iterable[str]) -> Iterator[Finding]:
    """Find what is wrong with a grid whose shape is right; locations start inside the grid.

    Each level is put alone into the base, which is population, scheme and draw as written, right or
    wrong. One that fails alone may still fit together with the first levels of the other factors (a
    law and its degrees of freedom, say) and then passes. `fixed` are keys that cannot be swept.
    """
    factorials = unfold(grid)
    cells = sum(math.prod(map(len, factorial.values())) for _, factorial in factorials)
    if cells > MOST_CELLS:
        yield Finding((), f"has {cells:,} conditions; a study has at most {MOST_CELLS:,}", True)
        return
    if cells * (size := _size(base)) > MOST_VALUES:
        message = f"has {cells:,} conditions of {size:,} values each; these are too many to check"
        yield Finding((), message, True)
        return
    known, fixed = paths(base), tuple(fixed)
    sound = not isinstance(settle(base), list)
    named: dict[tuple[str, str], str] = {}
    for loc, factorial in factorials:
        wrong = list(_wrong_paths(factorial, loc, known, fixed))
        yield from wrong
        bad = {finding.loc[-1] for finding in wrong}
        usable = {path: levels for path, levels in factorial.items() if path not in bad}
        corner = {path: levels[0].value for path, levels in usable.items()}
        for path, levels in usable.items():
            values: dict[str, str] = {}
            for level in levels:
                alone = settle(substitute(base, {path: level.value}))
                if isinstance(alone, Setting):
                    value = canonical(lookup(alone, path))
                else:
                    value = canonical(level.value)
                    among = settle(substitute(base, {**corner, path: level.value}))
                    if not (sound and isinstance(among, Setting)):
                        yield from _in_level(alone, path, level, sound)
                yield from _repeated(path, level, value, values, named)


def _size(value: object) -> int:
    """Values that a plain value holds, itself among them."""
    if isinstance(value, Mapping):
        value = list(value.values())
    return 1 + (sum(map(_size, value)) if isinstance(value, list | tuple) else 0)


def settle(raw: Mapping[str, Any]) -> Setting | list[Finding]:
    """Return the setting of plain values, or what is wrong with them."""
    try:
        return Setting.model_validate(raw)
    except ValidationError as error:
        return findings(error)


def _wrong_paths(
    factorial: Mapping[str, object], loc: Loc, known: tuple[str, ...], fixed: tuple[str, ...]
) -> Iterator[Finding]:
    """Findings on paths that a factorial cannot sweep: unknown, too long, or inside another."""
    unknown = 0
    for path in factorial:
        if leads(path, known):
            above = accumulate(path.split(".")[:-1], "{}.{}".format)  # population.x of its mean
            outer = next((p for p in above if p in factorial), None)
            if len(path.encode()) > LONGEST_NAME:
                message = f"is too long, for it names a folder: at most {LONGEST_NAME} bytes"
                yield Finding((*loc, path), message, True)
            elif outer is not None:
                yield Finding((*loc, path), f"lies inside {outer}, which is swept beside it", True)
            continue
        unknown += 1
        if path.split(".")[0] in fixed:
            message = "cannot be swept; sweep scheme, draw, population or a path inside it"
        else:
            near = known if unknown <= MOST_FINDINGS else ()
            message = f"no such path{did_you_mean(path, near, 'a path is like population.sigma2')}"
        yield Finding((*loc, path), message, True)


def _in_level(wrong: list[Finding], path: str, level: GridLevel, sound: bool) -> Iterator[Finding]:
    """Findings of a substituted level, located there; of an unsound base, only those inside it."""
    parts = tuple(_parts(path))
    for finding in wrong:
        if finding.loc[: len(parts)] == parts:
            yield finding._replace(loc=(*level.loc, *finding.loc[len(parts) :]))
        elif sound:
            yield Finding(level.loc, f"does not fit: {finding}")


def _repeated(
    path: str,
    level: GridLevel,
    value: str,
    values: dict[str, str],
    named: dict[tuple[str, str], str],
) -> Iterator[Finding]:
    """Findings on a level that is there already, or a label that names two values."""
    if value in values:
        yield Finding(level.loc, f"repeats the level {values[value]}")
    values.setdefault(value, level.label or f"number {len(values) + 1}")
    if level.label is not None and named.setdefault((path, level.label), value) != value:
        yield Finding(level.loc, "has a label that names another value elsewhere in the grid", True)
