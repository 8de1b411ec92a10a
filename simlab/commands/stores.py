"""What the commands on saved studies do: tell of them, compare, export, replay."""

from __future__ import annotations

import json
import shlex
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from simlab import archive
from simlab.archive.agreement import TOLERANCE
from simlab.commands.console import UsageError, write
from simlab.estimators import REGISTRY
from simlab.fitting.errors import FitError, FitWarning
from simlab.fitting.layout import degrees, number
from simlab.fitting.model import fit
from simlab.measures.summed import keeps_measures
from simlab.replaying import Replay
from simlab.replaying import replay as replay_one
from simlab.results import Status, open_dataset, sessions
from simlab.tables.formats import WIDTH, csv, text_table, wide_table, wrapped

CLUSTERS = 8  # shown of a replicate; the file has all


def info(store: Path, config: bool) -> None:
    """Print what a store tells of itself; or the configuration alone, as it was written."""
    ds = open_dataset(store)
    if config:
        print(ds.attrs.get("config_text") or ds.attrs["config"], end="")
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
        ("created", a["created"]),
        ("versions", a["versions"]),
        ("Python", a["python"]),
        ("machine", a["machine"]),
        ("git revision", a["git_revision"] or "none: simlab was installed, not a checkout"),
        ("on disk", _size(store)),
        ("fingerprint", str(a["fingerprint"])[:16]),
    ]
    width = max(len(name) for name, _ in facts)
    print(f"{store}\n")
    for name, fact in facts:
        if fact != "":
            print(wrapped(f"  {name:<{width}}  {fact}", WIDTH, " " * (width + 4)))
    print(f"\n{_conditions(ds)}")
    if keeps_measures(ds):
        print("\nMeasures are kept: of replicates, only sums; of wall time, that of the sessions.")
    if found := sessions(store):
        print(f"\n{_sessions(found)}")


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
    return wide_table(["session", "began (UTC)", "ended (UTC)", *facts], rows)


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
    return wide_table(header, rows)


def failures(
    store: Path, statuses: Sequence[str], limit: int, format: Literal["text", "csv"]
) -> None:
    """Print how many fits are not ok; and each with the command that replays it, where kept."""
    ds = open_dataset(store)
    kept = not keeps_measures(ds)
    with _asked():
        counts = archive.failure_counts(ds, statuses or None)
    if format == "csv":
        print(csv(archive.failures(ds, statuses or None) if kept else counts))
        return
    if counts.empty:
        print(f"{store}: every fit is ok")
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
    print(wide_table(["", "condition", "estimator", "status", "fits", "share"], rows))
    print()
    if not kept:
        told = "Which replicates these are, and what went wrong in each, is not kept: run with "
        print(wrapped(told + "keep: replicates to know."))
        return
    _each_failure(store, ds, archive.failures(ds, statuses or None), limit)


def _each_failure(store: Path, ds: xr.Dataset, found: pd.DataFrame, limit: int) -> None:
    """Print what went wrong, and for each replicate the command that replays it."""
    for told in json.loads(str(ds.attrs.get("messages", "[]"))):
        place = f"condition {told['condition']}, replicate {told['replicate']}"
        print(f"{told['estimator']}: {told['text']} ({told['count']:,} times, first {place})")
    # What cannot be explained by a variance at 0 comes first.
    found = found.assign(last=found["status"].eq("singular")).sort_values("last", kind="stable")
    each = found.groupby(["condition", "replicate"], sort=False)
    for (c, r), part in list(each)[:limit]:
        told = ", ".join(part["estimator"] + " " + part["status"].str.replace("_", " "))
        print(f"simlab replay {shlex.quote(str(store))} --condition {c} --replicate {r}   # {told}")
    if each.ngroups > limit:
        print(
            f"… and {each.ngroups - limit:,} replicates more: --limit {each.ngroups}, or "
            "--format csv"
        )


def export(store: Path, file: Path) -> None:
    """Write a store in another format."""
    archive.export(open_dataset(store), file)
    print(f"{file}: written", file=sys.stderr)


def diff(first: Path, second: Path) -> int:
    """Print how two stores differ; return 0 if every number that both have is the same."""
    found = archive.difference(open_dataset(first), open_dataset(second))
    if not found.settings.empty:
        print("what was asked, and with what it was run\n")
        header = ["about", "name", str(first), str(second)]
        print(text_table(header, found.settings.to_numpy().tolist()))
        print()
    for path, only in ((first, found.only_first), (second, found.only_second)):
        if only:
            print(f"only in {path}: {_count(len(only), 'condition')}: {_some(only)}\n")
    if not found.numbers.empty:
        print("numbers that differ\n")
        rows = [
            [row["variable"], f"{row['cells']:,}", number(row["largest"]), row["where"]]
            for row in found.numbers.to_dict("records")
        ]
        print(text_table(["variable", "cells", "largest difference", "first at"], rows))
        print()
    if found.unequal:
        print(
            f"not compared, since measures are kept of other numbers of replicates: "
            f"{_count(len(found.unequal), 'condition')}: {_some(found.unequal)}\n"
        )
    compared = found.common - len(found.unequal)
    both = f"{_count(compared, 'condition')}, {found.replicates:,} replicates in both"
    if found.same_numbers and found.exact:
        print(f"{both}: every number is the same, bit for bit (times are not compared)")
    elif found.same_numbers:
        told = "one study keeps measures, the other replicates; every measure is the same to "
        print(wrapped(f"{both}: {told}{TOLERANCE:g} of itself and its MCSE"))
    elif compared:
        print(f"{both}: {int(found.numbers['cells'].sum()):,} numbers differ")
    else:
        print("no condition can be compared")
    return 0 if found.same_numbers else 1


def _some(conditions: Sequence[str]) -> str:
    return "; ".join(conditions[:5]) + ("; …" if len(conditions) > 5 else "")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def replay(
    store: Path, condition: str, replicate: int, config: Path | None, save: Path | None
) -> int:
    """Draw and fit one replicate again, and print it; return 0 if it is what was stored."""
    with _asked():
        again = replay_one(store, condition, replicate, config)
    job = again.work.jobs[again.condition]
    levels = ", ".join(f"{k} = {v}" for k, v in job.condition.levels.items()) or "base"
    number_, only = divmod(replicate, again.work.study.block)
    print(f"Replicate {replicate:,} of condition {again.condition} ({levels})")
    print(
        f"drawn as {again.drawn_as}: seed {again.work.study.seed}, stream {str(job.key)[:8]}, "
        f"block {number_}, number {only} in it\n"
    )
    print(f"{_data(again.rows)}\n\n{_refit(again)}\n")
    print("\n\n".join(_mixed(again)))
    if save is not None:
        write(save, again.rows.to_csv(index=False))
    return _verdict(again)


def _data(rows: pd.DataFrame) -> str:
    """Clusters, the first of them in numbers."""
    by = rows.groupby("cluster", sort=False)
    table = []
    for name, part in list(by)[:CLUSTERS]:
        ss = float(((part.x - part.x.mean()) ** 2).sum())
        slope = float(((part.x - part.x.mean()) * part.y).sum() / ss) if ss > 0 else np.nan
        numbers = (part.x.mean(), part.y.mean(), slope)
        table.append([str(name), str(len(part)), *(number(v) for v in numbers)])
    left = by.ngroups - len(table)
    told = f"{len(rows):,} rows in {by.ngroups:,} clusters" + (
        f", the first {len(table)} of which are" if left else ""
    )
    return f"{told}\n\n{text_table(['cluster', 'n', 'mean x', 'mean y', 'own slope'], table)}"


def _refit(again: Replay) -> str:
    """Every estimate as it comes out now, beside what is stored."""
    work, one, rows = again.work, again.again, []
    for e, method in enumerate(work.methods):
        label = method.label
        status = Status(int(one.status[0, e])).name.lower().replace("_", " ")
        status += f", {one.dropped[0, e]} clusters dropped" if one.dropped[0, e] > 0 else ""
        for t in work.columns[method.name].tolist():
            new, se = one.estimate[0, e, t], one.std_error[0, e, t]
            stored = [] if again.stored is None else _beside(again.stored, e, t, float(new))
            rows.append([
                label, work.terms[t], f"{new:.10g}", f"{se:.6g}", degrees(float(one.df[0, e, t])),
                *stored, status,
            ])  # fmt: skip
            label = status = ""
    header = ["method", "term", "estimate", "SE", "df", "status"]
    header[5:5] = [] if again.stored is None else ["stored", "difference"]
    told = "".join(f"\n{name}: {text}" for _, name, text in one.messages)
    return wide_table(header, rows) + (told and f"\n{told}")


def _beside(stored: xr.Dataset, e: int, t: int, new: float) -> list[str]:
    """The estimate that is stored, and what it differs by."""
    old = float(stored["estimate"].values[e, t])
    same = old == new or (np.isnan(old) and np.isnan(new))
    return [f"{old:.10g}", "same" if same else f"{new - old:.2g}"]


FORMULAS = {"hlm": "y ~ {s}x", "hlm_contextual": "y ~ {s}x + {s}x_mean"}


def _mixed(again: Replay) -> Iterator[str]:
    """Mixed models once more from the rows, by the other route: formula, data frame, engine."""
    rows = again.rows.assign(x_mean=again.rows.groupby("cluster")["x"].transform("mean"))
    several = rows["sector"].nunique() > 1
    for method in again.work.methods:
        if method.name not in FORMULAS:
            continue
        formula = FORMULAS[method.name].format(s="sector * " if several else "")
        formula += " + (1 + x | cluster)"
        told = f"{REGISTRY[method.name].label}, from the rows: {formula}"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FitWarning)
                fitted = fit(formula, rows)
        except FitError as error:
            yield f"{told}\n  {error}"
            continue
        evaluations = abs(fitted.optimum.evaluations)
        G = np.asarray(fitted.G)
        lines = [
            f"  deviance {fitted.optimum.deviance:.6f}, {evaluations} evaluations, "
            f"{'converged' if fitted.converged else 'not converged'}",
            f"  G = [[{G[0, 0]:.6g}, {G[0, 1]:.6g}], [{G[1, 0]:.6g}, {G[1, 1]:.6g}]], "
            f"sigma2 = {fitted.sigma2:.6g}",
            *(f"  {note}" for note in fitted.notes),
        ]
        yield "\n".join([told, *lines])


def _verdict(again: Replay) -> int:
    if again.stored is None:
        print("\nThe store keeps measures and no replicates: there is nothing to compare with.")
        return 0
    compared = sum(again.stored[name].size for name in again.stored.data_vars)
    if again.differs.empty:
        print(f"\nThe stored replicate is this one, bit for bit: {compared:,} numbers compared.")
        return 0
    print(f"\n{len(again.differs):,} of {compared:,} numbers differ from what is stored:\n")
    rows = [
        [row["variable"], row["place"], f"{row['stored']:.17g}", f"{row['again']:.17g}"]
        for row in again.differs.head(20).to_dict("records")
    ]
    print(text_table(["variable", "where", "stored", "again"], rows))
    print(
        "\nThe code, its libraries, the processor or the data have changed since, or the store is "
        "damaged: `simlab info` tells what it was made with."
    )
    return 1


@contextmanager
def _asked() -> Iterator[None]:
    """Say in one line what was asked for and is not there."""
    try:
        yield
    except ValueError as error:
        raise UsageError(str(error)) from None
