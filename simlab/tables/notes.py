"""What stands under the summary of methods: of which conditions it speaks, and what was run."""

from __future__ import annotations

import math

import xarray as xr

from simlab.tables.extent import extent
from simlab.verdicts.judge import Number
from simlab.verdicts.view import View

SWEEPS = {"more": "J", "larger": "n"}

N_SIM = "n_sim: replicates with an estimate"


def positions(view: View) -> dict[str, int]:
    """Positions of the conditions that the summary's columns speak of; −1 where there is none."""
    at = {"condition": view.places.base, "condition_same": view.places.same}
    found = {name: -1 if c is None else c for name, c in at.items()}
    return found | {f"condition_{s}": (view.sweep(n)[1] or [-1])[-1] for n, s in SWEEPS.items()}


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
    """The condition of each column, by its levels."""
    at, places = positions(view), view.places
    told = []
    if (c := at["condition"]) >= 0:
        told.append(
            f"Estimates, Efficient?, Honest? new schools: condition {c} (the base), "
            + places.label(c, tuple(places.levels))
        )
    for name, sweep in SWEEPS.items():
        factor, swept = view.sweep(name)
        if swept:
            level = places.named(factor, places.levels[factor][swept[-1]])
            told.append(f"{sweep}→∞: condition {swept[-1]}, {level}, as the base otherwise")
    if (c := at["condition_same"]) >= 0:
        level = (
            "as the base otherwise"
            if at["condition"] >= 0
            else places.label(c, tuple(places.levels))
        )
        told.append(f"Honest? same schools: condition {c}, {level}")
    return "conditions: " + "; ".join(told)


def of_run(ds: xr.Dataset, view: View) -> str:
    """Say what was run, the margins, and what ± is."""
    s = view.settings
    return (
        f"{extent(ds)}, seed {ds.attrs.get('seed', 'unknown')}; "
        f"margins: bias {100 * s.margin:g} % of |β_B − β_W|, SE {100 * s.honest_margin:g} %, "
        f"efficiency {1 - s.efficient_margin:g}; ± is one Monte Carlo standard error, "
        "verdicts use the 95 % interval"
    )
