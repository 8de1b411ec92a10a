"""Processes that an interrupt from the keyboard does not reach: it is their parent's affair."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

__all__ = ["born_deaf", "deaf", "ends_with"]

GLANCE = 0.5  # seconds between two looks for the parent


@contextmanager
def born_deaf() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach before they can call `deaf`.

    They have the signal mask of the thread that starts them. A signal that arrives meanwhile is
    heard at the end.
    """
    resource_tracker.ensure_running()  # which takes every mask away when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def deaf() -> None:
    """Let no Ctrl-C reach this process, for good."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def ends_with(parent: int) -> None:
    """End this process when its parent has ended, however that ended: nobody else would."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(GLANCE)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()
