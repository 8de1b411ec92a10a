"""The one way in which simlab compiles: numba, without the GIL, cached, strict arithmetic.

No fast-math, so that sums keep their order and give the same bits on every machine; division as
numpy's, so that a degenerate sample gives NaN and a status, not an exception.

A kernel whose machine code is not there yet answers at once, `interpreted`: the same bits, a
hundred times slower. Meanwhile another process compiles it into the `folder` (`background`). What
fits many data sets says ``with compiled():`` and waits.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numba.core.dispatcher import Dispatcher

from simlab.kernels import background, folder
from simlab.kernels.interpreted import twin
from simlab.kernels.linked import Linked

__all__ = ["compiled", "inner", "kernel", "loop"]

Function = TypeVar("Function", bound=Callable[..., object])

LARGE = 300_000  # numbers in the arguments beyond which compiling is faster than interpreting
PAUSE = 0.5  # seconds between looks at what has been compiled meanwhile

_mode = threading.local()


def inner(function: Function) -> Function:
    """Compile a function that only kernels call: as a part of them, with no way in from Python."""
    compile_inner: Any = njit
    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "pipeline_class": Linked}
    return cast(Function, compile_inner(nogil=True, error_model="numpy", **options)(function))


def kernel(function: Function) -> Function:
    """Compile a function of arrays to machine code, kept on disk; interpreted until it is there."""
    return _compile(function, always_waits=False)


def loop(function: Function) -> Function:
    """Compile a kernel that goes through many draws or data sets, and is never interpreted."""
    return _compile(function, always_waits=True)


@contextmanager
def compiled() -> Iterator[None]:
    """Let kernels that this thread calls wait for their machine code: many fits are to come."""
    before = getattr(_mode, "compiled", False)
    _mode.compiled = True
    try:
        yield
    finally:
        _mode.compiled = before


def _compile(function: Function, always_waits: bool) -> Function:
    with folder.for_numba():
        dispatcher = njit(cache=True, nogil=True, error_model="numpy")(function)
    if isinstance(dispatcher, Dispatcher):  # not with NUMBA_DISABLE_JIT
        _answer_at_once(dispatcher, always_waits)
    return cast(Function, dispatcher)


def _answer_at_once(dispatcher: Any, always_waits: bool) -> None:
    """Interpret a call for which there is no machine code, and ask for it; or wait for it.

    numba calls `_compile_for_args` where a signature has none yet, and then what that returns.
    """
    compile_now, function = dispatcher._compile_for_args, dispatcher.py_func
    looked = -np.inf

    def missing(*args: Any, **kwargs: Any) -> Any:
        nonlocal looked
        signature = tuple(map(dispatcher.typeof_pyval, args))
        waits = always_waits or getattr(_mode, "compiled", False) or _numbers(args) > LARGE
        if not waits:
            if time.monotonic() - looked < PAUSE:
                return twin(dispatcher)
            looked = time.monotonic()
        if folder.has(function, signature):
            return compile_now(*args, **kwargs)  # reads it
        if not waits:
            background.ask(function, signature)
            return twin(dispatcher)
        _announce(function)
        code = compile_now(*args, **kwargs)
        folder.keep(function, signature)
        return code

    dispatcher._compile_for_args = missing


def _announce(function: FunctionType) -> None:
    """Say to somebody at a terminal what he waits for."""
    if sys.stderr.isatty():
        what = f"{function.__module__}.{function.__name__}"
        print(f"simlab: compiling {what}, once on this machine: up to 20 s …", file=sys.stderr)


def _numbers(args: Any) -> int:
    """How many numbers arguments hold, which may be arrays or tuples of them."""
    if isinstance(args, tuple):
        return sum(map(_numbers, args))
    return args.size if isinstance(args, np.ndarray) else 0
