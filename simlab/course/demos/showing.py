"""Parts of a demonstration: its study, the numbers, the picture and the sentences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import xarray as xr
from matplotlib.figure import Figure

import simlab
from simlab.config import Study
from simlab.course.demos.claims import Number
from simlab.errors import ClaimError, UsageError
from simlab.files import present
from simlab.measures.conditions import config_of
from simlab.methods import label
from simlab.text import Heading, Paragraph, Part, Printable, Table, parts_text
from simlab.verdicts.places import Places, places

Result = TypeVar("Result")

MORE, LARGER = "population.clusters", "population.cluster_sizes.mean"
"""Factors of more and of larger schools."""


class Measured(NamedTuple):
    """A study that was run."""

    ds: xr.Dataset  # its estimates, truth and limits
    measures: xr.Dataset  # its performance measures

    def number(
        self, measure: str, estimator: str, *, condition: int = 0, term: str = "slope",
        target: str = "beta_within",
    ) -> Number:  # fmt: skip
        """Return a measure of one estimator, with its Monte Carlo standard error."""
        here = self.measures.isel(condition=condition).sel(estimator=estimator)
        for dim, name in (("term", term), ("target", target)):
            if dim in here[measure].dims:
                here = here.sel({dim: name})
        name = f"{measure.replace('_', ' ')} of {label(estimator)}"
        return Number(name, float(here[measure]), float(here[f"{measure}_mcse"]))

    def estimate(self, estimator: str, *, condition: int = 0, term: str = "slope") -> Number:
        """Return the mean of an estimator's estimates: its bias and what that is a bias of."""
        bias = self.number("bias", estimator, condition=condition, term=term)
        truth = self.truth(condition=condition, term=term)
        return Number(f"mean {term} of {label(estimator)}", bias.value + truth, bias.mcse)

    def truth(
        self, target: str = "beta_within", *, condition: int = 0, term: str = "slope"
    ) -> float:
        """Return the true value of a target."""
        where = self.ds["truth"].isel(condition=condition)
        return float(where.sel(term=term, target=target))

    def limit(self, estimator: str, *, condition: int = 0, term: str = "slope") -> float:
        """Return what an estimator converges to."""
        where = self.ds["limit"].isel(condition=condition)
        return float(where.sel(estimator=estimator, term=term))

    def lambda_(self, estimator: str, condition: int) -> Number:
        """Return λ: the part of the way from β_W to β_B that an estimator's slope has gone."""
        bias = self.number("bias", estimator, condition=condition)
        gap = self.truth("beta_between", condition=condition) - self.truth(condition=condition)
        return Number(f"λ of {label(estimator)}", bias.value / gap, bias.mcse / abs(gap))

    @property
    def conditions(self) -> range:
        """Positions of the conditions."""
        return range(self.ds.sizes["condition"])

    @property
    def places(self) -> Places:
        """The base condition of the study, and its sweeps."""
        return places(self.measures, config_of(self.measures))

    def levels(self, factor: str) -> list[float]:
        """Return the level of a factor in each condition, numbers all."""
        return [float(level) for level in self.ds[factor].values]


def measured(study: Study) -> Measured:
    """Run a study and measure its estimators."""
    ds = simlab.run(study)
    return Measured(ds, simlab.measure(ds))


def plus_minus(number: Number, spec: str = ".2f") -> str:
    """Write a number with its Monte Carlo standard error, to the same digit."""
    return f"{number:{spec}} ± {Number('', number.mcse):{spec.lstrip('+')}}"


@dataclass(frozen=True, slots=True)
class Demo(Generic[Result]):
    """A demonstration."""

    find: Callable[[Study], Result]  # run the study and measure: all the numbers there are
    table: Callable[[Result], Table | Printable]  # those numbers that a reader should see
    draw: Callable[[Result], Figure]  # the figure
    # what to notice; each sentence is a `claims.claim`, so it raises ClaimError when untrue
    notice: Callable[[Result], list[str]]
    # instead of the study's own number, where that would take more than seconds
    replicates: int | None = None


def prepared(
    demo: Demo[Result], study: Study, replicates: int | None = None, seed: int | None = None
) -> Study:
    """Return the study with as many replicates as asked for, else as the demonstration wants."""
    wanted = {"replicates": demo.replicates if replicates is None else replicates, "seed": seed}
    changes = {name: value for name, value in wanted.items() if value is not None}
    return study.replace(**changes) if changes else study


def show(demo: Demo[Result], name: str, words: tuple[str, str], study: Study, out: Path) -> None:
    """Print a demonstration's question, its table and what to notice, and save its figure.

    A UsageError if the figure cannot be written, a ClaimError if the numbers do not bear out what
    is said of them.
    """
    picture = out / f"demo_{name}.png"
    check_picture(picture)
    paragraphs = "\n\n".join(words).split("\n\n")
    _say(*(Paragraph(" ".join(text.split()), indent="") for text in paragraphs))
    result = demo.find(study)
    table = demo.table(result)
    _say(*([table] if isinstance(table, Table) else table.parts()))
    try:
        out.mkdir(parents=True, exist_ok=True)
        demo.draw(result).savefig(picture, dpi=100)
    except OSError as error:
        raise UsageError(f"{picture}: cannot be written ({error.strerror})") from None
    _say(Paragraph(f"{study.replicates:,} replicates, seed {study.seed}; figure: {picture}"))
    try:
        sentences = demo.notice(result)
    except ClaimError as error:
        hint = f"{study.replicates:,} replicates may be too few, or the population is another one"
        raise ClaimError(f"{name}: {error}; {hint}") from None
    conclusions: list[Part] = [Paragraph(s, f"{i}. ", "   ") for i, s in enumerate(sentences, 1)]
    print(parts_text([Heading("What to notice"), conclusions]))


def _say(*parts: Part | list[Part]) -> None:
    """Print parts that others will follow."""
    print(parts_text(parts), end="\n\n")


def check_picture(file: Path) -> None:
    """Refuse to draw over a picture, or anything else, that simlab did not draw."""
    there = present(file)
    if there is not None and b"Software\0Matplotlib" not in there[:4096]:
        raise UsageError(f"{file}: was not drawn by simlab; move it away, or name another --out")
