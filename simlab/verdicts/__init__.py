"""The course's summary of methods, judged by measured numbers.

`judge` reads a results Dataset and returns one `Verdict` per method: what it estimates, whether
it is consistent, efficient and honest, in numbers and a word, beside the word of the course.
"""

from __future__ import annotations

import xarray as xr

from simlab.course import course_of
from simlab.performance.aims import ORACLE
from simlab.verdicts import sentences as say
from simlab.verdicts.assess import SWEEPS, TARGETS, consistency, efficiency, estimand, honesty
from simlab.verdicts.extent import extent
from simlab.verdicts.model import Summary, Verdict
from simlab.verdicts.places import NEW, SAME
from simlab.verdicts.view import View, view

__all__ = ["Summary", "Verdict", "judge"]


def judge(ds: xr.Dataset, sector: str | None = None) -> Summary:
    """Judge every method of a study.

    Parameters
    ----------
    ds : Dataset
        Results of a study; the margins and sweeps are in the JSON of `ds.attrs["config"]`.
    sector : str, optional
        Whose slopes; by default the first sector's.

    Returns
    -------
    Summary
        One row per method in the order of the study, without the oracle. What the study does
        not have the conditions for is "not studied here".

    Raises
    ------
    ValueError
        When there is no such sector, or no slope to judge.
    """
    chosen, seen = view(ds, sector)
    level = float(ds.attrs.get("level", 0.95))
    rows = tuple(_verdict(seen, method, level) for method in seen.methods if method != ORACLE)
    name = str(ds.attrs.get("name", "study"))
    return Summary(name, chosen, rows, tuple(_notes(seen)), _run(ds, seen))


def _verdict(seen: View, method: str, level: float) -> Verdict:
    aim = estimand(seen, method)
    steady = tuple(consistency(seen, method, t, s) for t in TARGETS for s in SWEEPS)
    efficient = efficiency(seen, method)
    honest = tuple(honesty(seen, method, scheme) for scheme in (NEW, SAME))
    sentences = [
        *say.of_twins(seen, method),
        *say.of_doubt(seen, method),
        *say.of_estimand(aim),
        *say.of_consistency(steady),
        *say.of_efficiency(efficient, method),
        *(sentence for one in honest for sentence in say.of_honesty(one, level)),
    ]
    if seen.term_for(method, "beta_between") == "between":
        between = efficiency(seen, method, "between"), honesty(seen, method, NEW, "between")
        sentences += say.of_between(*between)
    label = course_of(method).label
    return Verdict(method, label, aim, steady, efficient, honest, tuple(sentences))


def _notes(seen: View) -> list[str]:
    notes = []
    base, s = seen.places.base, seen.settings
    if base is None:
        notes.append("every condition keeps the same schools: only honesty for these is judged")
    elif seen.contrast(base) == 0:
        notes.append(
            "β_B = β_W here: λ is not identified, and bias is judged against "
            f"{100 * s.margin:g} % of β_W (of the empirical SE where β_W is 0)"
        )
    if not seen.has_oracle():
        notes.append("the oracle gls_oracle is not in this study: efficiency is not judged")
    return notes


def _run(ds: xr.Dataset, seen: View) -> str:
    s = seen.settings
    return (
        f"{extent(ds)}, seed {ds.attrs.get('seed', 'unknown')}; "
        f"margins: bias {100 * s.margin:g} % of |β_B − β_W|, SE {100 * s.honest_margin:g} %, "
        f"efficiency {1 - s.efficient_margin:g}; ± is one Monte Carlo standard error, "
        "verdicts use the 95 % interval"
    )
