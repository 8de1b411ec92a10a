"""Every condition of a study: a line for each, method by method."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import xarray as xr

from simlab.archive import factor_of
from simlab.measures.doubts import MARK, SENTENCE, UNSURE
from simlab.measures.outcomes import factors_of
from simlab.methods import label
from simlab.tables import notes
from simlab.tables.failed import failure_lines
from simlab.tables.notes import StudyTable, study_table, what_was_run
from simlab.text import Table
from simlab.text.numbers import factor_label, level, percent, plus_minus
from simlab.verdicts.judge import Number
from simlab.verdicts.view import View, view

NUMBERS = {"lambda": "λ", "bias": "Bias", "efficiency": "Efficiency", "se_error": "SE error, %",
           "coverage": "Covers, %"}  # fmt: skip


def conditions_table(
    ds: xr.Dataset, sector: str | None = None, by: Sequence[str] = ()
) -> StudyTable:
    """Tabulate what each method does in each condition, of one sector, by default the first.

    Parameters
    ----------
    by : sequence of str
        Factors that come first, and by which the conditions are sorted.

    Returns
    -------
    StudyTable
        Its frame has one row for each method, without the oracle, and condition: method, label,
        condition (position), a column for each factor that varies; n, the replicates with an
        estimate, and failed, the share of those without; lambda of β_W + λ(β_B − β_W), bias
        against β_W (unit of the slope), efficiency, se_error (%), coverage of the method's own
        limit (a share), each with its _mcse; and instead, "failed", "too few" or "not measured"
        where the numbers are no ground for a verdict.

    Raises
    ------
    ArgumentError
        When there is no such sector or factor, or no slope.
    """
    chosen, seen = view(ds, sector)
    return tabulated(ds, chosen, seen, by, failure_lines(ds), notes.of_run(ds, seen))


def tabulated(
    ds: xr.Dataset, sector: str, seen: View, by: Sequence[str] = (), failed: Sequence[str] = (),
    run: str = "",
) -> StudyTable:  # fmt: skip
    """Return the table of `conditions_table`, but for what the summary says too."""
    first = [factor_of(ds, one) for one in by]
    vary = [f for f in factors_of(ds) if len({str(level) for level in ds[f].values}) > 1]
    factors = list(dict.fromkeys([*first, *vary]))
    order = pd.DataFrame({f: ds[f].values for f in factors}, index=range(ds.sizes["condition"]))
    order = sorted_by(order, first)
    rows = [
        {"method": m, "label": label(m), "condition": c, **order.loc[c], **_numbers(seen, c, m)}
        for m in seen.judged
        for c in order.index
    ]
    frame = pd.DataFrame(rows)
    shown = [name for name in NUMBERS if frame[name].notna().any()]
    if frame["lambda"].notna().all():  # which then says what the bias says
        shown.remove("bias")
    unsure = (frame["instead"] == "not measured").any()
    doubt = f" {MARK}: {SENTENCE[UNSURE]}." if unsure else ""
    tables = [
        _section(str(name), part, shown, factors)
        for name, part in frame.groupby("label", sort=False)
    ]
    about = [*failed, _explained(shown) + doubt, *what_was_run(ds, run)]
    return study_table("Conditions", ds, frame, tables, about, sector)


def _numbers(seen: View, c: int, m: str) -> dict[str, Any]:
    """Numbers of one condition and method, each with its MCSE."""
    bias = seen.number("bias", c, m, target="beta_within")
    coverage = seen.number("coverage", c, m, target="limit")
    if math.isnan(coverage.value):
        coverage = seen.number("bias_eliminated_coverage", c, m)
    error = seen.number("relative_error", c, m)
    contrast = seen.contrast(c)
    each = {
        "lambda": bias.scaled(0.0, contrast) if contrast else Number(), "bias": bias,
        "efficiency": seen.efficiency(c, m), "se_error": error, "coverage": coverage,
    }  # fmt: skip
    row: dict[str, Any] = {"n": notes.estimates(seen, c, m), "failed": seen.failed(c, m)}
    for name, number in each.items():
        row |= notes.with_mcse(name, number)
    row["coverage_low"], row["coverage_high"] = coverage.ends
    return row | {"instead": error.instead or ""}


def _explained(shown: Sequence[str]) -> str:
    """Line that says what the columns mean."""
    meanings = {
        "lambda": "λ: the slope estimates β_W + λ(β_B − β_W)",
        "bias": "Bias: against β_W",
        "efficiency": "Efficiency: variance of the best estimator of the same target over that of "
        "the method",
        "se_error": "SE error: reported SE over true SE, less 1",
        "coverage": "Covers: how often the interval has the slope's own limit in it",
    }
    return "; ".join([notes.N_SIM, *(meanings[name] for name in shown)]) + "."


def _section(label: str, part: pd.DataFrame, shown: Sequence[str], factors: Sequence[str]) -> Table:
    """Table of one method: a row for each condition."""
    header = ["", *map(factor_label, factors), "n_sim", *(NUMBERS[name] for name in shown)]
    rows = [
        [str(row["condition"]), *(level(row[f]) for f in factors), f"{row['n']:,}",
         *(_cell(row, name) for name in shown)]
        for row in part.to_dict("records")
    ]  # fmt: skip
    return Table(header, rows, label, names=1 + len(factors))


def _cell(row: dict[Any, Any], name: str) -> str:
    """Cell of a number with its MCSE; a mark where it cannot be measured."""
    value, mcse = row[name], row[f"{name}_mcse"]
    if math.isnan(value):
        return {"failed": "failed", "not measured": MARK}.get(row["instead"], "")
    if name == "coverage":
        return percent(value, mcse, (row["coverage_low"], row["coverage_high"]))
    return plus_minus(
        value, mcse, 1 if name == "se_error" else 3, plus=name in ("bias", "se_error")
    )


def sorted_by(frame: pd.DataFrame, factors: Sequence[str]) -> pd.DataFrame:
    """Sort rows by factors, the first of them first: numbers by size, words as they come."""

    def key(column: pd.Series) -> pd.Series:
        """Column as numbers that can be sorted; texts keep the order in which they come."""
        numbers = pd.api.types.is_numeric_dtype(column)
        return column if numbers else pd.Series(pd.factorize(column)[0], column.index)

    return frame.sort_values([*factors], kind="stable", key=key) if factors else frame
