"""Measure how fast simlab is: `python -m benchmarks`, or `make bench`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from benchmarks import ONE_THREAD
from simlab.errors import Error, UsageError, did_you_mean
from simlab.kernels import compiled

app = App(name="python -m benchmarks", default_parameter=Parameter(negative=()))


@app.default
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
        Sections: methods, sizes, clusters, threads, start, frames, peers, store.
    repeats
        Rounds that are counted, 7 unless it is quick.
    quiet
        No progress bar.
    """
    os.environ.update(ONE_THREAD)  # before numpy is imported, which is when BLAS reads it
    from benchmarks.r import RError
    from benchmarks.run import SECTIONS, benchmark
    from benchmarks.section import Effort
    from simlab.cli.console import Bar
    from simlab.cli.written import write

    for name in only:
        if name not in SECTIONS:
            hint = did_you_mean(name, SECTIONS, f"there are {', '.join(SECTIONS)}")
            raise UsageError(f"the benchmark has no section {name!r}{hint}")
    rounds = (2 if quick else 7) if repeats is None else repeats
    if rounds < 1:
        raise UsageError(f"--repeats {rounds}: one at least")
    if out is None and not quick and not only:
        out = Path("results", "benchmark.md")
    if out is not None:  # minutes are not spent on what cannot be written
        out.parent.mkdir(parents=True, exist_ok=True)
        out.touch()
    if not quiet:
        print("preparing what is timed; kernels may have to be compiled …", file=sys.stderr)
    try:
        with compiled(), Bar(quiet, "timings", word="timing") as bar:
            found = benchmark(Effort(rounds, quick), only, bar)
    except RError as error:
        raise UsageError(f"{error} in the midst of it; --only can leave the peers out") from None
    print(found.text())
    if out is not None:
        write(out, found.markdown())


if __name__ == "__main__":
    try:
        app()
    except (Error, OSError) as error:
        sys.exit(str(error))
