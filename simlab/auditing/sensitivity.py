"""What each method does in the sampled conditions: as estimated, and for other parameters."""

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
from simlab.performance.aims import aims
from simlab.performance.named import named
from simlab.performance.node import READ, leaf, merge
from simlab.performance.outline import Outline
from simlab.results.labelled import labelled
from simlab.results.schema import TARGETS
from simlab.runner import Progress, prepare, run_block, targets_of

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


def measure_base(ds: xr.Dataset) -> xr.Dataset:
    """Measure the first study: performance and targets of each question."""
    part = ds.sel(estimator=list(METHODS))
    return _measured(part).assign(truth=questions(part[["truth"]])["truth"])


def measure_others(
    subject: Subject,
    sets: Sequence[Parameters],
    base: Study,
    jobs: int,
    progress: Progress | None,
) -> Iterator[xr.Dataset]:
    """Run and measure the study of every parameter set, without keeping its estimates.

    The unit of work is a parameter set, one thread from its first block to its measures: no
    thread waits for others, and only the measures remain.
    """
    if progress is not None:
        progress.start(base.replicates * len(sets) * len(QUESTIONS), 0)
    tasks = ((subject, one, base) for one in sets)
    for measured, failures in in_threads(_one_set, tasks, jobs):
        if progress is not None:
            progress.advance(base.replicates * len(QUESTIONS), failures)
        yield measured


def _one_set(subject: Subject, other: Parameters, base: Study) -> tuple[xr.Dataset, int]:
    study = other_study(subject, other, base)
    work = prepare(study, {subject.name: subject.rows})
    streams = tuple(dict.fromkeys(MEASURES[name].stream for name in LABELS))
    alpha = round(1 - study.level, 12)
    names = tuple(method.name for method in work.methods)
    outline = Outline(names, work.terms, work.has, 0, 0, alpha, streams)
    limit = np.full((len(names), len(work.terms)), np.nan)
    sums, truth, failures = [], [], 0
    for c in range(len(QUESTIONS)):
        truth.append(targets_of(work, c))
        about = aims(outline, truth[-1], limit)
        nodes = []
        for b in range(-(-study.replicates // study.block)):
            block = run_block(work, c, b)
            failures += block.failures
            nodes.append(leaf({name: getattr(block, name) for name in READ}, outline, about))
        sums.append(named(reduce(partial(merge, outline=outline), nodes), outline, about))
    found = _measured(labelled(outline, sums).assign_attrs(level=study.level))
    dims = ("question", "term", "target")
    return found.assign(truth=(dims, np.array(truth))), failures


def _measured(ds: xr.Dataset) -> xr.Dataset:
    """The measures of an audit, by its names."""
    found = questions(measure(ds, measures=LABELS)).sel(target=list(TARGETS))
    kept = {f"{name}{part}": f"{label}{part}" for name, label in LABELS.items() for part in _PARTS}
    return found[list(kept)].rename(kept)


_PARTS = ("", "_mcse", "_n", "_low", "_high")


def questions(ds: xr.Dataset) -> xr.Dataset:
    """Call the conditions of an audit by its questions."""
    along = [name for name, v in ds.coords.items() if v.dims == ("condition",)]
    return ds.drop_vars(along).rename(condition="question").assign_coords(question=[*QUESTIONS])


def together(sets: Sequence[xr.Dataset]) -> xr.Dataset:
    """Put measures one after the other along parameters: as estimated first, then drawn."""
    whole = xr.concat(sets, "parameters", data_vars="all", join="exact")
    return whole.assign_coords(parameters=np.arange(len(sets)))
