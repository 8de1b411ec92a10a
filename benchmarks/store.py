"""What it costs to keep a block."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.clock import Measured, Repeats, core, wall
from benchmarks.populations import BLOCK, WORDS, study
from benchmarks.section import Effort, Row, Section
from benchmarks.units import duration, factor, rate, spread, three
from simlab.results import ReplicateResults
from simlab.runner import prepare, run_block, schema_of

BATCH = 16  # blocks between two looks at the clock
COMPUTE, WRITE_CORE = "compute a block, core", "write a block, core"
WRITE, READ = "write a block, wall", "read a block, wall"


def store(effort: Effort, stack: ExitStack) -> Section:
    """Time the computation, the writing and the reading of blocks."""
    writes = 2 * BATCH * (effort.repeats + 1)
    work = prepare(study(replicates=BLOCK * writes))
    block = run_block(work, 0, 0)
    folder = Path(stack.enter_context(TemporaryDirectory()))
    results = ReplicateResults.create(folder / "benchmark.zarr", schema_of(work))
    number = count()

    def write() -> None:
        for _ in range(BATCH):
            results.write(replace(block, number=next(number)))

    def read() -> None:
        for b in range(BATCH):
            results.read(0, b)

    return Section(
        title="Store",
        words=(
            f"Blocks of {BLOCK} replicates with all methods, {WORDS}, written to a Zarr store in "
            "the system's folder for temporary files, and read again from there."
        ),
        actions={
            COMPUTE: core(lambda: run_block(work, 0, 0)),
            WRITE_CORE: core(write, BATCH),
            WRITE: wall(write, BATCH),
            READ: wall(read, BATCH),
        },
        columns=("what", "a block", "min to max", "blocks per second"),
        rows=_rows,
    )


def _rows(found: Measured) -> list[Row]:
    overhead = found[WRITE_CORE].over(found[COMPUTE])
    return [
        *(_row(name, found[name]) for name in (COMPUTE, WRITE_CORE, WRITE, READ)),
        ("writing over computing, core", factor(overhead.median), spread(overhead, three), ""),
    ]


def _row(name: str, repeats: Repeats) -> Row:
    return (name, duration(repeats.median), spread(repeats, duration), rate(repeats.median))
