"""The verdicts: numbers, a word, the course's word, a mark of their agreement."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from simlab.verdicts.judge import UNKNOWN, Number, Word


@dataclass(frozen=True, slots=True)
class Estimand:
    """What a slope estimates: β_W + λ(β_B − β_W).

    Attributes
    ----------
    word : str
        β_W, β_B, both, "a mixture", "neither" or a `Word`.
    share : Number
        λ, as measured at the base condition.
    theory : float
        λ of the probability limit.
    mark : str
    """

    word: str = "not studied here"
    share: Number = UNKNOWN
    theory: float = math.nan
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Consistency:
    """Whether the bias against one target has gone at the end of one sweep.

    Attributes
    ----------
    target : str
        "beta_within" or "beta_between".
    sweep : str
        "more" or "larger" clusters.
    word : Word
    bias : Number
        At the largest level; unit of the slope.
    margin : float
        What it is judged by, in the same unit.
    unit : float
        What "100 %" of bias is: |β_B − β_W|, or what replaces it when that is 0.
    level : float
        The largest level.
    needed : int or None
        Replicates that would decide, when undecided.
    mark : str
    """

    target: str
    sweep: str
    word: Word = "not studied here"
    bias: Number = UNKNOWN
    margin: float = math.nan
    unit: float = math.nan
    level: float = math.nan
    needed: int | None = None
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of one condition, judged. `place` is the condition in words."""

    place: str
    condition: int
    number: Number
    word: Word


@dataclass(frozen=True, slots=True)
class Efficiency:
    """Variance of the oracle over that of the method, for the method's own target.

    Attributes
    ----------
    word : Word
        Over all `cells`.
    base : Number
        At the base condition.
    cells : tuple of Cell
        Base and crossing.
    where : str
        Where it is efficient, when it depends.
    mark : str
    """

    word: Word = "not studied here"
    base: Number = UNKNOWN
    cells: tuple[Cell, ...] = ()
    where: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Honesty:
    """Whether the model SE tells the spread of the estimates, under one scheme.

    Attributes
    ----------
    scheme : str
    word : Word
        At the base condition, by the relative error.
    error : Number
        Relative error of the model SE, %.
    coverage : Number
        Of the method's own limit; of its own mean (bias-eliminated) where that is unknown.
    needed : int or None
        Replicates that would decide, when undecided.
    cells : tuple of Cell
        Relative errors over the crossing; new clusters only.
    where : str
        Where it is honest, when that depends on the condition.
    mark : str
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
    sentences: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Summary:
    """All rows for one sector.

    Attributes
    ----------
    study, sector : str
        `sector` is "" when the study has one population.
    rows : tuple of Verdict
    notes : tuple of str
        What holds for all rows.
    run : str
        What was run: replicates, conditions, seed, margins.
    """

    study: str
    sector: str
    rows: tuple[Verdict, ...]
    notes: tuple[str, ...]
    run: str
