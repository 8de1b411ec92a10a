"""Functions that are to be compiled, when that is needed."""

from __future__ import annotations

from typing import Any


class Compilable:
    """A function that numba can compile.

    Attributes
    ----------
    py_func : function
        As it is written.
    code : numba's dispatcher, or None
        Its machine code; None until somebody needs it.
    """

    is_kernel = False

    def __init__(self, py_func: Any) -> None:
        self.py_func: Any = py_func
        self.code: Any = None
        self.__doc__, self.__name__ = py_func.__doc__, py_func.__name__
        self.__module__, self.__wrapped__ = py_func.__module__, py_func
