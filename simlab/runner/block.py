"""One block: replicates drawn, estimated and tested."""

from __future__ import annotations

import time
from functools import partial

import numpy as np

from simlab.estimators.base import Estimates, Sample
from simlab.hypotheses import Sampling, evaluate
from simlab.inference import infer
from simlab.moments import Floats, Moments, Rows
from simlab.results import Block
from simlab.runner.work import Job, Work
from simlab.sampling import NULL_DRAWS, draw_block, stream

__all__ = ["SLAB", "run_block"]

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
    started = time.thread_time()
    study, job = work.study, work.jobs[condition]
    size = min(study.block, study.replicates - number * study.block)
    keep_rows = any(method.needs == "rows" for method in work.methods)
    moments, rows = draw_block(
        job.plan, job.condition.scheme, job.rows,
        study.seed, job.key, number, size, keep_rows,
    )  # fmt: skip
    before = 0
    if only is not None:
        before, size, part = only, 1, slice(only, only + 1)
        moments = moments.take(part)
        rows = rows if rows is None else Rows(rows.x, rows.y, rows.first[part])
    E, T = len(work.methods), len(work.terms)
    mixed = [method for method in work.methods if method.mixed]
    estimate, std_error, df = (np.full((size, E, T), np.nan) for _ in range(3))
    status, dropped = np.empty((size, E), np.int8), np.empty((size, E), np.int32)
    G, sigma2 = np.full((size, len(mixed), 2, 2), np.nan), np.full((size, len(mixed)), np.nan)
    step = max(1, SLAB // job.plan.J)
    for first in range(0, size, step):
        part = slice(first, min(first + step, size))
        some = Rows(rows.x, rows.y, rows.first[part]) if rows is not None else None
        sample = Sample(moments.take(part), job.known, some)
        for e, method in enumerate(work.methods):
            fitted: Estimates = method.fit(sample)
            place = (part, e, work.columns[method.name])
            estimate[place], std_error[place] = fitted.estimate, fitted.std_error
            df[place] = fitted.df
            status[part, e], dropped[part, e] = fitted.status, fitted.dropped
            if method.mixed:
                G[part, mixed.index(method)] = fitted.G
                sigma2[part, mixed.index(method)] = fitted.sigma2
    tests = _test(work, job, number * study.block + before, moments)
    return Block(
        condition, number, estimate, std_error, df,
        *infer(estimate, std_error, df, study.level),
        status, dropped, G, sigma2, time.thread_time() - started, *tests,
    )  # fmt: skip


def _test(work: Work, job: Job, first: int, moments: Moments) -> tuple[Floats, Floats] | tuple[()]:
    """Statistics (b, test) and p-values (b, test, kind) of a block; nothing without tests.

    Every test of every replicate draws from a stream of its own, `first` being the number of the
    block's first replicate.
    """
    study, key = work.study, job.key
    if study.tests is None:
        return ()
    draws, stop = study.tests.draws, study.tests.stop

    def sampling(name: str, b: int) -> Sampling:
        return Sampling(stream(study.seed, key, NULL_DRAWS, first + b, name), draws, stop)

    each = [
        evaluate(hypothesis, work.kinds, moments, partial(sampling, hypothesis.name))
        for hypothesis in work.hypotheses
    ]
    statistics, p_values = zip(*each, strict=True)
    return np.stack(statistics, axis=1), np.stack(p_values, axis=1)
