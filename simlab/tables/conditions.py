"""Every condition of a study: a line for each, method by method."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, get_args

import pandas as pd
import xarray as xr

from simlab.archive import factor_of
from simlab.measures.doubts import MARK, SENTENCE, UNSURE
from simlab.measures.outcomes import factors_of
from simlab.methods import label
from simlab.tables import notes
from simlab.tables.extent import unfinished, what_was_run
from simlab.tables.failed import failure_lines
from simlab.tables.formats import Titled, csv, level, sheet, sorted_by
from simlab.tables.render import Format, check_format
from simlab.text.numbers import factor_label, percent, plus_minus
from simlab.verdicts.judge import Number
from simlab.verdicts.view import View, view

NUMBERS = {"lambda": "λ", "bias": "Bias", "efficiency": "Efficiency", "se_error": "SE error, %",
           "coverage": "Covers, %"}  # fmt: skip


def conditions_table(
    ds: xr.Dataset, sector: str | None = None, by: Sequence[str] = ()
) -> pd.DataFrame:
    """Tabulate what each method does in each condition.

    Parameters
    ----------
    ds : Dataset
        Results of a study, from `simlab.run` or `simlab.open_dataset`.
    sector : str, optional
        Whose slopes; by default the first sector's.
    by : sequence of str
        Factors that come first, and by which the conditions are sorted.

    Returns
    -------
    DataFrame
        One row for each method, without the oracle, and condition: method, label, condition
        (position), a column for each factor that varies; n, the replicates with an estimate, and
        failed, the share of those without; lambda of β_W + λ(β_B − β_W), bias against β_W (unit of
        the slope), efficiency, se_error (%), coverage of the method's own limit (a share), each
        with its _mcse; and instead, "failed", "too few" or "not measured" where the numbers are no
        ground for a verdict. `attrs` has study, sector, factors, failed, run and unfinished. See
        `render_conditions`.

    Raises
    ------
    ArgumentError
        When there is no such sector or factor, or no slope.
    """
    chosen, seen = view(ds, sector)
    frame = tabulated(ds, chosen, seen, by)
    frame.attrs |= {"failed": failure_lines(ds), "run": notes.of_run(ds, seen)}
    return frame


def tabulated(ds: xr.Dataset, sector: str, seen: View, by: Sequence[str] = ()) -> pd.DataFrame:
    """Return the frame of `conditions_table`, but for what the summary says too."""
    first = [factor_of(ds, one) for one in by]
    vary = [f for f in factors_of(ds) if len({str(level) for level in ds[f].values}) > 1]
    factors = list(dict.fromkeys([*first, *vary]))
    order = pd.DataFrame({f: ds[f].values for f in factors}, index=range(ds.sizes["condition"]))
    order = sorted_by(order, first)
    rows = [
        {
            "method": m,
            "label": label(m),
            "condition": c,
            **order.loc[c],
            **_numbers(seen, c, m),
        }
        for m in seen.judged
        for c in order.index
    ]
    frame = pd.DataFrame(rows)
    frame.attrs = {
        "study": str(ds.attrs.get("name", "study")), "sector": sector, "factors": factors,
        "failed": [], "unfinished": unfinished(ds),
    }  # fmt: skip
    return frame


def _numbers(seen: View, c: int, m: str) -> dict[str, Any]:
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


def render_conditions(frame: pd.DataFrame, format: Format = "text") -> str:
    """Render the frame of `conditions_table`: a table for each method, a line for each condition.

    Parameters
    ----------
    frame : DataFrame
        From `conditions_table`, whole or some of its rows.
    format : {"text", "markdown", "latex", "csv"}
        `csv` is the frame itself.

    Returns
    -------
    str
        Without a final line break.

    Raises
    ------
    ArgumentError
        When there is no such format.
    """
    check_format(format, get_args(Format))
    if format == "csv":
        return csv(frame)
    a = frame.attrs
    sector = f", sector {a['sector']}" if a["sector"] else ""
    shown = [name for name in NUMBERS if frame[name].notna().any()]
    if frame["lambda"].notna().all():  # which then says what the bias says
        shown.remove("bias")
    sections = [
        Titled(str(label), *_section(part, shown, a["factors"]))
        for label, part in frame.groupby("label", sort=False)
    ]
    doubt = f" {MARK}: {SENTENCE[UNSURE]}." if (frame["instead"] == "not measured").any() else ""
    about = [*a["failed"], _explained(shown) + doubt, *what_was_run(frame)]
    return sheet(f"Conditions: {a['study']}{sector}", sections, about, format)


def _explained(shown: Sequence[str]) -> str:
    told = {
        "lambda": "λ: the slope estimates β_W + λ(β_B − β_W)",
        "bias": "Bias: against β_W",
        "efficiency": "Efficiency: variance of the best estimator of the same target over that of "
        "the method",
        "se_error": "SE error: reported SE over true SE, less 1",
        "coverage": "Covers: how often the interval has the slope's own limit in it",
    }
    return "; ".join([notes.N_SIM, *(told[name] for name in shown)]) + "."


def _section(
    part: pd.DataFrame, shown: Sequence[str], factors: Sequence[str]
) -> tuple[list[str], list[list[str]], int]:
    header = ["", *map(factor_label, factors), "n_sim", *(NUMBERS[name] for name in shown)]
    rows = [
        [str(row["condition"]), *(level(row[f]) for f in factors), f"{row['n']:,}",
         *(_cell(row, name) for name in shown)]
        for row in part.to_dict("records")
    ]  # fmt: skip
    return header, rows, 1 + len(factors)


def _cell(row: dict[Any, Any], name: str) -> str:
    value, mcse = row[name], row[f"{name}_mcse"]
    if math.isnan(value):
        return {"failed": "failed", "not measured": MARK}.get(row["instead"], "")
    if name == "coverage":
        return percent(value, mcse, (row["coverage_low"], row["coverage_high"]))
    return plus_minus(
        value, mcse, 1 if name == "se_error" else 3, plus=name in ("bias", "se_error")
    )
