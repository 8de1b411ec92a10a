"""Performance of every estimator in a results Dataset: names and dimensions over arrays.

Reads estimates and truth of a saved study and nothing else. Replicates that were kept are summed as
those of a study that keeps measures were when they ran; what each measure is, is declared in
`simlab.performance`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr

from simlab.custom.measures import own_measure
from simlab.errors import ArgumentError, check_known
from simlab.measures.conditions import config_of
from simlab.measures.doubts import MARK, SENTENCE, doubtful, doubts
from simlab.measures.outcomes import factors_of, need_replicates, replicates_of
from simlab.measures.sums import arrays_of, keeps_measures, summed
from simlab.performance.measure import Measure, Measured
from simlab.performance.moments import Counts, Floats
from simlab.performance.named import Named, measured
from simlab.performance.registry import COMPARISONS, MEASURES, PAIRED, ROBUST
from simlab.performance.robust import Statistic
from simlab.performance.streams import ESTIMATE
from simlab.words import AIMS, LIMIT

Kind = Literal["jackknife", "normal"]
AnyMeasure = Measure | Statistic
Quantity = Literal["bias", "mse", "coverage"]

_COMPARED = {**COMPARISONS, **PAIRED}
_DIMS = ("condition", "estimator", "term", "target")
_PARTS = {
    "": "",
    "_mcse": "Monte Carlo standard error: ",
    "_n": "replicates that entered: ",
    "_low": "lower end of the 95 % Monte Carlo interval: ",
    "_high": "upper end of the 95 % Monte Carlo interval: ",
}


def measure(
    ds: xr.Dataset,
    reference: str | None = None,
    measures: Iterable[str | AnyMeasure] | None = None,
    mcse: Kind = "jackknife",
) -> xr.Dataset:
    """Every performance measure of a study, each with its Monte Carlo standard error.

    Replicates with status not_converged, not_estimable or error are counted in `failures` and enter
    no other measure; singular fits are estimates like any other. For each measure `<name>` there
    are `<name>_mcse`; `<name>_n`, the replicates that entered; and `<name>_low` and `<name>_high`,
    its 95 % Monte Carlo interval, Wilson's of a share. `n` counts estimates.

    Parameters
    ----------
    ds : Dataset
        Results of a study: estimate, std_error, lower, upper, p_value (condition, replicate,
        estimator, term); status, dropped (condition, replicate, estimator); truth (condition, term,
        target); limit (condition, estimator, term). `ds.attrs["level"]` is the level of the
        intervals, 0.95 if absent; tests are at 1 − level.
    reference : str, optional
        An estimator; adds `relative_precision` and `efficiency` against it.
    measures : iterable of str or Measure, optional
        Which ones: names, of robust measures too, or declarations. By default all but the robust
        ones, and those that the study names.
    mcse : {"jackknife", "normal"}
        The infinitesimal jackknife, or the formulas of Morris, White & Crowther (2019), some of
        which take estimates for normal, as Stata's simsum and R's rsimsum do.

    Returns
    -------
    Dataset
        (condition, estimator, term): empirical_se, model_se, relative_error,
        bias_eliminated_coverage, rejection_rate, interval_width. With target as well, whose values
        are those of `ds` and "limit", the estimator's own probability limit: bias, relative_bias,
        standardised_bias, mse, rmse, coverage. (condition, estimator): failures, singular,
        dropped_clusters. NaN where an estimator has no such term, or nobody says what is true,
        which attrs["comment"] says. Every variable has attrs long_name, units and definition.
        `doubt` (condition, estimator, term) is 1 where the variance of an estimate may not exist,
        and 2 where it does not.

    Raises
    ------
    ArgumentError
        If `ds` lacks a variable, its level is not between 0 and 1, or `reference` or one of
        `measures` is unknown, or needs sums that were not taken.
    CustomError
        If a measure of the user's cannot be imported, or is no measure.
    """
    if mcse not in ("jackknife", "normal"):
        raise ArgumentError(f"mcse {mcse!r} is unknown; give jackknife or normal")
    if reference is not None:
        check_known("reference", reference, ds.estimator.values)
    chosen = _chosen(ds, measures, reference is not None)
    streams = [ESTIMATE, *(m.stream for m in chosen if isinstance(m, Measure))]
    sums = summed(ds, streams, reference or "")
    here = arrays_of(sums)
    if "reference" in sums.dims and reference is not None:
        here = arrays_of(sums.sel(reference=reference, drop=True))
        other = arrays_of(sums[["theta", "centre"]].sel(estimator=[reference]))
        here |= {f"{name}_reference": values for name, values in other.items()}
    labels = {str(k): v for k, v in sums.coords.items() if {*v.dims} <= {"condition", *_DIMS[1:3]}}
    labels["target"] = xr.DataArray([*AIMS], dims="target")
    result: dict[str, xr.DataArray] = {}
    untold = _untold(ds, sums)
    for m in chosen:
        dims = ("condition", *m.dims)
        own = {k: v for k, v in labels.items() if {*v.dims} <= {*dims}}
        result |= variables(m, _taken(m, ds, here, mcse), dims, own)
        if isinstance(m, Statistic) and keeps_measures(ds):
            result[m.name].attrs["comment"] = "all replicates are needed; run with keep: replicates"
        elif "target" in m.dims and untold:
            comment = f"what is true of {', '.join(untold)} is not told; docs/your_own.md says how"
            result[m.name].attrs["comment"] = comment
    del labels["target"]
    result["doubt"] = xr.DataArray(
        doubts(sums), dims=_DIMS[:3], coords=labels,
        attrs={"long_name": "whether the variance of the estimate exists", "units": "1",
               "definition": "; ".join(f"{k}: {v}" for k, v in SENTENCE.items())},
    )  # fmt: skip
    result["n"] = sums["estimate_n"].assign_attrs(
        long_name="replicates with an estimate", units="replicates",
        definition="replicates with status ok or singular in which the estimator has the term",
    )  # fmt: skip
    return xr.Dataset(result, attrs=ds.attrs)


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
    ArgumentError
        If `ds` lacks a variable, or a name is not among those it offers.
    """
    check_known("quantity", quantity, get_args(Quantity))
    check_known("target", target, [*ds.target.values, LIMIT])
    name = f"paired_{quantity}"
    result = measure(ds, reference, [name]).sel(target=target, drop=True)
    parts = {f"{name}{part}": part.strip("_") or "value" for part in ("", "_mcse", "_n")}
    attrs = {"quantity": quantity, "reference": reference, "target": target}
    return result[list(parts)].rename(parts).drop_attrs(deep=False).assign_attrs(attrs)


def _untold(ds: xr.Dataset, sums: xr.Dataset) -> list[str]:
    """Terms that have estimates, and of which nobody says what is true."""
    known = ds["truth"].notnull().any(["condition", "target"])
    estimated = (sums["estimate_n"] > 0).any(["condition", "estimator"])
    return [str(term) for term in ds["term"].values[(estimated & ~known).values]]


def _chosen(
    ds: xr.Dataset, measures: Iterable[str | AnyMeasure] | None, compares: bool
) -> list[AnyMeasure]:
    """Measures to take, those given by name or as they are; each once."""
    known: dict[str, AnyMeasure] = {**MEASURES, **_COMPARED, **ROBUST}
    wanted: Any = [measures] if isinstance(measures, str) else measures
    if wanted is None or any(isinstance(one, str) and one not in known for one in wanted):
        own = _own(ds)
        known |= own
        wanted = [*MEASURES, *(COMPARISONS if compares else ()), *own] if wanted is None else wanted
    chosen = []
    for one in wanted:
        if isinstance(one, str):
            check_known("measure", one, known)
        chosen.append(known[one] if isinstance(one, str) else one)
    if not compares and any(m.name in _COMPARED for m in chosen):
        raise ArgumentError(f"{', '.join(_COMPARED)} compare with a reference; name an estimator")
    return list(dict.fromkeys(chosen))


def _own(ds: xr.Dataset) -> dict[str, AnyMeasure]:
    """The measures that a study names, by name; the user's are imported."""
    paths, folder = config_of(ds).get("measures") or (), str(ds.attrs.get("folder", ""))
    where = Path(folder) if folder else None
    own = [own_measure(path, where) if ":" in path else ROBUST[path] for path in paths]
    return {m.name: m for m in own}


def _taken(m: AnyMeasure, ds: xr.Dataset, here: Named, mcse: Kind) -> Measured:
    """One measure; NaN where it needs replicates that a study does not keep."""
    if isinstance(m, Measure):
        if f"{m.stream.name}_n" not in here:
            need_replicates(ds, f"{m.name}, which was not summed as the study ran")
        return measured(m, here, mcse)
    theta = here["theta"] if "target" in m.dims else here["theta"][..., 0]
    if keeps_measures(ds):
        nothing = np.full(theta.shape, np.nan)
        return Measured(nothing, nothing, np.zeros(theta.shape, dtype=np.int64))
    each = []
    for c, target in enumerate(theta):
        r = replicates_of(ds, c)
        arrays = [getattr(r, name) for name in m.arguments if name != "theta"]
        if "target" in m.dims:
            arrays = [*(x[:, :, None] for x in arrays), target]
        each.append(m(*arrays))
    return Measured(*(np.stack(part) for part in zip(*each, strict=True)))


def variables(
    m: AnyMeasure, result: Measured, dims: Sequence[str], labels: dict[str, xr.DataArray]
) -> dict[str, xr.DataArray]:
    """Name one measure, its MCSE, its n and the ends of its interval, with their attrs."""
    texts = (
        m.definition, m.mcse, "replicates in which all that the measure needs is available",
        *("Wilson" if m.share else f"value {sign} 1.96 MCSE" for sign in "−+"),
    )  # fmt: skip
    named: dict[str, xr.DataArray] = {}
    parts = zip(_PARTS.items(), (*result, *m.interval(result)), texts, strict=True)
    for (suffix, prefix), part, text in parts:
        units = "replicates" if suffix == "_n" else m.units
        attrs = {"long_name": prefix + m.long_name, "units": units, "definition": text}
        named[m.name + suffix] = xr.DataArray(part, dims=dims, coords=labels, attrs=attrs)
    return named


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
        measure, value, mcse, n, low and high (the ends of the 95 % Monte Carlo interval), and mark:
        † where the measure takes moments of the estimate that may not exist. Undefined values have
        no row. Rows are in the order of the Dataset: by condition, estimator, term, target,
        measure, measures without a term last.

    Raises
    ------
    ArgumentError
        If there is no measure, or a dimension has been lost by selecting one label of it.
    """
    for dim in _DIMS:
        if dim not in measured.dims and (dim == "condition" or dim in measured.coords):
            raise ArgumentError(
                f"the measures have lost their dimension {dim!r}; select with a list, "
                f"such as .isel({dim}=[0]), so that it is kept"
            )
    names = [str(v) for v in measured.data_vars if f"{v}_mcse" in measured]
    if not names:
        raise ArgumentError("there is no measure here; give the result of measure()")
    codes, numbers = zip(*(_defined(measured, name) for name in names), strict=True)
    which = np.repeat(np.arange(len(names)), [c.shape[1] for c in codes])
    code = np.concatenate([np.concatenate(codes, axis=1), which[None]])
    order = np.lexsort(code[::-1])
    code, number = code[:, order], np.concatenate(numbers, axis=1)[:, order]

    columns = {factor: measured[factor].values[code[0]] for factor in factors_of(measured)}
    for dim, c in zip(_DIMS[1:], code[1:], strict=False):
        labels = measured[dim].values if dim in measured.coords else ()
        columns[dim] = np.array([*labels, ""], dtype=object)[c]
    columns["measure"] = np.array(names, dtype=object)[code[-1]]
    value, mcse, n, low, high, marked = number
    return pd.DataFrame(
        columns
        | {"value": value, "mcse": mcse, "n": n.astype(np.int64), "low": low, "high": high}
        | {"mark": np.where(marked == 1, MARK, "")}
    )


def _defined(measured: xr.Dataset, name: str) -> tuple[Counts, Floats]:
    """Rows of one measure: positions (4, rows) along _DIMS, and its parts and mark (6, rows).

    The position along a dimension that the measure does not have is one past its last label.
    """
    value = measured[name]
    where = np.nonzero(value.notnull().values)
    position = dict(zip(value.dims, where, strict=True))
    rows = where[0].size
    code = [position.get(dim, np.full(rows, measured.sizes.get(dim, 0))) for dim in _DIMS]
    none = xr.full_like(value, np.nan)
    parts = [
        measured.get(name + suffix, none).transpose(*value.dims).values[where] for suffix in _PARTS
    ]
    known: AnyMeasure | None = {**MEASURES, **_COMPARED}.get(name)
    mark: Any = np.zeros(rows)
    if known is not None and "doubt" in measured and "term" in value.dims:
        mark = doubtful(known, measured["doubt"].transpose(*_DIMS[:3]).values)[tuple(code[:3])]
    return np.array(code, dtype=np.int64), np.array([*parts, mark], dtype=float)
