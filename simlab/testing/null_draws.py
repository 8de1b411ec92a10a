"""Likelihood-ratio statistics drawn under a null model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from simlab.fitting.anova import WORSE
from simlab.mixed.reduced import draw, refit
from simlab.moments import Floats
from simlab.testing.draws import NULL_DRAWS, Progress, in_chunks, join
from simlab.testing.exceedance import TIE, reaches
from simlab.testing.hypothesis import Hypothesis


class Stop(NamedTuple):
    """Stop at the draw in which T* ≥ T for the `exceedances`-th time (Besag & Clifford 1991)."""

    statistic: float
    exceedances: int


def null_draws(
    hypotheses: Sequence[Hypothesis],
    draws: int,
    seed: int,
    jobs: int,
    stop: Stop | None = None,
    progress: Progress | None = None,
) -> Floats:
    """Draw from the fitted null model, and refit it and all alternatives to every draw.

    The responses are drawn with γ = 0 and σ = 1, for likelihood ratios depend on neither.

    Parameters
    ----------
    hypotheses : sequence of Hypothesis
        With the same null model.
    draws : int
        How many at most.
    seed, jobs : int
        Of the random streams; threads. No number depends on the threads.
    stop : Stop, optional
        Of the first hypothesis.
    progress : Progress, optional
        Receiver of the number of every chunk.

    Returns
    -------
    (B, M) array
        T* = D₀* − D₁* ≥ 0. NaN where a fit did not converge, or the alternative fits worse.
    """
    null = hypotheses[0]
    fits = [null.null, *(one.alternative for one in hypotheses)]
    joint = join(fits, [null.linear, *(False for _ in hypotheses)])

    def chunk(rng: Generator, size: int) -> Floats:
        responses = draw(rng, joint.reduced, joint.loadings[0], size)
        D0, *larger = (refit(model, responses).deviance for model in joint.models)
        T = np.column_stack([D0 - D1 for D1 in larger])
        T[T < -WORSE] = np.nan
        T[T <= TIE] = 0.0  # rounding
        return T

    if progress is not None:
        progress.start(draws, 0)
    parts: list[Floats] = []
    made = reached = 0
    for T in in_chunks(chunk, draws, seed, NULL_DRAWS, jobs):
        part = T[: draws - made]
        if stop is not None:
            so_far = reached + np.cumsum(reaches(part[:, 0], stop.statistic))
            part = part[: 1 + int(np.searchsorted(so_far, stop.exceedances))]
            reached = int(so_far[-1])
        parts.append(part)
        made += len(part)
        if progress is not None:
            progress.advance(len(part), int(np.isnan(part).any(axis=1).sum()))
        if stop is not None and reached >= stop.exceedances:
            break
    return np.concatenate(parts)
