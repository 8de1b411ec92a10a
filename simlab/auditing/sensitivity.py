"""Measures of each method in the sampled conditions: as estimated, and for other parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial, reduce

import numpy as np
import xarray as xr

from simlab.auditing.studies import METHODS, QUESTIONS, other_study
from simlab.auditing.subject import Parameters, Subject
from simlab.config import Study
from simlab.measures import MEASURES, measure
from simlab.parallel import in_threads
from simlab.performance.layout import Layout, aims
from simlab.performance.named import named
from simlab.performance.node import READ, leaf, merge
from simlab.results.labelled import labelled
from simlab.runner import Progress, prepare, run_block, targets_of
from simlab.words import FAILED, TARGETS

LABELS = {
    "bias": "bias",
    "standardised_bias": "bias_in_se",
    "coverage": "coverage",
    "empirical_se": "true_se",
    "relative_error": "relative_error",
    "bias_eliminated_coverage": "own_coverage",
    "failures": "failures",
}
"""The measures of an audit, and what it calls them."""


def measure_others(
    subject: Subject, sets: Sequence[Parameters], base: Study, jobs: int, progress: Progress | None
) -> Iterator[xr.Dataset]:
    """Run and measure the study of every parameter set, without keeping its estimates.

    A thread does all of a parameter set, so none waits for others and only the measures remain.
    """
    if progress is not None:
        progress.start(base.replicates * len(sets) * len(QUESTIONS), 0)
    tasks = ((subject, one, base) for one in sets)
    for measures_of_set, failures in in_threads(_one_set, tasks, jobs):
        if progress is not None:
            progress.advance(base.replicates * len(QUESTIONS), failures)
        yield measures_of_set


def _one_set(subject: Subject, other: Parameters, base: Study) -> tuple[xr.Dataset, int]:
    """Measures of all methods under one parameter set, and the number of failed fits."""
    study = other_study(subject, other, base)
    work = prepare(study, {subject.name: subject.rows})
    streams = tuple(dict.fromkeys(MEASURES[name].stream for name in LABELS))
    layout = Layout(METHODS, work.terms, work.has, 0, 0, round(1 - study.level, 12), streams)
    # Limits, which no measure here is for, would take as long as many replicates.
    limit = np.full((len(METHODS), len(work.terms)), np.nan)
    sums, truth = [], [targets_of(work, c) for c in range(len(QUESTIONS))]
    for c, about in enumerate(aims(layout, one, limit) for one in truth):
        blocks = (run_block(work, c, b) for b in range(-(-study.replicates // study.block)))
        arrays = ({name: getattr(block, name) for name in READ} for block in blocks)
        nodes = (leaf(one, layout, about) for one in arrays)
        sums.append(named(reduce(partial(merge, layout=layout), nodes), layout, about))
    ds = labelled(layout, sums).assign_attrs(level=study.level)
    failed = ds["status_hits"][..., list(FAILED)]
    whole = ds.assign(truth=(("condition", "term", "target"), np.array(truth)))
    return measured(whole), int(failed.sum())


def measured(ds: xr.Dataset) -> xr.Dataset:
    """Measure every method: the measures of an audit by its names, and the truth."""
    chosen = measure(ds.sel(estimator=list(METHODS)), measures=LABELS).sel(target=list(TARGETS))
    kept = {f"{name}{part}": f"{label}{part}" for name, label in LABELS.items() for part in _PARTS}
    return questions(chosen[list(kept)].rename(kept).assign(truth=ds["truth"]))


_PARTS = ("", "_mcse", "_n", "_low", "_high")


def questions(ds: xr.Dataset) -> xr.Dataset:
    """Call the conditions of an audit by its questions."""
    along = [name for name, v in ds.coords.items() if v.dims == ("condition",)]
    return ds.drop_vars(along).rename(condition="question").assign_coords(question=[*QUESTIONS])


def together(sets: Sequence[xr.Dataset]) -> xr.Dataset:
    """Put measures one after the other along parameters: as estimated first, then drawn."""
    whole = xr.concat(sets, "parameters", data_vars="all", join="exact")
    return whole.assign_coords(parameters=np.arange(len(sets)))
