"""Several hypotheses tested with the same draws: p-values that allow for their number.

The probability of one false rejection or more is kept at α. Holm and Bonferroni know the p-values
alone and must expect the worst. Draws know how the statistics go together (Westfall & Young 1993,
Resampling-based multiple testing).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.moments import Floats
from simlab.testing.likelihood_ratio import TIE
from simlab.testing.monte_carlo import reaches


class Adjusted(NamedTuple):
    """Adjusted p-values of M hypotheses, each (M,)."""

    procedure: str  # whether statistics were compared, "max-T", or their p-values, "min-P"
    single_step: Floats  # from the draws
    step_down: Floats  # from the draws; the k-th is compared with the hypotheses that are left only
    holm: Floats  # from the p-values alone
    bonferroni: Floats


def adjust(observed: Floats, simulated: Floats, p_values: Floats, alike: bool) -> Adjusted:
    """Adjust the raw p-values, (M,), of M hypotheses with statistics T, (M,), and draws T*, (B, M).

    The data are one of B + 1 draws if all null hypotheses hold. Max-T asks in how many of them the
    greatest statistic is as large as T_m. That is fair where all have the same reference
    distribution (are `alike`); otherwise each T*_bm is first turned into its p-value among the B +
    1 draws of statistic m, and min-P asks in how many draws the least of these is as small as that
    of T_m (Ge, Dudoit & Speed 2003, Test 12:1, boxes 1 to 3). A failed draw, NaN, is larger than
    any.
    """
    pool = np.vstack([observed, np.where(np.isnan(simulated), np.inf, simulated)])
    if not alike:
        pool = -_ranks(pool)
    single, down = _max_T(pool)
    holm, bonferroni = _by_number(p_values)
    return Adjusted("max-T" if alike else "min-P", single, down, holm, bonferroni)


def _ranks(pool: Floats) -> Floats:
    """Number of entries of the column as large as each entry, up to rounding; (B + 1, M)."""
    ranks = np.empty_like(pool)
    for m in range(pool.shape[1]):
        column = pool[:, m]
        least = column - np.where(np.isinf(column), 0.0, TIE * np.maximum(1.0, column))
        ranks[:, m] = len(column) - np.searchsorted(np.sort(column), least)
    return ranks


def _max_T(pool: Floats) -> tuple[Floats, Floats]:
    """Single-step and step-down adjusted p-values of row 0 among all rows, each (M,)."""
    observed = pool[0]
    order = np.argsort(-observed, kind="stable")
    greatest = np.maximum.accumulate(pool[:, order[::-1]], axis=1)[:, ::-1]
    down = np.empty_like(observed)
    down[order] = np.maximum.accumulate(reaches(greatest, observed[order]).mean(axis=0))
    return reaches(greatest[:, :1], observed).mean(axis=0), down


def _by_number(p_values: Floats) -> tuple[Floats, Floats]:
    """Holm's (1979) and Bonferroni's adjusted p-values."""
    M = len(p_values)
    order = np.argsort(p_values, kind="stable")
    steps = np.maximum.accumulate(p_values[order] * np.arange(M, 0, -1))
    holm = np.empty(M)
    holm[order] = np.minimum(steps, 1.0)
    return holm, np.minimum(p_values * M, 1.0)
