"""`simlab plan`: how many replicates a precision takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlab.cli.choices import Config, options_named
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
    with options_named(), warnings_on_stderr():
        result = forecast(study, measure=measure, mcse=mcse, pilot=pilot, jobs=jobs)
    until, several = result.until, len(result.conditions) > 1
    what = (
        f"{study.name}: MCSE({until.measure}) ≤ {until.mcse:g} in every cell, forecast from "
        f"{result.pilot:,} replicates of each condition"
    )
    rows = [*(_row(result, c) for c in result.conditions), *([_total(result)] if several else [])]
    costs: list[Part] = [Paragraph(_times(result))]
    if capped := sum(c.capped for c in result.conditions):
        text = f"{capped} of {len(result.conditions)} conditions stop at the maximum before."
        costs.append(Paragraph(text))
    line = Paragraph(f"replicates: {_line(result, until)}")  # YAML in several lines too
    say(Paragraph(what), Table(HEADER, rows), costs, line)


def _row(result: Forecast, c: Needed) -> list[str]:
    """Row of a condition."""
    levels = (f"{k.rpartition('.')[2]} = {v}" for k, v in c.levels.items() if str(v) != "nan")
    return [
        ", ".join(levels) or "base",
        f"{c.replicates:,}",
        f"{c.low:,} – {c.high:,}",
        c.cell or "not defined",
        f"{1000 * c.seconds:.3g}",
        duration(c.replicates * c.seconds),
        size(result.stored(c.replicates)),
    ]


def _total(result: Forecast) -> list[str]:
    """Row of the whole study."""
    low, each, high = (
        sum(getattr(c, end) for c in result.conditions) for end in ("low", "replicates", "high")
    )
    return [
        "all", f"{each:,}", f"{low:,} – {high:,}", "", "",
        duration(result.core()), size(result.disk()),
    ]  # fmt: skip


def _times(result: Forecast) -> str:
    """Sentence on the time that the study takes here."""
    wall, low, high = (
        duration(result.core(end) / result.speed) for end in ("replicates", "low", "high")
    )
    workers = f"{result.workers} worker{'s' * (result.workers > 1)}"
    ends = f" ({low} to {high})" if low != high else ""
    return (
        f"About {wall}{ends} with {workers}, which did {result.speed:.2g} core seconds "
        "a second in the pilot."
    )


def _line(result: Forecast, until: Until) -> str:
    """The forecast as a line of a study's file."""
    from simlab.config import FEWEST, flow

    least = "" if result.least == FEWEST else f"min: {result.least}, "
    return f"{{max: {result.most}, {least}until: {flow(until)}}}"


def duration(seconds: float) -> str:
    """Write a time in the unit that suits it."""
    units = {"years": 365.25 * 86_400, "days": 86_400, "h": 3600, "min": 60}
    for unit, length in units.items():
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds:.2f} s"
