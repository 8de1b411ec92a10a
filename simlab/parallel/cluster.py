"""Workers of dask, on this machine or on others."""

from __future__ import annotations

import itertools
import logging
import pickle
import time
import uuid
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from distributed import Client, KilledWorker, LocalCluster, WorkerPlugin, as_completed, get_worker
from joblib import effective_n_jobs

from simlab.errors import ParallelError
from simlab.parallel.batch import CONTINUES, Outcome, Parcel, Task, do
from simlab.parallel.deaf import born_deaf

CONNECT = 10.0  # seconds in which a scheduler must answer
PATIENCE = 120.0  # seconds that are waited for a worker when there is none
GLANCE = 5.0  # seconds after which workers are counted again: they come and go
POLL = 0.002  # seconds between two looks for a result
DEAF = "from simlab.parallel.deaf import deaf; deaf()"  # what a process does first


class Delivery(WorkerPlugin):  # type: ignore[misc]
    """The parcel, which dask gives to every worker when it joins."""

    def __init__(self, parcel: bytes):
        self._packed = parcel

    @cached_property
    def parcel(self) -> Parcel:
        """The parcel, unpacked by the first batch."""
        unpacked: Parcel = pickle.loads(self._packed)
        return unpacked


def _do(name: str, tasks: list[Task], seconds: float) -> Outcome:
    """Do a batch with the parcel of that name."""
    return do(get_worker().plugins[name].parcel, tasks, seconds)


class Cluster:
    """The workers of a dask scheduler, or of one that is started here and ended with the work.

    Batches go through a client of distributed, not through joblib's backend of that name: that one
    counts the workers once, sends batches of a length that nothing limits, and keeps what tasks
    share in the memory of workers, with which it is lost. Here every worker receives the parcel
    when it joins. As an argument of the batches it would keep them from the other workers: dask
    prefers to give a task to those who hold what it needs, however busy.
    """

    def __init__(self, parcel: bytes, jobs: int, scheduler: str | None):
        self._client: Any = None
        self._local: Any = None
        self._workers, self._counted = 0, 0.0
        if scheduler is None:
            self._local = _start(jobs)
        self._where = scheduler or self._local.scheduler_address
        try:
            self._client = _connect(self._where)
            self._finished = as_completed(
                loop=self._client.loop, with_results=True, raise_errors=False
            )
            self._batches: dict[Any, list[Task]] = {}
            self._name, self._numbers = f"blocks-{uuid.uuid4().hex}", itertools.count()
            try:
                self._client.register_plugin(Delivery(parcel), name=self._name)
            except ImportError as error:
                raise _wanting(error) from None
            self._count()
        except BaseException:
            self.close()
            raise

    @property
    def workers(self) -> int:
        """Threads of all workers."""
        if time.monotonic() - self._counted > GLANCE:
            self._count()
        return self._workers

    def submit(self, tasks: list[Task], seconds: float) -> None:
        """Send a batch, as one of a group: those of a group dask gives to whoever is free."""
        key = (self._name, next(self._numbers))
        future = self._client.submit(_do, self._name, tasks, seconds, key=key, pure=False)
        self._batches[future.key] = tasks
        self._finished.add(future)

    def collect(self) -> tuple[list[Task], Outcome]:
        """Wait for any batch; dask itself does again what a worker took with it."""
        while not self._finished.has_ready():
            time.sleep(POLL)
            if time.monotonic() - self._counted > GLANCE:
                self._count()
        future, outcome = next(self._finished)
        if future.status != "finished":
            raise self._explained(future, outcome)
        return self._batches.pop(future.key), outcome

    def close(self) -> None:
        """Drop what is under way; end the workers that were started here, and no others."""
        if self._client is not None:
            with suppress(OSError, TimeoutError, ValueError):  # scheduler or plugin may be gone
                if self._client.status == "running":
                    self._client.cancel(list(self._finished.futures))
                    self._client.unregister_worker_plugin(self._name)
                self._client.close(timeout=CONNECT)
        if self._local is not None:
            self._local.close()

    def _count(self) -> None:
        """Count the threads of all workers; where there is none, wait for one."""
        began = time.monotonic()
        while True:
            try:
                self._workers = sum(self._client.nthreads().values())
            except (OSError, TimeoutError):
                raise self._lost() from None
            self._counted = time.monotonic()
            if self._workers:
                return
            if self._counted - began > PATIENCE:
                raise ParallelError(
                    f"the dask scheduler {self._where} has had no worker for {PATIENCE:g} s; start "
                    f"some with: dask worker ADDRESS. {CONTINUES}"
                )
            time.sleep(min(1.0, PATIENCE / 10))

    def _lost(self) -> ParallelError:
        return ParallelError(f"the dask scheduler {self._where} is gone. {CONTINUES}")

    def _explained(self, future: Any, outcome: Any) -> Exception:
        """Say in one line why dask could not do a batch."""
        if future.status in ("cancelled", "lost"):
            return self._lost()
        error = outcome[1]
        if isinstance(error, KilledWorker):
            return ParallelError(
                f"{error.allowed_failures + 1} workers of dask died over the same work, killed "
                f"perhaps for want of memory. {CONTINUES}"
            )
        if isinstance(error, ImportError):
            return _wanting(error)
        return error if isinstance(error, Exception) else RuntimeError(repr(error))


def _wanting(error: ImportError) -> ParallelError:
    """Error for a worker on which something is not installed."""
    return ParallelError(
        f"a worker of dask cannot do this work: {error}. Install there what is installed here, the "
        "same versions"
    )


def _start(jobs: int) -> Any:
    """Start a scheduler and processes of one thread on this machine."""
    with born_deaf():
        return LocalCluster(
            n_workers=effective_n_jobs(jobs),
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
            preload=[DEAF],
        )


def _connect(where: str) -> Any:
    """Connect to the scheduler at an address, or to the one that wrote a scheduler file."""
    file = Path(where)
    if "://" not in where and not file.is_file():
        raise ParallelError(
            f"parallel.scheduler is {where!r}: neither an address such as tcp://10.0.0.1:8786 nor "
            "a scheduler file that is there"
        )
    how = {"address": where} if "://" in where else {"scheduler_file": str(file)}
    with suppress(OSError, TimeoutError, ValueError, KeyError):  # the last two: no such address
        return Client(**how, timeout=CONNECT, set_as_default=False)
    raise ParallelError(f"no dask scheduler answers at {where}. Start one with: dask scheduler")
