"""Memory that a study needs, from its declaration, so that what will not fit is refused at once.

Of a block of B replicates of J clusters: its moments, its rows where they are kept, what the
estimators make of one slab, the draws of its tests, and its results; times the workers. Then what
is kept of every replicate, where that is in memory. The counts were compared with measured peaks
(`tests/test_footprint.py`): they are right within a factor of three, which tells 18 TB from 16 GB
and is meant for no more. What comes out a little too large is left to the system to refuse.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from simlab.config import ConfigError, Finding, Generated, Parallel, Study, locate, unfold
from simlab.design import Condition
from simlab.estimators import REGISTRY
from simlab.memory import lacking
from simlab.population import needs_rows

NUMBER = 8  # bytes
PLAN, MOMENTS, ROWS, SLAB_ARRAYS, DRAWN, RESULTS = 8, 12, 6, 20, 8, 14
"""Numbers a cluster of the plan; a cluster and replicate; a row and replicate; a cluster of a slab;
a cluster and draw of a test; an estimator, term and replicate."""

TERMS = 3  # terms of an estimator in one sector, or in a contrast of two
SLAB = 2**14  # clusters × replicates that the estimators see at once: that of `block`
OWN = 5  # columns of a frame that a function of the user's gets
KEPT = 12
"""Numbers that are kept of an estimator, term and replicate, the copy of a Dataset among them."""


class Shape(NamedTuple):
    """Sizes of one replicate of a condition."""

    clusters: int  # J; 2 where data say it, which are not read here
    size: float  # mean size of a cluster, and the largest
    largest: float
    sectors: int
    by_rows: bool  # whether rows are drawn


class Room(NamedTuple):
    """Memory of a study: where it is found, and what stays there."""

    # by default one worker; the memory of other machines is not known
    where: Parallel = Parallel(n_jobs=1)
    kept: int = 0  # replicates of each condition that are kept in memory
    name: str = "replicates"  # what their number is called


class Footprint(NamedTuple):
    """Bytes that a study needs."""

    plans: float  # compiled conditions
    block: float  # a block in one worker, the largest of all conditions
    results: float  # replicates that are kept in memory

    def total(self, workers: int) -> float:
        """Bytes of so many workers together."""
        return self.plans + workers * self.block + self.results


def shape_of(condition: Condition) -> Shape:
    """Tell how large one replicate of a condition is; of a generator's nothing is known."""
    population = condition.population
    if isinstance(population, Generated):
        return Shape(2, 1.0, 1.0, 1, True)
    declared = population.clusters
    each = list(declared.values()) if isinstance(declared, Mapping) else [declared or 2]
    by_rows = condition.draw == "rows" or needs_rows(condition)
    law = population.cluster_sizes
    size, largest = (1.0, 1.0) if law is None else law.mean_and_largest()
    return Shape(sum(each), size, largest, len(each), by_rows)


def footprint(study: Study, shapes: Iterable[Shape], replicates: int = 0) -> Footprint:
    """Estimate what a study of these shapes needs, with `replicates` of each kept in memory."""
    shapes = list(shapes)
    cells = max(_cells(study, shape) for shape in shapes)
    return Footprint(
        NUMBER * PLAN * sum(float(shape.clusters) for shape in shapes),
        NUMBER * max(_block(study, shape) for shape in shapes),
        NUMBER * KEPT * float(replicates) * cells * len(shapes),
    )


def _cells(study: Study, shape: Shape) -> float:
    """Estimators × terms, contrasts of sectors among the latter."""
    estimators = len(study.estimators or REGISTRY)
    return estimators * TERMS * shape.sectors * (shape.sectors + 1) / 2


def _block(study: Study, shape: Shape) -> float:
    """Numbers that one block needs at its largest."""
    B, J = float(_length(study)), float(shape.clusters)
    rows = J * shape.size
    numbers = MOMENTS * B * J + SLAB_ARRAYS * max(J, min(SLAB, B * J))
    numbers += RESULTS * B * _cells(study, shape)
    if shape.by_rows:
        numbers += 2 * shape.largest
    # An estimator of the user's may ask for rows: nobody knows before it is imported.
    names = study.estimators or tuple(REGISTRY)
    if any(":" in n or (n in REGISTRY and REGISTRY[n].needs == "rows") for n in names):
        numbers += ROWS * B * rows + OWN * rows
    if study.tests is not None:
        step = min(study.tests.stop or study.tests.draws, study.tests.draws)
        numbers += DRAWN * float(step) * J
    return numbers


def _length(study: Study) -> int:
    """Replicates that are drawn together: whole blocks where numbers are common."""
    return study.block if study.common_random_numbers else min(study.block, study.replicates)


def refuse(study: Study, room: Room, each: Sequence[Condition]) -> None:
    """Refuse a study that will not fit into memory, in one line that names the field to change.

    Nothing of its size is allocated.
    """
    shapes = [shape_of(condition) for condition in each]
    where = room.where
    workers = where.n_jobs if where.n_jobs > 0 else os.cpu_count() or 1
    if where.backend == "dask" and where.scheduler:
        workers = 1
    needed = footprint(study, shapes, room.kept)
    if short := lacking(needed.total(workers)):
        largest = max(shapes, key=lambda shape: _block(study, shape))
        raise ConfigError(locate(study, [_finding(study, largest, workers, room, short)]))


def _finding(study: Study, shape: Shape, workers: int, room: Room, short: str) -> Finding:
    """Name the field that is farthest above what is usual, and what it is multiplied with."""
    usual = {
        ("population", "clusters"): (shape.clusters, 100, "clusters"),
        ("population", "cluster_sizes"): (shape.largest, 1000, "rows a cluster"),
        ("block",): (_length(study), 256, "replicates a block"),
        ("parallel", "n_jobs"): (workers, os.cpu_count() or 1, "workers"),
    }
    if study.tests is not None:
        usual["tests", "draws"] = (study.tests.stop or study.tests.draws, 10_000, "draws a test")
    if room.kept:
        usual[room.name,] = (room.kept, 10_000, "replicates in memory")
    field = max(usual, key=lambda name: usual[name][0] / usual[name][1])
    product = " × ".join(f"{value:,.0f} {what}" for value, _, what in usual.values() if value > 1)
    cure = "; make it smaller"
    if field == ("replicates",):
        cure += ", or write to a store (out=…, simlab run), or keep: measures"
    message = f"is too large: {product} need {short}{cure}"
    return Finding(_swept(study, field), message)


def _swept(study: Study, field: tuple[str, ...]) -> tuple[str | int, ...]:
    """Path of a field: in the grid, if that varies it or a part of it."""
    path = ".".join(field)
    for loc, factorial in unfold(study.grid):
        for factor in factorial:
            if factor == path or factor.startswith(f"{path}."):
                return ("grid", *loc, factor)
    return field
