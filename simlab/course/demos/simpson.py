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
from simlab.text import text_table

METHODS = {
    "fixed_effects_common": "within clusters",
    "pooled": "pooled",
    "ecological": "between clusters",
}


class Found(NamedTuple):
    """The study and its numbers, and Berkeley's."""

    study: Study
    run: Measured
    reversed: Number
    positive: Number
    berkeley: Moments
    real: dict[str, Number]
    real_error: float


def find(study: Study) -> Found:
    """Run the study, and take the slopes of Berkeley's departments."""
    run = measured(study)
    estimate = run.ds["estimate"].isel(condition=0).sel(term="slope")
    signs = [np.sign(estimate.sel(estimator=m).values) for m in ("pooled", "fixed_effects_common")]
    own = samples(study).moments.slope
    berkeley = from_counts(data.berkeley(), "department", "sex", "people", "admitted")
    return Found(
        study, run,
        rate("share of samples in which the sign reverses", signs[0] * signs[1] < 0),
        Number("share of schools with a positive slope", float((own > 0).mean())),
        berkeley,
        {m: Number(f"slope {METHODS[m]}", value) for m, value in slopes(berkeley).items()},
        float(REGISTRY["fixed_effects_common"].fit(Sample(berkeley)).std_error[0, 0]),
    )  # fmt: skip


def table(found: Found) -> str:
    """Lay out the three slopes."""
    body = [
        [name, plus_minus(found.run.estimate(m), "+.3f"), f"{found.real[m]:+.3f}"]
        for m, name in METHODS.items()
    ]
    return text_table(["slope", "simulated schools", "admission of men, less that of women"], body)


def draw(found: Found) -> Figure:
    """Draw one simulated sample, and Berkeley."""
    figure, (left, right) = panels(
        f"Simulated: {declared(found.study.population).clusters} schools",
        f"Berkeley 1973: {found.berkeley.n.size} departments",
    )
    draw_sample(left, found.study)
    draw_counts(
        right, found.berkeley, ("share of men among the applicants", "share admitted"),
        "share of one sex", "department", ("women", "men"),
    )  # fmt: skip
    return figure


def notice(found: Found) -> list[str]:
    """Say in words what the table and the figure show."""
    inside, pooled = found.run.estimate("fixed_effects_common"), found.run.estimate("pooled")
    covers = found.run.number("coverage", "pooled")
    men, inside_b = found.real["pooled"], found.real["fixed_effects_common"]
    easy = found.real["ecological"]
    for_women = int((found.berkeley.slope < 0).sum())
    return [
        claim(
            f"The sign reverses: the slope is {inside:+.2f} within schools and {pooled:+.2f} in "
            f"all students together, in {found.reversed:.1%} of samples. {found.positive:.1%} of "
            "the schools have a positive slope of their own.",
            above(inside),
            below(pooled),
            above(found.reversed, 0.9),
            above(found.positive, 0.95),
        ),
        claim(
            "The pooled slope is a mixture of β_W and β_B, and β_B is negative and has more "
            "weight. Its standard error does not warn: its 95 % interval covers β_W in "
            f"{covers:.1%} of samples.",
            below(found.run.estimate("ecological")),
            below(covers, 0.05),
        ),
        claim(
            f"At Berkeley the share admitted of the men was higher by {100 * men.value:.1f} points "
            "than that of the women. Within departments it was lower by "
            f"{-100 * inside_b.value:.1f}, hardly more than its standard error of "
            f"{100 * found.real_error:.1f}, and {for_women} of {found.berkeley.n.size} departments "
            "preferred women. Men applied where admission was easier: the slope between "
            f"departments is {easy:+.2f}.",
            above(men),
            below(inside_b),
            above(easy),
        ),
    ]


DEMO = Demo(find, table, draw, notice)
