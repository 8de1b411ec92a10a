"""Unkind data sets, the models inside one another that are fitted to them, and what must hold.

Invariants that need no reference: the likelihood of a model is not below that of any model that
sets some of its variances to 0, wherever the covariates begin and whatever their scale; and it does
not change with what leaves the model alone: origin and scale of a covariate in `|`, scale in `||`,
the reference level of a factor, the order of terms.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from simlab.data import DataError
from simlab.fitting.errors import FitWarning
from simlab.fitting.model import fit

ORIGINS = (0.0, 0.0, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6)  # in standard deviations of x
TOLERANCE = 1e-6
"""By which a log-likelihood may be below another: a minimum is found to 1e-9, and 1e-10 of its
size is rounding where covariates have lost ten of their sixteen digits to their origin."""

ALL_SUBSETS = 4  # random effects up to which all models inside are fitted


def worse(a: float, b: float) -> bool:
    """Whether log-likelihood a is below b by more than rounding."""
    return not a >= b - TOLERANCE * max(1.0, 1e-3 * abs(b))


class Sample(NamedTuple):
    """A data set, with what it is fitted by.

    Attributes
    ----------
    frame : pd.DataFrame
        Columns y, g, x0, x1, …, and a factor f.
    covariates : tuple of str
        Those that may be random.
    fixed : str
        The fixed part.
    method : str
        REML or ML.
    origin, scale : float
        Of the covariates.
    """

    frame: pd.DataFrame
    covariates: tuple[str, ...]
    fixed: str
    method: str
    origin: float
    scale: float


@dataclass
class Outcome:
    """Fits that were made of some data sets, and which invariants did not hold.

    Of a fit that says itself that its likelihood means nothing, since within each cluster the model
    is exact, or that it has not converged, nothing is asked.
    """

    fits: int = 0
    refused: int = 0
    exact: int = 0
    unconverged: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Add what came of other data sets."""
        self.fits += other.fits
        self.refused += other.refused
        self.exact += other.exact
        self.unconverged += other.unconverged
        self.failures += other.failures


def sample(seed: int, most: int) -> Sample:
    """Draw a data set with at most `most` random effects beside the intercept."""
    rng = np.random.default_rng([20261129, seed])
    J = int(rng.choice([4, 6, 10, 20, 40, 60]))
    n = np.maximum(rng.poisson(rng.choice([3, 5, 8, 15, 30]), J), 1)
    if rng.random() < 0.15:  # one cluster has half of the rows
        n[0] = n[1:].sum()
    g = np.repeat(np.arange(J), n)
    N = len(g)
    r = int(rng.integers(1, most + 1))
    origin, scale = float(rng.choice(ORIGINS)), float(10.0 ** rng.uniform(-4, 6))
    between = rng.choice([0.0, 0.3, 1.0, 3.0])
    x = between * rng.standard_normal((J, r))[g] + rng.standard_normal((N, r))
    sd = np.where(rng.random(r + 1) < 0.35, 0.0, rng.lognormal(-0.5, 1.2, r + 1))
    u = rng.standard_normal((J, r + 1))
    if rng.random() < 0.3:
        u = u @ rng.standard_normal((r + 1, r + 1))
    u *= sd
    y = u[g, 0] + (u[g, 1:] * x).sum(axis=1) + rng.standard_normal(N)
    y += x.sum(axis=1) * rng.choice([0, 1]) + rng.choice([0.0, 3.0, 1e3])
    if rng.random() < 0.2:  # lines that meet at 0, not in the middle of the data
        y += origin * u[g, 1]
    y *= 10.0 ** rng.uniform(-3, 3)
    names = tuple(f"x{i}" for i in range(r))
    columns = {name: scale * (x[:, i] + origin) for i, name in enumerate(names)}
    frame = pd.DataFrame({"y": y, "g": g, "f": rng.choice(list("abc"), N), **columns})
    intercept = rng.random() < 0.75
    chosen = [name for name in names if rng.random() < 0.7]
    fixed = " + ".join(["1" if intercept or not chosen else "0", *chosen])
    return Sample(frame, names, fixed, "REML" if rng.random() < 0.5 else "ML", origin, scale)


def bar(effects: tuple[str, ...], independent: bool) -> str:
    """Write a bar for some effects, of which "1" is the intercept."""
    others = [name for name in effects if name != "1"]
    inside = " + ".join(["1" if "1" in effects else "0", *others])
    return f"({inside} {'||' if independent and len(effects) > 1 else '|'} g)"


class Fits:
    """Log-likelihoods of models of one data set, each fitted once."""

    def __init__(self, data: Sample, outcome: Outcome):
        self.data, self.outcome = data, outcome
        self.known: dict[str, tuple[float, float]] = {}

    def __call__(self, random: str) -> tuple[float, float]:
        """Log-likelihood, and that with G = 0, as `loglik`; NaN where the model is refused."""
        if random not in self.known:
            formula = f"y ~ {self.data.fixed} + {random}"
            result = loglik(formula, self.data.frame, self.data.method, self.outcome)
            self.known[random] = result
        return self.known[random]


def loglik(formula: str, frame: pd.DataFrame, method: str, to: Outcome) -> tuple[float, float]:
    """Log-likelihood of a model, and that with G = 0; inf where a fit says not to trust it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        try:
            fitted = fit(formula, frame, method)  # type: ignore[arg-type]
        except DataError:
            to.refused += 1
            return np.nan, np.nan
    to.fits += 1
    if any(note.startswith("no residual variance") for note in fitted.notes):
        to.exact += 1
        return np.inf, np.inf
    if not fitted.converged:
        to.unconverged.append(f"{method}, {formula}: {fitted.loglik:.7f}, {fitted.notes[-1]}")
        return np.inf, np.inf
    return fitted.loglik, fitted.loglik_ols


def inside(effects: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Proper subsets of the effects: all, or those that lack one where there are many."""
    many = len(effects) > ALL_SUBSETS
    for size in range(len(effects) - 1 if many else 1, len(effects)):
        yield from itertools.combinations(effects, size)


def check_nested(seed: int, most: int, to: Outcome) -> None:
    """Fit every model of a data set, and compare it with those inside."""
    data = sample(seed, most)
    fits, effects = Fits(data, to), ("1", *data.covariates)
    for independent in (True, False):
        for size in range(1, len(effects) + 1):
            for chosen in itertools.combinations(effects, size):
                large = bar(chosen, independent)
                value, without = fits(large)
                others = {bar(some, independent): fits(bar(some, independent))[0]
                          for some in inside(chosen)}  # fmt: skip
                if not independent:
                    others[bar(chosen, True)] = fits(bar(chosen, True))[0]
                for small, least in {"G = 0": without, **others}.items():
                    if np.isfinite(value + least) and worse(value, least):
                        to.failures.append(
                            f"seed {seed}, {data.method}, y ~ {data.fixed} + {large}: "
                            f"{value:.7f}, and {small}: {least:.7f}; x from {data.origin:g}"
                        )


def check_same(seed: int, most: int, to: Outcome) -> None:
    """Fit models that are one model, written or measured in different ways."""
    data = sample(seed, most)
    frame, names, method = data.frame, data.covariates, data.method
    moved = frame.assign(**{name: frame[name] - data.scale * data.origin for name in names})
    scaled = frame.assign(**{name: frame[name] / data.scale for name in names})
    turned, levels = " + ".join(reversed(names)), "abc"
    other = frame.assign(f=frame["f"].map(dict(zip(levels, "cab", strict=True))))
    x = " + ".join(names)
    width = len(names) * np.log(data.scale) if method == "REML" else 0.0
    for sign in ("|", "||"):
        one = f"y ~ {x} + (1 + {x} {sign} g)"
        first = loglik(one, frame, method, to)[0]
        same = {
            "scale": loglik(one, scaled, method, to)[0] - width,
            "order": loglik(f"y ~ {turned} + ({turned} + 1 {sign} g)", frame, method, to)[0],
        }
        if sign == "|":
            same["origin"] = loglik(one, moved, method, to)[0]
        _compare(seed, one, first, same, data, to)
    one = "y ~ f + (f | g)"
    levels_first = loglik(one, frame, method, to)[0]
    _compare(seed, one, levels_first, {"levels": loglik(one, other, method, to)[0]}, data, to)


def _compare(
    seed: int, formula: str, first: float, same: dict[str, float], data: Sample, to: Outcome
) -> None:
    for what, value in same.items():
        if np.isinf(first) or np.isinf(value) or (np.isnan(first) and np.isnan(value)):
            continue
        if worse(first, value) or worse(value, first):
            to.failures.append(
                f"seed {seed}, {data.method}, {formula}: {first:.7f}, with another {what} "
                f"{value:.7f}; x from {data.origin:g}, scale {data.scale:.2g}"
            )
