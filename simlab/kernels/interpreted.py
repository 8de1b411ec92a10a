"""Kernels as plain Python, with the bits of their machine code.

numpy's logarithms and trigonometric functions of one number differ from those of machine code in a
last bit, now and then; Python's, which are the C library's, do not. Kernels write x * x, since x**2
would differ too.

An interpreted answer that takes too long is given up: its logarithms look at the clock.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from functools import cache, wraps
from types import FunctionType
from typing import Any

import numpy as np

from simlab.kernels.functions import Compilable

LONG = 5.0  # seconds of one interpreted call


class _Until(threading.local):
    """When the interpreted call of this thread is given up."""

    at = math.inf


_until = _Until()


class _Numpy:
    """numpy, with the C library's functions of one number."""

    arctan2 = staticmethod(math.atan2)
    cos = staticmethod(math.cos)
    sin = staticmethod(math.sin)

    def __getattr__(self, name: str) -> Any:
        value = getattr(np, name)
        setattr(self, name, value)
        return value

    @staticmethod
    def log(x: float) -> float:
        """The natural logarithm; −∞ of 0 and NaN below, as machine code has it."""
        if time.perf_counter() > _until.at:
            raise TimeoutError
        return math.log(x) if x > 0 else (-math.inf if x == 0 else math.nan)

    @staticmethod
    def log1p(x: float) -> float:
        """The logarithm of 1 + x, as above."""
        return math.log1p(x) if x > -1 else (-math.inf if x == -1 else math.nan)

    @staticmethod
    def exp(x: float) -> float:
        """The exponential; ∞ where it is too large."""
        return math.exp(x) if x < 709.0 else float(np.exp(x))

    @staticmethod
    def expm1(x: float) -> float:
        """The exponential less 1, as above."""
        return math.expm1(x) if x < 709.0 else float(np.expm1(x))


def answer(function: FunctionType, args: tuple[Any, ...], otherwise: Callable[..., Any]) -> Any:
    """A kernel's answer, interpreted; after `LONG` that of `otherwise`, from the same arguments."""
    before = _copied(args)
    _until.at = time.perf_counter() + LONG
    try:
        return twin(function)(*args)
    except TimeoutError:
        _restore(args, before)
    finally:
        _until.at = math.inf
    return otherwise(*args)


def _copied(args: tuple[Any, ...]) -> list[Any]:
    """Copies of the arrays among arguments, which may be tuples of them."""
    return [
        _copied(a) if isinstance(a, tuple) else a.copy() if isinstance(a, np.ndarray) else None
        for a in args
    ]


def _restore(args: tuple[Any, ...], before: list[Any]) -> None:
    """Give the arrays the values that they had."""
    for arg, old in zip(args, before, strict=True):
        if isinstance(arg, tuple):
            _restore(arg, old)
        elif isinstance(arg, np.ndarray) and arg.flags.writeable:
            arg[...] = old


@cache
def twin(function: FunctionType) -> Callable[..., Any]:
    """A kernel as Python runs it, as are all functions that it calls."""
    run = _plain(function)

    @wraps(run)
    def quietly(*args: Any) -> Any:
        """Run without numpy's warnings."""
        with np.errstate(all="ignore"):
            return run(*args)

    return quietly


@cache
def _plain(function: FunctionType) -> FunctionType:
    """A function among plain functions only."""
    there = _namespace(function.__globals__["__name__"], function)
    return FunctionType(
        function.__code__, there, function.__name__, function.__defaults__, function.__closure__
    )


_namespaces: dict[str, dict[str, Any]] = {}


def _namespace(module: str, function: FunctionType) -> dict[str, Any]:
    """The names of a module, compiled functions among them replaced by plain ones."""
    if module not in _namespaces:
        names = _namespaces[module] = dict(function.__globals__)
        for name, value in list(names.items()):
            if value is np:
                names[name] = _Numpy()
            elif isinstance(value, Compilable):
                names[name] = _plain(value.py_func)
    return _namespaces[module]
