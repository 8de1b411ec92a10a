"""The verdicts: numbers, a word, the course's word, a mark of their agreement."""

from __future__ import annotations

import math
from dataclasses import dataclass

from simlab.verdicts.judge import UNKNOWN, Number, Word
from simlab.verdicts.view import View


@dataclass(frozen=True, slots=True)
class Estimand:
    """Mixture that a slope estimates: β_W + λ(β_B − β_W).

    `word` is β_W, β_B, both, "a mixture", "neither" or a `Word`; `weight` and `theory` are λ as
    measured at the base condition, and of the probability limit; `mark` is of `judge.agreement`,
    here and below.
    """

    word: str = "not studied here"
    weight: Number = UNKNOWN
    theory: float = math.nan
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Consistency:
    """Whether the bias against one target has gone at the end of one sweep.

    The target is "beta_within" or "beta_between", as clusters are "more" or "larger". `bias` at the
    largest `level` is judged by `margin`, in the unit of the slope; `unit` is what "100 %" of bias
    is: |β_B − β_W|, or what replaces it when that is 0. `needed` replicates would decide what is
    undecided. `course` is the course's word here, "" for none.
    """

    target: str
    sweep: str
    word: Word = "not studied here"
    bias: Number = UNKNOWN
    margin: float = math.nan
    unit: float = math.nan
    level: float = math.nan
    needed: int | None = None
    course: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of one condition, judged. `label` names the condition."""

    label: str
    condition: int
    number: Number
    word: Word


@dataclass(frozen=True, slots=True)
class Efficiency:
    """Variance of the oracle over that of the method, for the method's own target.

    `word` is over all `cells`: the base condition, whose number is `base`, and the crossing;
    `where` says where it is efficient, when it depends.
    """

    word: Word = "not studied here"
    base: Number = UNKNOWN
    cells: tuple[Cell, ...] = ()
    where: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Honesty:
    """Whether the model SE tells the spread of the estimates, under one scheme.

    By the relative `error` of the model SE at the base condition, %. `coverage` is of the method's
    own limit; of its own mean (bias-eliminated) where that is unknown. `needed` replicates would
    decide what is undecided. `cells` are relative errors over the crossing, of new clusters only;
    `where` says where it is honest, when that depends on the condition.
    """

    scheme: str
    word: Word = "not studied here"
    error: Number = UNKNOWN
    coverage: Number = UNKNOWN
    needed: int | None = None
    cells: tuple[Cell, ...] = ()
    where: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One row of the summary: a method, judged four ways, and what there is to say about it."""

    method: str
    label: str
    estimand: Estimand
    consistency: tuple[Consistency, ...]
    efficiency: Efficiency
    honesty: tuple[Honesty, ...]
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """All rows for one sector, "" when the study has one population, and what they were read of."""

    study: str
    sector: str
    rows: tuple[Verdict, ...]
    view: View
