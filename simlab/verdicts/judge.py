"""Words for numbers, by their Monte Carlo standard errors."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from simlab.performance.measure import Z

Unjudged = Literal["failed", "too few", "not measured", "not studied here"]
"""Why there is no verdict: a method that always failed, too few replicates, moments of estimates
that may not exist, conditions that a study does not have."""

Word = Literal["yes", "no", "it depends", "undecided"] | Unjudged
"""What is measured, or why nothing is."""

UNJUDGED: Final = get_args(Unjudged)

LEAST: Final = 100
"""Replicates below which nothing is judged."""

SizeWord = Literal["conservative", "nominal", "liberal", ""]

CLEAR: Final = 3.0
"""Standard errors from the nominal level at which a size is called other than nominal. A study has
hundreds of sizes, and of those that are nominal one in 370 is as far off by chance."""


@dataclass(frozen=True, slots=True)
class Number:
    """A measured number, its Monte Carlo standard error, and the replicates behind it.

    `interval` is its 95 % interval where that is not value ± 1.96 MCSE, as of a share; `instead` is
    the word instead of a verdict, where there can be none.
    """

    value: float = math.nan
    mcse: float = math.nan
    n: int = 0
    interval: tuple[float, float] | None = None
    instead: Unjudged | None = None

    @property
    def ends(self) -> tuple[float, float]:
        """Ends of the 95 % interval."""
        return self.interval or (self.value - Z * self.mcse, self.value + Z * self.mcse)

    @property
    def judged(self) -> bool:
        """Whether the number is there, and can be judged."""
        return self.instead is None and not math.isnan(self.value)

    def scaled(self, origin: float, unit: float) -> Number:
        """Return (value − origin)/unit."""
        low, high = sorted((end - origin) / unit for end in self.ends)
        return Number(
            (self.value - origin) / unit, self.mcse / abs(unit), self.n,
            (low, high) if self.interval else None, self.instead,
        )  # fmt: skip


UNKNOWN = Number()


def equivalent(number: Number, margin: float) -> Word:
    """Whether a number is as good as 0: the 95 % interval inside ±margin, outside, or neither."""
    low, high = number.ends
    return _judged(number, -margin < low and high < margin, low > margin or high < -margin)


def at_least(number: Number, bound: float) -> Word:
    """Whether a number is above a bound: the 95 % interval above it, below it, or neither."""
    low, high = number.ends
    return _judged(number, low > bound, high < bound)


def _judged(number: Number, yes: bool, no: bool) -> Word:
    """Word for what a 95 % interval shows: yes, no, or undecided."""
    if not number.judged:
        return number.instead or "not studied here"
    return "yes" if yes else "no" if no else "undecided"


def replicates_needed(number: Number, margin: float) -> int | None:
    """Number of replicates that would take the interval of a number off the margin.

    With half-width h after n replicates and distance d = ||value| − margin|, h√(n/n′) = d
    at n′ = n(h/d)². None where no number of replicates would.
    """
    distance = abs(abs(number.value) - margin)
    if math.isnan(number.value + number.mcse) or distance == 0:
        return None
    half = Z * number.mcse / distance
    needed = number.n * half * half
    return math.ceil(needed) if math.isfinite(needed) else None


def together(words: Iterable[Word]) -> Word:
    """One word for several conditions.

    yes or no when all say so; "it depends" when some say yes and some no; a condition that
    is undecided keeps the others from being all. Those without a verdict say nothing.
    """
    given = set(words)
    judged = given.difference(UNJUDGED)
    if not judged:
        return next((word for word in UNJUDGED if word in given), "not studied here")
    if {"yes", "no"} <= judged:
        return "it depends"
    return judged.pop() if len(judged) == 1 else "undecided"


def agreement(measured: Word, course: str, elsewhere: frozenset[Word] = frozenset()) -> str:
    """Mark a measured word by the course's: ✓ agrees, ≈ the truth is finer, ✗ disagrees.

    ? is undecided, and "" where there is nothing to compare. `elsewhere` is what was measured in
    other conditions: a claim that holds in some of them is not wrong but unfinished.
    """
    if not course or measured in UNJUDGED:
        return ""
    if measured == "undecided":
        return "?"
    if measured == course:
        return "✓"
    finer = measured == "it depends" or course not in ("yes", "no") or course in elsewhere
    return "≈" if finer else "✗"


def size_word(size: float, n: int, nominal: float) -> SizeWord:
    """Judge a share of rejections of n replicates under a true null hypothesis, of nominal level α.

    By the standard error √(α(1 − α)/n) that a share of nominal size would have; "" of NaN, or of
    too few replicates.
    """
    if math.isnan(size) or n < LEAST:
        return ""
    off = (size - nominal) / math.sqrt(nominal * (1 - nominal) / n)
    return "conservative" if off < -CLEAR else "liberal" if off > CLEAR else "nominal"
