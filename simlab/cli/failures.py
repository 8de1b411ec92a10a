"""`simlab failures`: fits of a saved study that went wrong."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from simlab.cli.choices import Printed, Store
from simlab.cli.outcome import warned
from simlab.text import text_table, width, wrapped
from simlab.text.plain import exact

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def failures(
    store: Store,
    *,
    status: list[str] | None = None,
    limit: int = 20,
    format: Printed = "text",
) -> None:
    """List every fit whose status is not ok, with the command that replays it.

    Parameters
    ----------
    status
        Only this status; may be given several times.
    limit
        How many to list at most.
    format
        csv lists all.
    """
    from simlab import archive
    from simlab.cli.console import dataset
    from simlab.measures.sums import keeps_measures

    ds = dataset(store, ["status", "dropped"])
    kept = not keeps_measures(ds)
    counts = archive.failure_counts(ds, status)
    if format == "csv":
        result = archive.failures(ds, status) if kept else counts
        result.to_csv(exact(sys.stdout), index=False)
        return
    if counts.empty:
        print(f"{store}: every fit is ok")
        _each_message(ds, "warnings")
        return
    replicates = archive.summary(ds)["replicates"]
    rows = [
        [
            str(row["condition"]), archive.describe(ds, row["condition"]), row["estimator"],
            row["status"].replace("_", " "), f"{row['fits']:,}",
            f"{100 * row['fits'] / replicates[row['condition']]:.3g} %",
        ]
        for row in counts.to_dict("records")
    ]  # fmt: skip
    header = ["", "condition", "estimator", "status", "fits", "share"]
    print(text_table(header, rows, names=4))
    print()
    if not kept:
        _each_message(ds, "warnings")
        words = "Which replicates these are, and what went wrong in each, is not kept: run with "
        print(wrapped(f"{words}keep: replicates to know."))
        return
    _each_failure(store, ds, archive.failures(ds, status), limit)


def _each_failure(store: Path, ds: xr.Dataset, result: pd.DataFrame, limit: int) -> None:
    """Print what went wrong, and for each replicate the command that replays it."""
    _each_message(ds, "messages")
    _each_message(ds, "warnings")
    # What cannot be explained by a variance at 0 comes first.
    result = result.assign(last=result["status"].eq("singular")).sort_values("last", kind="stable")
    each = result.groupby(["condition", "replicate"], sort=False)
    for (c, r), part in list(each)[:limit]:
        words = ", ".join(part["estimator"] + " " + part["status"].str.replace("_", " "))
        command = f"simlab replay {shlex.quote(str(store))} --condition {c} --replicate {r}"
        if len(f"{command}   # {words}") <= width():
            print(f"{command}   # {words}")
        else:  # a line to be copied is not broken
            print(f"{wrapped(words, '#   ', '# ')}\n{command}")
    if each.ngroups > limit:
        more = f"… and {each.ngroups - limit:,} replicates more: --limit {each.ngroups}, or "
        print(wrapped(f"{more}--format csv"))


def _each_message(ds: xr.Dataset, attribute: str) -> None:
    """Print what went wrong, or was warned of: each text once; or how often, if that is kept."""
    if attribute == "warnings" and attribute not in ds.attrs and (counts := warned(ds)):
        print(wrapped(f"warnings: {counts}", "  ", ""))
    for message in json.loads(str(ds.attrs.get(attribute, "[]"))):
        word = " warned" if attribute == "warnings" else ""
        place = f"condition {message['condition']}, replicate {message['replicate']}"
        where = f"({message['count']:,} times, first {place})"
        print(wrapped(f"{message['estimator']}{word}: {message['text']} {where}", "  ", ""))
