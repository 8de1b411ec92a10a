"""What each method does in one sampled condition: bias, spread, standard error, coverage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simlab.moments import Floats
from simlab.performance import replicates as core

FITTED = (0, 1)  # statuses ok and singular


class Outcomes(NamedTuple):
    """Replicates of one condition, as a study's results hold them.

    Attributes
    ----------
    estimate, std_error, lower, upper : (R, E, T)
        By replicate, estimator and term.
    status : (R, E)
    """

    estimate: Floats
    std_error: Floats
    lower: Floats
    upper: Floats
    status: NDArray[np.int8]


PER_TARGET = ("bias", "bias_in_se", "coverage")
"""Measures with a value for each target, β_W and β_B; the others have one for each term."""

LABELS: Mapping[str, str] = {
    "bias": "mean estimate minus target",
    "bias_in_se": "bias in units of the true standard error, bias/S",
    "coverage": "share of intervals that hold the target",
    "true_se": "true standard error S, the standard deviation of the estimates",
    "relative_error": "relative error of the reported standard error, 100(M/S − 1) %",
    "se_ratio": "true over reported standard error, S/M",
    "own_coverage": "share of intervals that hold the mean estimate",
    "failures": "share of replicates without an estimate",
}


@np.errstate(divide="ignore", invalid="ignore")
def performance(found: Outcomes, truth: Floats) -> dict[str, tuple[Floats, Floats]]:
    """Measure every method of one condition.

    Parameters
    ----------
    found : Outcomes
        R replicates.
    truth : (T, 2)
        Targets β_W and β_B of every term.

    Returns
    -------
    dict of str to (value, mcse)
        Of shape (E, T), with a last axis of 2 for `PER_TARGET`.

    Notes
    -----
    With S the standard deviation of the estimates, M = √mean(SE²) and b = bias/S, delta method
    for normal estimates: MCSE(b) = √(1/R + b²/(2(R − 1))), and MCSE(S/M) = (S/M)·MCSE(M/S)/(M/S).
    """
    fitted = np.isin(found.status, FITTED)
    known = fitted[..., None]
    estimate, std_error, lower, upper = (
        np.ascontiguousarray(np.moveaxis(np.where(known, values, np.nan), 0, -1))
        for values in found[:4]
    )  # (E, T, R)
    S = core.empirical_se(estimate)
    error = core.relative_error(estimate, std_error)
    ratio = 100 / (100 + error.value)
    own = core.bias_eliminated_coverage(estimate, lower, upper)
    failed = core.share(~fitted.T)
    E, T = estimate.shape[:2]
    measured: dict[str, tuple[Floats, Floats]] = {
        "true_se": S[:2],
        "relative_error": error[:2],
        "se_ratio": (ratio, ratio**2 * error.mcse / 100),
        "own_coverage": own[:2],
        "failures": tuple(np.repeat(v[:, None], T, axis=1) for v in failed[:2]),  # type: ignore[dict-item]
    }
    each: dict[str, list[tuple[Floats, Floats]]] = {name: [] for name in PER_TARGET}
    for target in np.broadcast_to(truth.T[:, None, :], (truth.shape[1], E, T)):
        bias = core.bias(estimate, target)
        b = bias.value / S.value
        each["bias"].append(bias[:2])
        each["bias_in_se"].append((b, np.sqrt(1 / bias.n + b * b / (2.0 * (bias.n - 1)))))
        each["coverage"].append(core.coverage(lower, upper, target)[:2])
    for name, parts in each.items():
        values, mcse = (np.stack(part, axis=-1) for part in zip(*parts, strict=True))
        measured[name] = (values, mcse)
    return measured
