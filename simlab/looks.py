"""Every colour of simlab, and how each marker and dash is written where it is drawn.

Most are of Okabe & Ito (2008), "Color Universal Design", darkened to a contrast of 3 : 1 on white;
all can be distinguished with any common colour blindness, or differ in marker too. Nothing but a
reported standard error is orange; methods that estimate β_W are blue, of β_B green.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

PAPER: Final = "#FFFFFF"
INK: Final = "#222222"
"""Words, and what is true."""
QUIET: Final = "#707070"
"""Frames, legends, rows."""
GRID: Final = "#E2E2E2"
TINT: Final = "#E9EEF3"
ACCENT: Final = "#44546A"
"""What can be pressed and moved on a page."""
NOTE: Final = "#FFE9A8"
FOCUS: Final = "#CC0066"
"""The one school that is pointed at."""
STRIP: Final = "#A9CFE8"
"""Areas; too light for lines and words."""
CLUSTERS: Final = "#688EB0"
"""Single clusters: their lines, means and points."""

REPORTED: Final = "#D55E00"
"""A reported standard error, and nothing else."""
WITHIN: Final = "#0072B2"
"""β_W, and methods that estimate it."""
BETWEEN: Final = "#008060"
"""β_B, and methods that estimate it."""
MISS: Final = "#B0123A"
"""Intervals that miss, numbers that mislead, draws beyond what was observed."""

SKY: Final = "#3A94CF"
PURPLE: Final = "#B04A8A"
BROWN: Final = "#7A4B12"
VIOLET: Final = "#6D45B8"
OLIVE: Final = "#85852B"
PLUM: Final = "#4E1A52"
ROSE: Final = "#B3677C"

SECTORS: Final = (VIOLET, OLIVE)
"""The two sectors."""
GROUPS: Final = (*SECTORS, PLUM, ROSE, INK, BROWN)
"""Groups of clusters, in their order; and what has no colour of its own."""
SPARE: Final = (PLUM, ROSE)
"""Methods that `simlab.methods` does not name."""


class Marker(NamedTuple):
    """One marker in three spellings: matplotlib's, a letter or corners, Bokeh's, and a letter."""

    plot: Any
    bokeh: str
    sign: str


class Dash(NamedTuple):
    """One dash in two spellings: matplotlib's and Bokeh's."""

    plot: str | tuple[int, tuple[float, ...]]
    bokeh: str


CIRCLE: Final = Marker("o", "circle", "●")
PLUS: Final = Marker("P", "plus", "✚")
SQUARE: Final = Marker("s", "square", "■")
HEXAGON: Final = Marker("h", "hex", "⬢")
PIN: Final = Marker(
    ((1, 1), (0, 0.5), (-1, 1), (-0.5, 0), (-1, -1), (0, -0.5), (1, -1), (0.5, 0)),
    "square_pin", "✦",
)  # fmt: skip
TRIANGLE: Final = Marker("^", "triangle", "▲")
DIAMOND: Final = Marker("D", "diamond", "◆")
WEDGE: Final = Marker("v", "inverted_triangle", "▼")
STAR: Final = Marker("*", "star", "★")
MARKERS: Final = (CIRCLE, SQUARE, TRIANGLE, DIAMOND, WEDGE, PLUS, HEXAGON, PIN, STAR)

SOLID: Final = Dash("-", "solid")
DASHED: Final = Dash((0, (6, 2)), "dashed")
DOTTED: Final = Dash((0, (2, 1.5)), "dotted")
DASHDOT: Final = Dash((0, (6, 2, 1.5, 2)), "dashdot")
DASHES: Final = (SOLID, DASHED, DOTTED, DASHDOT)


class Look(NamedTuple):
    """Look of one thing, by which it is recognised: its colour, its marker and its dash."""

    color: str
    marker: Marker
    dash: Dash


BLUE: Final = Look(CLUSTERS, CIRCLE, SOLID)
"""A cluster's own estimate."""
BLUP: Final = Look(PLUM, TRIANGLE, SOLID)
"""A cluster's prediction."""

P_VALUES: Final = {
    "chi2": Look(BROWN, SQUARE, DASHED),
    "mixture": Look(PURPLE, TRIANGLE, SOLID),
    "exact": Look(VIOLET, DIAMOND, SOLID),
    "wald": Look(OLIVE, WEDGE, SOLID),
    "satterthwaite": Look(PLUM, PLUS, SOLID),
    "kenward_roger": Look(ROSE, PIN, SOLID),
    "simulated": Look(INK, CIRCLE, SOLID),
}
"""Kinds of p-values."""


def look_of_group(i: int) -> Look:
    """Return the look of the i-th of several groups; colours, markers and dashes come round."""
    dash = DASHES[i // len(GROUPS) % len(DASHES)]
    return Look(GROUPS[i % len(GROUPS)], MARKERS[i % len(MARKERS)], dash)


def css() -> str:
    """Return the colours of words and boxes as variables of a style sheet, such as --ink."""
    named = {
        "ink": INK, "quiet": QUIET, "paper": PAPER, "line": GRID, "tint": TINT, "accent": ACCENT,
        "note": NOTE, "miss": MISS,
    }  # fmt: skip
    return f":root {{ {' '.join(f'--{name}: {color};' for name, color in named.items())} }}\n"
