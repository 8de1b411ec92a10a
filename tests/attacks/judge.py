"""What is asked of every command, whatever it was given: a refusal in lines, or an answer.

What an answer must be is known to the sort of attack alone.
"""

import re
from dataclasses import dataclass

LONGEST = 3000
"""Characters of a line that says what is wrong."""

MEMORY = 3000
"""MB that may be resident, of which the warm parent has some hundreds."""

FAULTS = ("traceback", "hang", "misreading", "crash", "status", "words", "memory", "orphans")


@dataclass
class Verdict:
    """What came of an attack: how it ended, and the fault if there is one."""

    ended: str  # refused, answered, continued
    fault: str = ""  # one of FAULTS
    why: str = ""
    seconds: float = 0.0
    memory: float = 0.0


def judge(outcome, names=(), answers=(0,), refusals=(1, 2), memory=MEMORY):
    """Judge what holds for every command.

    A refusal says why on stderr, in lines that can be printed, one of which has one of the names.
    """

    def fault(kind, why):
        return Verdict("failed", kind, why[:600], outcome.seconds, outcome.memory)

    if outcome.hung:
        return fault("hang", f"still at work after {outcome.seconds:.0f} s")
    if "Traceback (most recent call last)" in outcome.err:
        return fault("traceback", outcome.err[-600:])
    if outcome.status < 0:
        return fault("crash", f"ended by signal {-outcome.status}; {outcome.err[-300:]}")
    if outcome.left:
        return fault("orphans", f"left {len(outcome.left)} processes")
    if outcome.memory > memory:
        return fault("memory", f"{outcome.memory:.0f} MB")
    if warned := re.search(r"\.py:\d+: \w*Warning.*", outcome.err):
        return fault("words", f"a warning of Python's own: {warned[0]}")
    if outcome.status in answers:
        return Verdict("answered", "", "", outcome.seconds, outcome.memory)
    if outcome.status not in refusals:
        return fault("status", f"exit status {outcome.status}; {outcome.err[-300:]}")
    lines = outcome.err.splitlines()
    if not any(lines):
        return fault("words", f"refused without a word; stdout {outcome.out[:200]!r}")
    unreadable = [line for line in lines if not line.isprintable() or len(line) > LONGEST]
    if unreadable:
        return fault("words", f"not a readable line: {unreadable[0][:300]!r}")
    if names and not any(name in outcome.err for name in names):
        return fault("words", f"names none of {', '.join(names)}: {outcome.err[:300]!r}")
    return Verdict("refused", "", outcome.err[:300], outcome.seconds, outcome.memory)


def misread(verdict, why):
    """The verdict of an answer that is wrong."""
    return Verdict("failed", "misreading", str(why)[:600], verdict.seconds, verdict.memory)
