"""What the course says of each method, in short, beside which the measured words are put."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Word = Literal["yes", "no", "it depends", "undecided", "not studied here", "not measured"]
"""What is measured; "not measured" of what takes moments of estimates that may not exist."""


@dataclass(frozen=True, slots=True)
class Course:
    """The course's row for one method.

    Attributes
    ----------
    label : str
        Name of the method in tables.
    estimates : str
        What its slope is for.
    consistent : mapping of (target, sweep) to "yes" or "no"
        Only what the course says; sweeps are "more" and "larger" clusters.
    efficient : str
        "yes", "no", or the course's own question; "" where it says nothing.
    honest : mapping of scheme to "yes" or "no"
        Only what the course says.
    words : mapping of str to str
        How to print the answers of the columns estimates, efficient and honest.
    """

    label: str
    estimates: str = ""
    consistent: Mapping[tuple[str, str], str] = field(default_factory=dict)
    efficient: str = ""
    honest: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)


def _answers(target: str, more: str, larger: str) -> dict[tuple[str, str], str]:
    return {(target, "more"): more, (target, "larger"): larger}


def _fixed_effects(label: str) -> Course:
    return Course(
        label,
        "β_W",
        _answers("beta_within", "yes", "yes"),
        "yes",
        {"new-clusters": "no", "same-clusters": "yes"},
        {
            "estimates": "β_W",
            "efficient": "yes",
            "honest": "only for new students in the same schools",
        },
    )


COURSE: Mapping[str, Course] = MappingProxyType(
    {
        "pooled": Course(
            "Pooled",
            "a mixture",
            _answers("beta_within", "no", "no") | _answers("beta_between", "no", "no"),
            "for what?",
            {"new-clusters": "no"},
            {"estimates": "a mixture", "efficient": "for what?", "honest": "no"},
        ),
        "pooled_robust": Course("Pooled, robust SE"),
        "fixed_effects_separate": _fixed_effects("Fixed effects, separate slopes"),
        "fixed_effects_common": _fixed_effects("Fixed effects, common slope"),
        "two_stage": Course(
            "Two-stage",
            "β_W",
            _answers("beta_within", "yes", "yes"),
            "no",
            {"new-clusters": "yes"},
            {
                "estimates": "β_W",
                "efficient": "no, unless size and spread are alike",
                "honest": "yes",
            },
        ),
        "ecological": Course(
            "Ecological",
            "β_B",
            _answers("beta_between", "yes", "yes"),
            "no",
            {"new-clusters": "yes"},
            {"estimates": "β_B", "efficient": "no", "honest": "yes"},
        ),
        "hlm": Course(
            "HLM",
            "a mixture",
            _answers("beta_within", "no", "yes"),
            "yes",
            {"new-clusters": "yes"},
            {
                "estimates": "β_W if β_B = β_W, else a mixture nearer β_W",
                "efficient": "yes",
                "honest": "yes",
            },
        ),
        "hlm_contextual": Course(
            "HLM + context",
            "β_W and β_B",
            _answers("beta_within", "yes", "yes") | _answers("beta_between", "yes", "yes"),
            "yes",
            {"new-clusters": "yes"},
            {"estimates": "β_W and β_B", "efficient": "yes", "honest": "yes"},
        ),
        "gls_oracle": Course("GLS, true variances"),
    }
)


def course_of(method: str) -> Course:
    """Return the course's row, an empty one for a method that the course does not have."""
    return COURSE.get(method, Course(method))


def agreement(measured: Word, said: str, elsewhere: frozenset[Word] = frozenset()) -> str:
    """Mark a measured word beside what the course says.

    Parameters
    ----------
    measured : Word
    said : str
        The course's word, or "" for none.
    elsewhere : set of Word
        What was measured in other conditions: a claim that holds in some of them is not
        wrong but unfinished.

    Returns
    -------
    str
        ✓ agrees, ≈ the truth is finer, ✗ disagrees, ? undecided, "" nothing to compare.
    """
    if not said or measured in ("not studied here", "not measured"):
        return ""
    if measured == "undecided":
        return "?"
    if measured == said:
        return "✓"
    finer = measured == "it depends" or said not in ("yes", "no") or said in elsewhere
    return "≈" if finer else "✗"
