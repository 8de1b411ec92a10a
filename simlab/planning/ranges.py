"""Replicates that a condition needs, and how sure its pilot makes us of that.

The square of a Monte Carlo standard error falls as 1/n: a cell whose MCSE was m after n replicates
needs n(m/w)² of them for an MCSE of w. A share needs as many as its rule asks for at that share
(`simlab.runner.until`). A condition needs what its worst cell needs.

The range is one for the pilot's own doubt and for that of the run which is to come: 95 % for each
cell, from the Wilson interval of a share, and from a jackknife of log MCSE² elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from typing import NamedTuple

import numpy as np

from simlab.moments import Floats
from simlab.performance.measure import Z
from simlab.performance.named import named
from simlab.performance.node import Node
from simlab.results import Block, Summing
from simlab.runner.until import Cells, Rule, share_needed

GROUPS = 16  # parts of a pilot that the jackknife leaves out in turn


class Range(NamedTuple):
    """Replicates that the worst cell of a condition needs, with their range."""

    # estimator, term and target; empty where no cell is defined, and then no number is enough
    cell: str
    mcse: float  # in the pilot
    need: float  # replicates, and their range, of the condition: low and high may be of other cells
    low: float
    high: float


def range_of(rule: Rule, summing: Summing, blocks: Sequence[Block]) -> Range:
    """Replicates that one condition needs by the blocks of its pilot."""
    about = summing.aims[blocks[0].condition]
    parts = [summing.leaf(part).node for block in blocks for part in _parts(block, len(blocks))]

    def cells(nodes: Sequence[Node]) -> Cells:
        """Measures of the cells over the parts of the pilot."""
        return rule.cells(named(reduce(summing.merge, nodes), summing.layout, about))

    whole = cells(parts)
    if np.isnan(whole.measured.mcse).all():
        return Range("", np.nan, np.inf, np.inf, np.inf)
    replicates = sum(part.replicates for part in parts)
    if rule.measure.share:
        needs = _shares(whole, replicates, rule.mcse)
    else:
        rest = [cells(parts[:k] + parts[k + 1 :]).measured.mcse for k in range(len(parts))]
        needs = _others(whole, replicates, rule.mcse, np.array(rest))
    worst = int(np.nanargmax(needs[0]))
    need, low, high = np.nanmax(needs, axis=1).tolist()
    return Range(whole.names[worst], float(whole.measured.mcse[worst]), need, low, high)


def _shares(cells: Cells, replicates: int, mcse: float) -> Floats:
    """(3, L): replicates needed, low and high, of shares p̂.

    Low and high are for the ends of the Wilson interval of p, and p = ½ if it is between them.
    """
    p, _, n = cells.measured
    with np.errstate(invalid="ignore", divide="ignore"):
        need = share_needed((n * p + 2) / (n + 4), mcse)
        z2 = Z**2 * (1 + n / need)
        centre = (n * p + z2 / 2) / (n + z2)
        half = np.sqrt(z2 * (n * p * (1 - p) + z2 / 4)) / (n + z2)
        ends = np.array([share_needed(q, mcse) for q in (centre - half, centre + half)])
        high = np.where(np.abs(centre - 0.5) < half, share_needed(np.full_like(p, 0.5), mcse), 0)
        each = np.array([need, ends.min(axis=0), np.maximum(ends.max(axis=0), high)])
        return np.where(n > 1, each * (replicates / n), np.nan)


def _others(cells: Cells, replicates: int, mcse: float, rest: Floats) -> Floats:
    """(3, L): replicates needed, low and high, where MCSE² is a variance over n.

    `rest` has the MCSE without each part of the pilot, (G, L).
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        need = replicates * (cells.measured.mcse / mcse) ** 2
        u = np.log(rest**2)
        G = len(u)
        spread = np.sqrt((G - 1) / G * ((u - u.mean(axis=0)) ** 2).sum(axis=0))
        factor = np.exp(Z * spread * np.sqrt(1 + replicates / need))
        factor = np.where(need == 0, 1.0, factor)  # a quantity that has not varied
        return np.array([need, need / factor, need * factor])


def _parts(block: Block, blocks: int) -> list[Block]:
    """Cut a block, one of some, so that they are `GROUPS` parts or a few more."""
    pieces = np.array_split(np.arange(len(block.status)), -(-GROUPS // blocks))
    names = ("estimate", "std_error", "df", "lower", "upper", "p_value", "status", "dropped")
    return [
        replace(block, **{name: getattr(block, name)[rows] for name in names})
        for rows in pieces
        if rows.size
    ]
