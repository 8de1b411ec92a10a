"""`simlab info`: what a saved study is."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simlab.cli.choices import Store
from simlab.text import Facts, Heading, Paragraph, Part, Table
from simlab.text.plain import exact
from simlab.words import Status

if TYPE_CHECKING:
    import xarray as xr


def info(store: Store, *, config: bool = False) -> None:
    """Tell what a store holds: study, versions, machine, time and failures of each condition.

    Parameters
    ----------
    config
        Print the configuration alone, as it was written.
    """
    from simlab.cli.console import dataset, say
    from simlab.measures.sums import keeps_measures
    from simlab.results import sessions

    ds = dataset(store, ["status"])
    if config:
        text = str(ds.attrs.get("config_text") or ds.attrs["config"])
        print(text, end="", file=exact(sys.stdout))
        return
    parts: list[Part] = [
        Heading(str(store)),
        Facts(_facts(store, ds), indent="  "),
        _conditions(ds),
    ]
    if keeps_measures(ds):
        words = "Measures are kept: of replicates, only sums; of wall time, that of the sessions."
        parts.append(Paragraph(words, indent=""))
    if result := sessions(store):
        parts.append(_sessions(result))
    say(*parts)


def _facts(store: Path, ds: xr.Dataset) -> list[tuple[str, str]]:
    """Facts about the whole study, each with its name; those not recorded are left out."""
    from simlab.tables.failed import warned_text

    a = ds.attrs
    drawn, planned = int(a["replicates_done"]), int(a["replicates_planned"])
    facts = (
        ("study", a["name"]),
        ("description", json.loads(str(a["config"])).get("description", "")),
        ("replicates", f"{drawn:,} of {planned:,}" + ("" if drawn == planned else ", unfinished")),
        ("seed, block", f"{a['seed']}, {a['block']} replicates"),
        ("estimators", ", ".join(map(str, ds["estimator"].values))),
        ("terms", ", ".join(map(str, ds["term"].values))),
        ("tests", ", ".join(map(str, ds["test"].values)) if "test" in ds.dims else ""),
        ("warnings", warned_text(ds)),
        ("created", a.get("created", "")),
        ("versions", a.get("versions", "")),
        ("Python", a.get("python", "")),
        ("machine", a.get("machine", "")),
        ("git revision", a.get("git_revision") or "none: simlab was installed, not a checkout"),
        ("on disk", _size(store)),
        ("fingerprint", str(a["fingerprint"])[:16]),
    )
    return [(name, str(fact)) for name, fact in facts if fact != ""]


def _size(store: Path) -> str:
    """Size of a store on the disk."""
    files = [file.stat().st_size for file in store.rglob("*") if file.is_file()]
    return f"{sum(files) / 1e6:,.1f} MB in {len(files):,} files"


def _sessions(result: Sequence[Mapping[str, Any]]) -> Table:
    """Table of the sessions that wrote to the store."""
    facts = ("host", "backend", "workers", "blocks", "outcome")
    rows = [
        [
            str(one["number"]), _moment(one["began"]), _moment(one["ended"]),
            *("–" if one.get(name) is None else str(one[name]) for name in facts),
        ]
        for one in result
    ]  # fmt: skip
    return Table(["session", "began (UTC)", "ended (UTC)", *facts], rows)


def _moment(time: str | None) -> str:
    """Time as 2026-11-23 17:09:02, from an ISO time in UTC."""
    return "–" if time is None else time.partition("+")[0].replace("T", " ")


def _conditions(ds: xr.Dataset) -> Table:
    """Table of the conditions: what each cost, and how its fits ended."""
    from simlab import archive

    table = archive.summary(ds)
    header = ["", "condition", "replicates", "core s", "wall s", "ms a replicate"]
    words = [status.name.lower() for status in Status if status != Status.OK]
    header += [word.replace("_", " ") for word in words]
    header += ["stopped"] if "stopped" in table else []
    rows = []
    for c, row in enumerate(table.to_dict("records")):
        each = 1e3 * row["core_seconds"] / row["replicates"] if row["replicates"] else math.nan
        times = (row["core_seconds"], row["wall_seconds"], each)
        rows.append([
            str(c), archive.describe(ds, c), f"{row['replicates']:,}",
            *("" if math.isnan(t) else f"{t:.3g}" for t in times),
            *(f"{row[word]:,}" if row[word] else "–" for word in words),
            *([row["stopped"].replace("_", " ")] if "stopped" in row else []),
        ])  # fmt: skip
    return Table(header, rows, names=2)
