"""A study whose run is ended at a random moment by a signal, again and again, then continued.

SIGKILL says nothing; of SIGINT and SIGTERM, single or double, exit status and one line are asked.
No finished block may be lost, no process left, and what the last run comes to is the bits of a run
that nobody interrupted. The plan is a function of the seed; the moments are the machine's.
"""

import os
import random
import re
import shutil
import signal
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from .forked import begin, command, finish, main
from .judge import Verdict, judge, misread
from .saved import POPULATION, opened, same

STUDY = """\
name: cut
replicates: {replicates}
block: 4
seed: 3
keep: {keep}
estimators: [pooled, two_stage]
grid: {{population.sigma2: {levels}}}
"""
ENDS = {signal.SIGINT: (130,), signal.SIGTERM: (143,), signal.SIGKILL: (-signal.SIGKILL,)}


def command_line(jobs):
    return ["run", "study.yaml", "--out", ".", "--quiet", "--jobs", str(jobs)]


@cache
def whole(keep, levels, replicates):
    """What an uninterrupted run comes to, and the seconds that it took."""
    folder = Path(mkdtemp(prefix="whole-"))
    _declare(folder, keep, levels, replicates)
    start = time.monotonic()
    ran = command(command_line(1), folder)
    seconds = time.monotonic() - start
    assert ran.status == 0, ran.err
    ds = opened(folder / "cut.zarr")
    shutil.rmtree(folder)
    return ds, seconds


def _declare(folder, keep, levels, replicates):
    text = STUDY.format(keep=keep, levels=levels, replicates=replicates) + POPULATION
    (folder / "study.yaml").write_text(text)


def interrupted(seed, folder, entry, signals):
    """Run, end by signals, continue; judge."""
    rng = random.Random(seed)
    keep = rng.choice(("replicates", "replicates", "measures"))
    expected, length = whole(keep, "[1, 4]", 50)
    _declare(folder, keep, "[1, 4]", 50)
    store, ended = folder / "cut.zarr", []
    longest, most = 0.0, 0.0
    for _ in range(rng.choice((1, 1, 2, 3))):
        before = _blocks(store)
        number = rng.choice(signals)
        double = number is not signal.SIGKILL and rng.random() < 0.3
        child = begin(command_line(rng.choice((1, 2))), folder, entry)
        if number is not signal.SIGKILL:
            _listens(child)
        time.sleep(rng.uniform(0, 1.1 * length))
        _send(child, number)
        if double:
            time.sleep(rng.choice((0, 0.001, 0.01)))
            _send(child, number)
        outcome = finish(child, folder)
        longest, most = max(longest, outcome.seconds), max(most, outcome.memory)
        ended.append(outcome.status)
        if (verdict := _judged(outcome, number)).fault:
            return verdict
        lost = before - _blocks(store)
        if lost:
            return misread(verdict, f"{len(lost)} finished blocks are lost")
    verdict = judge(command(command_line(1), folder, entry), answers=(0,), refusals=())
    if verdict.fault:
        verdict.why = f"after {ended}: {verdict.why}"
        return verdict
    if different := same(opened(store), expected):
        return misread(verdict, f"after {ended} other numbers: {', '.join(different)[:300]}")
    left = [path.name for path in folder.glob(".*") if not path.name.endswith(".lock")]
    if left:
        return misread(verdict, f"after {ended} there is left {left}")
    return Verdict("continued", "", f"{ended}", max(longest, verdict.seconds), most)


def _judged(outcome, number):
    """Judge how a run ended that was sent a signal; it may have finished before that came."""
    if number is signal.SIGKILL and outcome.status == -signal.SIGKILL:
        return Verdict("refused")
    verdict = judge(outcome, answers=(0, *ENDS[number]), refusals=())
    if not verdict.fault and outcome.status and "interrupted" not in outcome.err:
        return Verdict("failed", "words", f"says nothing of its end: {outcome.err[:200]!r}")
    return verdict


def _listens(child):
    """Wait until a run hears SIGTERM; before, as before the start of simlab, it just ends."""
    end = time.monotonic() + 1
    bit = 1 << (signal.SIGTERM - 1)
    status = Path(f"/proc/{child}/status")
    while time.monotonic() < end:
        caught = re.search(r"SigCgt:\s*(\w+)", status.read_text())
        if caught is None or int(caught[1], 16) & bit:
            return
        time.sleep(0.001)


def _send(child, number):
    with suppress(ProcessLookupError):
        os.kill(child, number)


def _blocks(store):
    """Names of the flags that are there; a partial one is none yet."""
    results = {path.name for path in store.glob("done/c.*")} if store.exists() else set()
    return {name for name in results if not name.endswith(".partial")}


# --- sorts ------------------------------------------------------------------------------------


def killed(seed, folder, entry=main):
    return interrupted(seed, folder, entry, (signal.SIGKILL,))


def signalled(seed, folder, entry=main):
    return interrupted(seed, folder, entry, (signal.SIGINT, signal.SIGTERM))
