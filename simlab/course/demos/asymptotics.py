"""More schools or larger schools: when the HLM without context is consistent.

The HLM without the schools' means supposes that β_B = β_W. Where this is untrue its slope mixes the
two. "Asymptotically" it is consistent for β_W, one may hear. But a sample of students in schools
can grow in two directions, J → ∞ and n → ∞. In which of them does the bias go away?
"""

from __future__ import annotations

from matplotlib.figure import Figure

from simlab.course.demos.claims import Number, above, claim, within
from simlab.course.demos.showing import LARGER, MORE, Demo, Measured, measured, plus_minus
from simlab.methods import label
from simlab.plots import bias_sweep, panels
from simlab.text import Table

METHODS = ("pooled", "hlm", "hlm_contextual")


def sweep(result: Measured, factor: str) -> list[tuple[float, int]]:
    """Return the levels of a factor with all else as in the base, and their conditions."""
    where = result.places
    return [(float(where.sizes[factor][c] or 0), c) for c in where.sweep(factor)]


def table(result: Measured) -> Table:
    """Lay out the bias in both directions."""
    body = [
        [f"{word} {level:,g}"]
        + [plus_minus(result.number("bias", m, condition=c), "+.3f") for m in METHODS]
        for factor, word in ((MORE, "J ="), (LARGER, "n ="))
        for level, c in sweep(result, factor)
    ]
    return Table(["schools, students", *(f"bias for β_W: {label(m)}" for m in METHODS)], body)


def draw(result: Measured) -> Figure:
    """Draw the bias in both directions."""
    where = result.places
    J, n = (float(where.sizes[factor][where.base or 0] or 0) for factor in (MORE, LARGER))
    titles = (f"More schools (n = {n:g})", f"Larger schools (J = {J:g})")
    figure, axes = panels(*titles, size=(17, 6.5))
    for ax, factor in zip(axes, (MORE, LARGER), strict=True):
        bias_sweep(result.measures, factor, estimators=METHODS, ax=ax)
    return figure


def notice(result: Measured) -> list[str]:
    """Say in words what the table and the figure show."""
    more, larger = (
        [(level, result.number("bias", "hlm", condition=c)) for level, c in sweep(result, factor)]
        for factor in (MORE, LARGER)
    )
    (few, at_few), (many, at_many) = more[0], more[-1]
    (small, at_small), (large, at_large) = larger[0], larger[-1]
    limit = result.limit("hlm", condition=sweep(result, MORE)[-1][1]) - result.truth()
    context = [result.number("bias", "hlm_contextual", condition=c) for c in result.conditions]
    pooled = result.number("bias", "pooled", condition=sweep(result, LARGER)[-1][1])
    return [
        claim(
            f"More schools do not help: the bias of HLM is {at_few:.2f} with {few:,g} schools and "
            f"{at_many:.2f} with {many:,g}. It has a limit, {limit:.2f}, and that is not 0.",
            above(at_many),
            within(at_many, limit, 0.05),
            above(at_many, Number("half of the bias with few schools", at_few.value / 2)),
        ),
        claim(
            f"Larger schools do: it is {at_small:.2f} with {small:,g} students a school and "
            f"{at_large:.3f} with {large:,g}. A school of that size tells its own intercept, so "
            "that next to nothing is left to be learnt by comparing schools.",
            above(at_small, 0.1),
            within(at_large, 0.0, 0.05),
        ),
        claim(
            "In pooled data neither helps: with "
            f"{large:,g} students a school the bias is still {pooled:.2f}.",
            above(pooled, 1.0),
        ),
        claim(
            "The schools' means as a contextual variable remove the bias with any number of "
            "schools of any size: it is never further from 0 than "
            f"{max(abs(n.value) for n in context):.3f}.",
            *(within(n, 0.0, 0.12) for n in context),
        ),
    ]


DEMO = Demo(measured, table, draw, notice)
