"""Failed fits: how many in each condition, why, and the commands that replay them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence

import pandas as pd
import xarray as xr

from simlab import archive
from simlab.measures.sums import keeps_measures
from simlab.tables.failed import store_of, warned_text
from simlab.tables.notes import StudyTable
from simlab.text import Command, Paragraph, Part, Table

NOT_KEPT = (
    "Which replicates these are, and what went wrong in each, is not kept: run with keep: "
    "replicates to know."
)


def failures_table(
    ds: xr.Dataset, statuses: Sequence[str] | None = None, limit: int = 20
) -> StudyTable:
    """Tabulate the fits whose status is not ok, and list the commands that replay them.

    Parameters
    ----------
    ds : Dataset
        Results of a study, from `simlab.open_dataset`.
    statuses : sequence of str, optional
        Only these; by default every status but ok.
    limit : int
        How many replicates to list at most.

    Returns
    -------
    StudyTable
        Its frame has a row for each fit, as `archive.failures` gives them; of a study that keeps
        measures, a row for each condition, estimator and status: `archive.failure_counts`.

    Raises
    ------
    ArgumentError
        If there is no such status.
    """
    counts = archive.failure_counts(ds, statuses)
    kept = not keeps_measures(ds)
    frame = archive.failures(ds, statuses) if kept else counts
    warnings = list(_warnings(ds))
    if counts.empty:
        return StudyTable(frame, ([Paragraph(f"{store_of(ds)}: every fit is ok"), *warnings],))
    if not kept:
        return StudyTable(frame, (_counts(ds, counts), [*warnings, Paragraph(NOT_KEPT, indent="")]))
    lines = [*_texts(ds, "messages", ""), *warnings, *_commands(ds, frame, limit)]
    return StudyTable(frame, (_counts(ds, counts), lines))


def _counts(ds: xr.Dataset, counts: pd.DataFrame) -> Table:
    """Table of the fits of each condition, estimator and status, with their share."""
    replicates = archive.summary(ds)["replicates"]
    rows = [
        [
            str(row["condition"]), archive.describe(ds, row["condition"]), row["estimator"],
            row["status"].replace("_", " "), f"{row['fits']:,}",
            f"{100 * row['fits'] / replicates[row['condition']]:.3g} %",
        ]
        for row in counts.to_dict("records")
    ]  # fmt: skip
    return Table(["", "condition", "estimator", "status", "fits", "share"], rows, names=4)


def _commands(ds: xr.Dataset, result: pd.DataFrame, limit: int) -> Iterator[Part]:
    """Commands that replay the replicates; those whose fits are only singular come last."""
    result = result.assign(last=result["status"].eq("singular")).sort_values("last", kind="stable")
    each = result.groupby(["condition", "replicate"], sort=False)
    store = shlex.quote(store_of(ds))
    for (c, r), part in list(each)[:limit]:
        words = ", ".join(part["estimator"] + " " + part["status"].str.replace("_", " "))
        yield Command(f"simlab replay {store} --condition {c} --replicate {r}", words)
    if each.ngroups > limit:
        more = f"… and {each.ngroups - limit:,} replicates more: --limit {each.ngroups}, or "
        yield Paragraph(f"{more}--format csv", indent="")


def _warnings(ds: xr.Dataset) -> Iterator[Part]:
    """Warnings of the user's code: each text once, or their number if the texts are not kept."""
    if "warnings" in ds.attrs:
        yield from _texts(ds, "warnings", " warned")
    elif words := warned_text(ds):
        yield Paragraph(f"warnings: {words}")


def _texts(ds: xr.Dataset, attribute: str, word: str) -> Iterator[Part]:
    """Texts of errors or warnings, each once, with its number and where it came first."""
    for message in json.loads(str(ds.attrs.get(attribute, "[]"))):
        position = f"condition {message['condition']}, replicate {message['replicate']}"
        where = f"({message['count']:,} times, first {position})"
        yield Paragraph(f"{message['estimator']}{word}: {message['text']} {where}")
