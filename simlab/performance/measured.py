"""The measures of `definitions`, by name, from running sums.

Sums are those of `named`, laid out as `DIMS` says, of one condition or with any axes before. The
arithmetic is in `summed`; here stands which sums each measure is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from simlab.performance import formulas, summed
from simlab.performance.formulas import Measured
from simlab.performance.moments import Floats
from simlab.performance.summed import Sums

Named = Mapping[str, NDArray[Any]]

FAILED, SINGULAR = [2, 3, 4], [1]
"""Statuses that count as a failure: not converged, not estimable, error; and as singular."""


def measured(name: str, sums: Named, theta: Floats) -> Measured:
    """Take one measure from sums.

    Parameters
    ----------
    name : str
        One of `definitions.DEFINITIONS`.
    sums : mapping of str to ndarray
        As `DIMS` says, with any axes before.
    theta : ndarray, shape (..., estimator, term, aim)
        β_W, β_B and the estimator's own probability limit; NaN where there is none.

    Returns
    -------
    Measured
        Of shape (..., *dims), with the `Definition.dims` of the measure, where target is aim.
    """
    return _MEASURES[name](sums, theta)


def stream(sums: Named, name: str) -> Sums:
    """The sums of one stream."""
    return Sums(sums[f"{name}_n"], sums[f"{name}_mean"], sums[f"{name}_C"])


def _alone(name: str, compute: Callable[[Sums], Measured], sums: Named, _: Floats) -> Measured:
    """A measure that one stream is enough for."""
    return compute(stream(sums, name))


def _bias(sums: Named, theta: Floats) -> Measured:
    one = stream(sums, "estimate")
    estimate = Sums(one.n[..., None], one.mean[..., None], one.C[..., None])
    return summed.bias(estimate, sums["centre"][..., None], theta)


def _relative_bias(sums: Named, theta: Floats) -> Measured:
    return formulas.relative_bias(_bias(sums, theta), theta)


def _rmse(sums: Named, _: Floats) -> Measured:
    return formulas.rmse(summed.average(stream(sums, "squared_error")))


def _relative_error(sums: Named, _: Floats) -> Measured:
    both = (stream(sums, name) for name in ("estimate_with_se", "variance_with_estimate"))
    return summed.relative_error(*both)


def _share(hits: str, n: str, sums: Named, _: Floats) -> Measured:
    return formulas.share(sums[hits], sums[n])


def _bias_eliminated_coverage(sums: Named, _: Floats) -> Measured:
    return summed.bias_eliminated_coverage(sums["held"], sums["holdable"])


def _status(codes: list[int], sums: Named, _: Floats) -> Measured:
    count = sums["status_count"]
    return formulas.share(count[..., codes].sum(axis=-1), count.sum(axis=-1))


_MEASURES: Mapping[str, Callable[[Named, Floats], Measured]] = MappingProxyType(
    {
        "bias": _bias,
        "relative_bias": _relative_bias,
        "empirical_se": partial(_alone, "estimate", summed.empirical_se),
        "mse": partial(_alone, "squared_error", summed.average),
        "rmse": _rmse,
        "model_se": partial(_alone, "variance", summed.model_se),
        "relative_error": _relative_error,
        "coverage": partial(_share, "covered", "coverable"),
        "bias_eliminated_coverage": _bias_eliminated_coverage,
        "rejection_rate": partial(_share, "rejected", "rejectable"),
        "interval_width": partial(_alone, "width", summed.average),
        "failures": partial(_status, FAILED),
        "singular": partial(_status, SINGULAR),
        "dropped_clusters": partial(_alone, "dropped", summed.average),
    }
)
