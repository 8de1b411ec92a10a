"""Outcome of `simlab run`: its last lines on failed fits and on warnings, and its exit status."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr


ALL_FAILED = 3
"""Exit status where a method failed in every replicate of a condition."""


def report(ds: xr.Dataset) -> int:
    """Say on stderr which methods failed and warned, and return the exit status."""
    from simlab import archive
    from simlab.tables.failed import MANY, command, failing, first_text, some, warned
    from simlab.text.numbers import counted

    failed = archive.failed_fits(ds)
    if not failed.empty:
        word = "warning: failed" if failed["share"].max() > MANY else "failed"
        print(f"simlab: {word}: {failing(failed, ds)}: {command(ds)}", file=sys.stderr)
    if counts := warned(ds):
        each = []
        for name, count in counts.items():
            text = first_text(ds, "warnings", name)
            each.append(f"{name} in {counted(count, 'replicate')}" + (text and f" ({text})"))
        print(f"simlab: warnings: {some(each, 'method')}: {command(ds)}", file=sys.stderr)
    everywhere = failed[failed["share"] == 1]
    where: dict[tuple[int, ...], list[str]] = {}
    for name in everywhere["estimator"].unique().tolist():
        conditions = everywhere.loc[everywhere["estimator"] == name, "condition"]
        where.setdefault(tuple(conditions), []).append(name)
    for (first, *others), names in where.items():
        condition = f"condition {first} ({archive.describe(ds, first)})"
        more = f" and {counted(len(others), 'other')}" if others else ""
        words = f"failed in every replicate of {condition}{more}: {some(names, 'method')}"
        print(f"simlab: {words}", file=sys.stderr)
    return 0 if everywhere.empty else ALL_FAILED


def say_unfinished(ds: xr.Dataset) -> None:
    """Say on stderr that a store is unfinished, and what it has, if it is."""
    from simlab.tables.notes import unfinished

    if words := unfinished(ds):
        print(f"simlab: {words}", file=sys.stderr)
