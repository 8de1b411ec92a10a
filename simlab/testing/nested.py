"""A fitted null model inside a fitted alternative, and draws of their likelihood ratio."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from simlab.fitting.anova import IN_SPAN, at_boundary, combination
from simlab.fitting.result import MixedFit
from simlab.formula.nodes import listed
from simlab.moments import Floats
from simlab.testing.draws import NULL_DRAWS, Progress, in_chunks, join
from simlab.testing.likelihood_ratio import TIE, Restriction
from simlab.testing.monte_carlo import until_reached

SHOWN = 4  # parameters that are listed by name
LEFT_OUT = "rows left out"  # in a note of a fit: one about its data


class NestedFits(NamedTuple):
    """A null model inside an alternative, of the same rows, by the same method."""

    null: MixedFit  # if `linear`, with G = 0
    linear: bool  # whether the null model has no random effects
    alternative: MixedFit

    @property
    def gain(self) -> float:
        """D₀ − D₁, how much better the alternative fits; below 0 only if its search failed."""
        return self.null.deviance - self.alternative.deviance

    @property
    def statistic(self) -> float:
        """Likelihood-ratio statistic T, which is the gain; 0 where that is rounding."""
        return self.gain if self.gain > TIE else 0.0

    @property
    def null_random(self) -> tuple[str, ...]:
        """Random effects of the null model."""
        return () if self.linear else self.null.design.random_names

    @property
    def restriction(self) -> Restriction:
        """Parameters that the alternative has more."""
        null, large = self.null, self.alternative
        return Restriction(
            df=large.npar - (len(null.gamma) + 1 if self.linear else null.npar),
            fixed=len(large.gamma) - len(null.gamma),
            random=len(large.design.random) if self.linear else at_boundary(null, large),
        )

    @property
    def new_effect(self) -> int | None:
        """Place among the random effects of the alternative of the one that is added, if it is one.

        None also if the null model's random effects are combinations of all of them.
        """
        if len(self.alternative.design.random) != len(self.null_random) + 1:
            return None
        Z = self.alternative.design.Z
        C = None if self.linear else combination(self.null.design.Z, Z)
        unused = [a for a in range(Z.shape[1]) if C is None or np.abs(C[a]).max() <= IN_SPAN]
        return unused[0] if len(unused) == 1 else None

    @property
    def contrasts(self) -> Floats:
        """L, (q, p), with Lγ = 0 where the null model holds: X₀ = XC, and LC = 0."""
        X = self.alternative.design.X
        C = combination(self.null.design.X, X)
        assert C is not None
        L: Floats = np.linalg.svd(C)[0][:, C.shape[1] :].T * np.linalg.norm(X, axis=0)
        return L

    @property
    def statement(self) -> str:
        """Null hypothesis in words: ``"ses:sectorPublic = 0"``."""
        df, q, _ = self.restriction
        known = set(self.null.design.fixed_names)
        fixed = [name for name in self.alternative.design.fixed_names if name not in known]
        in_G = [] if self.linear else _entries(self.null)
        random = [name for name in _entries(self.alternative) if name not in in_G]
        return " = ".join(
            [
                *_listed(fixed, q, "contrast{s} of the fixed effects"),
                *_listed(random, df - q, self._of_G(random)),
                "0",
            ]
        )

    def _of_G(self, names: list[str]) -> str:
        """What is tested of G, where it is not these of its entries."""
        if len(self.alternative.clusters.identification.flat) and len(names) <= SHOWN:
            return "combination{s} of " + listed(names)
        return "parameter{s} of G"

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes of the fits, those about the data first and once."""
        null, large = self.null.notes, self.alternative.notes
        of_data = [note for note in large if LEFT_OUT in note]
        of_null = [f"null model: {note}" for note in null if LEFT_OUT not in note]
        of_large = [f"alternative: {note}" for note in large if LEFT_OUT not in note]
        return (*of_data, *of_null, *of_large)


def null_draws(
    tests: Sequence[NestedFits],
    draws: int,
    seed: int,
    jobs: int,
    stop: int | None = None,
    progress: Progress | None = None,
) -> Floats:
    """Draw from the null model of all tests, and refit it and all alternatives to every draw.

    Returns T* = D₀* − D₁* ≥ 0, (B, M); NaN where a fit did not converge, or the alternative fits
    worse. With `stop`, the draw in which T* of the first test reaches T for that time is the last.
    """
    first = tests[0]
    joint = join([first.null, *(one.alternative for one in tests)], null=first.linear)
    if progress is not None:
        progress.start(draws, 0)
    chunks = in_chunks(joint.null_statistics, draws, seed, NULL_DRAWS, jobs)
    parts = []
    for part in until_reached(chunks, draws, first.statistic, stop):
        parts.append(part)
        if progress is not None:
            progress.advance(len(part), int(np.isnan(part).any(axis=1).sum()))
    return np.concatenate(parts)


def _entries(fit: MixedFit) -> list[str]:
    """Names of the free entries of G, variances first; the covariance of a and b has one name."""
    names = ["Intercept" if n == "(Intercept)" else n for n in fit.design.random_names]
    free = fit.optimum.free
    pairs = [sorted((names[a], names[b])) for a, b in free if a != b]
    return [f"Var({names[a]})" for a, b in free if a == b] + [f"Cov({a}, {b})" for a, b in pairs]


def _listed(names: list[str], n: int, otherwise: str) -> list[str]:
    """Return n names; a count of them where they are many, or the models are coded apart."""
    return names if len(names) == n <= SHOWN else [f"{n} {otherwise.format(s='s' * (n > 1))}"]
