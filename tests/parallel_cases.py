"""What workers are asked to do in tests: functions of a module, so that processes find them."""

import os
import pickle
import signal
import threading
import time
from pathlib import Path

from simlab.parallel import Workers, in_threads


def in_workers(function, shared, tasks, *where, **scheduler):
    with Workers(function, shared, *where, **scheduler) as there:
        yield from there.do(tasks)


class Unspeakable(Exception):
    """An exception that cannot be pickled."""

    def __init__(self, message):
        super().__init__(message)
        self.lock = threading.Lock()


def square(offset, i):
    return offset + i * i


def sleep(seconds, i):
    time.sleep(seconds)
    return i


def fail_at(number, i):
    if i == number:
        raise ValueError(f"task {i} cannot be done")
    return i


def fail_unspeakably(message, i):
    if i:
        raise Unspeakable(message)
    return i


def die_once(marker, i):
    """Be killed at task 5, the first time."""
    if i == 5 and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return i


def die_always(parent, i):
    if i and os.getpid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    return i


def where(_, i):
    """The process, its threads for BLAS, and how many threads it would start by itself."""
    return os.getpid(), os.environ.get("OPENBLAS_NUM_THREADS"), threads_of(0.2)


def threads_of(patience):
    """How many threads do eight tasks, the first of which waits so long for another thread."""
    seen, another = set(), threading.Event()

    def name(k):
        seen.add(threading.get_ident())
        if len(seen) > 1:
            another.set()
        elif k == 0:
            another.wait(patience)

    list(in_threads(name, [(k,) for k in range(8)], jobs=4))
    return len(seen)


def unpacked(parcel):
    return pickle.loads(parcel)
