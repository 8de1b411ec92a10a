"""Notes that the tables of a study share: what was run, and in which conditions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pandas as pd
import xarray as xr

from simlab.measures.conditions import config_of
from simlab.measures.outcomes import planned_replicates
from simlab.performance.moments import Counts
from simlab.results import Stop
from simlab.text import Heading, Paragraph, Part, PrintableFrame
from simlab.verdicts.judge import Number
from simlab.verdicts.view import View


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StudyTable(PrintableFrame):
    """Numbers of a study, and the tables that show them."""

    frame: pd.DataFrame
    shown: tuple[Part | list[Part], ...]

    def parts(self) -> Sequence[Part | list[Part]]:
        """Heading, tables, and what they mean."""
        return self.shown


def study_table(
    what: str, ds: xr.Dataset, frame: pd.DataFrame, tables: Iterable[Part], about: Iterable[str],
    sector: str = "",
) -> StudyTable:  # fmt: skip
    """Put a heading above some tables, and paragraphs below them."""
    title = f"{what}: {ds.attrs.get('name', 'study')}"
    heading = Heading(f"{title}, sector {sector}" if sector else title)
    return StudyTable(frame, (heading, *tables, *map(Paragraph, about)))


SWEEPS = {"more": "J", "larger": "n"}

N_SIM = "n_sim: replicates with an estimate"


def positions(view: View) -> dict[str, int]:
    """Positions of the conditions that the summary's columns speak of; −1 where there is none."""
    at = {"condition": view.places.base, "condition_same": view.places.same}
    result = {name: -1 if c is None else c for name, c in at.items()}
    return result | {f"condition_{s}": (view.sweep(n)[1] or [-1])[-1] for n, s in SWEEPS.items()}


def speaks_of(view: View) -> set[int]:
    """Return the conditions of the summary: base, two sweeps from there, crossing, same schools."""
    swept = {c for name in SWEEPS for c in view.sweep(name)[1]}
    return swept | {*positions(view).values(), *view.places.crossing(view.settings.efficiency)}


def estimates(view: View, condition: int, method: str) -> int:
    """Return the replicates in which a method has a slope."""
    return int(view.measured["n"].sel(estimator=method, term="slope")[condition])


def with_mcse(name: str, number: Number) -> dict[str, float]:
    """A number and its MCSE, NaN where it takes moments of the estimate that may not exist."""
    value, mcse = number.value, number.mcse
    if number.instead == "not measured":
        value = mcse = math.nan
    return {name: value, f"{name}_mcse": mcse}


def of_all(view: View) -> list[str]:
    """Say which conditions the columns speak of, and what is true of all rows."""
    notes = [_columns(view)] if len(view.places.scheme) > 1 else []
    base, s = view.places.base, view.settings
    if base is None:
        notes.append("every condition keeps the same schools: only honesty for these is judged")
    elif view.contrast(base) == 0:
        notes.append(
            "β_B = β_W here: λ is not identified, and bias is judged against "
            f"{100 * s.margin:g} % of β_W (of the empirical SE where β_W is 0)"
        )
    if not view.has_oracle():
        notes.append("the oracle gls_oracle is not in this study: efficiency is not judged")
    return notes


def _columns(view: View) -> str:
    """Line that names the condition of each column, by its levels."""
    at, places = positions(view), view.places
    parts = []
    if (c := at["condition"]) >= 0:
        parts.append(
            f"Estimates, Efficient?, Honest? new schools: condition {c} (the base), "
            + places.label(c, tuple(places.levels))
        )
    for name, sweep in SWEEPS.items():
        factor, swept = view.sweep(name)
        if swept:
            level = places.named(factor, places.levels[factor][swept[-1]])
            parts.append(f"{sweep}→∞: condition {swept[-1]}, {level}, as the base otherwise")
    if (c := at["condition_same"]) >= 0:
        level = (
            "as the base otherwise"
            if at["condition"] >= 0
            else places.label(c, tuple(places.levels))
        )
        parts.append(f"Honest? same schools: condition {c}, {level}")
    return "conditions: " + "; ".join(parts)


def of_run(ds: xr.Dataset, view: View) -> str:
    """Say what was run, the margins, and what ± is."""
    s = view.settings
    return (
        f"{run_size(ds)}, seed {ds.attrs.get('seed', 'unknown')}; "
        f"margins: bias {100 * s.margin:g} % of |β_B − β_W|, SE {100 * s.honest_margin:g} %, "
        f"efficiency {1 - s.efficient_margin:g}; ± is one Monte Carlo standard error, "
        "verdicts use the 95 % interval"
    )


def replicates_of(ds: xr.Dataset) -> Counts:
    """Replicates that each condition has, (condition,)."""
    if "replicates" in ds:  # of results that keep measures only
        return np.asarray(ds["replicates"].values, dtype=np.int64)
    if "status" not in ds:  # some of the variables of a study
        return np.full(ds.sizes["condition"], planned_replicates(ds))
    run = (ds["status"] >= 0).any("estimator")
    return np.asarray(run.sum("replicate").values, dtype=np.int64)


def run_size(ds: xr.Dataset) -> str:
    """Say how many conditions and replicates a study has; and, if it was to stop, where it did."""
    C, R = ds.sizes["condition"], planned_replicates(ds)
    conditions = f"{C} condition{'s' * (C > 1)}"
    n = replicates_of(ds)
    few, many = int(n.min()), int(n.max())
    each = f"{many:,}" if few == many else f"{few:,} to {many:,}"
    if "stopped" not in ds:
        return f"{conditions} × {each}{f' of {R:,}' * (few < R)} replicates"
    until = config_of(ds)["replicates"]["until"]
    text = f"{conditions} × {each} replicates, until MCSE({until['measure']}) ≤ {until['mcse']:g}"
    why = ds["stopped"].values
    notes = [
        f"{count} {words}"
        for count, words in (
            (int((why == Stop.MAXIMUM).sum()), "stopped at the maximum"),
            (int((why == Stop.UNDEFINED).sum()), "where it is not defined"),
            (int((why == Stop.NOT_YET).sum()), "unfinished"),
        )
        if count
    ]
    return f"{text} ({'; '.join(notes)})" if notes else text


RUNS = 8
"""Groups of conditions that a line tells apart."""


def unfinished(ds: xr.Dataset) -> str:
    """Say how many replicates the conditions of an unfinished study have; "" of a finished one.

    Conditions with the same number, one after another, are written together.
    """
    n = replicates_of(ds)
    stopped = ds["stopped"].values >= 0 if "stopped" in ds else n >= planned_replicates(ds)
    if stopped.all():
        return ""
    groups = [list(group) for _, group in groupby(range(len(n)), lambda c: (n[c], stopped[c]))]
    parts = [f"{_count(n[group[0]])} in {_conditions(group)}" for group in groups[:RUNS]]
    if more := [c for group in groups[RUNS:] for c in group]:
        parts.append(f"{n[more].min():,} to {n[more].max():,} in the other {len(more)}")
    complete = f"{stopped.sum()} of {len(n)} conditions are complete"
    return f"unfinished: {complete}; replicates done: {', '.join(parts)}"


def _count(n: int) -> str:
    return f"{n:,}" if n else "none"


def _conditions(group: list[int]) -> str:
    first, last = group[0], group[-1]
    return f"condition {first}" if first == last else f"conditions {first} to {last}"


def what_was_run(ds: xr.Dataset, run: str) -> tuple[str, ...]:
    """Return the last lines of a table: what was run, and that it is unfinished if it is."""
    return tuple(f"{text}." for text in (run, unfinished(ds)) if text)
