"""Conditions of a study that the verdicts look at: its base, its sweeps, its crossing."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import xarray as xr

from simlab.measures.conditions import labels_of, setting_of
from simlab.measures.outcomes import factors_of
from simlab.text.numbers import named_level
from simlab.words import NEW, SAME

Level = float | str | None


@dataclass(frozen=True, slots=True)
class Settings:
    """Margins and factors of the verdicts, as `simlab.config.Verdicts` has them."""

    margin: float = 0.05
    honest_margin: float = 0.05
    efficient_margin: float = 0.05
    more_clusters: str = "population.clusters"
    larger_clusters: str = "population.cluster_sizes.mean"
    efficiency: tuple[str, ...] = ()


def settings_of(config: dict[str, Any]) -> Settings:
    """Return the settings of the verdicts; what an older study lacks has its default."""
    written = config.get("verdicts") or {}
    known = {name: written[name] for name in Settings.__slots__ if name in written}
    if "efficiency" in known:
        known["efficiency"] = tuple(known["efficiency"])
    return Settings(**known)


@dataclass(frozen=True, slots=True)
class Places:
    """The conditions of a study, by the levels of their factors.

    `levels` has for each factor its level in each condition, None where a condition has no such
    field; `sizes` the number that a level stands for, the sum over sectors if it is given per
    sector; `scheme` and `population` are as in a configuration. `base` is the condition that the
    sweeps start from, under new clusters; None when the study has no new clusters.
    """

    levels: dict[str, tuple[Level, ...]]
    sizes: dict[str, tuple[float | None, ...]]
    scheme: tuple[str, ...]
    population: tuple[dict[str, Any], ...]
    base: int | None

    @property
    def same(self) -> int | None:
        """The base under the same clusters; without a base, the first condition of that scheme."""
        if self.base is None:
            return self.scheme.index(SAME) if SAME in self.scheme else None
        same = [c for c in self._beside_base({"scheme"}) if self.scheme[c] == SAME]
        return same[0] if same else None

    def sweep(self, factor: str) -> list[int]:
        """Conditions that differ from the base in one factor alone, by rising level, base too.

        Empty unless the factor has a level there that is larger than the base's.
        """
        if self.base is None or factor not in self.levels:
            return []
        size = {c: self.sizes[factor][c] for c in self._beside_base({factor})}
        rising = sorted((s, c) for c, s in size.items() if s is not None)
        base = size[self.base]
        return [c for _, c in rising] if base is not None and rising[-1][0] > base else []

    def crossing(self, factors: tuple[str, ...]) -> list[int]:
        """The base, and the conditions that differ from it in no other factors than these.

        A factor inside one of these keeps its base level or is absent: another law of cluster
        sizes belongs to the crossing, a sweep of the base law's own mean does not.
        """
        if self.base is None:
            return []
        inner = [f for f in self.levels if any(f.startswith(f"{g}.") for g in factors)]
        kept = [f for f in inner if f not in factors]
        return [
            c for c in self._beside_base(set(factors))
            if all(self.levels[f][c] in (None, self.levels[f][self.base]) for f in kept)
        ]  # fmt: skip

    def label(self, condition: int, factors: tuple[str, ...]) -> str:
        """Levels of a condition in words; "base" without any."""
        named = [(f, self.levels[f][condition]) for f in factors if f in self.levels]
        words = [self.named(f, level) for f, level in named if level is not None]
        return ", ".join(words) or "base"

    def named(self, factor: str, level: Level) -> str:
        """Name a level, with its factor where another factor has a level of the same name."""
        shared = any(level in levels for f, levels in self.levels.items() if f != factor)
        return named_level(factor, level, shared)

    def _beside_base(self, free: set[str]) -> list[int]:
        """Conditions with the base's level of every factor, but for the free ones.

        A factor inside a free one, or around it, is free with it: the mean of the cluster
        sizes cannot change without the cluster sizes.
        """
        bound = [
            f for f in self.levels
            if not any(f == g or f.startswith(f"{g}.") or g.startswith(f"{f}.") for g in free)
        ]  # fmt: skip
        assert self.base is not None
        return [
            c for c in range(len(self.scheme))
            if all(self.levels[f][c] == self.levels[f][self.base] for f in bound)
        ]  # fmt: skip


def places(ds: xr.Dataset, config: dict[str, Any]) -> Places:
    """Find the base condition of a study, and what its conditions differ in.

    The base level of a factor is the value that the study has outside its grid, where that is one
    of the levels; else the level of most conditions, which in a union of sweeps is the one they
    share; of equals, the first. The base condition has the most base levels, and of equals is the
    first.
    """
    levels = {name: tuple(_level(v) for v in ds[name].values.tolist()) for name in factors_of(ds)}
    settings = [setting_of(ds, config, c) for c in range(ds.sizes["condition"])]
    scheme = tuple(str(setting.get("scheme", NEW)) for setting in settings)
    wanted = {name: _base_level(config, name, own) for name, own in levels.items()}
    score = [
        sum(levels[f][c] == wanted[f] for f in levels if f != "scheme") for c in range(len(scheme))
    ]
    new = [c for c, s in enumerate(scheme) if s == NEW]
    sizes = {name: tuple(_size(_within(setting, name)) for setting in settings) for name in levels}
    population = tuple(setting.get("population") or {} for setting in settings)
    base = max(new, key=lambda c: score[c]) if new else None
    return Places(levels, sizes, scheme, population, base)


def _level(value: float | str) -> Level:
    """Level of a condition as a number or a text; None where it has no such field."""
    if isinstance(value, str):
        return None if value == "nan" else value
    return None if math.isnan(value) else float(value)


def _base_level(config: dict[str, Any], factor: str, levels: tuple[Level, ...]) -> Level:
    """Level of a factor in the base condition: the one in the configuration, if it is a level."""
    configured = _named(config, factor, _within(config, factor))
    if configured in levels:
        return configured
    return Counter(levels).most_common(1)[0][0]


def _within(value: Any, factor: str) -> Any:
    """Value of a factor in a configuration; None without such a field."""
    for part in factor.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _named(config: dict[str, Any], factor: str, value: Any) -> Level:
    """The label that the grid gives to a value, else the value itself if it is one level."""
    for label, named in labels_of(config, factor).items():
        if named == value:
            return label
    if isinstance(value, int | float):
        return float(value)
    return value if isinstance(value, str) else None


def _size(value: Any) -> float | None:
    if isinstance(value, dict) and all(isinstance(v, int | float) for v in value.values()):
        return float(sum(value.values()))
    return float(value) if isinstance(value, int | float) else None
