"""A section of the report: what is timed, and the table that is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.clock import Action, Measured, Repeats
from benchmarks.units import duration, factor, spread, three

Row = tuple[str, ...]
BESIDE: Row = ("what", "simlab", "min to max", "peer", "min to max", "ratio", "min to max")


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is done.

    Attributes
    ----------
    repeats : int
        Rounds that are counted.
    quick : bool
        Small sizes and few of them: to try it out, not to be quoted.
    """

    repeats: int
    quick: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """What is timed, and what is said of it.

    Attributes
    ----------
    title : str
        Its heading.
    words : str
        What the numbers are, which clock, and how to read them.
    actions : mapping of str to Action
        What is timed, in turn.
    columns : tuple of str
        Heads of the table.
    rows : callable
        Its rows, of what was measured.
    notes : tuple of str
        What else was found.
    versions : mapping of str to str
        Software beside simlab's own.
    """

    title: str
    words: str
    actions: Mapping[str, Action]
    columns: Row
    rows: Callable[[Measured], list[Row]]
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


Builder = Callable[[Effort, ExitStack], Section]
"""Makes a section; what it opens is closed with the stack."""


def beside(what: str, ours: Repeats, theirs: Repeats | str) -> Row:
    """One row of a table with the columns `BESIDE`.

    Parameters
    ----------
    what : str
        What is compared.
    ours, theirs : Repeats
        Seconds of simlab and of a peer, measured in turn; or why there are none of the peer.
    """
    own = (what, duration(ours.median), spread(ours, duration))
    if isinstance(theirs, str):
        return (*own, f"skipped: {theirs}", "", "", "")
    ratio = theirs.over(ours)
    return (
        *own, duration(theirs.median), spread(theirs, duration),
        f"**{factor(ratio.median)}**", spread(ratio, three),
    )  # fmt: skip
