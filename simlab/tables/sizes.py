"""The sizes of a study's tests, and their power."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import xarray as xr

from simlab.measures import rejection
from simlab.measures.conditions import config_of
from simlab.measures.outcomes import factors_of
from simlab.performance.streams import LEVELS
from simlab.tables.notes import StudyTable, run_size, study_table, what_was_run
from simlab.text import Table
from simlab.text.numbers import factor_label, level, percent
from simlab.verdicts.judge import CLEAR, size_word
from simlab.words import p_value_label, test_label

NUMBERS = ("rejection", "n", "word", "mcse", "low", "high")
EXPLAINED = (
    "In % of the samples, ± one Monte Carlo standard error: p ≤ the nominal level. Size: the "
    "null hypothesis is true. Power: it is not. ↓ conservative, ↑ liberal: the size is more "
    f"than {CLEAR:g} standard errors below, above the nominal level."
)
MARKS = {"conservative": " ↓", "liberal": " ↑"}


def size_table(ds: xr.Dataset, levels: Sequence[float] = LEVELS) -> StudyTable:
    """Tabulate how often each kind of p-value rejects, at each nominal level.

    Parameters
    ----------
    ds : Dataset
        Results of a study with tests, from `simlab.run` or `simlab.open_dataset`.
    levels : sequence of float
        Nominal levels, between 0 and 1.

    Returns
    -------
    StudyTable
        Its frame has one row for each test, nominal level, condition and kind of p-value:
        test, what ("size" where the null hypothesis holds, "power" elsewhere), nominal, a column
        per factor of the grid, kind, rejection (a share), mcse, low and high (Wilson's 95 %
        interval), n, and word: "conservative", "nominal" or "liberal" for a size, empty for a
        power.

    Raises
    ------
    ArgumentError
        If the study has no tests, or a level is not between 0 and 1.
    """
    measured = rejection(ds, levels)
    factors = factors_of(measured)
    rows = []
    for test in measured["test"].values:
        holds = measured["null_holds"].sel(test=test).values
        for what, wanted in (("size", True), ("power", False)):
            for nominal in measured["nominal"].values:
                for c in (c for c, true in enumerate(holds) if true == wanted):
                    here = measured.isel(condition=c).sel(test=test, nominal=nominal)
                    where = {factor: here[factor].item() for factor in factors}
                    rows += _rows(here, {"test": str(test), "what": what, **where})
    frame = pd.DataFrame(rows, columns=["test", "what", *factors, "nominal", "kind", *NUMBERS])
    had = set(frame["test"])
    tables = [_section(part, factors) for _, part in frame.groupby(["test", "what"], sort=False)]
    about = [
        f"{test_label(test)}: no p-value in any replicate, so neither size nor power."
        for test in map(str, measured["test"].values)
        if test not in had
    ]
    about += [EXPLAINED] if tables else []
    return study_table("Tests", ds, frame, tables, [*about, *what_was_run(ds, _run(ds))])


def _rows(here: xr.Dataset, labels: dict[str, Any]) -> list[dict[str, Any]]:
    """One row for each kind that has p-values here."""
    nominal, rows = float(here["nominal"]), []
    for kind in here["kind"].values:
        one = here.sel(kind=kind)
        share, n = float(one["rejection"]), int(one["rejection_n"])
        if n == 0:
            continue
        word = size_word(share, n, nominal) if labels["what"] == "size" else ""
        number: dict[str, Any] = {"rejection": share, "n": n, "word": word}
        number |= {part: float(one[f"rejection_{part}"]) for part in ("mcse", "low", "high")}
        rows.append({**labels, "nominal": nominal, "kind": str(kind), **number})
    return rows


def _run(ds: xr.Dataset) -> str:
    """Sentence on what was run."""
    config = config_of(ds)
    tests = config.get("tests") or {}
    stop = f", stopped at {tests['stop']} exceedances" if tests.get("stop") else ""
    drawn = f"; Monte Carlo p-values of {tests['draws']:,} draws{stop}" if tests else ""
    return f"{run_size(ds)}, seed {ds.attrs.get('seed')}{drawn}"


def _section(part: pd.DataFrame, factors: Sequence[str]) -> Table:
    """Table of one test: a row for each level and condition, a column for each kind of p-value."""
    varying = [factor for factor in factors if part[factor].nunique(dropna=False) > 1]
    kinds = list(dict.fromkeys(part["kind"]))
    cells: dict[tuple[Any, ...], dict[str, str]] = {}
    for row in part.to_dict("records"):
        labels = (f"{100 * row['nominal']:g} %", *(level(row[factor]) for factor in varying))
        cells.setdefault(labels, {})[row["kind"]] = _cell(row)
    return Table(
        ["nominal", *map(factor_label, varying), *map(p_value_label, kinds)],
        [[*labels, *(row.get(kind, "") for kind in kinds)] for labels, row in cells.items()],
        f"{part['what'].iloc[0].capitalize()}: {test_label(part['test'].iloc[0])}",
        names=1 + len(varying),
    )


def _cell(row: dict[Any, Any]) -> str:
    mark = MARKS.get(row["word"], "")
    return percent(row["rejection"], row["mcse"], (row["low"], row["high"])) + mark
