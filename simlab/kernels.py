"""The one way in which simlab compiles: numba, without the GIL, cached, strict arithmetic.

No fast-math, so that sums keep their order and give the same bits on every
machine; division as numpy's, so that a degenerate sample gives NaN and a
status, not an exception.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., object])


def inner(function: Function) -> Function:
    """Compile a function that only kernels call: half the compilation, no way in from Python."""
    compile_inner: Any = njit
    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return cast(Function, compile_inner(nogil=True, error_model="numpy", **options)(function))


def kernel(function: Function) -> Function:
    """Compile a function of arrays to machine code at its first call, and keep it on disk."""
    return cast(Function, njit(cache=True, nogil=True, error_model="numpy")(function))
