"""One block: replicates drawn, estimated and tested."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd
from numpy.random import Generator

from simlab.estimators.base import ERROR, About, Estimates, Sample
from simlab.hypotheses import Sampling, evaluate
from simlab.inference import infer
from simlab.moments import Floats, Ints, Moments
from simlab.results import Block, Leaf, Summing
from simlab.runner.work import Job, Work
from simlab.sampling import METHOD, NULL_DRAWS, Drawn, Key, Part, stream

__all__ = ["SLAB", "run_block", "run_leaf"]

SLAB = 2**14  # clusters × replicates that the estimators see at once: what fits in a cache


def run_block(work: Work, condition: int, number: int, only: int | None = None) -> Block:
    """Draw one block and apply every estimator and every test to it.

    Parameters
    ----------
    work : Work
        The study.
    condition, number : int
        Which block.
    only : int, optional
        Estimate nothing but this replicate of the block, from 0: a block of one.

    Returns
    -------
    Block
        With the last block of a condition as short as it must be.
    """
    began, started = time.time(), time.thread_time()
    study, job = work.study, work.jobs[condition]
    size = min(study.block, study.replicates - number * study.block)
    keep_rows = any(method.needs == "rows" for method in work.methods)
    drawn = job.source.draw(study.seed, job.key, number, size, keep_rows)
    first = number * study.block  # number of the first replicate
    if only is not None:
        drawn, size, first = drawn.at(only), 1, first + only
    E, T = len(work.methods), len(work.terms)
    mixed = [method for method in work.methods if method.mixed]
    estimate, std_error, df = (np.full((size, E, T), np.nan) for _ in range(3))
    status, dropped = np.full((size, E), ERROR, np.int8), np.zeros((size, E), np.int32)
    G, sigma2 = np.full((size, len(mixed), 2, 2), np.nan), np.full((size, len(mixed)), np.nan)
    messages = {(b, e): text for b, text in drawn.errors.items() for e in range(E)}
    for where, sample in _samples(work, job, first, drawn):
        for e, method in enumerate(work.methods):
            fitted: Estimates = method.fit(sample)
            place = (where[:, None], e, work.columns[method.name])
            estimate[place], std_error[place] = fitted.estimate, fitted.std_error
            df[place] = fitted.df
            status[where, e], dropped[where, e] = fitted.status, fitted.dropped
            messages |= {(int(where[b]), e): text for b, text in fitted.messages.items()}
            if method.mixed and fitted.G is not None:
                G[where, mixed.index(method)] = fitted.G
                sigma2[where, mixed.index(method)] = fitted.sigma2
    tests: tuple[Floats | None, Floats | None] = None, None
    if work.hypotheses:
        tests = _test(work, job, first, drawn.parts[0].moments)
    told = tuple((b, work.methods[e].name, messages[b, e]) for b, e in sorted(messages))
    return Block(
        condition, number, estimate, std_error, df,
        *infer(estimate, std_error, df, study.level),
        status, dropped, G, sigma2, time.thread_time() - started, began, time.time(), *tests, told,
    )  # fmt: skip


def run_leaf(shared: tuple[Work, Summing], condition: int, number: int) -> Leaf:
    """Run one block and sum it, where a study keeps measures: no replicate is sent back."""
    work, summing = shared
    return summing.leaf(run_block(work, condition, number))


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
            about = About(
                job.source.sectors,
                partial(_frame, part, start),
                partial(_stream, work.study.seed, job.key, where + first),
            )
            yield where, Sample(part.moments.take(some), job.source.known, rows, about)


def _frame(part: Part, start: int, b: int) -> pd.DataFrame:
    return part.frame(start + b)


def _stream(seed: int, key: Key, replicates: Ints, b: int, name: str) -> Generator:
    """Open the stream of a user's method in one replicate."""
    return stream(seed, key, METHOD, int(replicates[b]), name)


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
        return Sampling(stream(study.seed, key, NULL_DRAWS, first + b, name), draws, stop)

    each = [
        evaluate(hypothesis, work.kinds, moments, partial(sampling, hypothesis.name))
        for hypothesis in work.hypotheses
    ]
    statistics, p_values = zip(*each, strict=True)
    return np.stack(statistics, axis=1), np.stack(p_values, axis=1)
