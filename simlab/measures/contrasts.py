"""Differences between the conditions of a study, replicate by replicate.

Where a study has common random numbers, replicate b of one condition and replicate b of another
are drawn from the same numbers, and their difference is known better than either.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr

from simlab.errors import ArgumentError, check_known
from simlab.measures.outcomes import (
    factors_of,
    need_replicates,
    replicates_of,
    require,
    theta_of,
)
from simlab.performance.contrasted import Contrasted, contrasted
from simlab.performance.measure import Measure
from simlab.performance.registry import MEASURES
from simlab.performance.stream import Counted, MeanContained
from simlab.words import LIMIT

QUANTITIES = ("bias", "mse", "coverage", "rejection_rate")
TESTS = "test_rejection"
_PARTS = {
    "": "difference of the measures over replicates that both conditions have",
    "_mcse": "Monte Carlo standard error, √(Σ(ψ − ψ_base)²/(n(n − 1)))",
    "_n": "replicates in which both conditions have it",
    "_mcse_independent": "Monte Carlo standard error if independent, √(Σ(ψ² + ψ_base²)/(n(n − 1)))",
    "_gain": "gain of common random numbers, Σ(ψ² + ψ_base²)/Σ(ψ − ψ_base)²",
    "_gain_mcse": "Monte Carlo standard error of the gain, by the infinitesimal jackknife",
}
"""Suffixes in the order of `Contrasted`."""

Pair = tuple[int, int]
"""Positions of a condition and of the one that it is compared with."""


TESTED = Measure(
    TESTS, "rejection rate of the test", "1", "p = share of p-values ≤ α",
    Counted(TESTS, ("test_p_value",), lambda r: r.test_p_value <= r.alpha, per="test"), share=True,
)  # fmt: skip


def contrast(
    ds: xr.Dataset,
    base: int | None = None,
    factor: str | None = None,
    target: str = "beta_within",
    measures: Sequence[str | Measure] = QUANTITIES,
) -> xr.Dataset:
    """Differences of measures between conditions, replicate by replicate.

    Both measures are over the replicates that both conditions have. The gain says how many times
    as many replicates independent conditions would need for the same Monte Carlo standard error.
    It is 1, within its own error, where a study does not have common random numbers.

    Parameters
    ----------
    ds : Dataset
        Results of a study, as for `measure`, with its replicates.
    base : int, optional
        Position of the condition with which all others are compared; by default the first.
    factor : str, optional
        A factor of the grid: each of its levels is then compared with the level before it, all
        other factors being equal.
    target : str
        One of the targets of `ds`, or "limit": each estimator's own probability limit.
    measures : sequence of str or Measure
        Of what, by name or as declared; not bias-eliminated coverage or a robust measure.

    Returns
    -------
    Dataset
        (contrast, estimator, term): for each measure the difference and, with the suffixes _mcse,
        _n, _mcse_independent, _gain and _gain_mcse, what `Contrasted` has of it. (contrast, test,
        kind): the same of test_rejection where the study has tests. Rejections are at 1 − level.
        (contrast,): condition and base, positions.

    Raises
    ------
    ArgumentError
        If `ds` has no replicates or no such condition or factor, there is nothing to compare, or a
        name is not among those that it offers.
    """
    need_replicates(ds, "a contrast, which pairs replicates")
    require(ds)
    if base is not None and factor is not None:
        raise ArgumentError("give a base or a factor, not both")
    check_known("target", target, [*ds["target"].values, LIMIT])
    pairs = _against(ds, base or 0) if factor is None else _along(ds, factor)
    chosen = [_known(one) for one in measures]
    if "test_p_value" in ds:
        chosen.append(TESTED)
    theta = theta_of(ds).sel(target=target, drop=True)
    contrasts: list[list[Contrasted]] = []
    for pair in pairs:
        one, other = (replicates_of(ds, c, theta) for c in pair)
        contrasts.append([contrasted(m, one, other) for m in chosen])
    variables: dict[str, tuple[tuple[str, ...], Any, dict[str, str]]] = {}
    for m, each in zip(chosen, zip(*contrasts, strict=True), strict=True):
        dims = ("contrast", *(dim for dim in m.dims if dim != "target"))
        for (suffix, words), part in zip(_PARTS.items(), zip(*each, strict=True), strict=True):
            attrs = {"long_name": f"{m.name}: {words}"}
            variables[m.name + suffix] = (dims, np.stack(part), attrs)
    condition, before = np.array(pairs).T
    coords = {dim: ds[dim] for dims, *_ in variables.values() for dim in dims[1:]}
    positions = {"condition": ("contrast", condition), "base": ("contrast", before)}
    return xr.Dataset(variables, {**positions, **coords}, {**ds.attrs, "target": target})


def _known(measure: str | Measure) -> Measure:
    """Find a measure of which every replicate's part is known."""
    known = {name: m for name, m in MEASURES.items() if not isinstance(m.stream, MeanContained)}
    if isinstance(measure, Measure):
        return measure
    check_known("measure", measure, known)
    return known[measure]


def _against(ds: xr.Dataset, base: int) -> list[Pair]:
    """Pairs of each condition with a base."""
    size = ds.sizes["condition"]
    if not 0 <= base < size:
        raise ArgumentError(f"there is no condition {base}; they are numbered from 0 to {size - 1}")
    if size == 1:
        raise ArgumentError("the study has one condition; give it a grid to compare others with")
    return [(c, base) for c in range(size) if c != base]


def _along(ds: xr.Dataset, factor: str) -> list[Pair]:
    """Pairs of each condition and the one with the level before it, like it in all else."""
    factors = factors_of(ds)
    check_known("factor", factor, factors, "the study has no grid")
    alike: dict[tuple[str, ...], list[int]] = {}
    for c in range(ds.sizes["condition"]):
        levels = {name: str(ds[name].values[c]) for name in factors}
        if levels.pop(factor) != "nan":  # a condition without such a field
            alike.setdefault(tuple(levels.values()), []).append(c)
    pairs = [(c, before) for group in alike.values() for before, c in pairwise(group)]
    if not pairs:
        raise ArgumentError(f"no two conditions differ in {factor} alone")
    return pairs
