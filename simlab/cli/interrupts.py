"""Ctrl-C and SIGTERM: the first ends the work in good order, the next one the process at once.

The first raises `KeyboardInterrupt`, so that whoever has something to keep or to end does so. What
has not begun, or is over, has nothing to keep: there the first one ends the process too. The exit
status is 128 and the number of the signal, as in a shell: 130 after Ctrl-C, 143 after SIGTERM.

An exception in the middle of an import may come out as another one, and one in a destructor is
printed and forgotten; so the first waits until an import of the work is done, and is raised again
where it was forgotten. Python hears a signal when compiled code returns, which may take minutes; a
thread hears the second one at once.
"""

from __future__ import annotations

import _thread
import os
import select
import signal
import sys
import threading
import time
from os import _exit  # which a run replaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, NoReturn


MESSAGE = "\nsimlab: interrupted"
KEPT = "; a study keeps its finished blocks, and the same command continues it"
SHOW_CURSOR = "\x1b[?25h"  # which a progress bar hides
SIGNALS = (signal.SIGINT, signal.SIGTERM)
SOON = 0.02  # seconds until a signal that came at a bad moment is heard again

SAYING = threading.RLock()
_HELD: dict[int, set[int | signal.Signals]] = {}
"""Signal masks of threads that are forking."""


class _State:
    """Signals that this process has received, and what it does about them."""

    first = 0  # number of the signal that interrupts the work
    due = False  # whether the next one is the first, heard again
    heard, repeated = 0, 0  # how many signals there were; how many of them were the first, again
    over = False  # whether there is no work to interrupt any more
    reported = False
    keeps = False  # whether the command writes a store, which an interruption keeps
    counting = False  # whether a thread of this process counts signals
    forks = False  # whether what is done about forks is registered: that cannot be undone

    @classmethod
    def forget(cls) -> None:
        """Have heard nothing yet."""
        cls.first = cls.heard = cls.repeated = 0
        cls.due = cls.over = cls.reported = False


def listen() -> None:
    """Hear the signals from now on, but those that this process was started to ignore."""
    if threading.current_thread() is not threading.main_thread():
        return
    _State.forget()
    _State.keeps = sys.argv[1:2] == ["run"]
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _hear)
    if not _State.counting:
        _State.counting = True
        ear, mouth = os.pipe()
        os.set_blocking(mouth, False)
        signal.set_wakeup_fd(mouth, warn_on_full_buffer=False)
        _thread.start_new_thread(_count, (ear,))
    if not _State.forks:
        _State.forks = True
        os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=_forget)
        _hear_forgotten()


def _hear_forgotten() -> None:
    """Raise again what a destructor forgets."""
    otherwise = sys.unraisablehook

    def hook(what: Any) -> None:
        """Repeat a signal whose exception was printed and forgotten; pass on all other errors."""
        if _State.first and what.exc_type is KeyboardInterrupt:
            _thread.start_new_thread(_again, ())
        else:
            otherwise(what)

    sys.unraisablehook = hook


def heard() -> bool:
    """Whether a signal has interrupted the work."""
    return bool(_State.first)


def over() -> None:
    """Mark the work as done: a signal then ends the process at once."""
    _State.over = True


def end(number: int = 0) -> NoReturn:
    """End the process and those that it started; say what is kept, once."""
    _State.over = True
    if SAYING.acquire(timeout=1):  # both threads may be here, and each of them twice
        _say()
        SAYING.release()
    processes = sys.modules.get("multiprocessing.process")
    for child in list(getattr(processes, "_children", ())):
        try:
            if child.exitcode is None:
                os.kill(child.pid, signal.SIGKILL)
        except Exception:  # it has not begun, or has just ended
            pass
    _exit(128 + (number or _State.first or signal.SIGINT))


def _say() -> None:
    """Say it once; not at all where nobody reads, which would be waited for."""
    try:
        if not _State.reported and select.select((), (2,), (), 0)[1]:
            words = MESSAGE + (KEPT if _State.keeps else "") + "\n"
            os.write(2, ((SHOW_CURSOR if os.isatty(2) else "") + words).encode())
    except OSError:  # nobody is there any more
        pass
    _State.reported = True


def _hear(number: int, frame: FrameType | None) -> None:
    """Handler of the signals: interrupt the work, or end the process."""
    again, _State.due = _State.due, False
    importer = _importer(frame)
    if _State.over or (_State.first and not again) or importer.startswith("simlab.cli"):
        end(number)
    _State.first = number
    threads = sys.modules.get("simlab.parallel.threads")
    if abandoned := getattr(threads, "ABANDONED", None):
        abandoned.set()
    if importer:
        _thread.start_new_thread(_again, ())
        return
    raise KeyboardInterrupt


def _count(ear: int) -> None:
    """End the process at the second signal, whatever the main thread is doing."""
    while True:
        for number in os.read(ear, 64):
            if number in SIGNALS:
                _State.heard += 1
                if _State.over or _State.heard > 1 + _State.repeated:
                    end(number)


def _importer(frame: FrameType | None) -> str:
    """Name of the module whose import is being done, the outermost; empty if there is none."""
    name = ""
    while frame is not None:
        before = frame.f_back
        if frame.f_code.co_filename.startswith("<frozen importlib") and before is not None:
            name = str(before.f_globals.get("__name__"))
        frame = before
    return name


def _again() -> None:
    """Send the first signal again, after a moment."""
    time.sleep(SOON)
    _State.due = True
    _State.repeated += 1
    os.kill(os.getpid(), _State.first)


def _hold() -> None:
    """Let signals wait until a process that the user's code forks hears them as any other."""
    _HELD[threading.get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def _release() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _HELD.pop(threading.get_ident()))


def _forget() -> None:
    """Be a process of its own, which was forked and hears nothing yet."""
    _State.forget()
    _State.counting = False
    signal.set_wakeup_fd(-1)
    if signal.getsignal(signal.SIGINT) is _hear:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGTERM) is _hear:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _release()
