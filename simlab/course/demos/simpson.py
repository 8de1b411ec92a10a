"""Simpson's paradox: what holds in every school reverses in all students together.

In each school, more x goes with more y. Forget the schools and draw one line through all students,
and more x goes with less y. At Berkeley in 1973 men were admitted more often than women, although
the departments, taken one by one, did not prefer them (Bickel, Hammel & O'Connell 1975). Where does
the reversal come from, and does a standard error warn of it?
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from simlab import data
from simlab.config import Study, declared
from simlab.course.demos.claims import Number, above, below, claim, rate
from simlab.course.demos.samples import draw_counts, draw_sample, from_counts, samples, slopes
from simlab.course.demos.showing import Demo, Measured, measured, plus_minus
from simlab.estimators import REGISTRY, Sample
from simlab.moments import Moments
from simlab.plots import panels
from simlab.text import Table

METHODS = {
    "fixed_effects_common": "within clusters",
    "pooled": "pooled",
    "ecological": "between clusters",
}


class Result(NamedTuple):
    """The study and its numbers, and Berkeley's."""

    study: Study
    run: Measured
    reversed: Number
    positive: Number
    berkeley: Moments
    real: dict[str, Number]
    real_error: float


def find(study: Study) -> Result:
    """Run the study, and take the slopes of Berkeley's departments."""
    run = measured(study)
    estimate = run.ds["estimate"].isel(condition=0).sel(term="slope")
    signs = [np.sign(estimate.sel(estimator=m).values) for m in ("pooled", "fixed_effects_common")]
    own = samples(study).moments.slope
    berkeley = from_counts(data.berkeley(), "department", "sex", "people", "admitted")
    return Result(
        study, run,
        rate("share of samples in which the sign reverses", signs[0] * signs[1] < 0),
        Number("share of schools with a positive slope", float((own > 0).mean())),
        berkeley,
        {m: Number(f"slope {METHODS[m]}", value) for m, value in slopes(berkeley).items()},
        float(REGISTRY["fixed_effects_common"].fit(Sample(berkeley)).std_error[0, 0]),
    )  # fmt: skip


def table(result: Result) -> Table:
    """Lay out the three slopes."""
    body = [
        [name, plus_minus(result.run.estimate(m), "+.3f"), f"{result.real[m]:+.3f}"]
        for m, name in METHODS.items()
    ]
    return Table(["slope", "simulated schools", "admission of men, less that of women"], body)


def draw(result: Result) -> Figure:
    """Draw one simulated sample, and Berkeley."""
    figure, (left, right) = panels(
        f"Simulated: {declared(result.study.population).clusters} schools",
        f"Berkeley 1973: {result.berkeley.n.size} departments",
    )
    draw_sample(left, result.study)
    draw_counts(
        right, result.berkeley, ("share of men among the applicants", "share admitted"),
        "share of one sex", "department", ("women", "men"),
    )  # fmt: skip
    return figure


def notice(result: Result) -> list[str]:
    """Say in words what the table and the figure show."""
    inside, pooled = result.run.estimate("fixed_effects_common"), result.run.estimate("pooled")
    covers = result.run.number("coverage", "pooled")
    men, inside_b = result.real["pooled"], result.real["fixed_effects_common"]
    easy = result.real["ecological"]
    for_women = int((result.berkeley.slope < 0).sum())
    return [
        claim(
            f"The sign reverses: the slope is {inside:+.2f} within schools and {pooled:+.2f} in "
            f"all students together, in {result.reversed:.1%} of samples. {result.positive:.1%} of "
            "the schools have a positive slope of their own.",
            above(inside),
            below(pooled),
            above(result.reversed, 0.9),
            above(result.positive, 0.95),
        ),
        claim(
            "The pooled slope is a mixture of β_W and β_B, and β_B is negative and has more "
            "weight. Its standard error does not warn: its 95 % interval covers β_W in "
            f"{covers:.1%} of samples.",
            below(result.run.estimate("ecological")),
            below(covers, 0.05),
        ),
        claim(
            f"At Berkeley the share admitted of the men was higher by {100 * men.value:.1f} points "
            "than that of the women. Within departments it was lower by "
            f"{-100 * inside_b.value:.1f}, hardly more than its standard error of "
            f"{100 * result.real_error:.1f}, and {for_women} of {result.berkeley.n.size} "
            "departments preferred women. Men applied where admission was easier: the slope "
            f"between departments is {easy:+.2f}.",
            above(men),
            below(inside_b),
            above(easy),
        ),
    ]


DEMO = Demo(find, table, draw, notice)
