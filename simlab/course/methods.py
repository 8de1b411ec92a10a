"""The course's words on each method, in short."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from simlab.words import NEW, SAME, TARGETS


@dataclass(frozen=True, slots=True)
class Course:
    """The course's row for one method; "" and nothing where it says nothing."""

    estimates: str = ""  # what its slope is for
    # (target, sweep) sweeps are "more" and "larger" clusters
    consistent: Mapping[tuple[str, str], str] = field(default_factory=dict)
    efficient: str = ""  # "yes", "no", or the course's own question
    honest: Mapping[str, str] = field(default_factory=dict)
    # how the course puts an answer that is more than its word
    finer: Mapping[str, str] = field(default_factory=dict)
    # what differs between clusters wherever it calls a standard error dishonest: "slopes" or
    # "anything"
    supposes: str = ""

    def words(self, question: str) -> str:
        """Print the answer to "estimates", "efficient" or "honest"."""
        plain = {"estimates": self.estimates, "efficient": self.efficient}
        plain["honest"] = self.honest.get(NEW, "")
        return self.finer.get(question) or plain[question] or "—"


_W, _B = ({(target, "more"): "yes", (target, "larger"): "yes"} for target in TARGETS)
_NO = dict.fromkeys((*_W, *_B), "no")
_FIXED = (
    "β_W", _W, "yes", {NEW: "no", SAME: "yes"},
    {"honest": "only for new students in the same schools"}, "slopes",
)  # fmt: skip
_HONEST, _DISHONEST = {NEW: "yes"}, {NEW: "no"}

COURSE: Mapping[str, Course] = MappingProxyType({
    "pooled": Course("a mixture", _NO, "for what?", _DISHONEST, {}, "anything"),
    "fixed_effects_separate": Course(*_FIXED),
    "fixed_effects_common": Course(*_FIXED),
    "two_stage": Course(
        "β_W", _W, "no", _HONEST, {"efficient": "no, unless size and spread are alike"}
    ),
    "ecological": Course("β_B", _B, "no", _HONEST),
    "hlm": Course(
        "a mixture", {**_W, ("beta_within", "more"): "no"}, "yes", _HONEST,
        {"estimates": "β_W if β_B = β_W, else a mixture nearer β_W"},
    ),
    "hlm_contextual": Course("β_W and β_B", {**_W, **_B}, "yes", _HONEST),
})  # fmt: skip


def course_of(method: str) -> Course:
    """Return the course's row, an empty one for a method that the course does not have."""
    return COURSE.get(method, Course())
