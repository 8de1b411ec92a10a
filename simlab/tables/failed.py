"""Lines on fits that failed: how many, why, and whether that depends on the estimate."""

from __future__ import annotations

import json
import shlex

import pandas as pd
import xarray as xr

from simlab import archive
from simlab.archive.dependence import LEVEL
from simlab.measures.sums import keeps_measures
from simlab.text.numbers import counted

MANY = 0.01
"""Share of fits in a condition above which their failing is a warning."""

NAMED = 5
"""Of what is named in a line."""


def failure_lines(ds: xr.Dataset) -> list[str]:
    """Say which methods failed, how often and why; and whether it depends on the estimate.

    Lines without a full stop, the first ending with the command that lists failures; empty without
    any.
    """
    failed = archive.failed_fits(ds)
    if failed.empty:
        return []
    return [f"failed: {failing(failed, ds)}: {command(ds)}", *_dependence(failed, ds)]


def failing(failed: pd.DataFrame, ds: xr.Dataset) -> str:
    """Name each method of `archive.failed_fits`, how often it failed, and why first."""
    each, tried = [], archive.tried(ds).sum("condition")
    for name, part in failed.groupby("estimator"):
        worst = part.sort_values("share").iloc[-1]
        share = part["fits"].sum() / int(tried.sel(estimator=name))
        text = f"{name} {100 * share:.3g} %"
        if worst["share"] > 1.5 * share:
            text += f", {100 * worst['share']:.3g} % in condition {worst['condition']}"
        why = first_text(ds, "messages", str(name)) or str(worst["status"]).replace("_", " ")
        each.append((share, f"{text} ({why})"))
    return some([text for _, text in sorted(each, key=lambda pair: -pair[0])], "method")


def command(ds: xr.Dataset) -> str:
    """Return what lists the failures of a store; of results in memory, its beginning."""
    return f"simlab failures {shlex.quote(store_of(ds))}"


def store_of(ds: xr.Dataset) -> str:
    """Return the path of the store that results were read from; "STORE" of results in memory."""
    return str(ds.encoding.get("source", "STORE"))


def _dependence(failed: pd.DataFrame, ds: xr.Dataset) -> list[str]:
    """Lines on methods whose failures depend on the estimate, or may."""
    some_fits = failed[failed["share"] < 1]
    if keeps_measures(ds):
        if not (some_fits["share"] > MANY).any():
            return []
        return ["whether they depend on the estimate is not known: keep: replicates would tell"]
    dependent = archive.dependent_failures(ds)
    lines = []
    for name, part in dependent.groupby("estimator", sort=False):
        if len(sure := part[part["p"] < LEVEL]):
            lines.append(_depends(sure, ds))
        elif (
            part["p"].isna().all()
            and (some_fits["share"][some_fits["estimator"] == name] > MANY).any()
        ):
            lines.append(
                f"whether the failures of {name} depend on the estimate is not known: no "
                "other method has estimates where it failed"
            )
    return lines


def _depends(sure: pd.DataFrame, ds: xr.Dataset) -> str:
    """Line on the clearest of the comparisons of one method."""
    one = sure.sort_values("p").iloc[0]
    name, c = one["estimator"], int(one["condition"])
    if one["of"] == "middle":
        side = "low" if one["failed"] < one["elsewhere"] else "high"
        numbers = "median of the {} of {} {:.4g} where it failed, {:.4g} elsewhere"
    else:
        side = "near its middle" if one["failed"] < one["elsewhere"] else "far from its middle"
        numbers = (
            "median distance of the {} of {} from its median {:.4g} where it failed, "
            "{:.4g} elsewhere"
        )
    values = numbers.format(one["term"], one["other"], one["failed"], one["elsewhere"])
    more = f" and {len(sure) - 1} more" if len(sure) > 1 else ""
    where = (
        f" in condition {c} ({archive.describe(ds, c)}){more}" if ds.sizes["condition"] > 1 else ""
    )
    return (
        f"{name} fails where the estimate is {side}{where}: {values} (p = {one['p']:.1g}); all its "
        "measures are conditional on success"
    )


def warned(ds: xr.Dataset) -> dict[str, int]:
    """Return in how many replicates the user's code warned, by its name."""
    counts: dict[str, int] = json.loads(str(ds.attrs.get("warned", "{}")))
    return counts


def warned_text(ds: xr.Dataset) -> str:
    """Say in how many replicates the user's code warned; "" where it did not."""
    return ", ".join(
        f"{name} in {counted(count, 'replicate')}" for name, count in warned(ds).items()
    )


def some(texts: list[str], what: str) -> str:
    """Join the first texts, and count the others."""
    more = [counted(len(texts) - NAMED, f"other {what}")] if len(texts) > NAMED else []
    return "; ".join([*texts[:NAMED], *more])


def first_text(ds: xr.Dataset, attribute: str, name: str) -> str:
    """Return the most frequent text of a method among "messages" or "warnings"; "" without any."""
    records = json.loads(str(ds.attrs.get(attribute, "[]")))
    return next((str(one["text"]) for one in records if one["estimator"] == name), "")
