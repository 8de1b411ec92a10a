"""Machine code of kernels: numba, without the GIL, cached, strict arithmetic.

No fast-math, so that sums keep their order and give the same bits on every machine; division as
numpy's, so that a degenerate sample gives NaN and a status, not an exception.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import numpy as np
from numba import config, njit, types
from numba.extending import typeof_impl

from simlab.kernels import addresses, background, folder, vectors
from simlab.kernels.functions import Compilable
from simlab.kernels.interpreted import answer, twin
from simlab.kernels.linked import Linked

PAUSE = 0.5  # seconds between looks at what has been compiled meanwhile

LOOKED_AT = 200_000  # objects made between two looks for garbage

EXTENSIONS = addresses, vectors
"""What numba learns by their import."""

_making, _compiling = threading.Lock(), threading.Lock()


def code_of(function: Compilable) -> Any:
    """Numba's dispatcher of a function."""
    with _making:
        if function.code is None:
            function.code = _made(function)
    return function.code


def _made(function: Compilable) -> Any:
    """Make it: of a kernel to be kept, of another as a part of kernels, no way in from Python."""
    options: Any = {"nogil": True, "error_model": "numpy"}
    if getattr(config, "DISABLE_JIT", False):
        return twin(function.py_func)
    if function.is_kernel:
        with folder.for_numba():
            code = njit(cache=True, **options)(function.py_func)
        _answer_at_once(code, function)
        return code
    options |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return njit(pipeline_class=Linked, **options)(function.py_func)


@typeof_impl.register(Compilable)
def _type_of(function: Compilable, _: Any) -> Any:
    """Type that numba has for a function of ours, where another calls it."""
    return types.Dispatcher(code_of(function))


def _answer_at_once(code: Any, kernel: Any) -> None:
    """Interpret a call for which there is no machine code, and ask for it; or wait for it.

    numba calls `_compile_for_args` where a signature has none yet, and then what that returns.
    """
    compile_now, function = code._compile_for_args, code.py_func
    looked = -np.inf

    def interpreted(*args: Any) -> Any:
        """Answer without machine code."""
        return answer(function, args, kernel.wait)

    def missing(*args: Any, **kwargs: Any) -> Any:
        """Answer a call without machine code: interpreted, or once it is compiled."""
        nonlocal looked
        signature = tuple(map(code.typeof_pyval, args))
        waits = kernel.waits(args)
        if not waits:
            if time.monotonic() - looked < PAUSE:
                return interpreted
            looked = time.monotonic()
        if folder.has(function, signature):
            return compile_now(*args, **kwargs)  # reads it
        if not waits:
            background.ask(function, signature)
            return interpreted
        with _compiling, folder.alone(function, signature):  # others may have waited for the same
            if not folder.has(function, signature):
                _announce(function)
            with _seldom_looked_through():
                compiled = compile_now(*args, **kwargs)
            folder.keep(function, signature)
        return compiled

    code._compile_for_args = missing


@contextmanager
def _seldom_looked_through() -> Iterator[None]:
    """Let Python look seldom for garbage in what a compiler makes: an eighth of its time."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], LOOKED_AT), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _announce(function: FunctionType) -> None:
    """Say to somebody at a terminal what he waits for."""
    if sys.stderr.isatty():
        what = f"{function.__module__}.{function.__name__}"
        print(f"simlab: compiling {what}, once on this machine: up to 20 s …", file=sys.stderr)
