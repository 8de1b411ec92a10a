"""Files whose names may lead to something else: read to the end they have, or replaced whole.

A folder, a device, a pipe without a writer, too many bytes: refused in words, never waited for.
"""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from simlab.errors import Error

PATIENCE: Final = 2000
"""Milliseconds for which a pipe is waited for before a message."""

_PART = 1 << 20
_KINDS = {
    stat.S_IFDIR: "is a folder",
    stat.S_IFIFO: "is a named pipe",
    stat.S_IFSOCK: "is a socket",
    stat.S_IFCHR: "is a device",
    stat.S_IFBLK: "is a device",
}


WAITING: Final = "is a pipe, and nothing comes of it yet; waiting for what writes to it"


class Unread(Error):
    """A file that cannot be read; the text, such as "is a socket", follows the file's name."""

    def advised(self, instead: str) -> str:
        """Say it, and to name something else, unless it is the system that refuses."""
        return str(self) if isinstance(self.__cause__, OSError) else f"{self}; name {instead}"


class TooLong(Unread):
    """A file of more bytes than were allowed, or of what has no length, that were read."""

    def __init__(self, size: int) -> None:
        super().__init__(f"is too large, {size:,} bytes")
        self.size = size


def content(file: Path, most: int, waiting: Callable[[], None] | None = None) -> bytes:
    """Read a file of at most so many bytes, or a link to one; nothing of one that is longer.

    With `waiting` a pipe is read too, to its end; it is called once if nothing comes for a while.
    TooLong if it is longer; Unread if it is no file, or the system refuses; FileNotFoundError if
    there is nothing of this name, not even a link.
    """
    try:
        there = os.stat(file)
        kind = stat.S_IFMT(there.st_mode)
        piped = kind == stat.S_IFIFO and waiting is not None
        if kind != stat.S_IFREG and not piped:
            raise Unread(_KINDS.get(kind, "is no file"))
        if there.st_size > most:
            raise TooLong(there.st_size)
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            wait = _patient(handle, waiting) if piped and waiting else None
            return _read(handle, most, max(4096, min(there.st_size + 1, _PART)), wait)
        finally:
            os.close(handle)
    except FileNotFoundError:
        if os.path.lexists(file):
            raise Unread("is a link that leads nowhere") from None
        raise
    except OSError as error:
        raise Unread(f"cannot be read: {error.strerror or error}") from error


def present(file: Path, most: int = 1 << 26) -> bytes | None:
    """Return what is there: None where nothing is or can be, b"?" for what cannot be read."""
    if not file.parent.is_dir():  # whoever writes says so
        return None
    try:
        return content(file, most)
    except FileNotFoundError:
        return None
    except Unread:
        return b"?"


def replace_file(file: Path, data: bytes) -> None:
    """Replace whatever has the name of a file, whole or not at all; OSError of the disk.

    It is written next to it and renamed: whoever is killed here leaves the old one or the new one.
    """
    partial = Path(f"{file}.partial")
    try:
        with _new(partial) as stream:
            stream.write(data)
        try:
            os.replace(partial, file)
        except IsADirectoryError:
            clear(file)
            os.replace(partial, file)
    except OSError:
        with suppress(OSError):  # a full disk needs the room
            os.unlink(partial)
        raise


def clear(file: Path) -> None:
    """Remove a file, or a link; a folder that is not empty is given another name."""
    if file.is_symlink() or not file.is_dir():
        file.unlink(missing_ok=True)
    elif any(file.iterdir()):
        number = 1
        while os.path.lexists(aside := file.with_name(f"{file.name}.aside{number}")):
            number += 1
        file.rename(aside)
    else:
        file.rmdir()


def _new(file: Path) -> IO[bytes]:
    """Open a file that is not there: writing never goes through a link, nor into a pipe."""
    try:
        return open(file, "xb")
    except FileExistsError:
        clear(file)
        return open(file, "xb")


def _read(handle: int, most: int, length: int, wait: Callable[[], None] | None) -> bytes:
    """Read to the end, part by part: what has no length may have no end either."""
    parts: list[bytes] = []
    size = 0
    while True:
        if wait is not None:
            wait()
        part = os.read(handle, length if wait is None else _PART)
        if not part:
            return parts[0] if len(parts) == 1 else b"".join(parts)
        parts.append(part)
        size += len(part)
        if size > most:
            raise TooLong(size)


def _patient(handle: int, waiting: Callable[[], None]) -> Callable[[], None]:
    """Return what waits for a pipe, and says so once; one that had no writer yet has no end."""
    watch = select.poll()
    watch.register(handle, select.POLLIN)
    warned = False

    def wait() -> None:
        """Return when there is something to read."""
        nonlocal warned
        if not warned and not watch.poll(PATIENCE):
            warned = True
            waiting()
        watch.poll()

    return wait
