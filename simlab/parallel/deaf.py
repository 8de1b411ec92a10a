"""Processes that no interrupt reaches: it is the affair of their parent, which ends them.

Ctrl-C, and SIGTERM where a batch system ends a job, are sent to all processes of a group.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

SIGNALS = {signal.SIGINT, signal.SIGTERM}
GLANCE = 0.5  # seconds between two looks for the parent


@contextmanager
def born_deaf() -> Iterator[None]:
    """Start processes that no signal reaches before they can call `deaf`.

    They have the signal mask of the thread that starts them. A signal that arrives meanwhile is
    heard at the end.
    """
    resource_tracker.ensure_running()  # which takes every mask away when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def deaf(also_to_sigterm: bool = False) -> None:
    """Let no Ctrl-C reach this process, for good, and no SIGTERM.

    That one is not ignored, but passed over: programs that the process starts hear it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if also_to_sigterm:
        signal.signal(signal.SIGTERM, _passed_over(os.getpid()))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _passed_over(process: int) -> Callable[[int, Any], None]:
    """Handler that ignores a signal in this process and leaves it to those that it forks."""

    def hear(number: int, _: Any) -> None:
        """Ignore the signal; a forked process ends by it."""
        if os.getpid() != process:  # one that it has forked
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    return hear


def ends_with(parent: int) -> None:
    """End this process when its parent has ended, however that ended: nobody else would."""

    def look() -> None:
        """End this process once its parent is gone."""
        while os.getppid() == parent:
            time.sleep(GLANCE)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()
