"""One self-contained page: text, tables and figures, and no request to anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from simlab.text.html import html_text

CONTENTS = 4  # sections, from which on the page begins with a list of them

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


class Section(NamedTuple):
    """A part of a page: its heading, "" for none, and HTML, which is put into the page as it is.

    Escape what a user named with `html_text`.
    """

    heading: str
    body_html: str


def page(title: str, sections: Sequence[Section], footer: str = "") -> str:
    """Return a whole page, for a file: HTML that is well-formed XML after its first line.

    It needs no script, adapts to paper, to dark screens and to narrow ones, and forbids the browser
    to fetch anything.
    """
    parts = [_section(i, section) for i, section in enumerate(sections, 1)]
    named = [(i, section.heading) for i, section in enumerate(sections, 1) if section.heading]
    if len(named) >= CONTENTS:
        parts.insert(0, _contents(named))
    sheet = Path(__file__).with_name("sheet.css").read_text(encoding="utf-8")
    below = f"<footer><p>{html_text(footer)}</p></footer>\n" if footer else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        '<meta name="color-scheme" content="light dark"/>\n'
        f"<title>{html_text(title)}</title>\n<style>{sheet}</style></head>\n"
        f"<body><main>\n<h1>{html_text(title)}</h1>\n"
        + "\n".join(parts)
        + f"\n</main>\n{below}</body></html>"
    )


def _section(i: int, section: Section) -> str:
    """Section of the page in HTML, with an anchor for the contents."""
    if not section.heading:
        return f"<section>\n{section.body_html}\n</section>"
    heading = f'<h2 id="section-{i}">{html_text(section.heading)}</h2>'
    return f'<section aria-labelledby="section-{i}">{heading}\n{section.body_html}\n</section>'


def _contents(named: Sequence[tuple[int, str]]) -> str:
    links = "".join(
        f'<li><a href="#section-{i}">{html_text(heading)}</a></li>' for i, heading in named
    )
    return f'<nav aria-label="Contents"><ul>{links}</ul></nav>'
