"""The course's summary of methods, judged by measured numbers.

`judge` reads a results Dataset and returns one `Verdict` per method: what it estimates, whether
it is consistent, efficient and honest, in numbers and a word, with the word of the course.
"""

from __future__ import annotations

import xarray as xr

from simlab.methods import label
from simlab.verdicts import sentences as say
from simlab.verdicts.assess import SWEEPS, consistency, efficiency, estimand, honesty
from simlab.verdicts.model import Summary, Verdict
from simlab.verdicts.view import View, view
from simlab.words import NEW, SAME, TARGETS

__all__ = ["Summary", "Verdict", "judge"]


def judge(ds: xr.Dataset, sector: str | None = None) -> Summary:
    """Judge every method of a study, with the margins and sweeps in its configuration.

    Parameters
    ----------
    ds : Dataset
        Results of a study.
    sector : str, optional
        Whose slopes; by default the first sector's.

    Returns
    -------
    Summary
        One row per method in the order of the study, without the oracle. What the study does
        not have the conditions for is "not studied here".

    Raises
    ------
    ArgumentError
        When there is no such sector, or no slope to judge.
    """
    chosen, seen = view(ds, sector)
    level = float(ds.attrs.get("level", 0.95))
    rows = tuple(_verdict(seen, method, level) for method in seen.judged)
    return Summary(str(ds.attrs.get("name", "study")), chosen, rows, seen)


def _verdict(seen: View, method: str, level: float) -> Verdict:
    """Judge one method: the four questions, and sentences about the answers."""
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
    return Verdict(method, label(method), aim, steady, efficient, honest, tuple(sentences))
