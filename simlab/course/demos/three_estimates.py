"""Why are there three estimates? Between, within, and everything in between.

A unit of x more goes with 2 more of y among the students of a school (β_W), and with 5 more among
the means of schools (β_B). A line through all students, whatever their schools, has a third slope,
the marginal one. How much of it is β_B, and what decides that?

The slope of a method lies at β_W + λ(β_B − β_W). Of pooled data theory says that λ is the share of
the variation of x that lies between schools. Here schools come to differ more and more in x.
"""

from __future__ import annotations

from matplotlib.figure import Figure

from simlab.course.demos.claims import above, below, claim, within
from simlab.course.demos.showing import Demo, Measured, measured, plus_minus
from simlab.methods import label
from simlab.plots import Curve, curves, panels, sampling_distributions
from simlab.text import Table

METHODS = ("fixed_effects_common", "hlm", "pooled", "ecological")
SPREAD = "population.x.between_sd"


def theory(result: Measured, estimator: str, condition: int) -> float:
    """Return λ in theory, as schools become many."""
    beta_within = result.truth(condition=condition)
    gap = result.truth("beta_between", condition=condition) - beta_within
    return (result.limit(estimator, condition=condition) - beta_within) / gap


def table(result: Measured) -> Table:
    """Lay out λ, measured and in theory, against the spread of x between schools."""
    body = [
        [f"{spread:g}"]
        + [
            f"{plus_minus(result.lambda_(m, c), '.3f')} ({theory(result, m, c):.3f})"
            for m in METHODS
        ]
        for c, spread in enumerate(result.levels(SPREAD))
    ]
    return Table(["sd of x between schools", *(f"λ: {label(m)}" for m in METHODS)], body)


def draw(result: Measured) -> Figure:
    """Draw the estimates in one condition, and λ in all."""
    spread = result.levels(SPREAD)
    middle = len(spread) // 2
    figure, (left, right) = panels(
        f"Slopes where the schools' x has sd {spread[middle]:g}",
        r"How much of $\beta_B$ is in each",
        ratios=(1.3, 1),
    )  # fmt: skip
    sampling_distributions(result.ds.sel(estimator=list(METHODS)), condition=middle, ax=left)
    drawn = {}
    for m in METHODS:
        numbers = [result.lambda_(m, c) for c in result.conditions]
        limits = [theory(result, m, c) for c in result.conditions]
        values, errors = [n.value for n in numbers], [n.mcse for n in numbers]
        drawn[m] = Curve(spread, values, errors, (spread, limits))
    curves(drawn, ("sd of x between schools (within: 1)", "λ"), log=True, ax=right)
    return figure


def notice(result: Measured) -> list[str]:
    """Say in words what the table and the figure show."""
    spread, last = result.levels(SPREAD), result.conditions[-1]
    pooled, hlm = ([result.lambda_(m, c) for c in result.conditions] for m in ("pooled", "hlm"))
    conditional, ecological = (
        [result.lambda_(m, c) for c in result.conditions]
        for m in ("fixed_effects_common", "ecological")
    )
    limits = [theory(result, "pooled", c) for c in result.conditions]
    most = max(result.conditions, key=lambda c: hlm[c].value)
    off = max(abs(p.value - limit) for p, limit in zip(pooled, limits, strict=True))
    return [
        claim(
            "There are three estimates because there are three effects: within schools (λ = 0), "
            f"between schools (λ = 1), and the marginal one, with a λ of {pooled[0]:.2f} to "
            f"{pooled[-1]:.2f}, which is another number in every population of x.",
            *(within(n, 0.0, 0.02) for n in conditional),
            *(within(n, 1.0, 0.1) for n in ecological),
            *(above(n) for n in pooled),
            *(below(n, 1.0) for n in pooled),
        ),
        claim(
            f"Pooling mixes: with sd {spread[0]:g} between schools its slope is mostly β_W, with "
            f"sd {spread[last]:g} mostly β_B. It is never further from theory than {off:.3f}.",
            below(pooled[0], 0.2),
            above(pooled[-1], 0.8),
            *(within(p, limit, 0.02) for p, limit in zip(pooled, limits, strict=True)),
        ),
        claim(
            "HLM without context mixes too, but stays nearer to β_W: it goes at most "
            f"{hlm[most]:.2f} of the way, where pooling goes {pooled[most]:.2f}.",
            *(below(h, p) for h, p in zip(hlm, pooled, strict=True)),
            above(hlm[most]),
        ),
    ]


DEMO = Demo(measured, table, draw, notice)
