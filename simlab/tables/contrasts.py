"""Differences between the conditions of a study."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import xarray as xr

from simlab.measures.conditions import config_of
from simlab.measures.contrasts import QUANTITIES, TESTS, contrast
from simlab.measures.outcomes import factors_of
from simlab.tables.notes import StudyTable, run_size, study_table, what_was_run
from simlab.text import Table
from simlab.text.numbers import decimals, factor_label, plus_minus

EXPLAINED = (
    "Second condition minus first, ± one Monte Carlo standard error of the pairs. × how many "
    "times as many replicates two independent conditions would need for that standard error, "
    "± its own; ∞ where the difference is the same in every replicate."
)
PARTS = {
    "difference": "", "mcse": "_mcse", "mcse_independent": "_mcse_independent", "gain": "_gain",
    "gain_mcse": "_gain_mcse", "n": "_n",
}  # fmt: skip
COLUMNS = ["contrast", "condition", "base", "of", "term", "measure", *PARTS]
HEADERS = {
    "bias": "bias",
    "mse": "MSE",
    "coverage": "coverage, %",
    "rejection_rate": "rejection, %",
    TESTS: "rejection, %",
}
SHARES = ("coverage", "rejection_rate", TESTS)


def contrast_table(
    ds: xr.Dataset,
    base: int | None = None,
    factor: str | None = None,
    target: str = "beta_within",
) -> StudyTable:
    """Tabulate how measures differ between conditions, and what common random numbers gained.

    Parameters
    ----------
    ds, base, factor, target
        As in `simlab.contrast`.

    Returns
    -------
    StudyTable
        Its frame has one row for each contrast, estimator and term (or test and kind of p-value)
        and measure: contrast (the levels that differ), condition, base, of, term, measure,
        difference, mcse, mcse_independent, gain, gain_mcse, n. Undefined differences have no row.

    Raises
    ------
    ArgumentError
        As `simlab.contrast`.
    """
    differences = contrast(ds, base, factor, target)
    rows = []
    for c, (one, other) in enumerate(
        zip(differences["condition"].values, differences["base"].values, strict=True)
    ):
        labels = {"contrast": _label(ds, one, other), "condition": int(one), "base": int(other)}
        for name in (q for q in (*QUANTITIES, TESTS) if q in differences):
            parts = {part: differences[name + suffix].values[c] for part, suffix in PARTS.items()}
            of, term = differences[name].dims[1:]
            for i, j in zip(*(~pd.isna(parts["difference"])).nonzero(), strict=True):
                rows.append({
                    **labels,
                    "of": str(differences[of].values[i]),
                    "term": str(differences[term].values[j]),
                    "measure": name,
                    **{part: values[i, j] for part, values in parts.items()},
                })  # fmt: skip
    frame = pd.DataFrame(rows, columns=COLUMNS)
    tables = [  # of the estimates, and of the tests
        _section(str(name), some)
        for name, part in frame.groupby("contrast", sort=False)
        for tests in (False, True)
        if len(some := part[(part["measure"] == TESTS) == tests])
    ]
    return study_table("Contrasts", ds, frame, tables, [EXPLAINED, *what_was_run(ds, _run(ds))])


def _label(ds: xr.Dataset, one: int, other: int) -> str:
    """Name the levels that differ: J 20 → 40."""
    changes = []
    for factor in factors_of(ds):
        before, after = (str(ds[factor].values[c]) for c in (other, one))
        if before != after:
            changes.append(f"{factor_label(factor)} {_level(before)} → {_level(after)}")
    return ", ".join(changes)


def _level(text: str) -> str:
    return "none" if text == "nan" else text.removesuffix(".0")


def _run(ds: xr.Dataset) -> str:
    config = config_of(ds)
    common = "common" if config.get("common_random_numbers") else "independent"
    return f"{run_size(ds)}, seed {ds.attrs.get('seed')}, {common} random numbers"


def _section(title: str, part: pd.DataFrame) -> Table:
    """One contrast: a row for each estimator and term, a column for each measure."""
    measures = list(dict.fromkeys(part["measure"]))
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for row in part.to_dict("records"):
        cells.setdefault((row["of"], row["term"]), {})[row["measure"]] = _cell(row)
    first = ["test", "p-value"] if measures == [TESTS] else ["estimator", "term"]
    rows = [[*labels, *(row.get(m, "") for m in measures)] for labels, row in cells.items()]
    return Table([*first, *(HEADERS[m] for m in measures)], rows, title, names=2)


def _cell(row: dict[Any, Any]) -> str:
    """Cell of a difference: the number with its MCSE, and the gain."""
    scale = 100.0 if row["measure"] in SHARES else 1.0
    value, mcse = scale * row["difference"], scale * row["mcse"]
    digits = decimals(mcse, 1) if scale > 1 else _digits(mcse)
    shown = plus_minus(value, mcse or math.nan, digits, plus=True)  # or the same in every replicate
    return f"{shown}\n{_gain(row['gain'], row['gain_mcse'])}"


def _digits(mcse: float) -> int:
    """Decimals that show two digits of the standard error, from 2 to 6."""
    if not 0 < mcse < math.inf:
        return 4
    return min(6, max(2, 1 - math.floor(math.log10(mcse))))


def _gain(gain: float, mcse: float) -> str:
    """Cell of a gain: how many times as many replicates independent conditions would take."""
    if math.isnan(gain):
        return ""
    if math.isinf(gain):
        return "× ∞"
    if math.isnan(mcse):
        return f"× {gain:,.2f}"
    digits = min(2, _digits(mcse)) if mcse < 10 else 0
    return f"× {gain:,.{digits}f} ± {mcse:,.{digits}f}"
