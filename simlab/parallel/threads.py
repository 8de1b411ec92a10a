"""Work in threads.

Kernels release the GIL, so threads share the compiled code and the data.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from joblib import Parallel, delayed

from simlab.parallel.batch import WITHIN_WORKER, check_jobs

Result = TypeVar("Result")

ABANDONED = threading.Event()
"""Set when the process is about to end: nobody waits for what is under way, which may hang."""


def in_threads(
    function: Callable[..., Result],
    tasks: Iterable[tuple[Any, ...]],
    jobs: int = -1,
    ordered: bool = True,
) -> Generator[Result, None, None]:
    """Yield function(*task) for every task, as results arrive or in the order of the tasks.

    Tasks are taken a few at a time, so that a reader who stops stops the work. Within one of the
    `Workers` there is one thread: the cores are taken by the others.
    """
    reading = True

    def wanted() -> Iterator[Any]:
        """Calls for joblib, one after the other, until nobody reads their results."""
        for task in tasks:
            if not reading:
                return
            yield delayed(function)(*task)

    how = "generator" if ordered else "generator_unordered"
    threads = 1 if WITHIN_WORKER.get() else check_jobs(jobs)
    results = Parallel(n_jobs=threads, backend="threading", return_as=how)(wanted())
    try:
        for result in results:  # noqa: UP028 (`yield from` would close it early: joblib warns)
            yield result
    finally:
        reading = False
        if ABANDONED.is_set():
            with suppress(KeyboardInterrupt):
                results.throw(KeyboardInterrupt)
        for _ in results:  # what is under way
            pass
