"""Calling a function of the user: whatever it raises becomes a text, and the study goes on.

What runs in a thread can be kept from raising, and from changing the arrays of others. It cannot
be kept from running for ever, from ending the process, or from changing what the whole process
shares; `docs/your_own_code.md` says what to do about these.
"""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from simlab.errors import CustomError

LONGEST = 500  # characters of a message that are kept

T = TypeVar("T")


class Failure(NamedTuple):
    """Error of the user's code, in one line; and the warnings that were given before."""

    text: str
    warnings: tuple[str, ...] = ()


def attempt(call: Callable[[], T], file: str) -> T | Failure:
    """Call a function of the user; return what it returned, or what it raised as a `Failure`.

    Messages name the line of `file`, the user's. Only Ctrl-C passes: not even `SystemExit` ends a
    study. Afterwards numpy treats floating-point errors as before.
    """
    try:
        with np.errstate():
            return call()
    except BaseException as error:
        # Ctrl-C reaches the main thread, and no process that ignores it.
        main = threading.current_thread() is threading.main_thread()
        heard = main and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
        if isinstance(error, KeyboardInterrupt) and heard:
            raise
        return Failure(_message(error, file))


def _message(error: BaseException, file: str) -> str:
    """Say in one line what was raised, and where in the user's file."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    if isinstance(error, SyntaxError) and error.filename == file:
        lines = [error.lineno]
    kind = "" if isinstance(error, CustomError) else type(error).__name__
    return one_line(kind, error, file, lines[-1] if lines else None)


def one_line(kind: str, raised: object, file: str, line: int | None) -> str:
    """Say in one line of at most `LONGEST` characters what was raised or warned of, and where."""
    try:
        text = " ".join(str(raised).split())
    except BaseException as again:
        text = f"(its text cannot be had: {type(again).__name__})"
    text = ": ".join(filter(None, (kind, text)))
    location = f" ({Path(file).name}:{line})" if line else ""
    room = LONGEST - len(location)
    return (text if len(text) <= room else text[: room - 3] + "...") + location
