"""What the commands on saved studies do: tell of them, compare, export."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from simlab import archive
from simlab.commands.console import dataset
from simlab.commands.outcome import say_unfinished
from simlab.measures.sums import keeps_measures
from simlab.results import Status, sessions
from simlab.tables.formats import csv
from simlab.text import text_table, width, wrapped
from simlab.text.numbers import number
from simlab.text.plain import exact


def info(store: Path, config: bool) -> None:
    """Print what a store tells of itself; or the configuration alone, as it was written."""
    ds = dataset(store, ["status"])
    if config:
        text = str(ds.attrs.get("config_text") or ds.attrs["config"])
        print(text, end="", file=exact(sys.stdout))
        return
    a = ds.attrs
    declared = json.loads(str(a["config"]))
    done, planned = int(a["replicates_done"]), int(a["replicates_planned"])
    facts = [
        ("study", a["name"]),
        ("description", declared.get("description", "")),
        ("replicates", f"{done:,} of {planned:,}" + ("" if done == planned else ", unfinished")),
        ("seed, block", f"{a['seed']}, {a['block']} replicates"),
        ("estimators", ", ".join(map(str, ds["estimator"].values))),
        ("terms", ", ".join(map(str, ds["term"].values))),
        ("tests", ", ".join(map(str, ds["test"].values)) if "test" in ds.dims else ""),
        ("warnings", _warned(ds)),
        ("created", a.get("created", "")),
        ("versions", a.get("versions", "")),
        ("Python", a.get("python", "")),
        ("machine", a.get("machine", "")),
        ("git revision", a.get("git_revision") or "none: simlab was installed, not a checkout"),
        ("on disk", _size(store)),
        ("fingerprint", str(a["fingerprint"])[:16]),
    ]
    longest = max(len(name) for name, _ in facts)
    print(f"{store}\n")
    for name, fact in facts:
        if fact != "":
            print(wrapped(str(fact), " " * (longest + 4), f"  {name:<{longest}}  "))
    print(f"\n{_conditions(ds)}")
    if keeps_measures(ds):
        told = "Measures are kept: of replicates, only sums; of wall time, that of the sessions."
        print(f"\n{wrapped(told)}")
    if found := sessions(store):
        print(f"\n{_sessions(found)}")


def _warned(ds: xr.Dataset) -> str:
    """In how many replicates the user's code warned."""
    warned = json.loads(str(ds.attrs.get("warned", "{}")))
    return ", ".join(f"{name} in {count:,} replicates" for name, count in warned.items())


def _size(store: Path) -> str:
    files = [file.stat().st_size for file in store.rglob("*") if file.is_file()]
    return f"{sum(files) / 1e6:,.1f} MB in {len(files):,} files"


def _sessions(found: Sequence[Mapping[str, Any]]) -> str:
    """Who wrote to the store: a row for each run that had something to do."""
    facts = ("host", "backend", "workers", "blocks", "outcome")
    rows = [
        [
            str(one["number"]), _moment(one["began"]), _moment(one["ended"]),
            *("–" if one.get(name) is None else str(one[name]) for name in facts),
        ]
        for one in found
    ]  # fmt: skip
    return text_table(["session", "began (UTC)", "ended (UTC)", *facts], rows)


def _moment(told: str | None) -> str:
    """2026-11-23 17:09:02 of an ISO time in UTC."""
    return "–" if told is None else told.partition("+")[0].replace("T", " ")


def _conditions(ds: xr.Dataset) -> str:
    table = archive.summary(ds)
    header = ["", "condition", "replicates", "core s", "wall s", "ms a replicate"]
    words = [status.name.lower() for status in Status if status != Status.OK]
    header += [word.replace("_", " ") for word in words]
    header += ["stopped"] if "stopped" in table else []
    rows = []
    for c, row in enumerate(table.to_dict("records")):
        each = 1e3 * row["core_seconds"] / row["replicates"] if row["replicates"] else np.nan
        times = (row["core_seconds"], row["wall_seconds"], each)
        rows.append([
            str(c), archive.describe(ds, c), f"{row['replicates']:,}",
            *("" if np.isnan(t) else f"{t:.3g}" for t in times),
            *(f"{row[word]:,}" if row[word] else "–" for word in words),
            *([row["stopped"].replace("_", " ")] if "stopped" in row else []),
        ])  # fmt: skip
    return text_table(header, rows, names=2)


def failures(
    store: Path, statuses: Sequence[str], limit: int, format: Literal["text", "csv"]
) -> None:
    """Print how many fits are not ok; and each with the command that replays it, where kept."""
    ds = dataset(store, ["status", "dropped"])
    kept = not keeps_measures(ds)
    counts = archive.failure_counts(ds, statuses or None)
    if format == "csv":
        found = archive.failures(ds, statuses or None) if kept else counts
        print(csv(found), file=exact(sys.stdout))
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
        told = "Which replicates these are, and what went wrong in each, is not kept: run with "
        print(wrapped(f"{told}keep: replicates to know."))
        return
    _each_failure(store, ds, archive.failures(ds, statuses or None), limit)


def _each_failure(store: Path, ds: xr.Dataset, found: pd.DataFrame, limit: int) -> None:
    """Print what went wrong, and for each replicate the command that replays it."""
    _each_message(ds, "messages")
    _each_message(ds, "warnings")
    # What cannot be explained by a variance at 0 comes first.
    found = found.assign(last=found["status"].eq("singular")).sort_values("last", kind="stable")
    each = found.groupby(["condition", "replicate"], sort=False)
    for (c, r), part in list(each)[:limit]:
        told = ", ".join(part["estimator"] + " " + part["status"].str.replace("_", " "))
        command = f"simlab replay {shlex.quote(str(store))} --condition {c} --replicate {r}"
        if len(f"{command}   # {told}") <= width():
            print(f"{command}   # {told}")
        else:  # a line to be copied is not broken
            print(f"{wrapped(told, '#   ', '# ')}\n{command}")
    if each.ngroups > limit:
        more = f"… and {each.ngroups - limit:,} replicates more: --limit {each.ngroups}, or "
        print(wrapped(f"{more}--format csv"))


def _each_message(ds: xr.Dataset, attribute: str) -> None:
    """Print what went wrong, or was warned of: each text once; or how often, if that is kept."""
    if attribute == "warnings" and attribute not in ds.attrs and (warned := _warned(ds)):
        print(wrapped(f"warnings: {warned}", "  ", ""))
    for told in json.loads(str(ds.attrs.get(attribute, "[]"))):
        word = " warned" if attribute == "warnings" else ""
        place = f"condition {told['condition']}, replicate {told['replicate']}"
        where = f"({told['count']:,} times, first {place})"
        print(wrapped(f"{told['estimator']}{word}: {told['text']} {where}", "  ", ""))


def export(store: Path, file: Path) -> None:
    """Write a store in another format."""
    archive.check_export(file)
    ds = dataset(store)
    archive.export(ds, file)
    say_unfinished(ds)
    print(f"{file}: written", file=sys.stderr)


def diff(first: Path, second: Path) -> int:
    """Print how two stores differ; return 0 if every number that both have is the same."""
    found = archive.difference(dataset(first), dataset(second))
    if not found.settings.empty:
        print("what was asked, and with what it was run\n")
        header = ["about", "name", str(first), str(second)]
        print(text_table(header, found.settings.to_numpy().tolist(), names=2))
        print()
    for path, only in ((first, found.only_first), (second, found.only_second)):
        if only:
            told = f"only in {path}: {_count(len(only), 'condition')}: {_some(only)}"
            print(f"{wrapped(told, '  ', '')}\n")
    if not found.numbers.empty:
        print("numbers that differ\n")
        rows = [
            [row["variable"], f"{row['cells']:,}", number(row["largest"]), row["where"]]
            for row in found.numbers.to_dict("records")
        ]
        print(text_table(["variable", "cells", "largest difference", "first at"], rows))
        print()
    if found.unequal:
        told = "not compared, since measures are kept of other numbers of replicates: "
        told += f"{_count(len(found.unequal), 'condition')}: {_some(found.unequal)}"
        print(f"{wrapped(told, '  ', '')}\n")
    compared = found.common - len(found.unequal)
    both = f"{_count(compared, 'condition')}, {found.replicates:,} replicates in both"
    if found.same_numbers:
        told = f"{both}: every number is the same, bit for bit (times are not compared)"
        print(wrapped(told, "  ", ""))
    elif compared:
        print(f"{both}: {int(found.numbers['cells'].sum()):,} numbers differ")
    else:
        print("no condition can be compared")
    return 0 if found.same_numbers else 1


def _some(conditions: Sequence[str]) -> str:
    return "; ".join(conditions[:5]) + ("; …" if len(conditions) > 5 else "")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")
