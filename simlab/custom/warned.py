"""Warnings of the user's code, heard where it is called, in whichever thread, and nowhere else.

Threads that it starts are heard as part of the call that started them, until that ends.

Filters and `warnings.showwarning` belong to the whole process, so that `warnings.catch_warnings`
cannot be used in several threads. One filter and one hook are installed instead, which concern a
warning only if it is given in a thread that is just listening.
"""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any

from simlab.custom.isolation import one_line

MOST = 5  # different warnings of one call that are kept

SILENT = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
"""What Python does not show by default."""


class Heard:
    """Warnings of one call; the texts name the line of `file`, the user's."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._texts: dict[tuple[str, str], str] = {}
        self._more = 0
        self.over = False

    def add(self, warned: Warning | str, category: type[Warning]) -> None:
        """Hear a warning."""
        if issubclass(category, SILENT):
            return
        key = category.__name__, str(warned)
        if key in self._texts:
            return
        if len(self._texts) == MOST:
            self._more += 1
            return
        self._texts[key] = one_line(category.__name__, warned, self.file, _line_in(self.file))

    @property
    def texts(self) -> tuple[str, ...]:
        """A line for each different one, up to a number."""
        more = (f"and {self._more:,} others",) if self._more else ()
        return (*dict.fromkeys(self._texts.values()), *more)


_LISTENING: ContextVar[Heard | None] = ContextVar("listening", default=None)


@contextmanager
def listening(file: str) -> Iterator[Heard]:
    """Collect the warnings of this thread, which are not shown; `file` as for `Heard`."""
    if _FILTER not in warnings.filters or not isinstance(warnings.showwarning, _Hook):
        attend()
    heard = Heard(file)
    before = _LISTENING.set(heard)
    try:
        yield heard
    finally:
        heard.over = True
        _LISTENING.reset(before)


class _Listening(type):
    """Metaclass whose `issubclass(category, …)` says whether this thread is listening."""

    def __subclasscheck__(cls, category: type) -> bool:
        del category
        return _LISTENING.get() is not None


class _Any(metaclass=_Listening):
    """The category of the filter."""


class _Within(type):
    """Metaclass whose `issubclass(category, …)` holds while code of one file is heard."""

    of: type[Warning]
    files: list[str]

    def __subclasscheck__(cls, category: type) -> bool:
        heard = _LISTENING.get()
        return heard is not None and heard.file in cls.files and issubclass(category, cls.of)


class _Nothing(Warning):
    """A category that is never used."""


_FILTER: Any = ("always", None, _Any, None, 0)
_MARK: Any = ("ignore", None, _Nothing, None, 1)


class _Hook:
    """Hook in place of `warnings.showwarning`: warnings that a thread listens for are kept."""

    def __init__(self, otherwise: Any) -> None:
        self._otherwise = otherwise

    def __call__(
        self, warned: Warning | str, category: type[Warning], *where: Any, **more: Any
    ) -> None:
        heard = _LISTENING.get()
        if heard is None or heard.over:
            self._otherwise(warned, category, *where, **more)
        else:
            heard.add(warned, category)


_start = threading.Thread.start


def _start_alike(thread: threading.Thread) -> None:
    """Start a thread; one that is started by who is listening listens too."""
    if _LISTENING.get() is not None:
        thread.run = partial(copy_context().run, thread.run)  # type: ignore[method-assign]
    _start(thread)


_ATTENDING = threading.Lock()


def attend() -> None:
    """Install the hook, and the filter before all that are not of the user's code."""
    with _ATTENDING:
        if not isinstance(warnings.showwarning, _Hook):
            warnings.showwarning = _Hook(warnings.showwarning)  # type: ignore[assignment]
        threading.Thread.start = _start_alike  # type: ignore[method-assign, assignment]
        filters: list[Any] = warnings.filters  # type: ignore[assignment]
        own = [f for f in filters if isinstance(f[2], _Within)]
        others = [f for f in filters if not isinstance(f[2], _Within) and f != _FILTER]
        filters[:] = [*own, _FILTER, *others]
        _forget()


def _forget() -> None:
    """Let Python forget where it has warned, as it does when a filter is added."""
    warnings.simplefilter("ignore", _Nothing)


@contextmanager
def contained() -> Iterator[list[str]]:
    """Let the filters that a module sets while it is imported concern calls of its code alone.

    `warnings.simplefilter("error")` of a method is neither for other methods nor for simlab. Yields
    a list, in which the module's file is to be put once it is known.
    """
    attend()
    filters: list[Any] = warnings.filters  # type: ignore[assignment]
    before, files = [*filters], list[str]()
    filters.insert(0, _MARK)
    try:
        yield files
    finally:
        new = filters[: filters.index(_MARK)] if _MARK in filters else [*filters]
        kinds = (_Within("Within", (), {"of": f[2], "files": files}) for f in new)
        filters[:] = [
            *((*f[:2], kind, *f[3:]) for f, kind in zip(new, kinds, strict=True)),
            *before,
        ]
        _forget()


def _line_in(file: str) -> int | None:
    """The line of the user's file that is being executed."""
    frame: Any = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename == file:
            return int(frame.f_lineno)
        frame = frame.f_back
    return None
