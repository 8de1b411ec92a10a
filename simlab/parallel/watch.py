"""Watch over calls that take too long, or that end their worker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from simlab.parallel.batch import Task
from simlab.parallel.notes import Doing, Seen, seen_here


@dataclass(frozen=True)
class Watch:
    """Actions of the sender of the work on the notes that its workers make."""

    text: Callable[[Doing], str]  # says what is being done
    may_end: Callable[[Doing], bool]  # whether a process that takes too long over it may be ended
    # is called with what takes too long, and whether its process was ended
    late: Callable[[Doing, bool], None]
    # the task in which that was done, to be begun again without it; others as they are
    amend: Callable[[Task, Doing], Task]
    patience: float | None = None  # seconds that one thing may take

    @property
    def interval(self) -> float | None:
        """Seconds between two looks at the notes; None where nothing is waited for."""
        return None if self.patience is None else min(0.5, self.patience / 4)


class Watcher:
    """Notes of calls that take too long, each reported once."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._reported: set[tuple[int, float]] = set()

    def late(self, seen: list[Seen]) -> list[Seen]:
        """Return what has become late since the last look."""
        patience = self._watch.patience
        if patience is None:
            return []
        now = time.monotonic()
        late_now = [s for s in seen if now - s.since > patience and s[:2] not in self._reported]
        self._reported |= {s[:2] for s in late_now}
        return late_now


@contextmanager
def watched_threads(watch: Watch | None) -> Iterator[None]:
    """Report what takes too long in the threads of this process, which nobody can end."""
    if watch is None or watch.interval is None:
        yield
        return
    done, watcher = threading.Event(), Watcher(watch)

    def look() -> None:
        """Report late calls of this process until the work is done."""
        while not done.wait(watch.interval):
            for seen in watcher.late(seen_here()):
                watch.late(seen.doing, False)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
