"""Processes of this machine, by loky."""

from __future__ import annotations

import pickle
import signal
import time
from concurrent.futures import BrokenExecutor, Future
from contextvars import ContextVar
from queue import SimpleQueue

from joblib import effective_n_jobs
from joblib.externals.loky import ProcessPoolExecutor

from simlab.parallel.batch import Outcome, Parcel, Task, do
from simlab.parallel.errors import CONTINUES, ParallelError

__all__ = ["Processes"]

ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "BLIS")}
"""Environment of a worker: as many processes as cores, so one thread each."""

PASSED_ON = 5.0  # seconds in which loky must have passed on what it was given
LOSSES = 3  # times that a batch is sent again after a process died under it

PARCEL: ContextVar[Parcel] = ContextVar("parcel")


def _receive(parcel: bytes) -> None:
    """Begin a worker; an interrupt from the keyboard is the parent's affair."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    PARCEL.set(pickle.loads(parcel))


def _do(tasks: list[Task], seconds: float) -> Outcome:
    return do(PARCEL.get(), tasks, seconds)


def _passed_on(future: Future[Outcome]) -> bool:
    return future.running() or future.done()


class Processes:
    """A pool of processes, which is opened anew when one of them is killed."""

    def __init__(self, parcel: bytes, jobs: int):
        self._parcel = parcel
        self.workers: int = effective_n_jobs(jobs)
        self._finished: SimpleQueue[Future[Outcome]] = SimpleQueue()
        self._under_way: dict[Future[Outcome], tuple[list[Task], float, int]] = {}
        self._executor = self._open()

    def submit(self, tasks: list[Task], seconds: float) -> None:
        """Send a batch."""
        self._submit(tasks, seconds, 0)

    def collect(self) -> tuple[list[Task], Outcome]:
        """Wait for any batch; those that died with a process are sent again.

        Raises
        ------
        ParallelError
            When a batch was lost too often.
        """
        while True:
            future = self._finished.get()
            tasks, seconds, losses = self._under_way.pop(future)
            error = future.exception()
            if error is None:
                return tasks, future.result()
            if not isinstance(error, BrokenExecutor):
                raise error
            if losses == LOSSES:
                raise ParallelError(
                    f"processes died {losses + 1} times, killed perhaps for want of memory; "
                    f"use fewer of them. {CONTINUES}"
                ) from None
            self._submit(tasks, seconds, losses + 1)

    def close(self) -> None:
        """End all processes, whatever they do.

        The thread that keeps loky's books stumbles over batches that it has not yet passed on, so
        it is given the time to do so: there is room for all of them in its queue.
        """
        deadline = time.monotonic() + PASSED_ON
        while time.monotonic() < deadline and not all(map(_passed_on, self._under_way)):
            time.sleep(0.001)
        self._executor.shutdown(wait=True, kill_workers=True)

    def _open(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self.workers, initializer=_receive, initargs=(self._parcel,), env=ONE_THREAD
        )

    def _submit(self, tasks: list[Task], seconds: float, losses: int) -> None:
        try:
            future = self._executor.submit(_do, tasks, seconds)
        except BrokenExecutor:
            self._executor = self._open()
            future = self._executor.submit(_do, tasks, seconds)
        self._under_way[future] = (tasks, seconds, losses)
        future.add_done_callback(self._finished.put)
