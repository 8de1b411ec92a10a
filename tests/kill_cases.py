"""A study killed with SIGKILL, again and again: what must hold after every kill, and at the end.

Run as a program: it forks from one warm process, so that a kill costs no start of Python, and
prints what happened as JSON. The child tells through a pipe each block whose writing has ended,
one byte a block; what it told must be in the store, and at most the one block being written more.
"""

import json
import os
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

import numpy as np
from study_cases import study

import simlab
from simlab import runner
from simlab.results import (
    TIMES,
    ReplicateResults,
    StoreError,
    SumsResults,
    open_results,
)
from simlab.results.disk import recover
from simlab.results.earlier import EARLIER, Earlier
from simlab.runner import loop

SMALL = {"clusters": 6, "cluster_sizes": {"law": "fixed", "size": 5}}
GRID = {"population.sigma2": [1, 4, 9]}
MORE = {"population.sigma2": [16, 9, 1, 4]}
WRITERS = 4


def a_study(**changes):
    fields = {"replicates": 202, "block": 4, "grid": GRID, "estimators": ["pooled", "two_stage"]}
    return study(population=SMALL, **{**fields, **changes})


class Prepared:
    """A study, compiled once for all of its children; and what it must come to."""

    def __init__(self, declared):
        self.study = declared
        self.work = runner.prepare(declared)
        self.schema = runner.schema_of(self.work)
        summed = self.schema.summed is not None
        self.kind = SumsResults if summed else ReplicateResults
        memory = SumsResults(self.schema) if summed else ReplicateResults(self.schema)
        for position in np.ndindex(*memory.done.shape):
            memory.write(runner.run_block(self.work, *position))
        self.whole = memory.dataset()

    def run(self, path, reported, **options):
        """Continue the study, as `simlab.run` does, and tell each block."""
        loop.prepare = lambda *_: self.work
        loop.schema_of = lambda _: self.schema
        simlab.run(self.study, out=path, jobs=WRITERS, progress=Teller(reported), **options)


class Teller:
    def __init__(self, pipe):
        self.pipe = pipe

    def start(self, replicates, done):
        pass

    def advance(self, replicates, failures):
        os.write(self.pipe, b".")


def forked(action, *args, **options):
    """Run action(*args, pipe) in a child; return its process and the end of the pipe."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        status = 1
        try:
            action(*args, write, **options)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(write)
    return child, read


def wait(child, pipe):
    """Return how many blocks the child told, and its exit status (−9 where it was killed)."""
    reported = 0
    while part := os.read(pipe, 65536):
        reported += len(part)
    os.close(pipe)
    return reported, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def damaged(path, prepared):
    """Blocks that say done and are not what they should be; of sums, nodes that cannot be read."""
    if prepared.kind is SumsResults:
        return SumsResults.open(path).mend()
    store = ReplicateResults.open(path)
    conditions = {key: i for i, key in enumerate(prepared.schema.keys)}
    results = []
    for condition, number in np.argwhere(store.done).tolist():
        rows = store.schema.rows(number)
        expected = prepared.whole.isel(
            condition=conditions[store.schema.keys[condition]], replicate=rows
        )
        try:
            block = store.read(condition, number)
        except StoreError as error:
            results.append(str(error))
            continue
        if rows.stop < store.schema.replicates or rows == prepared.schema.rows(number):
            results += [
                f"{condition}.{number} {name}"
                for name in store.schema.variables
                if getattr(block, name).tobytes() != expected[name].values.tobytes()
            ]
    return results


def same(ds, whole):
    """Names of what differs, bit for bit; times aside."""
    names = {*ds.variables, *whole.variables} - {*TIMES}
    different = [
        name
        for name in sorted(names)
        if name not in ds
        or name not in whole
        or (ds[name].dims, ds[name].dtype) != (whole[name].dims, whole[name].dtype)
        or ds[name].values.tobytes() != whole[name].values.tobytes()
    ]
    dated = {"created", "config_text"}
    return different + [
        name
        for name in sorted({*ds.attrs, *whole.attrs} - dated)
        if ds.attrs.get(name) != whole.attrs.get(name)
    ]


def killed_again_and_again(path, prepared, kills, rng, **options):
    """Kill a run at random moments, then let it finish.

    Every other time the moment is a little after a number of blocks were told, else it may fall
    into opening and extending too.
    """
    in_flight, problems, effective = [], [], 0
    for kill in range(kills):
        before = prepared.kind.open(path) if path.exists() else None
        child, pipe = forked(prepared.run, path, **options)
        reported, wanted = 0, int(rng.integers(1, 20)) * (kill % 2)
        while reported < wanted and (part := os.read(pipe, 1)):
            reported += len(part)
        time.sleep(rng.uniform(0, 0.01 if wanted else 0.2))
        os.kill(child, signal.SIGKILL)
        more, status = wait(child, pipe)
        effective += status == -signal.SIGKILL
        recover(path)
        if path.exists():
            after = prepared.kind.open(path)
            in_flight.append(int(after.done.sum()) - _kept(before, after) - reported - more)
            problems += damaged(path, prepared)
    last, status = wait(*forked(prepared.run, path, **options))
    return {
        "effective": effective,
        "in flight": in_flight,
        "damaged": problems,
        "exit": status,
        "last": last,
        "different": same(prepared.kind.open(path).dataset(), prepared.whole),
    }


def _kept(before, after):
    """Number of blocks that were done before and fit the layout that is there now."""
    if before is None:
        return 0
    numbers = np.argwhere(before.done)[:, 1].tolist()
    return sum(before.schema.rows(n) == after.schema.rows(n) for n in numbers)


def killed_while_widened(path, fewer, wider, kills, rng):
    """Kill a run that adds estimators at random moments, then let it finish.

    What there was must be found after every kill: in the store as it is now, or as it was before.
    """
    _, status = wait(*forked(fewer.run, path))
    assert status == 0
    lost, effective, unfinished = [], 0, 0
    for kill in range(kills):
        child, pipe = forked(wider.run, path, extend=True)
        reported, wanted = 0, int(rng.integers(1, 12)) * (kill % 2)
        while reported < wanted and (part := os.read(pipe, 1)):
            reported += len(part)
        time.sleep(rng.uniform(0, 0.01 if wanted else 0.2))
        os.kill(child, signal.SIGKILL)
        effective += wait(child, pipe)[1] == -signal.SIGKILL
        recover(path)
        store = ReplicateResults.open(path)
        wide = store.schema.estimators == wider.schema.estimators
        earlier = Earlier.of(path, store.schema)
        unfinished += bool(earlier)
        places = np.argwhere(~store.done).tolist()
        lost += [place for place in places if earlier.missing(*place) is None]
        lost += store.mend() + earlier.mend()
        assert wide or not earlier
    last, status = wait(*forked(wider.run, path))
    return {
        "effective": effective,
        "unfinished": unfinished,
        "damaged": lost,
        "exit": status,
        "last": last,
        "different": same(ReplicateResults.open(path).dataset(), wider.whole),
        "left": (path / EARLIER).exists(),
    }


def killed_at_steps(folder, before, after, rng, number=20):
    """Kill an extension right before file operations that it makes.

    These are the ones around each step of the change of place, and others drawn at random.
    """
    start = folder / "start"
    store = open_results(start, before.schema)
    for position in np.ndindex(*store.done.shape):
        store.write(runner.run_block(before.work, *position))
    whole_blocks = int(store.done[:, :-1].sum())
    shutil.copytree(start, folder / "r")
    operations = folder / "operations"
    assert wait(*forked(extend_until, folder / "r", after, None, operations))[1] == 0
    named = operations.read_text().splitlines()
    near = {
        i + shift
        for i, name in enumerate(named)
        if name.startswith("os.rename .r.") or name.endswith(" r")
        for shift in (-1, 0, 1, 2)
    }
    steps = sorted(near | set(rng.choice(len(named), number, replace=False).tolist()))
    problems, came_back = [], set()
    for step in steps:
        shutil.rmtree(folder / "r")
        shutil.copytree(start, folder / "r", copy_function=os.link)
        _, status = wait(*forked(extend_until, folder / "r", after, step, operations))
        assert status == 7, (step, status)
        recover(folder / "r")
        left = ReplicateResults.open(folder / "r")
        came_back.add(len(left.schema.keys))
        if left.done.sum() < whole_blocks:
            problems.append(f"{left.done.sum()} blocks of {whole_blocks}")
        problems += damaged(folder / "r", after)
        again = open_results(folder / "r", after.schema, extend=True)
        for position in np.argwhere(~again.done).tolist():
            again.write(runner.run_block(after.work, *position))
        problems += same(again.dataset(), after.whole)
        problems += [f"left {file.name}" for file in folder.glob(".*")]
        if problems:
            problems.append(f"at step {step}, {named[step]}")
            break
    return {"steps": len(steps), "of": len(named), "shapes": len(came_back), "problems": problems}


CHANGES = {"os.rename", "os.link", "os.remove", "os.rmdir", "os.mkdir", "shutil.copyfile"}


def extend_until(path, prepared, last, operations, _):
    """Extend a store; end at once before the file operation number `last`."""
    made = []

    def watch(event, args):
        if event in CHANGES or (event == "open" and str(args[1]).startswith(("w", "x", "a"))):
            if len(made) == last:
                os._exit(7)
            made.append(f"{event} {Path(os.fsdecode(args[0])).name}")

    sys.addaudithook(watch)
    open_results(path, prepared.schema, extend=True)
    watching = "\n".join(made)
    operations.write_text(watching)


def flag_first(self, block):
    """A writer that is wrong: what it promises is not there yet."""
    files = self.files(block.condition, block.number)
    files["done"].write_bytes(b"\x01" + b"\0" * 4)
    time.sleep(0.25)  # kills come within 0.05 s
    right(self, block)


right = ReplicateResults.write


def wrong_run(prepared, path, reported):
    ReplicateResults.write = flag_first
    prepared.run(path, reported)


def main(folder):
    rng = np.random.default_rng(6)
    fewer, more = Prepared(a_study()), Prepared(a_study(replicates=302, grid=MORE))
    path = folder / "r.zarr"
    report = {"continued": killed_again_and_again(path, fewer, 10, rng)}
    report["extended"] = killed_again_and_again(path, more, 12, rng, extend=True)
    wider = Prepared(a_study(estimators=["pooled", "hlm", "two_stage", "ecological"]))
    report["widened"] = killed_while_widened(folder / "wide", fewer, wider, 12, rng)
    summed = [Prepared(p.study.replace(keep="measures")) for p in (fewer, more)]
    path = folder / "sums"
    report["sums"] = killed_again_and_again(path, summed[0], 10, rng)
    report["extended sums"] = killed_again_and_again(path, summed[1], 10, rng, extend=True)
    tiny = Prepared(a_study(replicates=6)), Prepared(a_study(replicates=11, grid=MORE))
    (folder / "steps").mkdir()
    report["steps"] = killed_at_steps(folder / "steps", *tiny, rng)
    wrong = folder / "wrong.zarr"
    results = []
    for _ in range(6):
        child, pipe = forked(wrong_run, fewer, wrong)
        os.read(pipe, 1)
        time.sleep(rng.uniform(0, 0.05))
        os.kill(child, signal.SIGKILL)
        wait(child, pipe)
        results += damaged(wrong, fewer)
    report["control"] = len(results)
    print(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
