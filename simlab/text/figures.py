"""Figures inside a page."""

from __future__ import annotations

import base64
import io
import re
from typing import Literal, Protocol

from simlab.errors import ArgumentError
from simlab.text.html import html_text

DPI = 160  # of PNG, and of what a figure has rasterised inside SVG

_ID = re.compile(rb'(\bid="|href="#|url\(#)([^")]+)')


class Saves(Protocol):
    """A figure, as matplotlib has it."""

    def savefig(self, fname: io.BytesIO, **options: object) -> object:
        """Write the figure to a file."""


def figure_tag(
    figure: Saves | bytes, alt: str, caption: str = "", form: Literal["svg", "png"] = "svg"
) -> str:
    """Embed a figure, or the bytes of an SVG or PNG file, without a reference to anything outside.

    It becomes an image of its own, with its own names, so that several figures cannot disturb one
    another, and nothing in it can run. The same figure gives the same bytes. `alt` says what it
    shows, for readers who cannot see it; a caption stands below. SVG is sharp at any size; its
    points by the thousand should be rasterised artists, as those of `simlab.plots.data_space` are.
    """
    if not alt.strip():
        raise ArgumentError("a figure needs an alt text that says what it shows")
    if isinstance(figure, bytes):
        data = figure
    else:
        file = io.BytesIO()
        dated = {"metadata": {"Date": None}} if form == "svg" else {}
        figure.savefig(file, format=form, dpi=DPI, **dated)
        data = file.getvalue()
    if data.startswith(b"\x89PNG"):
        kind = "image/png"
    elif data.lstrip()[:5].lower() in (b"<?xml", b"<svg ", b"<svg>"):
        kind, data = "image/svg+xml", _renamed(data)
    else:
        raise ArgumentError("the bytes of a figure must be SVG or PNG")
    source = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    below = f"<figcaption>{html_text(caption)}</figcaption>" if caption else ""
    return f'<figure><img alt="{html_text(alt)}" src="{source}"/>{below}</figure>'


def _renamed(svg: bytes) -> bytes:
    """Number the names in an SVG in their order; matplotlib's are new in every run."""
    numbers: dict[bytes, int] = {}

    def number(match: re.Match[bytes]) -> bytes:
        """Name of an id by its order."""
        return b"%bi%d" % (match[1], numbers.setdefault(match[2], len(numbers)))

    return _ID.sub(number, svg)
