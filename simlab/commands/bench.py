"""What `simlab bench` does: measure, print, write."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from simlab.benchmark.r import RError
from simlab.benchmark.run import SECTIONS, benchmark
from simlab.benchmark.section import Effort
from simlab.commands.console import Bar, write
from simlab.errors import UsageError, did_you_mean


def bench(out: Path | None, only: tuple[str, ...], effort: Effort, quiet: bool) -> None:
    """Measure, print the report and write it; minutes are not spent on what cannot be written.

    Raises
    ------
    UsageError
        If there is no such section, the repeats are none, or the file cannot be written.
    """
    for name in only:
        if name not in SECTIONS:
            guess = did_you_mean(name, SECTIONS)
            hint = f"did you mean {guess}?" if guess else f"there are {', '.join(SECTIONS)}"
            raise UsageError(f"the benchmark has no section {name!r}; {hint}")
    if effort.repeats < 1:
        raise UsageError(f"--repeats {effort.repeats}: one at least")
    if out is not None:
        _check(out)
    if not quiet:
        print("preparing what is timed; kernels may have to be compiled …", file=sys.stderr)
    try:
        with Bar(quiet, "timings", word="timing") as bar:
            found = benchmark(effort, only, bar)
    except RError as error:
        raise UsageError(f"{error} in the midst of it; --only can leave the peers out") from None
    print(found.text())
    if out is not None:
        write(out, found.markdown())


def _check(out: Path) -> None:
    """Refuse a file that could not be written, and make its folder."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        there = out.exists()
        with out.open("a", encoding="utf-8"):
            pass
        if not there:
            os.unlink(out)
    except OSError as error:
        raise UsageError(f"{out}: cannot be written: {error.strerror or error}") from None
