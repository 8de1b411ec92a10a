"""The command that measures how fast simlab is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from simlab.cli.app import app


@app.command
def bench(
    *,
    out: Path | None = None,
    quick: bool = False,
    only: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="")] = (),
    repeats: int | None = None,
    quiet: bool = False,
) -> None:
    """Measure how long things take on this machine, and write a report.

    Parameters
    ----------
    out
        Markdown file to write: results/benchmark.md, unless it is quick or some sections only.
    quick
        Small sizes, two repeats, no first compilation: to try it out, not to be quoted.
    only
        Sections: methods, sizes, clusters, threads, start, peers, store.
    repeats
        Rounds that are counted, 7 unless it is quick.
    quiet
        No progress bar.
    """
    from simlab.benchmark import ONE_THREAD

    os.environ.update(ONE_THREAD)  # before numpy is imported, which is when BLAS reads it
    from simlab.benchmark.section import Effort
    from simlab.commands import bench as command

    if out is None and not quick and not only:
        out = Path("results", "benchmark.md")
    rounds = (2 if quick else 7) if repeats is None else repeats
    command.bench(out, only, Effort(rounds, quick), quiet)
