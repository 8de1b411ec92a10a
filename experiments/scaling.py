"""How a study scales from one worker to a thousand: what is measured here, and what follows.

    python experiments/scaling.py [SECONDS]

Measures the core time of blocks of three studies; then, through dask's own processes, the core
time that a block and a batch cost the parent (which writes the store), the scheduler and a worker.
From these, and nothing else, a bottleneck law predicts the throughput of W workers. The law is
checked twice: against studies that compute, on the cores of this machine, and against up to 200
workers whose blocks sleep and then return what a real block returns, so that scheduler and parent
meet the load of 200 real ones. SECONDS is how long each of these checks lasts, 10 by default.
Writes results/scaling.md. Needs dask.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from distributed import Client, Worker

import simlab
from benchmarks.clock import core, measure
from benchmarks.machine import head
from simlab import runner
from simlab.config import Study
from simlab.parallel import workers
from simlab.results import Block, ReplicateResults

POPULATION = {  # the course's example, configs/slides_example.yaml
    "clusters": 40,
    "gamma": [12, 2],
    "G": [[16, 8], [8, 25]],
    "sigma2": 20,
    "cluster_sizes": {"law": "poisson", "mean": 30},
}
TESTS = {"names": ["random_slope"], "draws": 199}
STUDIES = {  # what is studied, and the replicates of a block
    "nine methods": ({}, 256),
    "nine methods, blocks of 4,096": ({}, 4096),
    "`hlm` and a Monte Carlo test": ({"estimators": ["hlm"], "tests": TESTS}, 256),
}
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
ASLEEP = (10, 50, 200)
NAP = 0.25  # seconds that a sleeping block takes
ISSUE = 200 * 100_000  # replicates of a large study
MS = 1e3


def study(blocks: int, size: int = 256, **fields: Any) -> Study:
    """The course's example, so many blocks of it."""
    return Study.model_validate(
        {"name": "scaling", "replicates": blocks * size, "block": size, "population": POPULATION}
        | fields
    )


# ---------------------------------------------------------------- the law


@dataclass(frozen=True, slots=True)
class Costs:
    """Core seconds of one part of the machinery: a block costs `block`, and a batch `batch`."""

    block: float
    batch: float

    def of(self, size: float) -> float:
        """Core seconds of a block in batches of this size."""
        return self.block + self.batch / size


@dataclass(frozen=True, slots=True)
class Machinery:
    """What blocks cost besides being computed."""

    parent: Costs
    scheduler: Costs
    worker: Costs

    def limits(self, seconds: float, W: int) -> dict[str, float]:
        """Blocks a second that each part can do, a block taking a worker so many seconds.

        Workers: W / (seconds + w). Parent: 1 / p. Scheduler: 1 / s. With w, p, s the costs of a
        block in batches as `Workers` make them.
        """
        size = min(workers.MOST, max(1.0, max(workers.SECONDS, W / workers.RATE) / seconds))
        p, s, w = (part.of(size) for part in (self.parent, self.scheduler, self.worker))
        return {"workers": W / (seconds + w), "parent": 1 / p, "scheduler": 1 / s}


# ---------------------------------------------------------------- what is measured


def sham(shared: tuple[Block, float], condition: int, number: int) -> Block:
    """Sleep as long as a block is said to take, and return a real one."""
    block, seconds = shared
    time.sleep(seconds)
    return replace(block, condition=condition, number=number)


@contextmanager
def cluster(n: int) -> Iterator[tuple[str, Client]]:
    """A scheduler of dask in a process of its own, and n workers in another."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scheduler.json"
        here = ("--scheduler-file", str(file), "--host", "127.0.0.1", "--port", "0")
        commands = (
            [sys.executable, "-m", "dask", "scheduler", *here, "--no-dashboard"],
            [sys.executable, __file__, "workers", str(n), str(file)],
        )
        # Many workers in one process: each would sample the stacks of all threads.
        calm = {**os.environ, "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": calm}
        programs = []
        try:
            for command in commands:
                programs.append(subprocess.Popen(command, **silent))
                while not (file.exists() and file.read_text().endswith("}")):
                    time.sleep(0.1)
            with Client(scheduler_file=str(file), set_as_default=False, timeout=60) as client:
                client.wait_for_workers(n, timeout=120)
                yield str(file), client
        finally:
            for program in programs:
                program.kill()
                program.wait()


async def hold(n: int, file: str) -> None:
    """Be n workers of one thread each."""
    held = [
        Worker(scheduler_file=file, nthreads=1, memory_limit=0, dashboard=False) for _ in range(n)
    ]
    await asyncio.gather(*held)
    await asyncio.gather(*(worker.finished() for worker in held))


@dataclass(frozen=True, slots=True)
class Flow:
    """What some blocks took: wall seconds, and core seconds of each process.

    `rate` is blocks a second after the first third of them.
    """

    blocks: int
    rate: float
    wall: float
    parent: float
    scheduler: float
    worker: float


def flow(where: str, client: Client, block: Block, one: Study, nap: float) -> Flow:
    """Let blocks flow from the workers into the store of a study that has such blocks."""

    def clocks() -> tuple[float, float, float, float]:
        there = client.run(time.process_time, workers=client_workers)[client_workers[0]]
        return (
            time.perf_counter(), time.process_time(),
            client.run_on_scheduler(time.process_time), there,
        )  # fmt: skip

    clock = Clock()
    client_workers = list(client.nthreads())[:1]  # all are one process
    schema, blocks = runner.schema_of(runner.prepare(one)), one.replicates // one.block
    with tempfile.TemporaryDirectory() as folder:
        store = ReplicateResults.create(Path(folder) / "r.zarr", schema)
        tasks = ((0, number) for number in range(blocks))
        clock.start(one.replicates, 0)
        before = clocks()
        with workers.Workers(sham, (block, nap), "dask", scheduler=where) as there:
            for found in there.do(tasks):
                store.write(found)
                clock.advance(len(found.status), 0)
        after = clocks()
    return Flow(blocks, clock.rate(), *(b - a for a, b in zip(before, after, strict=True)))


def costs(block: Block, one: Study) -> Machinery:
    """Core seconds of a block and of a batch, from flows in batches of 1 and of 10."""
    per_block: dict[int, list[float]] = {}
    with cluster(2) as (where, client):
        for size in (1, 10):
            before, workers.MOST = workers.MOST, size
            flow(where, client, block, one.replace(replicates=4 * one.block), 0.0)
            found = flow(where, client, block, one, 0.0)
            print(f"batches of {size}: {found}", file=sys.stderr)
            workers.MOST = before
            per_block[size] = [
                seconds / found.blocks for seconds in (found.parent, found.scheduler, found.worker)
            ]
    parts = []
    for single, tenth in zip(per_block[1], per_block[10], strict=True):
        batch = max(0.0, (single - tenth) / 0.9)
        parts.append(Costs(single - batch, batch))
    return Machinery(*parts)


def asleep(block: Block, machinery: Machinery, seconds: float) -> tuple[list[str], list[float]]:
    """Blocks a second of many workers that sleep, beside what the law says; and over it."""
    rows, ratios = [], []
    for W in ASLEEP:
        law = machinery.limits(NAP, W)
        # Here all workers are one process, and three processes share the cores of this machine.
        size = max(workers.SECONDS, W / workers.RATE) / NAP
        each = [part.of(size) for part in (machinery.parent, machinery.scheduler, machinery.worker)]
        here = {"one process of workers": 1 / each[2], "cores": (os.cpu_count() or 1) / sum(each)}
        said = min(law.values())
        least = min(law | here, key=(law | here).__getitem__)
        blocks = max(4 * W, int(seconds * (law | here)[least]))
        with cluster(W) as (where, client):
            flow(where, client, block, study(2 * W), 0.0)
            found = flow(where, client, block, study(blocks), NAP)
        print(f"{W} workers that sleep: {found}", file=sys.stderr)
        ratios.append(found.rate / said)
        rows.append(
            f"| {W} | {W / NAP:,.0f} | {said:,.0f} | {(law | here)[least]:,.0f} ({least}) "
            f"| {found.rate:,.0f} | {found.parent / found.wall:.2f} "
            f"| {found.scheduler / found.wall:.2f} |"
        )
    return rows, ratios


def awake(seconds_per_block: float, seconds: float) -> list[str]:
    """Blocks a second of workers that compute, beside what the law says of this machine."""
    cores, rows = os.cpu_count() or 1, []
    for backend in ("threading", "loky", "dask"):
        for jobs in (1, 2, 4):
            at_most = min(jobs, cores) / seconds_per_block
            one = study(int(seconds * at_most))
            clock = Clock()
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "r.zarr"
                simlab.run(one, backend=backend, jobs=jobs, out=out, progress=clock)
            print(f"{backend}, {jobs} workers that compute", file=sys.stderr)
            rows.append(f"| {backend} | {jobs} | {at_most:,.0f} | {clock.rate():,.0f} |")
    return rows


class Clock:
    """Blocks a second after the first third of them: without the start of processes."""

    def start(self, replicates: int, done: int) -> None:  # noqa: ARG002
        """Begin."""
        self.times: list[float] = []

    def advance(self, replicates: int, failures: int) -> None:  # noqa: ARG002
        """Note when a block arrived."""
        self.times.append(time.perf_counter())

    def rate(self) -> float:
        """Blocks a second."""
        first = len(self.times) // 3
        return (len(self.times) - 1 - first) / (self.times[-1] - self.times[first])


# ---------------------------------------------------------------- the report


def predicted(studies: list[tuple[float, int, Machinery]]) -> list[str]:
    """Replicates a second and efficiency of W workers, for every study."""
    rows = []
    for W in WORKERS:
        row = f"| {W:,} "
        for seconds, size, machinery in studies:
            limits = machinery.limits(seconds, W)
            least = min(limits, key=limits.__getitem__)
            rate = limits[least]
            hours = ISSUE / (rate * size) / 3600
            row += f"| {rate * size:,.0f} | {rate * seconds / W:.0%} | {least} | {hours:,.2g} h "
        rows.append(row + "|")
    return rows


def nbytes(block: Block) -> int:
    """Size of a block's results."""
    arrays = (getattr(block, name, None) for name in Block.__slots__)
    return sum(array.nbytes for array in arrays if hasattr(array, "nbytes"))


@dataclass(frozen=True, slots=True)
class Subject:
    """A study, one of its blocks, the core seconds that it takes, and what blocks cost besides."""

    name: str
    size: int  # replicates of a block
    block: Block
    seconds: float
    machinery: Machinery


def subjects(seconds: float) -> list[Subject]:
    """Time a block of each of the studies, and all that is done with it, for so many seconds."""
    blocks, times = {}, {}
    for name, (fields, size) in STUDIES.items():
        work = runner.prepare(study(1, size, **fields))
        blocks[name] = runner.run_block(work, 0, 0)
        block = {name: core(lambda work=work: runner.run_block(work, 0, 0))}
        times[name] = measure(block, 5)[name].median
    base = next(iter(blocks.values()))
    result = []
    for name, (fields, size) in STUDIES.items():
        n = int(40 * seconds * min(1.0, nbytes(base) / nbytes(blocks[name])))
        machinery = costs(blocks[name], study(max(20, n), size, **fields))
        result.append(Subject(name, size, blocks[name], times[name], machinery))
    return result


def of_measured(those: list[Subject]) -> list[str]:
    """What a block takes, and what it costs besides."""
    return [
        "## Measured",
        "",
        "| study | replicates a block | core time of a block | bytes of its results |",
        "|---|---:|---:|---:|",
        *(
            f"| {one.name} | {one.size:,} | {one.seconds * MS:,.0f} ms | {nbytes(one.block):,} |"
            for one in those
        ),
        "",
        "Core time that a block costs besides, and a batch; the parent receives and writes:",
        "",
        "| study | parent, block | batch | scheduler, block | batch | worker, block | batch |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(
            f"| {one.name} | "
            + " | ".join(
                f"{part.block * MS:.2f} ms | {part.batch * MS:.2f} ms"
                for part in (its.parent, its.scheduler, its.worker)
            )
            + " |"
            for one in those
            for its in [one.machinery]
        ),
        "",
    ]


LAW = """\
## The law

A batch takes T = max(0.5 s, W/200) of a worker, that is b = T/t blocks of t seconds.
With p, s, w the core time of a block in parent, scheduler and worker (its own, and that
of a batch over b), blocks a second are the least of W/(t + w), 1/p and 1/s.
"""


def of_awake(rows: list[str]) -> list[str]:
    """The law and workers that compute."""
    return [
        "## Checked here: workers that compute",
        "",
        f"The first study on {os.cpu_count()} cores: blocks a second after the first third of",
        "them. At most: min(workers, cores)/t.",
        "",
        "| backend | workers | blocks a second, at most | measured |",
        "|---|---:|---:|---:|",
        *rows,
        "",
    ]


def of_asleep(rows: list[str], ratios: list[float]) -> list[str]:
    """The law and workers that sleep."""
    return [
        "## Checked here: workers that sleep",
        "",
        f"A block sleeps {NAP} s and returns the results of a real one, which the parent writes.",
        f"All workers are one process, so beside the law this machine has two limits of its own: "
        f"that process, and {os.cpu_count()} cores for all three.",
        "",
        "| workers | W/t | the law | the law and this machine | measured | parent, cores busy "
        "| scheduler, cores busy |",
        "|---:|---:|---:|---:|---:|---:|---:|",
        *rows,
        "",
        f"Measured over the law: {min(ratios):.2f} to {max(ratios):.2f}. So rough is what follows.",
        "It knows core time, and not what waits for a disk, for the other end, or for other work",
        "here; and the parent's time a block was measured with few workers, where it looks for",
        "results that are not there yet.",
        "",
    ]


def of_many(those: list[Subject]) -> list[str]:
    """What the law says of more workers than there were."""
    names = "".join(f"| {one.name} | used | limit | large study " for one in those)
    return [
        "## Extrapolated",
        "",
        "No such cluster was there. Replicates a second, share of the workers' time that is used,",
        f"what limits, and hours for {ISSUE:,} replicates (200 conditions of 100,000).",
        "Not in it: a network slower than loopback, a shared disk, machines of different speed.",
        "",
        f"| workers {names}|",
        "|---:" + "|---:|---:|---|---:" * len(those) + "|",
        *predicted([(one.seconds, one.size, one.machinery) for one in those]),
    ]


def main() -> None:
    """Measure, predict, print the report and keep it."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    where = head()
    those = subjects(seconds)
    first = those[0]
    sleeping, ratios = asleep(first.block, first.machinery, seconds)
    lines = [
        "# Scaling",
        "",
        f"{where}.",
        "",
        *of_measured(those),
        *LAW.split("\n"),
        *of_awake(awake(first.seconds, seconds)),
        *of_asleep(sleeping, ratios),
        *of_many(those),
    ]
    report = "\n".join(lines) + "\n"
    print(report)
    folder = Path(__file__).parents[1] / "results"
    (folder / "scaling.md").write_text(report, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["workers"]:
        asyncio.run(hold(int(sys.argv[2]), sys.argv[3]))
    else:
        main()
