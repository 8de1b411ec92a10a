"""Attack the command line, a thousand times by each sort of attack.

    nice python experiments/attacks.py [--number 1000] [--jobs 2] [--sort configs --sort stores]
    python experiments/attacks.py --sort configs --seed 123       # replay one, and keep its folder

The sorts are those of tests/attacks; an attack is a function of its seed. Each command must end in
a refusal that says why, or in an answer that is right: no traceback, no hang, no other number, no
process left, nothing lost that was computed. What is done is kept in results/attacks/, so that the
same command continues after an interruption, and begins anew when the code is another. Writes
results/attacks.md; the exit status is 1 if an attack succeeded.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rich.progress import Progress

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from attacks.forked import PATIENCE, ROOM, SECONDS  # noqa: E402
from attacks.judge import FAULTS, MEMORY  # noqa: E402
from attacks.sorts import SORTS, attack  # noqa: E402
from attacks.warm import warm  # noqa: E402

FOLDER, PAGE = ROOT / "results" / "attacks", ROOT / "results" / "attacks.md"
Record = dict[str, Any]

WHAT = {
    "configs": "study files with a fault, given to `check`",
    "runs": "studies that are absurd, given to `run`, `table`, `measure`, `info`",
    "tables": "CSV files, damaged or written otherwise, given to `fit`, `compare`, `audit`",
    "formulas": "formulas, damaged or written otherwise, given to `fit`",
    "own": "estimators and generators that misbehave, in `run`, `table`, `failures`, `measure`",
    "stores": "damaged stores, given to every command that reads one, and to `run`",
    "kills": "runs ended by SIGKILL one to three times, then continued",
    "signals": "runs ended by SIGINT or SIGTERM, once or twice, then continued",
}


def one(task: tuple[str, int]) -> Record:
    """Make one attack."""
    sort, seed = task
    return {"sort": sort, "seed": seed, **asdict(attack(sort, seed))}


@cache
def code() -> str:
    """Hash of what the outcomes depend on."""
    digest = hashlib.sha256()
    for folder in (ROOT / "simlab", ROOT / "tests" / "attacks", ROOT / "tests" / "hostile"):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def kept(sort: str) -> list[Record]:
    """What was done before of one sort, by this very code."""
    path = FOLDER / f"{sort}-{code()}.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]


def run(sorts: Iterable[str], number: int, jobs: int) -> None:
    """Make all attacks that are not done yet."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    done = {(r["sort"], r["seed"]) for sort in sorts for r in kept(sort)}
    every = ((sort, seed) for seed in range(number) for sort in sorts)  # a share of each, if cut
    tasks = [task for task in every if task not in done]
    version, counts = code(), Counter[str]()
    with get_context("spawn").Pool(jobs, warm) as pool, Progress() as progress:
        bar = progress.add_task("warming up", total=len(tasks))
        for record in pool.imap_unordered(one, tasks):
            with (FOLDER / f"{record['sort']}-{version}.jsonl").open("a") as file:
                file.write(json.dumps(record) + "\n")
            counts[record["ended"]] += 1
            told = ", ".join(f"{n:,} {word}" for word, n in sorted(counts.items()))
            progress.update(bar, advance=1, description=told)
            if record["fault"]:
                why = record["why"].splitlines()[-1:] or [""]
                progress.print(f"{record['sort']} {record['seed']}: {record['fault']}: {why[0]}")


def page(records: dict[str, list[Record]]) -> str:
    """Tell what was tried and what came of it."""
    total = sum(map(len, records.values()))
    failed = sum(bool(r["fault"]) for rs in records.values() for r in rs)
    lines = [
        "# Attacks on the command line",
        "",
        f"{total:,} attacks, each a function of its seed: **{failed:,} succeeded**. An attack "
        "succeeds when a command ends in a traceback, does not end, refuses without a readable "
        "line that names what is wrong, answers with other numbers than the control, leaves a "
        "process, takes too much memory, or loses what was computed.",
        "",
        f"{platform.machine()}, {os.cpu_count()} cores; Python {platform.python_version()}; "
        f"{datetime.now(UTC):%Y-%m-%d}. Written by `experiments/attacks.py`. A command may take "
        f"{SECONDS} s of the processor, {PATIENCE} times as many of the clock, "
        f"{ROOM / 2**30:.0f} GB of address space besides those of its warm parent, and "
        f"{MEMORY:,} MB resident, the parent's included.",
        "",
        "| sort | tried | refused in a line | answered | continued to the same bits | "
        + " | ".join(FAULTS_SHOWN)
        + " | slowest, s | memory, MB |",
        "|---" * (7 + len(FAULTS_SHOWN)) + "|",
    ]
    for sort, rs in records.items():
        ended, faults = Counter(r["ended"] for r in rs), Counter(r["fault"] for r in rs)
        shown = [faults[name] for name in FAULTS_SHOWN[:-1]]
        shown.append(sum(faults.values()) - faults[""] - sum(shown))
        cells = [len(rs), ended["refused"], ended["answered"], ended["continued"], *shown]
        slowest = max((r["seconds"] for r in rs), default=0)
        memory = max((r["memory"] for r in rs), default=0)
        numbers = " | ".join(f"{n:,}" for n in cells)
        lines.append(f"| {sort} | {numbers} | {slowest:.1f} | {memory:.0f} |")
    lines += ["", *(f"* **{sort}**: {WHAT[sort]}." for sort in records)]
    lines += ["", "## Attacks that succeeded", ""]
    lines += _failures(records) or ["None."]
    return "\n".join(lines) + "\n"


FAULTS_SHOWN = ("traceback", "hang", "misreading", "other faults")


def _failures(records: dict[str, list[Record]]) -> list[str]:
    """The seeds that failed, by sort and fault, with the words of the first."""
    lines = []
    for sort, rs in records.items():
        for fault in (*FAULTS, "attack"):
            bad = sorted((r["seed"], r["why"]) for r in rs if r["fault"] == fault)
            if bad:
                seeds = ", ".join(str(seed) for seed, _ in bad[:30])
                why = (bad[0][1].splitlines() or [""])[-1][:200].replace("|", "\\|")
                lines.append(f"* {sort}, {fault} ({len(bad)}): {seeds}. The first: `{why}`")
    return lines


def main() -> None:
    """Attack, and write the page; or replay one attack."""
    parser = argparse.ArgumentParser(description="Attack the command line of simlab.")
    parser.add_argument("--number", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--sort", action="append", choices=[*SORTS])
    parser.add_argument("--seed", type=int)
    asked = parser.parse_args()
    sorts = asked.sort or [*SORTS]
    if asked.seed is not None:
        warm()
        folder = FOLDER / f"{sorts[0]}-{asked.seed}"
        shutil.rmtree(folder, ignore_errors=True)
        verdict = attack(sorts[0], asked.seed, keep=folder)
        print(f"{verdict.ended} {verdict.fault}\n{verdict.why}\n{folder}")
        sys.exit(bool(verdict.fault))
    run(sorts, asked.number, asked.jobs)
    records = {sort: rs for sort in SORTS if (rs := kept(sort))}
    PAGE.write_text(page(records), encoding="utf-8")
    failed = sum(bool(r["fault"]) for rs in records.values() for r in rs)
    print(f"{failed} succeeded; results/attacks.md")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
