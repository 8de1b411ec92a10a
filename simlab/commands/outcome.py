"""What `simlab run` says at its end of fits that failed, and of warnings; and its exit status."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pandas as pd
import xarray as xr

from simlab import archive

__all__ = ["ALL_FAILED", "report"]

ALL_FAILED = 3
"""Exit status where a method failed in every replicate of a condition."""

FAILED = ("not_converged", "not_estimable", "error")

MANY = 0.01
"""Share of fits in a condition above which their failing is a warning."""

NAMED = 5  # of what is named in a line


def report(ds: xr.Dataset, store: Path) -> int:
    """Say on stderr which methods failed and warned, and return the exit status."""
    command = f"simlab failures {shlex.quote(str(store))}"
    failed = _failures(ds)
    if not failed.empty:
        word = "warning: failed" if failed["share"].max() > MANY else "failed"
        print(f"simlab: {word}: {_methods(failed, ds)}: {command}", file=sys.stderr)
    if warned := json.loads(str(ds.attrs.get("warned", "{}"))):
        each = []
        for name, count in warned.items():
            text = _first(ds, "warnings", name)
            each.append(f"{name} in {count:,} replicates" + (text and f" ({text})"))
        print(f"simlab: warnings: {_some(each)}: {command}", file=sys.stderr)
    everywhere = failed[failed["share"] == 1]
    where: dict[tuple[int, ...], list[str]] = {}
    for name in everywhere["estimator"].unique().tolist():
        conditions = everywhere.loc[everywhere["estimator"] == name, "condition"]
        where.setdefault(tuple(conditions), []).append(name)
    for (first, *others), names in where.items():
        place = f"condition {first} ({archive.describe(ds, first)})"
        more = f" and {len(others)} others" if others else ""
        failing = f"failed in every replicate of {place}{more}: {_some(names)}"
        print(f"simlab: {failing}", file=sys.stderr)
    return 0 if everywhere.empty else ALL_FAILED


def _failures(ds: xr.Dataset) -> pd.DataFrame:
    """Fits without an estimate: condition, estimator, status (the most frequent), fits, share."""
    counts = archive.failure_counts(ds, FAILED).sort_values("fits", ascending=False)
    each = counts.groupby(["condition", "estimator"], as_index=False).agg(
        {"fits": "sum", "status": "first"}
    )
    replicates = archive.summary(ds)["replicates"].to_numpy()
    return each.assign(share=each["fits"] / replicates[each["condition"].to_numpy()])


def _methods(failed: pd.DataFrame, ds: xr.Dataset) -> str:
    """Each method, how often it failed, and why first."""
    total = int(archive.summary(ds)["replicates"].sum())
    each = []
    for name, part in failed.groupby("estimator"):
        worst = part.sort_values("share").iloc[-1]
        share = part["fits"].sum() / total
        told = f"{name} {100 * share:.3g} %"
        if worst["share"] > 1.5 * share:
            told += f", {100 * worst['share']:.3g} % in condition {worst['condition']}"
        why = _first(ds, "messages", str(name)) or str(worst["status"]).replace("_", " ")
        each.append((share, f"{told} ({why})"))
    return _some([text for _, text in sorted(each, key=lambda pair: -pair[0])])


def _some(texts: list[str]) -> str:
    more = [f"{len(texts) - NAMED} other methods"] if len(texts) > NAMED else []
    return "; ".join([*texts[:NAMED], *more])


def _first(ds: xr.Dataset, attribute: str, name: str) -> str:
    """The most frequent text of a method."""
    told = json.loads(str(ds.attrs.get(attribute, "[]")))
    return next((str(one["text"]) for one in told if one["estimator"] == name), "")
