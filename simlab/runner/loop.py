"""Run a study: conditions × blocks, in parallel, into results.

The unit of work is a block, whose random stream is opened by (seed, condition
key, block number): no number depends on how many workers there are, on their
order, or on the other conditions.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import xarray as xr

from simlab.config import Parallel, Study
from simlab.data.frames import DataSets
from simlab.parallel import Task, Watch, Workers, require
from simlab.results import (
    Earlier,
    Session,
    Stored,
    SumsResults,
    kind_of,
    locked,
    open_earlier,
    open_results,
    recorded,
)
from simlab.runner.block import run_block, run_leaf
from simlab.runner.footprint import Room
from simlab.runner.provenance import session
from simlab.runner.rounds import Rounds, Wave
from simlab.runner.schema import schema_of
from simlab.runner.watch import has_own_code, last_words, own_code_named, watch_of
from simlab.runner.work import Work, prepare

T = TypeVar("T")


class Progress(Protocol):
    """Protocol of what `run` reports while it runs."""

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
    data: DataSets | None = None,
    jobs: int | None = None,
    backend: str | None = None,
    scheduler: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    extend: bool = False,
    patience: float | None = None,
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
        Where the store's study has fewer replicates, conditions, estimators, tests or measures and
        is the same otherwise, add what is missing, rather than refuse it.
    patience : float, optional
        Seconds that one call of a user's function may take. With loky the process that takes
        longer is ended, the replicate has the status error, and the run goes on; with threads a
        `RunWarning` names it.
    progress : Progress, optional
        Counts what arrives.

    Returns
    -------
    xarray.Dataset
        Estimates, truth and provenance; see `simlab.results`.

    Raises
    ------
    ConfigError
        When a condition cannot be drawn, or jobs, backend, scheduler and patience do not fit; or
        when there is less memory than the study needs.
    ParallelError
        When workers cannot be had, or are lost, or die again and again of the same function; what
        is finished is kept.
    RunError
        When something fails that is no function of the user's, in a study that has such.
    StoreError
        When the store belongs to another study, is written by another process, or the disk
        refuses.

    Warns
    -----
    StoreWarning
        When blocks of the store are damaged, which are run again; or when it was begun with other
        versions of numpy, scipy or numba.
    RunWarning
        When something takes longer than the patience.
    """
    where = _where(study, jobs, backend, scheduler)
    watch = watch_of(patience, where)
    require(where.backend)
    in_memory = out is None and study.keep == "replicates"
    work = prepare(study, data, Room(where, study.least if in_memory else 0))
    schema = schema_of(work)
    results: Stored
    earlier: Earlier | None = None
    store: Path | None = None
    with ExitStack() as stack:
        if out is None:
            results = kind_of(schema)(schema)
        else:
            stack.enter_context(locked(out))
            stack.enter_context(_same_folder())
            results = open_results(out, schema, overwrite=overwrite, extend=extend)
            # absolute, for the user's code may go to another folder
            store = results.path = Path(out).absolute()
            earlier = open_earlier(results)
        rounds, record = Rounds(work, results), Session()
        pending = rounds.next()
        if progress is not None:
            progress.start(rounds.expected, int(results.finished.replicates().sum()))
        if pending and store is not None:
            facts = session(where.backend, where.n_jobs)
            record = stack.enter_context(recorded(store, facts))
        with _workers(results, work, where, watch) as workers, last_words(work, where):
            while pending:
                for block in _named(workers.do(_tasks(pending, earlier)), work):
                    results.write(block if earlier is None else earlier.completed(block))
                    record.blocks += 1
                    if progress is not None:
                        progress.advance(block.replicates, block.failures)
                pending = rounds.next()
                if progress is not None and work.rule is not None:
                    progress.expect(rounds.expected, rounds.settled, len(work.jobs))
        with own_code_named(work.code):
            ds = results.dataset()
        if earlier is not None:
            earlier.remove()
        return ds


def _workers(results: Stored, work: Work, where: Parallel, watch: Watch) -> Workers:
    """Workers that run blocks; where a study keeps measures, that sum them too."""
    function, shared = (
        (run_leaf, (work, results.summing))
        if isinstance(results, SumsResults)
        else (run_block, work)
    )
    return Workers(
        function, shared, where.backend, where.n_jobs, where.scheduler,
        here=not has_own_code(work), watch=watch,
    )  # fmt: skip


def _named(blocks: Iterable[T], work: Work) -> Iterator[T]:
    """Yield blocks; what goes wrong meanwhile names the user's code, what the caller raises not."""
    with own_code_named(work.code):
        yield from blocks


@contextmanager
def _same_folder() -> Iterator[None]:
    """End in the folder in which the work began, wherever the user's code went."""
    here = os.getcwd()
    try:
        yield
    finally:
        os.chdir(here)


def _tasks(wave: Wave, earlier: Earlier | None) -> Iterator[Task]:
    """Yield blocks as they are sent to workers: of those done before, only what they lack."""
    for block in wave:
        missing = earlier.missing(*block) if earlier else None
        yield block if missing is None else (*block, missing, ())


def _where(study: Study, jobs: int | None, backend: str | None, scheduler: str | None) -> Parallel:
    """Where a study runs: as it says itself, but for the arguments that are given.

    A scheduler alone says dask, and another backend than dask needs no scheduler.
    """
    backend = backend or ("dask" if scheduler else None)
    given = {"n_jobs": jobs, "backend": backend, "scheduler": scheduler}
    instead: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if backend not in (None, "dask"):
        instead["scheduler"] = scheduler
    return study.replace(parallel={**study.parallel.model_dump(), **instead}).parallel
