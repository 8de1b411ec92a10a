"""What a disk refuses, in one line; and what must be on it before anything is said to be there."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simlab.errors import StoreError

ELSEWHERE = "choose another --out"
SAFE = "blocks already done are safe: mend this and run again"


@contextmanager
def disk(path: Path, advice: str) -> Iterator[None]:
    """Turn what the disk refuses at `path` into one line.

    Raises
    ------
    StoreError
        In the place of any OSError.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, FileNotFoundError) and advice == SAFE and not path.exists():
            raise StoreError(f"{path}: was removed while it was written; repeat the run") from error
        raise StoreError(f"{path}: cannot be written: {_reason(path, error)}; {advice}") from error


def sync(folder: Path) -> None:
    """Have everything below `folder`, and its name, reach the disk.

    A file with several names was written long ago, and is left out.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    for parent, _, files in os.walk(folder):
        for name in files:
            file = os.path.join(parent, name)
            if os.stat(file).st_nlink == 1:
                _sync(file)
        _sync(parent)
    sync_names(folder.parent)


def sync_names(folder: Path) -> None:
    """Have the names that stand in `folder` reach the disk."""
    _sync(str(folder))


def _sync(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _reason(path: Path, error: OSError) -> str:
    reason = error.strerror or str(error)
    if error.errno != errno.ENOSPC:
        return reason
    place = next((folder for folder in (path, *path.absolute().parents) if folder.exists()), path)
    free = os.statvfs(place)
    return f"{reason} ({free.f_bavail * free.f_frsize:,} bytes and {free.f_favail:,} files free)"
