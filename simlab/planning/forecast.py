"""Forecast from a pilot: replicates that a precision takes, with their time and disk.

The pilot is the first blocks of every condition, from the streams that the study itself uses.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from simlab.config import Parallel, Study, Until, unknown
from simlab.data.frames import DataSets
from simlab.design import Level
from simlab.errors import MOST, ArgumentError
from simlab.parallel import in_threads
from simlab.parallel.batch import check_jobs
from simlab.performance.node import empty
from simlab.performance.registry import MEASURES
from simlab.planning.ranges import GROUPS, range_of
from simlab.results import Block, ReplicateResults, Schema, Summing, SumsResults
from simlab.results.chunks import CHECKSUM_BYTES
from simlab.results.nodes import to_bytes
from simlab.runner import Room, Work, prepare, run_block, schema_of
from simlab.runner.rounds import next_end

Disk = Callable[[int], int]
"""From the replicates of a condition to the bytes that they take, or their sums."""


def disk_of(schema: Schema, blocks: Sequence[Block]) -> Disk:
    """Measure what the blocks of one condition take, by its pilot: whole blocks from number 0."""
    if schema.summed is None:
        each = _written(schema, blocks[0])
        return lambda replicates: -(-replicates // schema.block) * each
    results = SumsResults(schema)
    for block in blocks:
        results.write(block)
    taken = len(to_bytes(results.nodes(blocks[0].condition)))
    fixed = len(to_bytes(empty(results.summing.layout)))
    # The rest are ends of intervals, whose number grows with the root of a node's replicates.
    ends = (taken - fixed) / math.sqrt(len(blocks))

    def summed(replicates: int) -> int:
        """Bytes of the sums of so many replicates."""
        number = -(-replicates // schema.block)
        # One node is left for each binary digit 1 of the number of blocks.
        sizes = [1 << k for k in range(number.bit_length()) if number >> k & 1]
        return sum(round(fixed + CHECKSUM_BYTES + ends * math.sqrt(size)) for size in sizes)

    return summed


def _written(schema: Schema, block: Block) -> int:
    """Bytes of a block on the disk: it is written once, into a folder that is removed."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pilot.zarr"
        store = ReplicateResults.create(path, schema)
        before = _size(path)
        store.write(replace(block, condition=0, number=0))
        return _size(path) - before


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@dataclass(frozen=True)
class Needed:
    """Needs of one condition: replicates with their range, and time."""

    levels: Mapping[str, Level]  # its levels of the factors
    cell: str  # estimator, term and target of the cell that decides; empty where none is defined
    mcse: float  # of that cell in the pilot, in the unit of the measure
    replicates: int  # at which it will stop, and their range; whole rounds
    low: int
    high: int
    capped: bool  # whether it reaches the study's maximum before the precision
    seconds: float  # core time of a replicate, s


@dataclass(frozen=True)
class Forecast:
    """Forecast of a study: replicates, time and disk that a precision takes."""

    until: Until  # the precision
    pilot: int  # replicates of each condition that the forecast rests on
    conditions: tuple[Needed, ...]
    most: int  # the study's maximum; or one that leaves room for the upper end of every range
    least: int  # replicates that every condition has
    workers: int  # threads at hand
    speed: float  # core seconds that they did in a second of the pilot
    stored: Disk  # what replicates take on the disk

    def core(self, end: str = "replicates") -> float:
        """Core time of the whole study, s; `end` may be "low" or "high"."""
        return float(sum(getattr(c, end) * c.seconds for c in self.conditions))

    def disk(self, end: str = "replicates") -> int:
        """Bytes that all replicates, or their sums, take on the disk."""
        return sum(self.stored(getattr(c, end)) for c in self.conditions)


def plan(
    study: Study,
    *,
    measure: str | None = None,
    mcse: float | None = None,
    pilot: int = 512,
    data: DataSets | None = None,
    jobs: int = -1,
) -> Forecast:
    """Forecast the replicates, the time and the disk that a precision takes.

    Parameters
    ----------
    study : Study
        From `simlab.load`.
    measure : str, optional
        Measure that is to be known; by default the one of the study's rule, or coverage.
    mcse : float, optional
        Largest Monte Carlo standard error, in its unit; by default that of the study's rule, if
        it is for the same measure.
    pilot : int
        Replicates of each condition to look at, rounded up to whole blocks.
    data : mapping of str to DataFrame, optional
        Data in memory, as for `simlab.run`.
    jobs : int
        Threads; −1 for one per core.

    Raises
    ------
    ArgumentError
        When there is no precision to plan for, no such measure, or it is defined nowhere; or when
        the precision takes more replicates than a study may have.
    ConfigError
        As for `simlab.run`.
    """
    check_jobs(jobs)
    if pilot < 2 * GROUPS:
        raise ArgumentError(f"a pilot needs {2 * GROUPS} replicates or more, not {pilot}")
    known = (*MEASURES, *(path for path in study.measures or () if ":" in path))
    if measure is not None and measure not in known:
        raise ArgumentError(unknown("measure", measure, known))
    ruled = _ruled(study, measure, mcse)
    work = prepare(ruled, data, Room(Parallel(n_jobs=jobs), min(pilot, ruled.replicates), "pilot"))
    rule = work.rule
    assert rule is not None
    assert ruled.until is not None
    number = -(-min(pilot, ruled.replicates) // study.block)
    whole = study.replace(replicates=number * study.block)
    schema = schema_of(replace(work, study=whole, rule=None))
    blocks, speed = _pilot(work, number, jobs)
    summing = Summing.of(schema, work.has, (rule.measure.stream,))
    ranges = [range_of(rule, summing, seen) for seen in blocks]
    if not any(r.cell for r in ranges):
        raise ArgumentError(
            f"{ruled.until.measure} is defined in no cell that the rule looks at; name others"
        )
    cap = ruled.replicates
    if study.until is None:
        _check_need(max(r.need for r in ranges if r.cell), ruled.until)
        high = _round_up(max(r.high for r in ranges if r.cell))
        cap = min(MOST, max(ruled.least, high))
    rounds = partial(_in_rounds, least=ruled.least, most=cap, block=study.block)
    conditions = tuple(
        Needed(
            job.condition.levels, r.cell, r.mcse,
            rounds(r.need), rounds(r.low), rounds(r.high), r.need > cap,
            sum(block.seconds for block in seen) / sum(len(block.status) for block in seen),
        )
        for job, seen, r in zip(work.jobs, blocks, ranges, strict=True)
    )  # fmt: skip
    workers = (os.cpu_count() or 1) if jobs < 0 else jobs
    replicates = sum(len(b.status) for b in blocks[0])
    return Forecast(
        ruled.until, replicates, conditions, cap, ruled.least, workers, speed,
        disk_of(schema, blocks[0]),
    )  # fmt: skip


def _ruled(study: Study, measure: str | None, mcse: float | None) -> Study:
    """Return the study with the rule that is planned for, and no maximum unless it has one."""
    there = study.until
    wanted = {} if there is None else {n: v for n, v in there if v is not None}
    if measure is not None and measure != wanted.get("measure"):
        wanted = {name: v for name, v in wanted.items() if name == "estimators"}
    wanted = {"measure": "coverage", **wanted}
    wanted |= {k: v for k, v in (("measure", measure), ("mcse", mcse)) if v is not None}
    if "mcse" not in wanted:
        raise ArgumentError("say how well the measure is to be known, such as --mcse 0.005")
    if there is not None:
        rule = {"max": study.replicates, "min": study.least, "until": wanted}
    else:
        rule = {"max": MOST, "until": wanted}  # as many as may be
    return study.replace(replicates=rule)


def _pilot(work: Work, number: int, jobs: int) -> tuple[list[list[Block]], float]:
    """Run the first blocks of every condition; and say how many core seconds a second had.

    A replicate of each condition goes before, so that nothing is compiled under the clock; and what
    is done in less than a second is done again, since starting the threads takes time too.
    """
    conditions = range(len(work.jobs))
    one = replace(work, study=work.study.replace(replicates=1, block=1))
    for c in conditions:
        run_block(one, c, 0)
    tasks = [(work, c, b) for c in conditions for b in range(number)]
    began, core, wall = time.perf_counter(), 0.0, 0.0
    while wall < 1:
        blocks = list(in_threads(run_block, tasks, jobs))
        core += sum(block.seconds for block in blocks)
        wall = time.perf_counter() - began
    return [blocks[c * number : (c + 1) * number] for c in conditions], core / wall


def _check_need(replicates: float, until: Until) -> None:
    """Refuse a precision that takes more replicates than a study may have."""
    if replicates <= MOST:
        return
    reached = until.mcse * math.sqrt(replicates / MOST)
    unit = 10.0 ** (math.floor(math.log10(reached)) - 1)
    raise ArgumentError(
        f"MCSE({until.measure}) ≤ {until.mcse:g} takes about {replicates:.2g} replicates of a "
        f"condition; a study may have {MOST:,}, which reach {math.ceil(reached / unit) * unit:.2g}"
    )


def _in_rounds(replicates: float, least: int, most: int, block: int) -> int:
    """Replicates at the end of the round in which so many are reached."""
    first, last, end = -(-least // block), -(-most // block), 0
    while end < last and (end == 0 or end * block < replicates):
        end = next_end(end, first, last)
    return min(end * block, most)


def _round_up(replicates: float) -> int:
    """Return the next number with two digits and zeros."""
    unit: int = 10 ** max(0, int(math.log10(max(replicates, 1))) - 1)
    return math.ceil(replicates / unit) * unit
