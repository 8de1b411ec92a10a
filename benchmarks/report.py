"""A benchmark as Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.clock import Measured
from benchmarks.section import Row, Section
from benchmarks.units import duration
from simlab.text import text_table, wrapped

HOW = """\
*Core time* is the clock of the thread that computes, *processor time* that of all threads of the
process, *wall time* what one waits. Everything in a section is done once without being counted,
and then in turn, round after round, every second round backwards; {repeats} rounds are counted. A
number is the median of its rounds, min to max stands beside it, and a ratio is the median of the
ratios of each round. Seeds are fixed: the samples are the same ones every time."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a benchmark found.

    Attributes
    ----------
    facts : mapping of str to str
        The machine, the software, the load, what was asked for.
    warnings : tuple of str
        Why the numbers should not be quoted; none if they may be.
    repeats : int
        Rounds that were counted.
    sections : tuple of (Section, Measured)
        In the order in which they were measured.
    """

    facts: Mapping[str, str]
    warnings: tuple[str, ...]
    repeats: int
    sections: tuple[tuple[Section, Measured], ...]

    def text(self) -> str:
        """Return the report for a terminal, without every repeat."""
        parts = ["Benchmark of simlab", *map(_plain, _warning(self.warnings))]
        parts.append("\n".join(wrapped(f"{k}: {v}", "    ", "  ") for k, v in self.facts.items()))
        parts.append(_plain(HOW.format(repeats=self.repeats)))
        for section, found in self.sections:
            rows = [[_without_stars(cell) for cell in row] for row in section.rows(found)]
            parts += [section.title, _plain(section.words), text_table(section.columns, rows)]
            parts += map(_plain, section.notes)
        return "\n\n".join(parts)

    def markdown(self) -> str:
        """Return the whole report."""
        parts = ["# Benchmark of simlab", *_warning(self.warnings)]
        parts.append("\n".join(f"- {name}: {value}" for name, value in self.facts.items()))
        parts.append(HOW.format(repeats=self.repeats))
        for section, found in self.sections:
            parts += [f"## {section.title}", section.words]
            parts += [table(section.columns, section.rows(found)), *section.notes]
        parts += ["## Every repeat", *(_every(*one) for one in self.sections)]
        return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    return wrapped(" ".join(_without_stars(text).split()))


def _without_stars(text: str) -> str:
    """Text without Markdown's emphasis; a product, y ~ x * w, stays."""
    return re.sub(r"\*{1,2}(?=\S)(.+?)(?<=\S)\*{1,2}", r"\1", text)


def table(columns: Row, rows: Sequence[Row]) -> str:
    """Return a Markdown table; numbers stand on the right."""
    ruler = ("---", *("---:" for _ in columns[1:]))
    return "\n".join(f"| {' | '.join(_escaped(row))} |" for row in (columns, ruler, *rows))


def _escaped(row: Row) -> list[str]:
    return [cell.replace("|", "\\|") for cell in row]


def _warning(warnings: tuple[str, ...]) -> list[str]:
    return [f"**Not to be quoted**: {'; '.join(warnings)}."] if warnings else []


def _every(section: Section, found: Measured) -> str:
    """All repeats of a section, in the order in which they were measured."""
    rows = [(name, ", ".join(map(duration, times.values))) for name, times in found.items()]
    return f"{section.title}:\n\n{table(('what', 'each repeat'), rows)}"
