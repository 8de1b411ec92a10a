"""Repeated sampling in the background: block after block, until it is paused.

The blocks are those of `runner.run_block`. So what has been drawn when the count says 3,000 is what
`simlab run` gives for 3,000 replicates, in whatever steps it was asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simlab.moments import Floats
from simlab.parallel import in_threads
from simlab.results import Block
from simlab.runner import Work, run_block

MOST = 50_000
"""Replicates after which a run stops by itself: a coverage is then known to ±0.1 %."""

STEP = 4
"""Blocks that are done between two looks at the page."""

_CORES = threading.Lock()
"""Whose turn it is: a step takes all cores, and those of many visitors together would leave none
for the page."""


class Replicates(NamedTuple):
    """Some terms of every method, replicates first: (N, E, T'), and the statuses (N, E)."""

    estimate: Floats
    std_error: Floats
    lower: Floats
    upper: Floats
    status: NDArray[np.int8]


class Live:
    """A study that is being sampled; `arrived` is called in the background when there is more."""

    def __init__(self, arrived: Callable[[], None]) -> None:
        self._arrived = arrived
        self._state = threading.Condition()
        self._work: Work | None = None
        self._blocks: list[Block] = []
        self._goal = 0
        self._closed = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._sample, daemon=True, name="simlab-live")
        self._thread.start()

    @property
    def count(self) -> int:
        """Number of replicates drawn."""
        with self._state:
            return _count(self._blocks)

    @property
    def goal(self) -> int:
        """Number of replicates that were asked for; 0 after a pause."""
        with self._state:
            return self._goal

    @property
    def running(self) -> bool:
        """Whether replicates are still to come."""
        with self._state:
            return self._goal > _count(self._blocks)

    @property
    def error(self) -> Exception | None:
        """Error that ended the sampling of this study; None without one."""
        with self._state:
            return self._error

    def start(self, work: Work | None) -> None:
        """Forget everything and stand ready to sample another study, or none."""
        with self._state:
            self._work, self._blocks, self._goal, self._error = work, [], 0, None

    def more(self, replicates: int) -> None:
        """Draw so many more, up to `MOST` in all."""
        with self._state:
            if self._work is None:
                return
            self._goal = min(max(self._goal, _count(self._blocks)) + replicates, MOST)
            self._state.notify()

    def pause(self) -> None:
        """Draw no more once the step under way has arrived."""
        with self._state:
            self._goal = 0

    def close(self) -> None:
        """End the thread."""
        with self._state:
            self._closed = True
            self._state.notify()

    def replicates(self, terms: NDArray[np.int64]) -> Replicates:
        """Return what has arrived of one term of each method, (E,); the arrays are (N, E)."""
        with self._state:
            blocks = list(self._blocks)
        methods = np.arange(len(terms))

        def together(name: str) -> Floats:
            """One array of all blocks, for the chosen term of each method."""
            parts = [getattr(block, name)[:, methods, terms] for block in blocks]
            return np.concatenate(parts) if parts else np.empty((0, len(terms)))

        status = [block.status for block in blocks]
        estimate, std_error, lower, upper = map(
            together, ("estimate", "std_error", "lower", "upper")
        )
        statuses = np.concatenate(status) if status else np.empty((0, len(terms)), np.int8)
        return Replicates(estimate, std_error, lower, upper, statuses)

    def _sample(self) -> None:
        """Draw what is wanted, in the background thread, until the page is closed."""
        while True:
            with self._state:
                self._state.wait_for(lambda: self._closed or self._goal > _count(self._blocks))
                if self._closed:
                    return
                work, before, goal = self._work, list(self._blocks), self._goal
            assert work is not None  # `more` sees to it
            blocks, failed = before, None
            try:
                with _CORES:
                    blocks = _extend(work, before, goal)
            except Exception as error:  # shown by the page: a thread has nobody to tell
                failed = error
            with self._state:
                if work is not self._work:  # another study was started meanwhile
                    continue
                self._blocks, self._error = blocks, failed
                if failed is not None:
                    self._goal = 0
            self._arrived()


def _count(blocks: list[Block]) -> int:
    return sum(len(block.status) for block in blocks)


def _extend(work: Work, blocks: list[Block], goal: int) -> list[Block]:
    """Draw up to `STEP` blocks more; one that was not whole is drawn again, and then has more."""
    size = work.study.block
    whole = [block for block in blocks if len(block.status) == size]
    last = min(-(-goal // size), len(whole) + STEP)
    study = work.study.replace(replicates=min(goal, last * size))
    tasks = ((replace(work, study=study), 0, number) for number in range(len(whole), last))
    return whole + list(in_threads(run_block, tasks))
