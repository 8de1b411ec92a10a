"""The sizes of a study's tests, and their power: as a data frame, and as a person reads them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, get_args

import pandas as pd
import xarray as xr

from simlab.measures import rejection
from simlab.measures.outcomes import factors_of
from simlab.performance.streams import LEVELS
from simlab.tables.extent import extent, unfinished, what_was_run
from simlab.tables.formats import Titled, csv, level, sheet
from simlab.tables.render import Format, check_format
from simlab.text.numbers import factor_label, percent
from simlab.verdicts.judge import CLEAR, size_word
from simlab.words import p_value_label, test_label

NUMBERS = ("rejection", "n", "word", "mcse", "low", "high")
MARKS = {"conservative": " ↓", "liberal": " ↑"}


def size_table(ds: xr.Dataset, levels: Sequence[float] = LEVELS) -> pd.DataFrame:
    """Tabulate how often each kind of p-value rejects, at each nominal level.

    Parameters
    ----------
    ds : Dataset
        Results of a study with tests, from `simlab.run` or `simlab.open_dataset`.
    levels : sequence of float
        Nominal levels, between 0 and 1.

    Returns
    -------
    DataFrame
        One row for each test, nominal level, condition and kind of p-value that the test has:
        test, what ("size" where the null hypothesis holds, "power" elsewhere), nominal, a column
        per factor of the grid, kind, rejection (a share), mcse, low and high (Wilson's 95 %
        interval), n, and word: "conservative", "nominal" or "liberal" for a size, empty for a
        power. `attrs` has study, factors, run, and the tests without any p-value.
        See `render_sizes`.

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
    frame.attrs = {
        "without": [str(test) for test in measured["test"].values if test not in had],
        "study": str(ds.attrs.get("name", "study")),
        "factors": factors,
        "run": _run(ds),
        "unfinished": unfinished(ds),
    }
    return frame


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


def render_sizes(frame: pd.DataFrame, format: Format = "text") -> str:
    """Render the frame of `size_table`: a table for each test, sizes before powers.

    Parameters
    ----------
    frame : DataFrame
        From `size_table`, whole or some of its rows.
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
    sections = [
        _section(part, frame.attrs["factors"])
        for _, part in frame.groupby(["test", "what"], sort=False)
    ]
    without = [
        f"{test_label(test)}: no p-value in any replicate, so neither size nor power."
        for test in frame.attrs.get("without", ())
    ]
    about = [*without, *([_explained()] if sections else []), *what_was_run(frame)]
    return sheet(f"Tests: {frame.attrs['study']}", sections, about, format)


def _explained() -> str:
    return (
        "In % of the samples, ± one Monte Carlo standard error: p ≤ the nominal level. Size: the "
        "null hypothesis is true. Power: it is not. ↓ conservative, ↑ liberal: the size is more "
        f"than {CLEAR:g} standard errors below, above the nominal level."
    )


def _section(part: pd.DataFrame, factors: list[str]) -> Titled:
    told = [factor for factor in factors if part[factor].nunique(dropna=False) > 1]
    kinds = list(dict.fromkeys(part["kind"]))
    cells: dict[tuple[Any, ...], dict[str, str]] = {}
    for row in part.to_dict("records"):
        place = (f"{100 * row['nominal']:g} %", *(level(row[factor]) for factor in told))
        cells.setdefault(place, {})[row["kind"]] = _cell(row)
    return Titled(
        f"{part['what'].iloc[0].capitalize()}: {test_label(part['test'].iloc[0])}",
        ["nominal", *map(factor_label, told), *map(p_value_label, kinds)],
        [[*place, *(row.get(kind, "") for kind in kinds)] for place, row in cells.items()],
        names=1 + len(told),
    )


def _cell(row: dict[Any, Any]) -> str:
    mark = MARKS.get(row["word"], "")
    return percent(row["rejection"], row["mcse"], (row["low"], row["high"])) + mark
