"""The words of studies and results, once each: statuses, targets, schemes, terms, tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, get_args


class Status(IntEnum):
    """Status of one fit to one replicate; results store the number, and people read the word."""

    OK = 0
    SINGULAR = 1
    NOT_CONVERGED = 2
    NOT_ESTIMABLE = 3
    ERROR = 4

    @property
    def word(self) -> str:
        """The status as users write it, such as ``not_converged``."""
        return self.name.lower()

    @property
    def failed(self) -> bool:
        """Whether there is no estimate; a singular fit has one."""
        return self > Status.SINGULAR


NOT_RUN: Final = -1
"""Number instead of a status where a replicate has not been run yet."""

FITTED: Final = tuple(status for status in Status if not status.failed)
"""Statuses of fits with an estimate: ok, and singular, whose estimate of G is on its boundary."""

FAILED: Final = tuple(status for status in Status if status.failed)
"""Statuses of fits without an estimate."""

Target = Literal["beta_within", "beta_between"]
TARGETS: Final[tuple[str, ...]] = get_args(Target)
"""Parameters of the population that estimates are compared with: β_W and β_B."""

LIMIT: Final = "limit"
"""The probability limit of an estimator, which its estimates are compared with too."""

Aim = Literal[Target, "limit"]
AIMS: Final[tuple[str, ...]] = get_args(Aim)
"""Everything that errors and coverage are about: the targets, and the estimator's own limit."""

SYMBOLS: Final[Mapping[str, str]] = MappingProxyType(
    {"beta_within": "β_W", "beta_between": "β_B", "contextual": "β_B − β_W"}
)
"""Symbols of the targets, and of their difference."""

Scheme = Literal["new-clusters", "same-clusters"]
NEW: Final = "new-clusters"
SAME: Final = "same-clusters"
SCHEMES: Final[tuple[str, ...]] = get_args(Scheme)
"""Schemes of sampling: each replicate has new clusters, or the same ones with new rows."""

ORACLE: Final = "gls_oracle"
"""The estimator that knows the true variances, which the others are compared with."""

Kind = Literal["intercept", "slope", "between", "contextual"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""Kinds of terms that estimators have in every sector."""

OVERALL: Final = "all"
"""Place of a term that a model without sectors estimates from all data."""


class Term(NamedTuple):
    """One coefficient of a model: what kind it is, and where.

    >>> str(Term("slope", "Public - Catholic"))
    'slope[Public - Catholic]'
    >>> Term.parse("slope[Public - Catholic]")
    Term(kind='slope', place='Public - Catholic')
    """

    kind: str  # one of `KINDS`, or the name of a term of the user's own, which has no brackets
    # a sector, such as ``Public``; the difference of two, ``Public - Catholic``; or an empty
    # string where there is one population
    place: str = ""

    def __str__(self) -> str:
        return f"{self.kind}[{self.place}]" if self.place else self.kind

    @classmethod
    def parse(cls, name: str) -> Term:
        """Return the term of a name in results; names of places may have brackets themselves."""
        kind, _, place = name.partition("[")
        return cls(kind, place.removesuffix("]"))


def places_of(sectors: Sequence[str], differences: bool = True) -> tuple[str, ...]:
    """Return the places of terms: each sector, then perhaps each later sector minus the first.

    A single sector is the whole population, whose place has no name.
    """
    if len(sectors) == 1:
        return ("",)
    later = sectors[1:] if differences else ()
    return (*sectors, *(f"{sector} - {sectors[0]}" for sector in later))


def ambiguous_place(sectors: Sequence[str], *others: str) -> str | None:
    """Return a place that two terms would have, as where a third sector is called ``B - A``.

    `others` are further places. An empty one, which says that there are no sectors, is ambiguous
    among others.
    """
    places = Counter((*places_of(sectors), *others))
    return next((p for p, n in places.items() if n > 1 or (not p and len(sectors) > 1)), None)


def sectors_of(names: Iterable[str]) -> tuple[str, ...]:
    """Return the sectors of terms named in the order of `term_names`; ("",) for one population."""
    terms = map(Term.parse, names)
    places = [term.place for term in terms if term.kind == "slope" and term.place]
    return tuple(places[: (len(places) + 1) // 2]) or ("",)


def term_names(kinds: Iterable[str], sectors: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the terms of some kinds, kind by kind and then place by place."""
    return tuple(str(Term(kind, place)) for kind in kinds for place in places_of(sectors))


TESTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "random_intercept": "random intercept, G = 0?",
        "random_slope": "random slope, g₁₁ = 0?",
        "fixed_slope": "fixed slope, β = 0?",
    }
)
"""What tests ask, by their names."""

PValue = Literal["chi2", "mixture", "exact", "wald", "satterthwaite", "kenward_roger", "simulated"]
P_VALUES: Final[Mapping[PValue, str]] = MappingProxyType(
    {
        "chi2": "χ²",
        "mixture": "χ² mixture",
        "exact": "exact",
        "wald": "Wald, normal",
        "satterthwaite": "Satterthwaite",
        "kenward_roger": "Kenward–Roger",
        "simulated": "simulated",
    }
)
"""Kinds of p-values and what they are called: by large samples, by small ones, by simulation."""


def test_label(test: str) -> str:
    """Return what a test asks; the name of one that is not known."""
    return TESTS.get(test, test)


def p_value_label(kind: str) -> str:
    """Return what a kind of p-value is called; the name of one that is not known."""
    return next((label for name, label in P_VALUES.items() if name == kind), kind)
