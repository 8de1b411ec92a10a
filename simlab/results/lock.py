"""One process writes to a store at a time.

The lock is a file next to the store, since a store may be replaced as a whole meanwhile. The
kernel gives it back when its process ends, however it ends; so a run that was killed leaves a file
behind, and blocks nobody. Where the file system cannot lock, and between machines that share one
whose locks do not reach that far, what the file says decides.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import platform
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simlab.errors import StoreError
from simlab.results.disk import ELSEWHERE, disk

_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


@contextmanager
def locked(path: str | Path) -> Iterator[None]:
    """Hold the store at `path`, which need not exist yet, for writing.

    StoreError if another process holds it, which is named; or if its folder cannot be written.
    """
    path, target = Path(path), Path(path).resolve()
    file = target.parent / f".{target.name}.lock"
    with disk(path, ELSEWHERE):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = _acquire(path, file)
    try:
        yield
    finally:
        with suppress(OSError):  # its folder may be gone
            file.unlink()
        os.close(handle)


def _acquire(path: Path, file: Path) -> int:
    """Lock the file and write this process into it; StoreError if another holds the lock."""
    while True:
        handle = _open(path, file)
        try:
            kernel = _try_lock(handle)
            if not _still_there(handle, file):  # its holder took the file away: begin again
                os.close(handle)
                continue
            holder = _read(handle)
            if kernel is False or (holder and _may_live(holder, known_dead=kernel is True)):
                raise StoreError(_refusal(path, file, holder))
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps(_myself()).encode(), 0)
        except BaseException:
            os.close(handle)
            raise
        return handle


def _open(path: Path, file: Path) -> int:
    """Open the lock, or make it; what is no file, or a link to one, was never a lock."""
    handle = -1
    with suppress(OSError):
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
        if stat.S_ISREG(os.fstat(handle).st_mode):
            return handle
        os.close(handle)
    if os.path.lexists(file) and not stat.S_ISREG(os.lstat(file).st_mode):
        raise StoreError(f"{path}: {file} stands in the place of its lock; move it away")
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)


def _try_lock(handle: int) -> bool | None:
    """True: locked. False: somebody else has it. None: this file system knows no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return None
    return True


def _still_there(handle: int, file: Path) -> bool:
    """Whether the file that is open is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(handle), file.stat())
    except FileNotFoundError:
        return False


def _myself() -> dict[str, Any]:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"process": os.getpid(), "host": platform.node(), "since": since}


def _read(handle: int) -> dict[str, Any]:
    """Record that the holder wrote; empty if it was stopped before it could."""
    try:
        holder = json.loads(os.pread(handle, 4096, 0))
    except (ValueError, RecursionError):
        return {}
    return holder if isinstance(holder, dict) else {}


def _may_live(holder: dict[str, Any], known_dead: bool) -> bool:
    """Whether the process that wrote the file may still be at work.

    On this machine a lock that was had proves that nobody is. Of other machines nothing is known.
    """
    if holder.get("host") != platform.node():
        return True
    if known_dead:
        return False
    try:
        os.kill(int(holder.get("process", 0)), 0)
    except (ProcessLookupError, OverflowError, TypeError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def _refusal(path: Path, file: Path, holder: dict[str, Any]) -> str:
    """Message for a store that another process writes to."""
    who = "another process"
    if holder:
        who = (
            f"process {holder.get('process')} on {holder.get('host')}, since {holder.get('since')}"
        )
    text = f"{path}: is being written by {who}; wait for it, or {ELSEWHERE}"
    if holder and holder.get("host") != platform.node():
        text += f"; if it is no longer running there, delete {file}"
    return text
