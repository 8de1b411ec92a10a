"""Performance of every estimator in a results Dataset: names and dimensions over arrays.

Reads estimates and truth of a saved study and nothing else; what each measure is called and means
is in `definitions`. The arithmetic is in `simlab.performance.replicates`, or in `summed` where a
study kept running sums in place of its replicates.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr

from simlab.measures import summed
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
from simlab.performance.definitions import COMPARISONS, DEFINITIONS, Definition
from simlab.performance.formulas import Measured
from simlab.performance.moments import Counts, Floats

Quantity = Literal["bias", "mse", "coverage"]

_DIMS = ("condition", "estimator", "term", "target")
_PARTS = (("", ""), ("_mcse", "Monte Carlo standard error: "), ("_n", "replicates that entered: "))


def measure(ds: xr.Dataset, reference: str | None = None) -> xr.Dataset:
    """Every performance measure of a study, each with its Monte Carlo standard error.

    Replicates with status not_converged, not_estimable or error are counted in `failures` and enter
    no other measure; singular fits are estimates like any other. For each measure `<name>` there
    are `<name>_mcse` and `<name>_n`, the replicates that entered; `n` counts estimates.

    Parameters
    ----------
    ds : Dataset
        Results of a study: estimate, std_error, lower, upper, p_value (condition, replicate,
        estimator, term); status, dropped (condition, replicate, estimator); truth (condition, term,
        target); limit (condition, estimator, term). `ds.attrs["level"]` is the level of the
        intervals, 0.95 if absent; tests are at 1 − level.
    reference : str, optional
        An estimator; adds `relative_precision` and `efficiency` against it.

    Returns
    -------
    Dataset
        (condition, estimator, term): empirical_se, model_se, relative_error,
        bias_eliminated_coverage, rejection_rate, interval_width. With target as well, whose values
        are those of `ds` and "limit", the estimator's own probability limit: bias, relative_bias,
        mse, rmse, coverage. (condition, estimator): failures, singular, dropped_clusters. NaN where
        an estimator has no such term. Every variable has attrs long_name, units and definition.

    Raises
    ------
    ValueError
        If `ds` lacks a variable, its level is not between 0 and 1, or `reference` is not one of its
        estimators.
    """
    parts_of = _summed(ds, reference) if summed.keeps_measures(ds) else _stored(ds, reference)
    definitions: tuple[Definition, ...] = DEFINITIONS
    if reference is not None:
        one_of("reference", reference, ds.estimator.values)
        definitions += COMPARISONS
    alpha = alpha_of(ds)

    variables: dict[str, xr.DataArray] = {}
    for d in definitions:
        variables |= _variables(d, parts_of(d), alpha)
    variables["n"] = variables["empirical_se_n"].assign_attrs(
        long_name="replicates with an estimate",
        definition="replicates with status ok or singular in which the estimator has the term",
    )
    return xr.Dataset(variables, attrs=ds.attrs)


def paired(
    ds: xr.Dataset,
    reference: str,
    quantity: Quantity = "bias",
    target: str = "beta_within",
) -> xr.Dataset:
    """Difference of each estimator from a reference, replicate by replicate.

    The mean over replicates where both are available of L − L_ref, with MCSE sd(L − L_ref)/√n,
    where L is θ̂ − θ for bias, (θ̂ − θ)² for mse, and 1 if lower ≤ θ ≤ upper, else 0, for coverage.
    Much sharper than the difference of two measures, because both estimators saw the same data.

    Parameters
    ----------
    ds : Dataset
        Results of a study, as for `measure`.
    reference : str
        One of its estimators.
    quantity : {"bias", "mse", "coverage"}
    target : str
        One of the targets of `ds`, or "limit": each estimator's own probability limit.

    Returns
    -------
    Dataset
        value, mcse, n (condition, estimator, term).

    Raises
    ------
    ValueError
        If `ds` lacks a variable, or a name is not among those it offers.
    """
    one_of("reference", reference, ds.estimator.values)
    one_of("quantity", quantity, get_args(Quantity))
    one_of("target", target, [*ds.target.values, LIMIT])
    if summed.keeps_measures(ds):
        parts = summed.paired_parts(ds, reference, quantity, target)
    else:
        loss = _loss(ds, quantity, target)
        parts = _apply(core.paired_difference, [loss, loss.sel(estimator=reference, drop=True)])

    what = f"{quantity} minus that of {reference}, target {target}"
    units = next(d.units for d in DEFINITIONS if d.name == quantity)
    texts = ("mean (L − L_ref)", "sd(L − L_ref)/√n", "replicates where both are available")
    result = xr.Dataset(
        {
            name: part.assign_attrs(
                long_name=prefix + what,
                units="replicates" if name == "n" else units,
                definition=text,
            )
            for name, part, (_, prefix), text in zip(
                Measured._fields, parts, _PARTS, texts, strict=True
            )
        }
    )
    return result.assign_attrs(quantity=quantity, reference=reference, target=target)


def _loss(ds: xr.Dataset, quantity: Quantity, target: str) -> xr.DataArray:
    """What each replicate adds to a measure."""
    outcomes, theta = outcomes_of(ds), theta_of(ds, target)
    if quantity == "coverage":
        lower, upper = outcomes["lower"], outcomes["upper"]
        known = lower.notnull() & upper.notnull() & theta.notnull()
        return indicator((lower <= theta) & (theta <= upper), known)
    error = outcomes["estimate"] - theta
    return error if quantity == "bias" else error**2


def tidy(measured: xr.Dataset) -> pd.DataFrame:
    """Measures in long form, one row each.

    Parameters
    ----------
    measured : Dataset
        From `measure`, or a part of it.

    Returns
    -------
    DataFrame
        One column per factor of the grid, then estimator, term, target ("" for measures without),
        measure, value, mcse, n. Undefined values have no row. Rows are in the order of the Dataset:
        by condition, estimator, term, target, measure, measures without a term last.

    Raises
    ------
    ValueError
        If there is no measure, or a dimension has been lost by selecting one label of it.
    """
    for dim in _DIMS:
        if dim not in measured.dims and (dim == "condition" or dim in measured.coords):
            raise ValueError(
                f"the measures have lost their dimension {dim!r}; select with a list, "
                f"such as .isel({dim}=[0]), so that it is kept"
            )
    names = [str(v) for v in measured.data_vars if f"{v}_mcse" in measured]
    if not names:
        raise ValueError("there is no measure here; give the result of measure()")
    codes, numbers = zip(*(_defined(measured, name) for name in names), strict=True)
    which = np.repeat(np.arange(len(names)), [c.shape[1] for c in codes])
    code = np.concatenate([np.concatenate(codes, axis=1), which[None]])
    order = np.lexsort(code[::-1])
    code, number = code[:, order], np.concatenate(numbers, axis=1)[:, order]

    columns = {factor: measured[factor].values[code[0]] for factor in factors_of(measured)}
    for dim, c in zip(_DIMS[1:], code[1:], strict=False):
        columns[dim] = np.array([*measured[dim].values, ""], dtype=object)[c]
    columns["measure"] = np.array(names, dtype=object)[code[-1]]
    value, mcse, n = number
    return pd.DataFrame(columns | {"value": value, "mcse": mcse, "n": n.astype(np.int64)})


def _stored(ds: xr.Dataset, reference: str | None) -> Callable[[Definition], summed.Parts]:
    """How to measure replicates that were kept."""
    outcomes = outcomes_of(ds)
    if reference is not None:
        one_of("reference", reference, ds.estimator.values)
        outcomes["reference"] = outcomes["estimate"].sel(estimator=reference, drop=True)
    alpha = alpha_of(ds)

    def parts_of(d: Definition) -> summed.Parts:
        compute: Callable[..., Measured] = d.compute
        if d.name == "rejection_rate":
            compute = partial(compute, alpha=alpha)
        needs = [outcomes[name] for name in d.needs]
        if not d.against_target:
            return _apply(compute, needs)
        targets = [*ds.target.values.tolist(), LIMIT]
        each = [_apply(compute, needs, theta_of(ds, target)) for target in targets]
        labels = xr.DataArray(targets, dims="target", name="target")
        return tuple(xr.concat(part, labels) for part in zip(*each, strict=True))

    return parts_of


def _summed(ds: xr.Dataset, reference: str | None) -> Callable[[Definition], summed.Parts]:
    """How to measure running sums."""
    return lambda d: summed.parts_of(ds, d, reference)


def _variables(d: Definition, parts: summed.Parts, alpha: float) -> dict[str, xr.DataArray]:
    """One measure, its MCSE and its n, with their attrs."""
    definition = d.value + (f", α = {alpha:g}" if d.name == "rejection_rate" else "")
    texts = (definition, d.mcse, "replicates in which all that the measure needs is available")
    return {
        d.name + suffix: part.transpose(*_DIMS, missing_dims="ignore").assign_attrs(
            long_name=prefix + d.long_name,
            units="replicates" if suffix == "_n" else d.units,
            definition=text,
        )
        for (suffix, prefix), part, text in zip(_PARTS, parts, texts, strict=True)
    }


def _apply(
    compute: Callable[..., Measured], needs: list[xr.DataArray], *theta: xr.DataArray
) -> tuple[xr.DataArray, ...]:
    """Value, MCSE and n over all dimensions but replicate; condition comes first in every array."""

    def by_condition(*arrays: Floats) -> Measured:
        # One condition at a time, replicates made contiguous: temporaries stay small, sums fast.
        each = [compute(*map(np.ascontiguousarray, slab)) for slab in zip(*arrays, strict=True)]
        return Measured(*(np.stack(part) for part in zip(*each, strict=True)))

    parts: tuple[xr.DataArray, ...] = xr.apply_ufunc(
        by_condition,
        *needs,
        *theta,
        input_core_dims=[["replicate"]] * len(needs) + [[]] * len(theta),
        output_core_dims=[[], [], []],
        keep_attrs=False,
    )
    return parts


def _defined(measured: xr.Dataset, name: str) -> tuple[Counts, Floats]:
    """Rows of one measure: positions (4, rows) along _DIMS, and value, MCSE, n (3, rows).

    The position along a dimension that the measure does not have is one past its last label.
    """
    value = measured[name]
    where = np.nonzero(value.notnull().values)
    position = dict(zip(value.dims, where, strict=True))
    rows = where[0].size
    code = [position.get(dim, np.full(rows, measured.sizes.get(dim, 0))) for dim in _DIMS]
    parts = (measured[name + suffix].transpose(*value.dims) for suffix, _ in _PARTS)
    return np.array(code, dtype=np.int64), np.array([p.values[where] for p in parts], dtype=float)
