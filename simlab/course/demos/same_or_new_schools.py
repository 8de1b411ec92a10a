"""Other schools, or other students of the same: which question a standard error answers.

Repeat a study with other schools, and the estimate moves because schools differ and because
students do. Repeat it in the same schools with other students, and only the second part is left.
A standard error can be honest for one of the two questions and not for the other. Which is it, for
fixed effects, and for the two-stage method?
"""

from __future__ import annotations

from operator import sub

from matplotlib.figure import Figure

from simlab.course.demos.claims import Number, above, below, claim, within
from simlab.course.demos.showing import Demo, Measured, measured
from simlab.methods import label
from simlab.plots import panels, sampling_distributions
from simlab.text import Table
from simlab.text.numbers import se_error

METHODS = ("fixed_effects_separate", "two_stage", "hlm")
NEW, SAME = 0, 1
"""The conditions, in the order of the study's grid."""


def honesty(result: Measured, estimator: str, condition: int) -> Number:
    """Measure the relative error of the reported standard error in percent: 0 is honest."""
    return result.number("relative_error", estimator, condition=condition)


def table(result: Measured) -> Table:
    """Lay out true and reported standard errors for both questions."""
    body = [
        [
            ("other schools", "same schools")[c],
            label(m),
            *(f"{result.number(k, m, condition=c):.3f}" for k in ("empirical_se", "model_se")),
            se_error(off.value, off.mcse),
            f"{result.number('coverage', m, condition=c):.1%}",
        ]
        for c in (NEW, SAME)
        for m in METHODS
        for off in [honesty(result, m, c)]
    ]
    header = ["question", "method", "true SE", "reported SE", "error of the SE", "95 % covers"]
    return Table(header, body, names=2)


def draw(result: Measured) -> Figure:
    """Draw the sampling distributions for both questions."""
    figure, axes = panels("Other schools", "Other students of the same schools", size=(20, 6.5))
    for c, ax in zip((NEW, SAME), axes, strict=True):
        sampling_distributions(result.ds.sel(estimator=list(METHODS)), condition=c, ax=ax)
    return figure


def notice(result: Measured) -> list[str]:
    """Say in words what the table and the figure show."""
    fixed = [honesty(result, "fixed_effects_separate", c) for c in (NEW, SAME)]
    two_stage = [honesty(result, "two_stage", c) for c in (NEW, SAME)]
    covers = [result.number("coverage", "fixed_effects_separate", condition=c) for c in (NEW, SAME)]
    generous = result.number("coverage", "two_stage", condition=SAME)
    slopes = result.ds["estimate"].sel(term="slope")
    both = (slopes.sel(estimator=m) for m in ("two_stage", "fixed_effects_separate"))
    apart = Number("largest difference of the estimates", float(abs(sub(*both)).max()))
    hlm, again = (honesty(result, "hlm", c) for c in (NEW, SAME))
    return [
        claim(
            f"For other schools the fixed-effects standard error is {-fixed[NEW].value:.0f} % too "
            f"small, and its 95 % interval covers β_W in {covers[NEW]:.0%} of samples: it knows "
            "nothing of the schools that might have been drawn instead.",
            below(fixed[NEW], -20),
            below(covers[NEW], 0.85),
        ),
        claim(
            f"For other students of these schools it is honest ({se_error(fixed[SAME].value)}, "
            f"covers {covers[SAME]:.1%}): this is the question that it answers.",
            within(fixed[SAME], 0, 8),
            within(covers[SAME], 0.95, 0.02),
        ),
        claim(
            "The two-stage method has the very same estimate and answers the other question: "
            f"honest for other schools ({se_error(two_stage[NEW].value)}), and "
            f"{two_stage[SAME]:.0f} % too large for the same ones, where it covers {generous:.1%}.",
            within(two_stage[NEW], 0, 8),
            above(two_stage[SAME], 20),
            above(generous, 0.97),
            below(apart, 1e-9),
        ),
        claim(
            "HLM sides with the two-stage method: its standard error is for other schools "
            f"({se_error(hlm.value)}, and {se_error(again.value, digits=0)} for the same ones).",
            within(hlm, 0, 8),
            above(again, 20),
        ),
    ]


DEMO = Demo(measured, table, draw, notice)
