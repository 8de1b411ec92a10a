"""Run a study: conditions × blocks, in parallel, into results.

The unit of work is a block, whose random stream is opened by (seed, condition
key, block number): no number depends on how many workers there are, on their
order, or on the other conditions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import xarray as xr

from simlab.config import Parallel, Study
from simlab.parallel import Workers
from simlab.results import (
    MemoryResults,
    Results,
    Session,
    SumsResults,
    locked,
    open_results,
    recorded,
)
from simlab.runner.block import run_block, run_leaf
from simlab.runner.provenance import session
from simlab.runner.rounds import Rounds
from simlab.runner.schema import schema_of
from simlab.runner.work import Data, Work, prepare

__all__ = ["Progress", "run"]


class Progress(Protocol):
    """What `run` tells while it runs."""

    def start(self, replicates: int, done: int) -> None:
        """Say how many replicates there are in all, and how many were there already."""

    def advance(self, replicates: int, failures: int) -> None:
        """Say that a block arrived, and how many fits failed in it."""

    def expect(self, replicates: int, stopped: int, conditions: int) -> None:
        """Say how many there will be by what is known now, and how many conditions have stopped.

        Asked of studies that are sampled until a measure is known.
        """


def run(
    study: Study,
    *,
    data: Data = None,
    jobs: int | None = None,
    backend: str | None = None,
    scheduler: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    extend: bool = False,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Run a study.

    Parameters
    ----------
    study : Study
        From `simlab.load`.
    data : mapping of str to DataFrame, optional
        Data in memory, by the name that the study gives them; others are read from their files.
    jobs, backend, scheduler : optional
        Where it runs, instead of what the study says under `parallel`. The numbers do not depend
        on it. In a script, processes need `if __name__ == "__main__":` around what starts them.
    out : path, optional
        Zarr store to write to; an unfinished one of the same study is continued, after its
        finished blocks were checked. In memory when omitted.
    overwrite : bool
        Replace a store of another study rather than refuse it.
    extend : bool
        Where the store's study has fewer replicates or conditions and is the same otherwise, add
        what is missing, rather than refuse it.
    progress : Progress, optional
        Is told what arrives.

    Returns
    -------
    xarray.Dataset
        Estimates, truth and provenance; see `simlab.results`.

    Raises
    ------
    ConfigError, PopulationError, DataError
        When a condition cannot be drawn, or jobs, backend and scheduler do not fit.
    ParallelError
        When workers cannot be had, or are lost; what is finished is kept.
    StoreError
        When the store belongs to another study, is written by another process, or the disk
        refuses.

    Warns
    -----
    StoreWarning
        When blocks of the store are damaged, which are run again; or when it was begun with other
        versions of numpy, scipy or numba.
    """
    where = _where(study, jobs, backend, scheduler)
    work = prepare(study, data)
    schema = schema_of(work)
    if out is None:
        memory = MemoryResults(schema) if schema.summed is None else SumsResults(schema)
        return _fill(memory, Rounds(work, memory), work, where, progress, Session())
    with locked(out):
        results = open_results(out, schema, overwrite=overwrite, extend=extend)
        rounds = Rounds(work, results)
        if not rounds.next():
            return _fill(results, rounds, work, where, progress, Session())  # nothing to record
        with recorded(Path(out), session(where.backend, where.n_jobs)) as record:
            return _fill(results, rounds, work, where, progress, record)


def _fill(
    results: Results | SumsResults,
    rounds: Rounds,
    work: Work,
    where: Parallel,
    progress: Progress | None,
    record: Session,
) -> xr.Dataset:
    """Run every block that is wanted, wave after wave."""
    pending = rounds.next()
    if progress is not None:
        progress.start(rounds.expected, _replicates(results))
    if not pending:
        return results.dataset()
    function, shared = (
        (run_leaf, (work, results.summing))
        if isinstance(results, SumsResults)
        else (run_block, work)
    )
    with Workers(function, shared, where.backend, where.n_jobs, where.scheduler) as workers:
        while pending:
            for found in workers.do(pending):
                results.write(found)
                record.blocks += 1
                if progress is not None:
                    progress.advance(found.replicates, found.failures)
            pending = rounds.next()
            if progress is not None and work.rule is not None:
                progress.expect(rounds.expected, rounds.settled, len(work.jobs))
    return results.dataset()


def _where(study: Study, jobs: int | None, backend: str | None, scheduler: str | None) -> Parallel:
    """What the study says of where it runs, but for what is said instead.

    A scheduler alone says dask, and another backend than dask needs no scheduler.
    """
    backend = backend or ("dask" if scheduler else None)
    said = {"n_jobs": jobs, "backend": backend, "scheduler": scheduler}
    instead: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    if backend not in (None, "dask"):
        instead["scheduler"] = scheduler
    return study.replace(parallel={**study.parallel.model_dump(), **instead}).parallel


def _replicates(results: Results | SumsResults) -> int:
    """How many replicates are there."""
    rows = (results.schema.rows(int(number)) for _, number in np.argwhere(results.done))
    return sum(row.stop - row.start for row in rows)
