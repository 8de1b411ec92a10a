"""`simlab plan`: how many replicates a precision takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlab.cli.choices import Config
from simlab.memory import size
from simlab.text import Paragraph, Part, Table

if TYPE_CHECKING:
    from simlab.config import Until
    from simlab.planning import Forecast, Needed


HEADER = ("condition", "replicates", "95 % range", "decided by", "ms each", "core time", "disk")


def plan(
    config: Config,
    *,
    measure: str | None = None,
    mcse: float | None = None,
    pilot: int = 512,
    jobs: int = -1,
) -> None:
    """Say how many replicates a precision takes, and how long, from a pilot; nothing is saved.

    Parameters
    ----------
    measure
        What is to be known; by default what the study is sampled until, or coverage.
    mcse
        The largest Monte Carlo standard error, in the unit of the measure; by default that of the
        file.
    pilot
        Replicates of each condition to look at.
    jobs
        Threads; -1 for one per core.
    """
    from simlab.cli.console import say, warnings_on_stderr
    from simlab.planning import plan as forecast
    from simlab.study import load

    study = load(config)
    with warnings_on_stderr():
        found = forecast(study, measure=measure, mcse=mcse, pilot=pilot, jobs=jobs)
    until, several = found.until, len(found.conditions) > 1
    what = (
        f"{study.name}: MCSE({until.measure}) ≤ {until.mcse:g} in every cell, forecast from "
        f"{found.pilot:,} replicates of each condition"
    )
    rows = [*(_row(found, c) for c in found.conditions), *([_total(found)] if several else [])]
    costs: list[Part] = [Paragraph(_times(found))]
    if capped := sum(c.capped for c in found.conditions):
        text = f"{capped} of {len(found.conditions)} conditions stop at the maximum before."
        costs.append(Paragraph(text))
    line = Paragraph(f"replicates: {_line(found, until)}")  # YAML in several lines too
    say(Paragraph(what), Table(HEADER, rows), costs, line)


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
    from simlab.config import FEWEST, flow

    least = "" if found.least == FEWEST else f"min: {found.least}, "
    return f"{{max: {found.most}, {least}until: {flow(until)}}}"


def duration(seconds: float) -> str:
    """Write a time in the unit that suits it."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds:.2f} s"
