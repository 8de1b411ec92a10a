"""A store takes the place of another, so that whoever is killed meanwhile leaves one of them whole.

The new one is laid out beside, under the name of a draft. Then the old one steps aside, the draft
takes its name, and the old one is removed. What a kill leaves between these steps is put in order
by `recover`. Only who holds the lock of the store may call anything here.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from simlab.files import clear
from simlab.results.disk import sync, sync_names


def draft_of(path: Path) -> Path:
    """Where the store that is to be at `path` is laid out."""
    return _beside(path, "draft")


def former_of(path: Path) -> Path:
    """Where the store that was at `path` waits for its removal."""
    return _beside(path, "former")


def is_free(path: Path) -> bool:
    """Tell whether nothing, or an empty folder, is at `path`."""
    return not path.exists() or (path.is_dir() and not any(path.iterdir()))


def take_place(path: Path) -> None:
    """Put the draft, which is complete, in the place of what is at `path`.

    Raises
    ------
    OSError
        If the disk refuses; one of the two stores is there, or comes back by `recover`.
    """
    path, draft, former = path.resolve(), draft_of(path), former_of(path)
    sync(draft)
    if not is_free(path):
        path.rename(former)
        sync_names(former.parent)
    draft.rename(path)
    sync_names(draft.parent)
    shutil.rmtree(former, ignore_errors=True)


def recover(path: Path) -> None:
    """Finish a change of place that was broken off, and remove what is left of it.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    path, draft, former = path.resolve(), draft_of(path), former_of(path)
    if former.exists() and is_free(path):
        (draft if draft.exists() else former).rename(path)  # the draft was complete
    for leftover in (draft, former):
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover)
        else:
            clear(leftover)


def _beside(path: Path, role: str) -> Path:
    """Name a folder on the file system of the store, which a link may lead to."""
    place = path.resolve()
    return place.parent / f".{place.name}.{role}"
