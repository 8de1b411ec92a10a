"""The same study for other parameters that the data allow, to tell how sure a verdict is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from simlab.auditing.performance import LABELS, PER_TARGET, Outcomes, performance
from simlab.auditing.studies import METHODS, QUESTIONS, other_study
from simlab.auditing.subject import Parameters, Subject
from simlab.config import Study
from simlab.moments import Floats
from simlab.parallel import in_threads
from simlab.results.schema import TARGETS
from simlab.runner import Progress, prepare, run_block, targets_of

Measured = dict[str, tuple[Floats, Floats]]

DIMS = ("parameters", "question", "estimator", "term", "target")


def measure_base(ds: xr.Dataset) -> tuple[list[Measured], Floats]:
    """Measure the first study: performance and targets (term, target) of each question."""
    part = ds.sel(estimator=list(METHODS))
    measured = []
    for c in range(len(QUESTIONS)):
        arrays: list[NDArray[Any]] = [part[name].values[c] for name in Outcomes._fields]
        measured.append(performance(Outcomes(*arrays), part["truth"].values[c]))
    return measured, part["truth"].values


def measure_others(
    subject: Subject,
    sets: Sequence[Parameters],
    base: Study,
    jobs: int,
    progress: Progress | None,
) -> Iterator[tuple[list[Measured], Floats]]:
    """Run and measure the study of every parameter set, without keeping its estimates.

    The unit of work is a parameter set, one thread from its first block to its measures: no
    thread waits for others, and only the measures remain.
    """
    if progress is not None:
        progress.start(base.replicates * len(sets) * len(QUESTIONS), 0)
    tasks = ((subject, one, base) for one in sets)
    for measured, truth, failures in in_threads(_one_set, tasks, jobs):
        if progress is not None:
            progress.advance(base.replicates * len(QUESTIONS), failures)
        yield measured, truth


def _one_set(
    subject: Subject, other: Parameters, base: Study
) -> tuple[list[Measured], Floats, int]:
    study = other_study(subject, other, base)
    work = prepare(study, {subject.name: subject.rows})
    measured, truths, failures = [], [], 0
    for c in range(len(QUESTIONS)):
        blocks = [run_block(work, c, b) for b in range(-(-study.replicates // study.block))]
        outcomes = Outcomes._make(
            np.concatenate([getattr(block, name) for block in blocks]) for name in Outcomes._fields
        )
        truths.append(targets_of(work, c))
        measured.append(performance(outcomes, truths[-1]))
        failures += int((outcomes.status > 1).sum())
    return measured, np.array(truths), failures


def dataset(sets: Sequence[tuple[list[Measured], Floats]], terms: Sequence[str]) -> xr.Dataset:
    """Put measures side by side.

    Parameters
    ----------
    sets : sequence of (measures by question, targets)
        As estimated first, then drawn.
    terms : sequence of str
        Labels.

    Returns
    -------
    Dataset
        Along parameters (0 as estimated, then draws), question, estimator, term, and target
        where there is one: the measures of `performance`, each with its `_mcse`, and `truth`.
    """
    variables: dict[str, Any] = {}
    for name, label in LABELS.items():
        dims = DIMS if name in PER_TARGET else DIMS[:-1]
        for i, (suffix, prefix) in enumerate((("", ""), ("_mcse", "Monte Carlo standard error: "))):
            values = np.array([[one[name][i] for one in measured] for measured, _ in sets])
            variables[name + suffix] = (dims, values, {"long_name": prefix + label})
    truth = np.array([truth for _, truth in sets])
    variables["truth"] = (
        ("parameters", "question", "term", "target"), truth, {"long_name": "what a term aims at"},
    )  # fmt: skip
    coords = {
        "parameters": np.arange(len(sets)),
        "question": list(QUESTIONS),
        "estimator": list(METHODS),
        "term": list(terms),
        "target": list(TARGETS),
    }
    return xr.Dataset(variables, coords)
