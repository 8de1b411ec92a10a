"""Errors of a disk in one line, and the replacement of one store by another.

The new one is laid out next to it, under the name of a draft, and must have reached the disk. Then
the old one steps aside, the draft takes its name, and the old one is removed. Whoever is killed
meanwhile leaves one of them whole: `recover` puts in order what is left between these steps. Only
who holds the lock of the store may call `take_place` and `recover`.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simlab.errors import StoreError
from simlab.files import clear

ELSEWHERE = "choose another --out"
SAFE = "blocks already done are safe: mend this and run again"


@contextmanager
def disk(path: Path, advice: str) -> Iterator[None]:
    """Turn what the disk refuses at `path`, any OSError, into the one line of a StoreError."""
    try:
        yield
    except OSError as error:
        if isinstance(error, FileNotFoundError) and advice == SAFE and not path.exists():
            raise StoreError(f"{path}: was removed while it was written; repeat the run") from error
        raise StoreError(f"{path}: cannot be written: {_reason(path, error)}; {advice}") from error


def _reason(path: Path, error: OSError) -> str:
    """Reason of an error in words; with the space that is left if that is the reason."""
    reason = error.strerror or str(error)
    if error.errno != errno.ENOSPC:
        return reason
    there = next((folder for folder in (path, *path.absolute().parents) if folder.exists()), path)
    free = os.statvfs(there)
    return f"{reason} ({free.f_bavail * free.f_frsize:,} bytes and {free.f_favail:,} files free)"


def draft_of(path: Path) -> Path:
    """Folder in which the store that is to be at `path` is laid out."""
    return _next_to(path, "draft")


def former_of(path: Path) -> Path:
    """Folder in which the store that was at `path` waits for its removal."""
    return _next_to(path, "former")


def _next_to(path: Path, role: str) -> Path:
    """Name a folder on the file system of the store, which a link may lead to."""
    path = path.resolve()
    return path.parent / f".{path.name}.{role}"


def is_free(path: Path) -> bool:
    """Whether nothing, or an empty folder, is at `path`."""
    return not path.exists() or (path.is_dir() and not any(path.iterdir()))


def take_place(path: Path) -> None:
    """Replace what is at `path` by the draft, which is complete.

    If the disk refuses, one of the two stores is there, or comes back by `recover`.
    """
    path, draft, former = path.resolve(), draft_of(path), former_of(path)
    _sync_below(draft)
    if not is_free(path):
        path.rename(former)
        _sync(former.parent)
    draft.rename(path)
    _sync(draft.parent)
    shutil.rmtree(former, ignore_errors=True)


def recover(path: Path) -> None:
    """Finish a replacement that was broken off, and remove what is left of it."""
    path, draft, former = path.resolve(), draft_of(path), former_of(path)
    if former.exists() and is_free(path):
        (draft if draft.exists() else former).rename(path)  # the draft was complete
    for leftover in (draft, former):
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover)
        else:
            clear(leftover)


def _sync_below(folder: Path) -> None:
    """Have everything below `folder`, and its name, reach the disk.

    A file with several names was written long ago, and is left out.
    """
    for parent, _, files in os.walk(folder):
        for name in files:
            file = Path(parent, name)
            if file.stat().st_nlink == 1:
                _sync(file)
        _sync(Path(parent))
    _sync(folder.parent)


def _sync(path: Path) -> None:
    """Have a file, or the names in a folder, reach the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
