"""One block: replicates drawn, estimated and tested."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np
from numpy.random import Generator

from simlab.custom.calls import Orders, within
from simlab.estimators.base import About, Estimates, Sample
from simlab.inference import Inference, infer
from simlab.kernels import compiled
from simlab.moments import Floats, Ints, Moments
from simlab.parallel import doing
from simlab.results import Block, BlockMessages, Leaf, Missing, Summing
from simlab.runner.work import Job, Work
from simlab.sampling import METHOD, NULL_DRAWS, Drawn, Part, stream
from simlab.testing.studied import Sampling, evaluate
from simlab.words import Status

SLAB = 2**14  # clusters × replicates that the estimators see at once: what fits in a cache


@compiled()
def run_block(
    work: Work,
    condition: int,
    number: int,
    part: Missing | None = None,
    orders: Orders = (),
    only: int | None = None,
) -> Block:
    """Draw one block, the last of a condition as short as it must be, and estimate and test it.

    With `part`, by these estimators and tests and no others; with `only`, nothing but that
    replicate of the block, from 0: a block of one. `orders` are calls of the user's code that are
    left out.
    """
    began, started = time.time(), time.thread_time()
    work = work if part is None else work.only(*part)
    study, job = work.study, work.jobs[condition]
    size = min(study.block, study.replicates - number * study.block)
    keep_rows = any(method.needs == "rows" for method in work.methods)
    first = number * study.block  # number of the first replicate
    with within(condition, number, orders):
        with doing(condition, number, first, first + size - 1, "drawing"):
            drawn = job.source.draw(study.seed, job.key, number, size, keep_rows)
        if only is not None:
            drawn, size, first = drawn.at(only), 1, first + only
        fits = _Fits(work, size, drawn, job.generator)
        for where, sample in _samples(work, job, first, drawn):
            some = (condition, number, int(where[0]) + first, int(where[-1]) + first)
            for e, method in enumerate(work.methods):
                with doing(*some, method.name):
                    fits.put(where, e, method.fit(sample))
    tests: tuple[Floats | None, Floats | None] = None, None
    if work.hypotheses:
        with doing(condition, number, first, first + size - 1, "the tests"):
            tests = _test(work, job, first, drawn.parts[0].moments)
    return Block(
        condition, number, fits.estimate, fits.std_error, fits.df, *fits.inference(),
        fits.status, fits.dropped, fits.G, fits.sigma2,
        time.thread_time() - started, began, time.time(), *tests, *fits.messages(),
    )  # fmt: skip


class _Fits:
    """The arrays of a block, (size, E, …), filled as its samples are fitted."""

    def __init__(self, work: Work, size: int, drawn: Drawn, generator: str) -> None:
        E, T = len(work.methods), len(work.terms)
        self._work = work
        self._mixed = [method for method in work.methods if method.mixed]
        self.estimate, self.std_error, self.df = (np.full((size, E, T), np.nan) for _ in range(3))
        self._own = Inference(*(np.full((size, E, T), np.nan) for _ in range(3)))
        self._has_own = np.zeros((size, E), np.bool_)
        self.status = np.full((size, E), Status.ERROR, np.int8)
        self.dropped = np.zeros((size, E), np.int32)
        self.G = np.full((size, len(self._mixed), 2, 2), np.nan)
        self.sigma2 = np.full((size, len(self._mixed)), np.nan)
        self._names = [*(method.name for method in work.methods), generator]
        self._errors = {(b, e): text for b, text in drawn.errors.items() for e in range(E)}
        self._warnings = {(b, E): texts for b, texts in drawn.warnings.items()}

    def put(self, where: Ints, e: int, fitted: Estimates) -> None:
        """Put the fits of a method into the arrays of the block."""
        method = self._work.methods[e]
        columns = self._work.columns[method.name]
        first, last = int(where[0]), int(where[-1]) + 1
        together = last - first == len(where)
        rows = slice(first, last) if together else where
        index = (rows if together else where[:, None], e, columns)
        self.estimate[index], self.std_error[index] = fitted.estimate, fitted.std_error
        self.df[index] = fitted.df
        self.status[rows, e], self.dropped[rows, e] = fitted.status, fitted.dropped
        if fitted.lower is not None:
            self._has_own[rows, e] = True
            for name, values in self._own._asdict().items():
                values[index] = getattr(fitted, name)
        if method.mixed and fitted.G is not None:
            m = self._mixed.index(method)
            self.G[rows, m], self.sigma2[rows, m] = fitted.G, fitted.sigma2
        self._errors |= {(int(where[b]), e): text for b, text in fitted.messages.items()}
        self._warnings |= {(int(where[b]), e): texts for b, texts in fitted.warnings.items()}

    def inference(self) -> Inference:
        """Intervals and p-values: a method's own, or Student's t."""
        student_t = infer(self.estimate, self.std_error, self.df, self._work.study.level)
        if not self._has_own.any():
            return student_t
        own = self._has_own[:, :, None]
        both = zip(self._own, student_t, strict=True)
        return Inference(*(np.where(own, mine, t) for mine, t in both))

    def messages(self) -> tuple[BlockMessages, BlockMessages]:
        """Errors; and warnings, those of a generator by its own name."""
        errors = ((b, e, (text,)) for (b, e), text in self._errors.items())
        warned = ((b, e, texts) for (b, e), texts in self._warnings.items())
        return self._named(errors), self._named(warned)

    def _named(self, entries: Iterable[tuple[int, int, tuple[str, ...]]]) -> BlockMessages:
        return tuple((b, self._names[e], text) for b, e, texts in sorted(entries) for text in texts)


def run_leaf(
    shared: tuple[Work, Summing],
    condition: int,
    number: int,
    part: Missing | None = None,
    orders: Orders = (),
) -> Leaf:
    """Run one block and sum it, where a study keeps measures: no replicate is sent back."""
    work, summing = shared
    return summing.leaf(run_block(work, condition, number, part, orders))


def _samples(work: Work, job: Job, first: int, drawn: Drawn) -> Iterator[tuple[Ints, Sample]]:
    """Yield what the estimators see at once, and where it stands in the block.

    `first` is the number of the block's first replicate.
    """
    for part in drawn.parts:
        step = max(1, SLAB // part.moments.n.shape[1])
        for start in range(0, len(part.where), step):
            some = slice(start, min(start + step, len(part.where)))
            where, rows = part.where[some], part.rows
            rows = rows and rows._replace(first=rows.first[some])
            about = _about(work, job, part, start, where + first)
            yield where, Sample(part.moments.take(some), job.source.known, rows, about)


def _about(work: Work, job: Job, part: Part, start: int, numbers: Ints) -> About:
    """Facts of some replicates that a user's method may ask for, in `part` from start."""

    def rng(b: int, name: str) -> Generator:
        """Random stream of a method in replicate b."""
        return stream(work.study.seed, job.key, METHOD, int(numbers[b]), name)

    return About(
        job.source.sectors, lambda b: part.frame(start + b), rng,
        tuple(numbers.tolist()), work.study.level,
    )  # fmt: skip


def _test(work: Work, job: Job, first: int, moments: Moments) -> tuple[Floats, Floats]:
    """Statistics (b, test) and p-values (b, test, kind) of a block.

    Every test of every replicate draws from a stream of its own, `first` being the number of the
    block's first replicate. Common random numbers are common here too: p-values of two conditions
    then differ by the conditions, not by the draws that estimate them.
    """
    study, key = work.study, job.key
    assert study.tests is not None
    draws, stop = study.tests.draws, study.tests.stop

    def sampling(name: str, b: int) -> Sampling:
        """Random stream of a test in replicate b, and its draws."""
        return Sampling(stream(study.seed, key, NULL_DRAWS, first + b, name), draws, stop)

    each = [
        evaluate(hypothesis, work.kinds, moments, partial(sampling, hypothesis.name))
        for hypothesis in work.hypotheses
    ]
    statistics, p_values = zip(*each, strict=True)
    return np.stack(statistics, axis=1), np.stack(p_values, axis=1)
