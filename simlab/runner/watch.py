"""Watch of a study over its workers' notes: which block, which replicates, which method."""

from __future__ import annotations

import faulthandler
import math
import os
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple, NoReturn

from simlab.config import ConfigError, Parallel
from simlab.custom.calls import ALL, Order
from simlab.custom.isolation import one_line
from simlab.errors import Error, Notice, RunError
from simlab.parallel import Task, Watch
from simlab.parallel.notes import Doing, seen_here
from simlab.runner.work import Work

LATE_WARNINGS = 3  # warnings that one function takes too long


class RunWarning(Notice):
    """Something about a run that is no reason to stop, but should be known; one line."""


@contextmanager
def own_code_named(code: Iterable[str]) -> Iterator[None]:
    """Besides what simlab itself stumbles over, name the user's code that shares its process.

    Of the names of all `code` that makes numbers, the user's are import paths, with a colon.
    """
    try:
        yield
    except (Error, MemoryError):
        raise
    except Exception as error:
        own = [*filter(_is_own, code)]
        if not own:
            raise
        raise RunError(
            f"{one_line(type(error).__name__, error, '', None)}: an error in simlab, unless "
            f"{', '.join(own)} changed what it uses, such as numpy; what is finished is kept"
        ) from error


@contextmanager
def last_words(work: Work, where: Parallel) -> Iterator[None]:
    """Let a process that the user's code ends say so, where it is this one.

    `os._exit` names the condition, the replicate and the method, and no such end has the status 0:
    the study is not finished. A crash prints Python's lines, the innermost first.
    """
    if where.backend != "threading" or not has_own_code(work):
        yield
        return
    leave, process = os._exit, os.getpid()

    def aloud(status: int) -> NoReturn:
        """Print who ended the process, and end it."""
        if os.getpid() == process:  # not one that it has forked
            mine = (s.doing for s in seen_here() if s.worker == threading.get_ident())
            note = next((str(_Note(*doing)) for doing in mine), "a thread of the study's code")
            text = f"{note} ended this process by os._exit({status}); what is finished is kept"
            print(text, file=sys.stderr, flush=True)
            status = status or 1
        leave(status)

    os._exit = aloud
    ours = not faulthandler.is_enabled()
    try:
        if ours:
            with suppress(AttributeError, OSError, RuntimeError, ValueError):  # stderr is no file
                faulthandler.enable(all_threads=False)
        yield
    finally:
        os._exit = leave
        if ours:
            faulthandler.disable()


class _Note(NamedTuple):
    """Note of a worker: the block, the first and the last of the replicates, who is at work."""

    condition: int
    number: int
    first: int
    last: int
    name: str

    def __str__(self) -> str:
        some = f"replicate {self.first}"
        if self.last > self.first:
            some = f"replicates {self.first} to {self.last}"
        return f"condition {self.condition}, {some}: {self.name}"


def has_own_code(work: Work) -> bool:
    """Whether a study runs functions of the user."""
    return any(_is_own(path) for path in work.code)


def watch_of(patience: float | None, where: Parallel) -> Watch:
    """Return what is to be done about blocks that take too long, or that a process dies of."""
    if patience is not None and not (math.isfinite(patience) and patience > 0):
        raise ConfigError.of("patience", f"must be a number of seconds above 0, not {patience:g}")
    if patience is not None and where.backend == "dask":
        raise ConfigError.of(
            "patience", "is for threading and loky: what workers of dask do is not seen from here"
        )
    counts: dict[str, int] = {}

    def late(doing: Doing, ended: bool) -> None:
        """Warn of a function that takes too long, a limited number of times."""
        note = _Note(*doing)
        counts[note.name] = counts.get(note.name, 0) + 1
        if counts[note.name] > LATE_WARNINGS:
            return
        text = f"{note} takes longer than {patience:g} s; {_then(note, ended)}"
        last = "; no more is said of it" if counts[note.name] == LATE_WARNINGS else ""
        warnings.warn(f"{text}{last}", RunWarning, stacklevel=2)

    def amend(task: Task, doing: Doing) -> Task:
        """The task with the order to leave the late call out."""
        note = _Note(*doing)
        if task[:2] != note[:2]:
            return task
        part, orders = task[2:] or (None, ())
        alone = note.first if note.first == note.last else ALL
        order = Order(note.name, alone, f"took longer than {patience:g} s")
        return *task[:2], part, (*orders, order)

    return Watch(
        text=lambda doing: str(_Note(*doing)),
        may_end=lambda doing: _is_own(_Note(*doing).name),
        late=late,
        amend=amend,
        patience=patience,
    )


def _then(note: _Note, ended: bool) -> str:
    """Words for what is done about a call that takes too long."""
    if ended and note.first == note.last:
        return "its process is ended, and it counts as an error"
    if ended:
        return "its process is ended, and the replicates are begun again one by one"
    if _is_own(note.name):
        return "a thread cannot be ended: wait, or press Ctrl-C and go on with --backend loky"
    return "it is simlab's own, and is waited for"


def _is_own(name: str) -> bool:
    return ":" in name
