"""Feed a million damaged studies, CSV files and formulas to simlab.

    nice python experiments/fuzz.py [--inputs 1000000] [--jobs 2] [--seed 1] [--minutes 30]

Every input must be refused in plain words, or read as what it says: tests/oracles.py reads it in
another way. There may be no traceback, no hang and no misreading. The inputs are those of
tests/mutation.py, a function of the seed alone. What fails is kept in results/fuzz/. Writes
results/fuzz.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

from rich.progress import Progress

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import mutation  # noqa: E402
from oracles import check_formula, check_study, check_table, time_limit  # noqa: E402

SHARES = {"studies": 0.06, "tables": 0.64, "formulas": 0.30}  # a study takes ten times as long
CHUNK = 500
LIMIT = 30.0  # seconds that one input may take, on a machine that does other things too
SPACING = 10**9  # between the first inputs of two seeds


@dataclass
class Outcome:
    """What came of some inputs of one kind."""

    kind: str
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)
    slowest: tuple[float, int] = (0.0, -1)
    seconds: float = 0.0
    memory: float = 0.0  # MB, the most that the process has had

    def add(self, other: Outcome) -> None:
        """Take in another outcome."""
        self.counts += other.counts
        self.failures += other.failures
        self.slowest = max(self.slowest, other.slowest)
        self.seconds += other.seconds
        self.memory = max(self.memory, other.memory)


def check(kind: str, number: int, path: Path) -> str:
    """Make one input and feed it to simlab."""
    if kind == "studies":
        return check_study(mutation.study(number))
    if kind == "tables":
        return check_table(mutation.table(number), path)
    return check_formula(mutation.formula(number))


def chunk(task: tuple[str, int, int]) -> Outcome:
    """Feed a run of inputs."""
    kind, first, last = task
    outcome = Outcome(kind)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        for number in range(first, last):
            start = time.perf_counter()
            try:
                with time_limit(LIMIT):
                    outcome.counts[check(kind, number, path)] += 1
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # whatever it is, it is what we are looking for
                outcome.counts["FAILED"] += 1
                outcome.failures.append((number, f"{type(error).__name__}: {error}"))
            seconds = time.perf_counter() - start
            outcome.slowest = max(outcome.slowest, (seconds, number))
            outcome.seconds += seconds
    outcome.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return outcome


def tasks(inputs: int, seed: int) -> Iterator[tuple[str, int, int]]:
    """Chunks of all kinds, interleaved, so that a run cut short has had its share of each."""
    ends = {kind: round(share * inputs) for kind, share in SHARES.items()}
    done = dict.fromkeys(ends, 0)
    while kinds := [kind for kind in ends if done[kind] < ends[kind]]:
        kind = min(kinds, key=lambda k: done[k] / ends[k])
        last = min(done[kind] + CHUNK, ends[kind])
        yield kind, seed * SPACING + done[kind], seed * SPACING + last
        done[kind] = last


def run(inputs: int, jobs: int, seed: int, minutes: float) -> dict[str, Outcome]:
    """Feed all inputs, or as many as the time allows."""
    outcomes = {kind: Outcome(kind) for kind in SHARES}
    end = time.monotonic() + 60 * minutes
    with get_context("spawn").Pool(jobs) as pool, Progress() as progress:
        bar = progress.add_task("inputs", total=inputs)
        for outcome in pool.imap_unordered(chunk, tasks(inputs, seed)):
            outcomes[outcome.kind].add(outcome)
            failed = sum(o.counts["FAILED"] for o in outcomes.values())
            done = outcome.counts.total()
            progress.update(bar, advance=done, description=f"inputs, {failed} failed")
            if time.monotonic() > end:
                pool.terminate()
                break
    return outcomes


def save(outcomes: dict[str, Outcome]) -> None:
    """Keep the inputs that failed, with what happened."""
    make = {"studies": mutation.study, "tables": mutation.table, "formulas": mutation.formula}
    folder = ROOT / "results" / "fuzz"
    for kind, outcome in outcomes.items():
        for number, told in outcome.failures[:100]:
            folder.mkdir(exist_ok=True)
            text = make[kind](number)
            content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
            (folder / f"{kind}-{number}.txt").write_bytes(content)
            (folder / f"{kind}-{number}.why").write_text(told + "\n", encoding="utf-8")


def page(outcomes: dict[str, Outcome], asked: int, seed: int, jobs: int, wall: float) -> str:
    """Tell what was run and what came of it."""
    total = sum(o.counts.total() for o in outcomes.values())
    failed = sum(o.counts["FAILED"] for o in outcomes.values())
    packages = ", ".join(f"{n} {version(n)}" for n in ("simlab", "ruamel.yaml", "pydantic"))
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    lines = [
        "# Damaged studies, CSV files and formulas",
        "",
        f"{total:,} inputs of {asked:,} asked for, seed {seed}: **{failed} failed**. An input "
        "fails when it ends in a traceback, takes too long, is refused in words that cannot be "
        "read, or is read as something that it does not say.",
        "",
        f"{platform.machine()}, {os.cpu_count()} cores, load {load}; Python "
        f"{platform.python_version()}, {packages}; {jobs} processes, {wall / 60:.0f} minutes; "
        f"{datetime.now(UTC):%Y-%m-%d}. Written by `experiments/fuzz.py`; the seconds include the "
        "check by another reading, on a machine that may be busy.",
        "",
        "| inputs | number | valid | refused | failed | mean, ms | slowest, s | memory, MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind, o in outcomes.items():
        n, valid, bad = o.counts.total(), o.counts["valid"], o.counts["FAILED"]
        lines.append(
            f"| {kind} | {n:,} | {valid:,} | {n - valid - bad:,} | {bad} "
            f"| {1000 * o.seconds / max(n, 1):.1f} | {o.slowest[0]:.2f} | {o.memory:.0f} |"
        )
    for kind, o in outcomes.items():
        refusals = Counter({k: c for k, c in o.counts.items() if k not in ("valid", "FAILED")})
        lines += ["", f"## Refusals of {kind}: {len(refusals):,} kinds, the most frequent", ""]
        lines += ["| number | begins |", "|---|---|"]
        told = ((c, k.replace("|", "\\|")) for k, c in refusals.most_common(20))
        lines += [f"| {c:,} | {k} |" for c, k in told]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run, keep what failed, write the page."""
    parser = argparse.ArgumentParser(description="Feed damaged inputs to simlab.")
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60.0)
    told = parser.parse_args()
    start = time.monotonic()
    outcomes = run(told.inputs, told.jobs, told.seed, told.minutes)
    save(outcomes)
    wall = time.monotonic() - start
    text = page(outcomes, told.inputs, told.seed, told.jobs, wall)
    (ROOT / "results" / "fuzz.md").write_text(text, encoding="utf-8")
    failed = sum(o.counts["FAILED"] for o in outcomes.values())
    print(f"{failed} failed; results/fuzz.md")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
