"""Time actions in turn, so that what disturbs the machine disturbs all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

Clock = Callable[[], float]
Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Repeats:
    """A quantity, once for every repeat.

    Attributes
    ----------
    values : tuple of float
        In the order in which they were measured: seconds, or a ratio of these.
    """

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of the repeats."""
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        """The least of the repeats."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The greatest of the repeats."""
        return max(self.values)

    def over(self, other: Repeats) -> Self:
        """Ratio to another quantity, repeat by repeat.

        Raises
        ------
        ValueError
            When they were not measured equally often.
        """
        return type(self)(tuple(a / b for a, b in zip(self.values, other.values, strict=True)))


Measured = Mapping[str, Repeats]


@dataclass(frozen=True, slots=True)
class Action:
    """What is timed.

    Attributes
    ----------
    seconds : callable
        Do it, and return the seconds that one thing took.
    once : bool
        That it is done a single time, cold: there is no first time twice.
    """

    seconds: Callable[[], float]
    once: bool = False


def timed(clock: Clock, work: Work, each: int = 1) -> Action:
    """Time some work that does `each` things, by a clock that returns seconds."""

    def seconds() -> float:
        began = clock()
        work()
        return (clock() - began) / each

    return Action(seconds)


def core(work: Work, each: int = 1) -> Action:
    """Core time of the thread that works."""
    return timed(time.thread_time, work, each)


def processor(work: Work, each: int = 1) -> Action:
    """Core time of all threads of this process."""
    return timed(time.process_time, work, each)


def wall(work: Work, each: int = 1) -> Action:
    """Wall time: what one waits."""
    return timed(time.perf_counter, work, each)


def measure(
    actions: Mapping[str, Action], repeats: int, advance: Callable[[], object] = lambda: None
) -> dict[str, Repeats]:
    """Do every action in turn, and that again and again.

    The first round is not counted. Every second round goes backwards, so that a machine that
    becomes slower by and by does not favour those that stand first.

    Parameters
    ----------
    actions : mapping of str to Action
        What is timed, by name.
    repeats : int
        Rounds that are counted, at least 1.
    advance : callable
        Is called after each action.

    Returns
    -------
    dict of str to Repeats
        Seconds, by the same names. An action that is done once has one value.
    """
    found: dict[str, list[float]] = {name: [] for name in actions}
    again = [name for name, action in actions.items() if not action.once]
    for name, action in actions.items():
        seconds = action.seconds()
        if action.once:
            found[name].append(seconds)
        advance()
    for number in range(repeats):
        for name in again if number % 2 == 0 else reversed(again):
            found[name].append(actions[name].seconds())
            advance()
    return {name: Repeats(tuple(values)) for name, values in found.items()}


def rounds(actions: Mapping[str, Action], repeats: int) -> int:
    """How often `measure` calls `advance`."""
    return sum(1 if action.once else 1 + repeats for action in actions.values())
