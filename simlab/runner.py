"""Run a study: conditions × blocks, in parallel, into results.

The unit of work is a block, whose random stream is opened by (seed, condition
key, block number): no number depends on how many workers there are, on their
order, or on the other conditions.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from simlab.config import ConfigError, Finding, Study, locate
from simlab.design import Condition, conditions
from simlab.estimators import METHODS, REGISTRY
from simlab.estimators.base import (
    KINDS,
    Estimates,
    Estimator,
    Known,
    Sample,
    sector_contrasts,
    term_names,
)
from simlab.hypotheses import KINDS as TEST_KINDS
from simlab.hypotheses import REGISTRY as TESTS
from simlab.hypotheses import Hypothesis, Kind, Sampling, evaluate
from simlab.inference import infer
from simlab.limits import new_cluster_limits, same_cluster_limits
from simlab.moments import Floats, Moments, Rows
from simlab.parallel import in_threads
from simlab.population import Clusters, Plan, compile_plan, needs_rows, truth
from simlab.results import Block, MemoryResults, Results, Schema, Status, ZarrResults, open_results
from simlab.sampling import NULL_DRAWS, block_clusters, draw_block, stream

Data = Mapping[str, pd.DataFrame] | None

SLAB = 2**14  # clusters × replicates that the estimators see at once: what fits in a cache


class Progress(Protocol):
    """What `run` tells while it runs."""

    def start(self, replicates: int, done: int) -> None:
        """Say how many replicates there are in all, and how many were there already."""

    def advance(self, replicates: int, failures: int) -> None:
        """Say that a block arrived, and how many fits failed in it."""


@dataclass(frozen=True, slots=True)
class Job:
    """A condition, compiled: all that a worker needs."""

    condition: Condition
    plan: Plan
    known: Known
    rows: bool


@dataclass(frozen=True, slots=True)
class Work:
    """A study, compiled.

    Attributes
    ----------
    study : Study
        As declared.
    methods : tuple of Estimator
        Its estimators, in the order of the registry.
    jobs : tuple of Job
        One per condition.
    terms : tuple of str
        The union of the estimators' terms.
    columns : mapping of str to array
        Place of each estimator's terms among them.
    hypotheses : tuple of Hypothesis
        Its tests, in the order of the registry.
    kinds : tuple of Kind
        The union of their kinds of p-value.
    """

    study: Study
    methods: tuple[Estimator, ...]
    jobs: tuple[Job, ...]
    terms: tuple[str, ...]
    columns: Mapping[str, Any]
    hypotheses: tuple[Hypothesis, ...]
    kinds: tuple[Kind, ...]


def prepare(study: Study, data: Data = None) -> Work:
    """Compile every condition of a study.

    Parameters
    ----------
    study : Study
        As declared.
    data : mapping of str to DataFrame, optional
        Data in memory, by the name that the study gives them; others are read from their files.

    Raises
    ------
    ConfigError, PopulationError, DataError
        When a condition cannot be drawn, or not tested.
    """
    names = study.estimators or tuple(REGISTRY)
    methods = tuple(method for method in METHODS if method.name in names)
    rows = any(method.needs == "rows" for method in methods)
    jobs = tuple(_job(condition, study, rows, data) for condition in conditions(study))
    sectors = jobs[0].plan.sectors
    terms = term_names(tuple(k for k in KINDS if any(k in m.kinds for m in methods)), sectors)
    columns = {
        m.name: np.array([terms.index(t) for t in term_names(m.kinds, sectors)]) for m in methods
    }
    hypotheses = _hypotheses(study, sectors)
    kinds = tuple(kind for kind in TEST_KINDS if any(kind in h.kinds for h in hypotheses))
    return Work(study, methods, jobs, terms, MappingProxyType(columns), hypotheses, kinds)


def _hypotheses(study: Study, sectors: tuple[str, ...]) -> tuple[Hypothesis, ...]:
    """What a study tests, in the order of the registry."""
    if study.tests is None:
        return ()
    found = [
        Finding(("tests", "names", i), f"unknown test {name!r}; known are {', '.join(TESTS)}")
        for i, name in enumerate(study.tests.names)
        if name not in TESTS
    ]
    if len(sectors) > 1:
        message = f"need a population of one sector, and this one has {', '.join(sectors)}"
        found.append(Finding(("tests",), message, at_key=True))
    if found:
        raise ConfigError(locate(study, found))
    return tuple(TESTS[name] for name in TESTS if name in study.tests.names)


def _job(condition: Condition, study: Study, rows: bool, data: Data) -> Job:
    plan = compile_plan(condition, study.base_dir, data)
    known = Known(np.array(condition.population.G), float(condition.population.sigma2))
    return Job(condition, plan, known, rows or condition.draw == "rows" or needs_rows(condition))


def run_block(work: Work, condition: int, number: int) -> Block:
    """Draw one block and apply every estimator and every test to it.

    Parameters
    ----------
    work : Work
        The study.
    condition, number : int
        Which block.

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
        study.seed, job.condition.key, number, size, keep_rows,
    )  # fmt: skip
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
    tests = _test(work, job, number * study.block, moments)
    return Block(
        condition, number, estimate, std_error, df,
        *infer(estimate, std_error, df, study.level),
        status, dropped, G, sigma2, time.thread_time() - started, *tests,
    )  # fmt: skip


def targets_of(work: Work, condition: int) -> Floats:
    """What the terms of one condition aim at, (term, target)."""
    plan = work.jobs[condition].plan
    true, contrast = truth(plan, _kept(work, condition)), sector_contrasts(len(plan.sectors))
    targets = np.full((len(work.terms), 2), np.nan)
    for kind, values in true.items():
        for i, name in enumerate(term_names((kind,), plan.sectors)):  # type: ignore[arg-type]
            if name in work.terms:
                targets[work.terms.index(name)] = contrast[i] @ values
    return targets


def _limits_of(work: Work, condition: int) -> Floats:
    """What the estimators of one condition converge to, (estimator, term)."""
    job, clusters = work.jobs[condition], _kept(work, condition)
    if clusters is None:
        limit = new_cluster_limits(job.plan, work.methods, job.known)
    else:
        limit = same_cluster_limits(job.plan, work.methods, clusters)
    contrast = sector_contrasts(len(job.plan.sectors))
    limits = np.full((len(work.methods), len(work.terms)), np.nan)
    for e, method in enumerate(work.methods):
        limits[e, work.columns[method.name]] = (limit[method.name] @ contrast.T).ravel()
    return limits


def _kept(work: Work, condition: int) -> Clusters | None:
    """Return the clusters that all replicates share; None where each draws its own."""
    job = work.jobs[condition]
    if job.condition.scheme == "new-clusters":
        return None
    key, seed = job.condition.key, work.study.seed
    return block_clusters(job.plan, job.condition.scheme, seed, key, 0, 1)


def _test(work: Work, job: Job, first: int, moments: Moments) -> tuple[Floats, Floats] | tuple[()]:
    """Statistics (b, test) and p-values (b, test, kind) of a block; nothing without tests.

    Every test of every replicate draws from a stream of its own, `first` being the number of the
    block's first replicate.
    """
    study, key = work.study, job.condition.key
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


def schema_of(work: Work) -> Schema:
    """Describe the Dataset that a study fills, with its truth and its provenance."""
    study = work.study
    each = range(len(work.jobs))
    levels = {
        factor: tuple(job.condition.levels[factor] for job in work.jobs)
        for factor in work.jobs[0].condition.levels
    }
    decisive = {
        "config": {**json.loads(study.to_json()), "verdicts": None, "description": None},
        "version": version("simlab"),
    }
    return Schema(
        replicates=study.replicates,
        block=study.block,
        estimators=tuple(method.name for method in work.methods),
        terms=work.terms,
        mixed=tuple(method.name for method in work.methods if method.mixed),
        keys=tuple(job.condition.key for job in work.jobs),
        levels=levels,
        truth=np.array([targets_of(work, c) for c in each]),
        limit=np.array([_limits_of(work, c) for c in each]),
        attrs=_provenance(study),
        fingerprint=hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest(),
        tests=tuple(hypothesis.name for hypothesis in work.hypotheses),
        kinds=work.kinds,
        null_holds=_null_holds(work),
    )


def _null_holds(work: Work) -> NDArray[np.bool_] | None:
    """(condition, test); None without tests."""
    if not work.hypotheses:
        return None
    return np.array([[h.holds(job.plan) for h in work.hypotheses] for job in work.jobs])


def _provenance(study: Study) -> dict[str, str | int | float]:
    packages = ("simlab", "numpy", "scipy", "numba", "xarray", "zarr")
    return {
        "name": study.name,
        "config": study.to_json(),
        "config_text": study.text,
        "seed": study.seed,
        "level": study.level,
        "versions": ", ".join(f"{name} {version(name)}" for name in packages),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "git_revision": _git_revision(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _git_revision() -> str:
    """Revision of the checkout that simlab runs from; empty when it is installed."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def run(
    study: Study,
    *,
    data: Data = None,
    jobs: int = -1,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Run a study.

    Parameters
    ----------
    study : Study
        From `simlab.load`.
    data : mapping of str to DataFrame, optional
        Data in memory, by the name that the study gives them; others are read from their files.
    jobs : int
        Threads; −1 for one per core. The numbers do not depend on it.
    out : path, optional
        Zarr store to write to; an unfinished one of the same study is continued.
        In memory when omitted.
    overwrite : bool
        Replace a store of another study rather than refuse it.
    progress : Progress, optional
        Is told what arrives.

    Returns
    -------
    xarray.Dataset
        Estimates, truth and provenance; see `simlab.results`.

    Raises
    ------
    ConfigError, PopulationError, DataError
        When a condition cannot be drawn.
    StoreError
        When the store belongs to another study or cannot be written.
    """
    work = prepare(study, data)
    schema = schema_of(work)
    results = _results(schema, out, overwrite)
    done = results.done
    pending = [(int(c), int(b)) for c, b in np.argwhere(~done)]
    total = study.replicates * len(work.jobs)
    if progress is not None:
        progress.start(total, total - sum(_size(study, b) for _, b in pending))
    for block in _blocks(work, pending, jobs):
        results.write(block)
        if progress is not None:
            failures = int((block.status >= Status.NOT_CONVERGED).sum())
            progress.advance(len(block.status), failures)
    return results.dataset()


def _results(schema: Schema, out: str | Path | None, overwrite: bool) -> Results:
    if out is None:
        return MemoryResults(schema)
    if not overwrite:
        return open_results(out, schema)
    return ZarrResults.create(out, schema, overwrite=True)


def _blocks(work: Work, pending: list[tuple[int, int]], jobs: int) -> Iterable[Block]:
    """Yield blocks as they are finished, in any order."""
    return in_threads(run_block, ((work, c, b) for c, b in pending), jobs, ordered=False)


def _size(study: Study, number: int) -> int:
    return min(study.block, study.replicates - number * study.block)
