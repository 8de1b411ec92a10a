"""The sizes of a study's tests, and their power."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import xarray as xr

from simlab.measures import rejection
from simlab.measures.outcomes import factors_of
from simlab.performance.streams import LEVELS
from simlab.tables.extent import extent, what_was_run
from simlab.text import Heading, Paragraph, Part, PrintableFrame, Table
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


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SizeTable(PrintableFrame):
    """How often tests reject: a table for each test, sizes before powers; see `size_table`.

    Attributes
    ----------
    frame : DataFrame
        One row for each test, nominal level, condition and kind of p-value.
    study : str
        Its name.
    factors : tuple of str
        Columns of the factors of the grid.
    without : tuple of str
        Tests without any p-value.
    run : tuple of str
        What was run, and what is unfinished.
    """

    frame: pd.DataFrame
    study: str
    factors: tuple[str, ...]
    without: tuple[str, ...]
    run: tuple[str, ...]

    def parts(self) -> list[Part | list[Part]]:
        """A table for each test and for what is true of it."""
        tests = self.frame.groupby(["test", "what"], sort=False)
        tables = [_section(part, self.factors) for _, part in tests]
        about = [
            f"{test_label(test)}: no p-value in any replicate, so neither size nor power."
            for test in self.without
        ]
        about += [EXPLAINED] if tables else []
        return [Heading(f"Tests: {self.study}"), *tables, *map(Paragraph, [*about, *self.run])]


def size_table(ds: xr.Dataset, levels: Sequence[float] = LEVELS) -> SizeTable:
    """Tabulate how often each kind of p-value rejects, at each nominal level.

    Parameters
    ----------
    ds : Dataset
        Results of a study with tests, from `simlab.run` or `simlab.open_dataset`.
    levels : sequence of float
        Nominal levels, between 0 and 1.

    Returns
    -------
    SizeTable
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
    without = tuple(str(test) for test in measured["test"].values if test not in had)
    study = str(ds.attrs.get("name", "study"))
    return SizeTable(frame, study, tuple(factors), without, what_was_run(ds, _run(ds)))


def _rows(here: xr.Dataset, place: dict[str, Any]) -> list[dict[str, Any]]:
    """One row for each kind that has p-values here."""
    nominal, rows = float(here["nominal"]), []
    for kind in here["kind"].values:
        one = here.sel(kind=kind)
        share, n = float(one["rejection"]), int(one["rejection_n"])
        if n == 0:
            continue
        word = size_word(share, n, nominal) if place["what"] == "size" else ""
        number: dict[str, Any] = {"rejection": share, "n": n, "word": word}
        number |= {part: float(one[f"rejection_{part}"]) for part in ("mcse", "low", "high")}
        rows.append({**place, "nominal": nominal, "kind": str(kind), **number})
    return rows


def _run(ds: xr.Dataset) -> str:
    config = json.loads(ds.attrs.get("config", "{}"))
    tests = config.get("tests") or {}
    stop = f", stopped at {tests['stop']} exceedances" if tests.get("stop") else ""
    drawn = f"; Monte Carlo p-values of {tests['draws']:,} draws{stop}" if tests else ""
    return f"{extent(ds)}, seed {ds.attrs.get('seed')}{drawn}"


def _section(part: pd.DataFrame, factors: Sequence[str]) -> Table:
    told = [factor for factor in factors if part[factor].nunique(dropna=False) > 1]
    kinds = list(dict.fromkeys(part["kind"]))
    cells: dict[tuple[Any, ...], dict[str, str]] = {}
    for row in part.to_dict("records"):
        place = (f"{100 * row['nominal']:g} %", *(level(row[factor]) for factor in told))
        cells.setdefault(place, {})[row["kind"]] = _cell(row)
    return Table(
        ["nominal", *map(factor_label, told), *map(p_value_label, kinds)],
        [[*place, *(row.get(kind, "") for kind in kinds)] for place, row in cells.items()],
        f"{part['what'].iloc[0].capitalize()}: {test_label(part['test'].iloc[0])}",
        names=1 + len(told),
    )


def _cell(row: dict[Any, Any]) -> str:
    mark = MARKS.get(row["word"], "")
    return percent(row["rejection"], row["mcse"], (row["low"], row["high"])) + mark
