"""Methods that wait for a signal at a known moment; without SIMLAB_TEST_MARKER they are at once."""

import atexit
import ctypes
import os
import signal
import sys
import threading
import time
from pathlib import Path

import simlab

CALLS = 6  # of a process that are done before one waits
_counted, _lock = [0], threading.Lock()


def marked(more=""):
    """Say by a file that the moment has come; None where nobody asked."""
    marker = os.environ.get("SIMLAB_TEST_MARKER")
    if marker:
        Path(marker + more).touch()
    return marker


def for_ever():
    while True:
        time.sleep(0.01)


def method(wait):
    @simlab.estimator(terms=("slope",))
    def waits(df):
        if os.environ.get("SIMLAB_TEST_MARKER"):
            with _lock:
                _counted[0] += 1
            if _counted[0] > CALLS:
                wait()
        return {"slope": float(df.y.iloc[0])}

    return waits


def _hangs():
    marked()
    for_ever()


def _forgets():
    """Go on after the first signal, from the moment that the marker is there."""
    while True:
        try:
            marked()
            for_ever()
        except KeyboardInterrupt:
            marked(".forgotten")


class _Last:
    def __del__(self):
        marked()
        for_ever()


def _in_destructor():
    _Last()
    for_ever()


def _imports():
    if "slow_to_import" not in sys.modules:
        sys.path.insert(0, str(Path(os.environ["SIMLAB_TEST_MARKER"]).parent))
        import slow_to_import  # noqa: F401


def _locked():
    """Wait in compiled code, from which no signal leads out."""
    libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(256)
    libc.pthread_mutex_lock(mutex)
    marked()
    libc.pthread_mutex_lock(mutex)


hangs = method(_hangs)
forgets = method(_forgets)
in_destructor = method(_in_destructor)
imports = method(_imports)
locked = method(_locked)


@simlab.estimator(terms=("slope",))
def at_exit(df):
    if os.environ.get("SIMLAB_TEST_MARKER") and not _counted[0]:
        _counted[0] = 1
        atexit.register(_hangs)
    return {"slope": 0.0}


@simlab.estimator(terms=("slope",))
def forks(df):
    """How a process ends that is forked, and then terminated."""
    child = os.fork()
    if child == 0:
        for_ever()
    os.kill(child, signal.SIGTERM)
    return {"slope": float(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))}
