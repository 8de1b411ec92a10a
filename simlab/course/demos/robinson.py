"""Robinson's paradox: the effect within schools and that between them have opposite signs.

Of two students of one school, the one with more x has more y. Of two schools, the one with more x
has less y. Can both be? Robinson (1950) found it so in the census of 1930: of two people, the one
born abroad was more often illiterate; of two states, that with more people born abroad had fewer
who were. What do correlations and slopes say, of students and of schools? (The states here are made
up in the image of his.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.special import expit

from simlab.config import Study, declared
from simlab.course.demos.claims import Number, above, below, claim, mean, within
from simlab.course.demos.samples import (
    correlations,
    draw_counts,
    draw_sample,
    from_counts,
    samples,
    slopes,
)
from simlab.course.demos.showing import Demo, measured, plus_minus
from simlab.moments import Moments
from simlab.plots import panels
from simlab.text import Table

NAMES = ("slope within", "slope between", "correlation of people", "correlation of clusters")


class Result(NamedTuple):
    """The study, its four numbers, and those of the states."""

    study: Study
    simulated: tuple[Number, ...]
    context: Number
    states: Moments
    real: tuple[Number, ...]


def find(study: Study) -> Result:
    """Run the study, and take slopes and correlations of it and of the states."""
    run = measured(study)
    of_students, of_schools = correlations(samples(study).moments)
    simulated = (
        run.estimate("fixed_effects_common"),
        run.estimate("ecological"),
        mean("correlation of students", of_students),
        mean("correlation of schools", of_schools),
    )
    made_up = from_counts(states(study.seed), "state", "birth", "people", "illiterate")
    line = slopes(made_up)
    lines = (line["fixed_effects_common"], line["ecological"])
    exact = (*lines, *(float(of[0]) for of in correlations(made_up)))
    real = tuple(Number(name, value) for name, value in zip(NAMES, exact, strict=True))
    contextual = run.estimate("hlm_contextual", term="contextual")
    return Result(study, simulated, contextual, made_up, real)


def states(seed: int) -> pd.DataFrame:
    """Counts of 48 made-up states: where more were born abroad, the others read better.

    The share born abroad is Beta(1.2, 8). A person born there is illiterate with a probability
    p_j that falls with that share, one born abroad with p_j + 0.09.
    """
    rng = np.random.default_rng(seed)
    people = rng.integers(200_000, 9_000_000, 48)
    share = rng.beta(1.2, 8, 48)
    p = expit(-2.3 - 7 * share + 0.4 * rng.standard_normal(48))
    abroad = rng.binomial(people, share)
    counts = {
        birth: (number, rng.binomial(number, rate))
        for birth, number, rate in (("native", people - abroad, p), ("abroad", abroad, p + 0.09))
    }
    return pd.concat(
        pd.DataFrame({"state": range(48), "birth": birth, "people": n, "illiterate": cases})
        for birth, (n, cases) in counts.items()
    ).astype({"birth": pd.CategoricalDtype(["native", "abroad"])})


def table(result: Result) -> Table:
    """Lay out slopes and correlations, within and between."""
    body = [
        [name, plus_minus(simulated, "+.3f"), f"{real:+.3f}"]
        for name, simulated, real in zip(NAMES, result.simulated, result.real, strict=True)
    ]
    return Table(["", "simulated schools", "illiteracy by birth abroad, made-up states"], body)


def draw(result: Result) -> Figure:
    """Draw one simulated sample, and the states."""
    n = result.states.n
    figure, (left, right) = panels(
        f"Simulated: {declared(result.study.population).clusters} schools",
        f"Made up: {n.size} states, {n.sum() / 1e6:.0f} million people",
    )
    draw_sample(left, result.study)
    draw_counts(
        right, result.states, ("share of people born abroad", "share illiterate"),
        "share of one group", "state", ("native", "born abroad"),
    )  # fmt: skip
    return figure


def notice(result: Result) -> list[str]:
    """Say in words what the table and the figure show."""
    beta_w, beta_b, of_students, of_schools = result.simulated
    real_w, real_b, of_people, of_states = result.real
    return [
        claim(
            f"The sign reverses: the slope is {beta_w:+.2f} within schools and {beta_b:+.2f} "
            "between them. Both are right, each for its own question.",
            above(beta_w),
            below(beta_b),
        ),
        claim(
            f"So do correlations: {of_students:+.2f} of students, {of_schools:+.2f} of schools. "
            "One says nothing of the other, not even its sign.",
            above(of_students),
            below(of_schools),
        ),
        claim(
            f"In the made-up states the rate of illiteracy is {100 * real_w.value:.1f} points "
            "higher for those born abroad than for others of their state, but states with more of "
            f"them have lower rates (slope {real_b:+.2f}). The correlation is {of_people:+.3f} of "
            f"people and {of_states:+.3f} of states: those born abroad live where the others can "
            "read. Robinson found +0.118 and −0.526.",
            above(real_w),
            below(real_b),
            above(of_people),
            below(of_states),
        ),
        claim(
            "HLM with the schools' means as a contextual variable finds the contextual effect "
            f"{result.context:.2f}, the difference of the two slopes.",
            within(result.context, Number("difference", beta_b.value - beta_w.value), 0.1),
        ),
    ]


DEMO = Demo(find, table, draw, notice)
