"""Differences between the conditions of a study, replicate by replicate.

Where a study has common random numbers, replicate b of one condition and replicate b of another
are drawn from the same numbers, and their difference is known better than either.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import xarray as xr

from simlab.measures.outcomes import (
    LIMIT,
    alpha_of,
    factors_of,
    indicator,
    one_of,
    outcomes_of,
    theta_of,
)
from simlab.performance import replicates as core

QUANTITIES = ("bias", "mse", "coverage", "rejection_rate")
TESTS = "test_rejection"
_PARTS = {
    "": ("", "mean (L − L_base)"),
    "_mcse": ("Monte Carlo standard error: ", "sd(L − L_base)/√n"),
    "_n": ("replicates that entered: ", "replicates in which both conditions have it"),
    "_mcse_independent": ("Monte Carlo standard error if independent: ", "√((S² + S_base²)/n)"),
    "_gain": ("gain of common random numbers: ", "(S² + S_base²)/sd(L − L_base)²"),
    "_gain_mcse": ("Monte Carlo standard error of the gain: ", "infinitesimal jackknife"),
}
"""Suffixes in the order of `performance.replicates.Contrasted`."""


class Pair(NamedTuple):
    """Positions of a condition and of the one that it is compared with."""

    condition: int
    base: int


def contrast(
    ds: xr.Dataset,
    base: int | None = None,
    factor: str | None = None,
    target: str = "beta_within",
) -> xr.Dataset:
    """Differences between conditions of each measure that is a mean over replicates.

    The mean over replicates where both conditions have it of L − L_base, where L is θ̂ − θ for
    bias, (θ̂ − θ)² for mse, and 0 or 1 for coverage and rejection. The gain says how many times as
    many replicates independent conditions would need for the same Monte Carlo standard error. It
    is 1, within its own error, where a study does not have common random numbers.

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

    Returns
    -------
    Dataset
        (contrast, estimator, term): for each of bias, mse, coverage and rejection_rate the
        difference and, with the suffixes _mcse, _n, _mcse_independent, _gain and _gain_mcse, what
        `core.contrast` says of it. (contrast, test, kind): the same of test_rejection where the
        study has tests. Rejections are at 1 − level. (contrast,): condition and base, positions.

    Raises
    ------
    ValueError
        If `ds` has no replicates or no such condition or factor, there is nothing to compare, or a
        name is not among those that it offers.
    """
    if "estimate" not in ds or "replicate" not in ds["estimate"].dims:
        raise ValueError(
            "a contrast pairs replicates, and this study kept only its measures; "
            "run it with keep: replicates"
        )
    if base is not None and factor is not None:
        raise ValueError("give a base or a factor, not both")
    one_of("target", target, [*ds["target"].values, LIMIT])
    pairs = _against(ds, base or 0) if factor is None else _along(ds, factor)
    variables: dict[str, xr.DataArray] = {}
    for name, loss in _losses(ds, target).items():
        variables |= _variables(name, loss, pairs)
    positions = {
        field: ("contrast", np.array([getattr(pair, field) for pair in pairs]))
        for field in Pair._fields
    }
    return xr.Dataset(variables, coords=positions, attrs={**ds.attrs, "target": target})


def _against(ds: xr.Dataset, base: int) -> list[Pair]:
    size = ds.sizes["condition"]
    if not 0 <= base < size:
        raise ValueError(f"there is no condition {base}; they are numbered from 0 to {size - 1}")
    if size == 1:
        raise ValueError("the study has one condition; give it a grid to compare others with")
    return [Pair(c, base) for c in range(size) if c != base]


def _along(ds: xr.Dataset, factor: str) -> list[Pair]:
    """Each condition, with the one that has the level before it and is like it in all else."""
    factors = factors_of(ds)
    one_of("factor", factor, factors or ["none: the study has no grid"])
    alike: dict[tuple[str, ...], list[int]] = {}
    for c in range(ds.sizes["condition"]):
        levels = {name: str(ds[name].values[c]) for name in factors}
        if levels.pop(factor) != "nan":  # a condition without such a field
            alike.setdefault(tuple(levels.values()), []).append(c)
    pairs = [Pair(c, before) for group in alike.values() for before, c in pairwise(group)]
    if not pairs:
        raise ValueError(f"no two conditions differ in {factor} alone")
    return pairs


def _losses(ds: xr.Dataset, target: str) -> dict[str, xr.DataArray]:
    """What is averaged, replicate by replicate; NaN where a replicate does not have it."""
    outcomes, theta, alpha = outcomes_of(ds), theta_of(ds, target), alpha_of(ds)
    error = outcomes["estimate"] - theta
    lower, upper, p_value = (outcomes[name] for name in ("lower", "upper", "p_value"))
    known = lower.notnull() & upper.notnull() & theta.notnull()
    each = (
        error,
        error**2,
        indicator((lower <= theta) & (theta <= upper), known),
        indicator(p_value <= alpha, p_value.notnull()),
    )
    losses = dict(zip(QUANTITIES, each, strict=True))
    if "test_p_value" in ds:
        tested = ds["test_p_value"]
        losses[TESTS] = indicator(tested <= alpha, tested.notnull())
    return losses


def _variables(name: str, loss: xr.DataArray, pairs: list[Pair]) -> dict[str, xr.DataArray]:
    """The contrasts of one measure, with their attrs."""
    loss = loss.transpose("condition", ..., "replicate")
    values = loss.values
    each = [core.contrast(values[pair.condition], values[pair.base]) for pair in pairs]
    dims = ("contrast", *loss.dims[1:-1])
    coords = {dim: loss[dim] for dim in dims[1:]}
    return {
        name + suffix: xr.DataArray(
            np.stack(part),
            dims=dims,
            coords=coords,
            attrs={"long_name": f"{prefix}difference of {name}", "definition": definition},
        )
        for (suffix, (prefix, definition)), part in zip(
            _PARTS.items(), zip(*each, strict=True), strict=True
        )
    }
