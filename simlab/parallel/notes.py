"""Notes of what each worker is doing, written before it starts what may never end.

A note is a tuple of numbers and texts, whose meaning is that of who sent the work. Threads note in
a dictionary. A process notes in a file of its own too, one write of a fixed length, which whoever
started it can read while the process hangs and after it has died.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

Doing = tuple[Any, ...]

SIZE = 512  # bytes of a note; what does not fit is not noted


class Seen(NamedTuple):
    """A note, read."""

    worker: int  # process or thread
    since: float  # when it was made, by `time.monotonic`, which is the same clock for all processes
    doing: Doing


_here: dict[int, tuple[float, Doing]] = {}
_file: int | None = None


def in_file(folder: str) -> None:
    """Make the notes of this process in a file of that folder too, from now on."""
    global _file  # noqa: PLW0603 (of a process there is one)
    _file = os.open(Path(folder, str(os.getpid())), os.O_RDWR | os.O_CREAT, 0o600)


@contextmanager
def doing(*what: Any) -> Iterator[None]:
    """Note what this thread is doing, until it has done it."""
    thread = threading.get_ident()
    note = (time.monotonic(), what)
    before = _here.get(thread)
    _here[thread] = note
    if _file is not None:
        _write(_file, note)
    try:
        yield
    finally:
        if before is None:
            _here.pop(thread, None)
        else:
            _here[thread] = before
        if _file is not None:
            _write(_file, before)


def _write(file: int, note: tuple[float, Doing] | None) -> None:
    """Write a note over the last one, at a fixed length."""
    text = json.dumps(note).encode()
    if len(text) <= SIZE:
        with suppress(OSError):  # a disk that is full must not end the work
            os.pwrite(file, text.ljust(SIZE), 0)


def seen_here() -> list[Seen]:
    """Notes of the threads of this process."""
    return [Seen(thread, *note) for thread, note in list(_here.items())]


def seen_in(folder: str) -> list[Seen]:
    """Notes that processes left in a folder: what they are doing, or did when they died."""
    seen = []
    for file in Path(folder).iterdir():
        if not file.name.isdecimal():
            continue
        with suppress(OSError, ValueError):  # one that is just being made is empty
            note = json.loads(file.read_bytes())
            if note is not None:
                seen.append(Seen(int(file.name), float(note[0]), tuple(note[1])))
    return seen
