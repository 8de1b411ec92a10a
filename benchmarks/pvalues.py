"""Monte Carlo p-values of simlab beside pbkrtest's parametric bootstrap, in turn.

    python -m benchmarks.pvalues

Prints a Markdown table. A draw is one response from the null model and both fits to it, by ML.
Times of a draw are processor times, of the whole call divided by its draws. Run it on an idle
machine: the load average is printed.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import simlab
from benchmarks.clock import Action, measure, processor, wall
from benchmarks.machine import head
from benchmarks.r import Wanted, offered
from benchmarks.report import table
from benchmarks.section import BESIDE, Row, beside
from benchmarks.units import duration, spread

DRAWS = 10_000
THEIRS = 20  # draws of one call, as pvalues.R has them
REPEATS = 5
TASKS = Path(__file__).with_suffix(".R")
SCHOOLS = simlab.data.hs()
TESTS = {
    "slope": ("mathach ~ ses + (1 | school)", "mathach ~ ses + (1 + ses | school)"),
    "interaction": (
        "mathach ~ ses + sector + (1 + ses | school)",
        "mathach ~ ses * sector + (1 + ses | school)",
    ),
}
NAMES = {"slope": "random slope against random intercept", "interaction": "m5 against m7"}


def pvalue(name: str, jobs: int) -> object:
    return simlab.pvalue(SCHOOLS, *TESTS[name], method="ML", draws=DRAWS, jobs=jobs)


def a_draw(call: Action) -> Action:
    """Processor time of one of a call's draws."""
    return Action(lambda: call.seconds() / THEIRS)


def rows() -> list[Row]:
    ours = {f"simlab, {name}": processor(partial(pvalue, name, 1), DRAWS) for name in TESTS}
    whole = {"wall": wall(partial(pvalue, "slope", -1))}
    with ExitStack() as stack:
        wanted = {name: Wanted("pbkrtest", 1) for name in TESTS}
        _, calls, skipped = offered(TASKS, SCHOOLS, stack, wanted)
        theirs = {name: a_draw(call) for name, call in calls.items()}
        found = {**measure({**ours, **theirs}, REPEATS), **measure(whole, REPEATS)}
    compared = [
        beside(
            f"{words} on `hs`, a draw; pbkrtest `PBmodcomp`",
            found[f"simlab, {name}"],
            skipped[name] if name in skipped else found[name],
        )
        for name, words in NAMES.items()
    ]
    waited = found["wall"]
    what = f"the slope's p-value from {DRAWS:,} draws, all cores, wall"
    return [*compared, (what, duration(waited.median), spread(waited, duration), "", "", "", "")]


def main() -> None:
    print(f"{head()}\n\n{table(BESIDE, rows())}")


if __name__ == "__main__":
    main()
