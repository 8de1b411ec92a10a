"""Sentences on the numbers of a verdict, in plain English."""

from __future__ import annotations

from collections.abc import Iterator

from simlab.course.methods import course_of
from simlab.measures.doubts import SENTENCE
from simlab.methods import label
from simlab.text.numbers import plus_minus, wrong
from simlab.verdicts.judge import Number
from simlab.verdicts.model import Consistency, Efficiency, Estimand, Honesty
from simlab.verdicts.view import View
from simlab.words import NEW, SYMBOLS, TARGETS

MOST = 3
"""Conditions that a sentence names."""

HOPELESS = 10_000_000
"""Replicates beyond which a verdict is left undecided for good."""


def of_estimand(estimand: Estimand) -> Iterator[str]:
    """Sentences on the mixture, and on a finite number of clusters that is not yet the limit."""
    weight, theory = estimand.weight, estimand.theory
    if estimand.word == "a mixture":
        yield f"estimates β_W + {weight.value:.2f} (β_B − β_W)"
    if weight.judged and abs(weight.value - theory) > 3 * weight.mcse:
        yield (
            f"at the base condition λ is {_range([weight])}, "
            f"not yet the {theory:.3f} that it tends to with more schools"
        )


def of_consistency(judged: tuple[Consistency, ...]) -> Iterator[str]:
    """Sentences on two sweeps that differ, or one that is undecided."""
    for target in TARGETS:
        symbol = SYMBOLS[target]
        at = {c.sweep: c for c in judged if c.target == target}
        more, larger = at["more"], at["larger"]
        if {more.word, larger.word} == {"yes", "no"}:
            good, bad = (more, larger) if more.word == "yes" else (larger, more)
            yield (
                f"consistent for {symbol} as schools get {_grow(good)}, not as they get "
                f"{_grow(bad)}: {_bias(good)}, against {_bias(bad)}"
            )
        for one in (more, larger):
            if one.word == "undecided":
                yield (
                    f"undecided whether consistent for {symbol} as schools get "
                    f"{_grow(one)}: {_bias(one)}{_needed(one.needed)}"
                )


def _grow(one: Consistency) -> str:
    return "more numerous" if one.sweep == "more" else "larger"


def _bias(one: Consistency) -> str:
    """Words for the bias at the end of a sweep, in % of its unit."""
    relative = one.bias.scaled(0.0, one.unit)
    size = "schools" if one.sweep == "more" else "students a school"
    bias = plus_minus(100 * relative.value, 100 * relative.mcse, 2, plus=True)
    return f"bias {bias} % at {one.level:g} {size}"


def of_efficiency(efficiency: Efficiency, method: str) -> Iterator[str]:
    """Sentences on where a method is efficient, and by how much it fails elsewhere."""
    good = [cell.number for cell in efficiency.cells if cell.word == "yes"]
    bad = [cell.number for cell in efficiency.cells if cell.word == "no"]
    if efficiency.word == "it depends":
        yield f"efficient {efficiency.where}: {_range(good)} against {_range(bad)}"
    elif efficiency.word == "no":
        whose = "own mixture" if course_of(method).efficient == "for what?" else "own target"
        places = " in every condition compared" if len(bad) > 1 else ""
        yield f"not efficient for its {whose}{places}: {_range(bad)} of the best precision"
    undecided = [cell for cell in efficiency.cells if cell.word == "undecided"]
    close = [f"{cell.label} ({_range([cell.number])})" for cell in undecided]
    if close:
        yield f"efficiency too close to call: {'; '.join(close)}"


def _range(numbers: list[Number], digits: int = 3, plus: bool = False) -> str:
    """The smallest and the largest, each with its MCSE."""
    ends = sorted(numbers, key=lambda number: number.value)
    each = [plus_minus(number.value, number.mcse, digits, plus) for number in (ends[0], ends[-1])]
    return " to ".join(dict.fromkeys(each))


def of_honesty(honesty: Honesty, level: float) -> Iterator[str]:
    """Sentences on how wrong the standard error is, and where it is not."""
    schools = "new schools" if honesty.scheme == NEW else "the same schools"
    error, coverage = honesty.error, 100 * honesty.coverage.value
    covers = f"the {100 * level:g} % interval covers {coverage:.0f} %"
    if honesty.word == "no":
        yield f"its standard error is {wrong(error.value)} for {schools}: {covers}"
    elif honesty.word == "undecided":
        yield (
            f"undecided whether its standard error is honest for {schools}: "
            f"{plus_minus(error.value, error.mcse, 1, plus=True)} %{_needed(honesty.needed)}"
        )
    if honesty.where:
        good, bad = ([c.number for c in honesty.cells if c.word == word] for word in ("yes", "no"))
        yield (
            f"standard error honest for {schools} {honesty.where}: "
            f"{_range(good, 1, plus=True)} % against {_range(bad, 1, plus=True)} %"
        )


def of_between(efficient: Efficiency, honest: Honesty) -> Iterator[str]:
    """Sentences on the term for β_B of a method that has one besides its slope."""
    cells = [cell.number for cell in efficient.cells if cell.number.judged]
    if efficient.base.judged and cells:
        yield f"its term for β_B: efficient? {efficient.word} ({_range(cells)})"
    if honest.error.judged:
        yield (
            f"its term for β_B: honest for new schools? {honest.word} "
            f"({_range([honest.error], 1, plus=True)} %, "
            f"covers {100 * honest.coverage.value:.0f} %)"
        )


def of_doubt(view: View, method: str) -> Iterator[str]:
    """Sentences on conditions in which an estimate may have no variance."""
    looked = view.places.crossing(view.settings.efficiency)
    looked += [c for c in (view.places.same,) if c is not None]
    for doubt, sentence in SENTENCE.items():
        there = [c for c in dict.fromkeys(looked) if view.doubt(c, method) == doubt]
        if there:
            names = "; ".join(_named(view, c) for c in there[:MOST]) + "; …" * (len(there) > MOST)
            yield sentence if len(there) == len(set(looked)) else f"{names}: {sentence}"


def _named(view: View, condition: int) -> str:
    """Name of a condition, with the scheme where it is not the usual one."""
    name = view.label(condition)
    return name if condition != view.places.same else f"{name} for the same schools"


def of_twins(view: View, method: str) -> Iterator[str]:
    """Sentences on earlier methods with the same estimate."""
    for other in view.methods[: view.methods.index(method)]:
        if view.same_estimate(method, other):
            name = label(other)
            yield f"the same estimate as {name}, number by number; only the standard error differs"


def _needed(replicates: int | None) -> str:
    """Words for the number of replicates that would decide."""
    if replicates is None:
        return ""
    if replicates > HOPELESS:
        return "; too near the margin for replicates to decide"
    return f"; about {float(f'{replicates:.2g}'):,.0f} replicates would decide"
