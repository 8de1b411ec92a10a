"""The samples of a study themselves, where a demonstration looks at more than estimates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.config import Study
from simlab.moments import Floats, Moments
from simlab.population import Clusters
from simlab.runner import Room, prepare
from simlab.sampling import block_clusters, draw_block
from simlab.words import SAME

__all__ = ["Samples", "samples"]


class Samples(NamedTuple):
    """All replicates of one condition.

    Attributes
    ----------
    clusters : Clusters
        Of shape (B, J), or (1, J) where they are the same in all replicates. They have the true
        random effects u_j, which no estimator sees.
    moments : Moments
        Of shape (B, J).
    y : list of list of (n_j,) arrays
        The response of every cluster of every replicate; empty unless rows were asked for.
    """

    clusters: Clusters
    moments: Moments
    y: list[list[Floats]]


def samples(study: Study, condition: int = 0, rows: bool = False) -> Samples:
    """Draw all replicates of one condition again.

    Unless rows are asked for where the study draws moments, they are those on which `simlab.run`
    runs the estimators: random streams are opened by what they are for.

    Parameters
    ----------
    study : Study
        Whose replicates.
    condition : int
        Position of the condition.
    rows : bool
        Whether to draw row by row, and to keep the responses.
    """
    job = prepare(study, room=Room(kept=study.replicates)).jobs[condition]
    scheme, stream = job.condition.scheme, (study.seed, job.key)
    clusters, moments, y = [], [], []
    for number, first in enumerate(range(0, study.replicates, study.block)):
        size = min(study.block, study.replicates - first)
        clusters.append(block_clusters(job.plan, scheme, *stream, number, size))
        drawn, kept = draw_block(
            job.plan, scheme, rows or job.rows, *stream, number, size, keep_rows=rows
        )
        moments.append(drawn)
        if kept is not None:
            y += [np.split(kept.y[at[0] : at[-1]], at[1:-1] - at[0]) for at in kept.first]
    if scheme == SAME:
        del clusters[1:]
    fields = map(np.concatenate, zip(*(m[:-1] for m in moments), strict=True))
    return Samples(
        Clusters(*map(np.concatenate, zip(*clusters, strict=True))),
        Moments._make([*fields, job.plan.starts]),
        y,
    )
