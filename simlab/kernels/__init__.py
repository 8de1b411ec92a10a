"""The one way in which simlab compiles: to the `machine` code of numba, when there is need of it.

Until then a kernel is `interpreted`: the same bits, a hundred times slower. So the first answers of
a process come before numba is even imported; and where there is no machine code yet, it goes on so,
while another process compiles it into the `folder` (`background`). What fits many data sets says
``with compiled():`` and waits; so does a call that has been interpreted for some seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import numpy as np

from simlab.kernels.functions import Compilable
from simlab.kernels.interpreted import answer

__all__ = ["compiled", "inner", "kernel", "loop"]

Function = TypeVar("Function", bound=Callable[..., object])

LARGE = 300_000  # numbers in the arguments beyond which compiling is faster than interpreting
PATIENCE = 0.3  # seconds of interpreting, about what it takes to import numba

_mode = threading.local()
_spent = [0.0]


class _Kernel(Compilable):
    """A function of arrays that Python calls."""

    is_kernel, always_waits = True, False

    def __call__(self, *args: Any) -> Any:
        if self.code is None:
            if _spent[0] < PATIENCE and not self.waits(args):
                began = time.perf_counter()
                out = answer(self.py_func, args, self.wait)
                _spent[0] += time.perf_counter() - began
                return out
            from simlab.kernels.machine import code_of  # numba

            code_of(self)
        return self.code(*args)

    def wait(self, *args: Any) -> Any:
        """Call it, and wait for its machine code."""
        with compiled():
            return self(*args)

    def waits(self, args: tuple[Any, ...]) -> bool:
        """Whether a call is to wait for machine code."""
        return self.always_waits or getattr(_mode, "compiled", False) or _numbers(args) > LARGE


class _Loop(_Kernel):
    """A kernel that goes through many draws or data sets, and is never interpreted."""

    always_waits = True


def inner(function: Function) -> Function:
    """Let a function be compiled as a part of the kernels that call it."""
    return cast(Function, Compilable(function))


def kernel(function: Function) -> Function:
    """Let a function of arrays be compiled to machine code; interpreted until that is there."""
    return cast(Function, _Kernel(function))


def loop(function: Function) -> Function:
    """Let a function be compiled that goes through many data sets, and is never interpreted."""
    return cast(Function, _Loop(function))


@contextmanager
def compiled(many: bool = True) -> Iterator[None]:
    """Let kernels that this thread calls wait for their machine code, if many fits are to come."""
    before = getattr(_mode, "compiled", False)
    _mode.compiled = before or many
    try:
        yield
    finally:
        _mode.compiled = before


def _numbers(args: Any) -> int:
    """Number of numbers in arguments, which may be arrays or tuples of them."""
    if isinstance(args, tuple):
        return sum(map(_numbers, args))
    return args.size if isinstance(args, np.ndarray) else 0
