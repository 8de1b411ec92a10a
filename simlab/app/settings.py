"""Settings of the page: one frozen value, and the study that it stands for."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from simlab.config import ConfigError, Study
from simlab.words import NEW, SCHEMES, Scheme

SECTORS = ("Catholic", "Public")
"""The course's names; the second is described by its difference from the first."""

BLOCK = 250
"""Replicates in a block: 1,000 make whole blocks."""

NAME = "on_the_screen"

PLACES = MappingProxyType(
    {
        "clusters": "clusters",
        "sigma2": "sigma",
        "G": "correlation",
        "cluster_sizes": "size",
        "x.within_sd": "x_within",
        "x.between_sd": "x_between",
        "gamma": "gamma0",
        "beta_within": "beta_within",
        "beta_between": "beta_between",
        "seed": "seed",
    }
)
"""Which setting stands behind a field of the study."""

SEEDS = (0, 2**31 - 1)

WORDS = MappingProxyType(
    {
        "sigma": "σ is 0: students would not differ from the line of their school, and no method "
        "has an error to estimate. Move σ above 0.",
        "x_within": "The sd of x within schools is 0: all students of a school have the same x, "
        "and a school has no line. Move it above 0.",
        "clusters": "Each sector needs 2 schools. Move J to 4 or more, or choose one sector.",
    }
)
"""What the sliders can set and nobody can draw, in words of the page."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A population with one covariate, and how it is sampled."""

    gamma0: float = 12.0  # γ_0, the mean of y where x and the context are 0
    # β_W and β_B
    beta_within: float = 2.0
    beta_between: float = 2.0
    # of (u_0j, u_1j): √g00, √g11 and g01/√(g00 g11)
    sd_intercepts: float = 4.0
    sd_slopes: float = 5.0
    correlation: float = 0.4
    sigma: float = 4.5  # σ, the standard deviation of students about the line of their school
    clusters: int = 40  # J, over all sectors
    size: int = 30  # mean of the Poisson number of students in a school; no school has fewer than 2
    # standard deviations of the schools' means of x, and of x about them
    x_between: float = 0.0
    x_within: float = 1.0
    sectors: int = 1  # 1 or 2
    # second sector minus first, in γ_0, and in both β_W and β_B
    intercept_difference: float = 0.0
    slope_difference: float = 0.0
    scheme: Scheme = NEW  # {"new-clusters", "same-clusters"} what a replicate draws anew
    seed: int = 20261123  # root of all random streams


class Range(NamedTuple):
    """Range of a slider: its label, ends and step."""

    label: str
    start: float
    end: float
    step: float


RANGES: Mapping[str, Range] = MappingProxyType(
    {
        "beta_within": Range("β_W  within schools", -6, 6, 0.1),
        "beta_between": Range("β_B  between schools", -6, 8, 0.1),
        "gamma0": Range("γ_0  mean intercept", 0, 60, 0.5),
        "sd_intercepts": Range("√g₀₀  sd of intercepts", 0, 8, 0.1),
        "sd_slopes": Range("√g₁₁  sd of slopes", 0, 6, 0.1),
        "correlation": Range("ρ  their correlation", -1, 1, 0.05),
        "sigma": Range("σ  sd of students", 0, 10, 0.1),
        "clusters": Range("J  schools", 2, 100, 1),
        "size": Range("n  students a school", 2, 100, 1),
        "x_between": Range("sd of x between schools", 0, 3, 0.1),
        "x_within": Range("sd of x within schools", 0, 3, 0.1),
        "intercept_difference": Range("Public − Cath., intercept", -8, 8, 0.5),
        "slope_difference": Range("Public − Cath., slope", -4, 4, 0.1),
    }
)

PRESETS: Mapping[str, Settings] = MappingProxyType(
    {
        # The populations of the demonstrations: configs/robinson.yaml and configs/simpson.yaml.
        "Robinson": Settings(
            gamma0=50.0, beta_within=1.0, beta_between=-2.0, sd_intercepts=0.5, sd_slopes=0.3,
            correlation=0.0, sigma=2.0, clusters=40, size=30, x_between=0.5, x_within=1.0,
        ),
        "Simpson": Settings(
            gamma0=50.0, beta_within=1.0, beta_between=-2.0, sd_intercepts=0.5, sd_slopes=0.1,
            correlation=0.0, sigma=2.0, clusters=12, size=60, x_between=2.0, x_within=1.0,
        ),
        # configs/slides_example.yaml, with σ² = 20.25 for its 20.
        "Slides example": Settings(),
        # configs/high_schools.yaml, with x drawn rather than held, and its values rounded.
        "High schools": Settings(
            gamma0=13.5, beta_within=1.7, beta_between=4.0, sd_intercepts=1.9, sd_slopes=0.4,
            correlation=0.5, sigma=6.1, clusters=40, size=50, x_between=0.4, x_within=0.7,
            sectors=2, intercept_difference=-1.0, slope_difference=1.2,
        ),
        # So few schools that two variances of schools can hardly be distinguished.
        "Few schools": Settings(
            beta_within=2.0, beta_between=5.0, sd_intercepts=3.0, sd_slopes=1.2,
            correlation=0.3, sigma=4.5, clusters=6, size=20, x_between=1.0, x_within=1.0,
        ),
        # Slopes hardly vary: the estimate of G is often singular.
        "Singular": Settings(
            beta_within=2.0, beta_between=3.0, sd_intercepts=1.0, sd_slopes=0.1,
            correlation=0.0, sigma=6.0, clusters=12, size=15, x_between=0.7, x_within=1.0,
        ),
    }
)  # fmt: skip


CHOICES: Mapping[str, tuple[Any, ...]] = MappingProxyType({"sectors": (1, 2), "scheme": SCHEMES})


def allowed(name: str, value: Any, before: Any) -> Any:
    """Return what the control of a setting offers that is nearest to a value.

    A browser may send anything; nothing else than this reaches a study. What the setting was
    `before` is kept where the value is no number, or no choice of the control.
    """
    if name in CHOICES:
        fits = [choice for choice in CHOICES[name] if type(choice) is type(value)]
        return value if value in fits else before
    if isinstance(value, bool) or not isinstance(value, int | float):
        return before
    if isinstance(value, float) and math.isnan(value):
        return before
    if name == "seed":
        return int(min(max(value, SEEDS[0]), SEEDS[1]))
    _, start, end, step = RANGES[name]
    nearest = start + step * round((min(max(value, start), end) - start) / step)
    # Steps of 0.1 are added up in binary.
    return type(before)(round(min(nearest, end), 6))


def study(settings: Settings, replicates: int = 1000) -> Study:
    """Return the study that settings stand for, checked as one read from a file is.

    Its replicates are the first of any larger number. A ConfigError says that the values cannot be
    sampled; see `problems`.
    """
    s = settings
    g01 = s.correlation * s.sd_intercepts * s.sd_slopes
    J = s.clusters
    population = {
        "clusters": J if s.sectors == 1 else dict(zip(SECTORS, (J - J // 2, J // 2), strict=True)),
        "gamma": _by_sector(s, s.gamma0, s.intercept_difference, lambda value: [value]),
        "beta_within": _by_sector(s, s.beta_within, s.slope_difference),
        "beta_between": _by_sector(s, s.beta_between, s.slope_difference),
        "G": [[_tidy(s.sd_intercepts**2), _tidy(g01)], [_tidy(g01), _tidy(s.sd_slopes**2)]],
        "sigma2": _tidy(s.sigma**2),
        "cluster_sizes": {"law": "poisson", "mean": s.size, "minimum": 2},
        "x": {"law": "normal", "between_sd": s.x_between, "within_sd": s.x_within},
    }
    declared = {
        "name": NAME, "seed": s.seed, "replicates": replicates, "block": BLOCK,
        "scheme": s.scheme, "population": population,
    }  # fmt: skip
    return Study.from_json(json.dumps(declared))


def problems(error: Exception) -> dict[str, str]:
    """Return messages on what is wrong, by the setting next to which each is shown.

    Under "" stands what no single setting is to blame for.
    """
    if not isinstance(error, ConfigError):
        return {"": f"{error} ({type(error).__name__}). Move a slider, or choose a preset."}
    messages: dict[str, str] = {}
    for problem in error.problems:
        field = problem.field.removeprefix("population.")
        name = next((PLACES[place] for place in PLACES if field.startswith(place)), "")
        label = RANGES[name].label if name in RANGES else name
        messages.setdefault(name, WORDS.get(name, f"{label} {problem.message}".strip()))
    return messages


def _by_sector(
    s: Settings, value: float, difference: float, form: Callable[[float], Any] = lambda v: v
) -> Any:
    """Write one value, or one for each sector."""
    if s.sectors == 1:
        return form(value)
    return {SECTORS[0]: form(value), SECTORS[1]: form(_tidy(value + difference))}


def _tidy(value: float) -> float:
    """Drop what binary arithmetic adds to decimals: 0.3² is 0.09."""
    return round(value, 10)
