"""The one way in which simlab compiles: numba, without the GIL, cached, strict arithmetic.

No fast-math, so that sums keep their order and give the same bits on every
machine; division as numpy's, so that a degenerate sample gives NaN and a
status, not an exception.

numba notices when the file of a cached function changes, but not when that of
a function it calls does. The cache is therefore kept in a folder named by a
hash of all sources that hold kernels, or laws which kernels draw from: machine code is never older
than they are.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba import njit

Function = TypeVar("Function", bound=Callable[..., object])

PACKAGE = Path(__file__).parent


def inner(function: Function) -> Function:
    """Compile a function that only kernels call: half the compilation, no way in from Python."""
    compile_inner: Any = njit
    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return cast(Function, compile_inner(nogil=True, error_model="numpy", **options)(function))


def kernel(function: Function) -> Function:
    """Compile a function of arrays to machine code at its first call, and keep it on disk."""
    with _cache():
        return cast(Function, njit(cache=True, nogil=True, error_model="numpy")(function))


@lru_cache
def _folder() -> Path:
    """Where machine code of these very sources is kept: beside them, else with the user."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        source = path.read_bytes()
        if b"simlab.kernels" in source or path == Path(__file__) or path.parent.name == "laws":
            digest.update(source)
    name = f"kernels-{digest.hexdigest()[:16]}"
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(given) / name
    beside = PACKAGE / "__pycache__"
    if os.access(beside if beside.is_dir() else PACKAGE, os.W_OK):
        return beside / name
    return Path.home() / ".cache" / "simlab" / name


@contextmanager
def _cache() -> Iterator[None]:
    """Let numba keep what is compiled meanwhile in our folder, and nothing else."""
    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = str(_folder())
    try:
        yield
    finally:
        config.CACHE_DIR = before
