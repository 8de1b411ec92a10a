"""The four questions of the summary table, put to one method of a `View`."""

from __future__ import annotations

import math

from simlab.course.methods import course_of
from simlab.text.numbers import ROUNDING
from simlab.verdicts.judge import (
    UNJUDGED,
    Number,
    Word,
    agreement,
    at_least,
    equivalent,
    replicates_needed,
    together,
)
from simlab.verdicts.model import Cell, Consistency, Efficiency, Estimand, Honesty
from simlab.verdicts.view import View
from simlab.words import NEW

SWEEPS = ("more", "larger")
EQUAL = "β_W = β_B"


def estimand(view: View, method: str) -> Estimand:
    """λ at the base condition, and that of the probability limit.

    λ = (mean estimate − β_W)/(β_B − β_W). It is β_W when the 95 % interval of λ lies within
    the margin of 0, β_B when within the margin of 1, a mixture when clear of both and between.
    """
    base = view.places.base
    if base is None:
        return Estimand()
    if (contrast := view.contrast(base)) == 0:
        return Estimand(EQUAL)
    bias = view.number("bias", base, method, target="beta_within")
    weight = bias.scaled(0.0, contrast)
    word = _aim(weight, view.settings.margin)
    term = view.term_for(method, "beta_between")
    if word == "β_W" and term == "between":
        error = view.number("bias", base, method, term, "beta_between").scaled(0.0, contrast)
        word = {"yes": "β_W and β_B", "no": "β_W"}.get(
            equivalent(error, view.settings.margin), "undecided"
        )
    return Estimand(
        word, weight, view.weight(base, method), _aim_mark(view, base, method, word, weight)
    )


def _aim(weight: Number, margin: float) -> str:
    """Word for what λ says that a slope estimates."""
    at_within = equivalent(weight, margin)
    at_between = equivalent(weight.scaled(1.0, 1.0), margin)
    if not weight.judged:
        return at_within
    if at_within == "yes":
        return "β_W"
    if at_between == "yes":
        return "β_B"
    if at_within == at_between == "no":
        return "a mixture" if 0 < weight.value < 1 else "neither"
    return "undecided"


def _aim_mark(view: View, base: int, method: str, word: str, weight: Number) -> str:
    """Mark of whether the word agrees with the course's; hlm's λ is compared with pooled's."""
    expected = course_of(method).estimates
    if not expected or word in UNJUDGED:
        return ""
    if word == "undecided":
        return "?"
    if method == "hlm" and word == "a mixture" and "pooled" in view.methods:
        pooled = view.number("bias", base, "pooled", target="beta_within")
        return "✓" if weight.value < pooled.scaled(0.0, view.contrast(base)).value else "✗"
    if expected == "a mixture" and word in ("β_W", "β_B"):
        return "≈"
    return "✓" if word == expected else "✗"


def consistency(view: View, method: str, target: str, sweep: str) -> Consistency:
    """Bias at the end of a sweep, against a margin.

    The margin is a share of |β_B − β_W|. Where that is 0, it is the same share of |β_W|, and
    where that is 0 too, of the method's empirical standard error. The course's "no" is of a mixture
    of β_W and β_B: of one and the same number, "yes"; and a bias within the margin does not refute
    it where the limit is not the target.
    """
    factor, swept = view.sweep(sweep)
    if not swept:
        return Consistency(target, sweep)
    last = swept[-1]
    bias = view.number("bias", last, method, view.term_for(method, target), target)
    contrast = view.contrast(last)
    unit = abs(contrast) or abs(view.target(last, "beta_within"))
    unit = unit or view.number("empirical_se", last, method).value
    margin = view.settings.margin * unit
    word = equivalent(bias, margin)
    expected = course_of(method).consistent.get((target, sweep), "")
    if contrast == 0 and expected == "no":
        expected = "yes"
    off = abs(view.weight(last, method) - (target == "beta_between"))
    level = view.places.sizes[factor][last]
    return Consistency(
        target, sweep, word, bias, margin, unit,
        level=float("nan") if level is None else level,
        needed=replicates_needed(bias, margin) if word == "undecided" else None,
        course=expected,
        mark=agreement(word, expected, frozenset({"no"} if off > ROUNDING else ())),
    )  # fmt: skip


def efficiency(view: View, method: str, term: str = "slope") -> Efficiency:
    """Judge the variance against the oracle's, at the base and over the crossing."""
    base = view.places.base
    if base is None or not view.has_oracle():
        return Efficiency()
    bound = 1 - view.settings.efficient_margin
    cells = []
    for c in view.places.crossing(view.settings.efficiency):
        number = view.efficiency(c, method, term)
        cells.append(Cell(view.label(c), c, number, at_least(number, bound)))
    word = together(cell.word for cell in cells)
    elsewhere = frozenset(cell.word for cell in cells)
    if len(cells) == 1:  # "not in general" is not refuted by one condition
        elsewhere |= {"no"}
    mark = agreement(word, course_of(method).efficient, elsewhere)
    at_base = next((cell.number for cell in cells if cell.condition == base), Number())
    return Efficiency(word, at_base, tuple(cells), where(view, tuple(cells), "yes"), mark)


def honesty(view: View, method: str, scheme: str, term: str = "slope") -> Honesty:
    """Judge the model SE by its relative error, 100(model SE/empirical SE − 1) %."""
    at = view.places.base if scheme == NEW else view.places.same
    if at is None:
        return Honesty(scheme)
    margin = 100 * view.settings.honest_margin
    error = view.number("relative_error", at, method, term)
    word = equivalent(error, margin)
    coverage = view.number("coverage", at, method, term, "limit")
    if math.isnan(coverage.value):
        coverage = view.number("bias_eliminated_coverage", at, method, term)
    cells: tuple[Cell, ...] = ()
    if scheme == NEW:
        for c in view.places.crossing(view.settings.efficiency):
            number = view.number("relative_error", c, method, term)
            cells += (Cell(view.label(c), c, number, equivalent(number, margin)),)
    differ = view.differ(at, course_of(method).supposes)
    expected = course_of(method).honest.get(scheme, "") if differ else ""
    return Honesty(
        scheme, word, error, coverage,
        needed=replicates_needed(error, margin) if word == "undecided" else None,
        cells=cells,
        where=where(view, cells, "yes"),
        mark=agreement(word, expected, frozenset(cell.word for cell in cells)),
    )  # fmt: skip


def where(view: View, cells: tuple[Cell, ...], word: Word) -> str:
    """Name the conditions with a word, when others have its opposite.

    By one level of one factor if that tells them apart, else by listing up to two, else by
    their number. Undecided conditions are left aside.
    """
    decided = [cell for cell in cells if cell.word in ("yes", "no")]
    good = {cell.condition for cell in decided if cell.word == word}
    if not good or len(good) == len(decided):
        return ""
    for factor in view.settings.efficiency:
        levels = view.places.levels.get(factor, ())
        for level in dict.fromkeys(levels[cell.condition] for cell in decided if levels):
            if level is None:
                continue
            here = {cell.condition for cell in decided if levels[cell.condition] == level}
            if here == good:
                return f"only with {view.places.named(factor, level)}"
            if here == {cell.condition for cell in decided} - good:
                return f"except with {view.places.named(factor, level)}"
    if len(good) <= 2:
        named = " and ".join(cell.label for cell in decided if cell.condition in good)
        return f"only with {named}"
    return f"in {len(good)} of {len(decided)} conditions"
