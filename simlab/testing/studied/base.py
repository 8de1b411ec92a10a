"""What a hypothesis is, what its test receives and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.random import Generator

from simlab.mixed.many import Responses
from simlab.mixed.reduced import Reduced, line_responses, reduce_line
from simlab.moments import Floats, Moments
from simlab.population import Plan

Kind = Literal["chi2", "mixture", "exact", "wald", "satterthwaite", "kenward_roger", "simulated"]
KINDS: tuple[Kind, ...] = (
    "chi2", "mixture", "exact", "wald", "satterthwaite", "kenward_roger", "simulated",
)  # fmt: skip
"""Kinds of p-value, in the order of tables: by large samples, by small ones, by simulation."""


class Sampling(NamedTuple):
    """How a Monte Carlo p-value is made.

    Attributes
    ----------
    rng : Generator
        The stream of this test in this replicate.
    draws : int
        How many draws at most.
    stop : int or None
        Number of exceedances at which to draw no more.
    """

    rng: Generator
    draws: int
    stop: int | None = None


class Tested(NamedTuple):
    """The test of one replicate; NaN where a fit failed.

    Attributes
    ----------
    statistic : float
        The likelihood-ratio statistic.
    p_values : mapping of Kind to float
        One for each kind that the hypothesis offers.
    """

    statistic: float
    p_values: Mapping[Kind, float]


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A null hypothesis and its test, as the registry holds it.

    Attributes
    ----------
    name : str
        As written in configurations.
    label : str
        What is tested, in words.
    kinds : tuple of Kind
        The p-values that it offers.
    holds : callable
        Whether the null hypothesis is true in a population. It is about the
        parameter that is tested; that the rest of the model is right is not asked.
    test : callable
        Test one replicate: its x, its y, and how to draw. Every p-value is a
        function of these alone.
    """

    name: str
    label: str
    kinds: tuple[Kind, ...]
    holds: Callable[[Plan], bool]
    test: Callable[[Reduced, Responses, Sampling], Tested]


def evaluate(
    hypothesis: Hypothesis,
    kinds: tuple[Kind, ...],
    moments: Moments,
    sampling: Callable[[int], Sampling],
) -> tuple[Floats, Floats]:
    """Test a hypothesis in every replicate of a block.

    Parameters
    ----------
    hypothesis : Hypothesis
        Which.
    kinds : tuple of Kind
        Columns of the p-values, with all kinds that the hypothesis offers.
    moments : Moments
        B replicates of one sector.
    sampling : callable
        How replicate b, counted in the block, draws.

    Returns
    -------
    statistic, p_value : (B,), (B, K)
        NaN where a fit failed or the hypothesis has no such p-value.
    """
    B = len(moments.n)
    statistic, p_value = np.full(B, np.nan), np.full((B, len(kinds)), np.nan)
    for b in range(B):
        tested = hypothesis.test(*standardised(moments, b), sampling(b))
        statistic[b] = tested.statistic
        for kind, value in tested.p_values.items():
            p_value[b, kinds.index(kind)] = value
    return statistic, p_value


def standardised(moments: Moments, b: int) -> tuple[Reduced, Responses]:
    """Reduce one replicate about its grand means, in units of the spread of x and of y.

    All models here have an intercept, and a random slope comes with a random intercept that may
    covary with it: no test depends on origin or unit, and the arithmetic keeps its digits.
    """
    n, x, y, ss_x, s_xy, rss = (field[b] for field in moments[:-1])
    N = n.sum()
    x, y = x - n @ x / N, y - n @ y / N
    sx = np.sqrt((ss_x.sum() + n @ x**2) / N) or 1.0
    sy = np.sqrt((rss.sum() + n @ y**2) / N) or 1.0
    x, y, ss_x, s_xy, rss = x / sx, y / sy, ss_x / sx**2, s_xy / (sx * sy), rss / sy**2
    own = line_responses(n, y[None], s_xy[None], ss_x, rss[None])
    return reduce_line(n, x, ss_x), own
