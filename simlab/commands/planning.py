"""What `simlab plan` prints."""

from __future__ import annotations

from simlab.commands.console import warnings_on_stderr
from simlab.config import FEWEST, Study, Until, flow
from simlab.memory import size
from simlab.planning import Forecast, Needed
from simlab.planning import plan as forecast
from simlab.text import text_table, wrapped

HEADER = ("condition", "replicates", "95 % range", "decided by", "ms each", "core time", "disk")


def plan(study: Study, measure: str | None, mcse: float | None, pilot: int, jobs: int) -> None:
    """Print what a precision takes, and the line of the study that asks for it."""
    with warnings_on_stderr():
        found = forecast(study, measure=measure, mcse=mcse, pilot=pilot, jobs=jobs)
    until = found.until
    told = (
        f"{study.name}: MCSE({until.measure}) ≤ {until.mcse:g} in every cell, forecast from "
        f"{found.pilot:,} replicates of each condition"
    )
    print(wrapped(told, "  ", ""), end="\n\n")
    rows = [_row(found, c) for c in found.conditions]
    if len(rows) > 1:
        rows.append(_total(found))
    print(text_table(HEADER, rows), end="\n\n")
    print(wrapped(_times(found), "  ", ""))
    if capped := sum(c.capped for c in found.conditions):
        told = f"{capped} of {len(found.conditions)} conditions stop at the maximum before."
        print(wrapped(told, "  ", ""))
    line = wrapped(f"replicates: {_line(found, until)}", "  ", "")  # YAML in several lines too
    print(f"\n{line}")


def _row(found: Forecast, c: Needed) -> list[str]:
    levels = (f"{k.rpartition('.')[2]} = {v}" for k, v in c.levels.items() if str(v) != "nan")
    return [
        ", ".join(levels) or "base",
        f"{c.replicates:,}",
        f"{c.low:,} – {c.high:,}",
        c.cell or "not defined",
        f"{1000 * c.seconds:.3g}",
        duration(c.replicates * c.seconds),
        size(found.stored(c.replicates)),
    ]


def _total(found: Forecast) -> list[str]:
    low, each, high = (
        sum(getattr(c, end) for c in found.conditions) for end in ("low", "replicates", "high")
    )
    return [
        "all", f"{each:,}", f"{low:,} – {high:,}", "", "",
        duration(found.core()), size(found.disk()),
    ]  # fmt: skip


def _times(found: Forecast) -> str:
    wall, low, high = (
        duration(found.core(end) / found.speed) for end in ("replicates", "low", "high")
    )
    return (
        f"About {wall} ({low} to {high}) with {found.workers} "
        f"worker{'s' * (found.workers > 1)}, which did {found.speed:.2g} core seconds a second in "
        "the pilot."
    )


def _line(found: Forecast, until: Until) -> str:
    least = "" if found.least == FEWEST else f"min: {found.least}, "
    return f"{{max: {found.most}, {least}until: {flow(until)}}}"


def duration(seconds: float) -> str:
    """Write a time in the unit that suits it."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds:.2f} s"
