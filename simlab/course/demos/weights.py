"""A mean of students or of schools: what GLS estimates where size matters.

There are three means of students in schools: of all students, of the schools' means, and that of
the mixed model, GLS, which weights the mean of school j by 1/(g₀₀ + σ²/n_j). Where size has nothing
to do with the level, all three estimate the same. Here large schools have a higher level than
small ones, and the mean of students and the mean of schools are different numbers. Which one is it
that GLS estimates?
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import simlab
from simlab.config import Study, declared
from simlab.course.demos.claims import Number, above, below, claim, mean, within
from simlab.course.demos.samples import samples
from simlab.course.demos.showing import Demo, plus_minus
from simlab.design import conditions
from simlab.moments import Floats
from simlab.plots import Curve, curves, panels
from simlab.text import Table

MEANS = ("students", "schools", "GLS")


class Result(NamedTuple):
    """The three means at each σ²."""

    sigma2: Floats
    means: dict[str, list[Number]]
    of_students: float
    of_schools: float


def find(study: Study) -> Result:
    """Take the three means of every replicate, without the sectors."""
    sigma2 = np.array([declared(condition.population).sigma2 for condition in conditions(study)])
    estimates = np.array([three_means(study, c) for c in range(len(sigma2))])
    means = {
        name: [mean(f"mean of {name}", of[:, i]) for of in estimates]
        for i, name in enumerate(MEANS)
    }
    size, level = _population(study)
    return Result(sigma2, means, float(size @ level / size.sum()), float(level.mean()))


def three_means(study: Study, condition: int) -> Floats:
    """Return the three means of each replicate of a condition, (B, 3)."""
    drawn = samples(study, condition, rows=True)
    result = []
    for y in drawn.y:
        cluster = np.repeat(np.arange(len(y)), [len(own) for own in y])
        result.append(simlab.three_means(np.concatenate(y), cluster).table["estimate"][list(MEANS)])
    return np.array(result, dtype=float)


def _population(study: Study) -> tuple[Floats, Floats]:
    """Size and expected level of every school."""
    drawn = samples(study.replace(replicates=1))
    sectors = declared(study.population).sectors or ()
    level = [declared(study.population).gamma0(sector) for sector in sectors]
    return drawn.moments.n[0], np.repeat(level, drawn.moments.clusters)


def way(result: Result, condition: int) -> Number:
    """Measure how far GLS has gone from the mean of schools to that of students."""
    gls, gap = result.means["GLS"][condition], result.of_students - result.of_schools
    return Number(
        "way of GLS from schools to students", (gls.value - result.of_schools) / gap, gls.mcse / gap
    )


def table(result: Result) -> Table:
    """Lay out the three means against σ²."""
    body = [
        [
            f"{sigma2:,g}",
            *(plus_minus(result.means[name][c], ".3f") for name in MEANS),
            f"{way(result, c):.0%}",
        ]
        for c, sigma2 in enumerate(result.sigma2)
    ]
    return Table(["σ²", *(f"mean of {m}" for m in MEANS[:2]), "GLS", "way to students"], body)


def draw(result: Result) -> Figure:
    """Draw the three means against σ²."""
    figure, (ax,) = panels("Three means of the same samples", size=(11, 6.5))
    truth = {"students": result.of_students, "schools": result.of_schools}
    drawn = {}
    for name, numbers in result.means.items():
        theory = None
        if name in truth:
            theory = (result.sigma2, np.full(len(result.sigma2), truth[name]))
        label = name if name == "GLS" else f"mean of {name}"
        drawn[label] = Curve(
            result.sigma2, [n.value for n in numbers], [n.mcse for n in numbers], theory
        )
    curves(drawn, ("σ², the variance of students of one school", "mean of y"), log=True, ax=ax)
    return figure


def notice(result: Result) -> list[str]:
    """Say in words what the table and the figure show."""
    last = len(result.sigma2) - 1
    gls = result.means["GLS"]
    return [
        claim(
            "Where size matters there is no such thing as the mean: it is "
            f"{result.of_students:.2f} of students and {result.of_schools:.2f} of schools, and "
            "each of the two plain means estimates its own.",
            *(within(n, result.of_students, 0.4) for n in result.means["students"]),
            *(within(n, result.of_schools, 0.6) for n in result.means["schools"]),
        ),
        claim(
            f"GLS estimates neither. With σ² = {result.sigma2[0]:g} it is next to the mean of "
            f"schools ({gls[0]:.2f}), with σ² = {result.sigma2[last]:,g} it has gone "
            f"{way(result, last):.0%} of the way to the mean of students ({gls[last]:.2f}).",
            within(way(result, 0), 0, 0.1),
            above(way(result, last), 0.5),
            below(way(result, 0), way(result, last)),
        ),
        claim(
            "The schools are the same in all of these: what GLS estimates is decided by how much "
            "students vary about their school, which nobody asked about. Ask for a mean of schools "
            "or for one of students, or put size into the model.",
            *(below(a, b) for a, b in pairwise(gls)),
        ),
    ]


DEMO = Demo(find, table, draw, notice)
