"""Processes of this machine, by loky."""

from __future__ import annotations

import faulthandler
import os
import pickle
import re
import shutil
import signal
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from concurrent.futures import BrokenExecutor, Future
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from joblib import effective_n_jobs
from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.backend import resource_tracker

from simlab.errors import ParallelError
from simlab.parallel.batch import CONTINUES, Outcome, Parcel, Task, do
from simlab.parallel.deaf import born_deaf, deaf, ends_with
from simlab.parallel.notes import Doing, in_file, seen_in
from simlab.parallel.watch import Watch, Watcher

ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "BLIS")}
"""Environment of a worker: as many processes as cores, so one thread each."""

PASSED_ON = 5.0  # seconds in which loky must have passed on what it was given
LOSSES = 3  # times that a batch is sent again after a process died under it
TWICE = 2  # deaths over the same thing after which nobody tries it again
BY_LOKY = (-signal.SIGKILL, -signal.SIGTERM)  # how the others end when one process has died

PARCEL: ContextVar[Parcel] = ContextVar("parcel")


def _receive(parcel: bytes, notes: str, parent: int) -> None:
    """Begin a worker, which ends with its parent.

    What the tasks print must not stand among the results that the parent prints. Where they crash
    is written to a file, of which the parent tells the line that matters.
    """
    deaf(also_to_sigterm=True)  # loky hangs when its processes die while it ends them
    ends_with(parent)
    os.dup2(2, 1)
    in_file(notes)
    crash = open(_crash_file(notes, os.getpid()), "w")  # noqa: SIM115 (open until the end)
    faulthandler.enable(crash, all_threads=False)
    PARCEL.set(pickle.loads(parcel))


def _folder() -> str:
    """Make a folder that loky's tracker removes, in silence, if this process cannot."""
    options = list(sys.warnoptions)
    sys.warnoptions.append("ignore:resource_tracker:UserWarning")
    try:
        resource_tracker.ensure_running()
    finally:
        sys.warnoptions[:] = options
    folder = tempfile.mkdtemp(prefix="simlab-")
    resource_tracker.register(folder, "folder")
    return folder


def _crash_file(notes: str, process: int) -> Path:
    return Path(notes, f"{process}.crash")


def _do(tasks: list[Task], seconds: float) -> Outcome:
    return do(PARCEL.get(), tasks, seconds)


class _Sent(NamedTuple):
    """A batch that is under way: with how many losses, in which of the pools."""

    tasks: list[Task]
    seconds: float
    losses: int
    pool: int


class Processes:
    """A pool of processes, which is opened anew when one of them is killed."""

    def __init__(self, parcel: bytes, jobs: int, watch: Watch | None = None):
        self._parcel = parcel
        self.workers: int = effective_n_jobs(jobs)
        self._finished: SimpleQueue[Future[Outcome]] = SimpleQueue()
        self._under_way: dict[Future[Outcome], _Sent] = {}
        self._notes = _folder()
        self._watch = watch
        self._watcher = Watcher(watch) if watch is not None else None
        self._looked = time.monotonic()
        self._pools = 0
        self._ended: dict[int, list[Doing]] = {}
        self._deaths: Counter[Doing] = Counter()
        self._last_words = ""
        self._executor = self._open()

    def submit(self, tasks: list[Task], seconds: float) -> None:
        """Send a batch."""
        self._submit(tasks, seconds, 0)

    def collect(self) -> tuple[list[Task], Outcome]:
        """Wait for any batch; those that died with a process are sent again, but not too often."""
        while True:
            future = self._next()
            sent = self._under_way.pop(future)
            error = future.exception()
            if error is None:
                return sent.tasks, future.result()
            if not isinstance(error, BrokenExecutor):
                raise error
            if sent.pool == self._pools:
                self._bury()
            tasks, losses = sent.tasks, sent.losses + 1
            if ended := self._ended.get(sent.pool):
                losses = sent.losses
                for doing in ended:
                    assert self._watch is not None
                    tasks = [self._watch.amend(task, doing) for task in tasks]
            elif losses > LOSSES:
                raise ParallelError(
                    f"processes died {losses} times, killed perhaps for want of memory"
                    f"{self._last_words}; use fewer of them. {CONTINUES}"
                ) from None
            self._submit(tasks, sent.seconds, losses)

    def close(self) -> None:
        """End all processes, whatever they do.

        The thread that keeps loky's books stumbles over batches that it has not yet passed on, so
        it is given the time to do so: there is room for all of them in its queue.
        """
        deadline = time.monotonic() + PASSED_ON
        while any(not (f.running() or f.done()) for f in self._under_way):
            if time.monotonic() >= deadline:
                break
            time.sleep(0.001)
        self._executor.shutdown(wait=True, kill_workers=True)
        shutil.rmtree(self._notes, ignore_errors=True)
        resource_tracker.unregister(self._notes, "folder")

    def _next(self) -> Future[Outcome]:
        """Wait for a batch, and look now and then at what the processes are doing."""
        interval = self._watch.interval if self._watch else None
        while True:
            if interval is not None and time.monotonic() - self._looked > interval:
                self._end_late()
            with suppress(Empty):
                return self._finished.get(timeout=interval)

    def _end_late(self) -> None:
        """End a process that takes too long over what may be left out."""
        assert self._watch is not None
        assert self._watcher is not None
        self._looked = time.monotonic()
        if self._pools in self._ended:  # the pool is breaking
            return
        for seen in self._watcher.late(seen_in(self._notes)):
            end = self._watch.may_end(seen.doing)
            if end:
                self._ended.setdefault(self._pools, []).append(seen.doing)
                with suppress(ProcessLookupError):
                    os.kill(seen.worker, signal.SIGKILL)
            self._watch.late(seen.doing, end)

    def _bury(self) -> None:
        """Open another pool for one that broke; refuse what processes died over twice."""
        if self._watch is not None and self._pools not in self._ended:
            seen = seen_in(self._notes)
            codes = {pid: process.exitcode for pid, process in self._processes.items()}
            first = [s for s in seen if codes.get(s.worker) not in (None, *BY_LOKY)]
            for one in first:
                self._deaths[one.doing] += 1
                if self._deaths[one.doing] == TWICE:
                    raise ParallelError(
                        f"a process died twice ({self._how(one.worker, codes[one.worker])}) over "
                        f"{self._watch.text(one.doing)}. {CONTINUES}"
                    )
            # Where all were killed, it may have been any of them that was the first.
            texts = dict.fromkeys(self._watch.text(one.doing) for one in first or seen)
            self._last_words = f" over {' or '.join(texts)}" if texts else ""
        self._executor = self._open()

    def _how(self, process: int, code: int) -> str:
        """Exit code 3; or the name of a signal, and the line that was being executed."""
        line = ""
        with suppress(OSError):
            line = _line(_crash_file(self._notes, process).read_text(errors="replace"))
        how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
        return f"{how}, {line}" if line else how

    def _open(self) -> ProcessPoolExecutor:
        """Pool of processes that have received the parcel, with no notes of earlier ones."""
        self._pools += 1
        for name in os.listdir(self._notes):
            os.unlink(os.path.join(self._notes, name))
        self._processes: dict[int, Any] = {}
        return ProcessPoolExecutor(
            self.workers, initializer=_receive, initargs=(self._parcel, self._notes, os.getpid()),
            env=ONE_THREAD,
        )  # fmt: skip

    def _submit(self, tasks: list[Task], seconds: float, losses: int) -> None:
        """Send a batch; to a new pool if this one is broken."""
        with born_deaf():
            try:
                future = self._executor.submit(_do, tasks, seconds)
            except BrokenExecutor:
                self._bury()
                future = self._executor.submit(_do, tasks, seconds)
        self._processes |= dict(getattr(self._executor, "_processes", None) or {})
        self._under_way[future] = _Sent(tasks, seconds, losses, self._pools)
        future.add_done_callback(self._finished.put)


_FRAME = re.compile(r'File "(.+)", line (\d+) in ')
_NOT_THEIRS = (sysconfig.get_path("stdlib"), "site-packages", str(Path(__file__).parents[1]))


def _line(crash: str) -> str:
    """Innermost line outside of Python, of what is installed and of simlab."""
    for file, line in _FRAME.findall(crash):
        if not any(part in file for part in _NOT_THEIRS):
            return f"{Path(file).name}:{line}"
    return ""
