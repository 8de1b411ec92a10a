"""A process of its own that compiles what was asked for, while kernels answer interpreted.

There is one on a machine at a time, with the lowest priority. It ends when nothing is left to do;
nothing depends on it but speed. Each request is a file in the `folder`.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any

from simlab.kernels import folder

STARTS = 3  # how often a process starts it, should it die

_started: list[subprocess.Popen[bytes]] = []


def ask(function: FunctionType, signature: tuple[Any, ...]) -> None:
    """Ask for machine code of a kernel, for arguments of these types."""
    if not folder.is_lasting():
        return
    request = folder.path() / f"{folder.stem(function, signature)}.asked"
    with suppress(OSError, pickle.PicklingError):
        new = request.with_suffix(f".{os.getpid()}")
        new.write_bytes(pickle.dumps((function.__module__, function.__qualname__, signature)))
        new.replace(request)
        _start()


def _start() -> None:
    """Start the process, unless the one that this process started is at work."""
    if len(_started) == STARTS or (_started and _started[-1].poll() is None):
        return
    path = os.pathsep.join([str(folder.PACKAGE.parent), os.environ.get("PYTHONPATH", "")])
    _started.append(
        subprocess.Popen(
            [sys.executable, "-P", "-m", "simlab.kernels.background"],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    )


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
    try:
        module, name, signature = pickle.loads(request.read_bytes())
        dispatcher = getattr(import_module(module), name)
        dispatcher.compile(signature)
        folder.keep(dispatcher.py_func, signature)
    finally:
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
