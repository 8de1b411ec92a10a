"""How a method looks wherever it is shown: a colour for its estimate, a marker and a dash.

The colours are those of `simlab.plots`, safe for colour blindness. Two methods with one estimate
and two standard errors share the colour, and differ in marker and dash.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple

from simlab.plots.style import BETWEEN, INK, LINES, QUIET, REPORTED, STRIP, WITHIN

__all__ = [
    "BETWEEN",
    "INK",
    "LOOKS",
    "PAPER",
    "QUIET",
    "REPORTED",
    "SECTOR_MARKERS",
    "STRIP",
    "WITHIN",
    "Look",
]

PAPER = "#FFFFFF"
SECTOR_MARKERS = ("circle", "triangle")


class Look(NamedTuple):
    """A method's short name, colour, Bokeh marker and dash, and a letter for the marker in text."""

    label: str
    color: str
    marker: str
    dash: str
    sign: str


_GREEN, _OCHRE, _PURPLE, _BLUE, _INK, _RED, _SKY = LINES
LOOKS = MappingProxyType(
    {
        "pooled": Look("Pooled", _RED, "circle", "solid", "●"),
        "pooled_robust": Look("Pooled, robust SE", _RED, "circle_cross", "dashed", "⊕"),
        "fixed_effects_separate": Look("FE, separate slopes", _BLUE, "square", "solid", "■"),
        "fixed_effects_common": Look("FE, common slope", _SKY, "hex", "solid", "⬢"),
        "two_stage": Look("Two-stage", _BLUE, "square_cross", "dashed", "⊞"),
        "ecological": Look("Ecological", _GREEN, "triangle", "solid", "▲"),
        "hlm": Look("HLM", _OCHRE, "diamond", "solid", "◆"),
        "hlm_contextual": Look("HLM + context", _PURPLE, "inverted_triangle", "solid", "▼"),
        "gls_oracle": Look("GLS, true variances", _INK, "star", "dotted", "★"),
    }
)
