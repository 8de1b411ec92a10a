"""Two fallacies, each with the size of the mistake.

The ecological fallacy: to estimate β_B, from the means of schools, and to believe that it is β_W,
an effect on students. The atomistic fallacy: to estimate β_W, from students within schools, and to
believe that it is β_B, an effect on schools. How large is the mistake, does the standard error warn
of it, and does a larger sample help?
"""

from __future__ import annotations

from typing import NamedTuple

from matplotlib.figure import Figure

from simlab.course.demos.claims import Number, above, below, claim, within
from simlab.course.demos.showing import Demo, Measured, measured, plus_minus
from simlab.methods import label
from simlab.plots import panels, sampling_distributions
from simlab.text import Table
from simlab.words import SYMBOLS


class Belief(NamedTuple):
    """An estimate, and what it is taken for."""

    estimator: str
    term: str
    target: str
    name: str


ECOLOGICAL = Belief("ecological", "slope", "beta_within", "the ecological fallacy")
ATOMISTIC = Belief("fixed_effects_common", "slope", "beta_between", "the atomistic fallacy")
BELIEFS = (
    ECOLOGICAL,
    ATOMISTIC,
    ECOLOGICAL._replace(target="beta_between", name="right"),
    ATOMISTIC._replace(target="beta_within", name="right"),
    Belief("hlm_contextual", "slope", "beta_within", "right"),
    Belief("hlm_contextual", "between", "beta_between", "right"),
)


def of(result: Measured, measure: str, belief: Belief, condition: int = 0) -> Number:
    """Measure a belief: "bias" is the mistake, "coverage" how often the interval is right."""
    return result.number(
        measure, belief.estimator, condition=condition, term=belief.term, target=belief.target
    )


def table(result: Measured) -> Table:
    """Lay out every belief with the mistake that it is."""
    body = [
        [
            f"{result.truth('beta_between', condition=c):g}",
            f"{label(belief.estimator)}: {belief.term}",
            SYMBOLS[belief.target],
            plus_minus(of(result, "bias", belief, c), "+.3f"),
            f"{of(result, 'coverage', belief, c):.1%}",
            belief.name if _differ(result, c) else "right",
        ]
        for c in result.conditions
        for belief in BELIEFS
    ]
    return Table(
        ["β_B", "estimate", "taken for", "mistake", "95 % interval covers", "this is"], body
    )


def _differ(result: Measured, condition: int) -> bool:
    return result.truth(condition=condition) != result.truth("beta_between", condition=condition)


def draw(result: Measured) -> Figure:
    """Draw what the methods estimate where β_B is not β_W, and where it is."""
    where = (r"Where $\beta_B = \beta_W$", r"Where $\beta_B \neq \beta_W$")
    titles = [where[_differ(result, c)] for c in result.conditions]
    figure, axes = panels(*titles, size=(20, 6.5))
    for c, ax in enumerate(axes):
        sampling_distributions(result.ds, condition=c, ax=ax)
    return figure


def notice(result: Measured) -> list[str]:
    """Say in words what the table and the figure show."""
    gap = result.truth("beta_between") - result.truth()
    ecological, atomistic = (of(result, "bias", belief) for belief in BELIEFS[:2])
    misses = [of(result, "coverage", belief) for belief in BELIEFS[:2]]
    right = [of(result, "bias", belief) for belief in BELIEFS[2:]]
    alike = [of(result, "bias", belief, 1) for belief in BELIEFS[:2]]
    size = result.number("empirical_se", "ecological")
    return [
        claim(
            f"The ecological fallacy is wrong by {ecological:+.2f}, all of β_B − β_W = {gap:g}: "
            f"the effect on a student seems {1 + gap / result.truth():.2g} times what it is.",
            within(ecological, gap, 0.1),
        ),
        claim(
            f"The atomistic fallacy is wrong by the same amount the other way, {atomistic:+.2f}: "
            "what a richer school adds to the effect of a richer home is overlooked.",
            within(atomistic, -gap, 0.1),
        ),
        claim(
            "The standard error does not warn. The ecological interval covers the effect that it "
            f"is taken for in {misses[0]:.1%} of samples, the other one in {misses[1]:.1%}.",
            *(below(miss, 0.2) for miss in misses),
        ),
        claim(
            f"Nothing is wrong with the estimates: each is right about its own effect (off by "
            f"{right[0]:+.3f} and {right[1]:+.3f}), and HLM with context gives both. "
            f"A mistake of {abs(ecological.value):.1f} is no accident of sampling either: it is "
            f"{abs(ecological.value) / size.value:.1f} standard errors here, and more in a larger "
            "sample.",
            *(within(n, 0.0, 0.1) for n in right),
            above(Number("mistake in standard errors", abs(ecological.value) / size.value), 3.0),
        ),
        claim(
            "Where β_B = β_W there is nothing to confuse: the mistakes are "
            f"{alike[0]:+.3f} and {alike[1]:+.3f}.",
            *(within(n, 0.0, 0.1) for n in alike),
        ),
    ]


DEMO = Demo(measured, table, draw, notice)
