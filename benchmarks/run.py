"""Run a benchmark: its sections, one after the other, on a machine that is watched."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from types import MappingProxyType

from benchmarks import machine
from benchmarks.clock import Measured, measure, rounds
from benchmarks.frames import frames
from benchmarks.methods import methods
from benchmarks.peers import peers
from benchmarks.report import Report
from benchmarks.section import Builder, Effort, Section
from benchmarks.starting import starting
from benchmarks.store import store
from benchmarks.sweeps import clusters, sizes
from benchmarks.threads import threads
from simlab.runner import Progress

SECTIONS: MappingProxyType[str, Builder] = MappingProxyType(
    {
        "methods": methods,
        "sizes": sizes,
        "clusters": clusters,
        "threads": threads,
        "start": starting,
        "frames": frames,
        "peers": peers,
        "store": store,
    }
)


def benchmark(effort: Effort, only: Sequence[str] = (), progress: Progress | None = None) -> Report:
    """Measure, and report.

    Parameters
    ----------
    effort : Effort
        How often and how much.
    only : sequence of str
        Names of `SECTIONS`; all when empty.
    progress : Progress, optional
        Is told what is done.

    Returns
    -------
    Report
        With the reasons why its numbers should not be quoted, if there are any.
    """
    before, began, watch = machine.load(), datetime.now(UTC), machine.Watch()
    started = time.perf_counter()
    names = [name for name in SECTIONS if name in only or not only]
    with ExitStack() as stack:
        built = [SECTIONS[name](effort, stack) for name in names]
        if progress is not None:
            progress.start(sum(rounds(section.actions, effort.repeats) for section in built), 0)
        found = tuple((section, _measured(section, effort, progress)) for section in built)
    use, after = watch.use(), machine.load()
    facts = {
        **machine.facts(),
        **_beside(built),
        "began": f"{began:%Y-%m-%d %H:%M} UTC",
        "took": f"{time.perf_counter() - started:.0f} s",
        "load average": f"{_load(before)} before, {_load(after)} after (its own work included)",
        "others meanwhile": _others(use),
        "repeats": f"{effort.repeats}, after one that is not counted",
    }
    warnings = machine.disturbances(machine.usable(), before, use)
    if effort.quick:
        warnings.append("it was a quick one")
    return Report(facts, tuple(warnings), effort.repeats, found)


def _measured(section: Section, effort: Effort, progress: Progress | None) -> Measured:
    def advance() -> None:
        if progress is not None:
            progress.advance(1, 0)

    return measure(section.actions, effort.repeats, advance)


def _beside(built: Sequence[Section]) -> dict[str, str]:
    """Versions of the peers, if there are any."""
    versions = [f"{name} {number}" for one in built for name, number in one.versions.items()]
    return {"beside it": ", ".join(versions)} if versions else {}


def _others(use: machine.Use | None) -> str:
    if use is None:
        return "unknown"
    return f"other processes used {use.others:.2f} cores, other machines {use.stolen:.2f}"


def _load(load: float | None) -> str:
    return "unknown" if load is None else f"{load:.2f}"
