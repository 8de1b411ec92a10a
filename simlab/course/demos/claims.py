"""Claims: sentences, each with what must hold of the numbers for it to be printed.

    >>> pooled, within = Number("pooled slope", -0.5, 0.01), Number("within slope", 1.0, 0.01)
    >>> claim(f"The sign reverses: {within:.1f}, but {pooled:.1f}.", above(within), below(pooled))
    'The sign reverses: 1.0, but −0.5.'

What must hold must hold by 4 Monte Carlo standard errors: with another seed it would be true as
well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from numpy.typing import ArrayLike

from simlab.errors import ArgumentError, ClaimError
from simlab.measures import average, share

MARGIN = 4.0
"""Monte Carlo standard errors by which a claim must hold."""


@dataclass(frozen=True, slots=True)
class Number:
    """A measured number, with its Monte Carlo standard error; 0 for what is known exactly.

    A format such as ``f"{number:.2f}"`` or ``f"{number:.0%}"`` writes the value alone, with a true
    minus sign and a space before the percent sign.
    """

    name: str
    value: float
    mcse: float = 0.0

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        return format(self.value, spec).replace("-", "−").replace("%", " %")

    def __str__(self) -> str:
        error = f" ± {self.mcse:.2g}" if self.mcse else ""
        return f"{self.name} is {self:.3g}{error}"

    def __sub__(self, other: Number | float) -> Number:
        """Subtract; errors are added, which bounds that of the difference in any case."""
        if not isinstance(other, Number):
            return Number(self.name, self.value - other, self.mcse)
        name = f"{self.name} less {other.name}"
        return Number(name, self.value - other.value, self.mcse + other.mcse)


def mean(name: str, values: ArrayLike) -> Number:
    """Mean over replicates of a quantity that each of them has, (n,)."""
    result = average(values)
    return Number(name, float(result.value), float(result.mcse))


def rate(name: str, hits: ArrayLike) -> Number:
    """Share of replicates of which something holds, (n,)."""
    result = share(hits)
    return Number(name, float(result.value), float(result.mcse))


class Check(NamedTuple):
    """Condition on a number, and the words for it when it does not hold."""

    holds: bool
    trouble: str


def above(number: Number, bound: Number | float = 0.0) -> Check:
    """Check that a number exceeds a bound by `MARGIN` standard errors."""
    difference = number - bound
    holds = difference.value > MARGIN * difference.mcse
    return Check(bool(holds), f"{number}, which is not clearly above {_shown(bound)}")


def below(number: Number, bound: Number | float = 0.0) -> Check:
    """Check that a number falls short of a bound by `MARGIN` standard errors."""
    difference = number - bound
    holds = difference.value < -MARGIN * difference.mcse
    return Check(bool(holds), f"{number}, which is not clearly below {_shown(bound)}")


def within(number: Number, aim: Number | float, distance: float) -> Check:
    """Check that a number is no further from an aim than some distance, `MARGIN` errors included.

    What is only not known to be further off does not pass: that would hold of any number that is
    measured badly enough.
    """
    difference = number - aim
    holds = abs(difference.value) + MARGIN * difference.mcse <= distance
    return Check(
        bool(holds), f"{number}, which is not clearly within {distance:g} of {_shown(aim)}"
    )


def claim(sentence: str, *checks: Check) -> str:
    """Return a sentence, if all that it rests on holds; else a ClaimError names what does not."""
    if not checks:
        raise ArgumentError(f"a claim must rest on something: {sentence}")
    trouble = [check.trouble for check in checks if not check.holds]
    if trouble:
        more = f", and {len(trouble) - 1} more" if len(trouble) > 1 else ""
        raise ClaimError(f"this cannot be said here: “{sentence}” {trouble[0]}{more}")
    return sentence


def _shown(bound: Number | float) -> str:
    return f"{bound}" if isinstance(bound, Number) else f"{bound:g}"
