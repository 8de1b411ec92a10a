"""Fitted models over common reduced clusters, and draws from one of them.

Draws come in chunks, each from a random stream that is opened by the seed, the
purpose of the draws, and the number of the chunk: no number depends on how many
threads there are, and more draws begin with those that fewer would have had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.random import Generator

from simlab.mixed.many import Responses
from simlab.mixed.reduced import Model, Reduced, draw, model, reduce, refit
from simlab.moments import Floats, Ints
from simlab.parallel import in_threads
from simlab.testing.likelihood_ratio import statistics

if TYPE_CHECKING:
    from simlab.fitting.result import MixedFit

CHUNK = 256  # draws from one random stream

NULL_DRAWS, EXACT_DRAWS, BOOTSTRAP, CLUSTER_BOOTSTRAP = range(4)  # purposes of random streams

Result = TypeVar("Result")


class Progress(Protocol):
    """Receiver of how far the draws are."""

    def start(self, draws: int, done: int) -> None:
        """Say how many draws there will be at most, and that none is done."""

    def advance(self, draws: int, failures: int) -> None:
        """Say that so many were made, and in how many of them a fit failed."""


class Joint(NamedTuple):
    """Models of one response over the same clusters, the first of which is drawn from."""

    reduced: Reduced  # the clusters, reduced to the columns of all the models
    models: tuple[Model, ...]
    # R_jZΛ̂ of the first, (J, d, r): with `reduced.draw`, y/σ̂ less its fixed part; r = 0 if G is
    loading: Floats

    def draw(self, rng: Generator, B: int) -> Responses:
        """Draw B responses from the first model, with γ = 0 and σ = 1."""
        return draw(rng, self.reduced, self.loading, B)

    def null_statistics(self, rng: Generator, B: int) -> Floats:
        """Draw B likelihood-ratio statistics of the first model against the others, (B, M).

        Likelihood ratios depend neither on γ nor on σ of the model that is drawn from.
        """
        responses = self.draw(rng, B)
        return statistics(*(refit(model, responses).deviance for model in self.models))


def join(fits: Sequence[MixedFit], null: bool = False) -> Joint:
    """Put fitted models of the same rows and clusters (not checked here) over reduced clusters.

    `null` says that the first has G = 0.
    """
    columns: list[Floats] = []
    indices = [_indices(fit.design.D, columns) for fit in fits]
    design = fits[0].design
    reduced, _ = reduce(np.column_stack(columns), design.y, design.cluster)
    identity = np.eye(len(columns))
    models: list[Model] = []
    for fit, index in zip(fits, indices, strict=True):
        units, reml = fit.clusters.units, fit.method == "REML"
        X = identity[:, index[fit.design.fixed]] @ units.A
        Z = identity[:, index[fit.design.random]] @ units.B
        is_null = null and not models
        made = model(reduced, X, Z, reml, fit.design.blocks, is_null, units.B)
        offset = -2 * float(np.linalg.slogdet(units.A)[1]) if reml else 0.0
        if not models:
            loading = reduced.R @ Z @ fit.optimum.Lambda[:, : 0 if null else None]
        models.append(made._replace(offset=offset))
    return Joint(reduced, tuple(models), loading)


def _indices(D: Floats, columns: list[Floats]) -> Ints:
    """Places of D's columns among `columns`, to which those not yet there are added."""
    indices = np.empty(D.shape[1], dtype=np.int64)
    for a in range(D.shape[1]):
        same = (c for c, known in enumerate(columns) if np.array_equal(known, D[:, a]))
        indices[a] = next(same, len(columns))
        if indices[a] == len(columns):
            columns.append(D[:, a])
    return indices


def stream(seed: int, purpose: int, number: int) -> Generator:
    """Return the random stream of one chunk of draws."""
    sequence = np.random.SeedSequence(seed, spawn_key=(purpose, number))
    return Generator(np.random.PCG64DXSM(sequence))


def in_chunks(
    function: Callable[[Generator, int], Result], draws: int, seed: int, purpose: int, jobs: int
) -> Iterator[Result]:
    """Yield function(rng, CHUNK) for every chunk, in order, until there are `draws` or more.

    Every chunk is whole, and the caller drops the surplus: more draws begin with those of fewer.
    """

    def chunk(number: int) -> Result:
        """Result of chunk `number`, from its own random stream."""
        return function(stream(seed, purpose, number), CHUNK)

    return in_threads(chunk, ((number,) for number in range(-(-draws // CHUNK))), jobs)
