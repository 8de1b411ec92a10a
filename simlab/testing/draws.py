"""Fitted models over common reduced clusters, and draws from one of them.

Draws come in chunks, each from a random stream that is opened by the seed, what
the draws are for, and the number of the chunk: no number depends on how many
threads there are, and more draws begin with those that fewer would have had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.random import Generator

from simlab.fitting.result import MixedFit
from simlab.mixed.reduced import Model, Reduced, model, reduce
from simlab.moments import Floats, Ints
from simlab.parallel import in_threads

CHUNK = 256  # draws from one random stream
COPIES = 6
"""Arrays of all draws that are there at the same time, about."""

NULL_DRAWS, EXACT_DRAWS, BOOTSTRAP, CLUSTER_BOOTSTRAP = range(4)
"""Purposes of random streams."""

Result = TypeVar("Result")


class Progress(Protocol):
    """Receiver of how far the draws are."""

    def start(self, draws: int, done: int) -> None:
        """Say how many draws there will be at most, and that none is done."""

    def advance(self, draws: int, failures: int) -> None:
        """Say that so many were made, and in how many of them a fit failed."""


class Joint(NamedTuple):
    """Fitted models of one response over the same clusters.

    Attributes
    ----------
    reduced : Reduced
        The clusters, reduced to the columns of all the models.
    models : tuple of Model
        One per fit.
    loadings : tuple of (J, d, r) arrays
        R_jZΛ̂ of each fit: with `reduced.draw`, y/σ̂ less its fixed part; r = 0 for a null model.
    """

    reduced: Reduced
    models: tuple[Model, ...]
    loadings: tuple[Floats, ...]


def join(fits: Sequence[MixedFit], null: Sequence[bool] | None = None) -> Joint:
    """Put fitted models of the same rows over common reduced clusters.

    Parameters
    ----------
    fits : sequence of MixedFit
        Of the same rows, in the same order, with the same clusters (not checked here).
    null : sequence of bool, optional
        Which of them hold G at 0; none, by default.
    """
    null = [False] * len(fits) if null is None else null
    columns: list[Floats] = []
    places = [_places(fit.design.D, columns) for fit in fits]
    design = fits[0].design
    reduced, _ = reduce(np.column_stack(columns), design.y, design.cluster)
    identity = np.eye(len(columns))
    models, loadings = [], []
    for fit, place, is_null in zip(fits, places, null, strict=True):
        units, reml = fit.clusters.units, fit.method == "REML"
        X = identity[:, place[fit.design.fixed]] @ units.A
        Z = identity[:, place[fit.design.random]] @ units.B
        made = model(reduced, X, Z, reml, fit.design.blocks, is_null, units.B)
        offset = -2 * float(np.linalg.slogdet(units.A)[1]) if reml else 0.0
        models.append(made._replace(offset=offset))
        Lambda = fit.optimum.Lambda[:, : 0 if is_null else None]
        loadings.append(reduced.R @ Z @ Lambda)
    return Joint(reduced, tuple(models), tuple(loadings))


def _places(D: Floats, columns: list[Floats]) -> Ints:
    """Places of D's columns among `columns`, to which those not yet there are added."""
    places = np.empty(D.shape[1], dtype=np.int64)
    for a in range(D.shape[1]):
        same = (c for c, known in enumerate(columns) if np.array_equal(known, D[:, a]))
        places[a] = next(same, len(columns))
        if places[a] == len(columns):
            columns.append(D[:, a])
    return places


def stream(seed: int, purpose: int, number: int) -> Generator:
    """Return the random stream of one chunk of draws."""
    sequence = np.random.SeedSequence(seed, spawn_key=(purpose, number))
    return Generator(np.random.PCG64DXSM(sequence))


def in_chunks(
    function: Callable[[Generator, int], Result], draws: int, seed: int, purpose: int, jobs: int
) -> Iterator[Result]:
    """Yield function(rng, CHUNK) for every chunk, in order, until there are `draws` or more.

    Every chunk is whole, and the caller drops the surplus: the first draws are the same
    however many are asked for.
    """
    chunks = range(-(-draws // CHUNK))
    tasks = ((function, seed, purpose, number) for number in chunks)
    return in_threads(_chunk, tasks, jobs)


def _chunk(
    function: Callable[[Generator, int], Result], seed: int, purpose: int, number: int
) -> Result:
    return function(stream(seed, purpose, number), CHUNK)
