"""What more threads gain."""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks.clock import Action, Measured, wall
from benchmarks.machine import usable
from benchmarks.populations import BLOCK, WORDS, study
from benchmarks.section import Effort, Row, Section
from benchmarks.units import factor, micro, rate, spread, three
from simlab.parallel import in_threads
from simlab.runner import prepare, run_block


def threads(effort: Effort, stack: ExitStack) -> Section:  # noqa: ARG001
    """Time blocks of all methods on one thread and on more, up to one for each core."""
    counts = numbers(usable())
    blocks = (2 if effort.quick else 12) * counts[-1]
    work = prepare(study(replicates=BLOCK * blocks))

    def action(jobs: int) -> Action:
        def run() -> None:
            for _ in in_threads(run_block, ((work, 0, b) for b in range(blocks)), jobs, False):
                pass

        return wall(run, work.study.replicates)

    return Section(
        title="Threads",
        words=(
            f"Wall time of one replicate with all methods, over {blocks} blocks of {BLOCK}; "
            f"{WORDS}. The gain is that over one thread, the runs having been made in turn."
        ),
        actions={str(jobs): action(jobs) for jobs in counts},
        columns=(
            "threads", "wall µs a replicate", "min to max", "replicates per wall second",
            "gain over one thread", "min to max",
        ),
        rows=lambda found: [_row(found, jobs) for jobs in counts],
    )  # fmt: skip


def numbers(cores: int) -> tuple[int, ...]:
    """1, 2, 4, … and the number of cores."""
    doubled = [2**k for k in range(cores.bit_length()) if 2**k < cores]
    return (*doubled, cores)


def _row(found: Measured, jobs: int) -> Row:
    repeats = found[str(jobs)]
    cells = (str(jobs), micro(repeats.median), spread(repeats, micro), rate(repeats.median))
    if jobs == 1:
        return (*cells, "", "")
    gain = found["1"].over(repeats)
    return (*cells, factor(gain.median), spread(gain, three))
