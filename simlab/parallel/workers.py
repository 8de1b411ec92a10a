"""The parent's side: batches of tasks to workers, results as they arrive."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain, islice
from math import ceil
from typing import Any, Literal, Protocol, Self

from simlab.errors import ParallelError
from simlab.parallel.batch import Outcome, Task, check_jobs, pack
from simlab.parallel.processes import Processes
from simlab.parallel.threads import in_threads
from simlab.parallel.watch import Watch, watched_threads

Backend = Literal["threading", "loky", "dask"]

AHEAD = 2  # batches that each worker has before it, so that none waits for the parent
SECONDS = 0.5  # that a batch should take, so that sending it costs little
RATE = 200  # batches a second that a scheduler bears: with many workers, they take longer
MOST = 1000  # tasks of a batch


class Pool(Protocol):
    """Workers, of whatever kind."""

    @property
    def workers(self) -> int:
        """Number of batches that are worked on at once, at present."""

    def submit(self, tasks: list[Task], seconds: float) -> None:
        """Send a batch; a worker that has used so many seconds hands the rest back."""

    def collect(self) -> tuple[list[Task], Outcome]:
        """Wait for any batch, and return it with what became of it."""

    def close(self) -> None:
        """End the workers that were started, and drop what is under way."""


class Workers:
    """Workers that do one thing with many tasks, until they are closed.

    Processes receive what the tasks share once. They are started when there is work for them: the
    first task is done here before processes of this machine start, so that what it compiles they
    find on disk, and one task alone starts none. What might end the process that does it is not
    done `here`: then one of them does the first task, and the others wait.

    `scheduler` is the address of a dask scheduler (tcp://…), or its scheduler file. Its workers are
    used, and those that join it later; without it, dask starts processes on this machine.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        shared: Any,
        backend: Backend = "threading",
        jobs: int = -1,
        scheduler: str | None = None,
        here: bool = True,
        watch: Watch | None = None,
    ):
        self._function, self._shared = function, shared
        self._backend, self._jobs, self._scheduler = backend, check_jobs(jobs), scheduler
        self._here, self._watch = here, watch
        self._pool: Pool | None = None

    def do(self, tasks: Iterable[Task]) -> Generator[Any, None, None]:
        """Yield function(shared, *task) for every task, as results arrive.

        Tasks are taken as workers become free. May be called again when all have been done; a
        reader who stops before ends the workers.
        """
        if self._backend == "threading":
            each = ((self._shared, *task) for task in tasks)
            results = in_threads(self._function, each, self._jobs, ordered=False)
            with closing(results), watched_threads(self._watch):
                yield from results
            return
        tasks, first = iter(tasks), list[Task]()
        if self._pool is None:
            first = [] if self._scheduler else list(islice(tasks, 1))
            if first and self._here:
                yield self._function(self._shared, *first.pop())
            rest = [] if first else list(islice(tasks, 1))
            if not first + rest:
                return
            tasks = chain(rest, tasks)
            self._pool = self._open()
        try:
            yield from _stream(self._pool, iter(first))
            yield from _stream(self._pool, tasks)
        except BaseException:  # the reader's going among them: batches may be under way
            self.close()
            raise

    def close(self) -> None:
        """End the workers that were started."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> Pool:
        """Pool of the backend, with function and shared argument packed once."""
        parcel = pack(self._function, self._shared)
        require(self._backend)
        if self._backend == "loky":
            return Processes(parcel, self._jobs, self._watch)
        from simlab.parallel.cluster import Cluster  # dask

        return Cluster(parcel, self._jobs, self._scheduler)


def require(backend: Backend) -> None:
    """Refuse a backend whose packages are not there, before anything is done."""
    if backend != "dask":
        return
    try:
        import simlab.parallel.cluster  # noqa: F401  (dask)
    except ImportError as error:
        raise ParallelError(
            f"backend dask needs dask and distributed ({error}): pip install dask distributed"
        ) from None


def _stream(pool: Pool, tasks: Iterator[Task]) -> Iterator[Any]:
    """Keep every worker busy, with as many tasks a batch as should take it `seconds`.

    Batches are small until it is known how long a task takes, and a worker that has used twice
    the time hands the rest back: tasks of different length need no forecast.
    """
    returned = deque[Task]()
    under_way, size = 0, 1
    while True:
        seconds = max(SECONDS, pool.workers / RATE)
        while under_way < AHEAD * pool.workers:
            batch = [returned.popleft() for _ in range(min(size, len(returned)))]
            batch += islice(tasks, size - len(batch))
            if not batch:
                break
            pool.submit(batch, 2 * seconds)
            under_way += 1
        if not under_way:
            return
        batch, outcome = pool.collect()
        under_way -= 1
        yield from outcome.results
        if outcome.error is not None:
            outcome.error.add_note(f"In a worker:\n{outcome.trace}")
            raise outcome.error
        returned.extend(batch[len(outcome.results) :])
        size = min(MOST, max(1, ceil(seconds * len(outcome.results) / outcome.seconds)))
