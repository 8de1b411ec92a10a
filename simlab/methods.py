"""The methods: what each is called, and how it looks wherever it is shown.

Two methods with one estimate and two standard errors share the colour, not marker and dash.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from zlib import crc32

from simlab import looks
from simlab.looks import Look


class Method(NamedTuple):
    """Names of a method, and its look."""

    label: str  # in tables
    short: str = ""  # in pictures and sentences; "" for that in tables
    look: Look | None = None  # without one, the name chooses colours that no other method has


METHODS: Mapping[str, Method] = MappingProxyType({
    "pooled": Method(
        "Pooled", look=Look(looks.PURPLE, looks.CIRCLE, looks.SOLID)
    ),
    "pooled_robust": Method(
        "Pooled, robust SE", look=Look(looks.PURPLE, looks.PLUS, looks.DASHED)
    ),
    "fixed_effects_separate": Method(
        "Fixed effects, separate slopes", "FE, separate slopes",
        Look(looks.WITHIN, looks.SQUARE, looks.SOLID),
    ),
    "fixed_effects_common": Method(
        "Fixed effects, common slope", "FE, common slope",
        Look(looks.SKY, looks.HEXAGON, looks.SOLID),
    ),
    "two_stage": Method("Two-stage", look=Look(looks.WITHIN, looks.PIN, looks.DASHED)),
    "ecological": Method("Ecological", look=Look(looks.BETWEEN, looks.TRIANGLE, looks.SOLID)),
    "hlm": Method("HLM", look=Look(looks.BROWN, looks.DIAMOND, looks.SOLID)),
    "hlm_contextual": Method("HLM + context", look=Look(looks.INK, looks.WEDGE, looks.SOLID)),
    "gls_oracle": Method("GLS, true variances", look=Look(looks.INK, looks.STAR, looks.DOTTED)),
})  # fmt: skip


def label(method: str) -> str:
    """Return what tables call a method: one that is not in `METHODS`, by its name."""
    return METHODS[method].label if method in METHODS else method


def short(method: str) -> str:
    """Return what pictures and sentences call a method."""
    return (METHODS[method].short if method in METHODS else "") or label(method)


def look(method: str) -> Look:
    """Return how a method looks; of one that has no look of its own, as its name decides."""
    known = METHODS[method].look if method in METHODS else None
    if known is not None:
        return known
    number = crc32(method.encode())
    number, color = divmod(number, len(looks.SPARE))
    number, marker = divmod(number, len(looks.MARKERS))
    return Look(looks.SPARE[color], looks.MARKERS[marker], looks.DASHES[number % len(looks.DASHES)])
