"""``python -m simlab.kernels`` compiles what was asked for, and ends; see `background`."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path

from simlab.kernels import folder
from simlab.kernels.machine import code_of


def work() -> None:
    """Compile until nothing is asked for; nothing where another process does."""
    with suppress(OSError):
        os.nice(19)
    with _alone() as alone:
        while alone and (requests := sorted(folder.path().glob("*.asked"))):
            for request in requests:
                _compile(request)


def _compile(request: Path) -> None:
    """Compile one kernel, or leave it where that fails: then it stays interpreted."""
    with suppress(Exception):
        module, name, signature = pickle.loads(request.read_bytes())
        kernel = getattr(import_module(module), name)
        if not folder.has(kernel.py_func, signature):
            code_of(kernel).compile(signature)
            folder.keep(kernel.py_func, signature)
    request.unlink(missing_ok=True)


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether no other process compiles into the folder, nor begins to meanwhile."""
    try:
        import fcntl
    except ImportError:  # Windows: two may do the same work
        yield True
        return
    with (folder.path() / "compiling.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError:  # a file system without locks
            pass
        yield True


if __name__ == "__main__":
    work()
