"""Where machine code is kept: a folder for these very sources, on this kind of processor.

numba notices when the file of a cached function changes, but not when that of a function it calls
does, or a constant there. So the folder is named by a hash of all sources of the rooms that have
kernels, of the laws which they draw from and of the moments: machine code is never older. It stands
beside the sources; where they may not be written, with the user; where nothing may be, in a
temporary folder, to be compiled again.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import numba
from llvmlite.binding import get_host_cpu_name

from simlab.errors import Notice

PACKAGE = Path(__file__).parents[1]
PREFIX = "kernels-"
_KERNEL = re.compile(rb"^@(kernel|inner|loop)$", re.MULTILINE)
KEPT = 30 * 24 * 3600  # seconds after which the folder of other sources is removed


def path() -> Path:
    """The folder, which is there."""
    return _lasting() or _temporary()


def is_lasting() -> bool:
    """Whether another process will find what is kept."""
    return _lasting() is not None


@cache
def _lasting() -> Path | None:
    """The first folder that can be written, others that nobody used for a month removed."""
    name = PREFIX + _digest()
    for parent in _parents():
        if _is_writable(folder := parent / name):
            _prune(folder)
            return folder
    return None


def _parents() -> Iterator[Path]:
    """Candidates for the parent of the folder."""
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(given)
        return
    yield PACKAGE / "__pycache__"
    with suppress(RuntimeError):  # a user without a home
        yield Path.home() / ".cache" / "simlab"


@cache
def _temporary() -> Path:
    """A folder of this process, removed at its end; the user is told what that costs."""
    warnings.warn(
        "no folder can be written in which machine code would be kept, so everything is compiled "
        "anew by each process, 10 to 60 seconds; NUMBA_CACHE_DIR may name one",
        Notice,
        stacklevel=3,
    )
    folder = tempfile.mkdtemp(prefix="simlab-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def has(function: FunctionType, signature: tuple[Any, ...]) -> bool:
    """Whether there is machine code of a kernel for arguments of these types."""
    return _marker(function, signature).exists()


def keep(function: FunctionType, signature: tuple[Any, ...]) -> None:
    """Note that numba has put machine code into the folder."""
    with suppress(OSError):
        _marker(function, signature).touch()


def stem(function: FunctionType, signature: tuple[Any, ...]) -> str:
    """Name of a kernel for arguments of these types."""
    types = hashlib.sha256(repr(signature).encode()).hexdigest()[:16]
    return f"{function.__module__}.{function.__qualname__}-{types}"


@contextmanager
def alone(function: FunctionType, signature: tuple[Any, ...]) -> Iterator[None]:
    """Wait until no other process that is in need of this machine code compiles it."""
    with ExitStack() as stack:
        with suppress(ImportError, OSError):  # no locks on Windows, nor in some file systems
            import fcntl

            lock = stack.enter_context((path() / f"{stem(function, signature)}.lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def for_numba() -> Iterator[None]:
    """Let numba keep what is decorated meanwhile in our folder, and nothing else."""
    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = str(path())
    try:
        yield
    finally:
        config.CACHE_DIR = before


def _marker(function: FunctionType, signature: tuple[Any, ...]) -> Path:
    return path() / f"{stem(function, signature)}.ready"


def _digest() -> str:
    """Hash of the sources, of numba's version and of the processor."""
    digest = hashlib.sha256(f"{numba.__version__} {get_host_cpu_name()}".encode())
    sources = {file: file.read_bytes() for file in sorted(PACKAGE.rglob("*.py"))}
    rooms = {file.parent for file, source in sources.items() if _KERNEL.search(source)}
    rooms |= {PACKAGE / "kernels", PACKAGE / "config" / "laws"}
    for file, source in sources.items():
        if file.parent in rooms or file == PACKAGE / "moments.py":
            digest.update(source)
    return digest.hexdigest()[:16]


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _prune(folder: Path) -> None:
    """Remove machine code of other sources, if it was not used for a month."""
    with suppress(OSError):
        os.utime(folder)
        for other in folder.parent.glob(f"{PREFIX}*"):
            if time.time() - other.stat().st_mtime > KEPT:
                shutil.rmtree(other, ignore_errors=True)
