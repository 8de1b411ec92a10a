"""The worker's side: a parcel that it receives once, and batches of tasks that it does with it."""

from __future__ import annotations

import hashlib
import pickle
import platform
import time
import traceback
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple

from simlab.errors import MOST_WORKERS, ParallelError

Environment = tuple[tuple[str, str], ...]  # (name, version) of each part

PACKAGES = ("numpy", "scipy", "numba")


@lru_cache
def environment() -> Environment:
    """Describe this process: a hash of simlab's sources, and the versions it computes with."""
    digest, root = hashlib.sha256(), Path(__file__).parents[1]
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    python = ".".join(platform.python_version_tuple()[:2])
    return (
        ("simlab's code", digest.hexdigest()[:12]),
        ("python", python),
        *((name, version(name)) for name in PACKAGES),
    )


def refuse_other(theirs: Environment) -> None:
    """Refuse work whose numbers might be others here; name what differs, and the machine."""
    differ = [
        f"{name} is {mine} there and {other} here"
        for (name, mine), (_, other) in zip(environment(), theirs, strict=True)
        if mine != other
    ]
    if differ:
        raise ParallelError(
            f"the worker on {platform.node()} would give other numbers: {'; '.join(differ)}. "
            "Install the same versions there, and restart it"
        )


Task = tuple[Any, ...]

CONTINUES = "What is finished is kept, and the same command continues it"

WITHIN_WORKER: ContextVar[bool] = ContextVar("within_worker", default=False)


@dataclass(frozen=True, slots=True)
class Parcel:
    """Function and shared argument of all tasks: they are calls function(shared, *task)."""

    function: Callable[..., Any]
    shared: Any
    # code and versions of the sender; a worker that differs refuses the work
    environment: Environment


class Outcome(NamedTuple):
    """Results of a batch, and what is left of it."""

    # of its first tasks; the others are to be done again: time was up, or there was an error
    results: list[Any]
    seconds: float  # that it took
    error: Exception | None = None  # what the next task raised
    trace: str = ""  # where it was raised, as text


def pack(function: Callable[..., Any], shared: Any) -> bytes:
    """Make the parcel, as bytes: it is pickled once, whatever the number of workers."""
    return pickle.dumps(Parcel(function, shared, environment()), protocol=5)


def do(parcel: Parcel, tasks: list[Task], seconds: float) -> Outcome:
    """Do tasks in their order, at least one, until all are done or the time is up.

    An exception is returned, not raised, so that the results before it are kept and every kind
    of worker tells it in the same way.
    """
    began, results = time.perf_counter(), list[Any]()
    outside = WITHIN_WORKER.set(True)
    try:
        refuse_other(parcel.environment)
        for task in tasks:
            results.append(parcel.function(parcel.shared, *task))
            if time.perf_counter() - began > seconds:
                break
    except Exception as error:
        trace = "".join(traceback.format_exception(error))
        return Outcome(results, time.perf_counter() - began, _sendable(error), trace)
    finally:
        WITHIN_WORKER.reset(outside)
    return Outcome(results, time.perf_counter() - began)


def _sendable(error: Exception) -> Exception:
    """Return the error if it survives pickling, otherwise its name and words."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        if isinstance(error, MemoryError):
            return MemoryError(str(error))
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def check_jobs(jobs: int) -> int:
    """Return a number of workers; refuse one that cannot be."""
    whole = isinstance(jobs, Integral) and not isinstance(jobs, bool)
    if not whole or jobs < -1 or jobs == 0:
        raise ParallelError(
            f"jobs is {jobs!r}; it must be a number of workers, or -1 for one per core"
        )
    if jobs > MOST_WORKERS:
        raise ParallelError(
            f"jobs is {jobs:,}; it must be at most {MOST_WORKERS:,}, or -1 for one per core"
        )
    return jobs
