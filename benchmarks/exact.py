"""The exact null of one variance beside RLRsim: 100,000 draws on the same data, in turn.

    python -m benchmarks.exact

Prints a Markdown table of processor times. Both start from a fitted model's design: the eigenvalues
are part of the work. Run it on an idle machine: the load average is printed.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Literal

import pandas as pd

import simlab
from benchmarks.clock import measure, processor
from benchmarks.machine import head
from benchmarks.r import Wanted, offered
from benchmarks.report import table
from benchmarks.section import BESIDE, Row, beside
from simlab.data import hs
from simlab.testing.exact import exact_null

TASKS = Path(__file__).with_suffix(".R")
METHODS: tuple[Literal["REML", "ML"], ...] = ("REML", "ML")
REPEATS = 5


def compare(name: str, df: pd.DataFrame) -> list[Row]:
    """One row for each method."""
    fits = {m: simlab.fit("mathach ~ ses + (1 | school)", df, m) for m in METHODS}
    ours = {
        f"simlab, {m}": processor(partial(exact_null, fit, (), 0, jobs=1))
        for m, fit in fits.items()
    }
    with ExitStack() as stack:
        wanted = {m: Wanted("RLRsim", 1) for m in METHODS}
        _, theirs, skipped = offered(TASKS, df, stack, wanted)
        found = measure({**ours, **theirs}, REPEATS)
    return [
        beside(
            f"{name}, J = {fits[m].nclusters}, {m}; RLRsim",
            found[f"simlab, {m}"],
            skipped[m] if m in skipped else found[m],
        )
        for m in METHODS
    ]


def main() -> None:
    where = head()
    print(f"{where}\n\n{table(BESIDE, [*compare('hs', hs()), *compare('hsb', hs(full=True))])}")


if __name__ == "__main__":
    main()
