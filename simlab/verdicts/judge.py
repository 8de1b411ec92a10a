"""From numbers and their Monte Carlo standard errors to a word."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simlab.verdicts.course import DEPENDS, NO, NOT_STUDIED, UNDECIDED, YES, Word

Z = 1.96  # the 95 % interval of a Monte Carlo estimate


@dataclass(frozen=True, slots=True)
class Number:
    """A measured number, its Monte Carlo standard error, and the replicates behind it."""

    value: float = math.nan
    mcse: float = math.nan
    n: int = 0

    @property
    def half(self) -> float:
        """Half the width of the 95 % interval."""
        return Z * self.mcse

    @property
    def known(self) -> bool:
        """Whether there is a number at all."""
        return not math.isnan(self.value)

    def scaled(self, origin: float, unit: float) -> Number:
        """Return (value − origin)/unit."""
        return Number((self.value - origin) / unit, self.mcse / abs(unit), self.n)


UNKNOWN = Number()


def equivalent(number: Number, margin: float) -> Word:
    """Whether a number is as good as 0: the 95 % interval inside ±margin, outside, or neither."""
    return at_most(Number(abs(number.value), number.mcse, number.n), margin)


def at_most(number: Number, bound: float) -> Word:
    """Whether a number is below a bound: the whole 95 % interval below it, above it, or neither."""
    if not number.known:
        return NOT_STUDIED
    if number.value + number.half < bound:
        return YES
    return NO if number.value - number.half > bound else UNDECIDED


def at_least(number: Number, bound: float) -> Word:
    """Whether a number is above a bound."""
    return at_most(Number(-number.value, number.mcse, number.n), -bound)


def replicates_needed(number: Number, margin: float) -> int | None:
    """How many replicates would take the interval of a number off the margin.

    With half-width h after n replicates and distance d = ||value| − margin|, h√(n/n′) = d
    at n′ = n(h/d)². None where no number of replicates would.
    """
    distance = abs(abs(number.value) - margin)
    if not number.known or math.isnan(number.half) or distance == 0:
        return None
    return math.ceil(number.n * (number.half / distance) ** 2)


def together(words: Iterable[Word]) -> Word:
    """One word for several conditions.

    yes or no when all say so; "it depends" when some say yes and some no; a condition that
    is undecided keeps the others from being all.
    """
    said = {word for word in words if word != NOT_STUDIED}
    if not said:
        return NOT_STUDIED
    if {YES, NO} <= said:
        return DEPENDS
    return said.pop() if len(said) == 1 else UNDECIDED
