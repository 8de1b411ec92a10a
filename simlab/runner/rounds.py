"""Rounds of blocks that are run next in every condition, until it is known well enough.

A round is a number of blocks that is fixed beforehand: the first has the fewest replicates that the
study allows, and each later one ends a quarter beyond the one before. A condition is judged at the
end of a round and nowhere else, by all blocks up to there and no other. So it is the same round
whatever the number of workers, the order in which blocks arrive, or the interruptions. A study
without a rule is one round.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from simlab.performance.named import Named, named
from simlab.results import DoneBlocks, Stop, Stored, Summing, SumsResults
from simlab.results.nodes import Tree
from simlab.runner.work import Work

GROWTH = 4  # A round adds one block for so many that are done


def next_end(done: int, first: int, most: int) -> int:
    """Block at which the next round ends, after `done` blocks, of at most `most`.

    The first round has `first` blocks.
    """
    return min(most, done + -(-done // GROWTH) if done else first)


class Wave:
    """Blocks that are wanted, one by one: of a large study a list would be larger than it.

    `ends` are conditions, and the block at which each one's round ends.
    """

    def __init__(self, finished: DoneBlocks, ends: Sequence[tuple[int, int]]) -> None:
        self._finished, self._ends = finished, ends

    def __iter__(self) -> Iterator[tuple[int, int]]:
        for condition, end in self._ends:
            yield from ((condition, number) for number in self._finished.missing(condition, end))

    def __bool__(self) -> bool:
        return next(iter(self), None) is not None


class Rounds:
    """The rounds of a study, wave after wave: one round of every condition that still needs one.

    Blocks of an earlier session that are in `results` count like others.
    """

    def __init__(self, work: Work, results: Stored) -> None:
        study = work.study
        self._work, self._results = work, results
        self._sums = _Sums(work, results) if work.rule is not None else None
        self._most = results.schema.blocks_per_condition
        self._first = -(-study.least // study.block)
        self._ends = [self._begun(results.finished.end(c)) for c in range(len(work.jobs))]
        self._open = set(range(len(work.jobs)))
        self._expected = [float(end) for end in self._ends]

    def _begun(self, last: int) -> int:
        """End of the last round that was begun: one that was not the last is past judging."""
        end = next_end(0, self._first, self._most)
        while end < last:
            end = next_end(end, self._first, self._most)
        return end

    def next(self) -> Wave:
        """Judge the rounds that are complete, and return what is missing in those that are not.

        The wave is false when every condition has stopped.
        """
        finished = self._results.finished
        for c in sorted(self._open):
            if next(finished.missing(c, self._ends[c]), None) is None:
                self._judge(c)
        return Wave(finished, [(c, self._ends[c]) for c in sorted(self._open)])

    def _judge(self, c: int) -> None:
        """Close a condition, or begin its next round."""
        rule, end = self._work.rule, self._ends[c]
        if rule is None:
            self._open.discard(c)
            return
        assert self._sums is not None
        mcse = rule.cells(self._sums(c, end)).worst
        if end < self._most and not mcse <= rule.mcse:
            self._ends[c] = next_end(end, self._first, self._most)
            # The square of the MCSE falls as 1/n.
            needed = self._most if math.isnan(mcse) else end * (mcse / rule.mcse) ** 2
            self._expected[c] = min(max(needed, self._ends[c]), self._most)
            return
        why = Stop.UNDEFINED if math.isnan(mcse) else Stop.MAXIMUM
        self._open.discard(c)
        self._expected[c] = end
        self._results.settle(c, Stop.REACHED if mcse <= rule.mcse else why)

    @property
    def settled(self) -> int:
        """Number of conditions that have stopped."""
        return len(self._ends) - len(self._open)

    @property
    def expected(self) -> int:
        """Replicates that all conditions will have, as far as is known."""
        return sum(self._results.schema.end(math.ceil(end)) for end in self._expected)


class _Sums:
    """Sums that a rule looks at: those that are kept, or of the replicates that are."""

    def __init__(self, work: Work, results: Stored) -> None:
        assert work.rule is not None
        self._results = results
        self._summing = Summing.of(results.schema, work.has, (work.rule.measure.stream,))
        self._tree = Tree(self._summing.layout, results.schema.block)
        self._ends = [0] * len(work.jobs)

    def __call__(self, c: int, end: int) -> Named:
        """Return the sums of a condition over its blocks up to `end`, which are all that it has."""
        if isinstance(self._results, SumsResults):
            return self._results.sums(c)
        for number in range(self._ends[c], end):
            self._tree.add(c, number, self._summing.leaf(self._results.read(c, number)).node)
        self._ends[c] = end
        layout, about = self._summing.layout, self._summing.aims[c]
        return named(self._tree.total(c), layout, about)
